from collections.abc import Callable
from pathlib import Path

import pytest

from recipe_kit.errors import SpecError
from recipe_kit.spec.load import load_recipe

VALID = """\
schema: 1
title: Floors
authors:
  - name: Ada
organization: Example
use_case: Cracks
model:
  base: tiny
data:
  sources:
    drawn: {kind: world, world: floors, count: 100}
    real:
      kind: table
      path: labels.csv
      columns: {split: split}
      labels:
        cracked: label
        severity: level
    pairs: {kind: triples, path: pairs.json}
  splits:
    train: {drawn: 0.8, pairs: 1.0, real: {rows: train}}
    val: {drawn: 0.1}
    test: {drawn: 0.1, real: {rows: test}}
tasks:
  cracked:
    type: binary
    prompt: Is this floor cracked?
    label: cracked
    answers: {cracked: "Yes", not cracked: "No"}
  severity:
    type: scale
    prompt: How dangerous is it?
    label: severity
benchmarks:
  floor:
    tasks: [cracked, severity]
gate:
  benchmark: floor
  targets:
    - {task: cracked, metric: accuracy, at_least: 0.9}
    - {task: severity, metric: mae, at_most: 0.5}
train:
  epochs: 1
  blend: {drawn: 1, real: 2}
  ablations:
    drawn_only: {blend: {drawn: 1}}
prose:
  overview: |
    Robots should not drive over cracks.
    The model is right in {{ floor.base.cracked.accuracy | pct }} of the cases.
  dataset: Drawn.
  why_not_fine_tuned: Enough.
  why_it_matters: Safer.
  conclusion: Done.
"""


@pytest.fixture
def problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Replaces pieces of the valid recipe, and returns what loading it says."""
    monkeypatch.chdir(tmp_path)

    def load(*edits: tuple[str, str], overrides: tuple[str, ...] = ()) -> str:
        text = VALID
        for old, new in edits:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the recipe"
            text = text.replace(old, new)
        Path("floor.yaml").write_text(text, encoding="utf-8")
        try:
            load_recipe("floor.yaml", overrides)
        except SpecError as error:
            assert error.exit_code == 2
            return str(error)
        return "valid"

    return load


@pytest.fixture
def valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A valid recipe's file."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "My_Floors.yaml"
    path.write_text(VALID, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def recipe() -> str:
    """A valid recipe's text."""
    return VALID
