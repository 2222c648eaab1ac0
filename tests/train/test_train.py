"""Real trainings of a small model."""

import itertools
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_model import (
    CRACKED,
    SEVERITY,
    TOKENIZER,
    question,
    read_picture,
    recipe,
    samples,
    small_model,
)

from recipe_kit.engine.local import LocalEngine
from recipe_kit.errors import StorageError, TrainError
from recipe_kit.model.load import LoadedModel, load_model
from recipe_kit.model.vision import core_of
from recipe_kit.record.schemas import Sample, TrainingResult, Validation
from recipe_kit.spec.recipe import Evaluation, Recipe
from recipe_kit.train import feed as feed_module
from recipe_kit.train.adapters import prepare, targets
from recipe_kit.train.checkpoint import load_tuned
from recipe_kit.train.examples import Example
from recipe_kit.train.feed import Feed
from recipe_kit.train.log import Step
from recipe_kit.train.loop import Accuracy, train
from recipe_kit.train.plan import make_plan

LORA = {"lora": {"rank": 8, "alpha": 16, "dropout": 0.0}}
DROPOUT = {"lora": {"rank": 4, "alpha": 8, "dropout": 0.1}}


def run(
    folder: Path,
    spec: Recipe,
    every: tuple[Sample, ...] | None = None,
    *,
    loaded: LoadedModel | None = None,
    accuracies: tuple[float, ...] = (0.5,),
    progress: Callable[[Step | Validation], None] | None = None,
) -> TrainingResult:
    """A training whose validation accuracy is as given, the last one for the rest."""
    scripted = itertools.chain(accuracies, itertools.repeat(accuracies[-1]))
    return train(
        loaded or small_model(), spec, samples(12, val=4) if every is None else every,
        role="tuned", blend=spec.train.blend, read_media=read_picture, folder=folder,
        validate=lambda model: Accuracy(next(scripted), 8), progress=progress,
    )


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(folder: Path, result: TrainingResult) -> dict[str, torch.Tensor]:
    return load_file(next((folder / result.checkpoint).glob("*.safetensors")))


def answers(loaded: LoadedModel, count: int) -> dict[str, str | None]:
    scale = ("1", "2", "3", "4", "5")
    asked = [
        each
        for number in range(count)
        for each in (question(f"{number}.png"), question(f"{number}.png", SEVERITY, scale))
    ]
    engine = LocalEngine(loaded, Evaluation(max_new_tokens=4), read_picture)
    return {prediction.question: prediction.answer for prediction in engine.ask(asked)}


@pytest.mark.parametrize(
    "spec",
    [
        recipe(epochs=60, batch_size=8, warmup=0.0, **LORA),
        recipe(epochs=40, batch_size=8, warmup=0.0, learning_rate=3e-3, method="full"),
    ],
    ids=["lora", "full"],
)
def test_eight_pictures_are_learned_by_heart(tmp_path: Path, spec: Recipe) -> None:
    eight = samples(8)
    result = run(tmp_path, spec, eight)
    tuned = load_tuned(small_model(), tmp_path / result.checkpoint)
    expected = {}
    for sample in eight:
        expected[question(sample.media).id] = sample.labels["cracked"]
        expected[question(sample.media, SEVERITY).id] = str(sample.labels["severity"])
    assert answers(tuned, 8) == expected
    assert answers(small_model(), 8) != expected
    assert tuned.revision == result.revision != small_model().revision
    assert result.steps == result.best_step == int(spec.train.epochs)
    assert result.curve[-1].loss < result.curve[0].loss / 3


def test_reasoning_is_learned_and_its_labels_read_after_it(tmp_path: Path) -> None:
    triples = tuple(
        Sample(
            id=f"t/{number}", source="table", media=f"{number}.png", split="train", prompt=CRACKED,
            target=f"<think>no crack</think>\n\n{'Yes' if number % 2 else 'No'}",
        )
        for number in range(4)
    )
    spec = recipe(epochs=60, batch_size=4, warmup=0.0, learning_rate=3e-3, method="full")
    result = run(tmp_path, spec, triples)
    tuned = load_tuned(small_model(), tmp_path / result.checkpoint)
    engine = LocalEngine(tuned, Evaluation(max_new_tokens=32), read_picture)
    found = list(engine.ask([question(f"{number}.png") for number in range(4)]))
    assert [p.text for p in found] == ["No", "Yes", "No", "Yes"]
    assert {p.reasoning for p in found} == {"no crack"}
    assert all(p.confidence > 0.9 and p.mass > 0.9 for p in found)
    assert result.questions == 4


