"""`recipe infer`: one model or checkpoint, one benchmark, without the rest of a run."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from odd_server import completion, serve
from small_project import Project, copy_project

from recipe_kit.record.files import read_rows
from recipe_kit.record.schemas import Prediction, Question


@pytest.fixture
def again(studied: Project, tmp_path: Path) -> Project:
    return copy_project(studied, tmp_path / "project")


def answered(path: Path) -> dict[str, tuple[str, dict[str, float]]]:
    rows = read_rows(path, Prediction)
    return {row.question: (row.text, row.probabilities) for row in rows}


@pytest.mark.parametrize(("arguments", "place", "in_run"), [
    ((), "tiny/base", "zero-shot/*"),
    (("--checkpoint", "4"), "tiny/step-000004", "re-evaluation/*/step-000004"),
    (("--model-name", "again", "--dataset", "floor"), "again/base", "zero-shot-again/*"),
])
def test_the_answers_are_those_of_the_run(
    again: Project, arguments: tuple[str, ...], place: str, in_run: str
) -> None:
    (logged,) = again.run_folder.glob(f"{in_run}/predictions-floor.jsonl")
    done = again("infer", *arguments)
    assert done.exit_code == 0, done.output
    path = again.root / "outputs" / place / "predictions-floor.jsonl"
    assert f"Wrote outputs/{place}/predictions-floor.jsonl: 48 answers\n" in done.stdout
    assert "cracked: accuracy 0." in done.stdout
    assert answered(path) == answered(logged)
    asked = read_rows(path.with_name("questions-floor.jsonl"), Question)
    assert {question.id for question in asked} == set(answered(path))


def test_a_project_without_a_run(project: Project) -> None:
    done = project("infer", "--set", "data.sources.synthetic.count=10")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in project.run_folder.iterdir() if path.is_dir()) == ["data"]
    assert "Wrote outputs/tiny/base/predictions-floor.jsonl: 8 answers" in done.stdout


def test_checkpoints_are_plotted_from_what_infer_wrote(again: Project) -> None:
    for arguments in ((), ("--checkpoint", "2"), ("--checkpoint", "4")):
        assert again("infer", *arguments).exit_code == 0
    done = again.command("plot", "--outputs-dir", "outputs", "--metric", "accuracy",
                         "--base-model", "tiny", "--out", "curve.svg")
    assert done.exit_code == 0, done.output
    assert (again.root / "curve.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(("arguments", "message"), [
    (("--model", "agian"), "Error: the recipe has no model 'agian'; did you mean 'again'?"),
    (("--dataset", "flor"), "Error: the recipe has no benchmark 'flor'; did you mean 'floor'?"),
    (("--checkpoint", "5"), "step-000005: there is no such checkpoint"),
    (("--checkpoint", "nowhere"), "Error: nowhere: there is no such checkpoint"),
])
def test_what_is_not_there_is_told(
    again: Project, arguments: tuple[str, ...], message: str
) -> None:
    done = again("infer", *arguments)
    assert done.exit_code != 0
    assert message in done.stderr
    assert not (again.root / "outputs").exists()


def test_answers_of_other_weights_are_not_mixed_in(again: Project) -> None:
    assert again("infer", "--checkpoint", "2").exit_code == 0
    (training,) = (again.run_folder / "train").iterdir()
    kept = training / "checkpoints"
    shutil.rmtree(kept / "step-000002")
    (kept / "step-000004").rename(kept / "step-000002")
    done = again("infer", "--checkpoint", "2")
    assert done.exit_code == 6
    assert "here are answers to other questions, of other weights, or with other" in done.stderr


def test_answers_with_other_settings_are_not_mixed_in(project: Project) -> None:
    few = ("--set", "data.sources.synthetic.count=10")
    assert project("infer", *few).exit_code == 0
    assert project("infer", *few).exit_code == 0
    done = project("infer", *few, "--set", "model.max_pixels=32768")
    assert done.exit_code == 6
    assert "here are answers to other questions, of other weights, or with other" in done.stderr


def test_a_server_is_asked_again_only_what_it_has_not_answered(project: Project) -> None:
    good, bad = {"reply": completion("No", model="far")}, {"status": 400, "raw": "no"}
    with serve(good, good, good, bad, good) as (url, script):
        served: tuple[Any, ...] = (
            "--set", "data.sources.synthetic.count=10", "--model", "far", "--set",
            f"model.compare.far={{base: far, endpoint: {{url: '{url}', concurrency: 1}}}}",
        )
        assert project("infer", *served).exit_code != 0
        assert len(script.requests) == 4
        done = project("infer", *served)
    assert done.exit_code == 0, done.output
    rows = read_rows(project.root / "outputs/far/base/predictions-floor.jsonl", Prediction)
    assert len({row.question for row in rows}) == len(rows) == 8
    assert len(script.requests) == 9


def test_a_served_model_is_asked_by_its_server(again: Project) -> None:
    with serve({"reply": completion("No", model="far")}) as (url, script):
        served: tuple[Any, ...] = (
            "--set", f"model.compare.far={{base: far, endpoint: {{url: '{url}'}}}}",
        )
        done = again("infer", *served, "--model", "far")
    assert done.exit_code == 0, done.output
    rows = read_rows(again.root / "outputs/far/base/predictions-floor.jsonl", Prediction)
    assert {row.answer for row in rows if "/cracked/" in row.question} == {"No"}
    assert {row.answer for row in rows if "/severity/" in row.question} == {None}
    assert len(script.requests) == 48
