"""Keys and values of earlier tokens, from which answers go on by one token at a time.

What several answers share, the prefix of their medium, stays where the forward pass put it: it is
looked at there, by the new tokens of all its answers together, and is never copied. What an answer
has of its own, the question and the tokens so far, has a room of its own. Both parts of the
attention are put together by the log-sum-exp of their scores (`recipe_kit.model.attention`).
Source of the parting: Hydragen (arXiv:2402.05099).

Shape names: B answers, T tokens of a forward pass, C media, P tokens of a prefix, Q answers of a
medium, L tokens of an answer's own, H heads, G key-value heads, R = H / G, K head size.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import torch

from recipe_kit.model.attention import Part, attend_with_lse
from recipe_kit.model.devices import moved
from recipe_kit.model.prefix import Attend
from recipe_kit.model.prompt import Ints

ROOM = 128
"""Tokens of an answer that there is room for at first, and by which the room grows."""

GAP = 4
"""So many media without an answer that goes on are looked at in vain, between two that have one,
rather than parting what is looked at in one call."""

Layers = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of each layer."""


class Kept(NamedTuple):
    """What some answers go on from."""

    layers: Layers
    """All that was recorded, [T, G, K] each."""
    spans_B4: Ints
    """Where each one's tokens stand among T: start and length of the prefix, then of its own."""


class Recorder:
    """Keeps the keys and values of a batch."""

    def __init__(self) -> None:
        self._layers: Layers = []

    def watching(self, attend: Attend) -> Attend:
        """The same attention, of which keys and values are kept."""

        def watched(
            query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float, layer: int
        ) -> torch.Tensor:
            self._layers.append((_in_a_row(key), _in_a_row(value)))
            return attend(query, key, value, scale, layer)

        return watched

    def take(self, spans_B4: Ints) -> Kept:
        """The sequences at these places of the batch (rows of `Batch.spans_B4`)."""
        spans_B4 = spans_B4.copy()
        bare = spans_B4[:, 1] == 0
        # What shows no medium shares nothing; all of it but the last token stands for the prefix.
        start, size = spans_B4[bare, 2], spans_B4[bare, 3]
        spans_B4[bare] = np.stack([start, size - 1, start + size - 1, np.ones_like(size)], 1)
        return Kept(self._layers, spans_B4)


class _Prefixes(NamedTuple):
    """Prefixes of one length and at one distance, and the answers that look at them."""

    layers: Layers
    """[C, G, P, K], where they were recorded."""
    asking_BC: torch.Tensor | None
    """The answers of each medium, one medium after the other, each filled up to the same number;
    None for all answers in order."""
    each: int
    """Answers of a medium."""

    def attend(self, query_BGRK: torch.Tensor, scale: float, layer: int) -> Part:
        """Attention of all its answers over the prefixes: [C * Q, G, R, K]."""
        query = query_BGRK
        if self.asking_BC is not None:
            query = query.index_select(0, self.asking_BC)
        key, value = self.layers[layer]
        media, heads, _, size = key.shape
        if self.each == 1:
            return attend_with_lse(query, key, value, causal=False, scale=scale)
        # The answers of a medium, and the heads that share a key, stand as tokens of one row.
        query = query.view(media, self.each, heads, -1, size).transpose(1, 2)
        part = attend_with_lse(query.flatten(2, 3), key, value, causal=False, scale=scale)
        shape = media, heads, self.each, -1
        return Part(
            part.out.reshape(*shape, size).transpose(1, 2).flatten(0, 1),
            part.lse.reshape(shape).transpose(1, 2).flatten(0, 1),
        )


