"""Keys and values of earlier tokens, in room that grows by pieces.

transformers' own cache joins old and new at every token, which copies everything once a token.

Shape names: B sequences, L tokens, G key-value heads, H heads, K head size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn import functional as F

from recipe_kit.model.prefix import Attend

ROOM = 64
"""Tokens by which the room grows."""


class Kept(NamedTuple):
    """What some sequences left behind."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """Keys and values of each layer, [B, G, L, K]."""
    real_BL: torch.Tensor
    """False before short sequences."""


class Recorder:
    """Keeps the keys and values of a batch."""

    def __init__(self) -> None:
        self._layers: list[tuple[torch.Tensor, torch.Tensor]] = []

    def watching(self, attend: Attend) -> Attend:
        """The same attention, of which keys and values are kept."""

        def watched(
            query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float, layer: int
        ) -> torch.Tensor:
            self._layers.append((key, value))
            return attend(query, key, value, scale, layer)

        return watched

    def take(self, places_BL: torch.Tensor) -> Kept:
        """The sequences whose tokens stand at these places of the batch (`Batch.places`)."""
        at = places_BL.clamp(min=0)

        def rows(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.transpose(1, 2).flatten(0, 1)[at].transpose(1, 2)

        layers = tuple((rows(key), rows(value)) for key, value in self._layers)
        return Kept(layers, places_BL >= 0)


class Cache:
    """What each sequence saw so far, and goes on from by one token at a time."""

    def __init__(self, parts: Sequence[Kept]) -> None:
        self._filled = max(part.real_BL.shape[1] for part in parts)
        real = torch.cat([F.pad(part.real_BL, (self._lack(part), 0)) for part in parts])
        self._mask = None if bool(real.all()) else F.pad(real, (0, ROOM), value=True)
        self._layers = [
            [
                torch.cat([
                    F.pad(tensor, (0, 0, self._lack(part), ROOM))
                    for part, tensor in zip(parts, tensors, strict=True)
                ])
                for tensors in zip(*layers, strict=True)
            ]
            for layers in zip(*(part.layers for part in parts), strict=True)
        ]  # fmt: skip

    def _lack(self, part: Kept) -> int:
        return self._filled - part.real_BL.shape[1]

    def extend(self) -> None:
        """Make room for the next token of every sequence."""
        self._filled += 1
        if self._mask is not None and self._mask.shape[1] < self._filled:
            self._mask = F.pad(self._mask, (0, ROOM), value=True)

    def _update(
        self, key: torch.Tensor, value: torch.Tensor, layer: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds a layer's new keys and values, and returns all that it is to see."""
        kept = self._layers[layer]
        if kept[0].shape[2] < self._filled:
            kept[:] = (F.pad(tensor, (0, 0, 0, ROOM)) for tensor in kept)
        for tensor, new in zip(kept, (key, value), strict=True):
            tensor[:, :, self._filled - 1] = new[:, :, 0]
        keys, values = (tensor[:, :, : self._filled] for tensor in kept)
        return keys, values

    def keep(self, rows_B: torch.Tensor) -> None:
        """Forget all sequences but these."""
        for kept in self._layers:
            kept[:] = (tensor[rows_B] for tensor in kept)
        if self._mask is not None:
            self._mask = self._mask[rows_B]

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float,
        layer: int,
    ) -> torch.Tensor:
        """Attention of the new token of each sequence: [B, H, 1, K] to [B, 1, H, K]."""
        key, value = self._update(key, value, layer)
        mask = None if self._mask is None else self._mask[:, None, None, : self._filled]
        # The heads that share a key stand as tokens that all see the same.
        together = query.reshape(len(query), key.shape[1], -1, query.shape[-1])
        out = F.scaled_dot_product_attention(together, key, value, attn_mask=mask, scale=scale)
        return out.reshape(len(query), 1, -1, query.shape[-1])
