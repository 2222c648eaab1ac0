"""Which frames are taken of a video, and how large they are shown."""

from collections.abc import Callable

import numpy as np

from recipe_kit.spec.model import FRAMES, Video

SizeOf = Callable[[int, int], tuple[int, int]]
"""From a frame's height and width to those it is resized to."""


def frame_numbers(total: int, fps: float, video: Video) -> list[int]:
    """Choose frames, evenly spaced from the first to the last.

    Source: `Qwen3VLVideoProcessor.sample_frames` of transformers. No frame is taken twice: a
    video shorter than `nframes` gives each of its frames once.

    Args:
        total: Frames of the video.
        fps: Frames of the video per second, on average.
        video: What the spec says.
    """
    if video.fps is None:
        count = min(video.nframes or FRAMES, total)
    else:
        count = int(total / fps * video.fps)
        count = min(max(count, video.min_frames), video.max_frames, total)
    return [int(index) for index in np.linspace(0, total - 1, count).round()]


def sampled(video: Video) -> list[int | float | None]:
    """What the choice of frames depends on."""
    if video.fps is None:
        return [video.nframes or FRAMES]
    return [video.fps, video.min_frames, video.max_frames]
