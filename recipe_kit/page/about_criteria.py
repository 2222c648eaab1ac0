"""Success criteria: what was asked for, and whether it was reached."""

from recipe_kit.page import numbers, words
from recipe_kit.page.figures import main_scores
from recipe_kit.page.markdown import Md, bullets, code, table, text
from recipe_kit.record.schemas import CriterionResult, Metric, Record

_WHY = {
    "met": "the whole interval reaches it",
    "not met": "the whole interval falls short of it",
    "undecided": "the interval holds it, so these questions are too few to tell",
}


def criteria(record: Record) -> Md:
    """Each target, its scores, and what came of it; the gate's targets where no other is set."""
    if not record.criteria:
        return _of_gate(record)
    return Md("".join(
        f"- **Target {at}:** {_criterion(record, one)}\n"
        for at, one in enumerate(record.criteria, start=1)
    ))


def _goal(benchmark: str, task: str, metric: str, comparison: str, threshold: float) -> str:
    name = numbers.title(metric)
    return (
        f"{name} of {comparison} {numbers.threshold(metric, threshold)} on {benchmark}{code(task)}"
    )


def _criterion(record: Record, one: CriterionResult) -> str:
    several = f"{code(one.benchmark)} · " if len(record.benchmarks) > 1 else ""
    goal = _goal(several, one.task, one.metric, one.comparison, one.threshold)
    where = f", category {code(one.category)}" if one.category else ""
    return f"{goal}{where}. {_scores(record, one.metric, one.before, one.after)}: {_verdict(one)}."


def _scores(record: Record, metric: str, before: Metric, after: Metric | None) -> str:
    said = f"Zero-shot {numbers.value(metric, before.value)}"
    if after is None:
        return f"{said} ({_interval(metric, before)})"
    return (
        f"{said}, after {words.training_word(record)} {numbers.value(metric, after.value)} "
        f"({_interval(metric, after)})"
    )


def _interval(metric: str, found: Metric) -> str:
    return f"95% interval {numbers.metric_interval(metric, found)}, n = {numbers.num(found.n)}"


def _verdict(one: CriterionResult) -> str:
    return f"**{text(one.verdict)}** ({_WHY[one.verdict]})"


def _of_gate(record: Record) -> Md:
    items = []
    for at, target in enumerate(record.gate.targets, start=1):
        several = f"{code(record.gate.benchmark)} · " if len(record.benchmarks) > 1 else ""
        goal = _goal(several, target.task, target.metric, target.comparison, target.threshold)
        after = None
        tuned = main_scores(record, record.gate.benchmark, target.task).get("tuned")
        if tuned is not None:
            after = tuned.metrics.get(target.metric)
        met = "met by the base model" if target.met else "not met by the base model"
        said = f"{_scores(record, target.metric, target.score, after)}"
        items.append(Md(f"**Target {at}:** {goal}. {said}; {met}."))
    return bullets(items)


def verdicts(record: Record) -> Md:
    """Every criterion with its scores and verdict, as a table; empty when none was set."""
    heads = words.columns(record)
    rows = []
    for at, one in enumerate(record.criteria, start=1):
        judged = one.after or one.before
        sign = "≥" if one.comparison == "at least" else "≤"
        where = f" ({text(one.category)})" if one.category else ""
        cells: list[object] = [
            Md(f"Target {at}: {numbers.title(one.metric)} on {code(one.task)}{where}"),
            f"{sign} {numbers.threshold(one.metric, one.threshold)}",
            numbers.value(one.metric, one.before.value),
        ]
        if record.training:
            cells.append(numbers.value(one.metric, one.after.value) if one.after else "–")
        cells.append(numbers.metric_interval(one.metric, judged))
        cells.append(one.verdict if one.verdict == "met" else Md(f"**{one.verdict}**"))
        rows.append(cells)
    trained = [heads["tuned"]] if record.training else []
    headers = ["Target", "Wanted", heads["base"], *trained, "95% interval", "Verdict"]
    return table(headers, rows, "lrr" + "r" * len(trained) + "rl")
