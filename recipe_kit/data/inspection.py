"""One look at every file: what it is, its digest, and what it looks like."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Literal

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recipe_kit.data import media, memory
from recipe_kit.data.memory import THUMB_SIDE, Inspection, Key
from recipe_kit.errors import DataError


@dataclass(frozen=True)
class Look:
    """A file to look at."""

    path: Path
    media_type: Literal["image", "video"]


# From a file as it is (place, kind, size, times) to what was found: loading, auditing and
# measuring look at the same files. About 1.5 kB each.
_seen: dict[Key, Inspection] = {}


def inspect_all(looks: Sequence[Look], max_megapixels: float, *,
                cache: Path | None = None) -> list[Inspection | DataError]:
    """Look at files with one thread per core.

    Args:
        looks: The files.
        max_megapixels: Largest picture that is opened, in millions of pixels.
        cache: Folder that remembers what was found from one run to the next.

    Returns:
        For each file, in order, what was found, or why it cannot be read.
    """
    keys = [_key(look) for look in looks]
    if cache is not None:
        unseen = [key for key in keys if key and key not in _seen]
        _seen.update(memory.recall(cache, unseen))
    before = set(_seen)
    # Threads suffice: reading, hashing and decoding leave Python's lock.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = list(pool.map(_look, looks, keys, repeat(max_megapixels)))
    if cache is not None:
        memory.keep(cache, {key: _seen[key] for key in keys if key in _seen and key not in before})
    return found


def _key(look: Look) -> Key | None:
    try:
        status = look.path.stat()
    except (OSError, ValueError):
        return None
    # The time of the last change of any kind (ctime) cannot be set back, unlike mtime.
    return (str(look.path.absolute()), look.media_type, status.st_size, status.st_mtime_ns,
            status.st_ctime_ns)


def _look(look: Look, key: Key | None, max_megapixels: float) -> Inspection | DataError:
    if key is None:
        return DataError("there is no such file", where=str(look.path),
                         fix="put it there, or leave its row out")
    found = _seen.get(key)
    if found is not None and found.facts.width * found.facts.height <= max_megapixels * 1e6:
        return found
    try:
        return _seen.setdefault(key, _inspect(look, max_megapixels))
    except DataError as error:
        return error


def _inspect(look: Look, max_megapixels: float) -> Inspection:
    path = look.path
    try:
        if look.media_type == "video":
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            facts = media.probe(path, media_type="video", max_megapixels=max_megapixels)
            pixels = media.still(path, "video", max_megapixels=max_megapixels)
        else:
            content = path.read_bytes()
            sha256 = hashlib.sha256(content).hexdigest()
            with media.open_picture(path, max_megapixels=max_megapixels,
                                    content=content) as picture:
                facts = media.picture_facts(picture, len(content))
                pixels = media.decode(picture, path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path),
                        fix="give yourself the right to read it, or leave its row out") from error
    return Inspection(sha256, facts, *look_of(pixels))


def look_of(pixels: NDArray[np.uint8]) -> tuple[int, bytes]:
    """Reduce a picture [H, W, 3] to its perceptual hash and its gray thumbnail."""
    gray = Image.fromarray(pixels).convert("L")
    bits = imagehash.phash(gray).hash.ravel()
    thumb = gray.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BOX)
    return int.from_bytes(np.packbits(bits).tobytes(), "big"), thumb.tobytes()
