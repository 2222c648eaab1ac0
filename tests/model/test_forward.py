from dataclasses import replace

import pytest
import torch
from peft import LoraConfig, get_peft_model

from recipe_kit.errors import ModelError
from recipe_kit.model.batch import collate
from recipe_kit.model.forward import answer_losses, checkpoint_activations, forward_batch
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prompt import Medium, encode
from recipe_kit.model.vision import encode_media

SQUARE, WIDE, CLIP = Grid(1, 4, 4), Grid(1, 4, 6), Grid(2, 4, 4)
QUESTIONS = [
    ("Is this floor cracked?", WIDE, "No"),
    ("Is this surface safe for robot traversal?", SQUARE, "Yes"),
    ("Hazard?", WIDE, "3"),
]


def encode_all(tokenizer, questions=QUESTIONS):
    return [encode(tokenizer, text, [Medium(grid)], target=a) for text, grid, a in questions]


def pixels_of(*grids):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(sum(grid.patches for grid in grids), 1536, generator=generator)


def reference(model, batch, lengths, pixels, grids, **options):
    """transformers' own forward, every question with its own copy of its picture."""
    model.model.visual.config._attn_implementation = "sdpa"
    length = batch.input_ids_BL.shape[1]
    mask = torch.stack([(torch.arange(length) < n).long() for n in lengths])
    return mask, model(
        input_ids=batch.input_ids_BL,
        attention_mask=mask,
        mm_token_type_ids=batch.mm_token_type_ids_BL.int(),
        pixel_values=pixels,
        image_grid_thw=torch.tensor(grids),
        **options,
    )


def test_logits_are_those_of_transformers(tokenizer, model):
    rows = encode_all(tokenizer)
    batch = collate(rows, tokenizer.pad_token_id)
    pixels = pixels_of(SQUARE, WIDE)
    shared = encode_media(model, pixels, [SQUARE, WIDE])
    ours = forward_batch(model, batch, shared, [1, 0, 1])
    copies = torch.cat([pixels[16:], pixels[:16], pixels[16:]])
    lengths = [len(row.ids_L) for row in rows]
    mask, theirs = reference(model, batch, lengths, copies, [WIDE, SQUARE, WIDE])
    real = mask.bool()
    torch.testing.assert_close(
        ours.view(*mask.shape, -1)[real], theirs.logits[real], atol=1e-4, rtol=1e-4
    )


def test_loss_and_gradients_are_those_of_transformers(tokenizer, model):
    rows = encode_all(tokenizer)
    batch = collate(rows, tokenizer.pad_token_id)
    pixels = pixels_of(WIDE, SQUARE, WIDE)
    lengths = [len(row.ids_L) for row in rows]
    grids = [WIDE, SQUARE, WIDE]
    loss = reference(model, batch, lengths, pixels, grids, labels=batch.labels_BL)[1].loss
    loss.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    losses = answer_losses(model, batch, encode_media(model, pixels, grids))
    assert losses.shape == (6,)
    assert batch.answer_rows_P.tolist() == [0, 0, 1, 1, 2, 2]
    torch.testing.assert_close(losses.mean(), loss)
    losses.mean().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], atol=1e-4, rtol=1e-3)


def test_a_clip_is_read_as_transformers_reads_it(tokenizer, model):
    row = encode(tokenizer, "What?", [Medium(CLIP, "video", (0.5, 1.5))])
    batch = collate([row], tokenizer.pad_token_id)
    pixels = pixels_of(CLIP)
    ours = forward_batch(model, batch, encode_media(model, pixels, CLIP))
    model.model.visual.config._attn_implementation = "sdpa"
    theirs = model(
        input_ids=batch.input_ids_BL,
        mm_token_type_ids=batch.mm_token_type_ids_BL.int(),
        pixel_values_videos=pixels,
        video_grid_thw=torch.tensor([CLIP]),
    )
    torch.testing.assert_close(ours, theirs.logits[0], atol=1e-4, rtol=1e-4)


def test_logits_may_be_asked_for_at_the_end_only(tokenizer, model):
    rows = [encode(tokenizer, text) for text in ("Cracked?", "Is it safe to walk on it?")]
    batch = collate(rows, tokenizer.pad_token_id)
    everything = forward_batch(model, batch)
    ends = forward_batch(model, batch, keep_P=batch.last_B)
    assert ends.shape == (2, len(tokenizer))
    torch.testing.assert_close(ends, everything[batch.last_B])


