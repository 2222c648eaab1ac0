"""The same answers of a choice task, read in each way there is; and where answers fall."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from recipe_kit.benchmark.can_infer import can_infer
from recipe_kit.benchmark.parse_choice import parse_choice
from recipe_kit.record.schemas import Prediction, Question, Reading
from recipe_kit.score import stats
from recipe_kit.score.answers import UNPARSEABLE, Answers, Ints

UNREAD = "unparseable"
LISTED = 20


def readings(answers: Answers, *, bootstrap: int, seed: int) -> dict[str, Reading]:
    """`strict` and `vlmevalkit` read the texts, `probability` takes the likeliest letter.

    A way is left out where there is nothing to read: no text at all, or no probabilities; and where
    the task's `answer_by` does not want it. What VLMEvalKit calls a refusal (`Z`) is unparsed. Of
    letters that are as likely the first counts.
    """
    found: dict[str, Ints] = {}
    answer_by = answers.questions[0].answer_by
    # Where letters are compared, the text is a single token.
    if answer_by != "probability" and any(prediction.text for prediction in answers.predictions):
        pairs = list(zip(answers.questions, answers.predictions, strict=True))
        found["strict"] = _indices(answers, [parse_choice(p.text, q.options) for q, p in pairs])
        found["vlmevalkit"] = _indices(
            answers, [can_infer(p.text, q.options, verbose=False) for q, p in pairs]
        )
    if answer_by != "generation" and answers.probability_NK is not None:
        found["probability"] = answers.probability_NK.argmax(axis=1).astype(np.int64)
    return {name: _reading(answers, read_N, bootstrap, seed) for name, read_N in found.items()}


def _indices(answers: Answers, letters: Sequence[str | None]) -> Ints:
    index = {choice: i for i, choice in enumerate(answers.choices)}
    return np.array([index.get(letter or "", UNPARSEABLE) for letter in letters], dtype=np.int64)


def _reading(answers: Answers, read_N: Ints, bootstrap: int, seed: int) -> Reading:
    right = stats.proportion(
        np.equal(read_N, answers.reference_N), np.ones(len(answers), dtype=np.bool_)
    )
    other = np.flatnonzero(read_N != answers.answer_N)
    found = stats.metrics({"accuracy": right}, answers.groups, bootstrap=bootstrap, seed=seed)
    return Reading(
        accuracy=found["accuracy"],
        differs=len(other),
        questions=tuple(answers.questions[i].id for i in other[:LISTED]),
    )


def positions(
    questions: Sequence[Question], predictions: Sequence[Prediction]
) -> tuple[dict[str, int], dict[str, int]]:
    """How often each letter was answered, and how often it was right, rotations included.

    Every letter is there, in order; answers that could not be read come last, as `unparseable`,
    when there are any.

    Args:
        questions: Those of one task.
        predictions: Of the whole benchmark.
    """
    letters = max((q.choices for q in questions), key=len)
    ids = {q.id for q in questions}
    given = Counter(p.answer or UNREAD for p in predictions if p.question in ids)
    right = Counter(q.reference for q in questions)
    answered = {letter: given[letter] for letter in letters}
    if given[UNREAD]:
        answered[UNREAD] = given[UNREAD]
    return answered, {letter: right[letter] for letter in letters}
