"""The answer to a question, in the way its task wants it read."""

from collections.abc import Mapping

from recipe_kit.benchmark.can_infer import can_infer
from recipe_kit.benchmark.parse import parse_answer
from recipe_kit.benchmark.parse_choice import parse_choice
from recipe_kit.record.schemas import Question
from recipe_kit.spec.tasks import TEXT_TASKS


def read_answer(
    question: Question, text: str, probabilities: Mapping[str, float]
) -> str | None:
    """One of the question's choices, or None when none can be read; a text task's text itself.

    Args:
        question: The question; of a choice task its options, its parser and `answer_by` count.
        text: What the model said, without its reasoning.
        probabilities: Of each of the question's choices.
    """
    if question.task_type in TEXT_TASKS:
        return text.strip()
    if question.task_type != "choice":
        return parse_answer(text, question.choices)
    if question.answer_by == "probability":
        return max(question.choices, key=probabilities.__getitem__)
    if question.parser == "strict":
        return parse_choice(text, question.options)
    letter = can_infer(text, question.options, verbose=False)
    # The letter of a refusal is no choice.
    return letter if letter in question.choices else None
