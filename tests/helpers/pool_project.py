"""A project whose benchmark is made of a pool, answered by labels and by models."""

from pathlib import Path

from small_project import Project, make_project

RECIPE = """\
schema: 1
title: Small Drives
authors: [{name: A}]
organization: O
use_case: Drives
model: {min_pixels: 1024, max_pixels: 1024, video: {nframes: 2}}
data:
  sources:
    drive: {kind: world, world: driving, count: 8, seed: 3, width: 64, height: 48, seconds: 2}
  splits: {test: {drive: 0.5}, val: {drive: 0.25}, train: {drive: 0.25}}
tasks:
  vqa:
    type: choice
    prompt: "{question}"
    options: ["{A}", "{B}", "{C}", "{D}"]
    label: answer
benchmarks:
  av:
    tasks: [vqa]
    pool: {path: pool.yaml, sampled: 1, training: 2, text: {base: tiny}, vision: {base: tiny}}
evaluation: {bootstrap: 100, max_new_tokens: 4, batch_size: 4, device: cpu, blind: never}
gate:
  benchmark: av
  targets: [{task: vqa, metric: accuracy, at_least: 0}]
prose: {overview: O, dataset: D, why_not_fine_tuned: N, why_it_matters: Y, conclusion: C}
"""
POOL = """\
questions:
  - name: weather
    category: Scene
    question: What is the weather like?
    options: {clear: Clear, rain: Rain, fog: Fog, snow: Snow}
    required: true
  - name: mood  # no label answers it
    category: Feeling
    question: How does the drive feel?
    options: [calm, busy, dangerous]
    required: true
  - name: environment
    category: Scene
    question: What kind of place is it?
    options: {city: City, suburb: Suburb, highway: Highway, countryside: Countryside}
  - name: time_of_day
    category: Scene
    question: What time of day is it?
    options: {day: Day, dusk: Dusk, night: Night}
    decoys: [Inside a tunnel]
"""


def make_pool_project(root: Path) -> Project:
    """Writes a project with a pool beside its recipe: four test clips, three questions each."""
    project = make_project(root, RECIPE)
    (root / "recipes" / "pool.yaml").write_text(POOL)
    return project
