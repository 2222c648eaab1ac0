"""Trainings that are measured: the recipe, its samples, and the loop without saving.

`Measured` is the loop of `recipe_kit.train.loop` as it is, with its feed, optimizer and log;
only checkpoints are left out, which a step does not wait for.
"""

import contextlib
import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from recipe_kit.data.clip import ReadMedia
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.shape import read_shape
from recipe_kit.model.world import World
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.loop import _Session
from recipe_kit.train.plan import make_plan
from tests.bench.gpu import work
from tests.bench.gpu.clips import ASKED, OPTIONS, TEXT

LORA = {"method": "lora", "lora": {"rank": 16, "alpha": 32, "dropout": 0.0, "vision": False}}
FULL = {"method": "full", "freeze_vision": True}
ALONE = World()
WARM = 4
"""Steps that do not count: layers are compiled and memory is fetched."""


class DoneError(Exception):
    """All steps that are measured were done."""


class Speed(NamedTuple):
    """What was measured of a training."""

    samples: float
    """Samples a second, of all processes."""
    seconds: float
    """Of one step, the mean of those that count."""
    flops: float
    """The model's own work of a step, of all processes."""
    whole: float
    """The same, with what is computed again."""
    waited: float
    """Share of the time in which data were waited for."""
    memory: float
    """Most memory of the device, in gigabytes."""
    cut: int
    """Samples in a forward pass, smaller than asked for where the memory was not enough."""
    first: float
    """Seconds until the first step was done."""
    later: float
    """Seconds of a step in the second epoch; 0 where there was none."""
    losses: tuple[float | None, ...]


def recipe(*, tasks: int = 1, held_gb: float = 0, **train: Any) -> Recipe:
    """A recipe that teaches so many questions of every clip; what was seen may be held."""
    source = {"kind": "triples", "path": "clips.jsonl"}
    asked = {
        f"q{number}": {
            "type": "choice", "prompt": f"{ASKED[number]}?", "options": list(OPTIONS),
            "label": f"l{number}",
        }
        for number in range(len(ASKED))
    }  # fmt: skip
    named = [f"q{number}" for number in range(tasks)]
    settings = {"learning_rate": 1e-5, "spike": None, "epochs": 1000, "tasks": named, **train}
    return Recipe.model_validate({
        "schema": 1, "title": "Bench", "authors": [{"name": "A"}], "organization": "O",
        "use_case": "U",
        "data": {"sources": {"clips": source}, "splits": {"test": {"clips": 1.0}}},
        "tasks": asked,
        "benchmarks": {"clips": {"tasks": [f"q{number}" for number in range(len(ASKED))]}},
        "gate": {
            "benchmark": "clips",
            "targets": [{"task": "q0", "metric": "accuracy", "at_least": 0.9}],
        },
        "train": settings,
        "evaluation": {"vision_cache_gb": held_gb},
    })


def samples(count: int, *, caption: bool = False) -> tuple[Sample, ...]:
    """Clips with an answer to every question, or with a caption of about a hundred tokens."""
    told: dict[str, Any] = {"prompt": "Describe the drive.", "target": TEXT} if caption else {}
    labels = {} if caption else {
        f"l{number}": OPTIONS[number % len(OPTIONS)] for number in range(len(ASKED))
    }
    return tuple(
        Sample(
            id=f"clips/{number}", source="clips", media=f"{number}.mp4", media_type="video",
            sha256=str(number), labels=labels, split="train", **told,
        )
        for number in range(count)
    )


class Measured(_Session):
    """The loop, which saves nothing and ends after some steps."""

    def __init__(
        self, *, steps: int, watch: Callable[["Measured"], None], **settings: Any
    ) -> None:
        self.times: list[float] = []
        self.losses: list[float | None] = []
        self.work = (0.0, 0.0)
        self.cut_last = 0
        self._most, self._watch = steps, watch
        super().__init__(**settings)

    def _validate_and_save(self) -> None:
        self._watch(self)
        self.times.append(time.perf_counter())
        if self._state.step >= self._most:
            if self._weights.loaded.device.type == "cuda":
                torch.cuda.synchronize()
                self.times[-1] = time.perf_counter()
            self.cut_last = self._cut
            raise DoneError

    def _step(self, window: Any, started: float, stop: bool) -> None:
        from recipe_kit.train.meter import work_of

        shape = read_shape(self._weights.loaded.model.config.to_dict())
        own = work.taught(shape, work_of(window.batches), self._spec)
        self.work = (self.work[0] + own[0], self.work[1] + own[1])
        super()._step(window, started, stop)


def train_some(
    loaded: LoadedModel, spec: Recipe, every: tuple[Sample, ...], read_media: ReadMedia, *,
    steps: int, world: World = ALONE, note: Any = print, warm: int = WARM,
    watch: Callable[["Measured"], None] = lambda session: None,
) -> Speed:
    """Train so many steps and say how fast that was, on every process."""
    started = time.perf_counter()
    if loaded.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(loaded.device)
    with tempfile.TemporaryDirectory() as folder:
        folder = world.broadcast(folder)
        plan = make_plan(spec, every, {})
        session = Measured(
            loaded=loaded, recipe=spec, plan=plan, read_media=read_media, folder=Path(folder),
            validate=None, progress=None, note=note, keep_all=False, world=world, steps=steps,
            watch=watch,
        )
        with contextlib.suppress(DoneError):
            session.run("bench")
        found = _speed(session, plan.steps_per_epoch, started, world, warm)
        world.barrier()
    del session
    free(loaded.device)
    return found


def _speed(
    session: Measured, epoch: int, started: float, world: World, warm: int
) -> Speed:
    # A step that was done again in smaller batches begins a further time.
    times = session.times[-(session._most + 1) :]
    steps = len(times) - 1
    # Later epochs are told apart: what a frozen vision tower saw is held then.
    last = epoch if warm + 1 < epoch < steps else steps
    begin = min(warm, steps - 1)
    seconds = (times[last] - times[begin]) / (last - begin)
    later = (times[steps] - times[epoch + 1]) / (steps - epoch - 1) if epoch + 1 < steps else 0.0
    per_step = [sum(parts) / steps for parts in zip(*world.gather(session.work), strict=True)]
    figures = session._meter.performance(world)
    device = session._weights.loaded.device
    peak = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return Speed(
        samples=session._plan.per_step / seconds, seconds=seconds, flops=per_step[0],
        whole=per_step[1], waited=figures.data_wait if figures else 0.0,
        memory=max(world.gather(peak)), cut=session.cut_last, first=times[1] - started,
        later=later, losses=tuple(row["loss"] for row in session._log.rows),
    )


def free(device: torch.device) -> None:
    """Give back the memory of models that are no longer used."""
    gc.collect()
    torch._dynamo.reset()
    if device.type == "cuda":
        torch.cuda.empty_cache()
