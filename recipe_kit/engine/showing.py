"""Media as a batch shows them: read from their files, blanked, or known from before."""

from typing import NamedTuple

import numpy as np
import torch

from recipe_kit.engine.base import ReadMedia
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.media import show
from recipe_kit.model.pixels import Bytes, Grid, Preprocess
from recipe_kit.model.prompt import Medium
from recipe_kit.model.seen import Seen

GRAY = 128

BLANKED = "\0gray/{}x{}x{}"
"""What a blanked medium's features go by: its grid, of which all look alike. No file's name has the
first character."""


class Ready(NamedTuple):
    """A medium, ready to be shown."""

    key: str
    """What its features go by."""
    medium: Medium
    pixels: torch.Tensor | None
    """Patches, uint8 [N, D], pinned for a GPU; None where the features are held."""


class Showing:
    """Makes media ready; used by several threads.

    Args:
        loaded: The model that is to see them.
        read_media: Reads the frames of a medium.
        blank: Show a gray picture of the same size instead.
        seen: What the model's vision tower saw before: of a medium that is there, or that is known
            there and blanked, the file is not read.
    """

    def __init__(
        self, loaded: LoadedModel, read_media: ReadMedia, *, blank: bool, seen: Seen | None
    ) -> None:
        self._preprocess = loaded.preprocess
        self._on_gpu = loaded.device.type == "cuda"
        self._read_media = read_media
        self._blank = blank
        self._seen = seen

    def __call__(self, source: str, media: str) -> Ready:
        """Raises: DataError: the file cannot be read."""
        key = f"{source}/{media}"
        medium = self._seen.medium(key) if self._seen else None
        if medium is None or not (self._blank or self._holds(key)):
            medium, values = self._read(source, media)
            if self._seen:
                self._seen.put_medium(key, medium)
        elif self._blank:
            values = _gray(medium.grid, self._preprocess)
        key = BLANKED.format(*medium.grid) if self._blank else key
        if self._holds(key):
            return Ready(key, medium, None)
        # Pixels of a decoder may be read-only, which torch does not know.
        pixels = torch.from_numpy(np.require(values, requirements="W"))
        return Ready(key, medium, pixels.pin_memory() if self._on_gpu else pixels)

    def _read(self, source: str, media: str) -> tuple[Medium, Bytes]:
        clip = self._read_media(source, media)
        if self._blank:
            clip = clip._replace(frames_THWC=np.full_like(clip.frames_THWC, GRAY))
        shown = show(clip, self._preprocess)
        return shown.medium, shown.patches.values

    def _holds(self, key: str) -> bool:
        return self._seen is not None and self._seen.has(key)


def _gray(grid: Grid, preprocess: Preprocess) -> Bytes:
    """The patches of a blanked medium."""
    values = 3 * preprocess.temporal_patch_size * preprocess.patch_size**2
    return np.full((grid.patches, values), GRAY, np.uint8)
