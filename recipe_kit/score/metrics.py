"""All scores of one benchmark, from its questions and the logged predictions alone."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from recipe_kit.record.schemas import (
    Confusion,
    Metric,
    PerVideo,
    Prediction,
    Question,
    TaskScores,
)
from recipe_kit.score import binary, choice, scale, stats, text
from recipe_kit.score.answers import UNPARSEABLE, Answers, align
from recipe_kit.score.baselines import answerable_blind, baselines, majority_bar
from recipe_kit.score.bleu import signature
from recipe_kit.score.calibration import least_confident, reliability, risk_coverage
from recipe_kit.score.readings import UNREAD, positions, readings
from recipe_kit.score.slices import dimensions, slice_values
from recipe_kit.score.stats import Measure
from recipe_kit.spec.tasks import SLICE_METRICS, TEXT_TASKS, headline

# What is computed for each type of task; `spec.tasks.TASK_METRICS` lists the same names.
MEASURES: Mapping[str, Mapping[str, Callable[[Answers], Measure]]] = {
    "binary": binary.MEASURES,
    "scale": scale.MEASURES,
    "choice": choice.MEASURES,
    "caption": text.CAPTION,
    "open": text.OPEN,
}


def score(
    questions: Sequence[Question],
    predictions: Sequence[Prediction],
    *,
    blind: Sequence[Prediction] | None = None,
    bootstrap: int,
    seed: int,
) -> dict[str, TaskScores]:
    """Scores of each task, tasks in the order they are first asked.

    Args:
        questions: The benchmark.
        predictions: One for each question, in any order.
        blind: The same with the pictures blanked, without the rotations; None if not asked.
        bootstrap: Resamples for an interval.
        seed: Seed of the resampling.

    Raises:
        RecordError: Questions and predictions do not belong together one to one.
    """
    # Without the picture, one order of the options is enough.
    turned = {q.id for q in questions if q.rotation_of}
    blinds = {} if blind is None else align(
        [q for q in questions if q.id not in turned],
        [p for p in blind if p.question not in turned],
        where="blind predictions",
    )
    scores = {}
    for task, answers in align(questions, predictions).items():
        if answers.task_type in TEXT_TASKS:
            scores[task] = _score_texts(task, answers, blinds.get(task), bootstrap, seed)
            continue
        scores[task] = _score_task(task, answers, blinds.get(task), bootstrap, seed)
        if answers.task_type == "choice":
            asked = [q for q in questions if q.task == task]
            scores[task] = scores[task].model_copy(
                update=_choice_facts(answers, asked, predictions, bootstrap, seed)
            )
    return scores


def measures(answers: Answers) -> dict[str, Measure]:
    """Every metric of the answers' type of task."""
    return {name: measure(answers) for name, measure in MEASURES[answers.task_type].items()}


def headline_measure(answers: Answers) -> dict[str, Measure]:
    """The first metric of the answers' type of task, by its name."""
    name = headline(answers.task_type)
    return {name: MEASURES[answers.task_type][name](answers)}


def per_video(answers: Answers) -> PerVideo | None:
    """Mean and spread of each medium's own accuracy; None unless several questions are of one."""
    right: dict[tuple[str, str], list[bool]] = {}
    for question, one in zip(answers.questions, answers.right_N.tolist(), strict=True):
        right.setdefault((question.source, question.media), []).append(one)
    if len(right) == len(answers) or len(right) < 2:
        return None
    own = np.array([sum(each) / len(each) for each in right.values()])
    return PerVideo(mean=float(own.mean()), sd=float(own.std(ddof=1)), videos=len(own))


def _score_texts(
    task: str, answers: Answers, blind: Answers | None, bootstrap: int, seed: int
) -> TaskScores:
    first = answers.questions[0]
    without_looking = {}
    if blind is not None:
        (found,) = headline_measure(blind).values()
        without_looking = stats.metrics(
            {"blind": found}, blind.groups, bootstrap=bootstrap, seed=seed
        )
    return TaskScores(
        task=task,
        task_type=first.task_type,
        n=len(answers),
        metrics=stats.metrics(measures(answers), answers.groups, bootstrap=bootstrap, seed=seed),
        confusion=Confusion(labels=(), columns=(), counts=()),
        slices=_slices(answers, bootstrap, seed),
        baselines=without_looking,
        signature=signature(answers.questions),
        judge=answers.predictions[0].judge,
        per_video=per_video(answers) if answers.decidable else None,
    )


def _score_task(
    task: str, answers: Answers, blind: Answers | None, bootstrap: int, seed: int
) -> TaskScores:
    first = answers.questions[0]
    without_looking = baselines(answers, blind, bootstrap=bootstrap, seed=seed)
    return TaskScores(
        task=task,
        task_type=first.task_type,
        n=len(answers),
        hazard=first.hazard,
        metrics=stats.metrics(measures(answers), answers.groups, bootstrap=bootstrap, seed=seed),
        confusion=confusion(answers),
        slices=_slices(answers, bootstrap, seed),
        reliability=reliability(answers),
        risk_coverage=risk_coverage(answers),
        least_confident=least_confident(answers),
        baselines=without_looking,
        answerable_blind=answerable_blind(
            first.task_type, without_looking, majority_bar=majority_bar(answers)
        ),
        per_video=per_video(answers),
    )


def _choice_facts(
    answers: Answers,
    questions: Sequence[Question],
    predictions: Sequence[Prediction],
    bootstrap: int,
    seed: int,
) -> dict[str, object]:
    answered, right = positions(questions, predictions)
    return {
        "readings": readings(answers, bootstrap=bootstrap, seed=seed),
        "positions": answered,
        "reference_positions": right,
    }


def _slices(
    answers: Answers, bootstrap: int, seed: int
) -> dict[str, dict[str, dict[str, Metric]]]:
    return {
        dimension: {
            value: _score_slice(part, dimension, bootstrap, seed)
            for value, part in slice_values(answers, dimension).items()
        }
        for dimension in dimensions(answers)
    }


def _score_slice(
    answers: Answers, dimension: str, bootstrap: int, seed: int
) -> dict[str, Metric]:
    task_type = answers.task_type
    names = SLICE_METRICS[task_type]
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
        columns=(*answers.choices, UNREAD),
        counts=tuple(tuple(int(c) for c in row) for row in counts),
    )
