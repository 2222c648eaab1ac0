"""Writes the index of a training's samples, from the file in which they stand.

The file is read in blocks, by several processes where they are many; each block becomes a part in
the order of the file. The parts are then written into one file in the order of the samples' ids.
"""

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ValidationError

from recipe_kit.data.ahead import ahead
from recipe_kit.data.processes import processes
from recipe_kit.errors import RecordError
from recipe_kit.record.files import digest, read_row, replacing, storage, write_json
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.index import ROWS, SCHEMA, Ints, batch_of, mapped

NAME = "samples.arrow"

CHECK = "samples.check.json"
"""Beside it, written after it: what it was made of, and what its bytes are."""

BLOCK = 8_000_000
"""Bytes of the samples' file that are read at once."""

FEW = 8
"""Blocks that are not worth the start of processes."""

VERSION = 1
"""Of what stands in an index. An older one is written anew."""

CORES = min(16, os.cpu_count() or 1)


class _Check(BaseModel):
    """What tells a whole index of these samples from any other file."""

    content: str
    """Digest of what it was made of."""
    blocks: tuple[str, ...]
    """SHA-256 of each block of the file."""


class _Block(NamedTuple):
    """Whole lines of the samples' file."""

    start: int
    stop: int
    part: Path
    """Where its rows are written."""


def make_index(
    recipe: Recipe, samples: Path, folder: Path,
    *, progress: Callable[[int, int], None] = lambda done, of: None,
) -> bool:
    """Writes the index of the samples of a file into a folder, unless it is there and undamaged.

    Args:
        recipe: What is asked of the samples.
        samples: JSON lines.
        folder: Gets `samples.arrow` and `samples.check.json`.
        progress: Is told how many blocks are read, of how many.

    Returns:
        Whether it was written.

    Raises:
        DataError: a label's value is none its task knows, or a label of a prompt is missing.
        RecordError: a line is not a sample.
        StorageError: the disk is full.
    """
    content, path = content_of(recipe, samples), folder / NAME
    if _is_whole(path, content):
        return False
    with storage(path):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".samples.") as parts:
        blocks = list(_blocks(samples, Path(parts)))
        write = functools.partial(_write_part, recipe, samples)
        pool = _pool(len(blocks))
        try:
            for done, _ in enumerate(ahead(write, blocks, depth=2 * CORES, pool=pool), start=1):
                progress(done, len(blocks))
        finally:
            pool.shutdown(cancel_futures=True)
        _join([block.part for block in blocks], path)
    write_json(folder / CHECK, _Check(content=content, blocks=tuple(_hashed(path))))
    return True


def content_of(recipe: Recipe, samples: Path) -> str:
    """Digest of all that an index is made of."""
    asked = recipe.model_dump(mode="json", include={"tasks", "benchmarks"})
    return digest({
        "version": VERSION, "samples": _hashed(samples), "asked": asked,
        "tasks": recipe.train.tasks,
    })


def _hashed(path: Path) -> list[str]:
    """SHA-256 of each block of a file."""
    with ThreadPoolExecutor(CORES) as pool, path.open("rb") as file:
        # Several blocks at once: hashing leaves the interpreter to others.
        pieces = iter(lambda: file.read(BLOCK), b"")
        return list(ahead(lambda piece: hashlib.sha256(piece).hexdigest(), pieces,
                          depth=2 * CORES, pool=pool))


def _is_whole(path: Path, content: str) -> bool:
    """Whether an index is there, of this content, and as it was written."""
    try:
        check = _Check.model_validate_json((path.parent / CHECK).read_bytes())
        return check.content == content and check.blocks == tuple(_hashed(path))
    except (OSError, ValidationError):
        return False


def _pool(blocks: int) -> Executor:
    if blocks > FEW and CORES > 1:
        return processes(CORES)
    return ThreadPoolExecutor(1)


def _blocks(samples: Path, parts: Path) -> Iterator[_Block]:
    """The file cut after line feeds; what follows the last one was left by a killed process."""
    with samples.open("rb") as file:
        start, number = 0, 0
        while piece := file.read(BLOCK):
            piece += file.readline()
            stop = start + piece.rfind(b"\n") + 1
            if stop > start:
                yield _Block(start, stop, parts / f"{number:06d}.arrow")
            start, number = file.tell(), number + 1


def _write_part(recipe: Recipe, samples: Path, block: _Block) -> None:
    with samples.open("rb") as file:
        file.seek(block.start)
        lines = file.read(block.stop - block.start).split(b"\n")[:-1]
    rows = [_sample(line, samples, block, number) for number, line in enumerate(lines)]
    batch = batch_of(recipe, [sample for sample in rows if sample.split in ("train", "val")])
    with storage(block.part), pa.OSFile(str(block.part), "wb") as sink, \
            pa.ipc.new_file(sink, SCHEMA) as writer:
        writer.write_batch(batch)


def _sample(line: bytes, samples: Path, block: _Block, number: int) -> Sample:
    try:
        return read_row(line, Sample, samples, number)
    except RecordError:
        # Which line it is in the whole file is counted only now.
        with samples.open("rb") as file:
            before = file.read(block.start).count(b"\n")
        return read_row(line, Sample, samples, before + number + 1)


def _join(parts: Sequence[Path], path: Path) -> None:
    """Writes the rows of all parts in the order of their ids."""
    batches = [batch for part in parts for batch in mapped(part)[0]]
    order = pc.sort_indices(
        pa.chunked_array([batch.column("id") for batch in batches], pa.string())
    ).to_numpy()
    starts = np.cumsum([0, *(len(batch) for batch in batches)])
    with replacing(path) as file, pa.ipc.new_file(file, SCHEMA) as writer:
        for first in range(0, len(order), ROWS):
            rows = order[first : first + ROWS].astype(np.int64)
            writer.write_batch(_gathered(batches, starts, rows))


def _gathered(batches: Sequence[pa.RecordBatch], starts: Ints, rows: Ints) -> pa.RecordBatch:
    """Rows of several batches as one, in their order."""
    numbers = np.searchsorted(starts, rows, side="right") - 1
    by_batch = np.argsort(numbers, kind="stable")
    pieces = []
    for number in np.unique(numbers).tolist():
        own = rows[by_batch][numbers[by_batch] == number] - starts[number]
        pieces.append(batches[number].take(pa.array(own)))
    places = np.empty_like(by_batch)
    places[by_batch] = np.arange(len(rows))
    (batch,) = pa.Table.from_batches(pieces).combine_chunks().to_batches()
    return batch.take(pa.array(places))
