"""Ask questions of a driving clip: the right option, three wrong ones, and a choice of twelve."""

import zlib
from dataclasses import dataclass

from recipe_kit.data.worlds.canvas import Rng, stream
from recipe_kit.data.worlds.driving.labels import Labels
from recipe_kit.data.worlds.driving.question import PoolQuestion
from recipe_kit.data.worlds.driving.questions_moving import (
    ego_questions,
    motion_questions,
    space_questions,
)
from recipe_kit.data.worlds.driving.questions_still import (
    character_questions,
    object_questions,
    scene_questions,
)
from recipe_kit.errors import DataError

__all__ = ["CATEGORIES", "POOL", "Answered", "PoolQuestion", "answer", "choose"]

CATEGORIES = {
    "Scene Description": 13,
    "Key Objects": 10,
    "Actions & Motion": 8,
    "Ego Vehicle Behavior": 7,
    "Characters & Interactions": 6,
    "Spatial & Temporal": 6,
}
"""Every category, and how many questions it has."""

POOL: tuple[PoolQuestion, ...] = (
    *scene_questions(), *object_questions(), *motion_questions(), *ego_questions(),
    *character_questions(), *space_questions(),
)  # fmt: skip
"""The fifty questions, by category."""

SAMPLED = 6
"""How many questions are drawn for a clip beside the required ones."""

USUAL = 0.2
"""How much less often a question is drawn for clips where its answer is the usual one."""


@dataclass(frozen=True)
class Answered:
    """A question of one clip, with its four options and the right one."""

    name: str
    category: str
    text: str
    right: str
    wrong: tuple[str, str, str]
    required: bool

    @property
    def options(self) -> tuple[str, ...]:
        """All four, the right one first: whoever asks puts them in an order."""
        return (self.right, *self.wrong)


def answer(question: PoolQuestion, labels: Labels, rng: Rng) -> Answered:
    """The right option and three wrong ones, drawn from the other values and the decoys.

    Raises:
        DataError: The question has no clear answer for this clip, or the labels are incomplete.
    """
    where = f"question {question.name!r}"
    if question.label not in labels:
        raise DataError(f"the clip has no label {question.label!r}", where=where,
                        fix="pass all labels of the driving world")
    value, reads = question.value(labels), dict(question.options)
    if value not in reads:
        raise DataError(f"it has no clear answer where {question.label} is {value!r}", where=where,
                        fix="ask questions that apply only")
    others = [text for name, text in question.options if name != value] + list(question.decoys)
    picked = [others[number] for number in sorted(rng.permutation(len(others))[:3].tolist())]
    wrong = (picked[0], picked[1], picked[2])
    return Answered(question.name, question.category, question.text, reads[value], wrong,
                    question.required)


def choose(labels: Labels, *, seed: int, clip: str) -> tuple[Answered, ...]:
    """The questions of one clip: the required ones, and six of the others that apply.

    Args:
        labels: What is true of the clip.
        seed: Of the choice.
        clip: The clip's name; every clip has its own choice.

    Returns:
        12, in the order of the pool.
    """
    rng = stream("driving questions", seed, zlib.crc32(clip.encode()), 0)
    free = [one for one in POOL if not one.required and one.applies(labels)]
    # The smallest of exponential waiting times: drawn without replacement, by weight.
    waits = rng.exponential(size=len(free)).tolist()
    for number, one in enumerate(free):
        waits[number] /= USUAL if one.usual and one.value(labels) == one.usual else 1.0
    first = sorted(range(len(free)), key=waits.__getitem__)[:SAMPLED]
    drawn = {free[number].name for number in first}
    return tuple(answer(one, labels, rng) for one in POOL if one.required or one.name in drawn)
