"""Pictures and videos: what they are, and their pixels.

Shapes: T frames, H height, W width, 3 red, green, blue; always uint8.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from recipe_kit.data import video as videos
from recipe_kit.data.clip import Clip
from recipe_kit.data.reel import files_of
from recipe_kit.data.sampling import SizeOf
from recipe_kit.errors import DataError
from recipe_kit.spec.model import Video

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
MAX_MEGAPIXELS = 64.0

# Our own limit is checked from the header, before a pixel is decoded, and a spec may raise it.
Image.MAX_IMAGE_PIXELS = None

# Pillow warns of odd metadata; what matters raises. Set once, because a filter that is set for
# one call only is not safe with threads.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# What Pillow's decoders raise on damaged files, found by fuzzing.
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError,
                  OverflowError, MemoryError, AttributeError, UserWarning, struct.error,
                  zlib.error)


@dataclass(frozen=True)
class MediaFacts:
    """What was measured of a picture or a video."""

    media_type: Literal["image", "video"]
    width: int
    """In pixels, as shown (after rotation)."""
    height: int
    """In pixels, as shown (after rotation)."""
    encoding: str
    """`JPEG`, `PNG`, ..., `H.264 (MP4)`."""
    bytes: int
    frames: int = 1
    fps: float = 0.0
    """Frames per second; 0 for a picture."""


def probe(path: Path, *, media_type: Literal["image", "video"] = "image",
          max_megapixels: float = MAX_MEGAPIXELS) -> MediaFacts:
    """Measure a picture from its header, or a video from its container.

    Raises:
        DataError: It is missing, empty, too large, or of no known format.
    """
    if media_type == "video":
        return video_facts(videos.probe(path, max_megapixels=max_megapixels), path)
    with open_picture(path, max_megapixels=max_megapixels) as picture:
        return picture_facts(picture, path.stat().st_size)


def video_facts(facts: videos.VideoFacts, path: Path) -> MediaFacts:
    """What was measured of a video, with the size of its files."""
    size = sum(file.stat().st_size for file in files_of(path))
    return MediaFacts("video", facts.width, facts.height, facts.encoding, size, facts.frames,
                      facts.fps)


def picture_facts(picture: Image.Image, size: int) -> MediaFacts:
    """Measure an opened picture of `size` bytes."""
    width, height = picture.size
    # Pillow turns TIFF by itself, and reports its size as turned.
    turned = picture.format != "TIFF" and _orientation(picture) in (5, 6, 7, 8)
    if turned:
        width, height = height, width
    return MediaFacts("image", width, height, str(picture.format), size)


def open_picture(path: Path, *, max_megapixels: float = MAX_MEGAPIXELS,
                 content: bytes | None = None) -> Image.Image:
    """Open a picture without decoding it.

    Args:
        path: The file.
        max_megapixels: Largest picture that is opened, in millions of pixels.
        content: The file's bytes, if they were already read.

    Raises:
        DataError: It is missing, empty, too large, or of no known format.
    """
    try:
        size = path.stat().st_size if content is None else len(content)
        if size == 0:
            raise DataError("the picture is empty (0 bytes)", where=str(path),
                            fix="put the picture there, or leave its row out")
        picture = Image.open(path if content is None else io.BytesIO(content), formats=FORMATS)
    except FileNotFoundError as error:
        raise DataError("there is no such file", where=str(path),
                        fix="put the picture there, or leave its row out") from error
    except UnidentifiedImageError as error:
        raise DataError("is not a JPEG, PNG, WebP, BMP or TIFF picture", where=str(path),
                        fix="convert the picture, or leave its row out") from error
    except _DECODE_ERRORS as error:
        raise _damaged(path, error) from error
    megapixels = picture.width * picture.height / 1e6
    if megapixels > max_megapixels:
        picture.close()
        raise DataError(
            f"the picture has {picture.width}×{picture.height} pixels ({megapixels:.1f} "
            f"megapixels); at most {max_megapixels:g} megapixels are opened",
            where=str(path), fix="make the picture smaller, or raise data.audit.max_megapixels")
    return picture


def read_image(path: Path, *, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """Read a picture as it is seen: rotated by its EXIF, transparency over white.

    Returns:
        uint8 [H, W, 3]

    Raises:
        DataError: It is missing, empty, damaged, too large, or of no known format.
    """
    with open_picture(path, max_megapixels=max_megapixels) as picture:
        return decode(picture, path)


def decode(picture: Image.Image, path: Path) -> NDArray[np.uint8]:
    """Decode an opened picture as `read_image` does; `path` is for the message only."""
    try:
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        return np.asarray(_rgb(upright, path, png=picture.format == "PNG"))
    except _DECODE_ERRORS as error:
        raise _damaged(path, error) from error


def read_media(path: Path, media_type: Literal["image", "video"], *, video: Video | None = None,
               size_of: SizeOf | None = None, max_megapixels: float = MAX_MEGAPIXELS) -> Clip:
    """Read a picture as it is, or frames of a video, chosen and resized.

    Args:
        path: The file; a video may be a folder of pictures.
        media_type: What it is.
        video: Which frames of a video; the spec's default when not given.
        size_of: How large each frame of a video is made; as they are when not given.
        max_megapixels: Largest picture or frame that is opened, in millions of pixels.

    Raises:
        DataError: It cannot be read.
    """
    if media_type == "video":
        return videos.read_video(
            path, video or Video(), size_of=size_of, max_megapixels=max_megapixels)
    return Clip(read_image(path, max_megapixels=max_megapixels)[None])


def still(path: Path, media_type: Literal["image", "video"], *,
          max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """Read a picture, or the middle frame of a video; uint8 [H, W, 3].

    Raises:
        DataError: It cannot be read.
    """
    if media_type == "video":
        return videos.middle_frame(path, max_megapixels=max_megapixels)
    return read_image(path, max_megapixels=max_megapixels)


def thumbnail(path: Path, max_side: int, *, media_type: Literal["image", "video"] = "image",
              max_megapixels: float = MAX_MEGAPIXELS) -> bytes:
    """Make a small JPEG for the page; the same file always gives the same bytes.

    Args:
        path: The picture, or a video, whose middle frame is taken.
        max_side: Longest side, in pixels; smaller pictures keep their size.
        media_type: What the file is.
        max_megapixels: Largest picture that is opened, in millions of pixels.
    """
    picture = Image.fromarray(still(path, media_type, max_megapixels=max_megapixels))
    picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90, optimize=True)
    return out.getvalue()


def _rgb(picture: Image.Image, path: Path, *, png: bool) -> Image.Image:
    # Older versions of Pillow open a PNG of 16 bits as "I".
    if picture.mode.startswith("I;16") or (picture.mode == "I" and png):
        values = np.asarray(picture).astype(np.uint32)
        return Image.fromarray((values // 257).astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F"):
        raise DataError("has 32-bit pixels, whose range is not known", where=str(path),
                        fix="save the picture with 8 or 16 bits per channel")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except _DECODE_ERRORS:
        return 1  # damaged metadata of a picture that may be sound


def _damaged(path: Path, error: Exception) -> DataError:
    # The system's words without the path, which is another on every machine: records keep this.
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DataError(f"the picture is damaged: {reason}", where=str(path),
                     fix="replace the picture, or leave its row out")
