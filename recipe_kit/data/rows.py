"""From the rows of a table to samples."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipe_kit.data.labels import plain, unknown_answer
from recipe_kit.data.places import media_name, nearest
from recipe_kit.data.table import Row, leaves, reach, read_table
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.data import MappedColumn, TableSource
from recipe_kit.spec.tasks import Task

LISTED = 10


class RowError(Exception):
    """What is wrong with one row; the table's own error tells all of them at once."""


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used."""

    where: str
    what: str


def raise_problems(problems: list[Problem], fix: str) -> None:
    """Tell of all rows that cannot be used, the first ones in full.

    Raises:
        DataError: There is any.
    """
    if not problems:
        return
    first, *others = problems
    listed = [f"\n  {problem.where}: {problem.what}" for problem in others[: LISTED - 1]]
    if len(problems) > LISTED:
        listed.append(f"\n  and {len(problems) - LISTED} more rows")
    raise DataError(first.what + "".join(listed), where=first.where, fix=fix)


def samples_of_table(name: str, source: TableSource, path: Path,
                     tasks: Mapping[str, Task]) -> list[Sample]:
    """Read a table's samples; files are not looked at yet.

    Args:
        name: The source's name.
        source: What the spec says of it.
        path: The table.
        tasks: The recipe's tasks, whose answers the labels must be among.

    Raises:
        DataError: A column is missing, or rows cannot be used.
    """
    columns, rows = read_table(path)
    reader = _Reader(name, source, _media_columns(source, name), tasks)
    _check_columns(reader, path, columns, rows)
    samples, problems, first = [], [], dict[str, str]()
    for row in rows:
        try:
            sample = reader.sample(row)
            if sample.id in first:
                raise RowError(f"the id {sample.id.removeprefix(name + '/')!r} stands already "
                               f"in {first[sample.id]}")
            first[sample.id] = row.where
            samples.append(sample)
        except RowError as error:
            problems.append(Problem(row.where, str(error)))
    raise_problems(problems, "correct these rows, or what the spec says of their columns in "
                             f"data.sources.{name}")
    excluded = excluded_ids(name, source.exclude, first, path)
    return [sample for sample in samples if sample.id not in excluded]


def excluded_ids(name: str, exclude: Iterable[str], known: Collection[str],
                 path: Path) -> set[str]:
    """The ids of samples that the spec leaves out, `known` being those that there are.

    Raises:
        DataError: One is not there.
    """
    for row_id in exclude:
        if f"{name}/{row_id}" not in known:
            shown = [found.removeprefix(f"{name}/") for found in known]
            raise DataError(f"{path} has no row with the id {row_id!r}; {nearest(row_id, shown)}",
                            where=f"data.sources.{name}.exclude", fix="name a row of it")
    return {f"{name}/{row_id}" for row_id in exclude}


def _media_columns(source: TableSource, name: str) -> dict[Literal["image", "video"], str]:
    columns = source.columns
    media: dict[Literal["image", "video"], str] = {}
    # The default of `image` does not count where the spec names only a column of videos.
    if columns.image and ("image" in columns.model_fields_set or not columns.video):
        media["image"] = columns.image
    if columns.video:
        media["video"] = columns.video
    if not media:
        raise DataError("neither an image nor a video column is named",
                        where=f"data.sources.{name}.columns", fix="name one of them")
    return media


def _check_columns(reader: "_Reader", path: Path, known: Sequence[str],
                   rows: Sequence[Row]) -> None:
    columns = reader.source.columns
    named = {f"columns.{key}": column for key, column in reader.media.items()}
    named |= {f"columns.{key}": _column(value) for key in ("id", "category", "split")
              if (value := getattr(columns, key)) is not None}
    several = isinstance(columns.group, tuple)
    for number, column in enumerate(_group_columns(columns.group)):
        named[f"columns.group.{number}" if several else "columns.group"] = column
    named |= {f"labels.{key}": _column(value) for key, value in reader.source.labels.items()}
    for key, column in named.items():
        if column in known or any(reach(row.cells, column) is not None for row in rows):
            continue
        if "." in column:  # beside the columns, the values inside them
            known = tuple(dict.fromkeys(leaf for row in rows for leaf in leaves(row.cells)))
        raise DataError(f"{path} has no column {column!r}; {nearest(column, known)}",
                        where=f"data.sources.{reader.name}.{key}",
                        fix="name a column of the table")


def _group_columns(group: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return group if isinstance(group, tuple) else (group,) if group else ()


def _column(value: str | MappedColumn) -> str:
    return value if isinstance(value, str) else value.column


@dataclass(frozen=True)
class _Reader:
    name: str
    source: TableSource
    media: dict[Literal["image", "video"], str]
    tasks: Mapping[str, Task]

    def sample(self, row: Row) -> Sample:
        columns = self.source.columns
        media_type, media = self._media(row)
        labels = dict(self._labels(row))
        unknown = unknown_answer(labels, self.tasks)
        if unknown:
            raise RowError(unknown)
        own = self._text(row, columns.id)
        if columns.id and not own:
            raise RowError(f"the column {columns.id!r} (the id) is empty")
        # Sorted: a cup and an apple belong to an apple and a cup.
        parts = sorted(self._text(row, column) for column in _group_columns(columns.group))
        group = " + ".join(part for part in parts if part)
        return Sample(
            id=f"{self.name}/{own or media}", source=self.name, media=media,
            media_type=media_type, labels=labels, category=self._text(row, columns.category),
            group=f"{self.name}/{group or own or media}",
            declared_split=self._text(row, columns.split),
        )

    def _media(self, row: Row) -> tuple[Literal["image", "video"], str]:
        given = [(kind, text) for kind, column in self.media.items()
                 if (text := self._text(row, column))]
        if len(given) != 1:
            names = " and ".join(repr(column) for column in self.media.values())
            raise RowError(f"both {names} are filled" if given else f"{names} is empty")
        kind, path = given[0]
        try:
            return kind, media_name(path)
        except ValueError as error:
            raise RowError(f"the path {path!r} {error}") from error

    def _labels(self, row: Row) -> Iterator[tuple[str, LabelValue]]:
        for label, column in self.source.labels.items():
            value = self._value(row, column)
            if value is not None:
                yield label, value

    def _text(self, row: Row, column: str | MappedColumn | None) -> str:
        value = self._value(row, column) if column is not None else None
        return "" if value is None else str(value)

    def _value(self, row: Row, column: str | MappedColumn) -> LabelValue | None:
        cell = reach(row.cells, _column(column))
        if cell is None or cell == "":
            return None
        if not isinstance(cell, str | int | float | bool):
            kind = "a list" if isinstance(cell, list) else "an object"
            inside = next(leaves({_column(column): cell}), None)
            hint = f"; name one inside it, such as {inside!r}" if inside else ""
            raise RowError(f"the column {_column(column)!r} holds {kind}, not one value{hint}")
        value = plain(cell)
        if isinstance(column, str):
            return value
        if str(value) not in column.map:
            raise RowError(f"the column {column.column!r} holds {str(value)!r}, which its map "
                           f"does not know; {nearest(str(value), column.map)}")
        return column.map[str(value)]