class Cache:
    """What each answer saw so far.

    Args:
        parts: What the answers go on from, one after the other.
        longest: Tokens that the longest answer may still get.
    """

    def __init__(self, parts: Sequence[Kept], longest: int = ROOM) -> None:
        self._parts = list(parts)
        self._filled = int(max(part.spans_B4[:, 3].max() for part in parts))
        self._own = self._rooms(min(longest, ROOM))
        self._look()

    def _rooms(self, free: int) -> list[list[torch.Tensor]]:
        """Each answer's own tokens, [B, G, L, K], all ending in one column, and free columns."""
        total = sum(len(part.spans_B4) for part in self._parts)
        device = self._parts[0].layers[0][0].device
        lacking = np.concatenate([self._filled - part.spans_B4[:, 3] for part in self._parts])
        self._bias = None
        if lacking.any():
            before = np.arange(self._filled + free) < lacking[:, None]
            bias = np.where(before, -np.inf, 0).astype(np.float32)[:, None, None]
            self._bias = moved(torch.from_numpy(bias), device)
        columns = np.arange(self._filled)
        places = []
        for part in self._parts:
            _, _, start, size = part.spans_B4.T
            at = (start + size - self._filled)[:, None] + columns
            # Any token in the columns before its own: the bias hides them.
            at = np.maximum(at, start[:, None]).ravel()
            places.append(moved(torch.from_numpy(at), device))

        def room(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
            _, heads, size = tensors[0].shape
            made = tensors[0].new_zeros(total, heads, self._filled + free, size)
            rows = torch.cat([
                tensor.index_select(0, at) for tensor, at in zip(tensors, places, strict=True)
            ]) if len(tensors) > 1 else tensors[0].index_select(0, places[0])  # fmt: skip
            made[:, :, : self._filled] = rows.view(total, -1, heads, size).transpose(1, 2)
            return made

        return [
            [room(tensors) for tensors in zip(*layer, strict=True)]
            for layer in zip(*(part.layers for part in self._parts), strict=True)
        ]

    def _look(self) -> None:
        """Finds the prefixes of the answers that go on."""
        self._prefixes: list[_Prefixes] = []
        device, first = self._own[0][0].device, 0
        order: list[int] = []  # the answer at each place of what is looked at; -1 fills up
        for part in self._parts:
            families: dict[tuple[int, int], list[int]] = {}
            for row, (start, size, _, _) in enumerate(part.spans_B4.tolist(), start=first):
                families.setdefault((size, start), []).append(row)
            for size, starts, stride in _runs(sorted(families)):
                rows = [families.get((size, start), []) for start in starts]
                each = max(map(len, rows))
                order += (asking := [r for own in rows for r in own + [-1] * (each - len(own))])
                inorder = asking == list(range(len(self)))
                self._prefixes.append(_Prefixes(
                    [
                        (_strided(key, starts[0], len(starts), size, stride),
                         _strided(value, starts[0], len(starts), size, stride))
                        for key, value in part.layers
                    ],
                    None if inorder else moved(torch.tensor(asking).clamp(min=0), device),
                    each,
                ))  # fmt: skip
            first += len(part.spans_B4)
        inorder = order == list(range(len(self)))
        found = {row: place for place, row in enumerate(order)}
        back = [found[row] for row in range(len(self))]
        self._back_B = None if inorder else moved(torch.tensor(back), device)

    def __len__(self) -> int:
        """Answers that go on."""
        return len(self._own[0][0])

    def extend(self) -> None:
        """Make room for the next token of every answer."""
        self._filled += 1
        if self._own[0][0].shape[2] >= self._filled:
            return
        pad = torch.nn.functional.pad
        for own in self._own:
            own[:] = (pad(tensor, (0, 0, 0, ROOM)) for tensor in own)
        if self._bias is not None:
            self._bias = pad(self._bias, (0, ROOM))

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float,
        layer: int,
    ) -> torch.Tensor:
        """Keep a layer's new keys and values, and attend: [B, H, 1, K] to [B, 1, H, K]."""
        keys, values = (tensor[:, :, : self._filled] for tensor in self._own[layer])
        keys[:, :, -1], values[:, :, -1] = key[:, :, 0], value[:, :, 0]
        count, heads, _, size = query.shape
        query = query.reshape(count, key.shape[1], -1, size)
        bias = None if self._bias is None else self._bias[..., : self._filled]
        over = [prefixes.attend(query, scale, layer) for prefixes in self._prefixes]
        shared = over[0] if len(over) == 1 else Part(*map(torch.cat, zip(*over, strict=True)))
        if self._back_B is not None:
            shared = Part(*(tensor.index_select(0, self._back_B) for tensor in shared))
        own = _attend_own(query, keys, values, bias, scale)
        # `merge` of two parts in fewer steps: a step of a small model is short.
        share = (shared.lse - own.lse).sigmoid()[..., None]
        out = own.out.float().lerp(shared.out.float(), share).to(query.dtype)
        return out.reshape(count, 1, heads, size)

    def keep(self, rows: Sequence[int]) -> None:
        """Forget all answers but these, in order."""
        rows_B = moved(torch.tensor(rows), self._own[0][0].device)
        for own in self._own:
            own[:] = (tensor.index_select(0, rows_B) for tensor in own)
        if self._bias is not None:
            self._bias = self._bias.index_select(0, rows_B)
        chosen, first, parts = np.asarray(rows), 0, []
        for part in self._parts:
            last = first + len(part.spans_B4)
            mine = chosen[(chosen >= first) & (chosen < last)] - first
            if len(mine):  # a part without answers is forgotten altogether
                parts.append(part._replace(spans_B4=part.spans_B4[mine]))
            first = last
        self._parts = parts
        self._look()


def _runs(families: Sequence[tuple[int, int]]) -> list[tuple[int, list[int], int]]:
    """Prefixes (length, start), sorted, as (length, starts, distance) of one distance each."""
    runs = []
    for size, same in groupby(families, key=itemgetter(0)):
        starts = [start for _, start in same]
        between = np.diff(starts)
        cuts = np.flatnonzero(between > GAP * max(size, between.min(initial=starts[-1]))) + 1
        for run in np.split(np.asarray(starts), cuts):
            stride = int(np.gcd.reduce(np.diff(run))) or size
            runs.append((size, list(range(run[0], run[-1] + 1, stride)), stride))
    return runs


def _in_a_row(part_BGLK: torch.Tensor) -> torch.Tensor:
    """All tokens of a batch in one row, [T, G, K]; as it lies in memory, so nothing is copied."""
    return part_BGLK.transpose(1, 2).flatten(0, 1)


def _strided(
    part_TGK: torch.Tensor, start: int, count: int, size: int, stride: int
) -> torch.Tensor:
    """Runs of `size` tokens, `stride` apart, without a copy: [count, G, size, K]."""
    token, head, value = part_TGK.stride()
    shape = count, part_TGK.shape[1], size, part_TGK.shape[2]
    strides = stride * token, head, token, value
    return part_TGK.as_strided(shape, strides, part_TGK.storage_offset() + start * token)


def _attend_own(
    query_BGRK: torch.Tensor, key_BGLK: torch.Tensor, value_BGLK: torch.Tensor,
    bias_B11L: torch.Tensor | None, scale: float,
) -> Part:
    """Attention of an answer's newest token over its own tokens."""
    if query_BGRK.is_cpu and query_BGRK.dtype == torch.float32:
        flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        return Part(*flash(query_BGRK, key_BGLK, value_BGLK, 0.0, attn_mask=bias_B11L, scale=scale))
    scores = query_BGRK.float() @ key_BGLK.float().transpose(-1, -2) * scale
    scores = scores if bias_B11L is None else scores + bias_B11L
    lse = scores.logsumexp(-1)
    weights = (scores - lse[..., None]).exp().to(value_BGLK.dtype)
    return Part(weights @ value_BGLK, lse)
