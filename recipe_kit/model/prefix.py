"""Attention for questions that share what stands before their words.

All questions about a clip begin with the same tokens: the chat's start, the clip's times and its
visual tokens. In a shared batch these stand once, the questions branch off from them, and
everything but attention runs over one row of tokens. Every branch sees its prefix and itself, in
two parts that are put together, so the numbers are those of separate sequences and no key is ever
copied. Checked against transformers in `tests/model/test_prefix.py`.

Shape names: T tokens of the row, C media, P tokens of a prefix, Q branches, S tokens of a branch
with its padding, M tokens of all branches of a medium, H heads, G key-value heads, K head size.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import Module
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from recipe_kit.model.attention import Part, attend_with_lse, gradients, merge

ATTENTION = "recipe_kit_branches"

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float, int], torch.Tensor]
"""From query [B, H, L, K], key and value [B, G, M, K], a scale and the layer's number, to
[B, L, H, K]."""


@dataclass(frozen=True, slots=True, eq=False)
class Branches:
    """Branches of about one length: Q * S tokens of the row."""

    count: int
    length: int
    """Tokens of each; shorter ones are padded on the right, where nothing sees it."""

    @property
    def tokens(self) -> int:
        """Tokens of the row that they take."""
        return self.count * self.length


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Media whose prefixes have one length: C * P tokens of the row, then those of the branches."""

    media: int
    prefix: int
    branches: tuple[Branches, ...]
    of_media_CM: torch.Tensor
    """The tokens of the branches of each medium, as places among all branches' tokens; where a
    medium has fewer, any place."""
    real_CM: torch.Tensor
    """False at those."""
    places_T: torch.Tensor
    """Where each token of the branches stands in C * M."""

    @property
    def tokens(self) -> list[int]:
        """Tokens of the prefixes, and of all branches."""
        return [self.media * self.prefix, len(self.places_T)]

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> list[torch.Tensor]:
        """Attention over the group's part [H or G, T, K] of a row, as pieces [T, H, K] of it."""
        (shared, own), (keys, own_keys), (values, own_values) = (
            torch.split(x, self.tokens, dim=1) for x in (query, key, value)
        )
        shared, keys, values = (cut(part, self.media) for part in (shared, keys, values))
        outs = [attend_causally(shared, keys, values, scale).flatten(0, 1)]
        if len(self.places_T):
            apply: Any = _Branching.apply  # torch ships it without types
            branched = apply(own, own_keys, own_values, keys, values, self, scale)
            outs.append(branched.transpose(0, 1))
        return outs

    def by_media(self, part_HTK: torch.Tensor) -> torch.Tensor:
        """Tokens of the branches, medium by medium: [C, H, M, K]."""
        heads, _, size = part_HTK.shape
        chosen = part_HTK.index_select(1, self.of_media_CM.flatten())
        return chosen.view(heads, *self.of_media_CM.shape, size).transpose(0, 1)

    def by_branch(self, part_CHM: torch.Tensor) -> torch.Tensor:
        """The way back: from [C, H, M, ...] to [H, T, ...]."""
        return part_CHM.transpose(0, 1).flatten(1, 2).index_select(1, self.places_T)

    def each(self, *parts_HTK: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
        """Tokens of the branches, by their length: [Q, H, S, K] of every tensor."""
        sizes = [part.tokens for part in self.branches]
        pieces = zip(*(torch.split(x, sizes, dim=1) for x in parts_HTK), strict=True)
        for branches, found in zip(self.branches, pieces, strict=True):
            yield tuple(cut(piece, branches.count) for piece in found)

    def to(self, device: torch.device | str, non_blocking: bool) -> "Group":
        """The same group on another device."""
        return replace(
            self,
            of_media_CM=self.of_media_CM.to(device, non_blocking=non_blocking),
            real_CM=self.real_CM.to(device, non_blocking=non_blocking),
            places_T=self.places_T.to(device, non_blocking=non_blocking),
        )


class _Branching(torch.autograd.Function):
    """Attention of all branches of a group, [H, T, K], over their prefixes and themselves."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
        keys_CGPK: torch.Tensor, values_CGPK: torch.Tensor, group: Group, scale: float,
    ) -> torch.Tensor:
        over = attend_with_lse(
            group.by_media(query), keys_CGPK, values_CGPK, causal=False, scale=scale
        )
        own = [
            attend_with_lse(*part, causal=True, scale=scale)
            for part in group.each(query, key, value)
        ]
        whole = merge([
            Part(group.by_branch(over.out), group.by_branch(over.lse)),
            Part(
                torch.cat([part.out.transpose(0, 1).flatten(1, 2) for part in own], 1),
                torch.cat([part.lse.transpose(0, 1).flatten(1, 2) for part in own], 1),
            ),
        ])
        ctx.group, ctx.scale = group, scale
        ctx.save_for_backward(query, key, value, keys_CGPK, values_CGPK, *whole)
        return whole.out

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        known: Any = ctx
        query, key, value, keys, values, out, lse = known.saved_tensors
        group, scale = known.group, known.scale
        # Places that only fill up must not move the prefix.
        asked = group.by_media(grad) * group.real_CM[:, None, :, None].to(grad.dtype)
        to_query, to_keys, to_values = gradients(
            asked, group.by_media(query), keys, values,
            Part(group.by_media(out), group.by_media(lse[..., None])[..., 0].contiguous()),
            causal=False, scale=scale,
        )
        own = [
            gradients(g, q, k, v, Part(o, s[..., 0].contiguous()), causal=True, scale=scale)
            for g, q, k, v, o, s in group.each(grad, query, key, value, out, lse[..., None])
        ]
        rows = [
            torch.cat([part.transpose(0, 1).flatten(1, 2) for part in parts], 1)
            for parts in zip(*own, strict=True)
        ]
        return group.by_branch(to_query) + rows[0], rows[1], rows[2], to_keys, to_values, None, None


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How a row of tokens parts into prefixes and branches."""

    groups: tuple[Group, ...]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Layout":
        """The same layout on another device."""
        return Layout(tuple(group.to(device, non_blocking) for group in self.groups))

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float, _: int = 0
    ) -> torch.Tensor:
        """Attention over a row [1, H or G, T, K]; returns [1, T, H, K]."""
        sizes = [sum(group.tokens) for group in self.groups]
        parts = zip(*(torch.split(x[0], sizes, dim=1) for x in (query, key, value)), strict=True)
        outs = [
            piece
            for group, part in zip(self.groups, parts, strict=True)
            for piece in group.attend(part[0], part[1], part[2], scale)
        ]
        return torch.cat(outs)[None]


