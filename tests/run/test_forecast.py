"""What `recipe plan` computes before anything is run."""

from pathlib import Path
from typing import Any

import pytest
from small_project import Project

from recipe_kit.run.forecast import Forecast, forecast
from recipe_kit.spec.recipe import Recipe

AV = {
    "kind": "annotations", "path": "av", "subdirectories": ["cv", "human"], "weights": [0.5, 0.5],
    "counts": {"cv": 900, "human": 100},
}


def told(folder: Path, source: dict[str, Any] | None = None, **parts: Any) -> Forecast:
    """The forecast of a recipe of 1,000 training, 100 validation and 200 test pictures."""
    world = {"kind": "world", "world": "floors", "count": 1300}
    splits = {"train": {"floor": 10 / 13}, "val": {"floor": 1 / 13}, "test": {"floor": 2 / 13}}
    data: dict[str, Any] = {"sources": {"floor": world}, "splits": splits}
    if source is not None:
        data = {
            "sources": {"floor": world, "av": source},
            "splits": {"train": {"av": 1.0}, "val": {"floor": 0.1}, "test": {"floor": 0.2}},
        }
    return forecast(Recipe.model_validate({
        "schema": 1, "title": "T", "authors": [{"name": "A"}], "organization": "O", "use_case": "U",
        "data": data,
        "tasks": {"cracked": {"type": "binary", "prompt": "Cracked?", "label": "cracked"}},
        "benchmarks": {"floor": {"tasks": ["cracked"]}},
        "gate": {"benchmark": "floor",
                 "targets": [{"task": "cracked", "metric": "accuracy", "at_least": 0.9}]},
        **parts,
    }), folder)


def test_facts(tmp_path: Path) -> None:
    train = {"batch_size": 8, "accumulate": 4, "epochs": 3, "checkpoint_every": 20}
    assert told(tmp_path, train=train).facts == (
        "samples: about 1,000 for training, 100 for validation, 200 held out",
        "training: 1,000 samples an epoch, 32 a step (8 a forward pass × 4 forward passes): "
        "32 steps an epoch, 96 steps in 3 epochs",
        "checkpoints: 7, every 20 and every 32 steps and at the end: 20, 32, 40, 60, 64, 80, 96; "
        "fewer if 2 validations in a row bring nothing better",
        "evaluation: about 200 questions, asked of the base model and the best checkpoint of each "
        "training: about 400 answers",
    )


def test_facts_of_a_study(tmp_path: Path) -> None:
    facts = told(
        tmp_path, train={"batch_size": 100, "epochs": 1, "validate": {"every": 5}},
        evaluation={"checkpoints": "all"},
        model={"compare": {"a": {"base": "x/a"}, "b": {"base": "x/b"}}},
    ).facts
    assert facts[2].startswith("checkpoints: 2, every 5 steps and at the end: 5, 10; fewer if")
    # 200 of three models, and 200 and 100 of two checkpoints, and 100 of the base model.
    assert facts[3] == (
        "evaluation: about 200 questions, asked of 3 models zero-shot and 2 checkpoints, on "
        "validation too: about 1,300 answers"
    )


def test_nothing_is_trained(tmp_path: Path) -> None:
    found = told(tmp_path, train={"method": "none", "warmup": 0.9, "devices": 8})
    assert found.facts[1:] == (
        "training: none, the recipe only evaluates",
        "evaluation: about 200 questions, asked of the base model: about 200 answers",
    )
    assert found.warnings == ()


