"""Losses of long answers, and of media that a frozen vision tower has seen before."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from small_model import CRACKED, read_picture, recipe, samples, small_model
from small_training import LORA, losses, run

from recipe_kit.model import forward
from recipe_kit.model.load import LoadedModel
from recipe_kit.record.schemas import Validation
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.adapters import prepare
from recipe_kit.train.examples import Example
from recipe_kit.train.feed import Feed
from recipe_kit.train.log import Step
from recipe_kit.train.loss import token_losses


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("at_once", [1, 7, 64])
def test_losses_in_parts_are_those_of_all_logits_at_once(
    method: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, spec = small_model(), recipe(method=method, **LORA)
    prepare(loaded.model, spec.train)
    feed = Feed(loaded, read_picture, spec.train.augment, seed=0, system=None)
    examples = [Example(one, ((CRACKED, "no crack, no stain " * 4),)) for one in samples(3)]
    (micro,) = feed.plain(examples, 3)
    assert micro.tokens > 64
    calls: list[int] = []
    loaded.model.lm_head.register_forward_pre_hook(lambda _, inputs: calls.append(len(inputs[0])))
    weighted = torch.linspace(0, 1, micro.tokens)

    def gradients() -> list[torch.Tensor]:
        loaded.model.zero_grad()
        found = token_losses(loaded, micro)
        (found * weighted).sum().backward()
        trained = [value for value in loaded.model.parameters() if value.requires_grad]
        return [found.detach(), *(value.grad.clone() for value in trained)]

    whole = gradients()
    assert calls == [micro.tokens]
    vocabulary = loaded.model.config.text_config.vocab_size
    monkeypatch.setattr(forward, "MOST_LOGITS", at_once * vocabulary)
    parts = gradients()
    # Each part is computed twice, once going back.
    assert max(calls[1:]) == at_once
    assert sum(calls[1:]) == 2 * micro.tokens
    assert whole[0].dtype == torch.float32
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-4)


def seeing(loaded: LoadedModel) -> list[int]:
    """Notes how many patches the vision tower is given in each call."""
    calls: list[int] = []

    def note(module: object, inputs: tuple[torch.Tensor]) -> None:
        calls.append(len(inputs[0]))

    loaded.model.model.visual.blocks[0].norm1.register_forward_pre_hook(note)
    return calls


def with_cache(gigabytes: float, **train: Any) -> Recipe:
    spec = recipe(
        epochs=3, batch_size=4, checkpoint_every=1, learning_rate=1e-3,
        validate={"every": 3, "patience": 9}, **train,
    )
    evaluation = spec.evaluation.model_copy(update={"vision_cache_gb": gigabytes})
    return spec.model_copy(update={"evaluation": evaluation})


FROZEN: list[dict[str, Any]] = [
    {"lora": {"rank": 4, "alpha": 8, "vision": False}}, {"method": "full", "freeze_vision": True},
]


@pytest.mark.parametrize("train", FROZEN, ids=["lora", "full"])
def test_a_frozen_tower_sees_each_medium_once(tmp_path: Path, train: dict[str, Any]) -> None:
    again, once = small_model(), small_model()
    calls, kept = seeing(again), seeing(once)
    run(tmp_path / "again", with_cache(0, **train), loaded=again)
    run(tmp_path / "once", with_cache(1, **train), loaded=once)
    assert losses(tmp_path / "once") == pytest.approx(losses(tmp_path / "again"), abs=1e-5)
    # Twelve samples in three epochs, four for validation after each, all of 16 patches.
    assert sum(calls) == 16 * 3 * (12 + 4)
    assert kept == [16] * (12 + 4)


def test_a_tower_that_learns_or_sees_changed_pictures_is_always_run(tmp_path: Path) -> None:
    for number, train in enumerate((LORA, {**FROZEN[0], "augment": {"mirror": True}})):
        loaded = small_model()
        calls = seeing(loaded)
        run(tmp_path / str(number), with_cache(1, **train), loaded=loaded)
        assert sum(calls) == 16 * 3 * (12 + 4)


@pytest.mark.parametrize("gigabytes", [1.0, 3e-6])
def test_what_was_seen_does_not_show_in_a_resumed_training(
    tmp_path: Path, gigabytes: float
) -> None:
    """The cache is empty then, and other media are in it, if it is too small for all."""
    spec = with_cache(gigabytes, **FROZEN[0])
    whole = run(tmp_path / "whole", spec)

    def stop(event: Step | Validation) -> None:
        if event.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", spec, progress=stop)
    parts = run(tmp_path / "parts", spec)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert parts.revision == whole.revision
    rows = (tmp_path / "parts" / "log.jsonl").read_text().splitlines()
    assert [json.loads(row)["step"] for row in rows] == list(range(1, 10))
