"""Reads the media of samples, in this process or, sent there, in others."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recipe_kit.data.clip import Clip
from recipe_kit.data.frames import FrameCache, read_clip
from recipe_kit.model.pixels import Preprocess
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.model import Video

Find = Callable[[str, str], Sample | None]
"""From a source and a media path to a sample that shows it."""


@dataclass(frozen=True)
class MediaReader:
    """Reads a picture as it is, or the frames that the spec chooses of a video, resized."""

    find: Find
    roots: dict[str, Path]
    """Folder of each source's media."""
    video: Video
    """Which frames are taken."""
    preprocess: Preprocess
    """How large they are shown."""
    cache: FrameCache
    max_megapixels: float
    """Largest picture or frame that is opened, in millions of pixels."""

    def __call__(self, source: str, media: str) -> Clip:
        """The frames of a medium.

        Raises:
            DataError: It cannot be read.
        """
        sample = self.find(source, media)
        assert sample is not None, f"no sample shows {source}/{media}"
        return read_clip(
            self.roots[source] / media, sample.media_type,
            video=self.video, size_of=self.preprocess.frame_size,
            shape=(sample.height, sample.width), cache=self.cache, sha256=sample.sha256,
            max_megapixels=self.max_megapixels,
        )
