"""Several GPUs of one machine: `torchrun --nproc-per-node N -m tests.bench.gpu parallel`.

The same work for each GPU on one of them and on all. While one is measured the others wait.
"""

import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import torch

from recipe_kit.model.world import World, join
from recipe_kit.train.log import Step
from recipe_kit.train.loop import train
from tests.bench.gpu.clips import MOST, Pool
from tests.bench.gpu.lessons import (
    ALONE,
    FULL,
    LORA,
    WARM,
    Speed,
    free,
    recipe,
    samples,
    train_some,
)
from tests.bench.gpu.measure import Report, ceiling
from tests.bench.gpu.real import SIZES, random_model

BATCH, ACCUMULATE = 4, 8
"""Samples of a forward pass; passes of a step: 32 samples a GPU, as the seed's recipe has it."""

LONGEST = 270
"""Seconds that a step may take."""


class Bench:
    """What all trainings share, on every process."""

    def __init__(self, report: Report, folder: Path, world: World) -> None:
        self.report, self.world = report, world
        self.device = report.device
        if self.device.type == "cuda":
            self.device = torch.device("cuda", world.local_rank)
        self.small = report.size == "tiny"
        self.size = SIZES[report.size]
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.folder = folder
        if world.first:
            Pool(folder / "pool", self.size, MOST)
        world.barrier()
        self.pool = Pool(folder / "pool", self.size, 0)
        self.ceiling = ceiling(self.device)
        self.steps = 2 if self.small else 8
        if world.first:
            report.fact(processes=world.size, ceiling_tflops=round(self.ceiling / 1e12))

    def model(self, name: str = "") -> Any:
        """A fresh model on every process."""
        free(self.device)
        return random_model(name or self.report.size, self.device, self.dtype)

    def add(self, what: str, measured: str, **more: Any) -> None:
        """A row, by the first process."""
        if self.world.first:
            self.report.add(what, measured, **more)

    def step(self, name: str, what: Any, needs: float = 0.0) -> None:
        """A step that all processes do or none, as the first one's clock says.

        When one of them fails, the others wait for it: this ends them all after a while.
        """
        if not self.world.broadcast(self.report.left > needs):
            return
        watch = threading.Timer(LONGEST, os._exit, [1])
        watch.daemon = True
        watch.start()
        self.report.step(name, what)
        watch.cancel()


def parallel(report: Report) -> None:
    """All steps. A process that fails alone leaves the others waiting until torchrun ends them."""
    world = join()
    with tempfile.TemporaryDirectory() as own:
        bench = Bench(report, Path(world.broadcast(own)), world)
        bench.step("LoRA", lambda: lora(bench))
        bench.step("full", lambda: full(bench), needs=0 if bench.small else 120)
        bench.step("save and go on", lambda: resumed(bench), needs=0 if bench.small else 90)
        world.barrier()
    if world.size > 1:
        torch.distributed.destroy_process_group()


def lora(bench: Bench) -> None:
    """Adapters: samples a second on one and on all."""
    world = bench.world
    many = _train(bench, world, accumulate=2, gradient_checkpointing=True, **LORA)
    _row(bench, f"LoRA, batch {BATCH} × 2, checkpointing, on {world.size}", many, world.size)
    if world.size == 1:
        return
    if world.first:
        one = _train(bench, ALONE, accumulate=2, gradient_checkpointing=True, **LORA)
        _row(bench, f"LoRA, batch {BATCH} × 2, checkpointing, on 1", one, 1)
        scaling = many.samples / (one.samples * world.size)
        bench.add(
            f"… scaling from 1 to {world.size}", f"{scaling:.1%}", bar="≥ 90% (to 8)",
            scaling=scaling,
        )
    world.barrier()


def full(bench: Bench) -> None:
    """All weights, divided among the GPUs, with 32 samples on each by accumulation."""
    bench.steps = 2 if bench.small else 3
    found = _train(
        bench, bench.world, accumulate=ACCUMULATE, gradient_checkpointing=True, warm=1, **FULL
    )
    _row(
        bench, f"full (FSDP2), vision frozen, batch {BATCH} × {ACCUMULATE} a GPU, on "
        f"{bench.world.size}", found, bench.world.size, bar="≥ 40% model FLOP utilization (on 8)",
    )


def resumed(bench: Bench) -> None:
    """A smaller model is stopped after some steps, saved, and trained on."""
    name, steps = "tiny" if bench.small else "2b", 4
    every = samples(BATCH * bench.world.size * steps)
    spec = recipe(
        **FULL, batch_size=BATCH, devices=bench.world.size, gradient_checkpointing=True, epochs=1
    )
    through = train_some(
        bench.model(name), spec, every, bench.pool.read, steps=steps, world=bench.world
    ).losses
    told: list[Step] = []

    def stop(step: Any) -> None:
        if step.step == steps // 2:
            os.kill(os.getpid(), signal.SIGINT)

    started = time.perf_counter()
    try:
        _whole(bench, name, spec, every, stop)
    except KeyboardInterrupt:
        saved = time.perf_counter() - started
    else:
        raise RuntimeError("it was not stopped")
    _whole(bench, name, spec, every, told.append)
    if bench.world.first:
        pairs = [(step.loss or 0.0, through[step.step - 1] or 0.0) for step in told]
        apart = max(abs(ours - theirs) for ours, theirs in pairs)
        bench.add(
            f"full {name} (FSDP2) on {bench.world.size}: stopped by Ctrl-C, saved, gone on",
            f"losses of the last {len(told)} of {steps} steps at most {apart:.1e} from those of a "
            f"training that was not stopped; {saved:.0f} s with {steps - len(told)} steps and the "
            "saving", bar="≤ 1e-3", apart=apart, through=through, saved_s=saved,
        )


def _whole(bench: Bench, name: str, spec: Any, every: Any, progress: Any) -> None:
    train(
        bench.model(name), spec, every, role="bench", blend={}, read_media=bench.pool.read,
        folder=bench.folder / "resumed", progress=progress, world=bench.world,
    )


def _train(bench: Bench, world: World, *, warm: int = WARM, **train: Any) -> Speed:
    spec = recipe(batch_size=BATCH, devices=world.size, **train)
    # Every epoch shows each clip once: what is held of the first does not help.
    steps = bench.steps + warm
    every = samples(steps * BATCH * spec.train.accumulate * world.size)
    return train_some(
        bench.model(), spec, every, bench.pool.read, steps=steps, world=world, warm=warm,
        note=lambda said: print(f"  {said}", flush=True),
    )


def _row(bench: Bench, what: str, found: Speed, gpus: int, *, bar: str = "") -> None:
    one = found.seconds * gpus * bench.ceiling
    bench.add(
        what,
        f"{found.samples:.2f} samples/s, {found.seconds:.2f} s a step, model FLOP utilization "
        f"{found.flops / one:.0%} of the measured ceiling ({found.whole / one:.0%} with what is "
        f"computed again), {found.memory:.0f} GB, data wait {found.waited:.0%}",
        bar=bar, utilization=found.flops / one, whole_share=found.whole / one, **found._asdict(),
    )
