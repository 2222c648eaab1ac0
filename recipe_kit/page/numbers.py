"""How numbers are written: one place, so that a page cannot write one number in two ways."""

from typing import Final

from recipe_kit.record.schemas import Difference, Metric

NOTHING: Final = "n/a"

# Metric → (name, description). "Share" metrics are written in percent, the others as numbers.
METRICS: Final[dict[str, tuple[str, str]]] = {
    "accuracy": ("Accuracy", "Correct classification rate"),
    "balanced_accuracy": ("Balanced accuracy", "Mean of the recall of each answer"),
    "precision": ("Precision", "Share of hazard alarms that are right"),
    "recall": ("Recall", "Share of hazards that are found"),
    "f1": ("F1", "Harmonic mean of precision and recall on the hazard answer"),
    "within_one": ("Within ±1", "Share of ratings at most one point off"),
    "mae": ("Mean absolute error", "Average distance from the true rating, in points"),
    "quadratic_kappa": (
        "Quadratic-weighted kappa", "Agreement beyond chance; 1 is perfect, 0 is chance",
    ),
    "circular_accuracy": (
        "Circular accuracy", "Share of questions that are right in every rotation of the options",
    ),
    "unparseable": ("Unparseable", "Answers that could not be read; they count as wrong"),
    "auroc": ("AUROC", "How well the probability ranks hazards first; 0.5 is chance"),
    "ece": ("Calibration error (ECE)", "Average gap of confidence and accuracy; 0 is best"),
    "brier": ("Brier score", "Squared error of the probabilities; 0 is best"),
    "bleu": ("BLEU", "Overlap of words and word groups with the reference, from 0 to 1"),
    "lingo_judge": ("Lingo-Judge", "Share of answers that the judge calls right"),
}
SHARES: Final = frozenset(
    {
        "accuracy", "balanced_accuracy", "circular_accuracy", "precision", "recall", "f1",
        "within_one", "unparseable", "lingo_judge",
    }
)
UNCERTAINTY: Final = ("ece", "brier", "auroc")


def title(metric: str) -> str:
    """The name of a metric on the page."""
    return METRICS.get(metric, (metric.replace("_", " "), ""))[0]


def in_a_sentence(metric: str) -> str:
    """The name of a metric amid a sentence: `accuracy`, but `F1` and `Brier score`."""
    shown = title(metric)
    named = shown[:2].isupper() or metric in ("brier", "lingo_judge")
    return shown if named else shown[0].lower() + shown[1:]


def pct(value: float | None, digits: int = 1) -> str:
    """A share as percent: `85.2%`."""
    return NOTHING if value is None else f"{value * 100:.{digits}f}%"


def num(value: float | None, digits: int = 2) -> str:
    """A number: `0.42`; whole numbers as `2,400`."""
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def points(value: float | None, digits: int = 1) -> str:
    """A difference of two shares, in percentage points: `+12.3 points`."""
    return NOTHING if value is None else f"{signed(value * 100, digits)} points"


def signed(value: float, digits: int) -> str:
    """A number with its sign; a true minus, and no sign when it rounds to nothing."""
    shown = f"{value:+,.{digits}f}"
    bare = shown[1:]
    return bare if float(bare.replace(",", "")) == 0 else shown.replace("-", "\N{MINUS SIGN}")


def p_value(value: float | None) -> str:
    """A p-value: `p = 0.40`, or `p < 0.001`."""
    if value is None:
        return NOTHING
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def value(metric: str, number: float | None) -> str:
    """A metric's value, in percent or as a number."""
    return pct(number) if metric in SHARES else num(number, 3 if metric != "mae" else 2)


def threshold(metric: str, number: float) -> str:
    """A target, with as many digits as it was set with: `90.0%`, `99.95%`."""
    scale, unit = (100, "%") if metric in SHARES else (1, "")
    exact = f"{number * scale:.10g}"
    digits = 2 if metric == "mae" else 1 if unit else 3
    if float(exact) == round(number * scale, digits):
        return value(metric, number)
    return exact.replace("-", "\N{MINUS SIGN}") + unit


