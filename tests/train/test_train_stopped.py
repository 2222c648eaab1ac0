"""Trainings that are stopped, that fail, or whose checkpoints are damaged."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_model import recipe, samples, small_model
from small_training import DROPOUT, LORA, losses, run, weights

from recipe_kit.errors import StorageError, TrainError
from recipe_kit.model.vision import core_of
from recipe_kit.record.schemas import TrainingResult, Validation
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.checkpoint import load_tuned
from recipe_kit.train.log import Step
from recipe_kit.train.loop import train


class Stop(BaseException):
    """What a process is ended by, as far as Python code can tell."""


RESUMED = recipe(
    epochs=3, batch_size=2, accumulate=2, checkpoint_every=2,
    augment={"mirror": True, "brightness": 0.1}, validate={"every": 4, "patience": 9}, **DROPOUT,
)


@pytest.mark.parametrize("spec", [RESUMED, RESUMED.model_copy(update={
    "train": RESUMED.train.model_copy(update={"method": "full"})})], ids=["lora", "full"])
@pytest.mark.parametrize("kind", [Stop, KeyboardInterrupt])
def test_a_stopped_training_ends_as_if_it_had_not_been(
    tmp_path: Path, spec: Recipe, kind: type[BaseException]
) -> None:
    accuracies = (0.5, 0.7, 0.6)
    whole = run(tmp_path / "whole", spec, accuracies=accuracies)
    stops = iter([1, 4, 7])
    validated = 0
    result = None
    while result is None:
        at = next(stops, 99)

        def stop(event: Step | Validation, at: int = at) -> None:
            if isinstance(event, Step) and event.step == at:
                raise kind

        try:
            result = run(
                tmp_path / "parts", spec, accuracies=accuracies[validated:], progress=stop
            )
        except kind:
            found = list((tmp_path / "parts" / "checkpoints").glob("step-*/state.json"))
            states = [json.loads(path.read_text()) for path in found]
            validated = max((len(state["validations"]) for state in states), default=0)
            # A killed process may leave half a line and half a checkpoint.
            with (tmp_path / "parts" / "log.jsonl").open("a") as log:
                log.write('{"step": 9')
            (tmp_path / "parts" / "checkpoints").mkdir(exist_ok=True)
            (tmp_path / "parts" / "checkpoints" / ".step-000009.x").mkdir(exist_ok=True)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    unlike = {"seconds", "peak_memory_bytes", "performance"}
    assert result.model_dump(exclude=unlike) == whole.model_dump(exclude=unlike)
    first, second = (weights(tmp_path / name, whole) for name in ("whole", "parts"))
    assert all(torch.equal(first[name], second[name]) for name in first | second)
    left = sorted(path.name for path in (tmp_path / "parts" / "checkpoints").iterdir())
    assert left == ["step-000008", "step-000009"]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {helpers!r})
import torch
torch.set_num_threads({threads})
from small_model import read_picture, recipe, samples, small_model
from recipe_kit.train.loop import Accuracy, train
from recipe_kit.record.schemas import Validation

def kill(event):
    if event.step == 5 and not isinstance(event, Validation):
        os.kill(os.getpid(), signal.SIGKILL)

train(small_model(), recipe(epochs=3, batch_size=4, checkpoint_every=2), samples(12, val=4),
      role="tuned", blend={{}}, read_media=read_picture, folder=Path(sys.argv[1]),
      validate=lambda model: Accuracy(0.5, 8), progress=kill)
"""


@pytest.mark.slow
def test_a_killed_process_is_gone_on_from(tmp_path: Path) -> None:
    helpers = str(Path(__file__).parents[1] / "helpers")
    script = KILLED.format(helpers=helpers, threads=torch.get_num_threads())
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "killed")], check=False,
        capture_output=True, cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-500:]
    assert len(losses(tmp_path / "killed")) == 5
    spec = recipe(epochs=3, batch_size=4, checkpoint_every=2)
    result = run(tmp_path / "killed", spec)
    whole = run(tmp_path / "whole", spec)
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    assert result.revision == whole.revision


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    spec = recipe(epochs=1, batch_size=12, **LORA)
    result = run(tmp_path, spec)
    folder = tmp_path / result.checkpoint
    expected = (
        f"{folder}: is a checkpoint of another model: revision revision-0, not revision-1\n"
        "  To mend it: Use the model it was trained from, or delete its folder and train again."
    )
    with pytest.raises(TrainError) as caught:
        run(tmp_path, spec, loaded=small_model(1))
    assert str(caught.value) == expected
    with pytest.raises(TrainError) as caught:
        load_tuned(small_model(1), folder)
    assert str(caught.value) == expected
    with pytest.raises(TrainError, match="is a checkpoint of another training"):
        run(tmp_path, recipe(epochs=2, batch_size=12, **LORA))


