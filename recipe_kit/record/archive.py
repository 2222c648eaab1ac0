"""Questions and logged answers in small files, which travel with the page.

`predictions.jsonl.gz` begins with a line that names its format. Then come sections: a line that
says what follows and how many rows, and the rows, one `Question` or one `Prediction` each. What a
prediction has in common with the first one of its question (the prompt, its digest) is not written
again. What does not fit into one file goes on in `predictions-2.jsonl.gz`, and so on.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from recipe_kit.errors import RecordError
from recipe_kit.record.files import Row, storage, write_atomic
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.record.schemas.entry import Entry

ARCHIVE = "predictions.jsonl.gz"
FORMAT = 2
MAX_BYTES = 10_000_000  # the cookbook's limit for one file
_ROOM = 1000  # of these for the first line

SHARED = ("prompt", "digest", "model")
"""What a prediction has from the first one of its question, where it does not say otherwise."""
_MEND = "Render the page again where the run's folder is."


class _Head(Entry):
    format: int
    part: int = 1
    parts: int = 1


class _Section(Entry):
    """What the next rows are."""

    benchmark: str
    role: str = ""  # empty: questions
    blind: bool = False
    step: int | None = None  # of a checkpoint; 0: the base model
    validation: bool = False  # asked of the validation samples
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
    steps: Mapping[tuple[int, str], Sequence[Prediction]] = field(default_factory=dict)
    """From a checkpoint's step and the benchmark's name, where every checkpoint was asked."""
    validation_questions: Mapping[str, Sequence[Question]] = field(default_factory=dict)
    """From the benchmark's name to its questions about the validation samples."""
    validation: Mapping[tuple[int, str], Sequence[Prediction]] = field(default_factory=dict)
    """From a checkpoint's step (0: the base model) and the benchmark's name, answers to these."""

    @property
    def logs(self) -> Iterator[tuple[str, str, Sequence[Question], Sequence[Prediction]]]:
        """Every log: who answered, in words; the benchmark; its questions; the answers."""
        for (role, name), rows in self.predictions.items():
            yield role, name, self.questions.get(name, ()), rows
        for (role, name), rows in self.blind.items():
            yield f"{role} without the picture", name, self.questions.get(name, ()), rows
        for (step, name), rows in self.steps.items():
            yield f"step {step}", name, self.questions.get(name, ()), rows
        for (step, name), rows in self.validation.items():
            asked = self.validation_questions.get(name, ())
            yield f"step {step} on validation", name, asked, rows


def archive_files(folder: Path) -> tuple[str, ...]:
    """Names of an archive's files in a folder, in their order; none where there is none."""
    found: list[str] = []
    while (folder / part_name(len(found) + 1)).is_file():
        found.append(part_name(len(found) + 1))
    return tuple(found)


def part_name(number: int) -> str:
    """Name of the first, second, ... file of an archive."""
    return ARCHIVE if number == 1 else ARCHIVE.replace(".", f"-{number}.", 1)


def write_archive(folder: Path, archive: Archive) -> None:
    """Writes an archive's files into a folder; the same content gives the same bytes.

    Raises:
        RecordError: One model's answers to one benchmark are larger than a page's files may be.
        StorageError: The folder cannot be written to.
    """
    parts = _parts(archive)
    files: dict[Path, bytes] = {}
    for number, lines in enumerate(parts, start=1):
        head = _Head(format=FORMAT, part=number, parts=len(parts))
        content = _packed_lines([head.model_dump_json(exclude_defaults=True), *lines])
        files[folder / part_name(number)] = content
        if len(content) >= MAX_BYTES:
            raise RecordError(
                f"the answers of one model to one benchmark take {len(content) / 1e6:.1f} MB, and "
                f"a page's files have to stay under {MAX_BYTES / 1e6:.0f} MB",
                where=str(folder / part_name(number)),
                fix="Ask fewer questions, or shorten answers with evaluation.max_new_tokens.",
            )
    for path, content in files.items():
        write_atomic(path, content)
    for stale in archive_files(folder)[len(parts):]:
        with storage(folder / stale):
            (folder / stale).unlink()


def _parts(archive: Archive) -> list[list[str]]:
    """The lines of each file: sections one after the other, as many as fit into one."""
    first: dict[str, Prediction] = {}
    sections = []
    for section, rows in _sections(archive):
        lines = [section.model_dump_json(exclude_defaults=True)]
        lines += [
            _packed(row, first) if isinstance(row, Prediction)
            else row.model_dump_json(exclude_defaults=True)
            for row in rows
        ]
        sections.append(lines)
    every = [line for lines in sections for line in lines]
    if len(_packed_lines(every)) < MAX_BYTES - _ROOM:
        return [every]
    parts: list[list[str]] = [[]]
    size = 0
    for lines in sections:
        # Together they take no more than each by itself.
        own = len(_packed_lines(lines))
        if parts[-1] and size + own >= MAX_BYTES - _ROOM:
            parts.append([])
            size = 0
        parts[-1] += lines
        size += own
    return parts


def _packed_lines(lines: Sequence[str]) -> bytes:
    return gzip.compress(("\n".join(lines) + "\n").encode(), compresslevel=9, mtime=0)


