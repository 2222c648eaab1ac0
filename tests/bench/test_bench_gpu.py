"""The benchmark of a GPU runs to its end with a small model, so that a GPU's time is not wasted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.gpu", *map(str, arguments)], cwd=ROOT, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=200,
    )
    return done.stdout


@pytest.mark.slow
def test_every_part_measures_all_it_names_and_the_page_lists_it(tmp_path: Path) -> None:
    run("all", "--size", "tiny", "--out", tmp_path)
    parts = {path.stem: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert {name: part["left_out"] for name, part in parts.items()} == {
        "evaluation-tiny": {}, "training-tiny": {}, "decode-tiny": {}, "profile-tiny": {},
    }
    page = run("table", tmp_path)
    rows = [row["what"] for part in parts.values() for row in part["rows"]]
    assert len(rows) > 20
    assert [row for row in rows if f"| {row} |" not in page] == []


def test_a_part_without_time_says_what_it_left_out(tmp_path: Path) -> None:
    run("evaluation", "--size", "tiny", "--seconds", 0, "--out", tmp_path)
    part = json.loads((tmp_path / "evaluation-tiny.json").read_text())
    assert part["rows"] == []
    assert part["left_out"]["evaluation"].startswith("no time left")
