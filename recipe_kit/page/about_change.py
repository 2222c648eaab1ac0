"""What the page says about before and after: differences, slices, regressions."""

from recipe_kit.page import numbers, words
from recipe_kit.page.figures import evaluations
from recipe_kit.page.markdown import Md, bullets, code, table, text
from recipe_kit.record.schemas import (
    Comparison,
    Difference,
    Record,
    Regression,
    TaskComparison,
)


def main_comparisons(record: Record) -> dict[str, Comparison]:
    """Base against fine-tuned, by benchmark."""
    return {
        one.benchmark: one
        for one in record.comparisons
        if one.before == "base" and one.after == "tuned"
    }


def headline(record: Record) -> Md:
    """One line for each task: accuracy, or its other first score, before and after."""
    compared = main_comparisons(record)
    rows = []
    metrics = []
    for benchmark, facts in record.benchmarks.items():
        base = evaluations(record, benchmark)["base"]
        for task in facts.tasks:
            metric = words.metric_of(record, task)
            metrics.append(metric)
            accuracy = base.tasks[task].metrics[metric]
            name = task_name(record, benchmark, task)
            cells: list[object] = [Md(f"{name} (n = {numbers.num(accuracy.n)})")]
            comparison = compared.get(benchmark)
            if comparison is None:
                shown = numbers.metric_interval(metric, accuracy)
                cells += [numbers.value(metric, accuracy.value), shown]
            else:
                found = comparison.tasks[task].differences[metric]
                cells += [
                    numbers.value(metric, found.before), numbers.value(metric, found.after),
                    _change(found),
                ]
            rows.append(cells)
    scored = "Accuracy on" if set(metrics) == {"accuracy"} else "Score on"
    if not compared:
        heads = words.columns(record)
        return table([scored, heads["base"], "95% interval"], rows, "lrr")
    heads = words.columns(record)
    headers = [scored, heads["base"], heads["tuned"], "Difference (95% interval)"]
    return table(headers, rows, "lrrr")


def task_name(record: Record, benchmark: str, task: str) -> Md:
    """A task's name, with its benchmark's where there are several."""
    several = f"{code(benchmark)} · " if len(record.benchmarks) > 1 else ""
    return Md(f"{several}{code(task)}")


def _change(found: Difference) -> str:
    if found.low is None:
        return numbers.change_of(found.metric, found.difference)
    interval = numbers.interval_of_change(found.metric, found.low, found.high)
    return f"{numbers.change_of(found.metric, found.difference)} ({interval})"


def differences(record: Record, benchmark: str, task: str) -> Md:
    """The seed's table of metrics before and after, with what the difference is worth."""
    compared = main_comparisons(record)[benchmark].tasks[task]
    rows = []
    order = [name for name in numbers.METRICS if name in compared.differences]
    for name in order + [name for name in compared.differences if name not in order]:
        found = compared.differences[name]
        if name == "circular_accuracy" and found.after is None:
            continue  # the options were not turned
        rows.append(
            [
                numbers.title(name), numbers.value(name, found.before),
                numbers.value(name, found.after),
                numbers.change_of(name, found.difference),
                numbers.interval_of_change(name, found.low, found.high), beyond_noise(found),
            ]
        )
    headers = [
        "Metric", "Base Model", "Fine-Tuned Model", "Difference", "95% interval", "Beyond noise?"
    ]
    return table(headers, rows, "lrrrrl")


def beyond_noise(found: Difference) -> Md:
    """Whether a difference is beyond noise, and in which direction."""
    if found.difference is None or found.low is None:
        return Md(numbers.NOTHING)
    if found.better is None:
        return Md("no")
    return Md("yes, better") if found.better else Md("**yes, worse**")


