"""Measures readers of videos: `python -m tests.bench.video [--frames 16] [--rounds 5]`.

Every reader decodes the same frames of the same files, one after the other, so a busy machine is
busy for all; of all rounds the quickest counts. The pixels are compared too. Readers that are not
installed are left out.
"""

import argparse
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recipe_kit.data.frames import FrameCache, read_clip
from recipe_kit.data.sampling import frame_numbers
from recipe_kit.data.video import probe, read_video
from recipe_kit.model.pixels import Preprocess
from recipe_kit.spec.model import Video
from tests.helpers.films import write_film

ROOT = Path(__file__).parents[2]

CLIPS = Path(os.environ.get("RECIPE_DATA", ROOT.parent / "shared" / "data")) / "drive-clips/videos"
HOPELESS = 3
"""A reader that is this many times slower than the quickest is not measured once more."""

Read = Callable[[Path, int], Any]


def main() -> None:
    """Print a table for single files, and one for the cache."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--readers", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--only", choices=("clips", "films", "cache"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = sorted(CLIPS.glob("*.mp4"))
        rows = [(f"{len(clips)} real clips", clips)] if asked.only in (None, "clips") else []
        if asked.only in (None, "films"):
            rows += [(name, [path]) for name, path in films(Path(folder)).items()]
        if rows:
            compare(rows, asked.readers, asked.frames, asked.rounds)
        if asked.only in (None, "cache"):
            cached(clips, asked.frames, Path(folder) / "cache")


def films(folder: Path) -> dict[str, Path]:
    """Films of the kinds that the real clips are not."""
    size: dict[str, Any] = {"height": 360, "width": 640, "fps": 30, "preset": "veryfast"}
    return {
        "20 s, 360p, a key frame every second": write_film(
            folder / "seconds.mp4", 600, key_every=30, **size),
        "20 s, 360p, one key frame": write_film(
            folder / "one.mp4", 600, key_every=10_000, **{"x264-params": "scenecut=0"}, **size),
        "20 s, 360p, H.265": write_film(
            folder / "hevc.mp4", 600, codec="libx265", **{"x265-params": "log-level=none"},
            **size),
        "4 s, 128×96, 4 a second": write_film(folder / "small.mp4", 16, fps=4),
    }


def by_kit(path: Path, frames: int) -> Any:
    """This package."""
    return read_video(path, Video(nframes=frames)).frames_THWC


def by_decord(path: Path, frames: int) -> Any:
    """decord, as its own documentation shows it."""
    import decord

    reader = decord.VideoReader(str(path))
    return reader.get_batch(frame_numbers(len(reader), 1, Video(nframes=frames))).asnumpy()


def by_av_in_order(path: Path, frames: int) -> Any:
    """PyAV: decode everything, keep what is wanted (as transformers does)."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        wanted = set(frame_numbers(stream.frames, 1, Video(nframes=frames)))
        return np.stack([
            frame.to_ndarray(format="rgb24")
            for number, frame in enumerate(container.decode(stream)) if number in wanted
        ])


def by_av_seeking(path: Path, frames: int) -> Any:
    """PyAV: seek to the key frame before each wanted frame."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stamps = sorted(packet.pts for packet in container.demux(stream) if packet.size)
        found = []
        for number in frame_numbers(len(stamps), 1, Video(nframes=frames)):
            container.seek(stamps[number], stream=stream)
            found.append(next(
                frame for frame in container.decode(stream)
                if frame.pts is not None and frame.pts >= stamps[number]
            ).to_ndarray(format="rgb24"))
        return np.stack(found)


def by_opencv(path: Path, frames: int) -> Any:
    """OpenCV: grab everything, retrieve what is wanted."""
    import cv2

    capture = cv2.VideoCapture(str(path))
    wanted = frame_numbers(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 1, Video(nframes=frames))
    found = []
    for number in range(wanted[-1] + 1):
        capture.grab()
        if number in wanted:
            found.append(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB))
    return np.stack(found)


READERS: dict[str, tuple[str, Read]] = {
    "recipe-kit": ("av", by_kit),
    "decord": ("decord", by_decord),
    "PyAV in order": ("av", by_av_in_order),
    "PyAV seeking": ("av", by_av_seeking),
    "OpenCV": ("cv2", by_opencv),
}


def compare(
    rows: Sequence[tuple[str, Sequence[Path]]], wanted: Sequence[str], frames: int, rounds: int
) -> None:
    """Milliseconds for each reader to read `frames` frames of all files of a row."""
    readers = {
        name: read for name, (module, read) in READERS.items()
        if name in wanted and importlib.util.find_spec(module)
    }
    print(f"| {frames} frames of | {' | '.join(f'{name}, ms' for name in readers)} | same pixels |")
    print(f"| --- |{' ---: |' * len(readers)} --- |")
    for row, paths in rows:
        total = dict.fromkeys(readers, 0.0)
        same = dict.fromkeys(readers, True)
        for path in paths:
            best = dict.fromkeys(readers, float("inf"))
            for _ in range(rounds):
                expected = None
                for name, read in readers.items():
                    if HOPELESS < best[name] / min(best.values()) < float("inf"):
                        continue
                    begin = time.perf_counter()
                    found = read(path, frames)
                    best[name] = min(best[name], time.perf_counter() - begin)
                    expected = found if expected is None else expected
                    same[name] &= bool(np.array_equal(found, expected))
            total = {name: total[name] + best[name] for name in readers}
        times = " | ".join(f"{total[name] * 1000:.0f}" for name in readers)
        others = ", ".join(name for name in readers if same[name] and name != "recipe-kit")
        print(f"| {row} | {times} | {others or 'none'} |", flush=True)


def cached(paths: Sequence[Path], frames: int, folder: Path) -> None:
    """The first pass over the files, and the second, at several sizes of frames."""
    print("\n| frames of at most | first pass, ms | second pass, ms | ratio | on disk, MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for most in (65_536, 262_144, 360_000):
        cache = FrameCache(folder / str(most), 10**10)
        size_of = Preprocess(min_pixels=4096, max_pixels=most).frame_size
        passes = []
        shapes = [(facts.height, facts.width) for facts in map(probe, paths)]
        for _ in range(2):
            begin = time.perf_counter()
            for path, shape in zip(paths, shapes, strict=True):
                read_clip(
                    path, "video", video=Video(nframes=frames), size_of=size_of, shape=shape,
                    cache=cache, sha256=path.name, max_megapixels=64)
            passes.append(time.perf_counter() - begin)
        print(f"| {most:,} pixels | {passes[0] * 1000:.0f} | {passes[1] * 1000:.0f} "
              f"| {passes[0] / passes[1]:.0f}× | {cache.size()[1] / 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
