"""Real trainings of a small model, and what they are made of."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
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
from small_training import DROPOUT, LORA, answers, losses, run, weights

from recipe_kit.engine.local import LocalEngine
from recipe_kit.errors import TrainError
from recipe_kit.model.load import LoadedModel, load_model
from recipe_kit.record.schemas import Sample, Validation
from recipe_kit.spec.recipe import Evaluation, Recipe
from recipe_kit.train import reading
from recipe_kit.train.adapters import prepare, targets
from recipe_kit.train.checkpoint import load_tuned
from recipe_kit.train.examples import Example
from recipe_kit.train.feed import Feed
from recipe_kit.train.log import Step
from recipe_kit.train.loop import Accuracy, train
from recipe_kit.train.loss import loss_sum, loss_weight, token_losses
from recipe_kit.train.plan import make_plan


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
    (micro,) = window.batches
    batch = micro.batch
    assert micro.samples == 3
    assert batch.media == (0, 1, 2)
    kept = [batch.answer_ids_P[batch.answer_rows_P == row] for row in range(6)]
    pairs = [pair for item in plan.items(plan.steps - 1) for pair in item.example.pairs]
    assert [TOKENIZER.decode(ids) for ids in kept] == [f"{target}<|im_end|>" for _, target in pairs]
    # Each of them is predicted from the token before it.
    before = batch.input_ids_BL.flatten()[batch.answer_at_P + 1]
    assert before.tolist() == batch.answer_ids_P.tolist()
    assert micro.tokens == 12


def test_prompts_of_their_own_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ENCODED_TOKENS", 200)
    feed = Feed(small_model(), read_picture, recipe().train.augment, seed=0, system=None)
    own = [
        Example(sample, ((f"Is floor {number} cracked?", "Yes"),))
        for number, sample in enumerate(samples(20))
    ]
    read = 0
    for micro in feed.plain(own, 4):
        read += micro.samples
        kept = feed._reader._encoded.values()
        assert 0 < sum(len(encoded.ids_L) for encoded in kept) <= 200
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
        # Adam divides by the size of a gradient, so the last bits of the smallest ones show.
        torch.testing.assert_close(tensors, found[0][1], atol=3e-4, rtol=1e-3)


@pytest.mark.parametrize("per", ["token", "answer"])
def test_the_loss_is_the_mean_over_tokens_or_over_answers(per: str) -> None:
    loaded, spec = small_model(), recipe(loss_per=per, **LORA)
    feed = Feed(loaded, read_picture, spec.train.augment, seed=0, system=None)
    (one, two) = samples(2)
    examples = [
        Example(one, ((CRACKED, "no"), ("Describe it.", "no crack, no stain"))),
        Example(two, ((CRACKED, "no"),)),
    ]
    (micro,) = feed.plain(examples, 2)
    per_token, rows = token_losses(loaded, micro), micro.batch.answer_rows_P
    assert rows.bincount().tolist() == [len(TOKENIZER(text + "<|im_end|>")["input_ids"])
                                      for text in ("no", "no crack, no stain", "no")]
    each = [per_token[rows == row] for row in range(3)]
    expected = torch.cat(each).sum() if per == "token" else sum(one.mean() for one in each)
    torch.testing.assert_close(loss_sum(loaded, spec.train, micro), expected)
    assert loss_weight(spec.train, micro) == (len(rows) if per == "token" else 3)


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
    assert {value.dtype for value in weights(tmp_path, result).values()} == {torch.bfloat16}
