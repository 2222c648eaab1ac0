"""Questions and logged answers in one small file, which travels with the page.

`predictions.jsonl.gz` begins with a line that names its format. Then come sections: a line that
says what follows and how many rows, and the rows, one `Question` or one `Prediction` each.
"""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from recipe_kit.errors import RecordError
from recipe_kit.record.files import Row, write_atomic
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.record.schemas.entry import Entry

ARCHIVE = "predictions.jsonl.gz"
FORMAT = 1
MAX_BYTES = 10_000_000  # the cookbook's limit for one file

_MEND = "Render the page again where the run's folder is."


class _Head(Entry):
    format: int


class _Section(Entry):
    """What the next rows are."""

    benchmark: str
    role: str = ""  # empty: questions
    blind: bool = False
    rows: int


@dataclass(frozen=True)
class Archive:
    """The questions of each benchmark, and what each model answered to them."""

    questions: Mapping[str, Sequence[Question]]
    """From the benchmark's name."""
    predictions: Mapping[tuple[str, str], Sequence[Prediction]]
    """From the role and the benchmark's name."""
    blind: Mapping[tuple[str, str], Sequence[Prediction]] = field(default_factory=dict)
    """The same with the pictures blanked, where that was asked."""


def write_archive(path: Path, archive: Archive) -> None:
    """Writes an archive; the same content gives the same bytes.

    Raises:
        RecordError: It is larger than a page's files may be.
        StorageError: The folder cannot be written to.
    """
    sections: list[tuple[_Section, Sequence[BaseModel]]] = [
        (_Section(benchmark=name, rows=len(rows)), rows)
        for name, rows in archive.questions.items()
    ]
    for blind, logs in ((False, archive.predictions), (True, archive.blind)):
        sections += [
            (_Section(benchmark=name, role=role, blind=blind, rows=len(rows)), rows)
            for (role, name), rows in logs.items()
        ]
    lines = [_Head(format=FORMAT).model_dump_json()]
    for section, rows in sections:
        lines += [section.model_dump_json(), *(row.model_dump_json() for row in rows)]
    content = gzip.compress(("\n".join(lines) + "\n").encode(), compresslevel=9, mtime=0)
    if len(content) >= MAX_BYTES:
        raise RecordError(
            f"the answers take {len(content) / 1e6:.1f} MB, and a page's files have to stay under "
            f"{MAX_BYTES / 1e6:.0f} MB", where=str(path),
            fix="Ask fewer questions, or shorten the reasoning with evaluation.max_new_tokens.",
        )
    write_atomic(path, content)


def read_archive(path: Path) -> Archive:
    """Reads an archive.

    Raises:
        RecordError: It is missing, damaged, or written by a newer version.
    """
    try:
        lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    except FileNotFoundError as error:
        raise RecordError("is missing", where=str(path), fix=_MEND) from error
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise RecordError(f"is damaged: {error}", where=str(path), fix=_MEND) from error
    reader = _Reader(path, lines[:-1])
    if reader.row(_Head).format > FORMAT:
        raise RecordError(
            "is in a newer format", where=str(path), fix="Install a newer recipe_kit.",
        )
    questions: dict[str, tuple[Question, ...]] = {}
    predictions: dict[tuple[str, str], tuple[Prediction, ...]] = {}
    blind: dict[tuple[str, str], tuple[Prediction, ...]] = {}
    while not reader.at_end:
        section = reader.row(_Section)
        if section.role:
            logs = blind if section.blind else predictions
            logs[section.role, section.benchmark] = reader.rows(Prediction, section.rows)
        else:
            questions[section.benchmark] = reader.rows(Question, section.rows)
    return Archive(questions, predictions, blind)


class _Reader:
    """Lines of an archive, one after the other."""

    def __init__(self, path: Path, lines: Sequence[str]) -> None:
        self._path = path
        self._lines = lines
        self._next = 0

    @property
    def at_end(self) -> bool:
        return self._next == len(self._lines)

    def row(self, kind: type[Row]) -> Row:
        if self.at_end:
            raise RecordError("ends too early", where=str(self._path), fix=_MEND)
        line = self._lines[self._next]
        self._next += 1
        try:
            return kind.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RecordError(
                f"is damaged: {place} {first['msg']}",
                where=f"{self._path}, line {self._next} of its content", fix=_MEND,
            ) from error

    def rows(self, kind: type[Row], count: int) -> tuple[Row, ...]:
        return tuple(self.row(kind) for _ in range(count))
