"""Media that other processes read too, of which some cannot be read.

Imports little: every process that reads imports this first.
"""

import os
import signal
import time
from dataclasses import dataclass

import numpy as np

from recipe_kit.data.clip import Clip
from recipe_kit.errors import DataError


@dataclass(frozen=True)
class Reading:
    """Reads pictures of noise; some are damaged, and one ends the process that reads it."""

    damaged: frozenset[str] = frozenset()
    deadly: str = ""
    seconds: float = 0.0

    def __call__(self, source: str, media: str) -> Clip:
        if media == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if media in self.damaged:
            raise DataError("the picture is damaged", where=f"/media/{media}", fix="Repair it.")
        time.sleep(self.seconds)
        generator = np.random.default_rng(int(media.partition(".")[0]))
        return Clip(generator.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8))
