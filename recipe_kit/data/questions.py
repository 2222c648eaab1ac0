"""Questions that others wrote: each becomes a sample, with its texts as labels.

Pictures that stand in the file itself are written once to `questions/` in the cache, under their
digest.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from recipe_kit.data.exchange.formats import READERS
from recipe_kit.data.exchange.question import ExchangeQuestion
from recipe_kit.data.labels import plain, unknown_answer
from recipe_kit.data.places import media_name, nearest
from recipe_kit.data.rows import Problem, RowError, excluded_ids, raise_problems
from recipe_kit.errors import DataError
from recipe_kit.record.files import write_atomic
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.data import QuestionsSource
from recipe_kit.spec.recipe import Recipe

FOLDER = "questions"
ENDINGS = {
    b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"RIFF": ".webp", b"BM": ".bmp",
    b"II*\0": ".tif", b"MM\0*": ".tif",
}  # fmt: skip
"""From a picture's first bytes to the end of its file's name."""


class Unpacked(NamedTuple):
    """The questions of a file, their pictures in files."""

    questions: tuple[ExchangeQuestion, ...]
    """Without `picture`; where there was one, `image_path` is that of its file."""
    media: Path | None
    """The cache's folder of pictures, if the file holds them; None when it names paths."""


def unpack(source: QuestionsSource, path: Path, cache: Path) -> Unpacked:
    """Read questions, and write the pictures that stand in them to the cache.

    Raises:
        DataError: The file cannot be read, or some questions hold a picture and some name one.
        StorageError: The cache cannot be written.
    """
    if not path.is_dir() and source.format == "datasets":
        raise DataError("is no folder", where=str(path),
                        fix="name the folder that `save_to_disk` wrote")
    found = _unpack(source.format, path, cache, _state(path))
    if found.media and not all((found.media / q.image_path).is_file() for q in found.questions):
        _unpack.cache_clear()  # the cache was emptied since
        found = _unpack(source.format, path, cache, _state(path))
    return found


def samples_of_questions(name: str, source: QuestionsSource, path: Path, recipe: Recipe,
                         cache: Path) -> list[Sample]:
    """Read questions as samples; those about one picture form a group unless the spec names one.

    Args:
        name: The source's name.
        source: What the spec says of it.
        path: The file or folder.
        recipe: The recipe, whose tasks' answers the labels must be among.
        cache: Folder for pictures that stand in the file.

    Raises:
        DataError: Questions cannot be used.
        StorageError: The cache cannot be written.
    """
    problems, known = [], dict[str, Sample]()
    for question in unpack(source, path, cache).questions:
        try:
            sample = _sample(name, source, question)
            if sample.id in known:
                raise RowError("another question has the same id")
            unknown = unknown_answer(sample.labels, recipe.tasks)
            if unknown:
                raise RowError(unknown)
        except RowError as error:
            problems.append(Problem(f"{path}, question {question.id!r}", str(error)))
            continue
        known[sample.id] = sample
    raise_problems(problems, "correct these questions, or what the spec says in "
                             f"data.sources.{name}")
    _check_group(name, source, known.values())
    excluded = excluded_ids(name, source.exclude, known, path)
    return [sample for sample_id, sample in known.items() if sample_id not in excluded]


def _sample(name: str, source: QuestionsSource, question: ExchangeQuestion) -> Sample:
    media_type: Literal["image", "video"] = "video" if question.video_path else "image"
    if question.video_path and question.image_path:
        raise RowError("has a picture and a video")
    named = question.video_path or question.image_path
    if not named:
        raise RowError("has no picture and no video")
    try:
        media = media_name(named)
    except ValueError as error:
        raise RowError(f"the path {named!r} {error}") from error
    labels = labels_of(question)
    group = media if source.group is None else labels.get(source.group, question.id)
    return Sample(
        id=f"{name}/{question.id}", source=name, media=media, media_type=media_type,
        labels=labels, category=question.category, group=f"{name}/{group}",
        declared_split=question.split,
    )


def labels_of(question: ExchangeQuestion) -> dict[str, LabelValue]:
    """What a question says, as labels; lists and objects among the extras are left out."""
    extra = {name: plain(value) for name, value in question.extra.items()
             if isinstance(value, str | int | float | bool) and value != ""}
    own = {
        "question": question.question, "hint": question.hint, **question.options,
        "answer": question.answer, "category": question.category,
        "l2_category": question.l2_category,
    }  # fmt: skip
    return extra | {label: text for label, text in own.items() if text}


def _check_group(name: str, source: QuestionsSource, samples: Iterable[Sample]) -> None:
    known = dict.fromkeys(label for sample in samples for label in sample.labels)
    if source.group is not None and source.group not in known:
        raise DataError(f"no question has the label {source.group!r}; "
                        f"{nearest(source.group, known)}",
                        where=f"data.sources.{name}.group", fix="name a label of the questions")


# Loading, auditing and planning read the same file; its pictures are not kept in memory.
@lru_cache(maxsize=16)
def _unpack(format_: str, path: Path, cache: Path, state: tuple[object, ...]) -> Unpacked:
    questions = READERS[format_].read(path)
    if not questions:
        raise DataError("holds no question", where=str(path), fix="fill it, or name another")
    if not any(question.picture for question in questions):
        return Unpacked(tuple(questions), None)
    without = next((q for q in questions if not q.picture), None)
    if without is not None:
        raise DataError(
            f"some questions hold their picture and others do not, such as {without.id!r}",
            where=str(path), fix="put every picture into the file, or none")
    folder = cache / FOLDER
    return Unpacked(tuple(_written(questions, folder)), folder)


def _written(questions: list[ExchangeQuestion], folder: Path) -> Iterator[ExchangeQuestion]:
    for question in questions:
        picture = question.picture
        place = folder / picture_name(picture)
        if not place.is_file() or place.stat().st_size != len(picture):
            write_atomic(place, picture)
        # The path that the picture once had names nothing here.
        yield question.model_copy(update={"picture": b"", "image_path": place.name})


def picture_name(picture: bytes) -> str:
    """A picture's name by its content: digest, and ending of its format."""
    ending = next((end for start, end in ENDINGS.items() if picture.startswith(start)), "")
    return hashlib.sha256(picture).hexdigest() + ending


def _state(path: Path) -> tuple[object, ...]:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return tuple((str(file), status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                 for file in files if (status := file.stat()))
