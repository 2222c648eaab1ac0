"""What a model computes, against torch's own counter, and how its parts are sized."""

from typing import Any

import pytest
import torch
from small_model import TOKENIZER, small_model
from torch.utils.flop_counter import FlopCounterMode

from recipe_kit.model.flops import Cost, Work, adapted, asking, medium, sequences, training
from recipe_kit.model.shape import Shape, Text, Vision, read_shape
from recipe_kit.spec.train import Train
from recipe_kit.train.adapters import prepare

COSMOS_8B = Shape(
    Vision(1152, 27, 4304, 1536, 4, 4096, 2304, (8, 16, 24)),
    Text(4096, 36, 12288, 32, 8, 128, 151936, tied=False),
)
COSMOS_2B = Shape(
    Vision(1024, 24, 4096, 1536, 4, 2048, 2304, (5, 11, 17)),
    Text(2048, 28, 6144, 16, 8, 128, 151936, tied=True),
)
GRID = (2, 4, 4)
TOKENS = 40


def counted(model: Any, *, backward: bool = False) -> tuple[int, int]:
    """FLOPs that torch counts of transformers' own code, forward and back, for two clips."""
    device = torch.device("cpu")
    ids = TOKENIZER.get_vocab()
    row = [ids["<|vision_start|>"], *[ids["<|video_pad|>"]] * 4, ids["<|vision_end|>"]] * 2
    row += [5] * (TOKENS - len(row))
    kinds = [2 if token == ids["<|video_pad|>"] else 0 for token in row]
    model.train()
    with FlopCounterMode(display=False) as counter:
        logits = model(
            input_ids=torch.tensor([row, row], device=device),
            mm_token_type_ids=torch.tensor([kinds, kinds], device=device),
            pixel_values_videos=torch.randn(2 * 32, 1536),
            video_grid_thw=torch.tensor([GRID, GRID]),
            use_cache=False,
        ).logits
        forward = counter.get_total_flops()
        if backward:
            logits.float().logsumexp(-1).mean().backward()
    return forward, counter.get_total_flops() - forward


def unmasked() -> Work:
    """The same two clips: torch counts masked pairs, and the patches' steps one by one."""
    return (medium(*GRID) + Work(TOKENS, TOKENS * TOKENS, TOKENS)) * 2


def keep_little(model: Any) -> None:
    """transformers' own switch, as its code is what is counted here."""
    # transformers before 5.23 knows the second name only, later ones warn of it.
    named = "activation_checkpointing_enable", "gradient_checkpointing_enable"
    enable = next(getattr(model, name) for name in named if hasattr(model, name))
    enable({"use_reentrant": False})
    # With adapters it also asks for gradients of the embeddings, which nothing here needs.
    model.disable_input_require_grads()


def model_of(**train: Any) -> tuple[Any, Shape, Train]:
    model = small_model().model
    model.set_attn_implementation("eager")
    model.requires_grad_(False)
    spec = Train.model_validate({"lora": {"rank": 4, "dropout": 0}, **train})
    return model, read_shape(model.config.to_dict()), spec


def test_forward() -> None:
    model, shape, _ = model_of()
    assert asking(shape, unmasked()).forward == pytest.approx(counted(model)[0], rel=0.02)
    assert asking(shape, unmasked()).backward == 0


@pytest.mark.parametrize("train", [
    {"method": "full"},
    {"method": "full", "freeze_vision": True},
    {"method": "full", "gradient_checkpointing": True},
    {"method": "full", "freeze_vision": True, "gradient_checkpointing": True},
    {},
    {"lora": {"rank": 8, "dropout": 0, "vision": False}},
    {"lora": {"rank": 8, "dropout": 0, "vision": False}, "gradient_checkpointing": True},
    {"lora": {"rank": 8, "dropout": 0}, "gradient_checkpointing": True},
    {"lora": {"rank": 8, "dropout": 0, "vision": False, "targets": ["down_proj"]}},
    {"lora": {"rank": 8, "dropout": 0, "targets": ["o_proj"]}},
    {"lora": {"rank": 64, "dropout": 0, "vision": False, "targets": ["q_proj", "v_proj"]}},
    {"lora": {"rank": 64, "dropout": 0, "targets": ["linear_fc2"]}},
], ids=str)
def test_training(train: dict[str, Any]) -> None:
    model, shape, spec = model_of(**train)
    trained = prepare(model, spec)
    if spec.gradient_checkpointing:
        keep_little(model)
    cost = training(shape, unmasked(), spec)
    forward, backward = counted(trained, backward=True)
    assert cost.forward == pytest.approx(forward, rel=0.02)
    # Torch counts what is computed again as a part of the way back.
    assert cost.backward + cost.again == pytest.approx(backward, rel=0.02)
    assert bool(cost.again) == spec.gradient_checkpointing


@pytest.mark.parametrize("lora", [
    {"rank": 3}, {"rank": 3, "vision": False}, {"rank": 5, "targets": ["q_proj", "linear_fc1"]},
], ids=str)
def test_adapters_are_counted(lora: dict[str, Any]) -> None:
    model, shape, spec = model_of(lora=lora)
    trained = prepare(model, spec)
    real = sum(one.numel() for one in trained.parameters() if one.requires_grad)
    assert adapted(shape, spec) == real


def test_parameters_are_counted() -> None:
    model, shape, _ = model_of()
    assert shape.parameters == sum(one.numel() for one in model.parameters())
    assert shape.vision.parameters == sum(o.numel() for o in model.model.visual.parameters())


@pytest.mark.parametrize(("shape", "parameters"), [
    (COSMOS_8B, 8_767_123_696), (COSMOS_2B, 2_127_532_032),
])
def test_parameters_of_published_models(shape: Shape, parameters: int) -> None:
    assert shape.parameters == parameters


def test_a_clip_of_the_seed() -> None:
    """16 frames of 360,000 pixels, and the prefix that its questions share, in TFLOP."""
    assert round(asking(COSMOS_8B, medium(8, 28, 46)).forward / 1e12, 1) == 11.0
    assert round(asking(COSMOS_8B, sequences(2653, [])).forward / 1e12, 1) == 38.9


def test_work() -> None:
    assert medium(2, 3, 4) == Work(patches=24, patch_pairs=288)
    assert sequences(0, [(3, 1)]) == Work(3, 6, 1)
    # 10 tokens and their 55 pairs once; 2 and 3 tokens that see all of them and themselves.
    assert sequences(10, [(2, 1), (3, 2)]) == Work(15, 55 + 23 + 36, 3)
    assert (Work(1, 2, 3, 4, 5) + Work(1, 1, 1, 1, 1)) * 2 == Work(4, 6, 8, 10, 12)


def test_cost() -> None:
    assert Cost(1, 2, 4).model == 3
    assert Cost(1, 2, 4).whole == 7
