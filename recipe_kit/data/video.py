"""Videos: how long they are, and frames of them with their times."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from recipe_kit.data.clip import Clip
from recipe_kit.data.decoders import Frame
from recipe_kit.data.reel import Reel, open_reel
from recipe_kit.data.sampling import SizeOf, frame_numbers
from recipe_kit.errors import DataError
from recipe_kit.spec.model import Video

MAX_MEGAPIXELS = 64.0


@dataclass(frozen=True)
class VideoFacts:
    """What was measured of a video."""

    width: int
    """In pixels, as shown (after rotation)."""
    height: int
    """In pixels, as shown (after rotation)."""
    frames: int
    """Frames that are shown; not every container announces them rightly."""
    fps: float
    """Frames per second, on average."""
    encoding: str
    """`H.264 (MP4)`."""


class Look(NamedTuple):
    """What one look at a video gives."""

    facts: VideoFacts
    still: Frame
    """The frame in the middle, as it is."""
    clip: Clip
    """The frames that are taken of it, resized."""


def look_at(path: Path, video: Video, *, size_of: SizeOf | None = None,
            max_megapixels: float = MAX_MEGAPIXELS) -> Look:
    """Measure a video and decode what is taken of it, because a sound header proves nothing.

    Args:
        path: The file, or a folder of pictures.
        video: Which frames are taken.
        size_of: How large each of them is made; as it is when not given.
        max_megapixels: Largest frame that is decoded, in millions of pixels.

    Raises:
        DataError: It is missing, empty, cut off, or one of those frames cannot be decoded.
    """
    with open_reel(path, max_megapixels=max_megapixels, reader=video.reader) as reel:
        total = len(reel.seconds)
        taken = frame_numbers(total, reel.fps, video)
        numbers = sorted({*taken, total // 2})
        frames, stills = [], []
        for number, frame in zip(numbers, reel.frames(numbers), strict=True):
            if number == total // 2:
                stills.append(frame)
            if number in taken:
                frames.append(_fit(frame, size_of))
        (still,) = stills
        height, width = still.shape[:2]
        facts = VideoFacts(width, height, total, reel.fps, reel.encoding)
        return Look(facts, still, _clip(reel, taken, frames))


def probe(path: Path, *, max_megapixels: float = MAX_MEGAPIXELS) -> VideoFacts:
    """Measure a video, decoding its first frame only.

    Raises:
        DataError: It is missing, empty, cut off, or its first frame cannot be decoded.
    """
    with open_reel(path, max_megapixels=max_megapixels) as reel:
        height, width = next(reel.frames([0])).shape[:2]
        return VideoFacts(width, height, len(reel.seconds), reel.fps, reel.encoding)


def read_video(path: Path, video: Video, *, size_of: SizeOf | None = None,
               max_megapixels: float = MAX_MEGAPIXELS) -> Clip:
    """Read frames of a video, as the spec chooses them.

    Args:
        path: The file, or a folder of pictures.
        video: Which frames.
        size_of: How large each frame is made; as they are when not given.
        max_megapixels: Largest frame that is decoded, in millions of pixels.

    Raises:
        DataError: It is missing, empty, or cannot be decoded.
    """
    with open_reel(path, max_megapixels=max_megapixels, reader=video.reader) as reel:
        numbers = frame_numbers(len(reel.seconds), reel.fps, video)
        return _clip(reel, numbers, [_fit(frame, size_of) for frame in reel.frames(numbers)])


def middle_frame(path: Path, *, max_megapixels: float = MAX_MEGAPIXELS) -> Frame:
    """Read the frame in the middle of a video.

    Raises:
        DataError: It is missing, empty, or cannot be decoded.
    """
    with open_reel(path, max_megapixels=max_megapixels) as reel:
        return next(reel.frames([len(reel.seconds) // 2]))


def _clip(reel: Reel, numbers: list[int], frames: list[Frame]) -> Clip:
    if len({frame.shape for frame in frames}) > 1:
        raise DataError("its frames are not all of one size", where=str(reel.path),
                        fix="make them of one size, or leave its row out")
    return Clip(np.stack(frames), tuple(reel.seconds[number] for number in numbers))


def _fit(frame: Frame, size_of: SizeOf | None) -> Frame:
    """Resize a frame with PIL's bicubic filter, as Qwen's processor does."""
    if size_of is None:
        return frame
    height, width = size_of(*frame.shape[:2])
    if frame.shape[:2] == (height, width):
        return frame
    picture = Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)
