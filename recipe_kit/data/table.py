"""Tables of files: CSV, TSV, JSON and JSONL, read row by row with their places."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from recipe_kit.errors import DataError

Cell = Any  # whatever JSON can hold; cells of CSV are text


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    where: str
    """File name and line, or item of a JSON list."""
    cells: dict[str, Cell]
    """From column to value; empty cells are left out."""


def read_table(path: Path) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Read a table whole.

    Returns:
        The columns in the order they first appear, and the rows.

    Raises:
        DataError: The file cannot be read, is not UTF-8, is not of its format, or has no row.
    """
    readers: dict[str, Callable[[Path, str], Iterator[Row]]] = {
        ".csv": lambda path, text: _delimited(path, text, ","),
        ".tsv": lambda path, text: _delimited(path, text, "\t"),
        ".jsonl": _json_lines,
        ".json": _json_list,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"tables end in {', '.join(readers)}, not in {path.suffix!r}",
                        where=str(path), fix="convert the table, or rename it to what it is")
    rows = tuple(reader(path, _text(path)))
    if not rows:
        raise DataError("the table has no rows", where=str(path), fix="fill it, or name another")
    columns = tuple(dict.fromkeys(column for row in rows for column in row.cells))
    filled = tuple(
        Row(row.where, {k: v for k, v in row.cells.items() if v is not None and v != ""})
        for row in rows
    )
    return columns, filled


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path),
                        fix="name a file that exists and that you may read") from error
    try:
        # A byte order mark, as spreadsheets write it, is no part of the first column's name.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        guess = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "another encoding"
        raise DataError(f"is not UTF-8 but {guess}", where=f"{path}:{line}",
                        fix="save the table as UTF-8") from error


def _delimited(path: Path, text: str, delimiter: str) -> Iterator[Row]:
    # newline="" leaves line ends inside quotes to the csv module.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            _bad(path, line, f"is no well-formed row: {error}", "mend the quotes of this row")
        if cells is None:
            return
        if not cells:
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            twice = [name for name in header if header.count(name) > 1]
            if twice:
                _bad(path, line, f"the column {twice[0]!r} stands twice in the header",
                     "give each column its own name")
            continue
        if len(cells) != len(header):
            _bad(path, line, f"the row has {len(cells)} cells, the header {len(header)}",
                 "quote cells that hold the delimiter, and fill missing cells with nothing")
        yield Row(f"{path}:{line}", {k: c.strip() for k, c in zip(header, cells, strict=True)})


def _json_lines(path: Path, text: str) -> Iterator[Row]:
    # Not splitlines(): it also breaks at characters that may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield Row(f"{path}:{number}", _object(path, number, _parse(path, line, number)))


def _json_list(path: Path, text: str) -> Iterator[Row]:
    if not text.strip():
        return
    values = _parse(path, text, 0)
    if not isinstance(values, list):
        raise DataError("holds no list of rows", where=str(path),
                        fix="write [{...}, {...}], or one object per line in a .jsonl file")
    for number, value in enumerate(values, start=1):
        yield Row(f"{path} (item {number})", _object(path, number, value))


def _parse(path: Path, text: str, line: int) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON number")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        at = f"{path}:{line or error.lineno}:{error.colno}"
        raise DataError(f"is not JSON: {error.msg}", where=at, fix="mend this line") from error
    except (ValueError, RecursionError) as error:
        at = f"{path}:{line}" if line else str(path)
        raise DataError(f"is not JSON that can be read: {error}", where=at,
                        fix="mend this line" if line else "mend the file") from error


def _object(path: Path, number: int, value: Any) -> dict[str, Cell]:
    if not isinstance(value, dict):
        _bad(path, number, f"a row is an object {{...}}, not {json.dumps(value)[:40]}",
             "write one object with the columns as keys")
    return value


def _bad(path: Path, line: int, what: str, fix: str) -> NoReturn:
    raise DataError(what, where=f"{path}:{line}", fix=fix)
