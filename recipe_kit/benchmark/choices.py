"""The options of a choice question: which there are, in which order, and which is right.

The orders follow from the task's seed and name and the sample's id alone, by SHA-256, so that no
other sample, no other library version and no other computer changes them.
"""

import difflib
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from recipe_kit.benchmark.prompts import fill, label_text
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.tasks import LETTERS, ChoiceTask, labels_in

Order = tuple[int, ...]
"""Indices of options, in the order in which they are shown."""


@dataclass(frozen=True)
class Choices:
    """The options of one question, in the order the spec lists them."""

    texts: tuple[str, ...]
    right: int
    """Index of the right one."""

    def lettered(self, order: Order) -> dict[str, str]:
        """From letter to text, as shown in an order."""
        return {LETTERS[place]: self.texts[index] for place, index in enumerate(order)}

    def letter(self, order: Order) -> str:
        """The letter of the right option in an order."""
        return LETTERS[order.index(self.right)]


def choices_of(task_name: str, task: ChoiceTask, sample: Sample) -> Choices:
    """The options that a sample has labels for, and which of them is right.

    Raises:
        DataError: Fewer than two options are left, two say the same, or which is right cannot be
            told.
    """
    filled = {
        index: text
        for index, template in enumerate(task.options)
        if (text := _filled(template, sample))
    }
    texts = tuple(filled.values())
    if len(texts) < 2:
        raise _wrong(
            sample, f"the task '{task_name}' has {'only one option' if texts else 'no option'} "
            "for it, the labels of the others are missing or empty",
            f"give the sample the labels that tasks.{task_name}.options names",
        )
    if twice := [text for text in texts if texts.count(text) > 1]:
        raise _wrong(
            sample, f"two options of the task '{task_name}' are both '{twice[0]}'",
            f"correct the sample's labels, or tasks.{task_name}.options",
        )
    right = _right(task_name, task, sample, filled)
    return Choices(texts, list(filled).index(right))


def orders(task_name: str, task: ChoiceTask, sample: Sample, size: int, count: int) -> list[Order]:
    """As many different orders of a question's options as are wanted, or as there are.

    The first is the one in which a benchmark asks the question.

    Args:
        task_name: The task's name.
        task: The task.
        sample: The sample.
        size: How many options the question has.
        count: How many orders are wanted.
    """
    listed = tuple(range(size))
    found = [_order(task_name, task, sample, size, 0) if task.shuffle else listed]
    turn = 0
    while len(found) < min(count, math.factorial(size)):
        turn += 1
        order = _order(task_name, task, sample, size, turn)
        if order not in found:
            found.append(order)
    return found


def rotations(order: Order) -> list[Order]:
    """An order, turned by every number of places."""
    return [order[by:] + order[:by] for by in range(len(order))]


def _order(task_name: str, task: ChoiceTask, sample: Sample, size: int, turn: int) -> Order:
    def place(index: int) -> bytes:
        drawn = f"{task.seed}\n{task_name}\n{sample.id}\n{turn}\n{index}"
        return hashlib.sha256(drawn.encode()).digest()

    return tuple(sorted(range(size), key=place))


def _filled(template: str, sample: Sample) -> str:
    """An option's text; empty when one of its labels is missing or empty."""
    labels = sample.labels
    if any(label_text(labels.get(name, "")).strip() == "" for name in labels_in(template)):
        return ""
    return fill(template, labels).strip()


def _right(task_name: str, task: ChoiceTask, sample: Sample, filled: dict[int, str]) -> int:
    """The index in the spec of the option that the sample's label names."""
    value = label_text(sample.labels[task.label]).strip()
    answer = task.answers.get(value, value).strip()
    # An answer may also be written as the option is listed, `answers: {left: "{subject}"}`; and
    # in questions of others, whose options are {A} to {J}, it is a letter before it is a text.
    own = (answer, f"{{{answer}}}")
    listed = [index for index in filled if task.options[index].strip() in own]
    said = [index for index, text in filled.items() if text == answer]
    lettered = [index for index in filled if LETTERS[index] == answer]
    if said and lettered and said != lettered and not listed:
        raise _wrong(
            sample, f"label '{task.label}' is '{value}', which is the letter of one option of the "
            f"task '{task_name}' and the text of another",
            f"say what it means in tasks.{task_name}.answers, like "
            f"`{{{value}: \"{task.options[lettered[0]]}\"}}`",
        )
    if found := listed or said or lettered:
        return found[0]
    label = f"'{value}'" if answer == value else f"'{value}', which is answered '{answer}'"
    known = ", ".join(f"{LETTERS[index]}. {text}" for index, text in filled.items())
    raise _wrong(
        sample, f"label '{task.label}' is {label}, and is none of the options of the task "
        f"'{task_name}': {known}{_nearest(answer, list(filled.values()))}",
        f"correct the label, or add the value to tasks.{task_name}.answers",
    )


def _nearest(answer: str, known: Sequence[str]) -> str:
    folded = {text.casefold(): text for text in known}
    near = difflib.get_close_matches(answer.casefold(), folded, n=1)
    return f"; did you mean '{folded[near[0]]}'?" if near else ""


def _wrong(sample: Sample, what: str, fix: str) -> DataError:
    return DataError(what, where=f"sample '{sample.id}'", fix=fix)
