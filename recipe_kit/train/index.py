"""The samples of a training as an Arrow table, of which nothing is read before it is needed.

A table has a row for each sample of training and validation, in the order of their ids. What a
plan is made of stands in columns; the sample itself and its questions become objects when a step
needs them. One of many samples is written to a file, which every process maps into its memory.
"""

import hashlib
import mmap
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recipe_kit.errors import RecordError
from recipe_kit.record.files import canonical
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.examples import Example, pairs_of

Ints = npt.NDArray[np.int64]

PAIR = pa.struct([("prompt", pa.large_string()), ("target", pa.large_string())])
SCHEMA = pa.schema([
    ("id", pa.string()),
    ("source", pa.string()),
    ("part", pa.string()),
    ("split", pa.string()),
    ("questions", pa.int32()),  # 0 where the sample has nothing to teach
    ("medium", pa.uint64()),  # number of its source and path
    ("digest", pa.binary(32)),  # SHA-256 of what is learned of it
    ("sample", pa.large_string()),  # JSON
    ("pairs", pa.list_(PAIR)),
])

ROWS = 16_384
"""Rows of each batch of a table; the last has fewer."""

FORGET_AFTER = 100
"""Rows that are read before their pages are given back; with their neighbors, which the system maps
too, those of one row take half a megabyte."""


class Index:
    """A table of samples, in memory or in a file.

    Args:
        batches: The table, in batches of `ROWS`.
        reopen: How another process comes by the same table.
        forget: Gives back the memory of what was read; the file still has it.
    """

    def __init__(
        self,
        batches: Sequence[pa.RecordBatch],
        reopen: tuple[Callable[..., "Index"], tuple[Any, ...]] | None = None,
        forget: Callable[[], object] = lambda: None,
    ) -> None:
        self._batches, self._forget = batches, forget
        self._reopen = reopen or (Index, (batches,))
        self._reads = 0
        numbers = [batch.column("questions").to_numpy() for batch in batches]
        self.questions: npt.NDArray[np.int32] = np.concatenate([*numbers, np.empty(0, np.int32)])
        """Of each row."""

    def __len__(self) -> int:
        return len(self.questions)

    def __reduce__(self) -> tuple[Callable[..., "Index"], tuple[Any, ...]]:
        return self._reopen

    @classmethod
    def of(cls, recipe: Recipe, samples: Iterable[Sample]) -> "Index":
        """The index of some samples, in memory.

        Raises:
            DataError: a label's value is none its task knows, or a label of a prompt is missing.
        """
        used = sorted((s for s in samples if s.split in ("train", "val")), key=lambda s: s.id)
        return cls([
            batch_of(recipe, used[first : first + ROWS]) for first in range(0, len(used), ROWS)
        ])

    def where(self, column: str, value: str) -> npt.NDArray[np.bool_]:
        """For each row, whether a column has a value."""
        found = [
            pc.equal(batch.column(column), value).to_numpy(zero_copy_only=False)
            for batch in self._batches
        ]
        return np.concatenate([*found, np.empty(0, bool)])

    def sample(self, row: int) -> Sample:
        """The sample of a row."""
        batch, at = self._place(row)
        return Sample.model_validate_json(batch.column("sample")[at].as_py())

    def example(self, row: int) -> Example:
        """What is learned of the sample of a row."""
        batch, at = self._place(row)
        pairs = batch.column("pairs")[at].as_py()
        return Example(self.sample(row), tuple((p["prompt"], p["target"]) for p in pairs))

    def samples(self, split: str) -> Iterator[Sample]:
        """The samples of a split, one after the other."""
        return (self.sample(row) for row in np.flatnonzero(self.where("split", split)).tolist())

    def find(self, source: str, media: str) -> Sample | None:
        """A sample that shows a medium."""
        numbers, rows = self._by_medium
        wanted = np.uint64(medium_number(source, media))
        for place in range(*np.searchsorted(numbers, [wanted, wanted + np.uint64(1)]).tolist()):
            sample = self.sample(int(rows[place]))
            if (sample.source, sample.media) == (source, media):
                return sample
        return None

    def digest(self, rows: Ints) -> str:
        """SHA-256 of what is learned of some rows, in their order."""
        found = hashlib.sha256()
        for number, own in _by_batch(rows):
            values = self._batches[number].column("digest")
            found.update(b"".join(values.take(pa.array(own)).to_pylist()))
        return found.hexdigest()

    @cached_property
    def _by_medium(self) -> tuple[npt.NDArray[np.uint64], Ints]:
        numbers = np.concatenate([
            *(batch.column("medium").to_numpy() for batch in self._batches), np.empty(0, np.uint64)
        ])
        rows = np.argsort(numbers)
        return numbers[rows], rows

    def _place(self, row: int) -> tuple[pa.RecordBatch, int]:
        self._reads += 1
        if self._reads % FORGET_AFTER == 0:
            self._forget()
        number, at = divmod(row, ROWS)
        return self._batches[number], at


