"""Clips of the `driving` world as the embedded model is trained on them: drawn in memory.

Only the frames that the model is shown are drawn, at their true times: those that `nframes` takes
from a clip of four seconds at four frames per second. Half of the clips are packed as JPEG first,
since in a recipe they come out of a video file. Shape names: T frames, H and W pixels.
"""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from recipe_kit.data.worlds.driving.labels import Labels, labels
from recipe_kit.data.worlds.driving.painter import Painter
from recipe_kit.data.worlds.driving.plan import plan
from recipe_kit.model.pixels import Preprocess, cut
from recipe_kit.spec.worlds import DrivingKnobs

Bytes = npt.NDArray[np.uint8]

CLIPS = "driving"
"""The course with clips."""
SECONDS = 4.0
FPS = 4.0
KNOBS = DrivingKnobs()


def frame_times(count: int) -> list[float]:
    """The times of `count` frames, spread over the frames of a clip; seconds."""
    last = round(SECONDS * FPS) - 1
    places = np.linspace(0, last, count).round()
    return [float(place) / FPS for place in places]


def times_of(count: int) -> tuple[float, ...]:
    """The times of a clip's steps, each between its two frames; seconds."""
    times = frame_times(count)
    return tuple((one + two) / 2 for one, two in zip(times[::2], times[1::2], strict=True))


def draw_frames(
    seed: int, index: int, height: int, width: int, count: int, rng: np.random.Generator
) -> tuple[Bytes, Labels]:
    """`count` frames of one clip, uint8 [T, H, W, 3], and what is true of the clip."""
    scene = plan(seed=seed, index=index, knobs=KNOBS, seconds=SECONDS)
    painter = Painter(scene, width=width, height=height)
    quality = int(rng.integers(60, 95)) if rng.random() < 0.5 else 0
    frames = [_packed(painter.frame(t), quality) for t in frame_times(count)]
    return np.stack(frames), labels(scene)


def _packed(frame: Bytes, quality: int) -> Bytes:
    if not quality:
        return frame
    packed = io.BytesIO()
    Image.fromarray(frame).save(packed, "JPEG", quality=quality)
    return np.asarray(Image.open(packed))


def clip_patches(frames_THWC: Bytes) -> Bytes:
    """The patches of frames whose size needs no change, uint8 [P, 1536]."""
    area = frames_THWC.shape[1] * frames_THWC.shape[2]
    return cut(frames_THWC, Preprocess(min_pixels=area, max_pixels=area)).values
