"""What a study asks: its benchmarks by the way their answers are judged, and their names."""

from dataclasses import dataclass

from recipe_kit.page import numbers
from recipe_kit.page.curves import in_pool_order
from recipe_kit.page.figures import evaluations
from recipe_kit.page.markdown import Md, code, link, text
from recipe_kit.record.schemas import Metric, ModelFacts, Record, TaskScores
from recipe_kit.spec.tasks import headline

CAPTION, CHOICE, OPEN = "caption", "choice", "open"
_METHODS = {CAPTION: "bleu", CHOICE: "mcq", OPEN: "lingo_judge"}


@dataclass(frozen=True)
class Place:
    """One task of one benchmark."""

    benchmark: str
    task: str
    family: str  # "caption", "choice" (whatever has choices) or "open"
    metric: str  # that it is told by
    lingoqa: bool = False
    only: bool = True  # of its family

    @property
    def key(self) -> str:
        """As figures are named."""
        return f"{self.benchmark}.{self.task}"

    @property
    def method(self) -> str:
        """As the prose names it."""
        return _METHODS[self.family]

    @property
    def name(self) -> str:
        """What the page calls it."""
        named = {CAPTION: "BLEU", CHOICE: "MCQ-based VQA",
                 OPEN: "LingoQA" if self.lingoqa else "Open Questions"}[self.family]
        return named if self.only else f"{named}, {self.benchmark}"

    @property
    def title(self) -> str:
        """Heading of its method."""
        named = {CAPTION: "BLEU Score", CHOICE: "MCQ-based VQA",
                 OPEN: "LingoQA Benchmark" if self.lingoqa else "Open Questions"}[self.family]
        return named if self.only else f"{named}: {self.benchmark}"


def places(record: Record, order: tuple[str, ...] = (CAPTION, CHOICE, OPEN)) -> list[Place]:
    """Every task of every benchmark, by family in the given order."""
    found: list[Place] = []
    for name, facts in record.benchmarks.items():
        for task in facts.tasks:
            kind = record.spec["tasks"][task]["type"]
            family = kind if kind in (CAPTION, OPEN) else CHOICE
            lingoqa = any(
                record.spec["data"]["sources"].get(source, {}).get("format") == "lingoqa"
                for source in sources_of(record, name)
            )
            found.append(Place(name, task, family, headline(kind), lingoqa))
    families = [one.family for one in found]
    named = [
        Place(one.benchmark, one.task, one.family, one.metric, one.lingoqa,
              families.count(one.family) == 1)
        for one in found
    ]
    return sorted(named, key=lambda one: order.index(one.family))


def sources_of(record: Record, benchmark: str) -> tuple[str, ...]:
    """The sources that a benchmark asks about."""
    spec = record.spec["benchmarks"][benchmark]
    return tuple(spec["sources"] or record.spec["data"]["splits"][spec["split"]])


def scores_of(record: Record, place: Place, role: str = "base") -> TaskScores | None:
    """One model's scores there; None if it was not asked."""
    found = evaluations(record, place.benchmark).get(role)
    return found.tasks.get(place.task) if found else None


def metric_of(record: Record, place: Place, role: str = "base") -> Metric | None:
    """The metric that the place is told by."""
    scores = scores_of(record, place, role)
    return scores.metrics.get(place.metric) if scores else None


def models(record: Record) -> dict[str, ModelFacts]:
    """Every model that was asked zero-shot, by role; the base model first."""
    return {"base": record.model, **record.models}


def categories(record: Record, place: Place) -> list[str]:
    """The categories of a benchmark, in the order of its pool where it has one."""
    scores = scores_of(record, place)
    found = list(scores.slices.get("category", {})) if scores else []
    return in_pool_order(record, place.benchmark, found)


def videos(record: Record, place: Place) -> int:
    """How many videos are asked about."""
    scores = scores_of(record, place)
    if scores and scores.per_video:
        return scores.per_video.videos
    return record.benchmarks[place.benchmark].samples


def medium(record: Record, place: Place) -> str:
    """What is asked about: `video`, `image` or `sample`."""
    kinds = {
        record.data.sources[name].media_type
        for name in sources_of(record, place.benchmark) if name in record.data.sources
    }
    return kinds.pop() if kinds in ({"video"}, {"image"}) else "sample"


def value(place: Place, metric: Metric | None) -> str:
    """The metric of a place as it is written."""
    return "–" if metric is None else numbers.value(place.metric, metric.value)


def shown(place: Place, metric: Metric | None) -> str:
    """The metric of a place with its interval."""
    return "–" if metric is None else numbers.with_interval(place.metric, metric)


def joined(items: list[str], last: str = "and") -> Md:
    """`a, b and c`."""
    if len(items) < 2:
        return Md("".join(items))
    return Md(f"{', '.join(items[:-1])} {last} {items[-1]}")


def title_of(facts: ModelFacts) -> Md:
    """A model's name, linked where it is one on the hub."""
    if facts.embedded or facts.name.count("/") != 1 or facts.name.startswith((".", "/")):
        return text(facts.title)
    return link(facts.title, f"https://huggingface.co/{facts.name}")


def named(place: Place) -> Md:
    """Name of a place with its benchmark in code."""
    return Md(f"{text(place.name)} ({code(place.benchmark)})")
