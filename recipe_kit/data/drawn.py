"""Pictures of the synthetic worlds, drawn once into a content-addressed cache.

A folder `worlds/<digest>/` holds one world with one seed, one size and one set of knobs; its
pictures come in chunks, each a folder that appears at once, complete with its labels. So a
drawing that was killed goes on with the missing chunks, and a larger count adds chunks.
"""

import ast
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from threadpoolctl import threadpool_limits

from recipe_kit.data import worlds
from recipe_kit.data.places import nearest
from recipe_kit.errors import DataError, StorageError
from recipe_kit.spec.base import settled
from recipe_kit.spec.data import LATER_OF_WORLDS, WorldSource
from recipe_kit.spec.worlds import WORLD_KNOBS

CHUNK = 50
LABELS = "labels.jsonl"
# Fewer chunks are drawn sooner in this process than others can be started.
PARALLEL_FROM = 6
STALE_S = 3600


@dataclass(frozen=True)
class Drawn:
    """One drawn picture."""

    media: str
    """Path relative to the world's folder in the cache."""
    labels: dict[str, Any]
    """As the world gave them."""


def world_folder(source: WorldSource, cache: Path) -> Path:
    """Name the folder of a world in the cache; the count has no part in it."""
    drawn_from = settled(source, *LATER_OF_WORLDS, exclude={"count"}, mode="python") | {"code": _code_digest(source.world)}
    text = json.dumps(drawn_from, sort_keys=True)
    return cache / "worlds" / hashlib.sha256(text.encode()).hexdigest()[:20]


def draw_world(source: WorldSource, cache: Path) -> tuple[Drawn, ...]:
    """Draw what the cache lacks of a world's pictures, and list them.

    Raises:
        DataError: There is no such world.
        StorageError: The cache cannot be written.
    """
    if source.world not in WORLD_KNOBS:
        raise DataError(f"there is no world {source.world!r}; {nearest(source.world, WORLD_KNOBS)}",
                        where="data.sources", fix="name a world that there is")
    folder = world_folder(source, cache)
    chunks = [folder / f"{first // CHUNK:06d}" for first in range(0, source.count, CHUNK)]
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
        lines = [
            (chunk.name, json.loads(line))
            for chunk in chunks
            for line in (chunk / LABELS).read_text(encoding="utf-8").splitlines()
        ]
        return tuple(Drawn(f"{chunk}/{line['file']}", line["labels"])
                     for chunk, line in lines[: source.count])
    except (OSError, ValueError) as error:
        raise StorageError(f"drawn pictures are damaged: {error}", where=str(folder),
                           fix="remove this folder; its pictures are then drawn again") from error


def _draw_chunks(source: WorldSource, missing: list[Path]) -> None:
    workers = min(os.cpu_count() or 1, len(missing))
    if workers == 1 or len(missing) < PARALLEL_FROM:
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
    knobs = WORLD_KNOBS[source.world].model_validate(source.randomize)
    first = int(chunk.name) * CHUNK
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=chunk.parent))
    try:
        lines = []
        for index in range(first, first + CHUNK):
            drawing = worlds.draw(source.world, seed=source.seed, index=index,
                                  width=source.width, height=source.height, knobs=knobs)
            name = f"{index:07d}.png"
            # Level 1: three times as fast as the default for files a tenth larger.
            Image.fromarray(drawing.image).save(partial / name, compress_level=1)
            lines.append(json.dumps({"file": name, "labels": drawing.labels}))
        (partial / LABELS).write_text("\n".join(lines) + "\n", encoding="utf-8")
        partial.chmod(0o755)
        try:
            partial.rename(chunk)
        except OSError:
            if not chunk.is_dir():  # else another process drew the same pictures
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sweep(folder: Path) -> None:
    for partial in folder.glob("partial-*"):
        if time.time() - partial.stat().st_mtime > STALE_S:  # left by a drawing that was killed
            shutil.rmtree(partial, ignore_errors=True)


def modules_of(world: str, code: Mapping[str, str]) -> tuple[str, ...]:
    """The modules that a world is drawn by: its own, and what that imports of the worlds' package.

    Args:
        world: A world's name, which is also its module's.
        code: The text of each module of the package, by the module's name.
    """
    found: set[str] = set()
    ahead = [world]
    while ahead:
        name = ahead.pop()
        if name in code and name not in found:
            found.add(name)
            ahead += _imported(code[name])
    return tuple(sorted(found))


def _imported(text: str) -> list[str]:
    package = worlds.__name__
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            names += [f"{package}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return [name.removeprefix(f"{package}.") for name in names if name.startswith(f"{package}.")]


@cache
def _code_digest(world: str) -> str:
    # Pictures of an older version of the code are other pictures; other worlds' code is no matter.
    files = Path(worlds.__file__).parent.glob("*.py")
    code = {file.stem: file.read_text(encoding="utf-8") for file in files}
    used = [[name, code[name]] for name in modules_of(world, code)]
    return hashlib.sha256(json.dumps(used).encode()).hexdigest()
