"""A video as a row of frames with their times, be it a file or a folder of pictures."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from recipe_kit.data.decoders import DECODERS, Frame
from recipe_kit.data.film import open_film
from recipe_kit.errors import DataError

RATE = "fps.txt"
"""File in a folder of pictures that says how many of them make a second; 1 where it is absent."""
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Reel:
    """A video that is open."""

    path: Path
    seconds: tuple[float, ...]
    """When each frame is shown, since the video's beginning."""
    fps: float
    """Frames per second, on average."""
    encoding: str
    """`H.264 (MP4)`, `JPEG pictures`."""
    frames: Callable[[Sequence[int]], Iterator[Frame]]
    """From ascending frame numbers to each frame, uint8 [H, W, 3]."""


@contextmanager
def open_reel(path: Path, *, max_megapixels: float, reader: str = "pyav") -> Iterator[Reel]:
    """Open a video file or a folder of pictures.

    Args:
        path: Which.
        max_megapixels: Largest frame that is decoded, in millions of pixels.
        reader: What decodes a file, one of `DECODERS`.

    Raises:
        DataError: It is missing, empty, or no video.
    """
    if path.is_dir():
        yield _open_folder(path, max_megapixels)
        return
    with open_film(path, max_megapixels=max_megapixels) as film:
        yield Reel(path, tuple(film.seconds), float(film.fps), film.encoding,
                   lambda indices: DECODERS[reader](film, indices))


def files_of(path: Path) -> list[Path]:
    """The files that a video consists of: itself, or a folder's pictures in the order of names.

    The file with the rate counts too, for it changes the times.
    """
    if not path.is_dir():
        return [path]
    pictures = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
    rate = path / RATE
    return [*pictures, rate] if rate.is_file() else pictures


def _open_folder(folder: Path, max_megapixels: float) -> Reel:
    # It reads videos too, by way of this module.
    from recipe_kit.data.media import read_image

    pictures = [file for file in files_of(folder) if file.name != RATE]
    if not pictures:
        raise DataError("the folder holds no pictures", where=str(folder),
                        fix="put the clip's pictures there, or leave its row out")
    fps = _rate(folder / RATE)
    kinds = sorted({file.suffix[1:].upper().replace("JPG", "JPEG") for file in pictures})
    return Reel(
        folder, tuple(number / fps for number in range(len(pictures))), fps,
        f"{' and '.join(kinds)} pictures",
        lambda indices: (
            read_image(pictures[index], max_megapixels=max_megapixels) for index in indices),
    )


def _rate(path: Path) -> float:
    if not path.is_file():
        return 1.0
    try:
        rate = float(path.read_text(encoding="utf-8"))
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 1000:
        raise DataError("must hold one number, the pictures per second", where=str(path),
                        fix="write for example 4, or remove the file for 1")
    return rate