def test_the_loss_is_on_the_answer_alone() -> None:
    loaded = small_model()
    plan = make_plan(recipe(batch_size=3), samples(3), {})
    feed = Feed(loaded, read_picture, recipe().train.augment, seed=0, system=None)
    (window,) = feed.windows(plan, plan.steps - 1, 3)
    (micro,) = window
    batch = micro.batch
    assert micro.samples == 3
    assert micro.media == (0, 0, 1, 1, 2, 2)
    kept = [row[row != -100] for row in batch.labels_BL]
    pairs = [pair for item in plan.items(plan.steps - 1) for pair in item.example.pairs]
    assert [TOKENIZER.decode(ids) for ids in kept] == [f"{target}<|im_end|>" for _, target in pairs]
    # Each of them is predicted from the token before it.
    before = batch.input_ids_BL.flatten()[batch.answer_at_P + 1]
    assert before.tolist() == batch.answer_ids_P.tolist()
    assert micro.tokens == 12


def test_prompts_of_their_own_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MOST_ENCODED", 3)
    feed = Feed(small_model(), read_picture, recipe().train.augment, seed=0, system=None)
    own = [
        Example(sample, ((f"Is floor {number} cracked?", "Yes"),))
        for number, sample in enumerate(samples(20))
    ]
    read = 0
    for micro in feed.plain(own, 4):
        read += micro.samples
        # One more for each thread that was past the check.
        assert len(feed._encoded) <= 3 + 4
    assert read == 20


def test_how_a_step_is_cut_does_not_matter(tmp_path: Path) -> None:
    every = samples(15, val=2)
    found = []
    for size, accumulate in ((8, 1), (4, 2), (2, 4)):
        folder = tmp_path / str(size)
        spec = recipe(epochs=2, batch_size=size, accumulate=accumulate, **LORA)
        result = run(folder, spec, every)
        found.append((losses(folder), weights(folder, result)))
    for loss, tensors in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-4)
        torch.testing.assert_close(tensors, found[0][1], atol=1e-4, rtol=1e-3)


def test_checkpointed_activations_give_the_same_gradients(tmp_path: Path) -> None:
    rows = []
    for on in (False, True):
        folder, loaded = tmp_path / str(on), small_model()
        calls = []
        block = loaded.model.model.visual.blocks[0].norm1
        block.register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        spec = recipe(epochs=1, batch_size=4, gradient_checkpointing=on, **DROPOUT)
        run(folder, spec, samples(12), loaded=loaded)
        # Three steps, each of them computed a second time for its gradients.
        assert len(calls) == (6 if on else 3)
        lines = (folder / "log.jsonl").read_text().splitlines()
        rows.append([(json.loads(x)["loss"], json.loads(x)["gradient_norm"]) for x in lines])
    assert len(rows[0]) == 3
    torch.testing.assert_close(torch.tensor(rows[1]), torch.tensor(rows[0]))


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
    unlike = {"seconds", "peak_memory_bytes"}
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


def test_the_best_checkpoint_is_chosen_on_validation(tmp_path: Path) -> None:
    spec = recipe(epochs=9, batch_size=6, validate={"patience": 2, "min_delta": 1.0}, **LORA)
    events: list[Step | Validation] = []
    result = run(tmp_path, spec, accuracies=(0.5, 0.9, 0.7), progress=events.append)
    # With a min_delta of 1 neither accuracy nor loss can get better after the first validations.
    assert result.stopped == (
        "stopped early: neither accuracy nor loss got better in 2 validations in a row"
    )
    best = max(result.validations, key=lambda v: v.val_accuracy)
    assert [v.best for v in result.validations] == [v is best for v in result.validations]
    assert result.best_step == best.step == 4
    assert result.steps < result.planned_steps == 18
    assert result.checkpoint == "checkpoints/step-000004"
    kept = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert kept == {"step-000004", f"step-{result.steps:06d}"}
    assert sum(isinstance(event, Validation) for event in events) == len(result.validations)
    assert result.drawn == {"table": 1.0}
    assert (result.samples, result.questions) == ({"table": 12}, 24)
    assert result.triple.keys() == {"image_path", "prompt", "target"}


