"""Tables of files: CSV, TSV, JSON and JSONL, read row by row with their places."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from recipe_kit.data.text import read_objects, read_text
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
    readers: dict[str, Callable[[Path], Iterator[Row]]] = {
        ".csv": lambda path: _delimited(path, ","),
        ".tsv": lambda path: _delimited(path, "\t"),
        ".jsonl": _objects,
        ".json": _objects,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"tables end in {', '.join(readers)}, not in {path.suffix!r}",
                        where=str(path), fix="convert the table, or rename it to what it is")
    rows = tuple(reader(path))
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


def _objects(path: Path) -> Iterator[Row]:
    return (Row(where, value) for where, value in read_objects(path))


def _delimited(path: Path, delimiter: str) -> Iterator[Row]:
    # newline="" leaves line ends inside quotes to the csv module.
    text = io.StringIO(read_text(path), newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
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


def _bad(path: Path, line: int, what: str, fix: str) -> NoReturn:
    raise DataError(what, where=f"{path}:{line}", fix=fix)
