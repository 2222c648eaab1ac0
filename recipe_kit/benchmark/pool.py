"""Chooses a video's questions from a pool.

A label of the video answers a question, or, where the pool names a model for that, nobody yet.
"""

import hashlib
import math
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from recipe_kit.benchmark.prompts import label_text
from recipe_kit.data.worlds.canvas import Rng, stream
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.pools import PoolQuestion
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import LETTERS, Pool

QUESTION, ANSWER = "question", "answer"
"""The labels that a pool's task names, beside the letters of its options."""

USUAL = 0.2
"""How much less often a question is drawn for videos where its answer is the usual one."""

# The draws of the first pool had this name; every pool's have, so that a file can be renamed.
_STREAM = "driving questions"

# As many as there are letters, which is what a model's answer is read by.
_MOST_OPTIONS = len(LETTERS)


class Drawn(NamedTuple):
    """A question of one video."""

    question: PoolQuestion
    options: tuple[str, ...]
    """In the order of the pool; all there are while nobody knows which is right."""
    right: str
    """The right one; empty while nobody knows."""


def choose(pool: Pool, sample: Sample, size: int, *, where: str) -> tuple[Drawn, ...]:
    """The questions of one video: the required ones, and some of the others that apply.

    Args:
        pool: The pool.
        sample: The video; its id and the pool's seed decide.
        size: How many options a question has; fewer where there are not so many.
        where: The benchmark, for messages.

    Returns:
        The questions in the order of the pool.

    Raises:
        DataError: The video lacks what a required question needs, or no question applies to it.
    """
    rng = stream(_STREAM, pool.seed, zlib.crc32(sample.id.encode()), 0)
    applying = [one for one in pool.questions if _applies(pool, one, sample)]
    for one in pool.questions:
        if one.required and one not in applying:
            raise _unanswered(one, sample, where)
    if not applying:
        raise DataError(
            "no question of the pool applies to it: it has none of the labels that answer them",
            where=f"sample '{sample.id}'",
            fix=f"give it labels, or name a model in {where}.text that answers instead",
        )
    free = [one for one in applying if not one.required]
    # The smallest of exponential waiting times: drawn without replacement, by weight.
    waits = rng.exponential(size=len(free)).tolist()
    for number, one in enumerate(free):
        waits[number] /= _weight(one, sample)
    first = sorted(range(len(free)), key=waits.__getitem__)[: pool.sampled]
    drawn = {free[number].name for number in first}
    return tuple(
        _draw(pool, one, sample, size, rng) for one in applying if one.required or one.name in drawn
    )


def about(sample: Sample, drawn: Drawn) -> Sample:
    """The video as the pool's task sees it: with the question, its options and its answer."""
    lettered: dict[str, LabelValue] = dict(zip(LETTERS, drawn.options, strict=False))
    return sample.model_copy(update={
        "id": f"{sample.id}/{drawn.question.name}",
        "category": drawn.question.category,
        "group": sample.group or sample.id,
        "labels": {QUESTION: drawn.question.question, **lettered, ANSWER: drawn.right},
    })


def lessons(recipe: Recipe, task_name: str, sample: Sample) -> Iterator[Sample]:
    """A training sample as a task sees it: itself, and with questions of the task's pools.

    Args:
        recipe: The recipe.
        task_name: One of its tasks.
        sample: A sample; what is drawn depends on its id and its labels alone.
    """
    task = recipe.tasks[task_name]
    if task.label in sample.labels:
        yield sample
    told: set[str] = set()
    for benchmark in recipe.benchmarks.values():
        if benchmark.pool and task_name in benchmark.tasks:
            for drawn in _lessons(benchmark.pool, sample, len(task.choices)):
                if drawn.question.name not in told:
                    told.add(drawn.question.name)
                    yield about(sample, drawn)


def asks(pool: Pool, sample: Sample) -> bool:
    """Whether a video has what all required questions need, and can be asked anything."""
    found = [_applies(pool, one, sample) for one in pool.questions]
    required = (yes for yes, one in zip(found, pool.questions, strict=True) if one.required)
    return any(found) and all(required)


def answered(pool: Pool, sample: Sample, drawn: Drawn, right: str, size: int) -> Drawn:
    """A question as it is asked once its answer is known.

    Args:
        pool: The pool.
        sample: The video.
        drawn: The question as it was drawn.
        right: The text of the right option; one that the question has.
        size: How many options a question has.
    """
    if right in drawn.options and len(drawn.options) <= size:
        return drawn._replace(right=right)
    return _dealt(pool, sample, drawn.question, right, size)


