"""Tables of files: CSV, TSV, JSON and JSONL, read row by row with their places."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from recipe_kit.data.text import parse_json, read_text
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
    rows = tuple(reader(path, read_text(path)))
    if not rows:
        raise DataError("the table has no rows", where=str(path), fix="fill it, or name another")
    columns = tuple(dict.fromkeys(column for row in rows for column in row.cells))
    filled = tuple(
        Row(row.where, {k: v for k, v in row.cells.items() if v is not None and v != ""})
        for row in rows
    )
    return columns, filled


def reach(cells: Mapping[str, Cell], name: str) -> Cell | None:
    """The value of a column, or one inside it: `options.A`, `box.0`; None where there is none.

    A key that holds the dots itself goes before those that they could part.
    """
    if name in cells:
        return cells[name]
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        head, rest = ".".join(parts[:length]), ".".join(parts[length:])
        if head in cells:
            return reach(_inside(cells[head]), rest)
    return None


def leaves(cells: Mapping[str, Cell], above: str = "") -> Iterator[str]:
    """The names by which `reach` finds each single value of a row."""
    for key, value in cells.items():
        inside = _inside(value)
        if inside:
            yield from leaves(inside, f"{above}{key}.")
        elif not isinstance(value, dict | list):
            yield above + key


def _inside(value: Cell) -> Mapping[str, Cell]:
    if isinstance(value, list):
        return {str(number): item for number, item in enumerate(value)}
    return value if isinstance(value, dict) else {}


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
    try:
        return parse_json(text)
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
