"""The answers of one task, cut by category, source, right answer, its letter, and named labels."""

import numpy as np

from recipe_kit.score.answers import Answers, truth
from recipe_kit.spec.tasks import ALWAYS_SLICED

NO_CATEGORY = "(none)"
# Options that differ from sample to sample have about as many texts as there are samples.
MOST_TEXTS = 20


def dimensions(answers: Answers) -> tuple[str, ...]:
    """What the answers are cut by: category, source, label, position (choice), then the labels.

    Texts have no right answers to be cut by.

    A label the benchmark names that is called like one of the first is left out.
    """
    kept = {"choice": 4, "caption": 2, "open": 2}
    fixed = ALWAYS_SLICED[: kept.get(answers.task_type, 3)]
    return tuple(dict.fromkeys([*fixed, *(name for q in answers.questions for name in q.slices)]))


def slice_values(answers: Answers, dimension: str) -> dict[str, Answers]:
    """The answers for each value of a dimension, values sorted; none if nothing is named.

    Args:
        answers: The answers of one task.
        dimension: `category`; `source`; `label`, the right answer (the right option's text, unless
            there are more than 20 of them); `position`, the right letter; or a label that the
            benchmark names in `slices`.
    """
    values = [_value(answers, i, dimension) for i in range(len(answers))]
    named = sorted(set(values))
    if not any(named):
        return {}
    if dimension == "label" and len(named) > MOST_TEXTS:
        return {}
    return {
        value or NO_CATEGORY: answers.take(np.array([v == value for v in values]))
        for value in named
    }


def _value(answers: Answers, i: int, dimension: str) -> str:
    question = answers.questions[i]
    match dimension:
        case "category":
            return question.category
        case "source":
            return question.source
        case "label":
            return truth(question)
        case "position":
            return question.reference
    return question.slices.get(dimension, "")
