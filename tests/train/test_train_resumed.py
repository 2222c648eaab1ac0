"""Trainings that go on with another number of processes, and processes that stop together."""

import json
from pathlib import Path

import pytest
from several import Case, several
from small_model import recipe, samples
from small_training import losses, run

from recipe_kit.record.schemas import TrainingResult, Validation
from recipe_kit.train.log import Step

LORA = {
    "epochs": 4, "batch_size": 2, "accumulate": 2, "learning_rate": 1e-3, "checkpoint_every": 2,
    "validate": {"every": 5, "patience": 9}, "lora": {"rank": 4, "alpha": 8, "dropout": 0.1},
}
SPECS: dict[str, dict[str, object]] = {"lora": LORA, "full": {**LORA, "method": "full"}}
# A forward pass takes four samples, and the second process can hold the tokens of two.
CROWDED = {**LORA, "batch_size": 4, "lora": {"rank": 4, "alpha": 8, "dropout": 0}}


def stop(event: Step | Validation) -> None:
    if event.step == 5 and isinstance(event, Step):
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trainings that began on one process and went on with two, and the other way round."""
    found = tmp_path_factory.mktemp("resumed")
    cases: list[Case] = []
    for name, spec in SPECS.items():
        with pytest.raises(KeyboardInterrupt):
            run(found / f"{name} 1-2", recipe(**spec), progress=stop)
        cases += [
            {"train": spec, "folder": str(found / f"{name} 1-2")},
            # The first forward pass of the sixth step: one of two batches is this process's.
            {"train": spec, "folder": str(found / f"{name} 2-1"), "ctrl_c": 7},
        ]
    cases += [
        {"train": CROWDED, "folder": str(found / "crowded lora"), "crowded": 2 * 65},
        {"train": {**CROWDED, "method": "full"}, "folder": str(found / "crowded full"),
         "crowded": 2 * 65},
        {"train": SPECS["full"], "folder": str(found / "full disk"), "full_disk": True},
    ]
    ended = several(cases)
    done, stopped = [0, 0], [130, 130]
    assert ended[:5] == [done, stopped, done, stopped, done]
    (found / "ended.json").write_text(json.dumps(ended))
    return found


@pytest.mark.parametrize("name", list(SPECS))
def test_ctrl_c_on_one_process_saves_all_of_them_once(folder: Path, name: str) -> None:
    """Each finishes the step that it is in."""
    kept = sorted(path.name for path in (folder / f"{name} 2-1" / "checkpoints").iterdir())
    step = len(losses(folder / f"{name} 2-1"))
    assert f"step-{step:06d}" in kept
    assert step in (6, 7)
    assert all((folder / f"{name} 2-1" / "checkpoints" / one / "complete").is_file()
               for one in kept)


@pytest.mark.parametrize("way", ["1-2", "2-1"])
@pytest.mark.parametrize("name", list(SPECS))
def test_another_number_of_processes_goes_on(
    folder: Path, tmp_path: Path, name: str, way: str
) -> None:
    whole = run(tmp_path, recipe(**SPECS[name]))
    parts = folder / f"{name} {way}"
    if way == "2-1":
        resumed = run(parts, recipe(**SPECS[name]))
    else:
        resumed = TrainingResult.model_validate_json((parts / "result-0.json").read_bytes())
    assert losses(parts) == pytest.approx(losses(tmp_path), abs=1e-5)
    assert resumed.steps == whole.steps == 12
    assert [v.val_loss for v in resumed.validations] == pytest.approx(
        [v.val_loss for v in whole.validations], abs=1e-5
    )


def test_what_one_process_cannot_hold_is_halved_on_all(folder: Path, tmp_path: Path) -> None:
    whole = run(tmp_path, recipe(**CROWDED), samples(12, val=4))
    assert losses(folder / "crowded lora") == pytest.approx(losses(tmp_path), abs=1e-5)
    for rank in (0, 1):
        told = json.loads((folder / "crowded lora" / f"notes-{rank}.json").read_text())
        assert [text.partition(":")[0] for text in told] == [
            "the memory is not enough for train.batch_size 4"
        ]
    found = (folder / "crowded lora" / "result-0.json").read_bytes()
    assert TrainingResult.model_validate_json(found).micro_batch == 2
    assert whole.micro_batch == 0


def test_divided_weights_are_not_halved(folder: Path) -> None:
    """The others wait for a layer that never comes, until they are told that a process has died."""
    assert json.loads((folder / "ended.json").read_text())[5] == [1, 1]
    assert (folder / "crowded full" / "error-1.txt").read_text().startswith(
        "train.batch_size: the memory is not enough for this training\n"
    )


def test_a_disk_that_is_full_for_one_process_is_said_by_all(folder: Path) -> None:
    assert json.loads((folder / "ended.json").read_text())[6] == [1, 1]
    place = folder / "full disk" / "checkpoints"
    for rank in (0, 1):
        assert (folder / "full disk" / f"error-{rank}.txt").read_text().startswith(
            f"{place / 'step-000002'}: the checkpoint cannot be written: "
        )
    assert list(place.iterdir()) == []
