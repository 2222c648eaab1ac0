"""Write frames as H.264 in MP4, with PyAV: small files, the same bytes for the same frames."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recipe_kit.errors import DataError

OPTIONS = {"preset": "veryfast", "crf": "20", "threads": "1", "flags": "+bitexact",
           "x264-params": "no-asm=1"}  # fmt: skip
"""One thread and no assembler, so that the bytes depend neither on the number of cores nor on the
processor, nor (at sides that are no multiple of 4) on what lies in memory beside the picture.

A clip of 16 frames of 128 x 80 takes 25 ms and 17 to 40 kB; `medium` would take 70 for the same
size and quality.
"""

CONTAINER = {"movflags": "faststart", "fflags": "+bitexact"}
"""The index at the front, so that players start at once; no dates or versions inside."""


def yuv420p(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB frames as BT.601 planes of limited range, which decoders assume for small pictures.

    In whole numbers, and not by ffmpeg's scaler, whose result for sides that are no multiple of
    16 depends on what happens to be in memory beside the picture.

    Args:
        frames: [T, H, W, 3], H and W even.

    Returns:
        [T, H x 3 / 2, W]: the luma plane, below it the two chroma planes of H / 4 rows each.
    """
    count, height, width = frames.shape[:3]
    wide = frames.astype(np.int32)
    small = wide.reshape(count, height // 2, 2, width // 2, 2, 3).sum(axis=(2, 4))
    red, green, blue = wide[..., 0], wide[..., 1], wide[..., 2]
    luma = ((66 * red + 129 * green + 25 * blue + 128) >> 8) + 16
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]  # sums of four pixels
    blueness = ((112 * blue - 38 * red - 74 * green + 512) >> 10) + 128
    redness = ((112 * red - 94 * green - 18 * blue + 512) >> 10) + 128
    planes = [plane.reshape(count, -1) for plane in (luma, blueness, redness)]
    return np.concatenate(planes, axis=1).astype(np.uint8).reshape(count, -1, width)


def write_clip(path: Path, frames: NDArray[np.uint8], *, fps: float) -> None:
    """Write an MP4 file: H.264, yuv420p, every frame at exactly number / fps.

    Args:
        path: Of the file; its folder must be there.
        frames: uint8 [T, H, W, 3], T >= 1, H and W even.
        fps: Frames per second.

    Raises:
        DataError: The frames have another shape, or their sides are odd.
    """
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not len(frames):
        raise DataError(f"cannot write {frames.dtype} of shape {frames.shape} as a video",
                        where=str(path), fix="pass uint8 frames [T, H, W, 3]")
    height, width = frames.shape[1:3]
    if height % 2 or width % 2:
        raise DataError(f"H.264 in yuv420p needs even sides, not {width} x {height}",
                        where=str(path), fix="draw the clip one pixel larger")
    import av

    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4", options=CONTAINER) as container:
        stream = container.add_stream("libx264", rate=rate, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for planes in yuv420p(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode(None))
