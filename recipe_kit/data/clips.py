"""Videos for the page: H.264 as browsers play it, each file no larger than it may be."""

import tempfile
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import numpy as np
from PIL import Image

from recipe_kit.data.decoders import Frame
from recipe_kit.data.reel import Reel, open_reel
from recipe_kit.errors import DataError

LONGEST_SIDE = 640
"""Of a video that is encoded for the page, in pixels."""
MOST_FPS = 15.0
GRID_FPS, GRID_SECONDS = 8.0, 6.0
"""Most frames per second of a grid, and its longest time; longer clips are shown in part."""
CELL = 96
"""Width of a clip in a grid, in pixels."""
GAP = 2
PAPER = 24
"""Gray between the clips of a grid."""
TRIES = 6

# A clip that is shown as it is must not tell where and with what it was recorded.
_PLAIN_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder"}


def page_clip(path: Path, *, limit_bytes: int, max_megapixels: float) -> bytes:
    """A clip as the page shows it: the file itself, or encoded anew, smaller and without sound.

    A file is taken as it is if it is H.264 in MP4 that browsers play, small enough, and holds
    neither sound nor notes on its recording.

    Args:
        path: The video, or a folder of pictures.
        limit_bytes: Largest size.
        max_megapixels: Largest frame that is opened, in millions of pixels.

    Raises:
        DataError: It cannot be decoded, or not be made small enough.
    """
    if path.is_file() and path.stat().st_size <= limit_bytes and _plays_everywhere(path):
        return path.read_bytes()
    with open_reel(path, max_megapixels=max_megapixels) as reel:
        fps = min(reel.fps, MOST_FPS)
        count = max(1, round(_length(reel) * fps))
        times = [number / fps for number in range(count)]
        # Kept small: a long clip in full size would not fit into memory.
        frames = [np.asarray(Image.fromarray(frame).resize(_even(frame)))
                  for frame in _frames_at(reel, times)]
    return _within(frames, fps, limit_bytes, str(path))


def grid_clip(paths: Sequence[Path], *, columns: int, limit_bytes: int,
              max_megapixels: float) -> bytes:
    """Many clips side by side, in one video; a clip that is over begins again.

    Args:
        paths: Videos; as many as fill whole rows.
        columns: Clips in a row.
        limit_bytes: Largest size.
        max_megapixels: Largest frame that is opened, in millions of pixels.

    Raises:
        DataError: A clip cannot be decoded.
    """
    clips, lengths, fps = [], [], 1.0
    height = 0
    for path in paths:
        with open_reel(path, max_megapixels=max_megapixels) as reel:
            length = min(_length(reel), GRID_SECONDS)
            rate = min(reel.fps, GRID_FPS)
            times = [number / GRID_FPS for number in range(max(1, round(length * GRID_FPS)))]
            cells = []
            for frame in _frames_at(reel, times):
                # All cells are of the first clip's shape.
                height = height or 2 * round(CELL * frame.shape[0] / frame.shape[1] / 2)
                cells.append(np.asarray(Image.fromarray(frame).resize((CELL, height))))
            clips.append(cells)
            lengths.append(length)
            fps = max(fps, rate)
    count = max(1, round(max(lengths) * fps))
    frames = [_laid_out(clips, columns, number / fps) for number in range(count)]
    return _within(frames, fps, limit_bytes, "the grid of training clips")


def _laid_out(clips: Sequence[Sequence[Frame]], columns: int, second: float) -> Frame:
    height, width = clips[0][0].shape[:2]
    rows = -(-len(clips) // columns)
    sheet = np.full((rows * (height + GAP), columns * (width + GAP), 3), PAPER, np.uint8)
    for place, cells in enumerate(clips):
        row, column = divmod(place, columns)
        top, left = row * (height + GAP) + GAP // 2, column * (width + GAP) + GAP // 2
        shown = cells[int(second * GRID_FPS) % len(cells)]
        sheet[top : top + height, left : left + width] = shown
    return sheet


def _frames_at(reel: Reel, times: Sequence[float]) -> Iterator[Frame]:
    """The frame that is shown at each of ascending times, in seconds."""
    seconds = np.array(reel.seconds)
    # A clip may begin a little after its own zero, and a time be rounded down.
    shown = np.searchsorted(seconds, np.array(times) + 1e-4, side="right") - 1
    numbers, often = np.unique(np.maximum(shown, 0), return_counts=True)
    for frame, times_shown in zip(reel.frames(numbers.tolist()), often.tolist(), strict=True):
        yield from repeat(frame, times_shown)


def _length(reel: Reel) -> float:
    return reel.seconds[-1] + 1 / reel.fps


def _even(frame: Frame) -> tuple[int, int]:
    """Width and height for the page, both even."""
    height, width = frame.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def _within(frames: Sequence[Frame], fps: float, limit_bytes: int, where: str) -> bytes:
    """Encode frames in a size that may be, as well as that allows.

    Raises:
        DataError: It cannot be made small enough.
    """
    for quality in range(24, 24 + 5 * TRIES, 5):
        content = encode(frames, fps=fps, quality=quality)
        if len(content) <= limit_bytes:
            return content
    raise DataError(f"takes {len(content):,} bytes on the page at the lowest quality; "
                    f"{limit_bytes:,} may be", where=where, fix="cut the video shorter")


def encode(frames: Sequence[Frame], *, fps: float, quality: int) -> bytes:
    """Encode frames of one even size as H.264 in MP4.

    Args:
        frames: uint8 [H, W, 3] each; at least one.
        fps: Frames per second.
        quality: x264's `crf`, from 0 (best) to 51.
    """
    import av

    rate = Fraction(fps).limit_denominator(1001)
    options = {"preset": "veryfast", "crf": str(quality), "threads": "1", "flags": "+bitexact"}
    flags = {"movflags": "faststart", "fflags": "+bitexact"}
    # A file, for FFmpeg reads it once more to put the index at the front.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", format="mp4", options=flags) as container:
            stream = container.add_stream("libx264", rate=rate, options=options)
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        return path.read_bytes()


def _plays_everywhere(path: Path) -> bool:
    import av

    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            video = container.streams.video
            return (
                "mp4" in container.format.name and len(container.streams) == len(video) == 1
                and video[0].codec_context.name == "h264"
                and video[0].codec_context.pix_fmt == "yuv420p"
                and set(container.metadata) <= _PLAIN_TAGS
            )
    except av.error.FFmpegError:
        return False  # the reader says in one line what is wrong