def attend_causally(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float, _: int = 0
) -> torch.Tensor:
    """Attention in which every token sees what stands before it in its row."""
    return F.scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scale, enable_gqa=True
    ).transpose(1, 2)


def cut(part_HTK: torch.Tensor, rows: int) -> torch.Tensor:
    """A part of the row as sequences of one length, [rows, H, L, K]."""
    heads, tokens, size = part_HTK.shape
    return part_HTK.reshape(heads, rows, tokens // rows, size).transpose(0, 1)


_CURRENT = threading.local()
"""Attention cannot be handed through a layer: compiled, it would be compiled for each batch."""


@contextmanager
def attending(attend: Attend) -> Iterator[None]:
    """Have the text model's layers attend so; without it, their attention is as it was."""
    before = getattr(_CURRENT, "attend", None)
    _CURRENT.attend = attend
    try:
        yield
    finally:
        _CURRENT.attend = before


def use_attention(text_model: Any) -> None:
    """Make a text model understand `attending`."""
    text_model.config._attn_implementation = ATTENTION


def _attend(
    module: Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    attend: Attend | None = getattr(_CURRENT, "attend", None)
    if attend is None:
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **options
        )
        return plain
    layer: Any = module.layer_idx
    return attend(query, key, value, options["scaling"], layer), None


_eager: Any = torch.compiler.disable  # torch ships it without types
# Compiled layers leave attention out: what it does changes with every batch.
AttentionInterface.register(ATTENTION, _eager(_attend))
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
