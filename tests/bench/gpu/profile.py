"""Where the time goes: kernels of label answers and of training steps, the longest first."""

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.compiled import compile_model
from recipe_kit.spec.recipe import Evaluation
from tests.bench.gpu.clips import Pool, questions
from tests.bench.gpu.lessons import FULL, LORA, Measured, free, recipe, samples, train_some
from tests.bench.gpu.measure import Report, sync
from tests.bench.gpu.real import SIZES, random_model

EACH, BATCH, SHOWN = 11, 16, 16
KINDS = {
    "matrix product": r"gemm|cutlass|nvjet|cublas|xmma|mm_|sgemm",
    "attention": r"flash|fmha|attention|softmax",
    "copy": r"memcpy|copy|cat|index|gather|scatter",
    "memset": r"memset|fill",
    "between products, compiled": r"triton",
    "optimizer": r"adam|multi_tensor|foreach",
    "communication": r"nccl",
}  # fmt: skip
"""Kinds of kernels by their names; the first that fits counts."""


def profile(report: Report) -> None:
    """Answers, then training."""
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool(Path(folder), SIZES[report.size], 64)
        report.step("answers", lambda: answers(report, pool))
        report.step("training", lambda: lessons(report, pool))


def answers(report: Report, pool: Pool) -> None:
    """Label answers about two batches of videos, after as many that warm up."""
    device = report.device
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    loaded = random_model(report.size, device, dtype)
    compile_model(loaded.model)
    batch = 2 if report.size == "tiny" else BATCH

    def ask() -> None:
        engine = LocalEngine(loaded, Evaluation(batch_size=batch), pool.read)
        list(engine.ask(questions(range(2 * batch), EACH)))

    ask()
    _rows(report, f"label answers of {2 * batch} videos", ask)
    free(device)


def lessons(report: Report, pool: Pool) -> None:
    """Two steps of training with checkpointing: adapters of the larger model, all of the other."""
    device, batch = report.device, 4
    method = FULL if report.size == "2b" else {**LORA, "gradient_checkpointing": True}
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    spec = recipe(batch_size=batch, **method)
    profiler = _profiler(device)
    times: list[float] = []

    def watch(session: Measured) -> None:
        done = session._state.step
        if done in (6, 8):
            sync(device)
            times.append(time.perf_counter())
            (profiler.start if done == 6 else profiler.stop)()

    train_some(
        random_model(report.size, device, dtype), spec, samples(64), pool.read, steps=9,
        watch=watch,
    )
    _table(report, f"two steps of {spec.train.method} training", profiler, times[1] - times[0])


def _profiler(device: torch.device) -> Any:
    on = ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU
    return torch.profiler.profile(activities=[on])


def _rows(report: Report, what: str, run: Callable[[], None]) -> None:
    profiler = _profiler(report.device)
    sync(report.device)
    with profiler:
        started = time.perf_counter()
        run()
        sync(report.device)
        seconds = time.perf_counter() - started
    _table(report, what, profiler, seconds)


def _table(report: Report, what: str, profiler: Any, seconds: float) -> None:
    """Kernels by time, and by kind."""
    on_gpu = report.device.type == "cuda"
    spent: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for event in profiler.key_averages():
        spent[event.key] += event.self_device_time_total if on_gpu else event.self_cpu_time_total
        calls[event.key] += event.count
    total = sum(spent.values()) or 1
    kinds: Counter[str] = Counter()
    for name, micros in spent.items():
        kinds[_kind(name)] += micros
    said = ", ".join(f"{kind} {micros / total:.0%}" for kind, micros in kinds.most_common(7))
    report.add(
        f"{what}: kernels", f"{total / 1e6 / seconds:.0%} of {seconds:.2f} s; {said}",
        kinds=dict(kinds), seconds=seconds,
    )
    for name, micros in spent.most_common(SHOWN):
        report.add(
            f"{what}: `{_short(name)}`",
            f"{micros / total:.1%}, {micros / 1e3:.1f} ms in {calls[name]} calls",
        )


def _kind(name: str) -> str:
    small = name.lower()
    return next((kind for kind, known in KINDS.items() if re.search(known, small)), "other")


def _short(name: str) -> str:
    return name.replace("|", "/").replace("`", "")[:90]
