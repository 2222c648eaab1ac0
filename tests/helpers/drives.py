"""A recipe about drives whose benchmark comes from a pool, for tests of pools."""

from pathlib import Path

from recipe_kit.spec.load import load_recipe
from recipe_kit.spec.recipe import Recipe

WEATHER = """\
  - name: weather
    category: Scene
    question: What is the weather like?
    options: {clear: Clear, rain: Rain, fog: Fog, snow: Snow}
    required: true
"""
CARS = """\
  - name: cars
    category: Objects
    question: How many cars are there?
    options: {0: None at all, 1: One, 2+: Two or more}
"""
RECIPE = """\
schema: 1
title: Drives
authors: [{{name: A}}]
organization: O
use_case: Drives
data:
  sources:
    drive: {{kind: table, path: drive.csv, columns: {{video: file}}, labels: {{weather: weather}}}}
  splits: {splits}
tasks:
  vqa:
    type: choice
    prompt: "{{question}}"
    options: ["{{A}}", "{{B}}", "{{C}}", "{{D}}"]
    label: answer
benchmarks:
  drives: {{tasks: [vqa], pool: {pool}}}
gate:
  benchmark: drives
  targets: [{{task: vqa, metric: accuracy, at_least: 0.9}}]
prose: {{overview: O, dataset: D, why_not_fine_tuned: N, why_it_matters: Y, conclusion: C}}
"""


def drives(folder: Path, questions: str, *, splits: str, pool: str) -> Recipe:
    """The recipe with these questions, splits and settings of its pool, each in YAML."""
    (folder / "pool.yaml").write_text("questions:\n" + questions)
    (folder / "small.yaml").write_text(RECIPE.format(splits=splits, pool=pool))
    return load_recipe(folder / "small.yaml")
