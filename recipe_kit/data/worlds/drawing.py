"""What a world gives: a picture and what is true of it."""

from dataclasses import dataclass

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
