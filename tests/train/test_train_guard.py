"""Steps that are not taken, and steps that do not fit into the memory."""

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_model import CRACKED, recipe, samples, small_model
from small_training import LORA, losses, run, weights

from recipe_kit.errors import TrainError
from recipe_kit.model.load import LoadedModel
from recipe_kit.record.schemas import Sample, Validation
from recipe_kit.train.guard import ENOUGH, WINDOW, fault
from recipe_kit.train.log import Step
from recipe_kit.train.plan import make_plan


def rows(losses: list[float | None], norms: list[float | None] | None = None) -> list[dict]:
    return [
        {"loss": loss, "gradient_norm": norm}
        for loss, norm in zip(losses, norms or losses, strict=True)
    ]


EVEN = [1.0, 3.0] * 64  # mean 2, standard deviation 1


@pytest.mark.parametrize(
    ("before", "loss", "norm", "spike", "expected"),
    [
        (EVEN, 8.5, 8.5, 6, "spike"),
        (EVEN, 8.0, 8.0, 6, ""),
        (EVEN, 8.5, 3.0, 6, ""),
        (EVEN, 3.0, 8.5, 6, ""),
        (EVEN, 8.5, 8.5, 7, ""),
        (EVEN, 1e9, 1e9, None, ""),
        (EVEN, math.nan, 1.0, None, "no number"),
        (EVEN, 1.0, math.inf, 6, "no number"),
        (EVEN[:64], 8.5, 8.5, 6, "spike"),
        (EVEN[:63], 1e9, 1e9, 6, ""),
        # Only the last good steps count, and those before them do not.
        ([100.0] * 50 + EVEN, 8.5, 8.5, 6, "spike"),
        (EVEN[:80] + [None, None] * 10 + EVEN[:48], 8.5, 8.5, 6, "spike"),
        (EVEN[:63] + [None] * 40, 1e9, 1e9, 6, ""),
    ],
)
def test_what_a_spike_is(
    before: list[float | None], loss: float, norm: float, spike: float | None, expected: str
) -> None:
    assert fault(rows(before), loss, norm, spike) == expected


@given(st.lists(st.floats(0.1, 10), min_size=ENOUGH, max_size=2 * WINDOW), st.floats(0.1, 9))
def test_a_step_no_worse_than_the_mean_is_no_spike_and_one_far_off_is(
    before: list[float], spike: float
) -> None:
    window = before[-WINDOW:]
    mean = sum(window) / len(window)
    assert fault(rows(before), mean - 1e-9, 1e9, spike) == ""
    assert fault(rows(before), 1e9, mean - 1e-9, spike) == ""
    # No deviation is larger than the range.
    off = mean + 1.01 * spike * (max(window) - min(window)) + 1e-6
    assert fault(rows(before), off, off, spike) == "spike"


def test_rare_batches_of_a_harder_kind_are_learned_after_a_few() -> None:
    """One in a hundred is so."""
    before: list[dict] = []
    skipped = []
    for step in range(1000):
        loss = 40.0 if step and step % 100 == 0 else EVEN[step % 2]
        why = fault(before, loss, loss, 6)
        before.append({"loss": loss, "gradient_norm": loss})
        if why:
            skipped.append(step)
            before[-1] = {"loss": None, "gradient_norm": None, "found": (loss, loss)}
    assert skipped == [100, 200, 300, 400]


@pytest.mark.parametrize("steps", [64, 128])
def test_spikes_in_a_row_are_compared_with_what_was_before_them(steps: int) -> None:
    before = rows(EVEN[:steps])
    for _ in range(3):
        assert fault(before, 8.5, 8.5, 6) == "spike"
        before.append({"loss": None, "gradient_norm": None, "found": [8.5, 8.5]})


STEPS = 200
TAUGHT = recipe(epochs=1, batch_size=1, warmup=0.0, learning_rate=1e-3, checkpoint_every=20, **LORA)