def read_archive(folder: Path) -> Archive:
    """Reads the archive in a folder.

    Raises:
        RecordError: A file of it is missing, damaged, or written by a newer version.
    """
    found = _Found()
    first: dict[str, Prediction] = {}
    number = parts = 1
    while number <= parts:
        path = folder / part_name(number)
        reader = _Reader(path, _lines(path), first)
        head = reader.row(_Head)
        if head.format > FORMAT:
            raise RecordError(
                "is in a newer format", where=str(path), fix="Install a newer recipe_kit.",
            )
        if head.part != number or (number > 1 and head.parts != parts):
            raise RecordError(
                f"says it is file {head.part} of {head.parts}", where=str(path), fix=_MEND
            )
        parts = head.parts
        _read_sections(reader, found)
        number += 1
    return Archive(**vars(found))


def _lines(path: Path) -> list[str]:
    try:
        return gzip.decompress(path.read_bytes()).decode().split("\n")[:-1]
    except FileNotFoundError as error:
        raise RecordError("is missing", where=str(path), fix=_MEND) from error
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise RecordError(f"is damaged: {error}", where=str(path), fix=_MEND) from error


def _read_sections(reader: "_Reader", found: "_Found") -> None:
    while not reader.at_end:
        section = reader.row(_Section)
        if section.role or section.step is not None:
            found.keep(section, tuple(reader.prediction() for _ in range(section.rows)))
        else:
            kept = found.validation_questions if section.validation else found.questions
            kept[section.benchmark] = reader.rows(Question, section.rows)


def _sections(archive: Archive) -> Iterator[tuple[_Section, Sequence[Question | Prediction]]]:
    for name, asked in archive.questions.items():
        yield _Section(benchmark=name, rows=len(asked)), asked
    for name, asked in archive.validation_questions.items():
        yield _Section(benchmark=name, validation=True, rows=len(asked)), asked
    for blind, logs in ((False, archive.predictions), (True, archive.blind)):
        for (role, name), rows in logs.items():
            yield _Section(benchmark=name, role=role, blind=blind, rows=len(rows)), rows
    for validation, each in ((False, archive.steps), (True, archive.validation)):
        for (step, name), rows in each.items():
            yield _Section(
                benchmark=name, step=step, validation=validation, rows=len(rows)
            ), rows


def _packed(row: Prediction, first: dict[str, Prediction]) -> str:
    """A row without what the first prediction of its question says too."""
    one = first.get(row.question)
    same = {name for name in SHARED if one and getattr(one, name) == getattr(row, name)}
    first.setdefault(row.question, row)
    return row.model_dump_json(exclude=same, exclude_defaults=True)


class _Found:
    """What is read, section by section."""

    def __init__(self) -> None:
        self.questions: dict[str, tuple[Question, ...]] = {}
        self.predictions: dict[tuple[str, str], tuple[Prediction, ...]] = {}
        self.blind: dict[tuple[str, str], tuple[Prediction, ...]] = {}
        self.steps: dict[tuple[int, str], tuple[Prediction, ...]] = {}
        self.validation_questions: dict[str, tuple[Question, ...]] = {}
        self.validation: dict[tuple[int, str], tuple[Prediction, ...]] = {}

    def keep(self, section: _Section, rows: tuple[Prediction, ...]) -> None:
        if section.step is not None:
            logs = self.validation if section.validation else self.steps
            logs[section.step, section.benchmark] = rows
        else:
            by_role = self.blind if section.blind else self.predictions
            by_role[section.role, section.benchmark] = rows


class _Reader:
    """Lines of an archive, one after the other."""

    def __init__(self, path: Path, lines: Sequence[str], first: dict[str, Prediction]) -> None:
        self._path = path
        self._lines = lines
        self._next = 0
        self._first = first

    @property
    def at_end(self) -> bool:
        return self._next == len(self._lines)

    def row(self, kind: type[Row]) -> Row:
        line = self._line()
        return self._checked(lambda: kind.model_validate_json(line))

    def prediction(self) -> Prediction:
        """A prediction, with what it shares with the first one of its question."""
        line = self._line()

        def parse() -> Prediction:
            data = json.loads(line)
            one = self._first.get(data.get("question", ""))
            shared = {name: getattr(one, name) for name in SHARED} if one else {}
            return Prediction.model_validate(shared | data)

        found = self._checked(parse)
        self._first.setdefault(found.question, found)
        return found

    def rows(self, kind: type[Row], count: int) -> tuple[Row, ...]:
        return tuple(self.row(kind) for _ in range(count))

    def _line(self) -> str:
        if self.at_end:
            raise RecordError("ends too early", where=str(self._path), fix=_MEND)
        self._next += 1
        return self._lines[self._next - 1]

    def _checked(self, parse: Callable[[], Row]) -> Row:
        try:
            return parse()
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            what = f"{place} {first['msg']}"
        except (ValueError, AttributeError) as error:
            what = str(error)
        raise RecordError(
            f"is damaged: {what}", where=f"{self._path}, line {self._next} of its content",
            fix=_MEND,
        )
