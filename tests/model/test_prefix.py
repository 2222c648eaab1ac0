"""Questions that share the start of their sequences, beside the same questions by themselves."""

import pytest
import torch
from peft import LoraConfig, get_peft_model

from recipe_kit.model.batch import collate
from recipe_kit.model.forward import answer_losses, checkpoint_activations, forward_batch
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prompt import Medium, encode
from recipe_kit.model.vision import encode_media

LONG, SHORT = Grid(2, 4, 4), Grid(1, 4, 6)
MEDIA = [
    Medium(LONG, "video", (0.5, 1.5)),
    Medium(LONG, "video", (0.5, 1.5)),
    # As many visual tokens, and other times: its prefix has another length.
    Medium(LONG, "video", (9.5, 10.5)),
    Medium(SHORT),
]
ASKED = [
    (0, "Is it raining?", "Yes"),
    (2, "How many cars are there?", "3"),
    (0, "Describe what the camera sees on its way.", "A wet road that bends to the left."),
    (3, "Hazard?", "2"),
    (1, "Is it raining?", "No"),
    (0, "How many cars are there?", "5"),
    (2, "Is it raining?", "No"),
]


def encode_all(tokenizer):
    return [encode(tokenizer, text, [MEDIA[m]], target=target) for m, text, target in ASKED]


def see(model):
    grids = [medium.grid for medium in MEDIA]
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(sum(grid.patches for grid in grids), 1536, generator=generator)
    return encode_media(model, pixels, grids)


def alone(model, tokenizer, vision):
    """The loss of every answer token, each question in a batch of its own."""
    return torch.cat([
        answer_losses(model, collate([row], tokenizer.pad_token_id), vision, [asked[0]])
        for row, asked in zip(encode_all(tokenizer), ASKED, strict=True)
    ])


def together(model, tokenizer, vision):
    rows = encode_all(tokenizer)
    batch = collate(rows, tokenizer.pad_token_id, media=[asked[0] for asked in ASKED])
    assert len(batch.layout.groups) == 3
    assert batch.media == (0, 1, 2, 3)
    return answer_losses(model, batch, vision)


def gradients(model, losses):
    model.zero_grad()
    (losses.sum() / 10).backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_losses_and_gradients_are_those_of_separate_sequences(tokenizer, model):
    expected = alone(model, tokenizer, see(model))
    found = together(model, tokenizer, see(model))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    wanted, shared = gradients(model, expected), gradients(model, found)
    assert wanted.keys() == shared.keys() == dict(model.named_parameters()).keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(shared[name], gradient, atol=1e-5, rtol=1e-5, msg=name)


def test_probabilities_are_those_of_separate_sequences(tokenizer, model):
    with torch.inference_mode():
        vision = see(model)
        rows = [encode(tokenizer, text, [MEDIA[medium]]) for medium, text, _ in ASKED]
        batch = collate(rows, tokenizer.pad_token_id, media=[asked[0] for asked in ASKED])
        found = forward_batch(model, batch, vision, keep_P=batch.last_B).softmax(-1)
        for row, (medium, *_), mine in zip(rows, ASKED, found, strict=True):
            single = collate([row], tokenizer.pad_token_id)
            logits = forward_batch(model, single, vision, [medium], keep_P=single.last_B)
            torch.testing.assert_close(mine, logits[0].softmax(-1), atol=1e-5, rtol=0)


def test_a_branch_is_read_as_transformers_reads_it(tokenizer, model):
    vision = see(model)
    found = together(model, tokenizer, vision).split([
        row.answer_length for row in encode_all(tokenizer)
    ])
    text = model.model.language_model
    ours, text.config._attn_implementation = text.config._attn_implementation, "sdpa"
    for number in (1, 2):
        row = encode_all(tokenizer)[number]
        first = sum(medium.grid.patches for medium in MEDIA[: ASKED[number][0]])
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randn(16 * 6 + 24, 1536, generator=generator)[first : first + 32]
        model.model.visual.config._attn_implementation = "sdpa"
        loss = model(
            input_ids=torch.from_numpy(row.ids_L)[None],
            mm_token_type_ids=torch.from_numpy(row.kinds_L.copy())[None].int(),
            pixel_values_videos=pixels,
            video_grid_thw=torch.tensor([LONG]),
            labels=torch.from_numpy(row.labels_L)[None],
        ).loss
        torch.testing.assert_close(found[number].mean(), loss, atol=1e-5, rtol=1e-5)
    text.config._attn_implementation = ours


