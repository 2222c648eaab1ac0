"""Videos: how long they are, and frames of them with their times."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from recipe_kit.data.clip import Clip
from recipe_kit.data.decoders import Frame, by_av
from recipe_kit.data.film import Film, open_film
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


def probe(path: Path, *, max_megapixels: float = MAX_MEGAPIXELS) -> VideoFacts:
    """Measure a video.

    Raises:
        DataError: It is missing, empty, cut off, or its first frame cannot be decoded.
    """
    with open_film(path, max_megapixels=max_megapixels) as film:
        height, width = next(by_av(film, [0])).shape[:2]
        return VideoFacts(width, height, len(film.stamps), float(film.fps), film.encoding)


def read_video(path: Path, video: Video, *, size_of: SizeOf | None = None,
               max_megapixels: float = MAX_MEGAPIXELS) -> Clip:
    """Read frames of a video, as the spec chooses them.

    Args:
        path: The file.
        video: Which frames.
        size_of: How large each frame is made; as they are when not given.
        max_megapixels: Largest frame that is decoded, in millions of pixels.

    Raises:
        DataError: It is missing, empty, or cannot be decoded.
    """
    with open_film(path, max_megapixels=max_megapixels) as film:
        return read_frames(film, frame_numbers(len(film.stamps), float(film.fps), video), size_of)


def middle_frame(path: Path, *, max_megapixels: float = MAX_MEGAPIXELS) -> Frame:
    """Read the frame in the middle of a video.

    Raises:
        DataError: It is missing, empty, or cannot be decoded.
    """
    with open_film(path, max_megapixels=max_megapixels) as film:
        return next(by_av(film, [len(film.stamps) // 2]))


def read_frames(film: Film, indices: list[int], size_of: SizeOf | None = None) -> Clip:
    """Read some frames of an open film."""
    seconds = film.seconds
    frames = [fit(frame, size_of) for frame in by_av(film, indices)]
    if len({frame.shape for frame in frames}) > 1:
        raise DataError("the size of the frames changes in the video", where=str(film.path),
                        fix="encode the video with one size, or leave its row out")
    return Clip(np.stack(frames), tuple(seconds[index] for index in indices))


def fit(frame: Frame, size_of: SizeOf | None) -> Frame:
    """Resize a frame with PIL's bicubic filter, as Qwen's processor does."""
    if size_of is None:
        return frame
    height, width = size_of(*frame.shape[:2])
    if frame.shape[:2] == (height, width):
        return frame
    picture = Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture)