def short_of(metric: str, number: float | None, target: float) -> str:
    """A score that missed a target, with the digits it takes to tell it from the target."""
    shown = value(metric, number)
    if number is None or shown != value(metric, target) or number == target:
        return shown
    scale, unit = (100, "%") if metric in SHARES else (1, "")
    for digits in range(2, 12):
        finer = f"{number * scale:.{digits}f}"
        if float(finer) != round(target * scale, digits):
            return finer.replace("-", "\N{MINUS SIGN}") + unit
    return shown


def interval(metric: str, low: float | None, high: float | None) -> str:
    """The ends of an interval: `81.0–88.6%`, `0.41–0.52`."""
    if low is None or high is None:
        return NOTHING
    if metric in SHARES:
        return f"{low * 100:.1f}–{high * 100:.1f}%"
    digits = 2 if metric == "mae" else 3
    joint = " to " if low < 0 else "–"
    return f"{num(low, digits)}{joint}{num(high, digits)}"


def metric_interval(metric: str, found: Metric) -> str:
    """The interval of a metric."""
    return interval(metric, found.low, found.high)


def with_interval(metric: str, found: Metric) -> str:
    """A metric and its interval: `85.2% (81.0–88.6%)`."""
    shown = value(metric, found.value)
    return shown if found.low is None else f"{shown} ({metric_interval(metric, found)})"


def change(found: Difference) -> str:
    """A difference with its unit: points for shares, a plain number otherwise."""
    return change_of(found.metric, found.difference)


def change_of(metric: str, difference: float | None) -> str:
    """A difference of the metric: `+12.3 points`, or `−0.41`."""
    if difference is None:
        return NOTHING
    if metric in SHARES:
        return points(difference)
    return signed(difference, 2 if metric == "mae" else 3)


def interval_of_change(metric: str, low: float | None, high: float | None) -> str:
    """The interval of a difference: `+8.1 to +16.4`."""
    if low is None or high is None:
        return NOTHING
    scale, digits = (100, 1) if metric in SHARES else (1, 2 if metric == "mae" else 3)
    return f"{signed(low * scale, digits)} to {signed(high * scale, digits)}"


def relative(before: float | None, after: float | None) -> str:
    """A change as a share of what was there before: `+71.4%`; nothing of nothing is `n/a`."""
    if before is None or after is None or before <= 0:
        return NOTHING
    return f"{signed((after - before) / before * 100, 1)}%"


def error_reduction(before: float | None, after: float | None) -> float | None:
    """The share of the errors that is gone; negative where there are more. None without errors."""
    if before is None or after is None or before >= 1:
        return None
    return (after - before) / (1 - before)


def verdict(found: Difference) -> str:
    """What a difference is worth: `better`, `worse`, `within noise`, `unchanged`, or `n/a`."""
    if found.difference is None or found.before is None:
        return NOTHING
    if found.difference == 0:
        return "unchanged"
    if found.low is None and found.better is None:
        return NOTHING
    if found.better is None:
        return "within noise"
    return "better" if found.better else "worse"


def p_of(found: Difference) -> str:
    """The p-value of a difference as a table cell: adjusted where that was needed."""
    value = found.p if found.p_adjusted is None else found.p_adjusted
    return "–" if value is None else p_value(value).removeprefix("p = ").removeprefix("p ")


def were(number: int) -> str:
    """How many things were something: `1 was`, `1,205 were`."""
    return f"{num(number)} {'was' if number == 1 else 'were'}"


def counted(number: int, what: str) -> str:
    """A number of things: `1 image`, `1,205 images`."""
    return f"{num(number)} {what}{'' if number == 1 else 's'}"


def epochs(number: float) -> str:
    """A number of epochs: `1 epoch`, `2.5 epochs`."""
    return f"{number:g} epoch{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time span: `42 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: int) -> str:
    """A number of bytes: `12.4 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def count(number: int) -> str:
    """A large number in short: `5.8 M`, `2.1 B`."""
    for limit, unit in ((1e9, "B"), (1e6, "M")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return f"{number:,}"
