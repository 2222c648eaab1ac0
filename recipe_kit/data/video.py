"""Videos, through decord: how long they are, and evenly spaced frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipe_kit.data.codec import codec_of
from recipe_kit.errors import DataError, MissingPackageError


@dataclass(frozen=True)
class VideoFacts:
    """What was measured of a video."""

    width: int
    height: int
    frames: int
    """Frames that the container announces; not every container is right."""
    fps: float
    encoding: str
    """`H.264 (MP4)`; only the end of the file's name where no more can be told."""


def probe(path: Path) -> VideoFacts:
    """Measure a video.

    Raises:
        DataError: It is missing, empty, or cannot be decoded.
        MissingPackageError: decord is not installed.
    """
    reader = _open(path)
    height, width = _frames(reader, [0], path).shape[1:3]
    container, codec = path.suffix.removeprefix(".").upper(), codec_of(path)
    return VideoFacts(int(width), int(height), len(reader), float(reader.get_avg_fps()),
                      f"{codec} ({container})" if codec else container)


def read_video(path: Path, frames: int) -> NDArray[np.uint8]:
    """Read frames from the middle of equally long parts of a video.

    Args:
        path: The file.
        frames: How many; a shorter video gives each of its frames once.

    Returns:
        uint8 [T, H, W, 3]

    Raises:
        DataError: It is missing, empty, or cannot be decoded.
        MissingPackageError: decord is not installed.
    """
    reader = _open(path)
    count = min(frames, len(reader))
    middles = (np.arange(count) + 0.5) * len(reader) / count
    return _frames(reader, middles.astype(int).tolist(), path)


def _open(path: Path) -> Any:
    try:
        import decord
    except ImportError as error:
        raise MissingPackageError("videos need decord", where=str(path),
                             fix="pip install decord2") from error
    if not path.is_file():
        raise DataError("there is no such file", where=str(path),
                        fix="put the video there, or leave its row out")
    if path.stat().st_size == 0:
        raise DataError("the video is empty (0 bytes)", where=str(path),
                        fix="put the video there, or leave its row out")
    try:
        reader = decord.VideoReader(str(path), num_threads=1)
    except (decord.DECORDError, RuntimeError) as error:
        raise _damaged(path, error) from error
    if len(reader) == 0:
        raise _damaged(path, RuntimeError("it has no frames"))
    return reader


def _frames(reader: Any, indices: list[int], path: Path) -> NDArray[np.uint8]:
    from decord import DECORDError

    try:
        return np.asarray(reader.get_batch(indices).asnumpy(), dtype=np.uint8)
    except (DECORDError, RuntimeError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    # decord appends its C++ stack to the first line.
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return DataError(f"the video cannot be decoded: {reason}", where=str(path),
                     fix="replace the video, or leave its row out")
