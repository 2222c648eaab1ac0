"""What a world gives: a picture or a clip, and what is true of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Value = str | int | float | bool


@dataclass(frozen=True)
class Drawing:
    """A drawn picture and its labels."""

    image: NDArray[np.uint8]
    """Height, width, 3 (red, green, blue)."""

    labels: dict[str, Value]
    """What is true of the picture, by name."""


@dataclass(frozen=True)
class ClipDrawing:
    """A drawn clip, its labels, and its annotations."""

    frames: NDArray[np.uint8]
    """Frames, height, width, 3 (red, green, blue)."""

    labels: dict[str, Value]
    """What is true of the clip, by name."""

    annotations: dict[str, dict[str, Any]]
    """The same in each of the formats that annotations come in, as JSON."""
