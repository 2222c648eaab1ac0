"""A run on videos: decoded once, in the data stage, for everything that follows."""

from collections.abc import Iterator, Sequence

import pytest
from films import write_film
from small_project import Project

from recipe_kit.data import decoders
from recipe_kit.data.film import Film

RECIPE = """\
schema: 1
title: Small Floors
authors: [{name: A}]
organization: O
use_case: Films
model: {min_pixels: 1024, max_pixels: 4096, video: {nframes: 4, max_pixels: 2048}}
data:
  root: ..
  frame_cache_gb: 0.001
  audit: {near_duplicate_distance: 0, allow_leakage: [films], unreadable: skip}
  sources:
    films:
      kind: table
      path: films/labels.csv
      columns: {video: video, split: split}
      labels: {moving: moving}
  splits:
    train: {films: {rows: train}}
    val: {films: {rows: val}}
    test: {films: {rows: test}}
tasks:
  moving:
    type: binary
    prompt: Does it move? Yes or No.
    label: moving
    answers: {fast: "Yes", slow: "No"}
benchmarks: {films: {tasks: [moving]}}
evaluation: {bootstrap: 100, max_new_tokens: 4, batch_size: 4, device: cpu}
gate:
  benchmark: films
  targets: [{task: moving, metric: accuracy, at_least: 1.0}]
train: {epochs: 2, batch_size: 4, lora: {rank: 4}, checkpoint_every: 1}
prose:
  overview: About films.
  dataset: Films of numbers.
  baseline: The base model got {{ films.base.moving.accuracy | pct }}.
  why_not_fine_tuned: The base model is enough.
  why_it_matters: It went to {{ films.tuned.moving.accuracy | pct }}.
  conclusion: Done.
"""


@pytest.fixture
def films(project: Project) -> Project:
    """Twelve films and a damaged one."""
    folder = project.root / "films"
    folder.mkdir()
    rows = ["video,moving,split"]
    for number in range(12):
        write_film(folder / f"{number}.mp4", 8 + number, fps=4 if number % 2 else 25)
        split = ("train", "val", "test")[number % 3]
        rows.append(f"{number}.mp4,{'fast' if number % 2 else 'slow'},{split}")
    sound = (folder / "0.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(sound[: len(sound) // 2])
    rows.append("cut.mp4,fast,test")
    (folder / "labels.csv").write_text("\n".join([*rows, ""]))
    project.recipe.write_text(RECIPE)
    return project


def test_a_run_decodes_each_video_once(
    films: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    by_av = decoders.by_av

    def counted(film: Film, indices: Sequence[int]) -> Iterator[decoders.Frame]:
        decoded.append(film.path.name)
        return by_av(film, indices)

    monkeypatch.setitem(decoders.DECODERS, "pyav", counted)
    shown = films("run")
    assert shown.exit_code == 0, shown.output
    record = films.record()
    # Zero-shot, two epochs, validations and the re-evaluation decode nothing any more; only the
    # page's pictures and videos, which are not of the model's size, are taken from the files.
    counts = {name: decoded.count(name) for name in sorted(decoded)}
    assert counts.keys() == {f"{number}.mp4" for number in range(12)}
    assert min(counts.values()) == 1
    assert max(counts.values()) <= 3
    (unreadable,) = record["data"]["audit"]["unreadable"]
    assert unreadable["path"] == "cut.mp4"
    assert record["data"]["splits"] == {"train": 4, "val": 4, "test": 4}
    cache = films.root / "runs" / ".cache" / "frames"
    kept = sorted(cache.rglob("*.frames"))
    assert len(kept) == 12
    assert sum(path.stat().st_size for path in kept) <= 1_000_000
