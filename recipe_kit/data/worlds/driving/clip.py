"""Write frames as H.264 in MP4, with PyAV: small files, the same bytes for the same frames."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recipe_kit.errors import DataError, MissingPackageError

OPTIONS = {"preset": "medium", "crf": "20", "threads": "1", "flags": "+bitexact"}
"""One thread, so that the bytes do not depend on the machine's cores."""

CONTAINER = {"movflags": "faststart", "fflags": "+bitexact"}
"""The index at the front, so that players start at once; no dates or versions inside."""


def write_clip(path: Path, frames: NDArray[np.uint8], *, fps: float) -> None:
    """Write an MP4 file: H.264, yuv420p, every frame at exactly number / fps.

    Args:
        path: Of the file; its folder must be there.
        frames: uint8 [T, H, W, 3], T >= 1, H and W even.
        fps: Frames per second.

    Raises:
        DataError: The frames have another shape, or their sides are odd.
        MissingPackageError: PyAV is not installed.
    """
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not len(frames):
        raise DataError(f"cannot write {frames.dtype} of shape {frames.shape} as a video",
                        where=str(path), fix="pass uint8 frames [T, H, W, 3]")
    height, width = frames.shape[1:3]
    if height % 2 or width % 2:
        raise DataError(f"H.264 in yuv420p needs even sides, not {width} x {height}",
                        where=str(path), fix="draw the clip one pixel larger")
    try:
        import av
    except ImportError as error:
        raise MissingPackageError("writing videos needs PyAV", where=str(path),
                                  fix="pip install av") from error
    rate = Fraction(fps).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4", options=CONTAINER) as container:
        stream = container.add_stream("libx264", rate=rate, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # BT.601, as decoders assume for small pictures.
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
