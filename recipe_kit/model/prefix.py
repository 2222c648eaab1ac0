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
from typing import Any, NamedTuple

import torch
from torch.nn import Module
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "recipe_kit_branches"

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]
"""From query [B, H, L, K], key and value [B, G, M, K], and a scale, to [B, L, H, K]."""


class _Parts(NamedTuple):
    shared: torch.Tensor
    """[C, H, P, K]."""
    own: torch.Tensor
    """[Q, H, S, K]."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Media whose prefixes have one length: C * P tokens, then Q * S of their branches."""

    media: int
    prefix: int
    branches: int
    length: int
    """Tokens of a branch; shorter ones are padded on the right, where nothing sees it."""
    parents_Q: torch.Tensor
    """The medium, from 0 to C - 1, that each branch is about."""

    @property
    def tokens(self) -> int:
        """Tokens of the row that belong to the group."""
        return self.media * self.prefix + self.branches * self.length

    def cut(self, part_HTK: torch.Tensor) -> _Parts:
        """The group's part of a row, in prefixes and branches."""
        heads, _, size = part_HTK.shape
        sizes = [self.media * self.prefix, self.branches * self.length]
        shared, own = torch.split(part_HTK, sizes, dim=1)
        return _Parts(
            shared.reshape(heads, self.media, self.prefix, size).transpose(0, 1),
            own.reshape(heads, self.branches, self.length, size).transpose(0, 1),
        )

    def join(self, parts: _Parts) -> torch.Tensor:
        """Every branch with its prefix before it, [Q, H, P + S, K]."""
        return torch.cat([parts.shared.index_select(0, self.parents_Q), parts.own], 2)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How a row of tokens parts into prefixes and branches."""

    groups: tuple[Group, ...]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Layout":
        """The same layout on another device."""
        return Layout(
            tuple(
                replace(group, parents_Q=group.parents_Q.to(device, non_blocking=non_blocking))
                for group in self.groups
            )
        )

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """Attention over a row [1, H or G, T, K]; returns [1, T, H, K]."""
        outs, start = [], 0
        for group in self.groups:
            queries, keys, values = (
                group.cut(tensor[0, :, start : start + group.tokens])
                for tensor in (query, key, value)
            )
            shared = attend_causally(queries.shared, keys.shared, values.shared, scale)
            own = F.scaled_dot_product_attention(
                queries.own, group.join(keys), group.join(values),
                attn_mask=_mask(group.length, group.prefix, str(query.device)),
                scale=scale, enable_gqa=True,
            )  # fmt: skip
            outs += [shared.flatten(0, 1), own.transpose(1, 2).flatten(0, 1)]
            start += group.tokens
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


@lru_cache(maxsize=64)
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
