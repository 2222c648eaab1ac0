"""The numbers of a record that a sentence could be about, and how each is written."""

from dataclasses import dataclass

from recipe_kit.page import numbers
from recipe_kit.page.named import Number, Value
from recipe_kit.page.names import names
from recipe_kit.page.sentences import Typed
from recipe_kit.page.words import metric_of
from recipe_kit.record.schemas import Record


@dataclass(frozen=True)
class Candidate:
    """A number of the record that a sentence could be about."""

    name: str
    value: float
    metric: str
    unit: str
    """`percent` for a share, `points` for a change of one, else `decimal`; `p`."""
    role: str = ""
    benchmark: str = ""
    task: str = ""
    slice: tuple[str, str] | None = None
    looking: str = ""
    low: float | None = None
    high: float | None = None
    primary: bool = False
    """Of the benchmark's first task."""
    first: bool = True
    """In the metric that its task is told by first."""

    def written(self, unit: str, digits: int) -> str:
        """The value as the author would have typed it."""
        return _written(self.value, unit, digits)

    def spans(self, typed: Typed) -> bool:
        """Whether a range that was typed is the interval of this number."""
        if self.low is None or self.high is None:
            return False
        if typed.digits < (2 if typed.unit == "decimal" else 1):
            return False
        low = _written(self.low, typed.unit, typed.digits)
        return (low, _written(self.high, typed.unit, typed.digits)) == (typed.bare, typed.high)

    def quoted(self, typed: Typed) -> str:
        """How prose takes it from the record."""
        digits = typed.digits
        if typed.unit == "decimal" and self.unit == "percent":
            digits = max(0, digits - 2)
        name, given = self.name, "" if digits == 1 else f"({digits})"
        match self.unit:
            case "percent":
                return f"{{{{ {name} | pct{given} }}}}"
            case "points":
                return f"{{{{ {name} | points{given} }}}}"
            case "p":
                return f"{{{{ {name} | p }}}}"
        return f"{{{{ {name} | num({digits}) }}}}"

    def shown(self) -> str:
        """The value as the page writes it."""
        match self.unit:
            case "percent":
                return numbers.pct(self.value)
            case "points":
                return numbers.points(self.value)
            case "p":
                return numbers.p_value(self.value)
        return numbers.num(self.value, 3)


def candidates(record: Record) -> list[Candidate]:
    """Scores and changes of the record by name; without their intervals."""
    found = []
    for name, (value, _) in names(record).items():
        one = _candidate(record, name.split("."), name, value)
        if one is not None:
            found.append(one)
    return found


def _candidate(record: Record, parts: list[str], name: str, value: Value) -> Candidate | None:
    if parts[0] not in record.benchmarks or len(parts) < 3:
        return None
    benchmark, role, *rest = parts
    role = "change" if role.endswith("change") else role
    facts = record.benchmarks[benchmark]
    task = rest.pop(0) if rest[0] in facts.tasks and len(rest) > 1 else facts.primary
    if rest[-1] in ("p", "mcnemar_p") and isinstance(value, float):
        if len(rest) > 2:
            return None
        return Candidate(name, value, "accuracy", "p", role, benchmark, task,
                          primary=task == facts.primary)
    if not isinstance(value, Number) or value.value is None or len(rest) not in (1, 3):
        return None
    share = value.metric in numbers.SHARES
    unit = ("points" if value.is_change else "percent") if share else "decimal"
    if value.is_change and not share:
        return None
    looking = rest[0] if len(rest) == 1 and rest[0] != value.metric else ""
    return Candidate(
        name, value.value, value.metric, unit, role, benchmark, task,
        (rest[0], rest[1]) if len(rest) == 3 else None, looking, value.low, value.high,
        task == facts.primary, task in facts.tasks and metric_of(record, task) == value.metric,
    )


def _written(value: float, unit: str, digits: int) -> str:
    return f"{abs(value) * (100 if unit in ('percent', 'points') else 1):.{digits}f}"
