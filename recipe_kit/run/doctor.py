"""What this machine can do."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from recipe_kit.errors import ModelError
from recipe_kit.model.checkpoint import describe_model
from recipe_kit.record.versions import versions

GIB = 2**30


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    advice: str = ""


def examine() -> list[Check]:
    """Everything worth knowing before a run."""
    checks: tuple[Callable[[], Check], ...] = (
        _python, _packages, _memory, _disk, _gpu, _pictures, _videos, _embedded, _hub,
        _tensorboard, _data,
    )
    return [check() for check in checks]


def _python() -> Check:
    return Check("Python", True, f"{sys.version.split()[0]}, {os.cpu_count()} cores")


def _packages() -> Check:
    found = versions(("torch", "transformers", "peft"))
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    return Check("Packages", len(found) == 3, text)


def _memory() -> Check:
    memory = psutil.virtual_memory()
    enough = memory.available >= 4 * GIB
    return Check(
        "Memory", enough, f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free",
        "" if enough else "The embedded model needs about 4 GiB; close other programs.",
    )


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    enough = free >= 2 * GIB
    return Check(
        "Disk", enough, f"{free / GIB:.1f} GiB free here",
        "" if enough else "Runs keep checkpoints; free some space.",
    )


def _gpu() -> Check:
    import torch

    if not torch.cuda.is_available():
        return Check(
            "GPU", False, "none that torch can use",
            "The embedded model runs on the CPU; for an 8-billion-parameter model use a GPU with "
            "at least 40 GiB (LoRA) and install the torch build for its CUDA version.",
        )
    names = []
    for number in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(number).total_memory / GIB
        names.append(f"{torch.cuda.get_device_name(number)} ({memory:.0f} GiB)")
    short = "bfloat16" if torch.cuda.is_bf16_supported() else "no bfloat16"
    return Check("GPU", True, f"{', '.join(names)}, {short}")


def _pictures() -> Check:
    from PIL import features

    missing = [name for name in ("jpg", "webp", "zlib") if not features.check(name)]
    found = "JPEG, PNG, WebP" if not missing else f"Pillow lacks {', '.join(missing)}"
    return Check("Pictures", not missing, found)


def _videos() -> Check:
    if importlib.util.find_spec("av"):
        return Check("Videos", True, "PyAV")
    return Check("Videos", False, "no decoder", "pip install av")


def _embedded() -> Check:
    try:
        card = describe_model("tiny")
    except ModelError as error:
        return Check("Embedded model", False, error.what, error.fix)
    return Check("Embedded model", True, f"{card.parameters / 1e6:.1f} million parameters")


def _hub() -> Check:
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    from huggingface_hub import get_token

    if offline:
        return Check("Hub", False, "HF_HUB_OFFLINE is set", "Only models in its cache can be used.")
    if get_token():
        return Check("Hub", True, "a token is set; gated models can be used if it may read them")
    return Check(
        "Hub", True, "no token; public models only",
        "For a gated model (nvidia/Cosmos-Reason2-8B): accept its licence, then `hf auth login`.",
    )


def _tensorboard() -> Check:
    if importlib.util.find_spec("tensorboard"):
        return Check("TensorBoard", True, "installed; trainings write its files")
    return Check("TensorBoard", True, "not installed; trainings write log.jsonl only",
                 "pip install tensorboard, if you want its files")


def _data() -> Check:
    folder = os.environ.get("RECIPE_DATA")
    if not folder:
        return Check("RECIPE_DATA", True, "not set; paths in a recipe are relative to its folder")
    there = Path(folder).is_dir()
    return Check("RECIPE_DATA", there, folder, "" if there else "There is no such folder.")