class Examples(Sequence[Example]):
    """Rows of an index, each an example when it is asked for."""

    def __init__(self, index: Index, rows: Ints) -> None:
        self._index, self._rows = index, rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> "Examples": ...
    def __getitem__(self, place: int | slice) -> "Example | Examples":
        if isinstance(place, slice):
            return Examples(self._index, self._rows[place])
        return self._index.example(int(self._rows[place]))

    def questions(self, places: Ints) -> int:
        """Questions of some of them together."""
        return int(self._index.questions[self._rows[places]].sum())


def batch_of(recipe: Recipe, samples: Sequence[Sample]) -> pa.RecordBatch:
    """Samples of training and validation as rows.

    Raises:
        DataError: a label's value is none its task knows, or a label of a prompt is missing.
    """
    pairs = list(pairs_of(recipe, samples))
    columns = {
        "id": [sample.id for sample in samples],
        "source": [sample.source for sample in samples],
        "part": [sample.part for sample in samples],
        "split": [sample.split for sample in samples],
        "questions": [len(own) for own in pairs],
        "medium": [medium_number(sample.source, sample.media) for sample in samples],
        "digest": [learned(Example(*both)) for both in zip(samples, pairs, strict=True)],
        "sample": [sample.model_dump_json(exclude_defaults=True) for sample in samples],
        "pairs": pairs,
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def open_index(path: Path) -> Index:
    """The index in a file, mapped into memory.

    Raises:
        RecordError: it is missing or damaged.
    """
    batches, forget = mapped(path)
    return Index(batches, (open_index, (path,)), forget)


def mapped(path: Path) -> tuple[list[pa.RecordBatch], Callable[[], object]]:
    """The batches in a file, mapped into memory, and what gives that memory back.

    Pages of a mapped file count as memory of this process from when they are read until they are
    given back.

    Raises:
        RecordError: The file is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pa.ipc.open_file(pa.py_buffer(content))
        batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
    except (OSError, ValueError, pa.ArrowInvalid) as error:
        raise RecordError(
            "is missing or damaged", where=str(path),
            fix="Delete it and run `recipe run` again; it is made anew.",
        ) from error
    return batches, lambda: content.madvise(mmap.MADV_DONTNEED)


def learned(example: Example) -> bytes:
    """SHA-256 of what a checkpoint's training depends on in an example."""
    return hashlib.sha256(canonical(said(example))).digest()


def said(example: Example) -> list[Any]:
    """What a checkpoint's training depends on in an example."""
    sample = example.sample
    return [sample.id, sample.sha256, sample.split, example.pairs]


def medium_number(source: str, media: str) -> int:
    """A number of 64 bits that hardly two media have."""
    return int.from_bytes(hashlib.sha256(f"{source}\n{media}".encode()).digest()[:8])


def _by_batch(rows: Ints) -> Iterator[tuple[int, Ints]]:
    """Rows as they follow each other, by the batch that they stand in."""
    numbers, own = np.divmod(rows, ROWS)
    ends = np.flatnonzero(np.diff(numbers, append=-1)) + 1
    first = 0
    for end in ends.tolist():
        yield int(numbers[first]), own[first:end]
        first = end
