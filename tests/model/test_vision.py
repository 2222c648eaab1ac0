import pytest
import torch
from peft import LoraConfig, get_peft_model

from recipe_kit.errors import ModelError
from recipe_kit.model.forward import checkpoint_activations
from recipe_kit.model.pixels import Grid, Preprocess
from recipe_kit.model.vision import core_of, encode_media, normalize_patches

LAYOUTS = {
    "one size": [Grid(1, 4, 6)] * 3,
    "mixed sizes": [Grid(1, 4, 6), Grid(1, 2, 2), Grid(1, 4, 6), Grid(1, 6, 4)],
    "clips": [Grid(3, 4, 4), Grid(2, 4, 4), Grid(3, 4, 4)],
}


def pixels_of(grids):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(sum(grid.patches for grid in grids), 1536, generator=generator)


def reference(model, pixels, grids):
    """Pooled and deepstack features of transformers' own path."""
    visual = model.model.visual
    visual.config._attn_implementation = "sdpa"
    out = visual(pixels, grid_thw=torch.tensor(grids), return_dict=True)
    return [out.pooler_output, *out.deepstack_features]


def gradients(model, features):
    """The gradient of a loss that every feature takes part in, by parameter."""
    model.zero_grad()
    generator = torch.Generator().manual_seed(3)
    loss = sum((f * torch.randn(f.shape, generator=generator)).sum() for f in features)
    loss.backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("grids", LAYOUTS.values(), ids=LAYOUTS)
def test_features_and_gradients_are_those_of_transformers(model, grids):
    pixels = pixels_of(grids)
    expected = reference(model, pixels, grids)
    expected_gradients = gradients(model, expected)
    seen = encode_media(model, pixels, grids)
    for ours, theirs in zip((seen.tokens_VE, *seen.deepstack_VE), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    assert seen.lengths == tuple(grid.patches // 4 for grid in grids)
    ours_gradients = gradients(model, [seen.tokens_VE, *seen.deepstack_VE])
    assert ours_gradients.keys() == expected_gradients.keys()
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(
            ours_gradients[name], gradient, atol=2e-4, rtol=1e-3, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_the_model_still_runs_by_itself_afterwards(model):
    grids = LAYOUTS["mixed sizes"]
    pixels = pixels_of(grids)
    expected = reference(model, pixels, grids)[0]
    encode_media(model, pixels, grids)
    again = model.model.visual(pixels, grid_thw=torch.tensor(grids)).pooler_output
    torch.testing.assert_close(again, expected)


def test_one_grid_may_stand_for_all(model):
    grids = LAYOUTS["one size"]
    pixels = pixels_of(grids)
    each = encode_media(model, pixels, grids)
    torch.testing.assert_close(encode_media(model, pixels, grids[0]).tokens_VE, each.tokens_VE)


def test_bytes_are_normalized_on_the_way(model):
    grid = Grid(1, 2, 2)
    preprocess = Preprocess(mean=(0.5, 0.4, 0.3), std=(0.5, 0.6, 0.7))
    raw = torch.arange(4 * 1536).remainder(256).to(torch.uint8).view(4, 1536)
    floats = normalize_patches(raw, preprocess)
    assert floats[0, [0, 255]].tolist() == pytest.approx([-1, 1])
    assert floats[0, [512, 1024]].tolist() == pytest.approx([-0.4 / 0.6, -0.3 / 0.7])
    seen = encode_media(model, raw, grid, preprocess=preprocess)
    torch.testing.assert_close(seen.tokens_VE, encode_media(model, floats, grid).tokens_VE)


def test_features_are_handed_to_several_questions(model):
    seen = encode_media(model, pixels_of(LAYOUTS["mixed sizes"]), LAYOUTS["mixed sizes"])
    taken = seen.take([1, 0, 0])
    assert taken.lengths == (1, 6, 6)
    torch.testing.assert_close(
        taken.tokens_VE, torch.cat([seen.tokens_VE[6:7], seen.tokens_VE[:6], seen.tokens_VE[:6]])
    )
    torch.testing.assert_close(taken.deepstack_VE[0][1:7], seen.deepstack_VE[0][:6])
    assert seen.take(range(4)) is seen


def test_gradient_checkpointing_changes_no_gradient(model):
    grid = Grid(1, 4, 4)
    pixels = pixels_of([grid] * 2)
    model.train()

    def run():
        seen = encode_media(model, pixels, grid)
        return gradients(model, [seen.tokens_VE, *seen.deepstack_VE])

    expected = run()
    runs = []
    model.model.visual.blocks[0].norm1.register_forward_hook(lambda *_: runs.append(1))
    checkpoint_activations(model)
    for name, gradient in run().items():
        torch.testing.assert_close(gradient, expected[name])
    assert len(runs) == 2  # forward, and once more going back


def test_adapters_on_the_vision_tower_learn(model):
    lora = get_peft_model(model, LoraConfig(r=2, target_modules=["qkv", "linear_fc1"]))
    seen = encode_media(lora, pixels_of([Grid(1, 2, 2)] * 2), Grid(1, 2, 2))
    found = gradients(lora, [seen.tokens_VE, *seen.deepstack_VE])
    assert core_of(lora) is model
    assert found
    assert all("lora_" in name for name in found)


def test_features_made_for_inference_do_not_block_training(model):
    grid = Grid(1, 2, 6)
    with torch.inference_mode():
        encode_media(model, pixels_of([grid]), grid)
    assert gradients(model, [encode_media(model, pixels_of([grid]), grid).tokens_VE])


def test_a_wrong_number_of_patches_is_refused(model):
    with pytest.raises(ModelError) as error:
        encode_media(model, torch.zeros(5, 1536), Grid(1, 2, 2))
    assert str(error.value) == "5 patches do not fill the grids [Grid(t=1, h=2, w=2)]"


def test_another_model_is_refused():
    with pytest.raises(ModelError, match="a Linear holds no Qwen3-VL model"):
        core_of(torch.nn.Linear(1, 1))
