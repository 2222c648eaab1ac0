"""LingoQA's questions (Marcu et al., 2023), from the reader's own copy of its tables.

A table has a row for each answer: `question_id`, `segment_id`, `images` (the paths of the frames),
`question`, `answer`. The rows of one question are its references: the first is its `answer`, the
others are `answer_2`, `answer_3` and so on. Its medium is the folder that the frames lie in.
"""

import importlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from recipe_kit.data.exchange.question import ExchangeQuestion, make_question
from recipe_kit.data.table import read_table
from recipe_kit.data.text import parse_json
from recipe_kit.errors import DataError, MissingPackageError

COLUMNS = ("question_id", "segment_id", "images", "question", "answer")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


class _Row(NamedTuple):
    """One answer, with its question."""

    where: str
    question_id: str
    segment_id: str
    folder: str
    question: str
    answer: str


def read_lingoqa(path: Path) -> list[ExchangeQuestion]:
    """The questions of a table: Parquet as published, or CSV, TSV, JSON and JSONL of its columns.

    Raises:
        MissingPackageError: The table is Parquet, and pyarrow is not installed.
        DataError: The file cannot be read, a row lacks a column, or two rows of one question
            differ in more than the answer.
    """
    if path.suffix.lower() == ".parquet":
        rows: Sequence[tuple[str, Mapping[str, Any]]] = _parquet(path)
    else:
        rows = [(row.where, row.cells) for row in read_table(path)[1]]
    asked: dict[str, list[_Row]] = {}
    for where, cells in rows:
        row = _row(where, cells)
        first = asked.setdefault(row.question_id, [row])[0]
        if first is row:
            continue
        if first[2:5] != row[2:5]:
            raise DataError(
                f"the question '{row.question_id}' is another one than in {first.where}",
                where=where, fix="give each question an id of its own",
            )
        asked[row.question_id].append(row)
    return [_question(answers) for answers in asked.values()]


def _question(rows: Sequence[_Row]) -> ExchangeQuestion:
    first = rows[0]
    more = {f"answer_{number}": row.answer for number, row in enumerate(rows[1:], start=2)}
    return make_question(first.where, {
        "id": first.question_id, "question": first.question, "answer": first.answer,
        "video_path": first.folder, "extra": {"segment_id": first.segment_id, **more},
    })


def _row(where: str, cells: Mapping[str, Any]) -> _Row:
    for column in COLUMNS:
        if cells.get(column) in (None, "", []):
            raise DataError(
                f"has no {column!r}; its columns: {', '.join(map(str, cells))}"[:300], where=where,
                fix=f"name a table of LingoQA, with the columns {', '.join(COLUMNS)}",
            )
    # As they are: a judge is told the question to the last space.
    question_id, segment_id, question, answer = (
        str(cells[column]) for column in COLUMNS if column != "images"
    )
    folders = {str(PurePosixPath(image).parent) for image in _images(cells["images"])}
    if len(folders) != 1 or folders == {"."}:
        raise DataError(
            "the pictures of a question lie in one folder of their own, not in "
            f"{', '.join(sorted(folders)) or 'none'}"[:300], where=where,
            fix="keep the folders as they are published: one for each segment",
        )
    return _Row(where, question_id, segment_id, folders.pop(), question, answer)


def _images(value: Any) -> list[str]:
    """The paths of a cell: a list, or a list as JSON or NumPy write it, or one path."""
    if isinstance(value, list):
        return [str(one) for one in value]
    text = str(value).strip()
    if not text.startswith("["):
        return [text]
    try:
        found = parse_json(text)
    except (ValueError, RecursionError):
        return [single or double for single, double in _QUOTED.findall(text)]
    return [str(one) for one in found]


def _parquet(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingPackageError(
            "Parquet tables need the package pyarrow", fix='pip install "recipe-kit[datasets]"'
        ) from error
    try:
        rows = parquet.read_table(path).to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise DataError(
            f"is no Parquet table: {' '.join(str(error).split())[:200]}", where=str(path),
            fix="download it again",
        ) from error
    return [(f"{path} (row {number})", row) for number, row in enumerate(rows, start=1)]
