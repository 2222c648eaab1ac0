"""`recipe plot`: a metric over checkpoints, of a run and of a folder of predictions."""

import shutil
from pathlib import Path

import pytest
from small_project import Project

from recipe_kit.errors import CompareError, RecordError
from recipe_kit.record.schemas import Record
from recipe_kit.record.store import read_record
from recipe_kit.run.outputs import read_outputs

STEPS = (2, 3, 4, 6)


@pytest.fixture
def outputs(studied: Project, tmp_path: Path) -> Path:
    """The run's predictions, as `recipe infer` lays them out."""
    (questions,) = studied.run_folder.glob("data/*/questions-floor.jsonl")
    (base,) = studied.run_folder.glob("zero-shot/*/predictions-floor.jsonl")
    (again,) = studied.run_folder.glob("re-evaluation/*")
    logs = {"base": base} | {
        f"ckpt-{step}": again / f"step-{step:06d}" / "predictions-floor.jsonl" for step in STEPS
    }
    for name, log in logs.items():
        folder = tmp_path / "outputs" / "Tiny" / name
        folder.mkdir(parents=True)
        shutil.copy(log, folder)
        shutil.copy(questions, folder)
    return tmp_path / "outputs"


def record_of(project: Project) -> Record:
    return read_record(project.run_folder / "record.json")


def test_scores_of_a_folder_are_those_of_the_run(studied: Project, outputs: Path) -> None:
    found = read_outputs(outputs, metric="accuracy")
    assert (found.model, found.benchmark, list(found.points)) == ("Tiny", "floor", list(STEPS))
    wanted = {
        one.step: one.test["floor"]["cracked"].metrics["accuracy"].value
        for one in record_of(studied).checkpoints
    }
    assert found.base is not None
    assert {0: found.base.value} | {k: one.value for k, one in found.points.items()} == wanted
    # The second task has what the first has not.
    assert read_outputs(outputs, metric="mae", benchmark="floor", model="Tiny").points[2].n == 24


def test_a_plot_of_a_run(studied: Project, tmp_path: Path) -> None:
    one, two = tmp_path / "one.svg", tmp_path / "two.svg"
    shown = studied("plot", "--metric", "vqa_accuracy", "--out", str(one))
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"Wrote {one}: Accuracy on floor over the steps of training, ")
    assert "ckpt-6 " in shown.stdout
    studied("plot", "--metric", "accuracy", "--benchmark", "floor", "--out", str(two))
    assert one.read_bytes() == two.read_bytes()
    assert b">recommended</text>" in one.read_bytes()


@pytest.mark.parametrize(("name", "magic"), [("a.svg", b"<?xml"), ("a.png", b"\x89PNG\r\n")])
def test_a_plot_of_a_folder(outputs: Path, project: Project, name: str, magic: bytes) -> None:
    made = []
    for _ in range(2):
        shown = project.command(
            "plot", "--outputs-dir", str(outputs), "--metric", "accuracy", "--dataset", "floor",
            "--base-model", "Tiny", "--out", name,
        )
        assert shown.exit_code == 0, shown.output
        assert shown.stdout.startswith(
            f"Wrote {name}: Accuracy of Tiny on floor over the steps of training, with 95% "
            "intervals: zero-shot "
        )
        made.append((project.root / name).read_bytes())
    assert made[0] == made[1]
    assert made[0].startswith(magic)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("plot", "--metric", "bleu"), 2, "Name a recipe or --outputs-dir, one of both."),
        (("plot", "recipes/small.yaml"), 2, "Missing option '--metric'"),
        (("plot", "recipes/small.yaml", "--metric", "bleu"), 7,
         "Error: --metric: no checkpoint was scored by 'bleu'\n  To mend it: Known: accuracy, "),
        (("plot", "recipes/small.yaml", "--metric", "accuracy", "--benchmark", "flor"), 7,
         "Error: --benchmark: there is no benchmark 'flor'\n  To mend it: Did you mean 'floor'?"),
        (("plot", "recipes/small.yaml", "--metric", "accuracy", "--out", "a.pdf"), 7,
         "Error: a.pdf: plots are SVG or PNG files, not '.pdf'"),
    ],
)
def test_what_cannot_be_plotted(
    studied: Project, arguments: tuple[str, ...], code: int, message: str
) -> None:
    shown = studied.command(*arguments)
    assert shown.exit_code == code
    assert message in shown.stderr


def test_a_run_that_asked_one_checkpoint_has_no_curve(finished: Project) -> None:
    shown = finished("plot", "--metric", "accuracy")
    assert shown.exit_code == 7
    assert "only one checkpoint was asked" in shown.stderr


def test_a_run_that_was_not_made(project: Project) -> None:
    shown = project("plot", "--metric", "accuracy")
    assert shown.exit_code == 6
    assert "there is no record" in shown.stderr


def test_folders_that_do_not_fit(outputs: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no predictions of any model"):
        read_outputs(tmp_path / "outputs" / "Tiny" / "base", metric="accuracy")
    with pytest.raises(RecordError, match="holds no model 'Tony'"):
        read_outputs(outputs, metric="accuracy", model="Tony")
    with pytest.raises(RecordError, match="there is no metric 'bleu' of these answers"):
        read_outputs(outputs, metric="bleu")
    (outputs / "Other").mkdir()
    with pytest.raises(RecordError, match="holds predictions of several: Other, Tiny"):
        read_outputs(outputs, metric="accuracy")
    (outputs / "Other").rmdir()
    shutil.copytree(outputs / "Tiny" / "ckpt-6", outputs / "Tiny" / "step-000006")
    with pytest.raises(RecordError, match="holds predictions of step 6 twice"):
        read_outputs(outputs, metric="accuracy")
    shutil.rmtree(outputs / "Tiny" / "step-000006")
    (outputs / "Tiny" / "ckpt-6").rename(outputs / "Tiny" / "last")
    with pytest.raises(RecordError, match="does not say which checkpoint it is of"):
        read_outputs(outputs, metric="accuracy")


def test_checkpoints_that_were_asked_something_else(outputs: Path) -> None:
    folder = outputs / "Tiny" / "ckpt-4"
    for name in ("questions", "predictions"):
        path = folder / f"{name}-floor.jsonl"
        path.write_text("".join(
            line for line in path.read_text().splitlines(keepends=True)
            if "floor/cracked/" in line
        ))
    with pytest.raises(CompareError, match="were not asked the same questions"):
        read_outputs(outputs, metric="accuracy")
