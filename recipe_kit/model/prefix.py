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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from torch.nn import Module
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from recipe_kit.model.attention import Part, attend_with_lse, gradients, merge
from recipe_kit.model.devices import moved

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
            outs.append(apply(own, own_keys, own_values, keys, values, self, scale))
        return outs

    def by_media(self, part_THK: torch.Tensor) -> torch.Tensor:
        """Tokens of the branches, medium by medium: [C, H, M, K]."""
        chosen = part_THK.index_select(0, self.of_media_CM.flatten())
        return chosen.view(*self.of_media_CM.shape, *part_THK.shape[1:]).transpose(1, 2)

    def by_branch(self, part_CHMK: torch.Tensor) -> torch.Tensor:
        """The way back: from [C, H, M, K] to [T, H, K]."""
        return part_CHMK.transpose(1, 2).flatten(0, 1).index_select(0, self.places_T)

    def each(self, *parts_THK: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
        """Tokens of the branches, by their length: [Q, H, S, K] of every tensor."""
        sizes = [part.tokens for part in self.branches]
        pieces = zip(*(torch.split(x, sizes) for x in parts_THK), strict=True)
        for branches, found in zip(self.branches, pieces, strict=True):
            shape = branches.count, branches.length
            yield tuple(piece.unflatten(0, shape).transpose(1, 2) for piece in found)

    def to(self, device: torch.device | str, non_blocking: bool) -> "Group":
        """The same group on another device."""
        return replace(
            self,
            of_media_CM=moved(self.of_media_CM, device, non_blocking),
            real_CM=moved(self.real_CM, device, non_blocking),
            places_T=moved(self.places_T, device, non_blocking),
        )


class _Branching(torch.autograd.Function):
    """Attention of all branches of a group over their prefixes and themselves.

    From query, key and value of the branches, [H or G, T, K], and those of the prefixes to
    [T, H, K].
    """

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
        keys_CGPK: torch.Tensor, values_CGPK: torch.Tensor, group: Group, scale: float,
    ) -> torch.Tensor:
        query, key, value = (part.transpose(0, 1) for part in (query, key, value))
        over = attend_with_lse(
            group.by_media(query), keys_CGPK, values_CGPK, causal=False, scale=scale
        )
        own = [
            attend_with_lse(*part, causal=True, scale=scale)
            for part in group.each(query, key, value)
        ]
        whole = merge([
            Part(group.by_branch(over.out), group.by_branch(over.lse[..., None])[..., 0]),
            Part(_joined([part.out for part in own]), _joined([part.lse for part in own])),
        ])
        ctx.group, ctx.scale = group, scale
        ctx.save_for_backward(query, key, value, keys_CGPK, values_CGPK, *whole)
        return whole.out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_THK: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, keys, values, out, lse = ctx.saved_tensors
        group, scale = ctx.group, ctx.scale
        # Places that only fill up must not move the prefix.
        asked = group.by_media(grad_THK) * group.real_CM[:, None, :, None].to(grad_THK.dtype)
        to_query, to_keys, to_values = gradients(
            asked, group.by_media(query), keys, values,
            Part(group.by_media(out), group.by_media(lse[..., None])[..., 0].contiguous()),
            causal=False, scale=scale,
        )
        own = [
            gradients(g, q, k, v, Part(o, s[..., 0].contiguous()), causal=True, scale=scale)
            for g, q, k, v, o, s in group.each(grad_THK, query, key, value, out, lse[..., None])
        ]
        by_query, by_key, by_value = (_joined(parts) for parts in zip(*own, strict=True))
        by_query = by_query + group.by_branch(to_query)
        return (
            by_query.transpose(0, 1), by_key.transpose(0, 1), by_value.transpose(0, 1),
            to_keys, to_values, None, None,
        )


def _joined(parts_QHS: Sequence[torch.Tensor]) -> torch.Tensor:
    """Branches [Q, H, S, ...] of several lengths as one row of tokens [T, H, ...]."""
    return torch.cat([part.transpose(1, 2).flatten(0, 1) for part in parts_QHS])


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


def attend_rows(
    rows: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float,
    _: int = 0,
) -> torch.Tensor:
    """Attention over sequences of one length that stand one after the other; as `Attend`."""
    query, key, value = (cut(part[0], rows) for part in (query, key, value))
    return attend_causally(query, key, value, scale).flatten(0, 1)[None]


def attend_causally(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
) -> torch.Tensor:
    """Attention in which every token sees what stands before it: [B, L, H, K]."""
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
