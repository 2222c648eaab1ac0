"""Training data in LLaVA JSON, with the script that loads it."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from recipe_kit.data.exchange.llava import write_llava
from recipe_kit.data.exchange.question import ExchangeQuestion, make_question
from recipe_kit.errors import DataError
from recipe_kit.paths import templates_dir
from recipe_kit.record.files import write_atomic

DATA = "train.json"
LOADER = "llava_loader.py"
"""The loader's name, in the templates and beside the data."""


class TrainingRow(NamedTuple):
    """One training example."""

    media: str
    """Path of the picture or the video, relative to the media folder."""
    prompt: str
    target: str
    media_type: Literal["image", "video"] = "image"


def write_training(folder: Path, rows: Iterable[TrainingRow]) -> Path:
    """Writes `train.json` and `llava_loader.py` into a folder; returns the data's path.

    `python llava_loader.py train.json --media FOLDER` loads it all.

    Raises:
        DataError: There is no row, or a row has no medium or no prompt or no target.
        StorageError: The folder cannot be written.
    """
    questions = _questions(rows)
    first = next(questions, None)
    if first is None:
        raise DataError("there is no training example to write", where=str(folder),
                        fix="give the train split some samples")
    write_llava(folder / DATA, itertools.chain([first], questions))
    write_atomic(folder / LOADER, (templates_dir() / LOADER).read_bytes())
    return folder / DATA


def _questions(rows: Iterable[TrainingRow]) -> Iterator[ExchangeQuestion]:
    for number, row in enumerate(rows, start=1):
        where = f"training example {number} ({row.media or 'without a medium'})"
        if not (row.media and row.target):
            raise DataError("has no medium or no target", where=where,
                            fix="give each example a picture or video, a prompt and a target")
        yield make_question(where, {
            "id": str(number), f"{row.media_type}_path": row.media,
            "question": row.prompt, "answer": row.target,
        })
