"""What is learned: the loss of a batch, over its answer tokens or over its answers."""

from typing import Any

import torch

from recipe_kit.model.forward import answer_losses
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.seen import Seen, encode_seen
from recipe_kit.model.vision import VisionFeatures, core_of, encode_media
from recipe_kit.spec.train import Train
from recipe_kit.train.feed import MicroBatch


def loss_weight(spec: Train, micro: MicroBatch) -> int:
    """What a batch counts in the mean loss: its answer tokens, or its answers."""
    return micro.tokens if spec.loss_per == "token" else micro.answers


def loss_sum(
    loaded: LoadedModel, spec: Train, micro: MicroBatch, seen: Seen | None = None
) -> torch.Tensor:
    """The loss of a batch, summed over answer tokens, or over the means of its answers."""
    return summed(spec, micro, token_losses(loaded, micro, seen))


def summed(spec: Train, micro: MicroBatch, losses_P: torch.Tensor) -> torch.Tensor:
    """The losses of a batch's answer tokens, summed over them or over the means of its answers."""
    if spec.loss_per == "token":
        return losses_P.sum()
    rows_P = micro.batch.answer_rows_P
    lengths = rows_P.bincount()[rows_P].to(losses_P.device)
    return (losses_P / lengths).sum()


def token_losses(
    loaded: LoadedModel, micro: MicroBatch, seen: Seen | None = None
) -> torch.Tensor:
    """The loss of every answer token of a batch, float32 [P]; pictures are encoded once.

    Args:
        loaded: The model.
        micro: The batch.
        seen: What a frozen vision tower saw before; gets what is new.
    """
    frozen = seen is not None or tower_is_frozen(loaded)
    with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
        vision = _encode(loaded, micro, seen)
    batch = micro.batch.to(loaded.device, non_blocking=True)
    return answer_losses(loaded.model, batch, vision)


def tower_is_frozen(loaded: LoadedModel) -> bool:
    """Whether nothing of the vision tower is trained."""
    visual: Any = core_of(loaded.model).model.visual
    return not any(value.requires_grad for value in visual.parameters())


def _encode(loaded: LoadedModel, micro: MicroBatch, seen: Seen | None) -> VisionFeatures:
    if seen is None:
        return encode_media(
            loaded.model,
            micro.pixels_ND.to(loaded.device, non_blocking=True),
            micro.grids,
            preprocess=loaded.preprocess,
        )
    # One by one, because the last bits depend on what else is in a batch: a resumed training, which
    # has seen other media so far, would not go on to the last bit.
    pieces = torch.split(micro.pixels_ND, [grid.patches for grid in micro.grids])
    return VisionFeatures.join([
        encode_seen(
            loaded.model, [pixels_ND], [grid], [key], preprocess=loaded.preprocess, seen=seen
        )
        for pixels_ND, grid, key in zip(pieces, micro.grids, micro.keys, strict=True)
    ])
