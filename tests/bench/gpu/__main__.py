"""Measures the figures of a GPU: `nox -s bench -- gpu`, or one part of it.

    python -m tests.bench.gpu evaluation [--size 8b] [--out FOLDER] [--seconds 500]
    python -m tests.bench.gpu training
    python -m tests.bench.gpu decode
    python -m tests.bench.gpu profile
    torchrun --nproc-per-node 4 -m tests.bench.gpu parallel
    python -m tests.bench.gpu table FOLDER --out docs/reference

The last writes the page `benchmarks.md` and what it was made from, `benchmarks.json`.

Nothing here is asserted. A step that fails is named, and the next one begins.
"""

import argparse
import importlib
import json
import os
from pathlib import Path

import torch

from tests.bench.gpu.measure import Report
from tests.bench.gpu.real import SIZES

PARTS = {
    "evaluation": ("8b", "2b"), "training": ("8b", "2b"), "decode": ("8b",), "parallel": ("8b",),
    "profile": ("8b", "2b"),
}  # fmt: skip
"""Parts, each a module and a function of that name, and the sizes they are measured on."""


def main() -> None:
    """Measure the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=(*PARTS, "all", "table"))
    parser.add_argument("folder", nargs="?", type=Path, help="of JSON files, for `table`")
    parser.add_argument("--size", choices=SIZES)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=580)
    asked = parser.parse_args()
    if asked.part == "table":
        publish(asked.folder, asked.out)
        return
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    small = device.type == "cpu" and asked.size is None
    started_alone = "WORLD_SIZE" not in os.environ
    for part, sizes in PARTS.items():
        if asked.part not in (part, "all") or (asked.part == "all" and part == "parallel"
                                               and started_alone):
            continue
        for size in [asked.size] if asked.size else ["tiny"] if small else sizes:
            out = asked.out if os.environ.get("RANK", "0") == "0" else None
            report = Report(part, size, device, out, asked.seconds)
            report.step(part, lambda r=report: measure(r))
            if device.type == "cuda":
                torch.cuda.empty_cache()


def publish(folder: Path, out: Path | None) -> None:
    """Write the page and its JSON, or print the page."""
    from tests.bench.gpu.table import load, table

    page = table(folder)
    if out is None:
        print(page)
        return
    (out / "benchmarks.md").write_text(page + "\n", "utf-8")
    content = json.dumps(load(folder), indent=1, ensure_ascii=False)
    (out / "benchmarks.json").write_text(content + "\n", "utf-8")


def measure(report: Report) -> None:
    """Do a part; what it needs is imported only now, so that one that cannot be is reported."""
    getattr(importlib.import_module(f"tests.bench.gpu.{report.part}"), report.part)(report)


if __name__ == "__main__":
    main()
