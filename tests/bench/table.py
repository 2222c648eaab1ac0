"""Training samples at the size of the example workload: 1.1 million, in three subdirectories.

    python -m tests.bench.table [--rows N]

Writes a table of generated samples, builds its index, and measures in a process of its own what a
training needs before its first step: the modules, the index, the plan, the items of a step.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from recipe_kit.spec.recipe import Recipe

Row = tuple[str, str, str]

ROWS = 1_100_000
OTHERS = {"human_annotated": 12_000, "reason1_sft": 12_000}
"""As in the example workload; `cv_annotated` has all the other samples."""
WEIGHTS = {"cv_annotated": 0.3, "human_annotated": 0.5, "reason1_sft": 0.2}
STEP = 256
"""Samples of a step: 8 GPUs with 32 each."""
STEPS = 300
"""Steps whose samples are taken from the index, one after the other."""

TEXT = ("The ego vehicle slows down behind a silver van at the crossing while rain falls, and a "
        "cyclist waits at the curb because the light for crossing traffic has turned green. ")
"""Twice over, it is as long as a usual caption."""


def table() -> list[Row]:
    """The figures of 1.1 million samples."""
    return measure(ROWS)


def measure(rows: int) -> list[Row]:
    """The figures of so many samples."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_samples(folder / "samples.jsonl", rows)
        (built,) = run("build", folder)
        first, second = run("ready", folder), run("ready", folder)
        size = (folder / "samples.arrow").stat().st_size
    # The first opens files that were just written; the second is what a restart meets.
    ready, later = dict(first), dict(second)
    what = f"{rows:,} samples"
    return [
        (f"{what}: index built, {size / 1e9:.1f} GB", "once", f"{built[1]:.0f} s"),
        ("modules imported (torch, transformers, ...)", "–", seconds(ready, later, "imports")),
        ("index verified, opened and planned, first step known", "≤ 10 s",
         seconds(ready, later, "ready")),
        ("a step's 256 samples taken from the index", "–",
         f"{later['step'] * 1e3:.1f} ms"),
        ("gone on with at step 1,000 of the third epoch", "–", f"{later['restore'] * 1e3:.0f} ms"),
        ("peak memory when ready, modules included", "≤ 1 GB", f"{later['peak'] / 1e9:.2f} GB"),
        (f"peak memory after {STEPS} steps", "≤ 1 GB", f"{later['after'] / 1e9:.2f} GB"),
        ("of it without the modules", "–", f"{(later['after'] - later['empty']) / 1e9:.2f} GB"),
    ]


def seconds(first: dict[str, float], later: dict[str, float], key: str) -> str:
    """A time of both processes."""
    return f"{first[key]:.1f} s, again {later[key]:.1f} s"


def write_samples(path: Path, rows: int) -> None:
    """Samples as the first stage of a run leaves them: those of training, and some to validate."""
    draw = random.Random(0)
    parts = {"cv_annotated": max(1, rows - sum(OTHERS.values())), **OTHERS}
    with path.open("w") as file:
        for part, count in parts.items():
            for number in range(count):
                name = f"{part}/{draw.getrandbits(64):016x}_{number:07d}"
                file.write(json.dumps({
                    "id": f"av/{name}", "source": "av", "media": f"{name}.mp4",
                    "media_type": "video", "sha256": f"{draw.getrandbits(256):064x}",
                    "labels": {"weather": "Rain", "difficulty": number % 5},
                    "group": f"drive-{number // 3}",
                    "split": "val" if part == "human_annotated" and number % 12 == 0 else "train",
                    "prompt": "Describe the drive in the video, and say what the driver has to "
                    "attend to.",
                    "target": f"Drive {number}. " + 2 * TEXT,
                    "width": 1936, "height": 1220, "part": part,
                }) + "\n")


def run(what: str, folder: Path) -> list[tuple[str, float]]:
    """Measures in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.table", "--do", what, "--folder", str(folder)],
        check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )
    return [(key, value) for key, value in json.loads(done.stdout).items()]


def build(folder: Path) -> dict[str, float]:
    """Seconds that building the index takes."""
    from recipe_kit.train.indexing import make_index

    started = time.perf_counter()
    assert make_index(recipe(), folder / "samples.jsonl", folder)
    return {"build": time.perf_counter() - started}


def ready(folder: Path) -> dict[str, float]:
    """What stands between the start of a process and its first step."""
    begun = psutil.Process().create_time()
    from recipe_kit.train import loop
    from recipe_kit.train.index import open_index
    from recipe_kit.train.indexing import NAME, make_index

    spec = recipe()
    found = {"imports": time.time() - begun, "empty": peak()}
    started = time.perf_counter()
    assert not make_index(spec, folder / "samples.jsonl", folder)
    plan = loop.make_plan(spec, open_index(folder / NAME), {})
    assert len(plan.items(0)) == STEP
    found |= {"ready": time.perf_counter() - started, "peak": peak()}
    started = time.perf_counter()
    assert plan.items(2 * plan.steps_per_epoch + 1_000)
    found["restore"] = time.perf_counter() - started
    started = time.perf_counter()
    for step in range(STEPS):
        plan.items(step)
    return found | {"step": (time.perf_counter() - started) / STEPS, "after": peak()}


def recipe() -> Recipe:
    """The shape of the example workload's training."""
    return Recipe.model_validate({
        "schema": 1, "title": "Drives", "authors": [{"name": "A"}], "organization": "O",
        "use_case": "U", "profile": "benchmark-study",
        "data": {
            "sources": {"av": {
                "kind": "annotations", "path": "av", "subdirectories": tuple(WEIGHTS),
                "weights": tuple(WEIGHTS.values()), "targets": {
                    "human": "safety_analysis", "reasoning": "target"},
            }},
            "splits": {"train": {"av": 0.5}, "val": {"av": 0.25}, "test": {"av": 0.25}},
        },
        "tasks": {"weather": {
            "type": "choice", "prompt": "How is the weather?", "label": "weather",
            "options": ["Clear", "Rain", "Fog", "Snow"],
        }},
        "benchmarks": {"av": {"tasks": ["weather"]}},
        "gate": {"benchmark": "av", "targets": [
            {"task": "weather", "metric": "accuracy", "at_least": 0.9}]},
        "train": {"batch_size": 8, "accumulate": 4, "devices": 8, "epochs": 3},
    })


def peak() -> int:
    """Largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Print one table, or what was measured of one part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--do", choices=("build", "ready"))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.do:
        print(json.dumps({"build": build, "ready": ready}[given.do](given.folder)))
        return
    print("| what | bar | measured |\n| --- | --- | --- |")
    for row in measure(given.rows):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
