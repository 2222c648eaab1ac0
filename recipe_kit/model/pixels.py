"""Pictures and clips become the patches that a Qwen3-VL vision tower reads.

Written here because transformers' own processors need torchvision; checked against them bit by
bit in `tests/model/test_pixels.py`. Shape names: T frames, H and W pixels, C channels, N patches,
D = C * temporal_patch_size * patch_size ** 2 values of one patch.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from recipe_kit.errors import DataError, ModelError

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

MAX_ASPECT = 200


class Grid(NamedTuple):
    """Patches of one medium along time, height and width."""

    t: int
    h: int
    w: int

    @property
    def patches(self) -> int:
        """Patches altogether."""
        return self.t * self.h * self.w


class Patches(NamedTuple):
    """One medium, cut up: `values` uint8 [N, D] before normalization, and its grid."""

    values: Bytes
    grid: Grid


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How pictures are resized, normalized and cut; part of a prediction's fingerprint."""

    patch_size: int = 16
    """Side of a patch, in pixels."""
    temporal_patch_size: int = 2
    """Frames that one patch spans; a picture is repeated to fill it."""
    merge_size: int = 2
    """Patches along each side that become one visual token."""
    min_pixels: int = 65_536
    """Smaller pictures are enlarged to at least this area."""
    max_pixels: int = 16_777_216
    """Larger pictures are shrunk to at most this area."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Subtracted from each channel after scaling to 0..1."""
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Divides each channel after the mean is subtracted."""
    frame_min_pixels: int | None = None
    """As `min_pixels`, for each frame of a clip; the same when None."""
    frame_max_pixels: int | None = None
    """As `max_pixels`, for each frame of a clip; the same when None."""

    @property
    def factor(self) -> int:
        """Sides are multiples of this many pixels."""
        return self.patch_size * self.merge_size

    def digest(self) -> str:
        """A short name of these settings that changes when any of them does."""
        # The limits of frames came later: without them the name is what it was.
        settings = {key: value for key, value in asdict(self).items() if value is not None}
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width in pixels that a picture is resized to."""
        return smart_resize(height, width, self.factor, self.min_pixels, self.max_pixels)

    def frame_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width in pixels that each frame of a clip is resized to."""
        least = self.frame_min_pixels or self.min_pixels
        most = self.frame_max_pixels or self.max_pixels
        return smart_resize(height, width, self.factor, least, most)

    def tokens_of(self, grid: Grid) -> int:
        """Visual tokens that a grid of patches becomes."""
        return grid.patches // self.merge_size**2

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> "Preprocess":
        """Read a checkpoint's `preprocessor_config.json`.

        Raises:
            ModelError: a value is missing its type or is out of range.
        """
        size = config.get("size")
        edges: Mapping[str, object] = size if isinstance(size, Mapping) else {}
        raw = {
            "patch_size": config.get("patch_size"),
            "temporal_patch_size": config.get("temporal_patch_size"),
            "merge_size": config.get("merge_size"),
            # Older files name the areas directly; newer ones hide them in misnamed edges.
            "min_pixels": config.get("min_pixels") or edges.get("shortest_edge"),
            "max_pixels": config.get("max_pixels") or edges.get("longest_edge"),
        }
        numbers: dict[str, int] = {}
        for key, value in raw.items():
            if value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ModelError(f"{key} must be a positive whole number, not {value!r}")
            numbers[key] = value
        defaults = cls()
        return cls(
            patch_size=numbers.get("patch_size", defaults.patch_size),
            temporal_patch_size=numbers.get("temporal_patch_size", defaults.temporal_patch_size),
            merge_size=numbers.get("merge_size", defaults.merge_size),
            min_pixels=numbers.get("min_pixels", defaults.min_pixels),
            max_pixels=numbers.get("max_pixels", defaults.max_pixels),
            mean=_triple("image_mean", config.get("image_mean"), defaults.mean),
            std=_triple("image_std", config.get("image_std"), defaults.std),
        )


def _triple(
    key: str, value: object, default: tuple[float, float, float]
) -> tuple[float, float, float]:
    if value is None:
        return default
    if (
        not isinstance(value, list | tuple)
        or len(value) != 3
        or not all(isinstance(number, int | float) for number in value)
    ):
        raise ModelError(f"{key} must be three numbers, not {value!r}")
    return float(value[0]), float(value[1]), float(value[2])


def smart_resize(
    height: int, width: int, factor: int, min_pixels: int, max_pixels: int
) -> tuple[int, int]:
    """Sides that are multiples of `factor`, of allowed area, and nearly the same shape.

    Source: `smart_resize` of transformers' Qwen2-VL image processor.

    Raises:
        DataError: one side is more than 200 times the other, or a side is empty.
    """
    if min(height, width) < 1 or max(height, width) / min(height, width) > MAX_ASPECT:
        raise DataError(
            f"a picture of {width} x {height} pixels cannot be shown to the model",
            fix=f"crop it so that no side is empty or more than {MAX_ASPECT} times the other",
        )
    new_height = round(height / factor) * factor
    new_width = round(width / factor) * factor
    if new_height * new_width > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        new_height = max(factor, math.floor(height / shrink / factor) * factor)
        new_width = max(factor, math.floor(width / shrink / factor) * factor)
    elif new_height * new_width < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        new_height = math.ceil(height * grow / factor) * factor
        new_width = math.ceil(width * grow / factor) * factor
    return new_height, new_width


def resize(frames_THWC: Bytes, height: int, width: int) -> Bytes:
    """Resize every frame with PIL's bicubic filter, as Qwen's processor does."""
    if frames_THWC.shape[1:3] == (height, width):
        return frames_THWC
    out = np.empty((len(frames_THWC), height, width, 3), np.uint8)
    for index, frame in enumerate(frames_THWC):
        picture = Image.fromarray(frame)
        out[index] = np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))
    return out


def cut(frames_THWC: Bytes, preprocess: Preprocess, *, video: bool = False) -> Patches:
    """Resize frames and cut them into patches, in the order the merger expects.

    A clip whose length is no multiple of `temporal_patch_size` repeats its last frame.

    Args:
        frames_THWC: uint8; a picture is a clip of one frame.
        preprocess: The checkpoint's settings.
        video: Whether the limits are those of a clip's frames.

    Raises:
        DataError: the array is not uint8 [T, H, W, 3], or its shape cannot be resized.
    """
    if frames_THWC.dtype != np.uint8 or frames_THWC.ndim != 4 or frames_THWC.shape[-1] != 3:
        raise DataError(
            f"frames must be uint8 [T, H, W, 3], not {frames_THWC.dtype} {frames_THWC.shape}"
        )
    size_of = preprocess.frame_size if video else preprocess.size_of
    height, width = size_of(frames_THWC.shape[1], frames_THWC.shape[2])
    frames = resize(frames_THWC, height, width)
    span, side, merge = preprocess.temporal_patch_size, preprocess.patch_size, preprocess.merge_size
    if missing := -len(frames) % span:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    grid = Grid(len(frames) // span, height // side, width // side)
    blocks = frames.reshape(
        grid.t, span, grid.h // merge, merge, side, grid.w // merge, merge, side, 3
    )
    # Time, block row, block column, row in block, column in block; then C, span, side, side.
    ordered = blocks.transpose(0, 2, 5, 3, 6, 8, 1, 4, 7)
    return Patches(np.ascontiguousarray(ordered).reshape(grid.patches, -1), grid)


def normalize(values_ND: Bytes, preprocess: Preprocess) -> Floats:
    """Scale bytes to 0..1, subtract the mean and divide by the deviation of each channel."""
    table = _table(preprocess)
    by_channel = values_ND.reshape(len(values_ND), 3, -1)
    out = np.empty(by_channel.shape, np.float32)
    for channel in range(3):
        # There are only 256 values a byte can have, so each is normalized once.
        out[:, channel] = table[channel][by_channel[:, channel]]
    return out.reshape(values_ND.shape)


def _table(preprocess: Preprocess) -> Floats:
    scaled = (np.arange(256, dtype=np.float64) * (1 / 255)).astype(np.float32)
    mean = np.asarray(preprocess.mean, np.float32)[:, None]
    std = np.asarray(preprocess.std, np.float32)[:, None]
    return ((scaled[None] - mean) / std).astype(np.float32)
