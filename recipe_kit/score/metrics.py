"""All scores of one benchmark, from its questions and the logged predictions alone."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from recipe_kit.record.schemas import Confusion, Metric, Prediction, Question, TaskScores
from recipe_kit.score import binary, scale, stats
from recipe_kit.score.answers import UNPARSEABLE, Answers, align
from recipe_kit.score.calibration import least_confident, reliability, risk_coverage
from recipe_kit.score.stats import Measure

# What is computed for each type of task; `spec.tasks.TASK_METRICS` lists the same names.
MEASURES: Mapping[str, Mapping[str, Callable[[Answers], Measure]]] = {
    "binary": binary.MEASURES,
    "scale": scale.MEASURES,
}
SLICE_MEASURES = {"binary": binary.SLICE_MEASURES, "scale": scale.SLICE_MEASURES}
NO_CATEGORY = "(none)"


def score(
    questions: Sequence[Question], predictions: Sequence[Prediction], *, bootstrap: int, seed: int
) -> dict[str, TaskScores]:
    """Scores of each task, tasks in the order they are first asked.

    Args:
        questions: The benchmark.
        predictions: One for each question, in any order.
        bootstrap: Resamples for an interval.
        seed: Seed of the resampling.

    Raises:
        RecordError: Questions and predictions do not belong together one to one.
    """
    return {
        task: _score_task(task, answers, bootstrap, seed)
        for task, answers in align(questions, predictions).items()
    }


def measures(answers: Answers) -> dict[str, Measure]:
    """Every metric of the answers' type of task."""
    task_type = answers.questions[0].task_type
    return {name: measure(answers) for name, measure in MEASURES[task_type].items()}


def slice_values(answers: Answers, dimension: str) -> dict[str, Answers]:
    """The answers of each category, source or reference, sorted; none if nothing is named.

    Args:
        answers: The answers of one task.
        dimension: `category`, `source` or `label`.
    """
    field = "reference" if dimension == "label" else dimension
    values = [str(getattr(q, field)) for q in answers.questions]
    if not any(values):
        return {}
    return {
        value or NO_CATEGORY: answers.take(np.array([v == value for v in values]))
        for value in sorted(set(values))
    }


def _score_task(task: str, answers: Answers, bootstrap: int, seed: int) -> TaskScores:
    first = answers.questions[0]
    return TaskScores(
        task=task,
        task_type=first.task_type,
        n=len(answers),
        hazard=first.hazard,
        metrics=stats.metrics(measures(answers), answers.groups, bootstrap=bootstrap, seed=seed),
        confusion=confusion(answers),
        slices={
            dimension: {
                value: _score_slice(part, dimension, bootstrap, seed)
                for value, part in slice_values(answers, dimension).items()
            }
            for dimension in ("category", "source", "label")
        },
        reliability=reliability(answers),
        risk_coverage=risk_coverage(answers),
        least_confident=least_confident(answers),
    )


def _score_slice(
    answers: Answers, dimension: str, bootstrap: int, seed: int
) -> dict[str, Metric]:
    task_type = answers.questions[0].task_type
    names = SLICE_MEASURES[task_type]
    if dimension == "label" and task_type == "binary":
        # With one reference only, recall is the accuracy and precision says nothing.
        names = ("accuracy", "unparseable")
    found = {name: MEASURES[task_type][name](answers) for name in names}
    shown = {name: m for name, m in found.items() if m.value is not None}
    return stats.metrics(shown, answers.groups, bootstrap=bootstrap, seed=seed)


def confusion(answers: Answers) -> Confusion:
    """Counts of reference (row) and answer (column); the last column is unparseable."""
    from sklearn.metrics import confusion_matrix

    size = len(answers.choices)
    given_N = np.where(answers.answer_N == UNPARSEABLE, size, answers.answer_N)
    counts = confusion_matrix(answers.reference_N, given_N, labels=np.arange(size + 1))[:size]
    return Confusion(
        labels=answers.choices,
        columns=(*answers.choices, "unparseable"),
        counts=tuple(tuple(int(c) for c in row) for row in counts),
    )
