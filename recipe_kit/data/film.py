"""An opened video: its packets tell how many frames there are and when each is shown.

No frame is decoded for that, and nothing that a container only announces is believed: not its
number of frames, not its rate. Times are those of presentation, after edit lists.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from recipe_kit.errors import DataError

HELD_BYTES = 256_000_000
"""Packets of a smaller file are kept while it is open; a larger one is gone through once more."""

CODECS = {
    "h264": "H.264", "hevc": "H.265", "mpeg4": "MPEG-4 Part 2", "av1": "AV1", "vp8": "VP8",
    "vp9": "VP9", "mjpeg": "Motion JPEG", "mpeg2video": "MPEG-2", "mpeg1video": "MPEG-1",
}  # fmt: skip
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
"""What the two parts of a Matroska file begin with."""
ABSOLUTE = ("mp4", "matroska")
"""Containers whose times count from the video's beginning.

In others the first frame is the beginning: an MPEG transport stream counts from anywhere, and an
AVI file knows only the order of decoding.
"""


@dataclass
class Film:
    """A video that is open."""

    path: Path
    container: Any
    """Of PyAV."""
    stream: Any
    """Of PyAV: the first video stream."""
    stamps: list[int] = field(default_factory=list)
    """Presentation time of each frame, in units of the stream, ascending."""
    order: list[tuple[int, bool]] = field(default_factory=list)
    """Time of each packet in the order of decoding, and whether decoding can begin there."""
    timed: bool = True
    """Whether a frame can be told by its time; in some AVI files only by its number."""
    _held: list[Any] | None = None

    @property
    def seconds(self) -> list[float]:
        """When each frame is shown, since the video's beginning."""
        origin = 0
        absolute = any(name in self.container.format.name for name in ABSOLUTE)
        if self.stamps and (not absolute or self.stamps[0] < 0):
            origin = self.stamps[0]
        return [float((stamp - origin) * self.stream.time_base) for stamp in self.stamps]

    @property
    def fps(self) -> Fraction:
        """Frames per second, on average; 1 for a video of one frame."""
        span = (self.stamps[-1] - self.stamps[0]) * self.stream.time_base
        if not span:
            return Fraction(1)
        measured = Fraction(len(self.stamps) - 1) / span
        # 1000/33 of a container that counts milliseconds is 30.
        announced = self.stream.average_rate
        near = announced and abs(announced / measured - 1) * len(self.stamps) < 1
        return Fraction(announced) if near else measured

    @property
    def encoding(self) -> str:
        """`H.264 (MP4)`."""
        name = self.stream.codec_context.codec.canonical_name
        container = self.path.suffix.removeprefix(".").upper()
        return f"{CODECS.get(name, name)} ({container})" if container else CODECS.get(name, name)

    def packets(self) -> Iterator[Any]:
        """Every packet of the stream, in the order of decoding."""
        if self._held is not None:
            yield from self._held
            return
        with _container(self.path) as container:
            yield from _demuxed(container, container.streams.video[0])


@contextmanager
def open_film(path: Path, *, max_megapixels: float) -> Iterator[Film]:
    """Open a video and go through its packets.

    Args:
        path: The file.
        max_megapixels: Largest frame that is decoded, in millions of pixels.

    Raises:
        DataError: It is missing, empty, cut off, no video, or has too large frames.
    """
    if not path.is_file():
        raise DataError("there is no such file", where=str(path),
                        fix="put the video there, or leave its row out")
    if path.stat().st_size == 0:
        raise DataError("the video is empty (0 bytes)", where=str(path),
                        fix="put the video there, or leave its row out")
    with _container(path) as container:
        if not container.streams.video:
            raise DataError("has no pictures, only sound or other data", where=str(path),
                            fix="replace the file, or leave its row out")
        film = Film(path, container, container.streams.video[0])
        _check_size(film, max_megapixels)
        _check_whole(film)
        _read_packets(film)
        yield film


@contextmanager
def _container(path: Path) -> Iterator[Any]:
    import av

    with clear_errors(path), av.open(str(path), metadata_errors="ignore") as container:
        yield container


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Say in one line what FFmpeg found wrong with a file."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise damaged(path, str(error.strerror or type(error).__name__)) from error


def damaged(path: Path, reason: str) -> DataError:
    """The error of a video that cannot be decoded."""
    return DataError(f"the video cannot be decoded: {reason}", where=str(path),
                     fix="replace the video, or leave its row out")


def _demuxed(container: Any, stream: Any) -> Iterator[Any]:
    # The last packet is empty: it tells a decoder that no more will come.
    return (packet for packet in container.demux(stream) if packet.size)


def _check_size(film: Film, max_megapixels: float) -> None:
    if film.stream.codec_context is None:
        raise damaged(film.path, "its encoding is not known")
    width, height = film.stream.width, film.stream.height
    if width < 1 or height < 1:
        raise damaged(film.path, "its frames have no size")
    if width * height > max_megapixels * 1e6:
        raise DataError(
            f"the frames have {width}×{height} pixels ({width * height / 1e6:.1f} megapixels); "
            f"at most {max_megapixels:g} megapixels are opened",
            where=str(film.path),
            fix="make the video smaller, or raise data.audit.max_megapixels")


def _check_whole(film: Film) -> None:
    """Refuse a file that ends before the place of its last frame."""
    size, index = film.path.stat().st_size, film.stream.index_entries
    # An index is written at the end, or grows with the file, except in MP4 and MOV.
    if "mp4" in film.container.format.name:
        absent = sum(entry.pos + entry.size > size for entry in index)
        if absent:
            raise damaged(film.path, f"it is cut off: {absent} of {len(index)} frames are missing")
    # FFmpeg reads a Matroska file up to where it breaks off, without a word.
    if "matroska" in film.container.format.name and _matroska_end(film.path) > size:
        raise damaged(film.path, "it is cut off: it ends before the place that its beginning names")


def _matroska_end(path: Path) -> int:
    """Where a Matroska or WebM file says that it ends; 0 where it does not, as of a live stream."""
    with path.open("rb") as file:
        head = file.read(4096)
    place = 0
    for mark in (EBML, SEGMENT):
        size_at = place + len(mark)
        if head[place:size_at] != mark or size_at >= len(head) or not head[size_at]:
            return 0
        length = 9 - head[size_at].bit_length()  # the leading zero bits tell how many bytes
        bits = 7 * length
        value = int.from_bytes(head[size_at : size_at + length], "big") & ((1 << bits) - 1)
        place = size_at + length + value
    return 0 if value == (1 << bits) - 1 else place


def _read_packets(film: Film) -> None:
    # An AVI file knows the order of decoding only; where frames are reordered, its times mislead.
    film.timed = film.container.format.name != "avi"
    held, total = [], 0
    for packet in _demuxed(film.container, film.stream):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            raise damaged(film.path, "its frames have no times")
        film.timed &= packet.pts is not None
        film.order.append((stamp, bool(packet.is_keyframe)))
        # What an edit list cuts away is decoded, because others build on it, but never shown.
        if not packet.is_discard:
            film.stamps.append(stamp)
        total += packet.size
        if total <= HELD_BYTES:
            held.append(packet)
    if not film.stamps:
        raise damaged(film.path, "it has no frames")
    film.stamps.sort()
    film.timed &= len(set(film.stamps)) == len(film.stamps)
    film._held = held if total <= HELD_BYTES else None
