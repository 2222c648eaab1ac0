"""Questions as triples: `image_path`, `prompt`, `target`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recipe_kit.data.exchange.objects import (
    COMMON,
    check_parts,
    prompt_of,
    rest_of,
    text_at,
    values_of,
    write_objects,
)
from recipe_kit.data.exchange.question import ExchangeQuestion, make_question
from recipe_kit.data.text import read_objects
from recipe_kit.errors import DataError

_OWN = COMMON | {"image_path", "video_path", "prompt", "target"}


def read_triples(path: Path) -> list[ExchangeQuestion]:
    """The questions of a JSON list or a `.jsonl` file of triples; those without an id are counted.

    Raises:
        DataError: The file cannot be read, or an item is no triple.
    """
    items = enumerate(read_objects(path), start=1)
    return [_question(entry, number, where) for number, (where, entry) in items]


def write_triples(path: Path, questions: Sequence[ExchangeQuestion]) -> None:
    """Writes triples; what a triple has no place for stands beside its three keys.

    Raises:
        StorageError: The file cannot be written.
    """
    write_objects(path, [_triple(question) for question in questions])


def _triple(question: ExchangeQuestion) -> dict[str, Any]:
    prompt = prompt_of(question)
    triple = {
        "image_path": question.image_path, "prompt": prompt, "target": question.answer,
        "id": question.id,
    }  # fmt: skip
    if question.video_path:
        triple["video_path"] = question.video_path
    return triple | rest_of(question, prompt, _OWN)


def _question(entry: dict[str, Any], number: int, where: str) -> ExchangeQuestion:
    for key in ("image_path", "prompt", "target"):
        if key not in entry:
            raise DataError(f"has no {key!r}", where=where,
                            fix="write image_path, prompt and target in each triple")
    prompt = text_at(entry, "prompt", where)
    question = make_question(where, {
        **values_of(entry, prompt, _OWN, where),
        "id": text_at(entry, "id", where) or str(number),
        "image_path": text_at(entry, "image_path", where),
        "video_path": text_at(entry, "video_path", where),
        "answer": text_at(entry, "target", where),
    })
    return check_parts(question, (prompt,), where)
