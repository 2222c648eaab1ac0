"""Frames as the model is shown them: patches for the vision tower, a medium for the prompt."""

from dataclasses import dataclass

from recipe_kit.model.pixels import Bytes, Patches, Preprocess, cut
from recipe_kit.model.prompt import Medium

FRAMES_PER_SECOND = 2.0
"""The rate at which a clip's frames were taken. Source: Qwen3-VL's video processor."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture or clip, ready for `encode_media` and `encode`."""

    patches: Patches
    medium: Medium


def show(frames_THWC: Bytes, preprocess: Preprocess) -> Shown:
    """Cut frames into patches; one frame is a picture, more are a clip.

    Args:
        frames_THWC: uint8; a clip's frames are `1 / FRAMES_PER_SECOND` seconds apart.
        preprocess: The checkpoint's settings.

    Raises:
        DataError: the frames have a shape that the model cannot be shown.
    """
    patches = cut(frames_THWC, preprocess)
    if len(frames_THWC) == 1:
        return Shown(patches, Medium(patches.grid))
    span, last = preprocess.temporal_patch_size, len(frames_THWC) - 1
    # A step stands at the middle of its first and last frame; a repeated frame adds no time.
    seconds = tuple(
        (min(step * span, last) + min(step * span + span - 1, last)) / 2 / FRAMES_PER_SECOND
        for step in range(patches.grid.t)
    )
    return Shown(patches, Medium(patches.grid, "video", seconds))
