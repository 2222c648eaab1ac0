"""Attention for questions that share what stands before their words.

All questions about a clip begin with the same tokens: the chat's start, the clip's times and its
visual tokens. In a shared batch these stand once, the questions branch off from them, and
everything but attention runs over one row of tokens. Every branch sees its prefix and itself, so
the numbers are those of separate sequences. Checked against transformers in
`tests/model/test_prefix.py`.

Shape names: T tokens of the row, C media, P tokens of a prefix, Q branches, S tokens of a branch
with its padding, H heads, G key-value heads, K head size.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch.nn import Module
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "recipe_kit_branches"

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]
"""From query [B, H, L, K], key and value [B, G, M, K], and a scale, to [B, L, H, K]."""


@dataclass(frozen=True, slots=True, eq=False)
class Branches:
    """Branches of about one length: Q * S tokens of the row."""

    length: int
    """Tokens of each; shorter ones are padded on the right, where nothing sees it."""
    parents_Q: torch.Tensor
    """The medium of the group, from 0 to C - 1, that each is about."""

    @property
    def tokens(self) -> int:
        """Tokens of the row that they take."""
        return len(self.parents_Q) * self.length


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Media whose prefixes have one length: C * P tokens of the row, then those of the branches."""

    media: int
    prefix: int
    branches: tuple[Branches, ...]

    @property
    def tokens(self) -> list[int]:
        """Tokens of the prefixes, and of each kind of branches."""
        return [self.media * self.prefix, *(part.tokens for part in self.branches)]

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> list[torch.Tensor]:
        """Attention over the group's part [H or G, T, K] of a row, as pieces [T, H, K] of it."""
        parts = zip(*(torch.split(x, self.tokens, dim=1) for x in (query, key, value)), strict=True)
        shared, keys, values = (_cut(part, self.media) for part in next(parts))
        outs = [attend_causally(shared, keys, values, scale).flatten(0, 1)]
        for branches, part in zip(self.branches, parts, strict=True):
            parents_Q = branches.parents_Q
            own, own_keys, own_values = (_cut(tensor, len(parents_Q)) for tensor in part)
            out = F.scaled_dot_product_attention(
                own,
                torch.cat([keys.index_select(0, parents_Q), own_keys], 2),
                torch.cat([values.index_select(0, parents_Q), own_values], 2),
                attn_mask=_mask(branches.length, self.prefix, str(query.device)),
                scale=scale,
                enable_gqa=True,
            )
            outs.append(out.transpose(1, 2).flatten(0, 1))
        return outs

    def to(self, device: torch.device | str, non_blocking: bool) -> "Group":
        """The same group on another device."""
        return replace(self, branches=tuple(
            replace(part, parents_Q=part.parents_Q.to(device, non_blocking=non_blocking))
            for part in self.branches
        ))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How a row of tokens parts into prefixes and branches."""

    groups: tuple[Group, ...]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Layout":
        """The same layout on another device."""
        return Layout(tuple(group.to(device, non_blocking) for group in self.groups))

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
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
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
) -> torch.Tensor:
    """Attention in which every token sees what stands before it in its row."""
    return F.scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scale, enable_gqa=True
    ).transpose(1, 2)


def use_attention(text_model: Any) -> None:
    """Make a text model understand `attend`; without it, its attention is as it was."""
    text_model.config._attn_implementation = ATTENTION


def _cut(part_HTK: torch.Tensor, rows: int) -> torch.Tensor:
    """A part of the row as sequences of one length, [rows, H, L, K]."""
    heads, tokens, size = part_HTK.shape
    return part_HTK.reshape(heads, rows, tokens // rows, size).transpose(0, 1)


@lru_cache(maxsize=256)
def _mask(length: int, prefix: int, device: str) -> torch.Tensor:
    """What a branch sees: all of its prefix, and itself up to where it is; [S, P + S]."""
    # A cached tensor must be usable in training even when it was first made for inference.
    with torch.inference_mode(False):
        return torch.ones(length, prefix + length, dtype=torch.bool, device=device).tril(prefix)


def _attend(
    module: Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    attend: Attend | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    if attend is None:
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **options
        )
        return plain
    return attend(query, key, value, options["scaling"]), None


AttentionInterface.register(ATTENTION, _attend)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
