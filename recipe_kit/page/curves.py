"""Plots of scores over the checkpoints of a training."""

from collections.abc import Iterator

from recipe_kit.errors import PageError
from recipe_kit.page import numbers
from recipe_kit.page.named import identifier
from recipe_kit.page.plot_kinds import CheckpointsPlot, Figure, StepBarsPlot
from recipe_kit.record.schemas import CheckpointTask, Metric, Record
from recipe_kit.spec.tasks import headline

MOST_STEPS = 12  # that the bars of a category have room for


def checkpoint_name(step: int) -> str:
    """What a checkpoint is called: `ckpt-250`, or `zero-shot` at step 0."""
    return f"ckpt-{step}" if step else "zero-shot"


def by_step(record: Record, benchmark: str, task: str) -> dict[int, CheckpointTask]:
    """One task's scores on the reported questions, by step; step 0 is the base model."""
    return {
        one.step: one.test[benchmark][task]
        for one in record.checkpoints
        if task in one.test.get(benchmark, {})
    }


def metric_by_step(record: Record, benchmark: str, task: str, metric: str) -> dict[int, Metric]:
    """One metric by step, where it is defined."""
    return {
        step: found.metrics[metric]
        for step, found in by_step(record, benchmark, task).items()
        if metric in found.metrics and found.metrics[metric].value is not None
    }


def in_pool_order(record: Record, benchmark: str, names: list[str]) -> list[str]:
    """Categories in the order of the benchmark's pool, where it has one."""
    built = record.benchmarks[benchmark].construction
    first = [name for name in built.categories if name in names] if built else []
    return first + [name for name in names if name not in first]


def checkpoint_curve(record: Record, benchmark: str, task: str, metric: str = "") -> Figure:
    """A metric over steps with its intervals, and the base model as a line.

    Args:
        record: The record.
        benchmark: A benchmark of it.
        task: A task of the benchmark.
        metric: The metric; the one that the task is told by when empty.

    Raises:
        PageError: No checkpoint has this metric.
    """
    if not metric and task in record.spec["tasks"]:
        metric = headline(record.spec["tasks"][task]["type"])
    found = metric_by_step(record, benchmark, task, metric)
    trained = {step: one for step, one in found.items() if step}
    if not trained:
        raise PageError(
            f"no checkpoint was asked for {metric} on {task} of {benchmark}",
            where="record.json (checkpoints)", fix="Set evaluation.checkpoints to all, and run.",
        )
    title = f"{numbers.title(metric)} on {benchmark}"
    told = "; ".join(
        f"{checkpoint_name(step)} {numbers.with_interval(metric, one)}"
        for step, one in found.items()
    )
    name = f"{identifier(benchmark)}-{identifier(task)}-{identifier(metric)}".lower()
    return Figure(
        f"checkpoints-{name}.svg", f"{title} over the steps of training, with 95% intervals: "
        f"{told}.", 560, CheckpointsPlot(title, metric, found.get(0), trained, _chosen(record)),
    )


def category_bars(record: Record, benchmark: str, task: str) -> Figure:
    """Accuracy of each category at each checkpoint.

    Raises:
        PageError: No checkpoint has categories of this task.
    """
    found = by_step(record, benchmark, task)
    steps = _thinned(list(found), _chosen(record))
    every = list(dict.fromkeys(name for one in found.values() for name in one.categories))
    categories = {
        name: {
            step: found[step].categories[name]
            for step in steps if name in found[step].categories
        }
        for name in in_pool_order(record, benchmark, every)
    }
    if not categories:
        raise PageError(
            f"no checkpoint has categories of {task} on {benchmark}",
            where="record.json (checkpoints)", fix="Name a task with options.",
        )
    told = "; ".join(
        f"{name}: " + ", ".join(
            f"{checkpoint_name(step)} {numbers.pct(one.value)}" for step, one in values.items()
        )
        for name, values in categories.items()
    )
    name = f"{identifier(benchmark)}-{identifier(task)}".lower()
    return Figure(
        f"checkpoint-categories-{name}.svg",
        f"Accuracy of each category of {benchmark} at each checkpoint: {told}.", 800,
        StepBarsPlot("Accuracy by category and checkpoint", categories, _chosen(record)),
    )


def study_figures(record: Record) -> Iterator[tuple[str, Figure]]:
    """Every plot over checkpoints, by the name that the template knows it by."""
    for benchmark, facts in record.benchmarks.items():
        for task in facts.tasks:
            found = {step: one for step, one in by_step(record, benchmark, task).items() if step}
            metric = headline(record.spec["tasks"][task]["type"])
            key = f"{benchmark}.{task}"
            if any(metric in one.metrics for one in found.values()):
                yield f"checkpoints.{key}", checkpoint_curve(record, benchmark, task, metric)
            if any(len(one.categories) > 1 for one in found.values()):
                yield f"checkpoint-categories.{key}", category_bars(record, benchmark, task)


def _chosen(record: Record) -> int | None:
    return record.recommendation.step if record.recommendation else None


def _thinned(steps: list[int], chosen: int | None) -> list[int]:
    """At most a dozen steps: first, last and recommended ones, and others evenly between."""
    if len(steps) <= MOST_STEPS:
        return steps
    every = (len(steps) - 1) / (MOST_STEPS - 2)
    kept = {steps[round(at * every)] for at in range(MOST_STEPS - 1)}
    return [step for step in steps if step in kept or step == chosen]
