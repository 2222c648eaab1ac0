"""Questions from one format to another, and where their pictures go."""

import json
from collections.abc import Iterable
from pathlib import Path

from recipe_kit.data.exchange.formats import FORMATS
from recipe_kit.data.exchange.question import ExchangeQuestion
from recipe_kit.data.places import media_name
from recipe_kit.data.questions import picture_name
from recipe_kit.data.text import read_objects
from recipe_kit.errors import DataError
from recipe_kit.record.files import write_atomic


def convert(source: Path, target: Path, *, from_format: str | None = None,
            to_format: str | None = None, media: Path | None = None) -> tuple[int, str]:
    """Write questions in another format.

    Args:
        source: The file or folder they are in.
        target: The file or folder they are written to; must not exist.
        from_format: A name of `FORMATS`; told from the source when not given.
        to_format: A name of `FORMATS`; told from the target's ending when not given.
        media: Folder of pictures: a format that holds its pictures gets them from there, and those
            of the others are written there. Without it, pictures stay where they are.

    Returns:
        The number of questions, and the new format in words.

    Raises:
        DataError: A format is not clear, the source is wrong, a picture is missing, or the target
            exists already.
        StorageError: Something cannot be written.
    """
    reading = FORMATS[from_format or format_of_existing(source)]
    writing = FORMATS[to_format or format_to_write(target)]
    refuse_existing(target)
    questions = reading.read(source)
    if not questions:
        raise DataError("holds no question", where=str(source), fix="fill it, or name another")
    if media is not None:
        questions = (put_in if writing.holds_pictures else take_out)(questions, media)
    writing.write(target, questions)
    return len(questions), writing.title


def format_of_existing(path: Path) -> str:
    """The format of a file or folder, by its kind and its first object.

    Raises:
        DataError: It is not there, or is of no format that is known.
    """
    if not path.exists():
        raise DataError("is not there", where=str(path), fix="name a file or folder that exists")
    if path.is_dir():
        return "datasets"
    ending = path.suffix.lower()
    if ending == ".tsv":
        return "vlmevalkit"
    if ending in (".json", ".jsonl"):
        objects = read_objects(path)
        keys = objects[0][1].keys() if objects else set[str]()
        if "conversations" in keys:
            return "llava"
        if {"prompt", "target"} <= keys:
            return "triples"
        raise _unclear(path, f"its first object has the keys {json.dumps(list(keys))[:80]}",
                       "--from-format")
    raise _unclear(path, f"its name ends in {ending!r}", "--from-format")


def format_to_write(path: Path, option: str = "--to-format") -> str:
    """The format of a file or folder that is to be written, by its name.

    Raises:
        DataError: The name does not tell.
    """
    ending = path.suffix.lower()
    if ending == ".tsv":
        return "vlmevalkit"
    if not ending:
        return "datasets"
    if ending in (".json", ".jsonl"):
        raise _unclear(path, "LLaVA JSON and triples both end so", option)
    raise _unclear(path, f"its name ends in {ending!r}", option)


def refuse_existing(path: Path) -> None:
    """Stop before something is written over.

    Raises:
        DataError: The path exists.
    """
    if path.exists():
        raise DataError("exists already", where=str(path), fix="take another name, or remove it")


def put_in(questions: Iterable[ExchangeQuestion], media: Path) -> list[ExchangeQuestion]:
    """The questions with the pictures that they name by path.

    Raises:
        DataError: A picture cannot be read.
    """
    return [
        question.model_copy(update={"picture": read_medium(_inside(question, media))})
        if question.image_path and not question.picture else question
        for question in questions
    ]


def take_out(questions: Iterable[ExchangeQuestion], media: Path,
             prefix: str = "") -> list[ExchangeQuestion]:
    """The questions with their pictures in files of a folder; `prefix` goes before their names.

    Raises:
        DataError: A file of a picture's name is there and is another picture.
        StorageError: A picture cannot be written.
    """
    out = []
    for question in questions:
        if question.picture:
            place = (_inside(question, media) if question.image_path
                     else media / picture_name(question.picture))
            write_medium(place, question.picture)
            name = prefix + place.relative_to(media).as_posix()
            question = question.model_copy(update={"picture": b"", "image_path": name})
        out.append(question)
    return out


def read_medium(path: Path) -> bytes:
    """The bytes of a picture or a video.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path),
                        fix="name the folder of the pictures with --media") from error


def write_medium(path: Path, content: bytes) -> None:
    """Write a picture or a video, unless it is there already.

    Raises:
        DataError: Another one is there.
        StorageError: It cannot be written.
    """
    if not path.is_file():
        write_atomic(path, content)
    elif path.read_bytes() != content:
        raise DataError("is another file of this name", where=str(path),
                        fix="name an empty folder with --media")


def _inside(question: ExchangeQuestion, media: Path) -> Path:
    try:
        return media / media_name(question.image_path)
    except ValueError as error:
        raise DataError(f"the path {question.image_path!r} {error}",
                        where=f"question {question.id!r}", fix="correct it") from error


def _unclear(path: Path, why: str, option: str) -> DataError:
    return DataError(f"the format is not clear: {why}", where=str(path),
                     fix=f"say it with {option}: {', '.join(FORMATS)}")
