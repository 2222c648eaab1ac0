"""How fast a training is: what its steps take, compute and wait for."""

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch

from recipe_kit.model.flops import Work, medium, sequences, training
from recipe_kit.model.gpus import gpu_called
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.shape import Shape, read_shape
from recipe_kit.model.vision import core_of
from recipe_kit.model.world import World
from recipe_kit.record.schemas import Performance
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.train import Train

if TYPE_CHECKING:
    from recipe_kit.train.feed import MicroBatch, Window


class Part(NamedTuple):
    """What one process did."""

    steps: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    samples: int = 0
    work: Work = Work()
    peak_memory: int = 0
    """In bytes."""


class Meter:
    """Measures the steps of one process; validation and saving are not in it.

    The first step of a process does not count: in it layers are compiled and memory is fetched.

    Args:
        loaded: The model, with its adapters.
        recipe: How it is trained.
    """

    def __init__(self, loaded: LoadedModel, recipe: Recipe) -> None:
        self._train = recipe.train
        self._device = loaded.device
        self._shape = read_shape(core_of(loaded.model).config.to_dict())
        self._warm = False
        self._waiting = 0.0
        self._part = Part()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around everything in which the model waits for the batches of its next step."""
        started = time.perf_counter()
        yield
        # Not added up: a step that the memory was not enough for is waited for again.
        self._waiting = time.perf_counter() - started

    def step(self, window: "Window", seconds: float, *, held: int = 0) -> None:
        """Counts a step that was done.

        Args:
            window: What went through the model in this process.
            seconds: From when it began to wait for the window until the step was done.
            held: Media among the window's whose vision outputs were at hand already.
        """
        waited, self._waiting = self._waiting, 0.0
        if not self._warm:
            self._warm = True
            return
        part = self._part
        self._part = Part(
            part.steps + 1, part.seconds + seconds, part.waited + waited,
            part.samples + sum(micro.samples for micro in window.batches),
            part.work + work_of(window.batches, held),
        )

    def performance(self, world: World) -> Performance | None:
        """What all processes did together; None where nothing counts. All must call it."""
        parts = world.gather(self._part._replace(peak_memory=peak_memory(self._device)))
        on_gpu = self._device.type == "cuda"
        name = torch.cuda.get_device_name(self._device) if on_gpu else "CPU"
        return combined(parts, self._shape, self._train, name)


def combined(
    parts: Sequence[Part], shape: Shape, train: Train, device_name: str
) -> Performance | None:
    """What several processes did together, each on a device of this name."""
    steps = max(part.steps for part in parts)
    # They wait for each other after every step, so the slowest tells the time.
    seconds = max(part.seconds for part in parts)
    if not steps or seconds <= 0:
        return None
    work = sum((part.work for part in parts), Work())
    flops = training(shape, work, train).model
    gpu = gpu_called(device_name)
    return Performance(
        gpu=device_name,
        devices=len(parts),
        seconds=seconds,
        steps=steps,
        samples_per_second=sum(part.samples for part in parts) / seconds,
        tokens_per_second=work.tokens / seconds,
        flops_per_step=flops / steps,
        utilization=flops / (seconds * len(parts) * gpu.tflops * 1e12) if gpu else None,
        data_wait=sum(part.waited for part in parts) / sum(part.seconds for part in parts),
        peak_memory_bytes=max(part.peak_memory for part in parts),
    )


def work_of(batches: "Sequence[MicroBatch]", held: int = 0) -> Work:
    """What batches put through the model, without padding.

    Args:
        batches: Those of one step.
        held: Media among them that the vision tower was spared. Where media differ in size, each
            counts as the mean of all.
    """
    found, seen = Work(), Work()
    media = 0
    for micro in batches:
        seen = sum((medium(*grid) for grid in micro.grids), seen)
        media += len(micro.grids)
        found += _rows(micro)
    # A process with fewer batches than others repeats one, for nothing, and finds its media held.
    shown = max(0, media - held)
    return found + Work(
        patches=seen.patches * shown // max(1, media),
        patch_pairs=seen.patch_pairs * shown // max(1, media),
    )


def _rows(micro: "MicroBatch") -> Work:
    """The sequences of a batch: what several share counts once."""
    batch = micro.batch
    logits = batch.answer_rows_P.bincount(minlength=len(batch.spans_B4)).tolist()
    families: dict[tuple[int, int], list[tuple[int, int]]] = {}
    alone = []
    for (start, shared, _, own), answers in zip(batch.spans_B4.tolist(), logits, strict=True):
        if shared:
            families.setdefault((start, shared), []).append((own, answers))
        else:
            alone.append((own, answers))
    branched = (sequences(shared, every) for (_, shared), every in families.items())
    return sum(branched, sequences(0, alone))


def peak_memory(device: torch.device) -> int:
    """The most memory that this process has held so far, in bytes: on its GPU if it has one."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
