"""A project with one recipe that runs in seconds, and the `recipe` command in it."""

import contextlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from recipe_kit.cli import main

RECIPE = """\
schema: 1
title: Small Floors
authors: [{name: A}]
organization: O
use_case: Floors
model: {min_pixels: 1024, max_pixels: 1024}
data:
  sources:
    synthetic: {kind: world, world: floors, count: 60, seed: 3, width: 64, height: 64}
  splits: {test: {synthetic: 0.4}, val: {synthetic: 0.2}, train: {synthetic: 0.4}}
tasks:
  cracked:
    type: binary
    prompt: Is this floor cracked? Yes or No.
    label: cracked
    answers: {cracked: "Yes", not cracked: "No"}
  severity: {type: scale, prompt: "How severe is it, from 1 to 5?", label: severity}
benchmarks: {floor: {tasks: [cracked, severity]}}
evaluation: {bootstrap: 100, max_new_tokens: 4, batch_size: 8, device: cpu}
gate:
  benchmark: floor
  targets: [{task: severity, metric: accuracy, at_least: 1.0}]
train: {epochs: 2, batch_size: 8, lora: {rank: 4}, checkpoint_every: 1}
prose:
  overview: About floors.
  dataset: Drawn floors.
  baseline: The base model got {{ floor.base.cracked.accuracy | pct }}.
  why_not_fine_tuned: The base model is enough.
  why_it_matters: It went to {{ floor.tuned.cracked.accuracy | pct }}.
  conclusion: Done.
"""
CHOICE = """\
schema: 1
title: Small Table
authors: [{name: A}]
organization: O
use_case: Left and right
model: {min_pixels: 1024, max_pixels: 1024}
data:
  sources:
    table: {kind: world, world: tabletop, count: 60, seed: 3, width: 64, height: 64}
  splits: {test: {table: 0.4}, val: {table: 0.2}, train: {table: 0.4}}
tasks:
  left_right:
    type: choice
    prompt: "Where is the {subject}, seen from the {object}?"
    options: [left, right]
    label: relation
    circular: true
benchmarks: {spatial: {tasks: [left_right], slices: [scene]}}
evaluation: {bootstrap: 100, max_new_tokens: 4, batch_size: 8, device: cpu}
gate:
  benchmark: spatial
  targets: [{task: left_right, metric: accuracy, at_least: 1.0}]
success:
  left_right: {metric: accuracy, at_least: 0.9}
train: {epochs: 2, batch_size: 8, lora: {rank: 4}, checkpoint_every: 1}
prose:
  overview: About tables.
  dataset: Drawn tables.
  why_not_fine_tuned: The base model is enough.
  why_it_matters: It went to {{ spatial.tuned.left_right.accuracy | pct }}.
  conclusion: Done.
"""
"""A recipe with options, each question asked in both orders, and also without the picture."""
SEVERITY = """\
  severity: {type: scale, prompt: "How severe is it, from 1 to 5?", label: severity}
"""
"""The recipe's second task, to be left out."""
WORLD = "{kind: world, world: floors, count: 60, seed: 3, width: 64, height: 64}"
"""The recipe's source, to be replaced by another."""
ENOUGH = "gate.targets=[{task: cracked, metric: accuracy, at_least: 0}]"
"""An override that makes any base model good enough."""

# What another run of the same recipe finds otherwise.
TIMES = {"seconds", "timestamp", "latency_s", "started", "finished", "log_line",
         "peak_memory_bytes", "performance", "provenance", "stages", "predictions.jsonl.gz"}


@dataclass(frozen=True)
class Project:
    """A folder with `mkdocs.yml` and `recipes/small.yaml`."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipes" / "small.yaml"

    @property
    def run_folder(self) -> Path:
        return self.root / "runs" / "small"

    @property
    def page(self) -> Path:
        return self.root / "docs" / "recipes" / "small"

    def edit(self, old: str, new: str) -> None:
        text = self.recipe.read_text()
        assert old in text
        self.recipe.write_text(text.replace(old, new))

    def __call__(self, command: str, *arguments: str) -> Result:
        """Runs `recipe COMMAND recipes/small.yaml ARGUMENTS` in the project."""
        return self.command(command, "recipes/small.yaml", *arguments)

    def command(self, *arguments: str) -> Result:
        """Runs `recipe ARGUMENTS` in the project."""
        with contextlib.chdir(self.root):
            return CliRunner().invoke(main, arguments)

    def states(self, *arguments: str) -> dict[str, str]:
        """What `recipe plan` says of each stage."""
        shown = self("plan", *arguments)
        assert shown.exit_code == 0, shown.output
        return {name: state for name, _, state in stages_of(shown)}

    def fingerprints(self, *arguments: str) -> dict[str, str]:
        """The fingerprint of each stage, as `recipe plan` shows it."""
        return {name: mark for name, mark, _ in stages_of(self("plan", *arguments))}

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.run_folder / "record.json").read_text())
        return found


def stages_of(shown: Result) -> list[list[str]]:
    """Name, fingerprint and state of each stage that `recipe plan` lists."""
    return [line.split(maxsplit=2) for line in shown.stdout.split("\n\n")[0].splitlines()]


def make_project(root: Path, recipe: str = RECIPE) -> Project:
    """Writes a project."""
    (root / "recipes").mkdir(parents=True)
    (root / "mkdocs.yml").write_text("site_name: Small\n")
    project = Project(root)
    project.recipe.write_text(recipe)
    return project


def copy_project(of: Project, root: Path) -> Project:
    """A copy of a project, its runs and pages included."""
    shutil.copytree(of.root, root)
    return Project(root)


def findings(value: Any) -> Any:
    """A record, or a part of one, without what depends on the time it was made."""
    if isinstance(value, dict):
        return {key: findings(one) for key, one in value.items() if key not in TIMES}
    return [findings(one) for one in value] if isinstance(value, list) else value


def command(*arguments: str) -> list[str]:
    """The command line of `recipe` in a process of its own."""
    return [sys.executable, "-m", "recipe_kit", *arguments]
