"""Decoding: videos that were never read, and how long the GPU waits for them.

The GPU's idle time is what a cold cache adds to the same work from a warm one: the questions, the
model and the batches are the same, and all that differs is that videos are decoded and resized
while the GPU works on those before.
"""

import contextlib
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image

from recipe_kit.data.clip import Clip
from recipe_kit.data.frames import FrameCache, read_clip
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.compiled import compile_model
from recipe_kit.spec.model import Video
from recipe_kit.spec.recipe import Evaluation
from tests.bench.gpu.clips import questions
from tests.bench.gpu.measure import Report, sync
from tests.bench.gpu.real import SIZES, random_model

EACH = 11
GIGABYTES = 100


class Videos:
    """Films on disk, read through a frame cache; `read` is a `ReadMedia`."""

    def __init__(self, folder: Path, size: Any, films: int, copies: int) -> None:
        self.folder, self.size = folder, size
        small = size.frames < 16
        self.shape = (96, 128) if small else (720, 1280)
        self.frames = 16 if small else 900
        folder.mkdir()
        with ThreadPoolExecutor(films) as pool:
            firsts = [folder / f"{number * copies}.mp4" for number in range(films)]
            list(pool.map(lambda path: write(path, self.shape, self.frames), firsts))
        for number, first in enumerate(firsts):
            for copy in range(1, copies):
                shutil.copy(first, folder / f"{number * copies + copy}.mp4")
        self.count = films * copies
        self.cache = FrameCache(folder / "cache", GIGABYTES * 10**9)
        self.loaded: Any = None

    def read(self, source: str, media: str) -> Clip:
        """The frames that the default of the spec takes of 16."""
        return read_clip(
            self.folder / media, "video", video=Video(nframes=self.size.frames),
            size_of=self.loaded.preprocess.frame_size, shape=self.shape, cache=self.cache,
            sha256=media, max_megapixels=64,
        )


def write(path: Path, shape: tuple[int, int], frames: int) -> None:
    """A film of a textured road that moves past, with grain: as many bits as a camera's."""
    height, width = shape
    generator = np.random.default_rng(int(path.stem))
    coarse = generator.integers(40, 200, (height // 8, width // 4), np.uint8)
    wide = np.asarray(Image.fromarray(coarse).resize((2 * width, height), Image.Resampling.BICUBIC))
    grains = generator.integers(0, 24, (8, height, width), np.uint8)
    color = np.full((height // 2, width), 128, np.uint8)
    with av.open(str(path), "w") as out:
        options = {"preset": "veryfast", "x264-params": "nal-hrd=none"}
        stream = out.add_stream("libx264", rate=30, options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        # Key frames as cameras write them, one a second; megabits as they have at 720p.
        stream.codec_context.gop_size = 30
        stream.bit_rate = int(6e6 * height * width / (720 * 1280))
        for number in range(frames):
            start = 3 * number % width
            luma = wide[:, start : start + width] + grains[number % 8]
            picture = av.VideoFrame.from_ndarray(
                np.concatenate([luma, color]), format="yuv420p"
            )
            picture.pts, picture.time_base = number, Fraction(1, 30)
            out.mux(stream.encode(picture))
        out.mux(stream.encode())


def decode(report: Report) -> None:
    """All steps."""
    size, small = SIZES[report.size], report.size == "tiny"
    with tempfile.TemporaryDirectory() as folder:
        videos = report.step(
            "films", lambda: Videos(Path(folder) / "films", size, *((2, 2) if small else (4, 80)))
        )
        if videos is not None:
            report.step("cold and warm", lambda: compare(report, videos))


def compare(report: Report, videos: Videos) -> None:
    """The same questions with nothing in the cache, and with everything in it."""
    device = report.device
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    loaded = videos.loaded = random_model(report.size, device, dtype)
    compile_model(loaded.model)
    batch = min(8, videos.count // 2)
    bytes_each = sum(p.stat().st_size for p in videos.folder.glob("*.mp4")) / videos.count
    report.fact(
        videos=videos.count, film=f"{videos.shape[1]}×{videos.shape[0]}, {videos.frames} frames, "
        "30 a second, H.264, a key frame every second", megabytes=round(bytes_each / 1e6, 1),
        cores=os.cpu_count(), batch=batch, questions=EACH,
    )
    first = questions(range(batch), EACH)
    _seconds(loaded, videos, first, batch)  # compiles; these are then in the cache
    rest = questions(range(batch, videos.count), EACH)
    with watched(device) as shares:
        cold, busy = _seconds(loaded, videos, rest, batch)
    warm, _ = _seconds(loaded, videos, rest, batch)
    idle = max(0.0, 1 - warm / cold)
    each = (videos.count - batch)
    seen = f"; by its own counter {statistics.mean(shares):.0f}% busy" if shares else ""
    report.add(
        f"cold cache, {each} videos of 720p and 30 s × {EACH} questions",
        f"{cold / each:.3f} s a video, {busy / cold:.1f} cores busy; GPU idle {idle:.0%} more "
        f"than from a warm cache ({warm / each:.3f} s a video){seen}",
        bar="GPU idle ≤ 10%", cold_s=cold, warm_s=warm, idle=idle, cores=busy / cold,
    )
    alone = time.perf_counter()
    shutil.rmtree(videos.folder / "cache")
    for number in range(2):
        videos.read("films", f"{number}.mp4")
    one = (time.perf_counter() - alone) / 2
    report.add("decoding and resizing one video, alone", f"{one * 1e3:.0f} ms", seconds=one)


@contextlib.contextmanager
def watched(device: torch.device) -> Iterator[list[float]]:
    """How busy the driver says the GPU is, in percent, ten times a second; empty without one."""
    shares: list[float] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            try:
                shares.append(torch.cuda.utilization(device))
            except (RuntimeError, ModuleNotFoundError):  # no driver that can be asked
                return

    watcher = threading.Thread(target=look, daemon=True)
    if device.type == "cuda":
        watcher.start()
    yield shares
    done.set()


def _seconds(
    loaded: Any, videos: Videos, asked: Any, batch: int
) -> tuple[float, float]:
    """Seconds of the clock, and of all cores together."""
    engine = LocalEngine(loaded, Evaluation(batch_size=batch), videos.read)
    sync(loaded.device)
    started, used = time.perf_counter(), time.process_time()
    found = list(engine.ask(asked))
    sync(loaded.device)
    assert len(found) == len(asked)
    return time.perf_counter() - started, time.process_time() - used