def test_transformers_generates_the_same_answer(tokenizer, model):
    row = encode(tokenizer, "Is this floor cracked?", [Medium(SQUARE)])
    batch = collate([row], tokenizer.pad_token_id)
    pixels = pixels_of(SQUARE)
    vision = encode_media(model, pixels, SQUARE)
    chosen = []
    for _ in range(4):
        logits = forward_batch(model, batch, vision, keep_P=batch.last_B)
        chosen.append(int(logits.argmax()))
        longer = replace(
            row,
            ids_L=torch.cat([batch.input_ids_BL[0], torch.tensor(chosen[-1:])]).numpy(),
            kinds_L=torch.cat([batch.mm_token_type_ids_BL[0], torch.tensor([0])]).numpy(),
            positions_3L=torch.cat(
                [batch.position_ids_3BL[:, 0], batch.next_positions_B.expand(3, 1)], 1
            ).numpy(),
        )
        batch = collate([longer], tokenizer.pad_token_id)
    generated = model.generate(
        input_ids=torch.from_numpy(row.ids_L)[None],
        attention_mask=torch.ones(1, len(row.ids_L), dtype=torch.long),
        mm_token_type_ids=torch.from_numpy(row.kinds_L.copy())[None].int(),
        pixel_values=pixels,
        image_grid_thw=torch.tensor([SQUARE]),
        max_new_tokens=4,
        min_new_tokens=4,
        eos_token_id=-1,
    )
    assert generated[0, len(row.ids_L) :].tolist() == chosen


def test_adapters_and_checkpointing_train_text_and_vision(tokenizer, model):
    targets = ["q_proj", "down_proj", "qkv", "linear_fc2"]
    lora = get_peft_model(model, LoraConfig(r=2, target_modules=targets, init_lora_weights=False))
    lora.train()
    rows = encode_all(tokenizer)
    batch = collate(rows, tokenizer.pad_token_id)

    def run():
        lora.zero_grad()
        vision = encode_media(lora, pixels_of(WIDE, SQUARE), [WIDE, SQUARE])
        answer_losses(lora, batch, vision, [0, 1, 0]).mean().backward()
        return {n: p.grad.clone() for n, p in lora.named_parameters() if p.requires_grad}

    expected = run()
    assert all(gradient.abs().sum() > 0 for gradient in expected.values())
    checkpoint_activations(lora)
    for name, gradient in run().items():
        torch.testing.assert_close(gradient, expected[name])


def test_too_few_features_are_refused(tokenizer, model):
    batch = collate(encode_all(tokenizer), tokenizer.pad_token_id)
    vision = encode_media(model, pixels_of(SQUARE, WIDE), [SQUARE, WIDE])
    with pytest.raises(ModelError) as error:
        forward_batch(model, batch, vision)
    assert str(error.value) == (
        "the batch has room for 16 visual tokens and was given 10\n"
        "  To mend it: pass the media of each question, in the order of the batch"
    )


def test_half_precision_runs(tokenizer, model):
    batch = collate(encode_all(tokenizer), tokenizer.pad_token_id)
    half = model.to(torch.bfloat16)
    vision = encode_media(half, pixels_of(SQUARE, WIDE), [SQUARE, WIDE])
    losses = answer_losses(half, batch, vision, [1, 0, 1])
    assert losses.dtype == torch.float32
    assert losses.isfinite().all()


def test_dropout_does_not_depend_on_what_is_read(model, tokenizer):
    """A training with dropout repeats, whether all logits are computed or those that count."""
    config = LoraConfig(r=2, lora_dropout=0.5, target_modules=["gate_proj", "down_proj"])
    lora = get_peft_model(model, config).train()
    for name, value in lora.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(value)
    batch = collate([encode(tokenizer, "What is it?", target="A crack")] * 2, 0)
    torch.manual_seed(0)
    everything = forward_batch(lora, batch)
    torch.manual_seed(0)
    read = forward_batch(lora, batch, keep_P=batch.answer_at_P)
    torch.testing.assert_close(read, everything[batch.answer_at_P])
    assert not torch.equal(read, forward_batch(lora, batch, keep_P=batch.answer_at_P))
