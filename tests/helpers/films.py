"""Small videos of every odd kind, written with PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

MILLISECONDS = Fraction(1, 1000)


def frame(number: int, *, height: int = 96, width: int = 128) -> NDArray[np.uint8]:
    """A picture that shows its number, below 256, as eight dark or bright columns on a slope."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(20, 220, width)
    pixels[..., 1] = np.linspace(20, 220, height)[:, None]
    pixels[..., 2] = 40
    for bit, columns in enumerate(_columns(width)):
        pixels[: height // 2, columns] = 230 if number >> bit & 1 else 20
    return pixels


def number_of(pixels: NDArray[np.uint8]) -> int:
    """The number that a frame shows."""
    height, width = pixels.shape[:2]
    return sum(
        int(pixels[: height // 2, columns].mean() > 128) << bit
        for bit, columns in enumerate(_columns(width))
    )


def _columns(width: int) -> list[slice]:
    return [slice(bit * width // 8, (bit + 1) * width // 8) for bit in range(8)]


def write_film(
    path: Path, count: int = 16, *, fps: int | Fraction = 4, codec: str = "libx264",
    times_ms: Sequence[int] = (), height: int = 96, width: int = 128, key_every: int = 250,
    container: dict[str, str] | None = None, **options: str,
) -> Path:
    """Write `count` frames at a rate, or one frame for each of `times_ms`."""
    with av.open(str(path), "w", options=container or {}) as out:
        stream = out.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = key_every
        if times_ms:
            stream.codec_context.time_base = MILLISECONDS
        for number, time in enumerate(times_ms or range(count)):
            picture = av.VideoFrame.from_ndarray(
                frame(number, height=height, width=width), format="rgb24")
            picture.pts = time
            picture.time_base = MILLISECONDS if times_ms else 1 / Fraction(fps)
            for packet in stream.encode(picture):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def with_edit(path: Path, out: Path, *edits: tuple[int, int]) -> Path:
    """Copy an MP4 with another edit list: pairs of length (in ms) and start (media units, or -1).

    A start of -1 shows nothing for that long.
    """
    content = path.read_bytes()
    entries = b"".join(
        length.to_bytes(4, "big") + start.to_bytes(4, "big", signed=True) + b"\0\1\0\0"
        for length, start in edits
    )
    elst = _box(b"elst", b"\0\0\0\0" + len(edits).to_bytes(4, "big") + entries)
    out.write_bytes(_replace_edits(content, _box(b"edts", elst)))
    return out


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def _replace_edits(content: bytes, edts: bytes) -> bytes:
    # The table of contents stands at the end, so nothing that it points to moves.
    moov = content.rindex(b"moov") - 4
    assert moov + int.from_bytes(content[moov : moov + 4], "big") == len(content)
    trak = content.index(b"trak", moov) - 4
    old = content.index(b"edts", trak) - 4
    size = int.from_bytes(content[old : old + 4], "big")
    grown = len(edts) - size
    changed = bytearray(content[:old] + edts + content[old + size :])
    for place in (moov, trak):
        length = int.from_bytes(changed[place : place + 4], "big") + grown
        changed[place : place + 4] = length.to_bytes(4, "big")
    return bytes(changed)
