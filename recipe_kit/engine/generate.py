"""Greedy answers with a key-value cache, and the label probabilities seen on the way.

Shape names: B sequences, K watched tokens of each, W words of the vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from recipe_kit.model.forward import forward_batch
from recipe_kit.model.prompt import Batch
from recipe_kit.model.vision import VisionFeatures


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer as tokens."""

    tokens: tuple[int, ...]
    """Without the token that ended it."""
    ended: bool
    """Whether the model ended it; False when it was cut at the longest answer allowed."""
    watched: tuple[tuple[float, ...], ...]
    """Log-probability of each watched token at every step, the ending one included."""


@torch.inference_mode()
def generate(
    model: torch.nn.Module,
    batch: Batch,
    vision: VisionFeatures,
    media: Sequence[int],
    *,
    watch_BK: torch.Tensor,
    stop: Sequence[int],
    most_B: Sequence[int],
) -> list[Generated]:
    """Take the likeliest token again and again, until each answer has ended.

    Args:
        model: A Qwen3-VL model in evaluation mode.
        batch: Prompts, padded on the left.
        vision: Features of the media.
        media: Index in `vision` of every medium shown, in the order of the batch.
        watch_BK: Tokens whose probabilities are read, in the same pass that picks the answer's.
        stop: Tokens that end an answer.
        most_B: Longest answer of each sequence, in tokens.
    """
    size = len(batch.input_ids_BL)
    device = batch.input_ids_BL.device
    tokens: list[list[int]] = [[] for _ in range(size)]
    watched: list[list[tuple[float, ...]]] = [[] for _ in range(size)]
    ended = [False] * size
    stop_tokens = torch.tensor(stop, device=device)
    rows = torch.arange(size, device=device)
    most = torch.tensor(most_B, device=device)
    longest = max(most_B)
    out = forward_batch(model, batch, vision, media, keep_P=batch.last_B, use_cache=longest > 1)
    for step in range(longest):
        log_BW = out.logits_PW.float().log_softmax(-1)
        chosen_B = log_BW.argmax(-1)
        ended_B = torch.isin(chosen_B, stop_tokens)
        seen = log_BW.gather(1, watch_BK[rows]).tolist()
        for row, token, end, values in zip(
            rows.tolist(), chosen_B.tolist(), ended_B.tolist(), seen, strict=True
        ):
            watched[row].append(tuple(values))
            ended[row] = end
            if not end:
                tokens[row].append(token)
        going_B = ~ended_B & (step + 1 < most[rows])
        if not going_B.any():
            break
        cache = out.cache
        if not going_B.all():
            # An answer that has ended costs nothing more, however long the others think.
            cache.batch_select_indices(going_B.nonzero()[:, 0])
            rows, chosen_B = rows[going_B], chosen_B[going_B]
        out = forward_batch(
            model, _next_token(batch, rows, chosen_B, step), cache=cache, use_cache=True,
        )
    return [
        Generated(tuple(tokens[row]), ended[row], tuple(watched[row])) for row in range(size)
    ]


def _next_token(prompts: Batch, rows: torch.Tensor, chosen_B: torch.Tensor, step: int) -> Batch:
    """The one token that continues each prompt that is still being answered."""
    mask = prompts.attention_mask_BL
    return replace(
        prompts,
        input_ids_BL=chosen_B[:, None],
        attention_mask_BL=None if mask is None else F.pad(mask[rows], (0, step + 1), value=1),
        mm_token_type_ids_BL=torch.zeros_like(chosen_B[:, None]),
        position_ids_3BL=(prompts.next_positions_B[rows] + step)[None, :, None].expand(3, -1, 1),
        visual_tokens=0,
    )