def test_a_stopped_training_may_be_saved_more_often_from_then_on(tmp_path: Path) -> None:
    def stop(event: Step | Validation) -> None:
        if event.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, recipe(epochs=4, batch_size=12, **LORA), samples(12), progress=stop)
    often = recipe(epochs=4, batch_size=12, checkpoint_every=1, **LORA)
    assert run(tmp_path, often, samples(12)).steps == 4
    assert len(losses(tmp_path)) == 4


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "state.json"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, recipe(epochs=1, batch_size=12, **LORA))
    path = tmp_path / result.checkpoint / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TrainError) as caught:
        load_tuned(small_model(), path.parent)
    assert str(caught.value) == (
        f"{path.parent}: is a damaged checkpoint\n"
        "  To mend it: Delete its folder and run the command again; it goes on from an earlier one."
    )


def test_a_damaged_optimizer_is_refused(tmp_path: Path) -> None:
    spec = recipe(epochs=1, batch_size=12, **LORA)
    path = tmp_path / run(tmp_path, spec).checkpoint / "optimizer.pt"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TrainError, match="step-000001: is a damaged checkpoint"):
        run(tmp_path, spec)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    loaded = small_model()
    spec = recipe(epochs=9, batch_size=12, **LORA)

    def poison(event: Step | Validation) -> None:
        if isinstance(event, Validation) and event.step == 2:
            core_of(loaded.model).model.language_model.norm.weight.data.fill_(float("nan"))

    with pytest.raises(TrainError) as caught:
        run(tmp_path, spec, loaded=loaded, progress=poison)
    # The third bad step would be step 5, but the validation after step 3 finds out first.
    assert str(caught.value) == (
        "train.learning_rate: the loss is no number at step 3; the last good checkpoint is "
        f"{tmp_path / 'checkpoints' / 'step-000002'}\n"
        "  To mend it: Lower it: it is 0.01; try a third of that."
    )


def test_three_bad_steps_in_a_row_end_the_training_and_fewer_do_not(tmp_path: Path) -> None:
    def run_with(bad: set[int], folder: Path) -> TrainingResult:
        loaded = small_model()
        weight = core_of(loaded.model).model.language_model.norm.weight
        good = weight.data.clone()

        def poison(event: Step | Validation) -> None:
            if isinstance(event, Step):
                weight.data.copy_(good * (float("nan") if event.step + 1 in bad else 1.0))

        spec = recipe(epochs=8, batch_size=12, **LORA)
        return run(folder, spec, samples(12), loaded=loaded, progress=poison)

    result = run_with({3, 4, 6, 7}, tmp_path / "a")
    assert result.stopped == "all 8 steps were done; 4 of them skipped, without a usable gradient"
    assert [point.step for point in result.curve] == [1, 2, 5, 8]
    with pytest.raises(TrainError, match="the loss is no number at step 5; no checkpoint yet"):
        run_with({3, 4, 5}, tmp_path / "b")


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_disk_that_is_full_leaves_nothing_half_written(tmp_path: Path, method: str) -> None:
    spec = recipe(epochs=1, batch_size=12, method=method, **LORA)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(StorageError, match="the checkpoint cannot be written: ") as caught:
            run(tmp_path, spec)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.where.endswith("checkpoints/step-000001")
    assert list((tmp_path / "checkpoints").iterdir()) == []
    assert run(tmp_path, spec).steps == 1


def test_a_log_that_is_full_is_a_storage_error(tmp_path: Path) -> None:
    spec = recipe(epochs=30, batch_size=12, **LORA)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError, match="cannot be written: File too large") as caught:
            run(tmp_path, spec, samples(12))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.where == str(tmp_path / "log.jsonl")
    assert all(loss > 0 for loss in losses(tmp_path))


def test_too_little_memory_says_what_to_change(tmp_path: Path) -> None:
    def read(source: str, media: str) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with pytest.raises(TrainError) as caught:
        train(
            small_model(), recipe(**LORA), samples(4), role="tuned", blend={},
            read_media=read, folder=tmp_path,  # type: ignore[arg-type] # it returns nothing
        )
    assert str(caught.value) == (
        "train.batch_size: the memory is not enough for this training\n"
        "  To mend it: Make train.batch_size smaller and train.accumulate larger by the same "
        "factor, set train.gradient_checkpointing: true, or make model.max_pixels smaller."
    )