def test_what_stands_in_the_batch_does_not_matter(tokenizer, model):
    rows, media = encode_all(tokenizer), [asked[0] for asked in ASKED]
    with torch.no_grad():
        vision = see(model)
        whole = together(model, tokenizer, vision).split([row.answer_length for row in rows])
        for chosen in ([0, 2], [2, 1, 6], [5, 4, 3, 2, 0]):
            part = collate([rows[n] for n in chosen], 0, media=[media[n] for n in chosen])
            losses = answer_losses(model, part, vision)
            expected = torch.cat([whole[number] for number in chosen])
            torch.testing.assert_close(losses, expected, atol=1e-5, rtol=0)


def test_adapters_and_checkpointed_activations_give_the_same_gradients(tokenizer, model):
    config = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    lora = get_peft_model(model, config).train()
    expected = gradients(lora, alone(lora, tokenizer, see(lora)))
    checkpoint_activations(lora)
    found = gradients(lora, together(lora, tokenizer, see(lora)))
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], atol=1e-5, rtol=1e-5, msg=name)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_gpu_computes_the_same(tokenizer, model, kind):
    expected = alone(model, tokenizer, see(model))
    on_gpu = model.to("cuda", kind)
    rows, media = encode_all(tokenizer), [asked[0] for asked in ASKED]
    batch = collate(rows, tokenizer.pad_token_id, media=media).to("cuda")
    losses = answer_losses(on_gpu, batch, see(on_gpu))
    losses.sum().backward()
    near = 1e-3 if kind is torch.float32 else 0.1
    torch.testing.assert_close(losses.cpu(), expected, atol=near, rtol=near)


def test_one_question_a_medium_is_packed_where_lengths_differ(tokenizer, model):
    """A clip, a picture and a long answer in one row without pads; each begins anew at 0."""
    chosen = [(0, "Is it raining?", "Yes"), (3, "Hazard?", "2"), (2, *ASKED[2][1:])]
    rows = [encode(tokenizer, text, [MEDIA[m]], target=target) for m, text, target in chosen]
    media = [m for m, _, _ in chosen]
    batch = collate(rows, tokenizer.pad_token_id, media=media)
    assert batch.layout is not None
    assert batch.input_ids_BL.shape == (1, sum(len(row.ids_L) for row in rows))
    for row, (shared, skipped, start, size) in zip(rows, batch.spans_B4.tolist(), strict=True):
        at = [*range(shared, shared + skipped), *range(start, start + size)]
        assert batch.input_ids_BL[0, at].tolist() == row.ids_L.tolist()
        assert batch.position_ids_3BL[:, 0, at].tolist() == row.positions_3L.tolist()
    losses = answer_losses(model, batch, see(model))
    separate = torch.cat([
        answer_losses(model, collate([row], tokenizer.pad_token_id), see(model), [m])
        for row, m in zip(rows, media, strict=True)
    ])
    torch.testing.assert_close(losses, separate, atol=1e-5, rtol=0)
    wanted, packed = gradients(model, separate), gradients(model, losses)
    for name, gradient in wanted.items():
        torch.testing.assert_close(packed[name], gradient, atol=1e-5, rtol=1e-5, msg=name)


def test_sequences_of_one_length_are_not_packed(tokenizer):
    rows = [encode(tokenizer, "Is it raining?", [MEDIA[m]], target="Yes") for m in (0, 1)]
    assert collate(rows, tokenizer.pad_token_id, media=[0, 1]).layout is None
