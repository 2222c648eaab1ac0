"""One look at every file: what it is, its digest, and what it looks like."""

import functools
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recipe_kit.data import media
from recipe_kit.data.media import MediaFacts
from recipe_kit.errors import DataError, RecipeError

THUMB_SIDE = 32


@dataclass(frozen=True)
class Inspection:
    """What one look at a file found."""

    sha256: str
    facts: MediaFacts
    phash: int
    """64-bit perceptual hash (imagehash.phash)."""
    thumb: bytes
    """Gray values of the picture at THUMB_SIDE × THUMB_SIDE pixels, row by row."""


@dataclass(frozen=True)
class Look:
    """A file to look at."""

    path: Path
    media_type: Literal["image", "video"]


def inspect_all(looks: Sequence[Look], max_megapixels: float) -> Iterator[Inspection | RecipeError]:
    """Look at files with one thread per core, in order; an unreadable file gives its error."""
    # Threads suffice: reading, hashing and decoding leave Python's lock.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(lambda look: inspect(look, max_megapixels), looks, chunksize=16)


def inspect(look: Look, max_megapixels: float) -> Inspection | RecipeError:
    """Look at one file; what was found is remembered as long as the file does not change."""
    try:
        status = look.path.stat()
    except (OSError, ValueError):
        return DataError("there is no such file", where=str(look.path),
                         fix="put it there, or leave its row out")
    try:
        return _inspect(look, max_megapixels, status.st_size, status.st_mtime_ns)
    except DataError as error:
        return error


# Loading, auditing and measuring look at the same files; the bound is about 300 MB.
@functools.lru_cache(maxsize=150_000)
def _inspect(look: Look, max_megapixels: float, _size: int, _changed: int) -> Inspection:
    path = look.path
    try:
        if look.media_type == "video":
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            facts = media.probe(path, media_type="video")
            pixels = media.read_media(path, "video", frames=media.MIDDLE_FRAME)[0]
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
