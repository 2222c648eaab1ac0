"""What is learned: the loss of a batch, over its answer tokens or over its answers."""

import torch

from recipe_kit.model.forward import answer_losses
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.vision import core_of, encode_media
from recipe_kit.spec.train import Train
from recipe_kit.train.feed import MicroBatch


def loss_weight(spec: Train, micro: MicroBatch) -> int:
    """What a batch counts in the mean loss: its answer tokens, or its answers."""
    return micro.tokens if spec.loss_per == "token" else micro.answers


def loss_sum(loaded: LoadedModel, spec: Train, micro: MicroBatch) -> torch.Tensor:
    """The loss of a batch, summed over answer tokens, or over the means of its answers."""
    return summed(spec, micro, token_losses(loaded, spec, micro))


def summed(spec: Train, micro: MicroBatch, losses_P: torch.Tensor) -> torch.Tensor:
    """The losses of a batch's answer tokens, summed over them or over the means of its answers."""
    if spec.loss_per == "token":
        return losses_P.sum()
    rows_P = micro.batch.answer_rows_P
    lengths = rows_P.bincount()[rows_P].to(losses_P.device)
    return (losses_P / lengths).sum()


def token_losses(loaded: LoadedModel, spec: Train, micro: MicroBatch) -> torch.Tensor:
    """The loss of every answer token of a batch, float32 [P]; pictures are encoded once."""
    frozen = not any(p.requires_grad for p in core_of(loaded.model).model.visual.parameters())
    with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
        vision = encode_media(
            loaded.model,
            micro.pixels_ND.to(loaded.device, non_blocking=True),
            micro.grids,
            preprocess=loaded.preprocess,
        )
    batch = micro.batch.to(loaded.device, non_blocking=True)
    return answer_losses(loaded.model, batch, vision)
