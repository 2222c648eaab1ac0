"""Questions as VLMEvalKit keeps them: a table with tabs, pictures in base64."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recipe_kit.data.exchange.columns import IMAGE, questions_of, rows_of
from recipe_kit.data.exchange.question import (
    ExchangeQuestion,
    base64_of,
    picture_of,
)
from recipe_kit.data.text import read_text
from recipe_kit.errors import DataError
from recipe_kit.record.files import write_atomic

_REFERENCE = 64
"""A cell of the picture column that is not longer names the row that holds the picture."""


def read_tsv(path: Path) -> list[ExchangeQuestion]:
    """The questions of a VLMEvalKit table.

    Raises:
        DataError: The file cannot be read, or a row is no question; names file and line.
    """
    text = read_text(path)
    with _long_cells():
        lines = list(_lines(path, text))
    if not lines:
        raise DataError("is empty", where=str(path), fix="write a header and one line a question")
    (_, header), *body = lines
    for column in ("index", "question"):
        if column not in header:
            raise DataError(
                f"has no column {column!r}; its columns: {', '.join(header)}"[:300],
                where=str(path), fix="write index, question, A, B, ..., answer in the header",
            )
    twice = [column for column in header if header.count(column) > 1]
    if twice:
        raise DataError(f"the column {twice[0]!r} stands twice", where=str(path),
                        fix="give each column its own name")
    rows, places = [], []
    for line, cells in body:
        if len(cells) != len(header):
            raise DataError(
                f"the row has {len(cells)} cells, the header {len(header)}",
                where=f"{path}:{line}", fix='put cells with tabs or line ends in "..."',
            )
        rows.append(dict(zip(header, cells, strict=True)))
        places.append(f"{path}:{line}")
    return questions_of(rows, _pictures(rows, places), places)


def write_tsv(path: Path, questions: Sequence[ExchangeQuestion]) -> None:
    """Writes a table that VLMEvalKit reads: at least `index`, `question` and `answer`.

    Raises:
        DataError: Two questions have the same id, or a picture is too short to be one.
        StorageError: The file cannot be written.
    """
    ids: set[str] = set()
    written: dict[bytes, str] = {b"": ""}  # from a picture to the row that holds it
    columns, rows = rows_of(questions)
    for question, row in zip(questions, rows, strict=True):
        if question.id in ids:
            raise DataError("stands twice, and a table needs each index once",
                            where=f"question {question.id!r}", fix="give each question its own id")
        ids.add(question.id)
        encoded = base64_of(question.picture)
        if question.picture and len(encoded) <= _REFERENCE:
            raise DataError(f"a picture of {len(question.picture)} bytes is none",
                            where=f"question {question.id!r}", fix="give the whole encoded file")
        row[IMAGE] = written.get(question.picture, encoded)
        if len(question.id) <= _REFERENCE:
            written.setdefault(question.picture, question.id)
    if any(row[IMAGE] for row in rows):
        columns.insert(1, IMAGE)
    target = io.StringIO(newline="")
    # Every cell in quotes: a lone carriage return would end a line otherwise.
    writer = csv.writer(target, "excel-tab", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    write_atomic(path, target.getvalue())


def _pictures(rows: Sequence[dict[str, str]], places: Sequence[str]) -> list[bytes]:
    cells = {row["index"]: row.get(IMAGE, "") for row in rows}
    pictures = []
    for row, where in zip(rows, places, strict=True):
        cell = row.get(IMAGE, "")
        if cell and len(cell) <= _REFERENCE:
            shared = cells.get(cell, "")
            if len(shared) <= _REFERENCE:
                raise DataError(f"the picture is that of row {cell!r}, which has none",
                                where=where, fix="write the picture in base64, or mend the index")
            cell = shared
        if cell.lstrip().startswith("["):
            raise DataError("has several pictures, and a question has one here",
                            where=where, fix="join them into one, or leave the question out")
        pictures.append(picture_of(cell, where))
    return pictures


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line it begins on; empty lines are skipped."""
    # newline="" leaves line ends inside quotes to the csv module.
    reader = csv.reader(io.StringIO(text, newline=""), "excel-tab", strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise DataError(f"is no well-formed row: {error}", where=f"{path}:{line}",
                            fix="mend the quotes of this row") from error
        if cells is None:
            return
        if cells:
            yield line, cells


@contextmanager
def _long_cells() -> Iterator[None]:
    """Lets a cell hold a picture; the limit belongs to the whole process."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)
