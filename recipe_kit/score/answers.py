"""Questions and predictions of one task, put side by side as arrays.

The questions of a choice task can differ in how many options they have: arrays are as wide as the
longest list of letters, and the letters a question lacks have probability zero. The rotations of
a question's options (circular evaluation) are no questions of their own here: each first question
carries whether all of its rotations were answered rightly.

A text has no choices: an open answer is right where its judge says so, and a caption is neither
right nor wrong. `reference_N` and `answer_N` say that in the form of a single choice, which is
given where the answer is right.

Shape suffixes in this room: N questions, K choices, B bootstrap resamples, G groups, U distinct
scores.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recipe_kit.errors import RecipeError, RecordError
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.tasks import TEXT_TASKS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNPARSEABLE = -1
FROM_TEXT = "text"
"""Where a server reports no probabilities, all of it is on the answer read in the text."""
# bfloat16 keeps three digits.
SUM_TOLERANCE = 0.01


@dataclass(frozen=True)
class Answers:
    """One task's first questions and the answers to them, in the order of the questions' ids."""

    questions: tuple[Question, ...]
    predictions: tuple[Prediction, ...]
    choices: tuple[str, ...]  # the answers that count, in order; the longest list of letters
    reference_N: Ints  # index of the right choice
    answer_N: Ints  # index of the choice given; UNPARSEABLE when none could be read
    confidence_N: Floats  # 0–1
    probability_NK: Floats | None  # of each choice; None when a prediction has none logged
    rotated_N: Bools  # whether the question was asked with its options turned as well
    circled_N: Bools  # where it and all its rotations were answered rightly

    @cached_property
    def hazard(self) -> int:
        """Index of the answer that means danger; of the first choice when none is named."""
        hazard = self.questions[0].hazard
        return self.choices.index(hazard) if hazard else 0

    @cached_property
    def right_N(self) -> Bools:
        """Where the answer is the reference; an unparseable answer never is."""
        return np.equal(self.answer_N, self.reference_N)

    @property
    def task_type(self) -> str:
        """Type of the task."""
        return self.questions[0].task_type

    @property
    def decidable(self) -> bool:
        """Whether answers are right or wrong; captions are neither."""
        return self.task_type != "caption"

    @cached_property
    def confident(self) -> bool:
        """Whether confidence was measured; a server may report none, and then it says nothing."""
        return not any(p.probabilities_from == FROM_TEXT for p in self.predictions)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """What each question is resampled with: its sample's group, and at least its medium."""
        return cluster(self.questions)

    def __len__(self) -> int:
        return len(self.questions)

    def take(self, where_N: Bools) -> "Answers":
        """The answers where `where_N` is true."""
        kept = np.flatnonzero(where_N)
        probability = self.probability_NK
        return replace(
            self,
            questions=tuple(self.questions[i] for i in kept),
            predictions=tuple(self.predictions[i] for i in kept),
            reference_N=self.reference_N[kept],
            answer_N=self.answer_N[kept],
            confidence_N=self.confidence_N[kept],
            probability_NK=None if probability is None else probability[kept],
            rotated_N=self.rotated_N[kept],
            circled_N=self.circled_N[kept],
        )


def cluster(questions: Sequence[Question]) -> tuple[str, ...]:
    """The group of each question; groups that have a medium in common are one."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    first: dict[tuple[str, str], str] = {}
    own = [q.group or q.sample for q in questions]
    for question, group in zip(questions, own, strict=True):
        other = first.setdefault((question.source, question.media), group)
        leader[find(group)] = find(other)
    return tuple(find(group) for group in own)


def truth(question: Question) -> str:
    """The right answer in words: the right option's text, or the reference without options."""
    return question.options.get(question.reference, question.reference)


def align(
    questions: Sequence[Question],
    predictions: Sequence[Prediction],
    *,
    where: str = "predictions",
    error: type[RecipeError] = RecordError,
) -> dict[str, Answers]:
    """One `Answers` for each task, tasks in the order they are first asked.

    Raises:
        RecipeError: (of the type `error`) A question has no prediction, or more than one; a
            prediction is for no question here; an answer is none of the question's choices.
    """
    _refuse_repeats([q.id for q in questions], "question", where, error)
    _refuse_repeats([p.question for p in predictions], "prediction for", where, error)
    by_id = {p.question: p for p in predictions}
    missing = [q.id for q in questions if q.id not in by_id]
    if missing:
        raise error(
            f"{len(missing)} of {len(questions)} questions have no prediction; "
            f"the first is '{missing[0]}'",
            where=where,
            fix="run the evaluation to its end: `recipe run` goes on where it stopped",
        )
    others = by_id.keys() - {q.id for q in questions}
    if others:
        raise error(
            f"{len(others)} predictions answer no question of this benchmark; "
            f"the first is for '{min(others)}'",
            where=where,
            fix="score these predictions with the questions they were made for, or evaluate again",
        )
    return {
        task: _answers([q for q in questions if q.task == task], by_id, where, error)
        for task in dict.fromkeys(q.task for q in questions)
    }


