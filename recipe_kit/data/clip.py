"""A picture, or frames of a video with their times: what is read of a medium."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Clip(NamedTuple):
    """What is read of a picture or a video."""

    frames_THWC: NDArray[np.uint8]
    """A picture has one frame."""
    seconds_T: tuple[float, ...] = ()
    """The time of each frame since the video's beginning; nothing for a picture."""


ReadMedia = Callable[[str, str], Clip]
"""From a source and a media path to its frames and their times; a picture has one frame."""
