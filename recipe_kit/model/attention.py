"""Attention over parts of the keys, put together afterwards.

Questions that share a prefix see two sets of keys: the prefix's, which stand in memory once, and
their own. Each set is attended to by itself, and the log-sum-exp of its scores says how much it
counts. Backwards each part is given the whole's output and log-sum-exp, which makes its gradients
those of the whole. Source of both: Ring Attention (arXiv:2310.01889); kernels are torch's own.

Shape names: B sequences, H heads, G key-value heads, L queries, M keys, K head size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

_FLASH = (torch.bfloat16, torch.float16)


class Part(NamedTuple):
    """Attention over some of the keys."""

    out: torch.Tensor
    """[B, H, L, K]."""
    lse: torch.Tensor
    """Log-sum-exp of the scores, float32 [B, H, L]."""


def attend_with_lse(
    query_BHLK: torch.Tensor, key_BGMK: torch.Tensor, value_BGMK: torch.Tensor, *,
    causal: bool, scale: float,
) -> Part:
    """Attention and the log-sum-exp of its scores; without gradients.

    Args:
        query_BHLK: Queries; H is a multiple of G.
        key_BGMK: Keys, not repeated for the heads that share them.
        value_BGMK: Values.
        causal: Whether a query sees the keys up to its own place only; then L = M.
        scale: Of the scores.
    """
    if query_BHLK.is_cuda and query_BHLK.dtype in _FLASH:
        flash = torch.ops.aten._scaled_dot_product_flash_attention
        out, lse = flash(query_BHLK, key_BGMK, value_BGMK, 0.0, causal, scale=scale)[:2]
        return Part(out, lse)
    if query_BHLK.is_cpu and query_BHLK.dtype == torch.float32:
        on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        return Part(*on_cpu(query_BHLK, key_BGMK, value_BGMK, 0.0, causal, scale=scale))
    scores = _scores(query_BHLK, key_BGMK, causal, scale)
    lse = scores.logsumexp(-1)
    weights = (scores - lse[..., None]).exp().to(value_BGMK.dtype)
    return Part((weights @ value_BGMK[:, :, None]).flatten(1, 2), lse.flatten(1, 2))


def merge(parts: Sequence[Part]) -> Part:
    """Attention over the keys of all parts together; any shape in which `out` has one axis more."""
    whole = parts[0]
    for part in parts[1:]:
        blend = _blend_in_one if part.out.is_cuda else _blend
        whole = Part(*blend(*whole, *part))
    return whole


def _blend(
    out: torch.Tensor, lse: torch.Tensor, more: torch.Tensor, more_lse: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    both = torch.logaddexp(lse, more_lse)
    share = (lse - both).exp()[..., None]
    return (out * share + more * (1 - share)).to(out.dtype), both


# Eagerly these are nine kernels, which read and write as much as the attention does.
_blend_in_one = torch.compile(_blend, dynamic=True)


def gradients(
    grad_BHLK: torch.Tensor, query_BHLK: torch.Tensor, key_BGMK: torch.Tensor,
    value_BGMK: torch.Tensor, whole: Part, *, causal: bool, scale: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of query, key and value by way of one part of the keys.

    Args:
        grad_BHLK: Gradient of the whole's output.
        query_BHLK: As it was in `attend_with_lse`, like the following.
        key_BGMK: The part's keys.
        value_BGMK: The part's values.
        whole: What `merge` made of all parts.
        causal: As it was.
        scale: As it was.
    """
    if query_BHLK.is_cuda and query_BHLK.dtype in _FLASH:
        # Without dropout the state of the random generator is not looked at.
        nothing = torch.empty(2, dtype=torch.uint64, device=query_BHLK.device)
        backward = torch.ops.aten._scaled_dot_product_flash_attention_backward
        found: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = backward(
            grad_BHLK, query_BHLK, key_BGMK, value_BGMK, whole.out, whole.lse.contiguous(),
            None, None, query_BHLK.shape[2], key_BGMK.shape[2], 0.0, causal, nothing, nothing,
            scale=scale,
        )
        return found
    if query_BHLK.is_cpu and query_BHLK.dtype == torch.float32:
        on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
        given: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = on_cpu(
            grad_BHLK, query_BHLK, key_BGMK, value_BGMK, whole.out, whole.lse, 0.0, causal,
            scale=scale,
        )
        return given
    heads = key_BGMK.shape[1]
    grad, query, out = (
        _by_key(x, heads) for x in (grad_BHLK, query_BHLK, whole.out)
    )
    key, value = key_BGMK[:, :, None].float(), value_BGMK[:, :, None].float()
    scores = _scores(query_BHLK, key_BGMK, causal, scale)
    weights = (scores - _by_key(whole.lse[..., None], heads)).exp()
    own = (grad * out).sum(-1, keepdim=True)
    change = weights * (grad @ value.transpose(-1, -2) - own) * scale
    return (
        (change @ key).flatten(1, 2).to(query_BHLK.dtype),
        (change.transpose(-1, -2) @ query).sum(2).to(key_BGMK.dtype),
        (weights.transpose(-1, -2) @ grad).sum(2).to(value_BGMK.dtype),
    )


def _scores(
    query_BHLK: torch.Tensor, key_BGMK: torch.Tensor, causal: bool, scale: float
) -> torch.Tensor:
    """Scores in float32, [B, G, H / G, L, M]."""
    query = _by_key(query_BHLK, key_BGMK.shape[1])
    scores = query @ key_BGMK[:, :, None].float().transpose(-1, -2) * scale
    if causal:
        size = scores.shape[-1]
        hidden = torch.ones(size, size, dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores


def _by_key(part_BHLK: torch.Tensor, heads: int) -> torch.Tensor:
    """Heads by the key head they share, in float32: [B, G, H / G, L, K]."""
    batch, all_heads, length, size = part_BHLK.shape
    return part_BHLK.reshape(batch, heads, all_heads // heads, length, size).float()
