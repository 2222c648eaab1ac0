"""Success criteria: met, not met, or undecided given the interval."""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeVar

from recipe_kit.errors import RecordError
from recipe_kit.record.schemas import CriterionResult, Metric, TaskScores
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import SLICE_METRICS, Criterion, headline

Comparison = Literal["at least", "at most"]
Scores = Mapping[str, Mapping[str, TaskScores]]
"""From the benchmark's name to the task's to its scores."""

ROUNDING = 1e-12
T = TypeVar("T")


def judge(recipe: Recipe, before: Scores, after: Scores | None) -> tuple[CriterionResult, ...]:
    """Each criterion of `success`, judged on the tuned model, or on the base model without one.

    `at_least`: met when the whole 95% interval reaches the threshold, not met when none of it
    does, undecided in between; `at_most` likewise. A metric without an interval is judged by its
    value, and then never undecided; one that is not defined is undecided.

    Args:
        recipe: The recipe.
        before: The base model's scores.
        after: The tuned model's; None when nothing was trained.

    Raises:
        RecordError: The scores lack a benchmark, task, category or metric that a criterion names.
    """
    return tuple(
        result
        for name, criterion in recipe.success.items()
        for result in _results(name, criterion, recipe, before, after)
    )


def verdict(
    metric: Metric, comparison: Comparison, threshold: float
) -> Literal["met", "not met", "undecided"]:
    """What a metric with its interval says of a threshold."""
    if metric.value is None:
        return "undecided"
    low = metric.value if metric.low is None else metric.low
    high = metric.value if metric.high is None else metric.high
    if comparison == "at most":
        low, high, threshold = -high, -low, -threshold
    if low - threshold >= -ROUNDING:
        return "met"
    return "not met" if high - threshold < -ROUNDING else "undecided"


def _results(
    name: str, criterion: Criterion, recipe: Recipe, before: Scores, after: Scores | None
) -> Iterator[CriterionResult]:
    benchmark, task = recipe.judged(name)
    place = (name, benchmark, task, criterion)
    was = _metric(*place, before)
    now = _metric(*place, after) if after is not None else None
    thresholds: tuple[tuple[Comparison, float | None], ...] = (
        ("at least", criterion.at_least), ("at most", criterion.at_most),
    )
    for comparison, threshold in thresholds:
        if threshold is not None:
            yield CriterionResult(
                name=name,
                benchmark=benchmark,
                task=task,
                metric=criterion.metric,
                category=criterion.category or "",
                comparison=comparison,
                threshold=threshold,
                before=was,
                after=now,
                verdict=verdict(now or was, comparison, threshold),
            )


def _metric(
    name: str, benchmark: str, task: str, criterion: Criterion, scores: Scores
) -> Metric:
    tasks = _known(scores, benchmark, "benchmark", name)
    found = _known(tasks, task, f"task of benchmark '{benchmark}'", name)
    if criterion.category is None:
        return _known(found.metrics, criterion.metric, f"metric of '{task}'", name)
    category = _known(
        found.slices.get("category", {}), criterion.category, f"category of '{task}'", name
    )
    if criterion.metric in category:
        return category[criterion.metric]
    # A slice leaves out what is not defined there: precision where no hazard was called.
    names = dict.fromkeys(SLICE_METRICS[found.task_type])
    _known(names, criterion.metric, f"metric of a category of '{task}'", name)
    return Metric(value=None, n=category[headline(found.task_type)].n)


def _known(names: Mapping[str, T], wanted: str, what: str, criterion: str) -> T:
    if wanted not in names:
        raise RecordError(
            f"the scores have no {what} that is called '{wanted}'; known: "
            f"{', '.join(names) or 'none'}",
            where=f"success.{criterion}",
            fix="name one of these, or score the benchmark again with this recipe",
        )
    return names[wanted]
