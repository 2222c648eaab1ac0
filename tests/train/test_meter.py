"""What is measured of a training's steps."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from small_model import CRACKED, SEVERITY, TOKENIZER, recipe, small_model

from recipe_kit.model.batch import collate
from recipe_kit.model.flops import Work
from recipe_kit.model.gpus import GPUS, Gpu, gpu_called, gpu_named
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prompt import Encoded, Medium, encode
from recipe_kit.model.shape import Shape, read_shape
from recipe_kit.model.world import World
from recipe_kit.train.meter import Meter, Part, combined, peak_memory, work_of

SMALL, LARGE = Grid(1, 4, 4), Grid(2, 4, 8)
ONE = Work(tokens=62, pairs=1305, logits=4, patches=16, patch_pairs=256)
"""A picture of 4 visual tokens and both questions about it: a prefix of 11 tokens, and branches of
24 and 27: 66 pairs + 24 × 11 + 300 + 27 × 11 + 378."""


def asked(prompt: str, target: str) -> Encoded:
    return encode(TOKENIZER, prompt, [Medium(SMALL)], target=target)


def window(*micros: tuple[int, tuple[Grid, ...], Any]) -> Any:
    """A window of batches, each with its samples, grids and sequences."""
    return SimpleNamespace(batches=[
        SimpleNamespace(samples=samples, grids=grids, batch=batch)
        for samples, grids, batch in micros
    ])


BOTH = (asked(CRACKED, "Yes"), asked(SEVERITY, "4"))
SHARED = (1, (SMALL,), collate(BOTH, 0, media=[0, 0]))
ALONE = (2, (SMALL, SMALL), collate(BOTH, 0, media=[0, 1]))


@pytest.mark.parametrize(("micros", "held", "expected"), [
    ([SHARED], 0, ONE),
    # 35 and 38 tokens, each of which sees itself and all before it; no padding.
    ([ALONE], 0, Work(73, 630 + 741, 4, 32, 512)),
    ([SHARED, ALONE], 0, Work(135, 1305 + 1371, 8, 48, 768)),
    ([SHARED, ALONE], 2, Work(135, 1305 + 1371, 8, 16, 256)),
    ([SHARED], 1, Work(62, 1305, 4, 0, 0)),
    ([SHARED], 2, Work(62, 1305, 4, 0, 0)),
    ([], 1, Work()),
    ([(1, (SMALL, LARGE), SHARED[2])], 1, Work(62, 1305, 4, 40, (256 + 2048) // 2)),
    # Two pictures and three questions: what is about one picture shares its prefix.
    ([(2, (SMALL, SMALL), collate((*BOTH, BOTH[0]), 0, media=[0, 0, 1]))], 0,
     Work(62 + 35, 1305 + 630, 6, 32, 512)),
])  # fmt: skip
def test_work_of_batches(micros: list[Any], held: int, expected: Work) -> None:
    assert work_of(window(*micros).batches, held) == expected


def test_steps_but_the_first_are_counted() -> None:
    loaded = small_model()
    meter = Meter(loaded, recipe(method="full"))
    assert meter.performance(World()) is None
    meter.step(window(ALONE), 100.0)
    assert meter.performance(World()) is None
    with meter.waiting():
        time.sleep(0.02)
    meter.step(window(SHARED, ALONE), 0.25)
    meter.step(window(SHARED), 0.75)
    found = meter.performance(World())
    assert found is not None
    # By hand, for width 48: of the text 2 layers of 19,968 weights, and a head of 320 words;
    # of the vision tower 2 blocks of 18,432 weights, and 2 mergers of 46,080 on every fourth patch.
    text = 2 * 2 * 19_968 * 197 + 4 * 48 * 2 * 3981 + 2 * 48 * 320 * 12
    tower = 2 * 2 * 18_432 * 64 + 4 * 48 * 2 * 1024 + 2 * 2 * 46_080 * 16
    embedding = 2 * 1536 * 48 * 64
    assert found.flops_per_step == (3 * (text + tower) + 2 * embedding) / 2
    assert (found.gpu, found.devices, found.steps, found.seconds) == ("CPU", 1, 2, 1.0)
    assert (found.samples_per_second, found.tokens_per_second) == (4.0, 197.0)
    assert found.utilization is None
    assert 0.02 <= found.data_wait < 0.1
    assert found.peak_memory_bytes == peak_memory(torch.device("cpu")) > 50e6
    assert (found.predicted_seconds, found.predicted_memory_bytes) == (None, None)


def test_what_was_waited_for_a_step_that_failed_does_not_count() -> None:
    meter = Meter(small_model(), recipe())
    meter.step(window(ALONE), 1.0)
    for seconds in (0.2, 0.0):
        with meter.waiting():
            time.sleep(seconds)
    meter.step(window(ALONE), 0.1)
    found = meter.performance(World())
    assert found is not None
    assert found.data_wait < 0.1


def test_processes_together() -> None:
    """The slowest tells the time; FLOPs are shared out over all peaks."""
    shape: Shape = read_shape(small_model().model.config.to_dict())
    work = Work(tokens=1000, logits=10)
    parts = [Part(4, 2.0, 0.5, 8, work, 7), Part(4, 1.5, 0.375, 8, work, 9)]
    found = combined(parts, shape, recipe(method="full").train, "NVIDIA H200")
    assert found is not None
    flops = 2 * 3 * (2 * 2 * 19_968 * 1000 + 2 * 48 * 320 * 10)
    assert found.model_dump() == {
        "gpu": "NVIDIA H200", "devices": 2, "seconds": 2.0, "steps": 4,
        "samples_per_second": 8.0, "tokens_per_second": 1000.0, "flops_per_step": flops / 4,
        "utilization": flops / (2.0 * 2 * 989e12), "data_wait": 0.25, "peak_memory_bytes": 9,
        "predicted_seconds": None, "predicted_memory_bytes": None,
    }


@pytest.mark.parametrize(("name", "found"), [
    ("NVIDIA H200", "H200"), ("NVIDIA H200 NVL", "H200-NVL"), ("NVIDIA H100 80GB HBM3", "H100"),
    ("NVIDIA H100 PCIe", "H100-PCIe"), ("NVIDIA H100 NVL", "H100-NVL"),
    ("NVIDIA A100-SXM4-40GB", "A100-40GB"), ("NVIDIA A100-PCIE-40GB", "A100-40GB"),
    ("NVIDIA A100-SXM4-80GB", "A100-80GB"), ("NVIDIA A100 80GB PCIe", "A100-80GB"),
    ("NVIDIA L40S", "L40S"), ("NVIDIA L4", "L4"), ("NVIDIA GeForce RTX 4090", "RTX-4090"),
    ("NVIDIA B200", "B200"), ("NVIDIA GeForce RTX 4090 Laptop GPU", None), ("NVIDIA L40", None),
    ("NVIDIA GB200", None), ("CPU", None),
])
def test_gpus_by_the_name_torch_gives_them(name: str, found: str | None) -> None:
    gpu = gpu_called(name)
    assert (gpu and gpu.name) == found


@pytest.mark.parametrize("gpu", GPUS, ids=lambda gpu: gpu.name)
def test_gpus_by_the_name_people_give_them(gpu: Gpu) -> None:
    assert gpu_named(gpu.name) == gpu_named(gpu.name.lower().replace("-", " ")) == gpu
