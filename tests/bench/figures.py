"""Measures the figures of the README: `nox -s bench`.

    python -m tests.bench.figures [demo] [real] [spatial] [starters] [av] [commands] [suite] [clips]
                                  [table]

Nothing here is asserted: the table says what was measured, beside the bar.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.bench.clips import clips
from tests.bench.table import table

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
Row = tuple[str, str, str]


def main() -> None:
    """Print one table."""
    parts = {
        "demo": demo, "real": real, "spatial": spatial, "starters": starters,
        "av": av, "commands": commands, "suite": suite, "clips": clips, "table": table,
    }
    wanted = sys.argv[1:] or list(parts)
    rows: list[Row] = []
    for name in wanted:
        print(f"measuring: {name}", flush=True)
        rows += parts[name]()
    print("\n| what | bar | measured |\n| --- | --- | --- |")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def demo() -> list[Row]:
    """The demo after installation: a fresh run of the recipe and the site."""
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder), "floor-crack")
        seconds, peak = _watch(
            [str(BIN / "recipe"), "run", "recipes/floor-crack.yaml"], cwd=project
        )
        more, top = _watch([str(BIN / "mkdocs"), "build", "--quiet"], cwd=project)
        record = json.loads((project / "runs/floor-crack/record.json").read_text())
    base, tuned = (_scores(record, role) for role in ("base", "tuned"))
    return [
        ("demo, this machine, after installation", "≤ 4 min, ≤ 4 GB",
         f"{(seconds + more) / 60:.1f} min, {max(peak, top) / 1e9:.1f} GB"),
        ("floor-crack: accuracy zero-shot", "55–80%, n ≥ 400", _text(base["accuracy"])),
        ("floor-crack: accuracy tuned", "≥ 92%", _text(tuned["accuracy"])),
        ("floor-crack: precision tuned", "≥ 90%", _text(tuned["precision"])),
        ("floor-crack: recall tuned", "≥ 90%", _text(tuned["recall"])),
    ]


def real() -> list[Row]:
    """The recipe on real pictures, from a fresh run."""
    if not Path(os.environ.get("RECIPE_DATA", "")).is_dir():
        return [("floor-crack-real", "≥ 85%", "not measured: RECIPE_DATA is not a folder")]
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder), "floor-crack-real")
        seconds, _ = _watch(
            [str(BIN / "recipe"), "run", "recipes/floor-crack-real.yaml"], cwd=project
        )
        record = json.loads((project / "runs/floor-crack-real/record.json").read_text())
    rows = [
        (f"floor-crack-real: accuracy, {one['role']}", "≥ 85% after mixed training",
         _text(_scores(record, one["role"])["accuracy"]))
        for one in record["evaluations"]
    ]
    return [*rows, ("floor-crack-real: time", "–", f"{seconds / 60:.1f} min")]


def spatial() -> list[Row]:
    """Left and right, drawn and real, from fresh runs."""
    rows: list[Row] = []
    for recipe, gap in (("left-right", "45–65% → ≥ 95%, n ≥ 400"),
                        ("left-right-real", "a significant gain, n = 60")):
        if recipe == "left-right-real" and not Path(os.environ.get("RECIPE_DATA", "")).is_dir():
            rows.append((recipe, gap, "not measured: RECIPE_DATA is not a folder"))
            continue
        with tempfile.TemporaryDirectory() as folder:
            project = _project(Path(folder), recipe)
            seconds, _ = _watch([str(BIN / "recipe"), "run", f"recipes/{recipe}.yaml"],
                                cwd=project)
            record = json.loads((project / f"runs/{recipe}/record.json").read_text())
        compared = record["comparisons"][0]["tasks"]["left_right"]
        rows += [(f"{recipe}: accuracy {role}", gap, _text(_scores(record, role)["accuracy"]))
                 for role in ("base", "tuned")]
        rows.append((f"{recipe}: McNemar", "p < 0.05", f"p = {compared['mcnemar_p']:.2g}"))
        for one in record["evaluations"]:
            known = one["tasks"]["left_right"]["baselines"]
            rows.append((f"{recipe}: blind, {one['role']}",
                         f"chance: {_text(known['chance'])}", _text(known["blind"])))
        rows.append((f"{recipe}: time", "–", f"{seconds / 60:.1f} min"))
    return rows


def av() -> list[Row]:
    """The driving videos, from a fresh run: time, memory, checkpoints, captions."""
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder), "av-mini")
        seconds, peak = _watch([str(BIN / "recipe"), "run", "recipes/av-mini.yaml"], cwd=project)
        record = json.loads((project / "runs/av-mini/record.json").read_text())
        weight = sum(file.stat().st_size for file in project.glob("docs/recipes/av-mini/**/*.*"))
    vqa, caption = (
        one["tasks"][task]["differences"][metric]
        for task, metric in (("vqa", "accuracy"), ("caption", "bleu"))
        for one in record["comparisons"] if task in one["tasks"]
    )
    known = record["evaluations"][0]["tasks"]["vqa"]["baselines"]
    gain = f"{vqa['difference']:+.1%} ({vqa['low']:+.1%} to {vqa['high']:+.1%}), p = {vqa['p']:.2g}"
    return [
        ("av-mini: whole run", "≤ 10 min, ≤ 6 GB", f"{seconds / 60:.1f} min, {peak / 1e9:.1f} GB"),
        ("av-mini: checkpoints", "≥ 5", str(len(record["checkpoints"]) - 1)),
        ("av-mini: accuracy zero-shot", "35–70%", _text(_scores(record, "base")["accuracy"])),
        ("av-mini: accuracy tuned", "≥ +15 points", _text(_scores(record, "tuned")["accuracy"])),
        ("av-mini: gain, by video", "significant", gain),
        ("av-mini: blind, commonest answers", "stated",
         f"{known['blind']['value']:.1%}, {known['majority']['value']:.1%}"),
        ("av-mini: BLEU", "significant gain",
         f"{caption['before']:.3f} → {caption['after']:.3f}, p = {caption['p']:.2g}"),
        ("av-mini: page weight", "≤ 30 MB", f"{weight / 1e6:.1f} MB"),
    ]


def starters() -> list[Row]:
    """Every starter as a newcomer has it: new, validate, run."""
    rows = []
    for path in sorted((ROOT / "templates" / "starters").glob("*.yaml")):
        with tempfile.TemporaryDirectory() as folder:
            project = _project(Path(folder))
            recipe, file = str(BIN / "recipe"), f"recipes/my-{path.stem}.yaml"
            started = time.monotonic()
            for command in (["new", f"my-{path.stem}", "--starter", path.stem],
                            ["validate", file], ["run", file]):
                _watch([recipe, *command], cwd=project)
            seconds = time.monotonic() - started
        rows.append((f"starter {path.stem}: new, validate, run", "≤ 4 min",
                     f"{seconds / 60:.1f} min"))
    return rows


def commands() -> list[Row]:
    """Commands that need no model, beside an interpreter that does nothing."""
    recipe = str(BIN / "recipe")
    floor = "recipes/floor-crack.yaml"
    timed = [
        ("python -c pass", "(baseline)", [sys.executable, "-c", "pass"]),
        ("recipe --help", "≤ 0.25 s", [recipe, "--help"]),
        ("recipe validate", "≤ 0.5 s", [recipe, "validate", floor]),
        ("recipe render", "≤ 3 s", [recipe, "render", floor]),
        *((f"recipe verify docs/recipes/{page.parent.name}", "≤ 5 s",
           [recipe, "verify", str(page.parent)])
          for page in sorted(ROOT.glob("docs/recipes/*/index.md"))),
    ]
    return [(name, bar, f"{_median(command):.2f} s") for name, bar, command in timed]


def suite() -> list[Row]:
    """The whole test-suite."""
    seconds, _ = _watch(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"], cwd=ROOT,
        OMP_NUM_THREADS="1",
    )
    return [("whole test-suite", "≤ 8 min", f"{seconds / 60:.1f} min")]


def _project(folder: Path, recipe: str = "") -> Path:
    """A copy of the project without its runs, with one recipe or none."""
    for name in ("mkdocs.yml", "docs", "recipe_kit", "templates"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / "recipes").mkdir()
    if recipe:
        shutil.rmtree(folder / "docs" / "recipes" / recipe, ignore_errors=True)
        shutil.copy(ROOT / "recipes" / f"{recipe}.yaml", folder / "recipes")
    return folder


def _watch(command: list[str], *, cwd: Path, **environment: str) -> tuple[float, float]:
    """Seconds that a command took, and the largest memory of it and its children, in bytes."""
    started = time.monotonic()
    process = psutil.Popen(command, cwd=cwd, env={**os.environ, **environment})
    peak = 0
    while process.poll() is None:
        peak = max(peak, _memory(process))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - started, float(peak)


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        return total
    return total


def _median(command: list[str], times: int = 7) -> float:
    taken = []
    for _ in range(times):
        started = time.monotonic()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        taken.append(time.monotonic() - started)
    return statistics.median(taken)


def _scores(record: dict[str, Any], role: str) -> dict[str, Any]:
    task = next(iter(record["benchmarks"].values()))["primary"]
    found = next(one for one in record["evaluations"] if one["role"] == role)
    return dict(found["tasks"][task]["metrics"])


def _text(metric: dict[str, Any]) -> str:
    return (f"{metric['value']:.1%} ({metric['low']:.1%}–{metric['high']:.1%}, "
            f"n = {metric['n']})")


if __name__ == "__main__":
    main()
