"""Decoding: videos that were never read, and how long the GPU waits for them.

The GPU's idle time is what a cold cache adds to the same work from a warm one: the questions, the
model and the batches are the same, and all that differs is that videos are decoded and resized
while the GPU works on those before.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from recipe_kit.data.clip import Clip
from recipe_kit.data.frames import FrameCache, read_clip
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.compiled import compile_model
from recipe_kit.spec.model import Video
from recipe_kit.spec.recipe import Evaluation
from tests.bench.gpu.clips import questions
from tests.bench.gpu.measure import Report, sync
from tests.bench.gpu.real import SIZES, random_model
from tests.helpers.films import write_film

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
        for number in range(films):
            first = folder / f"{number * copies}.mp4"
            # Key frames as phones and dash cameras write them: one a second.
            write_film(
                first, self.frames, fps=30, height=self.shape[0], width=self.shape[1],
                key_every=30, preset="veryfast", crf=str(20 + number % 4),
            )
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


def decode(report: Report) -> None:
    """All steps."""
    size, small = SIZES[report.size], report.size == "tiny"
    with tempfile.TemporaryDirectory() as folder:
        videos = report.step(
            "films", lambda: Videos(Path(folder) / "films", size, *((2, 2) if small else (4, 40)))
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
    cold, busy = _seconds(loaded, videos, rest, batch)
    warm, _ = _seconds(loaded, videos, rest, batch)
    idle = max(0.0, 1 - warm / cold)
    each = (videos.count - batch)
    report.add(
        f"cold cache, {each} videos of 720p and 30 s × {EACH} questions",
        f"{cold / each:.3f} s a video, {busy / cold:.1f} cores busy; GPU idle {idle:.0%} more "
        f"than from a warm cache ({warm / each:.3f} s a video)",
        bar="GPU idle ≤ 10%", cold_s=cold, warm_s=warm, idle=idle, cores=busy / cold,
    )
    alone = time.perf_counter()
    shutil.rmtree(videos.folder / "cache")
    for number in range(2):
        videos.read("films", f"{number}.mp4")
    one = (time.perf_counter() - alone) / 2
    report.add("decoding and resizing one video, alone", f"{one * 1e3:.0f} ms", seconds=one)


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
