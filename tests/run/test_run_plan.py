"""What is run again after a change, and what is not."""

from pathlib import Path

import pytest
from PIL import Image
from small_project import ENOUGH, WORLD, Project, stages_of

STAGES = ("data", "zero-shot", "gate", "train", "re-evaluation", "comparison")
MAYBE = "if the gate asks for it"


def test_a_plan_before_the_first_run(project: Project) -> None:
    shown = project("plan")
    assert [row[::2] for row in stages_of(shown)] == [
        ["data", "to do"], ["zero-shot", "to do"], ["gate", "to do"], ["train", MAYBE],
        ["re-evaluation", MAYBE], ["comparison", "to do"],
    ]
    assert not (project.root / "runs").exists()


def test_a_plan_after_the_run(finished: Project) -> None:
    assert finished.states() == dict.fromkeys(STAGES, "done")


@pytest.mark.parametrize(
    ("override", "again"),
    [
        ("evaluation.batch_size=3", ()),
        ("train.checkpoint_every=4", ()),
        ("prose.overview=Something else.", ()),
        ("title=Another title", ()),
        ("use_case=Another use", ()),
        ("data.audit.near_duplicate_distance=1", ("data", "comparison")),
        ("train.epochs=1", ("train", "re-evaluation", "comparison")),
        ("train.blend={synthetic: 1}", ("train", "re-evaluation", "comparison")),
        ("gate.decide_by=interval", ("gate", "comparison")),
        ("evaluation.bootstrap=101", ("gate", "comparison")),
        ("evaluation.max_new_tokens=5", STAGES[1:]),
        ("model.max_pixels=2048", STAGES[1:]),
        ("model.video.nframes=4", STAGES[1:]),
        ("model.video.reader=decord", ()),
        ("data.frame_cache_gb=1", ()),
        ("data.seed=1", STAGES),
        ("data.sources.synthetic.seed=4", STAGES),
        ("data.sources.synthetic.count=61", STAGES),
        ("tasks.cracked.prompt=Is it cracked?", STAGES),
        ("benchmarks.floor.tasks=[severity, cracked]", STAGES),
        ("benchmarks.floor.slices=[surface]", ("data", "comparison")),
        ("success={cracked: {metric: accuracy, at_least: 0.9}}", ("comparison",)),
        ("evaluation.blind=never", ()),
        ("evaluation.blind=always", ("zero-shot", "gate", "re-evaluation", "comparison")),
    ],
)
def test_what_a_change_runs_again(
    finished: Project, override: str, again: tuple[str, ...]
) -> None:
    before, after = finished.fingerprints(), finished.fingerprints("--set", override)
    assert tuple(name for name in STAGES if before[name] != after[name]) == again
    states = finished.states("--set", override)
    assert tuple(name for name in STAGES if states[name] != "done") == again


def test_stages_that_the_gate_does_not_ask_for(finished: Project, done: Project) -> None:
    assert done("run", "--set", ENOUGH).exit_code == 0
    states = done.states("--set", ENOUGH)
    assert (states["train"], states["re-evaluation"]) == ("not needed", "not needed")
    assert states["comparison"] == "done"


def test_an_ablation_is_planned_beside_the_main_training(finished: Project) -> None:
    ablation = "train.ablations={half: {blend: {synthetic: 1}}}"
    assert finished.states("--set", ablation) == {
        "data": "done", "zero-shot": "done", "gate": "done", "train": "done",
        "re-evaluation": "done", "train-half": "to do", "re-evaluation-half": "to do",
        "comparison": "to do",
    }


def test_a_stage_that_was_stopped_is_begun(done: Project) -> None:
    (manifest,) = done.run_folder.glob("zero-shot/*/manifest.json")
    manifest.unlink()
    assert done.states()["zero-shot"] == "to do, begun"


def table(project: Project, folder: Path) -> None:
    """Makes the recipe one of fixed files: its fingerprints follow from this test alone."""
    folder.mkdir()
    rows = ["image,cracked,severity"]
    for number in range(8):
        Image.new("RGB", (2, 2), (number, 0, 0)).save(folder / f"{number}.bmp")
        rows.append(f"{number}.bmp,{'cracked' if number % 2 else 'not cracked'},{number % 5 + 1}")
    (folder / "t.csv").write_text("\n".join(rows) + "\n")
    model = folder / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "qwen3_vl"}\n')
    (model / "model.safetensors").write_bytes(b"weights")
    labels = "{cracked: cracked, severity: severity}"
    project.edit(WORLD, f"{{kind: table, path: t.csv, labels: {labels}}}")


def test_fingerprints_must_not_change(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other fingerprints make everybody's finished runs run again.

    They change only when a stage finds out something else, together with its number in
    `recipe_kit.run.plan.VERSIONS`. A field that is new in the spec stays out of them while it has
    its default.
    """
    monkeypatch.setenv("RECIPE_DATA", str(tmp_path / "data"))
    table(project, tmp_path / "data")
    model = ("--set", f"model.base={tmp_path / 'data' / 'model'}")
    assert project.fingerprints(*model) == {
        "data": "120ac8f94a694b70",
        "zero-shot": "c91f3d9860edd427",
        "gate": "47c0aebdff16dbf1",
        "train": "d6db113c55498536",
        "re-evaluation": "ae4ccb6e328596c1",
        "comparison": "b39d6406f41a9202",
    }


def test_places_have_no_part_in_fingerprints(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(project, tmp_path / "zero")
    before, found = "zero", []
    for name in ("one", "two"):
        (tmp_path / before).rename(tmp_path / name)
        before = name
        monkeypatch.setenv("RECIPE_DATA", str(tmp_path / name))
        found.append(project.fingerprints("--set", f"model.base={tmp_path / name / 'model'}"))
    assert found[0] == found[1]
