"""A run that asks every checkpoint and a second model, and runs that train nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_project import ENOUGH, Project, copy_project, findings

from recipe_kit.record.archive import read_archive
from recipe_kit.record.store import read_record
from recipe_kit.run.plan import make_plan, outline
from recipe_kit.spec.load import load_recipe

STEPS = [2, 3, 4, 6]  # saved after every second step, after each epoch of three, and at the end


@pytest.fixture
def again(studied: Project, tmp_path: Path) -> Project:
    return copy_project(studied, tmp_path / "project")


def stage(project: Project, name: str) -> Path:
    (folder,) = (project.run_folder / name).iterdir()
    return folder


def test_every_checkpoint_is_asked_everything(studied: Project) -> None:
    kept = sorted(path.name for path in (stage(studied, "train") / "checkpoints").iterdir())
    assert kept == [f"step-{step:06d}" for step in STEPS]
    record = read_record(studied.run_folder / "record.json")
    assert [one.step for one in record.checkpoints] == [0, *STEPS]
    assert [one.samples_seen for one in record.checkpoints] == [0, 16, 24, 32, 48]
    for one in record.checkpoints:
        for asked, n in ((one.test, 24), (one.validation, 12)):
            assert {name: task.metrics["accuracy"].n for name, task in asked["floor"].items()} == {
                "cracked": n, "severity": n,
            }
    assert len({one.revision for one in record.checkpoints}) == len(STEPS) + 1


def test_the_tuned_model_is_the_recommended_checkpoint(studied: Project) -> None:
    record = read_record(studied.run_folder / "record.json")
    assert record.recommendation is not None
    step = record.recommendation.step
    assert record.recommendation.split == "val"
    tuned = next(one for one in record.evaluations if one.role == "tuned")
    (training,) = record.training
    assert training.best_step == step
    assert training.checkpoint.endswith(f"/checkpoints/step-{step:06d}")
    scored = next(one for one in record.checkpoints if one.step == step)
    assert scored.revision == tuned.revision == training.revision
    assert scored.test["floor"]["cracked"].metrics["accuracy"] == tuned.tasks["cracked"].metrics[
        "accuracy"
    ]
    # It alone of all checkpoints was also asked without pictures.
    blind = [path.parent.name for path in stage(studied, "re-evaluation").glob("*/*.blind.jsonl")]
    assert blind == [f"step-{step:06d}"]
    assert tuned.blind_predictions.endswith(f"step-{step:06d}/predictions-floor.blind.jsonl")


def test_the_page_says_how_the_checkpoint_was_chosen(studied: Project) -> None:
    text = (studied.page / "index.md").read_text()
    step = studied.record()["recommendation"]["step"]
    assert (
        f"Each of the 4 saved checkpoints was asked everything; that of step {step} is recommended "
        "by a rule on the validation samples, never on test."
    ) in text
    assert "best, chosen" not in text


def test_another_model_is_asked_once_and_scored_beside(studied: Project) -> None:
    record = read_record(studied.run_folder / "record.json")
    assert [one.role for one in record.evaluations] == ["base", "tuned", "compare-again"]
    assert {role: (one.name, one.title) for role, one in record.models.items()} == {
        "compare-again": ("again", "again"),
    }
    other = next(one for one in record.evaluations if one.role == "compare-again")
    assert other.model == "again"
    assert other.predictions.startswith("zero-shot-again/")
    assert record.model_choice is not None
    # A copy of the same files answers the same.
    assert record.model_choice.ranking["floor.cracked.accuracy"] == ("base", "compare-again")
    assert record.model_choice.differences["floor.cracked.accuracy"][
        "compare-again"
    ].difference == 0.0


def test_all_answers_travel_with_the_page(studied: Project) -> None:
    archive = read_archive(studied.page / "assets")
    assert list(archive.predictions) == [("base", "floor"), ("compare-again", "floor")]
    assert list(archive.steps) == [(step, "floor") for step in STEPS]
    assert list(archive.validation) == [(step, "floor") for step in (0, *STEPS)]
    assert len(archive.validation_questions["floor"]) == 24
    assert sorted(archive.blind) == [
        ("base", "floor"), ("compare-again", "floor"), ("tuned", "floor"),
    ]


def test_a_stopped_evaluation_asks_only_what_is_missing(
    again: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, folder = again.record(), stage(again, "re-evaluation")
    (folder / "manifest.json").unlink()
    log = folder / "step-000004" / "predictions-floor.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:10]) + lines[10][:30])
    shutil.rmtree(folder / "step-000006")
    loaded: list[str] = []
    load = __import__("recipe_kit.run.checkpoints", fromlist=["load_tuned"]).load_tuned

    def counted(model: Any, place: Path) -> Any:
        loaded.append(place.name)
        return load(model, place)

    monkeypatch.setattr("recipe_kit.run.checkpoints.load_tuned", counted)
    assert again("run").exit_code == 0
    best = before["recommendation"]["step"]
    assert loaded[:2] == ["step-000004", "step-000006"]
    assert set(loaded[2:]) <= {f"step-{best:06d}"}
    assert findings(again.record()) == findings(before)
    asked = [json.loads(line)["question"] for line in log.read_text().splitlines()]
    assert len(asked) == len(set(asked)) == 48


@pytest.mark.parametrize(
    ("override", "again"),
    [
        ("evaluation.checkpoints=best", ("data", "train", "re-evaluation", "comparison")),
        ("train.checkpoint_every=3", ("data", "train", "re-evaluation", "comparison")),
        ("train.max_length=4096", ()),
        ("model.compare={}", ("comparison",)),
        ("model.compare={again: {base: again, title: Again}}", ()),
        ("model.compare={once_more: {base: again}}", ("zero-shot-once_more", "comparison")),
    ],
)
def test_what_a_change_runs_again(
    studied: Project, override: str, again: tuple[str, ...]
) -> None:
    states = studied.states("--set", override)
    assert tuple(name for name, state in states.items() if state != "done") == again


def test_nothing_trained_has_no_checkpoints(studied: Project) -> None:
    shown = studied("validate", "--set", "train.method=none")
    assert shown.exit_code == 2
    assert "there are no checkpoints with 'train: {method: none}'" in shown.output


@pytest.mark.parametrize(
    "overrides",
    [
        (), ("train.ablations={half: {blend: {synthetic: 1}}}",),
        ("evaluation.checkpoints=best", "train.method=none"),
    ],
)
def test_the_outline_is_what_is_planned(studied: Project, overrides: tuple[str, ...]) -> None:
    recipe = load_recipe(studied.recipe, overrides)
    plan = make_plan(
        recipe, recipe_dir=studied.recipe.parent, cache=studied.root / "runs" / ".cache"
    )
    assert outline(recipe) == tuple((one.kind, one.name) for one in plan.stages)


def only_evaluated(project: Project) -> Project:
    project.edit(
        "train: {epochs: 2, batch_size: 8, lora: {rank: 4}, checkpoint_every: 1}",
        "train: {method: none}",
    )
    project.edit(", val: {synthetic: 0.2}, train: {synthetic: 0.4}", "")
    project.edit("It went to {{ floor.tuned.cracked.accuracy | pct }}.", "Floors crack.")
    return project


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "this recipe does no fine-tuning"), (("--set", ENOUGH), "no fine-tuning")],
)
def test_a_recipe_that_only_evaluates(
    project: Project, arguments: tuple[str, ...], said: str
) -> None:
    only_evaluated(project)
    done = project("run", *arguments)
    assert done.exit_code == 0, done.output
    record = project.record()
    assert [one["role"] for one in record["evaluations"]] == ["base"]
    assert (record["training"], record["checkpoints"]) == ([], [])
    assert set(project.states(*arguments)) == {"data", "zero-shot", "gate", "comparison"}
    text = (project.page / "index.md").read_text()
    assert said in text
    assert "it is fine-tuned" not in text
    warranted = "fine-tuning is warranted; this recipe does none" in done.output
    assert warranted == (not arguments)
    assert project.command("verify", "docs/recipes/small").exit_code == 0
