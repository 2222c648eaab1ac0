"""Trainings on several processes, against the same on one."""

import json
from pathlib import Path

import pytest
from several import Case, several
from small_model import recipe, samples, small_model
from small_training import losses, run, weights

from recipe_kit.record.schemas import TrainingResult
from recipe_kit.train.checkpoint import load_tuned

COMMON = {
    "epochs": 3, "batch_size": 2, "accumulate": 2, "learning_rate": 1e-3, "validate": {"every": 4},
    "checkpoint_every": 2, "lora": {"rank": 4, "alpha": 8, "dropout": 0.1},
}
FULL = {**COMMON, "method": "full"}
CASES: dict[str, Case] = {
    "lora": {"train": COMMON},
    "full": {"train": FULL},
    # A frozen tower is not divided; layers are computed again going back.
    "frozen": {"train": {**FULL, "freeze_vision": True, "gradient_checkpointing": True}},
    # Three batches a step on two processes, and one in the last step of an epoch.
    "odd lora": {"train": {**COMMON, "accumulate": 3}, "samples": (7, 3)},
    "odd full": {"train": {**FULL, "accumulate": 3}, "samples": (7, 3)},
    # Fewer batches than processes, from the first step on.
    "few lora": {"train": {**COMMON, "accumulate": 1}, "samples": (3, 1), "size": 3},
    "few full": {"train": {**FULL, "accumulate": 1}, "samples": (3, 1), "size": 3},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every case trained on its processes; importing torch is most of the time."""
    found = tmp_path_factory.mktemp("several")
    ended = several([{**case, "folder": str(found / name)} for name, case in CASES.items()])
    assert ended == [[0] * case.get("size", 2) for case in CASES.values()]
    return found


def logged(folder: Path, key: str) -> list[float]:
    return [json.loads(line)[key] for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", list(CASES))
def test_several_processes_train_as_one(folder: Path, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    count, val = case.get("samples", (12, 4))
    alone = run(tmp_path, recipe(**case["train"]), samples(count, val=val))
    assert losses(folder / name) == pytest.approx(losses(tmp_path), abs=1e-5)
    assert logged(folder / name, "gradient_norm") == pytest.approx(
        logged(tmp_path, "gradient_norm"), rel=1e-4
    )
    results = [
        TrainingResult.model_validate_json((folder / name / f"result-{rank}.json").read_bytes())
        for rank in range(case.get("size", 2))
    ]
    together = results[0]
    assert all(result.revision == together.revision for result in results)
    assert [v.val_loss for v in together.validations] == pytest.approx(
        [v.val_loss for v in alone.validations], abs=1e-5
    )
    for field in ("steps", "best_step", "parameters", "trainable_parameters", "checkpoint"):
        assert getattr(together, field) == getattr(alone, field)
    assert together.performance is not None
    assert alone.performance is not None
    assert together.performance.devices == case.get("size", 2)
    # Every sample counts once, and what fills up the passes of a process never. What a frozen
    # tower saw is held by each process for itself.
    more = together.performance.flops_per_step - alone.performance.flops_per_step
    assert more > 0 if name == "frozen" else more == 0
    # Adam divides by the size of a gradient, so the last bits of the smallest ones show.
    mine, theirs = weights(tmp_path, alone), weights(folder / name, together)
    assert mine.keys() == theirs.keys()
    assert all((mine[key] - theirs[key]).abs().max() < 2e-3 for key in mine)
    tuned = load_tuned(small_model(), folder / name / together.checkpoint)
    assert tuned.revision == together.revision


@pytest.mark.parametrize("name", list(CASES))
def test_one_process_writes(folder: Path, name: str) -> None:
    assert len(list((folder / name).glob("log.jsonl"))) == 1
    steps = json.loads((folder / name / "result-0.json").read_text())["steps"]
    assert logged(folder / name, "step") == list(range(1, steps + 1))
    assert [path for path in (folder / name / "checkpoints").iterdir()
            if not (path / "complete").is_file()] == []