def flips(record: Record, benchmark: str, task: str) -> Md:
    """How many answers were fixed and broken, and McNemar's test."""
    compared = main_comparisons(record)[benchmark].tasks[task]
    every = compared.fixed + compared.broken + compared.both_right + compared.both_wrong
    clear = compared.differences[words.metric_of(record, task)].better is not None
    # Both have to say so: McNemar's test knows of no groups, the interval of no small numbers.
    verdict = f". The change in accuracy is {'' if clear else 'not '}beyond noise."
    if not clear and compared.mcnemar_p < 0.05:
        verdict = (
            ", but the interval of the difference holds zero. The change in accuracy is not "
            "beyond noise."
        )
    return Md(
        f"Of {numbers.num(every)} answers, {numbers.were(compared.fixed)} fixed and "
        f"{numbers.were(compared.broken)} broken; {numbers.were(compared.both_right)} right and "
        f"{numbers.num(compared.both_wrong)} wrong both times. "
        f"{_test(compared)}: {numbers.p_value(compared.mcnemar_p)}{verdict}"
    )


def _test(compared: TaskComparison) -> str:
    """How the p-value of the answers was found."""
    accuracy = compared.differences.get("accuracy")
    named = accuracy.p_method if accuracy else ""
    return f"{named[0].upper()}{named[1:]}" if named else "McNemar's exact test"


def slice_changes(record: Record, benchmark: str, task: str) -> Md:
    """Accuracy of each slice before and after; p where it is known, adjusted for the others."""
    compared = main_comparisons(record)[benchmark].tasks[task]
    kept = {kind: values for kind, values in compared.slices.items() if len(values) > 1}
    tested = any(found.p is not None for values in kept.values() for found in values.values())
    tests = words.columns(record) is words.ROLE_COLUMNS
    rows = [
        [
            f"{kind}: {value}", numbers.num(found.n), numbers.value(found.metric, found.before),
            numbers.value(found.metric, found.after),
            numbers.change_of(found.metric, found.difference).removesuffix(" points"),
            numbers.interval_of_change(found.metric, found.low, found.high),
            *([numbers.p_of(found)] if tested else []),
            beyond_noise(found) if tests else worth(found),
        ]
        for kind, values in kept.items()
        for value, found in values.items()
    ]
    heads = words.columns(record)
    headers = [
        "Slice", "n", heads["base"], heads["tuned"], "Points", "95% interval",
        *(["p (Holm)"] if tested else []), "Beyond noise?" if tests else "Verdict",
    ]
    return table(headers, rows, "lrrrrr" + "r" * tested + "l")


def worth(found: Difference) -> Md:
    """The verdict of a difference; what got worse is in bold."""
    said = numbers.verdict(found)
    return Md(f"**{said}**" if said == "worse" else said)


def regressions(record: Record, after: str = "tuned") -> Md:
    """Everything that got worse, one line each; empty when nothing did."""
    every = [
        item
        for comparison in record.comparisons
        if comparison.before == "base" and comparison.after == after
        for item in comparison.regressions
    ]
    return bullets(_regression(record, item) for item in every)


def _regression(record: Record, item: Regression) -> Md:
    worth = "beyond noise" if item.significant else "within noise"
    change = numbers.change_of(item.metric, item.after - item.before)
    return Md(
        f"{task_name(record, item.benchmark, item.task)}, {text(item.where)}: "
        f"{numbers.title(item.metric)} {numbers.value(item.metric, item.before)} → "
        f"{numbers.value(item.metric, item.after)} ({change}, n = {numbers.num(item.n)}, {worth})"
    )


def verdict(record: Record) -> str:
    """What fine-tuning did to the headline score: `better`, `worse`, `unclear`, or `none`."""
    benchmark = next(iter(record.benchmarks))
    comparison = main_comparisons(record).get(benchmark)
    if comparison is None:
        return "none"
    task = record.benchmarks[benchmark].primary
    found = comparison.tasks[task].differences[words.metric_of(record, task)]
    if found.better is None:
        return "unclear"
    return "better" if found.better else "worse"
