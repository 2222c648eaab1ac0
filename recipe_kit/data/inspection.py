"""One look at every file: what it is, its digest, and what it looks like."""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Literal, NamedTuple

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recipe_kit.data import media, memory
from recipe_kit.data import video as videos
from recipe_kit.data.frames import FrameCache, frames_key
from recipe_kit.data.memory import THUMB_SIDE, Inspection, Key
from recipe_kit.data.reel import files_of
from recipe_kit.data.sampling import SizeOf, sampled
from recipe_kit.errors import DataError
from recipe_kit.spec.model import Video


@dataclass(frozen=True)
class Look:
    """A file to look at."""

    path: Path
    """A video may be a folder of pictures."""
    media_type: Literal["image", "video"]
    video: Video = field(default_factory=Video)
    """Which frames of a video must be sound."""


class Keep(NamedTuple):
    """Where the frames of a video go, once they are decoded."""

    cache: FrameCache
    size_of: SizeOf
    """How large each frame is made."""


# From a file as it is (place, kind, size, times) to what was found: loading, auditing and
# measuring look at the same files. About 1.5 kB each.
_seen: dict[Key, Inspection] = {}


def inspect_all(
    looks: Sequence[Look], max_megapixels: float, *, cache: Path | None = None,
    keep: Keep | None = None,
) -> list[Inspection | DataError]:
    """Look at files with one thread per core.

    Args:
        looks: The files.
        max_megapixels: Largest picture that is opened, in millions of pixels.
        cache: Folder that remembers what was found from one run to the next.
        keep: Where the frames of videos go that are decoded on this occasion.

    Returns:
        For each file, in order, what was found, or why it cannot be read.
    """
    # Many questions may be about one file.
    files = list(dict.fromkeys(looks))
    keys = [_key(look) for look in files]
    if cache is not None:
        unseen = [key for key in keys if key and key not in _seen]
        _seen.update(memory.recall(cache, unseen))
    before = set(_seen)
    # Threads suffice: reading, hashing and decoding leave Python's lock.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        found = dict(zip(
            files, pool.map(_look, files, keys, repeat(max_megapixels), repeat(keep)), strict=True))
    if cache is not None:
        memory.keep(cache, {key: _seen[key] for key in keys if key in _seen and key not in before})
    return [found[look] for look in looks]


def _key(look: Look) -> Key | None:
    try:
        states = [file.stat() for file in (look.path, *files_of(look.path))]
    except (OSError, ValueError):
        return None
    # The time of the last change of any kind (ctime) cannot be set back, unlike mtime.
    return (str(look.path.absolute()), _kind(look), sum(state.st_size for state in states[1:]),
            max(state.st_mtime_ns for state in states), max(state.st_ctime_ns for state in states))


def _kind(look: Look) -> str:
    """Kind of the file, and of a video which frames were found to be sound."""
    if look.media_type == "image":
        return "image"
    return f"video {json.dumps(sampled(look.video))}"


def _look(look: Look, key: Key | None, max_megapixels: float,
          keep: Keep | None) -> Inspection | DataError:
    if key is None:
        return DataError("there is no such file", where=str(look.path),
                         fix="put it there, or leave its row out")
    found = _seen.get(key)
    if found is not None and found.facts.width * found.facts.height <= max_megapixels * 1e6:
        return found
    try:
        return _seen.setdefault(key, _inspect(look, max_megapixels, keep))
    except DataError as error:
        return error


def _inspect(look: Look, max_megapixels: float, keep: Keep | None) -> Inspection:
    path = look.path
    try:
        if look.media_type == "video":
            sha256 = _video_digest(path)
            seen = videos.look_at(path, look.video, size_of=keep.size_of if keep else None,
                                  max_megapixels=max_megapixels)
            if keep:
                size = keep.size_of(seen.facts.height, seen.facts.width)
                keep.cache.keep(frames_key(sha256, look.video, size), seen.clip)
            facts, pixels = media.video_facts(seen.facts, path), seen.still
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


def _video_digest(path: Path) -> str:
    """Digest of a file, or of the pictures in a folder and of their names."""
    digests = []
    for part in files_of(path):
        with part.open("rb") as file:
            digests.append([part.name, hashlib.file_digest(file, "sha256").hexdigest()])
    if not path.is_dir():
        return digests[0][1]
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def look_of(pixels: NDArray[np.uint8]) -> tuple[int, bytes]:
    """Reduce a picture [H, W, 3] to its perceptual hash and its gray thumbnail."""
    gray = Image.fromarray(pixels).convert("L")
    bits = imagehash.phash(gray).hash.ravel()
    thumb = gray.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BOX)
    return int.from_bytes(np.packbits(bits).tobytes(), "big"), thumb.tobytes()