def _answers(
    asked: list[Question], by_id: dict[str, Prediction], where: str, error: type[RecipeError]
) -> Answers:
    asked = sorted(asked, key=lambda q: q.id)
    questions = [q for q in asked if not q.rotation_of]
    predictions = [by_id[q.id] for q in questions]
    if asked[0].task_type in TEXT_TASKS:
        return _texts(questions, predictions, where, error)
    longest = max(asked, key=lambda q: len(q.choices))
    for question in asked:
        _refuse_choices(question, longest, where, error)
        _refuse_answer(question, by_id[question.id], where, error)
    index = {choice: i for i, choice in enumerate(longest.choices)}
    turned = _turned(asked, questions, where, error)
    right = {q.id: by_id[q.id].answer == q.reference for q in asked}
    return Answers(
        questions=tuple(questions),
        predictions=tuple(predictions),
        choices=longest.choices,
        reference_N=np.array([index[q.reference] for q in questions], dtype=np.int64),
        answer_N=np.array(
            [UNPARSEABLE if p.answer is None else index[p.answer] for p in predictions],
            dtype=np.int64,
        ),
        # A quotient of rounded probabilities can pass 1 by a hair.
        confidence_N=np.clip(np.array([p.confidence for p in predictions]), 0.0, 1.0),
        probability_NK=_probabilities(questions, predictions, longest.choices, where, error),
        rotated_N=np.array([bool(turned[q.id]) for q in questions], dtype=np.bool_),
        circled_N=np.array(
            [right[q.id] and all(right[other] for other in turned[q.id]) for q in questions],
            dtype=np.bool_,
        ),
    )


def _texts(
    questions: list[Question], predictions: list[Prediction], where: str, error: type[RecipeError]
) -> Answers:
    kind, size = questions[0].task_type, len(questions)
    for prediction in predictions:
        if kind == "open" and prediction.judged is None:
            raise error(
                f"the answer to '{prediction.question}' was not judged",
                where=where,
                fix="evaluate again with the judge that the task names",
            )
    right = [(prediction.judged or 0.0) > 0 for prediction in predictions]
    return Answers(
        questions=tuple(questions),
        predictions=tuple(predictions),
        choices=(),
        reference_N=np.zeros(size, dtype=np.int64),
        answer_N=np.where(right, 0, UNPARSEABLE).astype(np.int64),
        confidence_N=np.zeros(size),
        probability_NK=None,
        rotated_N=np.zeros(size, dtype=np.bool_),
        circled_N=np.zeros(size, dtype=np.bool_),
    )


def _turned(
    asked: list[Question], firsts: list[Question], where: str, error: type[RecipeError]
) -> dict[str, list[str]]:
    """From each first question's id to the ids of its rotations."""
    turned: dict[str, list[str]] = {q.id: [] for q in firsts}
    for question in asked:
        if not question.rotation_of:
            continue
        if question.rotation_of not in turned:
            raise error(
                f"'{question.id}' is a rotation of '{question.rotation_of}', which is not asked",
                where=where,
                fix="build the benchmark again from one version of the recipe",
            )
        turned[question.rotation_of].append(question.id)
    return turned


def _refuse_choices(
    question: Question, longest: Question, where: str, error: type[RecipeError]
) -> None:
    choices = longest.choices
    if question.task_type == "choice":
        choices = choices[: len(question.choices)]
    if (question.choices, question.hazard) != (choices, longest.hazard):
        raise error(
            f"'{question.id}' has other choices than '{longest.id}'; "
            "a task's questions share theirs",
            where=where,
            fix="build the benchmark again from one version of the recipe",
        )
    if question.reference not in question.choices:
        raise error(
            f"the right answer to '{question.id}' is '{question.reference}', "
            f"which is none of {', '.join(question.choices)}",
            where=where,
            fix="build the benchmark again from one version of the recipe",
        )


def _refuse_answer(
    question: Question, prediction: Prediction, where: str, error: type[RecipeError]
) -> None:
    if prediction.answer not in (None, *question.choices):
        raise error(
            f"the answer to '{question.id}' is '{prediction.answer}', "
            f"which is none of {', '.join(question.choices)}",
            where=where,
            fix="evaluate again; the log was made for other choices",
        )
    if abs(prediction.confidence - 0.5) > 0.5 + SUM_TOLERANCE:
        raise error(
            f"the confidence of '{question.id}' is {prediction.confidence:.3f}, "
            "which is no probability",
            where=where,
            fix="evaluate again; an engine logs the answer's probability over the choices",
        )


def _probabilities(
    questions: list[Question],
    predictions: list[Prediction],
    choices: tuple[str, ...],
    where: str,
    error: type[RecipeError],
) -> Floats | None:
    """Probabilities [N, K], each row summing to one; None when a prediction lacks them."""
    if any(prediction.probabilities_from == FROM_TEXT for prediction in predictions):
        return None
    pairs = list(zip(questions, predictions, strict=True))
    if not all(set(q.choices) <= p.probabilities.keys() for q, p in pairs):
        return None
    found_NK = np.array(
        [[p.probabilities[c] if c in q.choices else 0.0 for c in choices] for q, p in pairs]
    )
    total_N = found_NK.sum(axis=1)
    odd_N = (np.abs(total_N - 1) > SUM_TOLERANCE) | (found_NK < 0).any(axis=1)
    if odd_N.any():
        first = int(np.flatnonzero(odd_N)[0])
        raise error(
            f"the probabilities of '{predictions[first].question}' sum to {total_N[first]:.3f} "
            f"({int(odd_N.sum())} of {len(predictions)} predictions do not sum to 1)",
            where=where,
            fix="evaluate again; an engine logs the choices' probabilities normalized",
        )
    return np.asarray(found_NK / total_N[:, None], dtype=np.float64)


def _refuse_repeats(ids: list[str], what: str, where: str, error: type[RecipeError]) -> None:
    name, count = Counter(ids).most_common(1)[0] if ids else ("", 0)
    if count > 1:
        raise error(
            f"the {what} '{name}' stands here {count} times",
            where=where,
            fix="delete the stage's folder and run again, so that each question is answered once",
        )