def test_without_validation_the_last_checkpoint_is_the_result(tmp_path: Path) -> None:
    result = run(tmp_path, recipe(epochs=2, batch_size=8, **LORA), samples(12))
    assert (result.validations, result.best_step, result.steps) == ((), 4, 4)
    assert result.stopped == "all 4 steps were done"


def test_validation_uses_the_model_as_it_is(tmp_path: Path) -> None:
    seen = []

    def validate(loaded: LoadedModel) -> Accuracy:
        (prediction,) = LocalEngine(loaded, Evaluation(), read_picture).ask([question("1.png")])
        seen.append(prediction.probabilities["Yes"])
        assert not loaded.model.training
        return Accuracy(0.5 + len(seen) / 10, 1)

    result = train(
        small_model(), recipe(epochs=2, batch_size=12, **LORA), samples(12, val=2), role="tuned",
        blend={}, read_media=read_picture, folder=tmp_path, validate=validate,
    )
    tuned = load_tuned(small_model(), tmp_path / result.checkpoint)
    (merged,) = LocalEngine(tuned, Evaluation(), read_picture).ask([question("1.png")])
    assert seen[0] != seen[1]
    assert merged.probabilities["Yes"] == pytest.approx(seen[1], abs=1e-5)


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


def test_a_full_checkpoint_is_itself_a_model(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = recipe(epochs=2, batch_size=12, method="full", freeze_vision=True)
    result = run(tmp_path, spec)
    # transformers' progress bars would tear the run's own.
    assert capfd.readouterr().err == ""
    tuned = load_tuned(small_model(), tmp_path / result.checkpoint)
    alone = load_model(str(tmp_path / result.checkpoint))
    assert alone.preprocess == tuned.preprocess
    assert answers(alone, 3) == answers(tuned, 3)
    before, after = small_model().model.state_dict(), tuned.model.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in before if ".visual." in name} == same
    assert result.trainable_parameters < result.parameters


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


def test_which_layers_get_an_adapter() -> None:
    model = small_model().model
    every = targets(model, recipe().train.lora)
    text = targets(model, recipe(lora={"vision": False}).train.lora)
    assert {name.split(".")[1] for name in every} == {"visual", "language_model"}
    assert {name.split(".")[1] for name in text} == {"language_model"}
    assert len(text) == 2 * 7
    assert "lm_head" not in every
    only = targets(model, recipe(lora={"targets": ["q_proj", "qkv"]}).train.lora)
    assert {name.rpartition(".")[2] for name in only} == {"q_proj", "qkv"}
    with pytest.raises(TrainError) as caught:
        targets(model, recipe(lora={"targets": ["query"], "vision": False}).train.lora)
    assert str(caught.value) == (
        "train.lora.targets: the model has no linear layer named 'query'\n"
        "  To mend it: Choose from: down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj."
    )


def test_adapters_are_float32_on_a_bfloat16_model(tmp_path: Path) -> None:
    small = small_model()
    half = replace(small, model=small.model.bfloat16(), dtype=torch.bfloat16)
    model = prepare(half.model, recipe(**LORA).train)
    kinds = {str(value.dtype) for value in model.parameters() if value.requires_grad}
    assert kinds == {"torch.float32"}
    small = small_model()
    half = replace(small, model=small.model.bfloat16(), dtype=torch.bfloat16)
    result = run(tmp_path, recipe(epochs=20, batch_size=12, method="full"), loaded=half)
    assert result.curve[-1].loss < result.curve[0].loss / 2
    assert {value.dtype for value in weights(tmp_path, result).values()} == {torch.float32}