def taught(wrong: set[int]) -> tuple[Sample, ...]:
    """One sample a step, all with one answer but those of these steps."""
    every = [
        Sample(id=f"t/{number:03}", source="table", media=f"{number}.png", split="train",
               prompt=CRACKED, target="no crack")
        for number in range(STEPS)
    ]
    plan = make_plan(TAUGHT, every, {})
    place = {plan.items(step)[0].example.sample.id: step for step in range(STEPS)}
    return tuple(
        sample.model_copy(update={"target": "5 5 3 1 4 2 stain Yes 4 4 3"})
        if place[sample.id] in wrong else sample
        for sample in every
    )


def test_a_spike_is_skipped_and_a_resumed_training_decides_the_same(tmp_path: Path) -> None:
    data = taught({190})
    whole = run(tmp_path / "whole", TAUGHT, data)
    logged = [json.loads(line) for line in (tmp_path / "whole/log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in logged if row["loss"] is None] == [191]
    assert logged[190]["skipped"] == "spike"
    assert min(logged[190]["found"]) > max(row["loss"] for row in logged[100:190])
    assert whole.skipped == 1
    assert whole.stopped == "all 200 steps were done; 1 of them skipped, without a usable gradient"

    def stop(event: Step | Validation) -> None:
        if event.step == 185:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", TAUGHT, data, progress=stop)
    resumed = run(tmp_path / "parts", TAUGHT, data)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert (resumed.skipped, resumed.revision) == (1, whole.revision)


def test_three_spikes_in_a_row_end_the_training(tmp_path: Path) -> None:
    with pytest.raises(TrainError) as caught:
        run(tmp_path, TAUGHT, taught({192, 193, 194}))
    assert str(caught.value) == (
        "train.spike: loss and gradient are far above those before for 3 steps in a row, the last "
        f"of them step 195; the last good checkpoint is {tmp_path / 'checkpoints' / 'step-000180'}"
        "\n  To mend it: Lower train.learning_rate: it is 0.001; try a third of that. Or set "
        "train.spike: null, which takes such steps."
    )


def crowded(most: int) -> LoadedModel:
    """A model whose memory is too little for more tokens than this in a forward pass; a sample of
    the recipe has 65."""
    loaded = small_model()

    def need(module: object, inputs: tuple[torch.Tensor]) -> None:
        tokens = inputs[0].shape[0] * inputs[0].shape[1]
        if tokens > most and loaded.model.training:
            raise torch.OutOfMemoryError(f"CUDA out of memory: {tokens} tokens")

    loaded.model.model.language_model.layers[1].register_forward_pre_hook(need)
    return loaded


@pytest.mark.parametrize("method", ["lora", "full"])
def test_too_little_memory_halves_the_micro_batch(tmp_path: Path, method: str) -> None:
    spec = recipe(epochs=2, batch_size=4, accumulate=2, method=method, checkpoint_every=2, **LORA)
    plenty = run(tmp_path / "plenty", spec, samples(14))
    assert plenty.micro_batch == 0
    notes: list[str] = []

    def stop(event: Step | Validation) -> None:
        if event.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "little", spec, samples(14), loaded=crowded(2 * 65), note=notes.append,
            progress=stop)
    # What was halved stays so when the training is resumed.
    little = run(
        tmp_path / "little", spec, samples(14), loaded=crowded(2 * 65), note=notes.append
    )
    assert notes == [
        "the memory is not enough for train.batch_size 4: from step 1 on, a forward pass takes 2, "
        "and a step as many samples as before"
    ]
    assert little.micro_batch == 2
    assert little.stopped.endswith(
        "; at most 2 samples at once, as the memory had no room for more"
    )
    assert losses(tmp_path / "little") == pytest.approx(losses(tmp_path / "plenty"), rel=1e-4)
    torch.testing.assert_close(
        weights(tmp_path / "little", little), weights(tmp_path / "plenty", plenty),
        atol=3e-4, rtol=1e-3,
    )


@pytest.mark.parametrize(("batch", "most"), [(4, 100), (1, 20)])
def test_a_second_time_is_an_error(tmp_path: Path, batch: int, most: int) -> None:
    spec = recipe(epochs=1, batch_size=batch, **LORA)
    with pytest.raises(TrainError, match="the memory is not enough for this training"):
        run(tmp_path, spec, samples(12), loaded=crowded(most))
