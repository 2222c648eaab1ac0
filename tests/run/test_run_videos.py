"""A run on annotated clips: its videos, its annotation examples, and its training data as files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_project import Project, make_project

from recipe_kit.data.video import probe
from recipe_kit.record.schemas import Record

pytestmark = pytest.mark.slow

RECIPE = """\
schema: 1
title: Small Drives
profile: benchmark-study
authors: [{name: A}]
organization: O
use_case: Drives
model: {min_pixels: 1024, max_pixels: 1024, video: {nframes: 2}}
data:
  sources:
    drive:
      kind: world
      world: driving
      count: 20
      width: 64
      height: 48
      fps: 1
      subdirectories: [human_annotated, reason1_sft]
      weights: [3, 1]
  splits: {test: {drive: 0.3}, val: {drive: 0.2}, train: {drive: 0.5}}
tasks:
  place:
    type: choice
    prompt: What kind of place is it?
    options: [city, suburb, highway, countryside]
    label: environment
benchmarks: {av: {tasks: [place]}}
evaluation: {bootstrap: 100, max_new_tokens: 4, batch_size: 8, device: cpu, blind: never}
gate:
  benchmark: av
  targets: [{task: place, metric: accuracy, at_least: 1.0}]
train: {epochs: 1, batch_size: 8, lora: {rank: 4}}
prose: {overview: O, challenge: C, conclusion: C}
"""


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("drives"), RECIPE)
    shown = project("run")
    assert shown.exit_code == 0, shown.output
    return project


def test_examples_and_annotations_have_videos_that_play(drives: Project) -> None:
    record = Record.model_validate(drives.record())
    media = drives.run_folder / "media"
    told = [one for one in record.examples if one.kind != "sample"]
    assert told and all(one.video == one.media.replace(".jpg", ".mp4") for one in told)
    assert [(one.part, one.format, one.prompt) for one in record.annotations] == [
        ("human_annotated", "human", "Describe the drive."),
        ("reason1_sft", "reasoning",
         "Describe the drive. Think about what explains it first."),
    ]
    for one in record.annotations:
        annotation = json.loads(one.annotation)
        assert one.target == annotation["safety_analysis" if one.format == "human" else "target"]
    videos = {one.video for one in (*told, *record.annotations)}
    for name in videos:
        facts = probe(media / name)
        assert (facts.width, facts.height, facts.frames, facts.encoding) == (
            64, 48, 4, "H.264 (MP4)")
    # Ten training clips: three by three of them.
    grid = probe(media / record.training_grid)
    assert (grid.width, grid.height, grid.frames) == (3 * 98, 3 * 74, 4)
    assert {*videos, record.training_grid} <= set(record.media)


def test_facts_and_training_name_the_subdirectories(drives: Project) -> None:
    record = Record.model_validate(drives.record())
    facts = record.data.sources["drive"]
    assert (facts.parts, facts.weights, facts.formats) == (
        {"human_annotated": 10, "reason1_sft": 10},
        {"human_annotated": 0.75, "reason1_sft": 0.25},
        {"human_annotated": "human", "reason1_sft": "reasoning"})
    assert (facts.media_type, facts.fps, facts.seconds) == ("video", {"1": 20}, (4.0, 4.0, 4.0))
    (training,) = record.training
    assert set(training.samples) == set(training.drawn) == {
        "drive/human_annotated", "drive/reason1_sft"}
    assert training.drawn["drive/human_annotated"] == pytest.approx(0.75, abs=0.06)
    assert set(training.triple) == {"video_path", "prompt", "target"}


def test_the_training_data_can_be_loaded_elsewhere(drives: Project) -> None:
    (dataset,) = (drives.run_folder / "train").glob("*/dataset")
    triples = [json.loads(line) for line in (dataset / "drive.jsonl").read_text().splitlines()]
    # Each video teaches its own answer and the task.
    assert len(triples) == 2 * sum(drives.record()["training"][0]["samples"].values())
    (root,) = (drives.root / "runs" / ".cache" / "worlds").iterdir()
    assert all((root / one["video_path"]).is_file() for one in triples)
    assert any(one["target"].startswith("<think>\n") for one in triples)
    done = subprocess.run(
        [sys.executable, dataset / "drive" / "llava_loader.py", dataset / "drive" / "train.json",
         "--media", root], capture_output=True, text=True, check=True)
    assert "video" in done.stdout


def test_the_page_shows_the_videos_and_is_verified(drives: Project) -> None:
    page = (drives.page / "index.md").read_text()
    record = Record.model_validate(drives.record())
    for name in (*(one.video for one in record.annotations), record.training_grid):
        assert f'<source src="assets/{name}" type="video/mp4">' in page
        assert (drives.page / "assets" / name).is_file()
    sizes = [file.stat().st_size for file in Path(drives.page).rglob("*") if file.is_file()]
    assert max(sizes) < 10_000_000 and sum(sizes) < 30_000_000
    shown = drives("verify")
    assert shown.exit_code == 0, shown.output
