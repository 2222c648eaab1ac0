"""Pictures and clips of the synthetic worlds, drawn once into a content-addressed cache.

A folder `worlds/<digest>/` holds one world with one seed, one size and one set of knobs; its
pictures or clips come in chunks, each a folder that appears at once, complete with its labels. So a
drawing that was killed goes on with the missing chunks, and a larger count adds chunks. Annotated
clips lie in a chunk as `annotations` reads them: in subdirectories, each with its list.
"""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from threadpoolctl import threadpool_limits

from recipe_kit.data import worlds
from recipe_kit.data.annotations import VIDEOS, Annotated, read_part, write_part
from recipe_kit.data.places import nearest
from recipe_kit.data.world_code import code_digest
from recipe_kit.data.worlds.driving.clip import write_clip
from recipe_kit.errors import DataError, StorageError
from recipe_kit.spec.base import settled
from recipe_kit.spec.data import LATER_OF_WORLDS, WorldSource
from recipe_kit.spec.worlds import ANNOTATION_FORMATS, CLIP_WORLDS, WORLD_KNOBS

CHUNK = 50
CLIP_CHUNK = 20
"""Clips in a chunk; one takes as long as twenty pictures."""
LABELS = "labels.jsonl"
# Fewer chunks are drawn sooner in this process than others can be started.
PARALLEL_FROM = 6
PARALLEL_CLIPS_FROM = 3
STALE_S = 3600


@dataclass(frozen=True)
class Drawn:
    """One drawn picture or clip."""

    media: str
    """Path relative to the world's folder in the cache."""
    labels: dict[str, Any]
    """As the world gave them."""
    annotated: Annotated | None = None
    """Its annotation, where the source has subdirectories."""


def world_folder(source: WorldSource, cache: Path) -> Path:
    """Name the folder of a world in the cache; the count has no part in it."""
    # Neither how many are drawn nor how often each is trained on changes any of them.
    drawn_from = settled(source, *LATER_OF_WORLDS, exclude={"count", "weights"}, mode="python")
    text = json.dumps(drawn_from | {"code": code_digest(source.world)}, sort_keys=True)
    return cache / "worlds" / hashlib.sha256(text.encode()).hexdigest()[:20]


def draw_world(source: WorldSource, cache: Path) -> tuple[Drawn, ...]:
    """Draw what the cache lacks of a world's pictures or clips, and list them.

    Raises:
        DataError: There is no such world.
        StorageError: The cache cannot be written.
    """
    if source.world not in WORLD_KNOBS:
        raise DataError(f"there is no world {source.world!r}; {nearest(source.world, WORLD_KNOBS)}",
                        where="data.sources", fix="name a world that there is")
    folder = world_folder(source, cache)
    size = _chunk_size(source)
    chunks = [folder / f"{first // size:06d}" for first in range(0, source.count, size)]
    missing = [chunk for chunk in chunks if not chunk.is_dir()]
    try:
        if missing:
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            _draw_chunks(source, missing)
    except BrokenProcessPool as error:
        raise DataError("a process that drew pictures was ended from outside",
                        where=str(folder), fix="free some memory, and start again") from error
    except OSError as error:
        raise StorageError(f"cannot write pictures: {error.strerror}", where=str(folder),
                           fix="free some space, or choose another cache") from error
    try:
        return tuple(one for chunk in chunks for one in _read_chunk(source, chunk))[: source.count]
    except (OSError, ValueError, DataError) as error:
        raise StorageError(f"drawn pictures are damaged: {error}", where=str(folder),
                           fix="remove this folder; its pictures are then drawn again") from error


def _chunk_size(source: WorldSource) -> int:
    return CLIP_CHUNK if source.world in CLIP_WORLDS else CHUNK


def _read_chunk(source: WorldSource, chunk: Path) -> Iterator[Drawn]:
    annotated = {one.video: one for part in source.subdirectories for one in read_part(chunk, part)}
    for line in (chunk / LABELS).read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        yield Drawn(f"{chunk.name}/{one['file']}", one["labels"], annotated.get(one["file"]))


def _draw_chunks(source: WorldSource, missing: list[Path]) -> None:
    workers = min(os.cpu_count() or 1, len(missing))
    least = PARALLEL_CLIPS_FROM if source.world in CLIP_WORLDS else PARALLEL_FROM
    if workers == 1 or len(missing) < least:
        for chunk in missing:
            _draw_chunk(source, chunk)
        return
    # "spawn": forking a process that already runs torch's threads can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool:
        jobs = [pool.submit(_draw_chunk, source, chunk) for chunk in missing]
        try:
            for job in jobs:
                job.result()
        except BaseException:  # Ctrl-C too: do not draw the rest before leaving
            pool.shutdown(cancel_futures=True)
            raise


def _start_worker() -> None:
    # Ctrl-C reaches every process of the terminal; the parent ends the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One thread per worker: BLAS threads of several processes wait for each other, which made
    # drawing six times slower.
    threadpool_limits(1)
    # A parent that is killed cannot end its workers, and its queue does not tell them.
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in a worker"
    parent.join()
    os._exit(1)


def _draw_chunk(source: WorldSource, chunk: Path) -> None:
    size = _chunk_size(source)
    first = int(chunk.name) * size
    draw = _draw_clips if source.world in CLIP_WORLDS else _draw_pictures
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=chunk.parent))
    try:
        lines = [json.dumps({"file": name, "labels": labels})
                 for name, labels in draw(source, partial, range(first, first + size))]
        (partial / LABELS).write_text("\n".join(lines) + "\n", encoding="utf-8")
        partial.chmod(0o755)
        try:
            partial.rename(chunk)
        except OSError:
            if not chunk.is_dir():  # else another process drew the same pictures
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _draw_pictures(source: WorldSource, folder: Path,
                   indices: range) -> Iterator[tuple[str, dict[str, Any]]]:
    knobs = WORLD_KNOBS[source.world].model_validate(source.randomize)
    for index in indices:
        drawing = worlds.draw(source.world, seed=source.seed, index=index,
                              width=source.width, height=source.height, knobs=knobs)
        name = f"{index:07d}.png"
        # Level 1: three times as fast as the default for files a tenth larger.
        Image.fromarray(drawing.image).save(folder / name, compress_level=1)
        yield name, drawing.labels


def _draw_clips(source: WorldSource, folder: Path,
                indices: range) -> Iterator[tuple[str, dict[str, Any]]]:
    knobs = WORLD_KNOBS[source.world].model_validate(source.randomize)
    parts = source.subdirectories
    annotations: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for part in parts:
        (folder / part / VIDEOS).mkdir(parents=True)
    for index in indices:
        drawing = worlds.draw_clip(
            source.world, seed=source.seed, index=index, width=source.width, height=source.height,
            seconds=source.seconds, fps=source.fps, knobs=knobs)
        name = f"{index:07d}.mp4"
        if parts:  # in turns
            part = parts[index % len(parts)]
            annotations[part][f"{index:07d}"] = drawing.annotations[ANNOTATION_FORMATS[part]]
            name = f"{part}/{VIDEOS}/{name}"
        write_clip(folder / name, drawing.frames, fps=source.fps)
        yield name, drawing.labels
    for part, held in annotations.items():
        write_part(folder / part, ANNOTATION_FORMATS[part], held)


def _sweep(folder: Path) -> None:
    for partial in folder.glob("partial-*"):
        if time.time() - partial.stat().st_mtime > STALE_S:  # left by a drawing that was killed
            shutil.rmtree(partial, ignore_errors=True)
