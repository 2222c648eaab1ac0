"""The zero-shot results with a note on what each number tells."""

from recipe_kit.page import numbers
from recipe_kit.page.about_choice import BASELINES
from recipe_kit.page.figures import main_scores
from recipe_kit.page.markdown import Md, table
from recipe_kit.record.schemas import Metric, Record, TaskScores

_ORDER = ("accuracy", "circular_accuracy", "balanced_accuracy", "precision", "recall", "f1",
          "within_one", "mae", "quadratic_kappa", "unparseable", "ece", "brier", "auroc")


def baseline_results(record: Record, benchmark: str, task: str) -> Md:
    """The seed's table Metric | Baseline Score | Notes, notes made from the numbers."""
    scores = main_scores(record, benchmark, task)["base"]
    rows = [
        [
            Md(f"**{numbers.title(name)}**"), numbers.with_interval(name, scores.metrics[name]),
            _note(record, benchmark, task, name, scores),
        ]
        for name in _ORDER
        if name in scores.metrics and scores.metrics[name].value is not None
    ]
    rows += [
        [
            title, numbers.with_interval("accuracy", scores.baselines[name]),
            f"{what}{_beside(name, scores)}",
        ]
        for name, (title, what) in BASELINES.items()
        if name in scores.baselines
    ]
    return table(["Metric", "Baseline Score", "Notes"], rows, "lrl")


def _note(record: Record, benchmark: str, task: str, name: str, scores: TaskScores) -> str:
    found = scores.metrics[name]
    said = numbers.METRICS.get(name, ("", ""))[1]
    if name == "accuracy":
        right = round((found.value or 0) * found.n)
        said = f"{numbers.num(right)} of {numbers.num(found.n)} answers right"
        said += against_chance(found, scores.baselines.get("chance"))
    elif name == "circular_accuracy":
        said = "Right in every rotation of the options"
        plain = scores.metrics["accuracy"].value
        if plain is not None and found.value is not None:
            below = numbers.points(plain - found.value).removeprefix("+")
            said += f"; {below} of the accuracy hang on their order" if plain > found.value else ""
    elif name == "unparseable":
        unread = round((found.value or 0) * found.n)
        said = (
            f"{numbers.num(unread)} of {numbers.num(found.n)} answers could not be read; they "
            "count as wrong"
            if unread
            else "Every answer could be read"
        )
    elif name == "ece":
        apart = numbers.points(found.value).removeprefix("+")
        said = f"Confidence and accuracy lie {apart} apart on average"
    return said + _target(record, benchmark, task, name)


def against_chance(accuracy: Metric, chance: Metric | None) -> str:
    """How an accuracy compares with guessing, from its interval: `; not told apart from ...`."""
    if chance is None or chance.value is None or accuracy.low is None or accuracy.high is None:
        return ""
    shown = f"guessing ({numbers.pct(chance.value)})"
    if accuracy.low > chance.value:
        return f"; better than {shown}"
    if accuracy.high < chance.value:
        return f"; worse than {shown}"
    return f"; cannot be told apart from {shown}"


def _target(record: Record, benchmark: str, task: str, metric: str) -> str:
    if record.gate.benchmark != benchmark:
        return ""
    for target in record.gate.targets:
        if (target.task, target.metric) == (task, metric):
            wanted = f"{target.comparison} {numbers.threshold(metric, target.threshold)}"
            return f"; {'meets' if target.met else 'misses'} the target of {wanted}"
    return ""


def _beside(name: str, scores: TaskScores) -> str:
    """What a score without looking says, beside the interval of chance."""
    found, chance = scores.baselines[name], scores.baselines.get("chance")
    if name == "chance" or chance is None or chance.high is None or chance.low is None:
        return ""
    if found.value is None:
        return ""
    if found.value > chance.high and scores.answerable_blind:
        return "; above what guessing gives, so part can be answered without looking"
    if found.value > chance.high:
        return "; above guessing, since some answers are commoner than others"
    if name != "blind":
        return "; no better than guessing"
    if found.value < chance.low:
        return "; below what guessing gives"
    return "; no better than guessing, so the picture is needed"
