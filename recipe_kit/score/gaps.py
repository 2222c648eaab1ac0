"""Where the base model falls short: slices below the overall score, or below the target."""

from collections.abc import Iterator, Mapping

from recipe_kit.errors import RecordError
from recipe_kit.record.schemas import Gap, Metric, TaskScores
from recipe_kit.spec.tasks import headline

# A slice of fewer answers says next to nothing: of four, even none right is within chance of half.
FEWEST = 5
ROUNDING = 1e-12


def find_gaps(
    benchmark: str,
    before: Mapping[str, TaskScores],
    after: Mapping[str, TaskScores] | None,
    targets: Mapping[str, float],
) -> tuple[Gap, ...]:
    """Slices of the base model's answers whose accuracy is below one of two bars, ranked.

    Of open questions the share that the judge finds right counts as their accuracy. Captions have
    no gaps: BLEU depends on how each reference is worded, so it does not compare their slices.

    The bars are the task's overall accuracy and its target, if it has one; a gap is measured from
    the higher of the two. Its order is that of `rank`.

    Left out are slices with fewer than five answers, and those that hold every answer, which are
    no part of anything. The right answers (`label`) are a dimension only where there are more than
    two of them, and only of choice tasks: a model that prefers Yes, or a point of a scale, is worse
    on the other ones, and the confusion table shows that better.

    Args:
        benchmark: Its name.
        before: The base model's scores, by task.
        after: The tuned model's; None when nothing was trained.
        targets: From the task to the accuracy that is wanted; other tasks may stand there too.

    Raises:
        RecordError: `before` and `after` are not of the same questions.
    """
    found = [
        gap
        for task, scores in before.items()
        if scores.task_type != "caption"
        for gap in _gaps(benchmark, scores, _task(after, task, benchmark), targets.get(task))
    ]
    return tuple(sorted(found, key=rank))


def rank(gap: Gap) -> tuple[bool, float, str, str, str, str]:
    """Sort key: sure ones first, then the farthest below its bar, then by name."""
    place = (gap.benchmark, gap.task, gap.dimension, gap.value)
    return (not gap.sure, -round(gap.shortfall, 12), *place)


def _gaps(
    benchmark: str, scores: TaskScores, after: TaskScores | None, target: float | None
) -> Iterator[Gap]:
    overall = scores.metrics[headline(scores.task_type)].value
    # An accuracy has a value wherever there is an answer.
    assert overall is not None
    by_target = target is not None and target > overall
    threshold = target if target is not None and by_target else overall
    for dimension, value, metric in _slices(scores):
        assert metric.value is not None
        if threshold - metric.value <= ROUNDING:
            continue
        later = _later(after, dimension, value, benchmark)
        yield Gap(
            benchmark=benchmark,
            task=scores.task,
            dimension=dimension,
            value=value,
            metric=metric,
            bar="target" if by_target else "overall",
            threshold=threshold,
            shortfall=threshold - metric.value,
            sure=metric.high is not None and metric.high < threshold,
            after=later,
            closed=_reached(later, threshold),
        )


def _slices(scores: TaskScores) -> Iterator[tuple[str, str, Metric]]:
    for dimension, values in scores.slices.items():
        if dimension == "label" and (scores.task_type != "choice" or len(values) < 3):
            continue
        for value, metrics in values.items():
            metric = metrics[headline(scores.task_type)]
            if FEWEST <= metric.n < scores.n:
                yield dimension, value, metric


def _later(
    after: TaskScores | None, dimension: str, value: str, benchmark: str
) -> Metric | None:
    if after is None:
        return None
    slices = after.slices.get(dimension, {})
    if value not in slices:
        raise _other_questions(f"{dimension} '{value}' of '{after.task}'", benchmark)
    return slices[value][headline(after.task_type)]


def _reached(metric: Metric | None, threshold: float) -> bool | None:
    if metric is None or metric.value is None:
        return None
    return metric.value - threshold >= -ROUNDING


def _task(
    after: Mapping[str, TaskScores] | None, task: str, benchmark: str
) -> TaskScores | None:
    if after is None:
        return None
    if task not in after:
        raise _other_questions(f"task '{task}'", benchmark)
    return after[task]


def _other_questions(what: str, benchmark: str) -> RecordError:
    return RecordError(
        f"the tuned model's scores have no {what}, which the base model's have",
        where=f"scores of benchmark '{benchmark}'",
        fix="evaluate both with one version of the recipe; `recipe run` asks again what is stale",
    )