WARNINGS = [
    ({"train": {"epochs": 0.11, "batch_size": 10}},
     "train.epochs: 11 steps of 10 samples see 11% of an epoch"),
    ({"train": {"max_samples": 50, "batch_size": 10}},
     "train.max_samples: training sees 5.0% of the 1,000 training samples"),
    ({"train": {"warmup": 0.6}},
     "train.warmup: the learning rate rises during 60% of the steps; it is a share, not a number "
     "of steps or epochs"),
    ({"train": {"warmup": 0.3, "batch_size": 10, "validate": {"every": 20}}},
     "train.warmup: the learning rate rises for 90 steps, and the first checkpoint is saved after "
     "20"),
    ({"train": {"warmup": 0.03, "batch_size": 500}},
     "train.warmup: 3% of 6 steps is less than one step, so there is no warm-up"),
    ({"train": {"max_length": 2048}, "model": {"max_pixels": 360_000, "video": {"nframes": 16}}},
     "train.max_length: 16 frames of 360,000 pixels take up to 2,808 tokens, and an example may "
     "have 2,048 with its question and answer"),
    ({"train": {"batch_size": 1, "checkpoint_every": 10, "method": "full", "warmup": 0},
      "evaluation": {"checkpoints": "all"}},
     "evaluation.checkpoints: 300 checkpoints are asked everything, about 90,300 answers, and as "
     "many copies of all weights are kept; a larger train.checkpoint_every or train.validate.every "
     "makes fewer"),
    ({"train": {"batch_size": 10, "checkpoint_every": 20, "validate": {"every": 20}},
      "prose": {"comparison": "Best at ckpt-250 and {{ x.ckpt-7 }}; ckpt-260 is near."}},
     "prose.comparison: names checkpoint 250, which is never saved: one is saved every 20 steps, "
     "the nearest after 240 and 260"),
    ({"train": {"batch_size": 10, "checkpoint_every": 20, "validate": {"every": 20}},
      "prose": {"summary": ["Fine.", "Checkpoints 200 and 350 are best."]}},
     "prose.summary.1: names checkpoint 350, but the training ends after 300 steps"),
]


@pytest.mark.parametrize(("parts", "warning"), WARNINGS)
def test_a_warning(tmp_path: Path, parts: dict[str, Any], warning: str) -> None:
    assert told(tmp_path, **parts).warnings == (warning,)


def test_nothing_to_warn_of(tmp_path: Path) -> None:
    train = {"batch_size": 10, "warmup": 0.03, "checkpoint_every": 50, "max_length": 4096,
             "validate": {"every": 50}}
    words = {"comparison": "Best at ckpt-150 of checkpoints 100, 150 and 300, at step 7 of 9."}
    video = {"max_pixels": 360_000, "video": {"nframes": 16}}
    assert told(tmp_path, train=train, prose=words, model=video).warnings == ()


def test_weights_repeat_what_is_scarce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECIPE_DATA", raising=False)
    found = told(tmp_path, AV, train={"epochs": 5, "batch_size": 10})
    assert found.facts[2:4] == (
        "drawn: each sample of av/cv about 0.56 times an epoch",
        "drawn: each sample of av/human about 5 times an epoch",
    )
    assert found.warnings == (
        "data.sources.av.weights: each sample of human comes about 25 times in the training",
    )
    assert found.absent == (
        f"data.sources.av.path: there is no av in {tmp_path} (the recipe's folder)",
    )


def test_a_table_is_counted_without_its_pictures(tmp_path: Path) -> None:
    rows = ["image,c,part", *(f"{n}.png,Yes,{'old' if n < 6 else 'new'}" for n in range(10))]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    table = {"kind": "table", "path": "t.csv", "labels": {"cracked": "c"},
             "columns": {"split": "part"}}
    found = told(tmp_path, data={
        "sources": {"t": table},
        "splits": {"train": {"t": {"rows": "old", "share": 0.5}}, "test": {"t": {"rows": "new"}}},
    })
    assert found.facts[0] == "samples: about 3 for training, 4 held out"
    assert found.absent == ()


def test_a_plan_where_neither_data_nor_model_is(project: Project) -> None:
    table = "{kind: table, path: gone.csv, labels: {cracked: c, severity: s}}"
    project.edit(
        "{kind: world, world: floors, count: 60, seed: 3, width: 64, height: 64}", table
    )
    shown = project("plan")
    assert shown.exit_code == 0
    assert shown.stdout.split("\n")[0] == "data           ????????????????  to do"
    assert "Not on this machine: data.sources.synthetic.path: there is no gone.csv" in shown.stdout
    assert not (project.root / "runs").exists()


def test_a_folder_that_is_misspelled_is_an_error(project: Project) -> None:
    shown = project("plan", "--set", "model.base=modles")
    assert shown.exit_code == 4
    assert shown.stderr.startswith("Error: modles: there is no such folder")
