"""Trainings on several processes, against the same on one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from several import Case, several
from small_model import recipe, samples, small_model
from small_training import losses, run, weights

from recipe_kit.record.schemas import TrainingResult
from recipe_kit.train.checkpoint import load_tuned

COMMON = {
    "epochs": 2, "batch_size": 2, "accumulate": 2, "learning_rate": 1e-3, "validate": {"every": 4},
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
    # Two machines: weights are divided within each, and copied between them.
    "machines": {"train": {**FULL, "accumulate": 3, "epochs": 1}, "size": 4, "local": 2},
}
PARTS: dict[str, Case] = {
    "of two": {"train": FULL, "parts": True},
    "of two, frozen": {"train": {**FULL, "freeze_vision": True}, "parts": True},
    "of two machines": {"train": FULL, "parts": True, "size": 4, "local": 2},
    # Not compared with one process: bfloat16 rounds otherwise.
    "bfloat16": {"train": FULL, "bfloat16": True},
    "bfloat16 lora": {"train": COMMON, "bfloat16": True},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every case trained on its processes; importing torch is most of the time."""
    found = tmp_path_factory.mktemp("several")
    every = CASES | PARTS
    ended = several([{**case, "folder": str(found / name)} for name, case in every.items()])
    assert ended == [[0] * case.get("size", 2) for case in every.values()]
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


@pytest.mark.parametrize("name", ["of two", "of two, frozen", "of two machines"])
def test_whole_models_are_divided(folder: Path, name: str) -> None:
    size = PARTS[name].get("size", 2)
    every = [json.loads((folder / name / f"parts-{n}.json").read_text()) for n in range(size)]
    within = PARTS[name].get("local", size)
    trained = {weight for weight, _ in small_model().model.named_parameters()}
    if "frozen" in name:
        trained = {weight for weight in trained if ".visual." not in weight}
    assert all(held.keys() == trained for held in every)
    for weight in trained:
        first, rest = every[:within], every[within:]
        whole = first[0][weight][1]
        assert sum(held[weight][0] for held in first) == whole
        # Rounded up where a dimension cannot be divided evenly.
        assert max(held[weight][0] for held in first) < 0.7 * whole
        assert [held[weight] for held in rest] == [held[weight] for held in first][: len(rest)]


@pytest.mark.parametrize("name", ["bfloat16", "bfloat16 lora"])
def test_a_bfloat16_model_learns_on_several_processes(
    folder: Path, tmp_path: Path, name: str
) -> None:
    small = small_model()
    half = replace(small, model=small.model.bfloat16(), dtype=torch.bfloat16)
    run(tmp_path, recipe(**PARTS[name]["train"]), loaded=half)
    assert losses(folder / name) == pytest.approx(losses(tmp_path), rel=0.03)
    assert losses(folder / name)[-1] < losses(folder / name)[0]
