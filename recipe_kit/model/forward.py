"""The text model over a padded batch, with visual features that were computed before.

Pictures that several questions share are encoded once (`encode_media`) and handed to all of them.
Logits are computed only where they are read. Shape names: B sequences, L tokens, E width,
P positions kept, W words of the vocabulary.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch.nn import Dropout, Module
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from recipe_kit.errors import ModelError
from recipe_kit.model.batch import Batch
from recipe_kit.model.cache import Cache, Recorder
from recipe_kit.model.prefix import Attend, attend_rows, attending, use_attention
from recipe_kit.model.vision import VisionFeatures, core_of

MOST_LOGITS = 1 << 28
"""Logits that are held at once while losses are computed: 1 GiB in float32. Long answers have more
than the whole rest of a step takes."""


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
    hidden = _hidden(core, batch, vision, media, keep_P, cache)
    logits: torch.Tensor = core.lm_head(hidden)
    return logits


def _hidden(
    core: Any,
    batch: Batch,
    vision: VisionFeatures | None,
    media: Sequence[int] | None,
    keep_P: torch.Tensor | None,
    cache: Recorder | None = None,
) -> torch.Tensor:
    """What the head reads, [P, E]."""
    text = core.model.language_model
    # One row whatever the batch: layers that are compiled know one shape only.
    embeds = text.embed_tokens(batch.input_ids_BL.flatten())
    deepstack: tuple[torch.Tensor, ...] = ()
    if vision is not None:
        media = batch.media if media is None else media
        vision = vision if media is None else vision.take(media)
        # index_copy would not say which of both is wrong.
        if len(vision.tokens_VE) != len(batch.visual_at_V):
            raise ModelError(
                f"the batch has room for {len(batch.visual_at_V)} visual tokens"
                f" and was given {len(vision.tokens_VE)}",
                fix="pass the media of each question, in the order of the batch",
            )
        embeds = embeds.index_copy(0, batch.visual_at_V, vision.tokens_VE.to(embeds.dtype))
        deepstack = vision.deepstack_VE
    if text.training and torch.is_grad_enabled() and not embeds.requires_grad:
        # Otherwise the first layer alone would have an input of another kind, and be compiled anew.
        embeds.requires_grad_()
    rows = batch.input_ids_BL.shape[0]
    attend: Attend = partial(attend_rows, rows) if batch.layout is None else batch.layout.attend
    if cache is not None:
        attend = cache.watching(attend)
    return _run(
        text, embeds[None], batch.position_ids_3BL.reshape(3, 1, -1), attend,
        visual_at_V=batch.visual_at_V, deepstack_VE=deepstack, keep_P=keep_P,
    )[0]


def forward_next(
    model: Module, tokens_B: torch.Tensor, positions_B: torch.Tensor, cache: Cache
) -> torch.Tensor:
    """Logits [B, W] after one more token of each sequence that a cache goes on with."""
    core: Any = core_of(model)
    text = core.model.language_model
    cache.extend()
    embeds = text.embed_tokens(tokens_B)[None]

    def attend(
        query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float, layer: int
    ) -> torch.Tensor:
        query, key, value = (part[0].transpose(0, 1)[:, :, None] for part in (query, key, value))
        return cache.attend(query, key, value, scale, layer).transpose(0, 1)

    hidden = _run(text, embeds, positions_B.expand(3, 1, -1), attend)
    logits: torch.Tensor = core.lm_head(hidden[0])
    return logits


def _run(
    text: Any,
    embeds_BLE: torch.Tensor,
    positions_3BL: torch.Tensor,
    attend: Attend,
    *,
    visual_at_V: torch.Tensor | None = None,
    deepstack_VE: Sequence[torch.Tensor] = (),
    keep_P: torch.Tensor | None = None,
) -> torch.Tensor:
    """`Qwen3VLTextModel.forward` without masks and copies; layers are called as modules.

    Only what `keep_P` names goes through the last layer's MLP, for nothing else of it is read.
    """
    use_attention(text)
    last = text.layers[-1]
    if not isinstance(last.forward, partial):
        last.forward = partial(_only_kept, last, last.forward)
    rotation = text.rotary_emb(embeds_BLE, positions_3BL)
    hidden = embeds_BLE

    def through(layer: Module, hidden: torch.Tensor) -> torch.Tensor:
        options = {} if layer is not last or keep_P is None else {"keep_P": keep_P}
        # Here and not around the loop, because checkpointing calls it again going back.
        with attending(attend):
            out: torch.Tensor = layer(hidden, position_embeddings=rotation, **options)
        return out

    for number, layer in enumerate(text.layers):
        if text.gradient_checkpointing and text.training and torch.is_grad_enabled():
            hidden = checkpoint(through, layer, hidden, use_reentrant=False)
        else:
            hidden = through(layer, hidden)
        if number < len(deepstack_VE) and visual_at_V is not None:
            added = deepstack_VE[number].to(hidden.dtype)
            hidden = hidden.flatten(0, 1).index_add(0, visual_at_V, added).view_as(hidden)
    normed: torch.Tensor = text.norm(hidden)
    return normed


def _only_kept(
    layer: Any, whole: Callable[..., torch.Tensor], hidden_BLE: torch.Tensor, *parts: object,
    keep_P: torch.Tensor | None = None, **options: Any,
) -> torch.Tensor:
    """A decoder layer's forward, of which only some tokens are wanted where `keep_P` is given.

    It stands in for the layer's own, so that the layer is still called as a module.
    """
    if keep_P is None:
        return whole(hidden_BLE, *parts, **options)
    if layer.training and any(one.p for one in layer.mlp.modules() if isinstance(one, Dropout)):
        # A training draws the masks that it drew when every token went through.
        return whole(hidden_BLE, *parts, **options)[:, keep_P]
    attended, _ = layer.self_attn(
        hidden_states=layer.input_layernorm(hidden_BLE), attention_mask=None, **options
    )
    kept = (hidden_BLE + attended)[:, keep_P]
    out: torch.Tensor = kept + layer.mlp(layer.post_attention_layernorm(kept))
    return out


def answer_losses(
    model: Module,
    batch: Batch,
    vision: VisionFeatures | None = None,
    media: Sequence[int] | None = None,
) -> torch.Tensor:
    """The loss of every answer token, float32 [P], in the order of `batch.answer_rows_P`.

    The caller takes the mean it needs: by token, by answer, or over several accumulated batches.
    """
    core: Any = core_of(model)
    hidden_PE = _hidden(core, batch, vision, media, batch.answer_at_P)
    at_once = max(1, MOST_LOGITS // core.config.text_config.vocab_size)
    if len(hidden_PE) <= at_once:
        return _head_losses(core.lm_head, hidden_PE, batch.answer_ids_P)
    # torch 2.13 has F.linear_cross_entropy, with a loss for every token (reduction="none"), which
    # also computes the logits in chunks, and again going back. But its losses come in the format of
    # the hidden states (of bfloat16, wrong by 0.03 where this is by 0.008), it takes several times
    # as long on a CPU, and torch 2.11 has none. So the same is done here.
    parts = zip(
        torch.split(hidden_PE, at_once), torch.split(batch.answer_ids_P, at_once), strict=True
    )
    return torch.cat([
        checkpoint(_head_losses, core.lm_head, hidden, ids, use_reentrant=False)
        for hidden, ids in parts
    ])


def _head_losses(
    head: Module, hidden_PE: torch.Tensor, answer_ids_P: torch.Tensor
) -> torch.Tensor:
    logits_PW: torch.Tensor = head(hidden_PE)
    return F.cross_entropy(logits_PW.float(), answer_ids_P, reduction="none")


def checkpoint_activations(model: Module) -> None:
    """Keep only what enters each layer while training, and compute the rest again going back.

    transformers' own switch does it inside the layers, where our attention is not yet known.
    """
    core: Any = core_of(model)
    core.model.language_model.gradient_checkpointing = True
    core.model.visual.gradient_checkpointing = True