def check_categories(pool: Pool, samples: Iterable[Sample], *, where: str) -> None:
    """Refuses a pool that has questions of a category which no video can be asked.

    Raises:
        DataError: There is such a category.
    """
    left = dict.fromkeys(one.category for one in pool.questions)
    for sample in samples:
        for one in pool.questions:
            if one.category in left and _applies(pool, one, sample):
                del left[one.category]
        if not left:
            return
    if left:
        category = next(iter(left))
        labels = sorted({q.answered_by for q in pool.questions if q.category == category})
        raise DataError(
            f"no video can be asked a question of the category '{category}': none has one of the "
            f"labels {', '.join(labels)}",
            where=where,
            fix="give the videos these labels, or take the category's questions out of the pool",
        )


def _lessons(pool: Pool, sample: Sample, size: int) -> list[Drawn]:
    """The questions that a training video is asked, in the order of the pool.

    By SHA-256, one by one, so that a question that is added to the pool, or a larger
    `training`, leaves the other questions as they are.
    """
    if not pool.training:
        return []

    def wait(one: PoolQuestion) -> float:
        drawn = _hash(pool, sample, one.name)
        return -math.log((int.from_bytes(drawn[:7]) + 1) / 2**56) / _weight(one, sample)

    known = [one for one in pool.questions if _answer(pool, one, sample)]
    first = {one.name for one in sorted(known, key=wait)[: pool.training]}
    return [
        _dealt(pool, sample, one, _answer(pool, one, sample), size)
        for one in known if one.name in first
    ]


def _dealt(pool: Pool, sample: Sample, one: PoolQuestion, right: str, size: int) -> Drawn:
    others = sorted(set(one.texts) - {right}, key=partial(_hash, pool, sample, one.name))
    return Drawn(one, _ordered(one, {right, *others[: size - 1]}), right)


def _hash(pool: Pool, sample: Sample, question: str, text: str = "") -> bytes:
    return hashlib.sha256(
        f"{pool.seed}\ntraining\n{sample.id}\n{question}\n{text}".encode()
    ).digest()


def _draw(pool: Pool, one: PoolQuestion, sample: Sample, size: int, rng: Rng) -> Drawn:
    """The right option and others, drawn from the other values and the decoys."""
    right = _answer(pool, one, sample)
    if not right:
        return Drawn(one, one.texts, "")
    others = [text for text in one.texts if text != right]
    picked = {others[number] for number in rng.permutation(len(others))[: size - 1].tolist()}
    return Drawn(one, _ordered(one, {right, *picked}), right)


def _ordered(one: PoolQuestion, texts: set[str]) -> tuple[str, ...]:
    return tuple(text for text in one.texts if text in texts)


def _value(one: PoolQuestion, sample: Sample) -> str | None:
    """The value of the label that answers a question; None without the label."""
    value = sample.labels.get(one.answered_by)
    return None if value is None else one.value(label_text(value))


def _answer(pool: Pool, one: PoolQuestion, sample: Sample) -> str:
    """The right option, by the video's label; empty where it does not tell.

    Raises:
        DataError: The label has a value that the question does not know, and no model is asked.
    """
    value = _value(one, sample)
    if value is None or value in one.unless:
        return ""
    if value in one.readings:
        return one.readings[value]
    if pool.text is not None:
        return ""
    raise DataError(
        f"label '{one.answered_by}' is '{value}', which the question '{one.name}' of the pool "
        f"does not know; known: {', '.join(one.readings)}",
        where=f"sample '{sample.id}'",
        fix="correct the label, or add the value to the question's options or to its `unless`",
    )


def _applies(pool: Pool, one: PoolQuestion, sample: Sample) -> bool:
    """Has the question a clear answer for this video, or can a model be asked for one?"""
    if _answer(pool, one, sample):
        return True
    asked = pool.text is not None and len(one.texts) <= _MOST_OPTIONS
    return asked and _value(one, sample) not in one.unless


def _weight(one: PoolQuestion, sample: Sample) -> float:
    usual = one.usual is not None and _value(one, sample) == one.usual
    return USUAL if usual else 1.0


def _unanswered(one: PoolQuestion, sample: Sample, where: str) -> DataError:
    return DataError(
        f"it lacks the label '{one.answered_by}', which answers the required question "
        f"'{one.name}' of the pool",
        where=f"sample '{sample.id}'",
        fix=f"give it the label, leave it out (`exclude`, or {where.rsplit('.', 1)[0]}.sources), "
        f"or name a model in {where}.text that answers instead",
    )
