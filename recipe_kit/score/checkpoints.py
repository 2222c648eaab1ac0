"""Every saved checkpoint's scores, the best ones, over-fitting, and which one is recommended.

Everything follows from the answers alone. A task is judged by its headline metric: accuracy, BLEU,
or the share that a judge finds right.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import Literal, NamedTuple

from recipe_kit.record.schemas import (
    BestCheckpoint,
    Candidate,
    CheckpointScores,
    CheckpointTask,
    Difference,
    Metric,
    Overfitting,
    Question,
    Recommendation,
)
from recipe_kit.score import stats
from recipe_kit.score.answers import Answers, align
from recipe_kit.score.asked import Asked, Study
from recipe_kit.score.compare import headline_difference
from recipe_kit.score.metrics import MEASURES, headline_measure
from recipe_kit.score.slices import slice_values
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import SLICE_METRICS, headline

Split = Literal["val", "test"]
Logs = Mapping[int, Mapping[str, Asked]]
"""From the steps done to the answers to each benchmark; step 0 is the base model."""

DIGITS = 3
"""Scores that are the same to so many digits are written alike, and tie for the best."""
_ROUNDING = 1e-12
_SIGMAS = 2 * NormalDist().inv_cdf((1 + stats.LEVEL) / 2)  # width of an interval


class Task(NamedTuple):
    """One task of one benchmark."""

    benchmark: str
    name: str


Series = dict[Task, dict[int, Answers]]
"""The answers to each task, by the steps done."""


class Examined(NamedTuple):
    """All that follows from what the checkpoints answered."""

    checkpoints: tuple[CheckpointScores, ...]
    best: tuple[BestCheckpoint, ...]
    overfitting: tuple[Overfitting, ...]
    recommendation: Recommendation


def examine(
    recipe: Recipe,
    questions: Mapping[str, Sequence[Question]],
    base: Mapping[str, Asked],
    study: Study,
) -> Examined:
    """Scores every checkpoint, and says what follows.

    Args:
        recipe: The recipe.
        questions: From the benchmark's name to its questions.
        base: What the base model answered to each benchmark.
        study: What the checkpoints answered.

    Raises:
        RecordError: Questions and answers do not belong together.
    """
    test = _series(questions, {0: base, **study.steps})
    validation = _series(study.questions, study.validation)
    return Examined(
        checkpoints=_checkpoints(recipe, test, validation, study),
        best=tuple(_best(recipe, task, each) for task, each in test.items()),
        overfitting=tuple(
            found
            for split, series in (("val", validation), ("test", test))
            for task, each in series.items()
            for found in _fallen(recipe, task, each, "val" if split == "val" else "test")
        ),
        recommendation=_recommend(recipe, test, validation, len(study.steps)),
    )


def recommended(
    recipe: Recipe,
    questions: Mapping[str, Sequence[Question]],
    base: Mapping[str, Asked],
    study: Study,
) -> Recommendation:
    """The checkpoint that is recommended, as `examine` finds it, without the rest."""
    validation = _series(study.questions, study.validation)
    test = {} if validation else _series(questions, {0: base, **study.steps})
    return _recommend(recipe, test, validation, len(study.steps), asked=questions)


def samples_seen(recipe: Recipe, epoch_samples: int, step: int) -> tuple[float, int]:
    """Epochs, and samples with repetitions, after so many optimizer steps.

    Args:
        recipe: The recipe.
        epoch_samples: Samples in one epoch; the last step of an epoch may take fewer than others.
        step: Steps done.
    """
    per_step = recipe.train.batch_size * recipe.train.accumulate
    per_epoch = max(1, math.ceil(epoch_samples / per_step))
    whole, within = divmod(step, per_epoch)
    return step / per_epoch, whole * epoch_samples + min(within * per_step, epoch_samples)


def standard_error(metric: Metric) -> float:
    """Half the width of a 95% interval in units of the normal distribution; 0 without interval."""
    if metric.low is None or metric.high is None:
        return 0.0
    return (metric.high - metric.low) / _SIGMAS


def _series(questions: Mapping[str, Sequence[Question]], logs: Logs) -> Series:
    found: Series = {}
    for benchmark, asked in questions.items():
        for step, log in logs.items():
            where = f"answers of step {step} to '{benchmark}'"
            for task, answers in align(asked, log[benchmark].predictions, where=where).items():
                found.setdefault(Task(benchmark, task), {})[step] = answers
    return found


def _checkpoints(
    recipe: Recipe, test: Series, validation: Series, study: Study
) -> tuple[CheckpointScores, ...]:
    found = []
    for step in (0, *sorted(study.steps)):
        epoch, seen = samples_seen(recipe, study.epoch_samples, step)
        asked = next(iter(test.values()))[step]
        found.append(CheckpointScores(
            step=step,
            epoch=epoch,
            samples_seen=seen,
            revision=asked.predictions[0].revision,
            test=_at(recipe, test, step),
            validation=_at(recipe, validation, step),
        ))
    return tuple(found)


def _at(recipe: Recipe, series: Series, step: int) -> dict[str, dict[str, CheckpointTask]]:
    found: dict[str, dict[str, CheckpointTask]] = {}
    for task, each in series.items():
        found.setdefault(task.benchmark, {})[task.name] = _scores(recipe, each, step)
    return found


def _scores(recipe: Recipe, each: Mapping[int, Answers], step: int) -> CheckpointTask:
    answers, kind = each[step], each[step].task_type
    shown = {name: MEASURES[kind][name](answers) for name in SLICE_METRICS[kind]}
    against = {} if step == 0 else {headline(kind): _difference(recipe, each, 0, step)}
    return CheckpointTask(
        metrics=_metrics(recipe, answers, shown),
        categories={
            value: _metrics(recipe, part, headline_measure(part))[headline(kind)]
            for value, part in slice_values(answers, "category").items()
        } if answers.decidable else {},
        against_base=against,
    )


def _metrics(
    recipe: Recipe, answers: Answers, measures: Mapping[str, stats.Measure]
) -> dict[str, Metric]:
    defined = {name: one for name, one in measures.items() if one.value is not None}
    how = recipe.evaluation
    return stats.metrics(defined, answers.groups, bootstrap=how.bootstrap, seed=how.seed)


def _difference(
    recipe: Recipe, each: Mapping[int, Answers], before: int, after: int
) -> Difference:
    """Corrected for all checkpoints that are looked at on these questions."""
    how = recipe.evaluation
    return headline_difference(
        each[before], each[after], bootstrap=how.bootstrap, seed=how.seed, tries=len(each) - 1
    )


def _values(each: Mapping[int, Answers]) -> dict[int, float]:
    """The headline metric after each number of steps."""
    found = {}
    for step, answers in each.items():
        (measure,) = headline_measure(answers).values()
        found[step] = 0.0 if measure.value is None else measure.value
    return found


def _best(recipe: Recipe, task: Task, each: Mapping[int, Answers]) -> BestCheckpoint:
    values = _values(each)
    top = max(values.values())
    steps = tuple(
        step for step in sorted(values) if round(values[step], DIGITS) == round(top, DIGITS)
    )
    return BestCheckpoint(
        benchmark=task.benchmark,
        task=task.name,
        metric=headline(each[0].task_type),
        steps=steps,
        value=top,
        base=values[0],
        difference=_difference(recipe, each, 0, steps[0]),
    )


def _fallen(
    recipe: Recipe, task: Task, each: Mapping[int, Answers], split: Split
) -> Iterable[Overfitting]:
    """The fall from the best checkpoint to the last one, if there is any."""
    values = {step: value for step, value in _values(each).items() if step}
    last = max(values)
    best = max(sorted(values), key=values.__getitem__)
    if values[last] > values[best] - _ROUNDING:
        return
    difference = _difference(recipe, each, best, last)
    yield Overfitting(
        benchmark=task.benchmark,
        task=task.name,
        metric=headline(each[0].task_type),
        split=split,
        best_step=best,
        last_step=last,
        difference=difference,
        significant=difference.better is False,
    )


def _recommend(
    recipe: Recipe,
    test: Series,
    validation: Series,
    count: int,
    asked: Mapping[str, Sequence[Question]] | None = None,
) -> Recommendation:
    series = validation or test
    scores = {
        ".".join((*task, headline(each[0].task_type))): {
            step: next(iter(_metrics(recipe, answers, headline_measure(answers)).values()))
            for step, answers in each.items()
        }
        for task, each in series.items()
    }
    every = {(q.benchmark, q.task) for rows in (asked or {}).values() for q in rows} or set(test)
    absent = sorted(".".join(task) for task in every if task not in series)
    candidates = rank(scores)
    return Recommendation(
        step=choose(candidates),
        rule=_rule("val" if validation else "test", count, absent),
        split="val" if validation else "test",
        candidates=candidates,
    )


def rank(scores: Mapping[str, Mapping[int, Metric]]) -> tuple[Candidate, ...]:
    """How each checkpoint stands by the rule, in the order of their steps.

    Args:
        scores: From a metric's name to its value after each number of steps; step 0 is the base
            model, which is no candidate. Larger is better.
    """
    within: dict[int, dict[str, bool]] = {}
    gains: dict[int, list[float]] = {}
    for name, each in scores.items():
        values = {step: one.value or 0.0 for step, one in each.items()}
        steps = sorted(step for step in values if step)
        best = max(steps, key=values.__getitem__)
        error = standard_error(each[best])
        for step in steps:
            near = values[step] >= values[best] - error - _ROUNDING
            within.setdefault(step, {})[name] = near
            gain = (values[step] - values[0]) / error if error else 0.0
            gains.setdefault(step, []).append(gain)
    most = max(sum(near.values()) for near in within.values())
    return tuple(
        Candidate(
            step=step,
            balance=math.fsum(gains[step]) / len(gains[step]),
            within_one_se=within[step],
            eligible=sum(within[step].values()) == most,
        )
        for step in sorted(within)
    )


def choose(candidates: Sequence[Candidate]) -> int:
    """Of the eligible checkpoints the one of the best balance; of equals the earliest."""
    eligible = [one for one in candidates if one.eligible]
    top = max(one.balance for one in eligible)
    return min(one.step for one in eligible if one.balance > top - _ROUNDING)


def _rule(split: Split, count: int, absent: Sequence[str]) -> str:
    on = "validation" if split == "val" else "test"
    told = (
        f"On the {on} split, a checkpoint counts as near the best in a metric if it is at most one "
        f"standard error below it. Of the {count} saved checkpoints, those that are near the best "
        "in the most metrics are eligible; of these, the one with the largest mean gain over the "
        "base model is recommended, each gain in standard errors of the best checkpoint; of equals "
        "the earliest."
    )
    if split == "test":
        return told + (
            " The test split was used because no validation sample can be asked these questions; "
            "so the p-values of the recommended checkpoint are multiplied by the number of "
            "checkpoints."
        )
    return told + " The test split had no part in it." + (
        f" Not in the rule, for want of validation samples: {', '.join(absent)}." if absent else ""
    )
