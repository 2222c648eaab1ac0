"""Decoded frames on disk: a video is decoded once for zero-shot, every checkpoint and training.

An entry is named after the content of its file, the choice of frames and their size, so it never
goes stale, and runs may share it. Entries are written to a temporary file first, checked by a
checksum when they are read, and the longest unused are removed when the folder grows too large.
"""

import contextlib
import hashlib
import json
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from recipe_kit.data import media
from recipe_kit.data.clip import Clip
from recipe_kit.data.sampling import SizeOf, sampled
from recipe_kit.spec.model import Video

HEAD = struct.Struct("<8sQQ")
"""Mark, length of the JSON that follows, checksum of everything after it."""
MARK = b"frames1\n"
SUFFIX = ".frames"
GIGABYTE = 1_000_000_000
ROOM_LEFT = 0.9
"""How full the folder is after entries were removed."""
COUNT_EVERY = 0.01
"""Share of the limit that is written before the folder is counted anew: other processes write to it
too."""
ABANDONED_S = 3600
"""An unfinished entry of this age, in seconds, was left by a process that died."""


class FrameCache:
    """A folder of decoded frames of limited size.

    Args:
        folder: Where; it is made when first needed.
        limit_bytes: Most that all entries may take; 0 keeps nothing.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._used = 0
        self._unseen = limit_bytes  # written since the folder was last counted; at first, unknown
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["FrameCache"], tuple[Path, int]]:
        return FrameCache, (self._folder, self._limit)  # a lock cannot be sent

    def get(self, key: str, read: Callable[[], Clip]) -> Clip:
        """Frames from the cache, or read and kept; a damaged entry is read anew."""
        found = _load(self._path(key))
        if found is not None:
            return found
        clip = read()
        self.keep(key, clip)
        return clip

    def size(self) -> tuple[int, int]:
        """Number of entries, and the bytes they take."""
        sizes = [size for _, size, _ in self._entries()]
        return len(sizes), sum(sizes)

    def keep(self, key: str, clip: Clip) -> None:
        """Add frames, removing others if that is too much."""
        path = self._path(key)
        content = _dump(clip)
        if len(content) > self._limit:
            return
        # A cache that cannot be written is no cache, and no error.
        with contextlib.suppress(OSError), self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
            try:
                part.write_bytes(content)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            self._used += len(content)
            self._unseen += len(content)
            if self._unseen > self._limit * COUNT_EVERY:
                self._used, self._unseen = self._total(), 0
            if self._used > self._limit:
                self._make_room(path)

    def _make_room(self, newest: Path) -> None:
        for part in self._folder.glob("*/*.part"):
            if time.time() - part.stat().st_mtime > ABANDONED_S:
                part.unlink(missing_ok=True)
        # Counted anew: another run may have written or removed something too.
        entries = sorted(self._entries())
        used = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if used <= self._limit * ROOM_LEFT:
                break
            if path != newest:
                path.unlink(missing_ok=True)
                used -= size
        self._used = used

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / (key + SUFFIX)

    def _total(self) -> int:
        return sum(size for _, size, _ in self._entries())

    def _entries(self) -> list[tuple[float, int, Path]]:
        entries = []
        for path in self._folder.glob(f"*/*{SUFFIX}"):
            with contextlib.suppress(OSError):  # removed by another run in between
                status = path.stat()
                entries.append((status.st_mtime, status.st_size, path))
        return entries


def read_clip(
    path: Path, media_type: Literal["image", "video"], *, video: Video, size_of: SizeOf,
    shape: tuple[int, int], cache: FrameCache, sha256: str, max_megapixels: float,
) -> Clip:
    """Read a picture as it is, or a video's frames, chosen and resized, through the cache.

    Args:
        path: The file, or a folder of pictures.
        media_type: What it is.
        video: Which frames are taken.
        size_of: How large each frame is made.
        shape: Height and width of the file's frames.
        cache: Where frames are kept.
        sha256: Of the file's content.
        max_megapixels: Largest picture or frame that is opened, in millions of pixels.

    Raises:
        DataError: It cannot be read.
    """
    if media_type == "image":
        return media.read_media(path, "image", max_megapixels=max_megapixels)
    return cache.get(
        frames_key(sha256, video, size_of(*shape)),
        lambda: media.read_media(
            path, "video", video=video, size_of=size_of, max_megapixels=max_megapixels),
    )


def frames_key(sha256: str, video: Video, size: tuple[int, int]) -> str:
    """Name of an entry: the file's content, which frames, and their height and width."""
    return hashlib.sha256(json.dumps([sha256, sampled(video), size]).encode()).hexdigest()


def _dump(clip: Clip) -> bytes:
    frames = np.ascontiguousarray(clip.frames_THWC)
    about = json.dumps({"shape": frames.shape, "seconds": clip.seconds_T}).encode()
    # Spaces, so that the pixels begin where a processor likes to read from.
    about += b" " * (-len(about) % 8)
    content = frames.tobytes()
    head = HEAD.pack(MARK, len(about), _checksum(about, memoryview(content)))
    return b"".join((head, about, content))


def _checksum(about: bytes, content: memoryview) -> int:
    """Changes with any damage that a disk or a dying process does; five times as fast as CRC."""
    whole = len(content) // 8 * 8
    total = np.frombuffer(content[:whole], np.uint64).sum(dtype=np.uint64)
    return int(total) ^ zlib.crc32(content[whole:], zlib.crc32(about))


def _load(path: Path) -> Clip | None:
    """The entry, and note that it was used; nothing where it is missing or damaged."""
    try:
        content = path.read_bytes()
        mark, length, checksum = HEAD.unpack_from(content)
        view = memoryview(content)[HEAD.size :]
        said, pixels = bytes(view[:length]), view[length:]
        if mark != MARK or _checksum(said, pixels) != checksum:
            return None
        about = json.loads(said)
        frames = np.frombuffer(pixels, np.uint8).reshape(about["shape"])
        os.utime(path)
    except (OSError, ValueError, struct.error):
        return None
    return Clip(frames, tuple(about["seconds"]))
