"""The text model over a padded batch, with visual features that were computed before.

Pictures that several questions share are encoded once (`encode_media`) and handed to all of them.
Logits are computed only where they are read. Shape names: B sequences, L tokens, E width,
P positions kept, W words of the vocabulary.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import Module
from torch.nn import functional as F

from recipe_kit.errors import ModelError
from recipe_kit.model.batch import Batch
from recipe_kit.model.cache import Cache, Recorder
from recipe_kit.model.prefix import Attend, attend_causally, use_attention
from recipe_kit.model.vision import VisionFeatures, core_of


def forward_batch(
    model: Module,
    batch: Batch,
    vision: VisionFeatures | None = None,
    media: Sequence[int] | None = None,
    *,
    keep_P: torch.Tensor | None = None,
    cache: Recorder | None = None,
) -> torch.Tensor:
    """Run the text model; differentiable in the model and in `vision`.

    Args:
        model: A Qwen3-VL model, with or without adapters.
        batch: Sequences on the model's device.
        vision: Features of the media that the batch shows.
        media: For every medium shown, in the order of the batch, its index in `vision`; `None`
            for what the batch says.
        keep_P: The positions whose logits are wanted, as indices into B * L (`batch.last_B`,
            `batch.answer_at_P`); None for all of them.
        cache: Gets the keys and values of all tokens.

    Returns:
        Logits where they were asked for, [P, W].

    Raises:
        ModelError: the media do not fill the batch's visual tokens.
    """
    core: Any = core_of(model)
    text = core.model.language_model
    embeds = text.embed_tokens(batch.input_ids_BL)
    shown, deepstack = None, None
    if vision is not None:
        media = batch.media if media is None else media
        vision = vision if media is None else vision.take(media)
        # masked_scatter would read past too few features in silence on some devices.
        if len(vision.tokens_VE) != batch.visual_tokens:
            raise ModelError(
                f"the batch has room for {batch.visual_tokens} visual tokens"
                f" and was given {len(vision.tokens_VE)}",
                fix="pass the media of each question, in the order of the batch",
            )
        shown = batch.mm_token_type_ids_BL > 0
        mask = shown.unsqueeze(-1)
        embeds = embeds.masked_scatter(mask, vision.tokens_VE.to(embeds.dtype))
        deepstack = list(vision.deepstack_VE)
    attend = attend_causally if batch.layout is None else batch.layout.attend
    hidden = _run(
        text, embeds, batch.position_ids_3BL, cache, attend,
        visual_pos_masks=shown, deepstack_visual_embeds=deepstack,
    ).flatten(0, 1)
    hidden = hidden if keep_P is None else hidden[keep_P]
    logits: torch.Tensor = core.lm_head(hidden)
    return logits


def forward_next(
    model: Module, tokens_B: torch.Tensor, positions_B: torch.Tensor, cache: Cache
) -> torch.Tensor:
    """Logits [B, W] after one more token of each sequence that a cache goes on with."""
    core: Any = core_of(model)
    text = core.model.language_model
    cache.extend()
    embeds = text.embed_tokens(tokens_B[:, None])
    hidden = _run(text, embeds, positions_B[None, :, None].expand(3, -1, 1), cache, cache.attend)
    logits: torch.Tensor = core.lm_head(hidden[:, 0])
    return logits


def _run(
    text: Any,
    embeds_BLE: torch.Tensor,
    positions_3BL: torch.Tensor,
    cache: Cache | Recorder | None,
    attend: Attend,
    **visual: Any,
) -> torch.Tensor:
    use_attention(text)
    out = text(
        inputs_embeds=embeds_BLE,
        # transformers takes a mask of four axes as finished, and makes none of its own.
        attention_mask=embeds_BLE.new_empty(1, 1, 1, 1),
        position_ids=positions_3BL,
        past_key_values=cache,
        use_cache=False,
        attend=attend,
        **visual,
    )
    hidden: torch.Tensor = out.last_hidden_state
    return hidden


def answer_losses(
    model: Module,
    batch: Batch,
    vision: VisionFeatures | None = None,
    media: Sequence[int] | None = None,
) -> torch.Tensor:
    """The loss of every answer token, float32 [P], in the order of `batch.answer_rows_P`.

    The caller takes the mean it needs: by token, by answer, or over several accumulated batches.
    """
    logits = forward_batch(model, batch, vision, media, keep_P=batch.answer_at_P)
    return F.cross_entropy(logits.float(), batch.answer_ids_P, reduction="none")


def checkpoint_activations(model: Module) -> None:
    """Keep only what enters each layer while training, and compute the rest again going back."""
    core: Any = core_of(model)
    # transformers before 5.23 knows the second name only, later ones warn of it.
    named = "activation_checkpointing_enable", "gradient_checkpointing_enable"
    enable = next(getattr(core, name) for name in named if hasattr(core, name))
    enable({"use_reentrant": False})
