"""Frames as the model is shown them: patches for the vision tower, a medium for the prompt."""

from dataclasses import dataclass

from recipe_kit.model.pixels import Bytes, Patches, Preprocess, cut
from recipe_kit.model.prompt import Medium


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture or clip, ready for `encode_media` and `encode`."""

    patches: Patches
    medium: Medium


def show(clip: tuple[Bytes, tuple[float, ...]], preprocess: Preprocess) -> Shown:
    """Cut frames into patches; what has times is a clip, even of one frame.

    Args:
        clip: Frames, uint8 [T, H, W, 3], and the time of each; a picture has one frame and no time.
        preprocess: The checkpoint's settings.

    Raises:
        DataError: the frames have a shape that the model cannot be shown.
    """
    frames_THWC, seconds_T = clip
    patches = cut(frames_THWC, preprocess, video=bool(seconds_T))
    if not seconds_T:
        return Shown(patches, Medium(patches.grid))
    span, last = preprocess.temporal_patch_size, len(seconds_T) - 1
    # A step stands at the middle of its first and last frame; a repeated frame adds no time.
    # Source: `Qwen3VLProcessor._calculate_timestamps` of transformers.
    seconds = tuple(
        (seconds_T[min(step * span, last)] + seconds_T[min(step * span + span - 1, last)]) / 2
        for step in range(patches.grid.t)
    )
    return Shown(patches, Medium(patches.grid, "video", seconds))
