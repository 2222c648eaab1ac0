"""Sequences become one batch, in which questions about one medium share what they begin with.

Shape names: B sequences, L tokens, P positions that predict an answer token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from recipe_kit.model.devices import moved
from recipe_kit.model.prefix import Branches, Group, Layout
from recipe_kit.model.prompt import IGNORED, Encoded, Ints

ALIKE = 0.85
"""Branches that are at least so long as the longest are padded to its length."""

MOST_PADS = 0.1
"""So many pads to each token are not worth packing: one attention call for all is faster."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Sequences, ready for `recipe_kit.model.forward`.

    Pads stand to the right, where a causal model does not see them. A shared batch (`layout`) is
    one row: what several sequences have in common, once, and then the rest of each.
    """

    input_ids_BL: torch.Tensor
    mm_token_type_ids_BL: torch.Tensor
    position_ids_3BL: torch.Tensor
    labels_BL: torch.Tensor
    next_positions_B: torch.Tensor
    last_B: torch.Tensor
    """Where each sequence ends, as an index into B * L."""
    answer_at_P: torch.Tensor
    """The positions that predict an answer token, as indices into B * L."""
    answer_ids_P: torch.Tensor
    """The answer token that each of them predicts."""
    answer_rows_P: torch.Tensor
    """The sequence that each of them belongs to."""
    visual_at_V: torch.Tensor
    """Where visual tokens stand, as indices into B * L; found here because a GPU would wait."""
    media: tuple[int, ...] | None
    """The medium of each place where one is shown; None when they are shown once, in order."""
    layout: Layout | None
    """How the tokens of a shared batch, which is one row, see each other."""
    spans_B4: Ints
    """Where each sequence stands among B * L: start and length of its shared part, then of its
    own."""

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Batch":
        """The same batch on another device."""
        there: dict[str, Any] = {
            field.name: moved(value, device, non_blocking)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), torch.Tensor)
        }
        if self.layout is not None:
            there["layout"] = self.layout.to(device, non_blocking)
        return replace(self, **there)


def collate(
    encoded: Sequence[Encoded], pad_id: int, *, media: Sequence[int] | None = None
) -> Batch:
    """Put sequences into one batch, padded on the right, where nothing sees the pads.

    Args:
        encoded: The sequences.
        pad_id: Any token.
        media: The one medium that each sequence shows. Where several show the same, what stands
            up to its end is put into the batch once, and the sequences branch off from it. Where
            lengths differ much, sequences are packed into one row too, without pads.
    """
    if media is not None and (len(set(media)) < len(media) or _pads(encoded) > MOST_PADS):
        return _share(encoded, pad_id, media)
    rows = _pad(encoded, pad_id)
    length = rows.ids_BL.shape[1]
    starts = np.arange(len(encoded)) * length
    shared = np.asarray([item.shared_length for item in encoded])
    sizes = np.asarray([len(item.ids_L) for item in encoded])
    spans = np.stack([starts, shared, starts + shared, sizes - shared], 1)
    return _batch(encoded, rows, spans, media, None)


def _pads(encoded: Sequence[Encoded]) -> float:
    """Pads to each token, were the sequences padded to the longest."""
    lengths = [len(item.ids_L) for item in encoded]
    return len(lengths) * max(lengths) / sum(lengths) - 1


def _share(encoded: Sequence[Encoded], pad_id: int, media: Sequence[int]) -> Batch:
    """One row: for every length of prefix the prefixes, then the branches."""
    prefixes: dict[int, dict[tuple[int, bytes], list[int]]] = {}
    for index, item in enumerate(encoded):
        size = item.shared_length
        key = media[index], item.ids_L[:size].tobytes()
        prefixes.setdefault(size, {}).setdefault(key, []).append(index)
    parts: list[_Rows] = []
    shown, groups, start = [], [], 0
    spans = np.zeros((len(encoded), 4), np.int64)
    for size, families in prefixes.items():
        parts.append(_pad([encoded[own[0]] for own in families.values()], pad_id, last=size))
        shown += [medium for medium, _ in families]
        parents = {index: number for number, own in enumerate(families.values()) for index in own}
        shared, branches = start, []
        start += len(families) * size
        begin = start
        tokens_of: list[list[Ints]] = [[] for _ in families]
        for chosen in _alike({index: len(encoded[index].ids_L) - size for index in parents}):
            parts.append(_pad([encoded[index] for index in chosen], pad_id, first=size))
            length = parts[-1].ids_BL.shape[1]
            for place, index in enumerate(chosen):
                first = start - begin + place * length
                tokens_of[parents[index]].append(np.arange(first, first + length))
                spans[index] = (
                    shared + parents[index] * size, size,
                    start + place * length, len(encoded[index].ids_L) - size,
                )  # fmt: skip
            branches.append(Branches(len(chosen), length))
            start += branches[-1].tokens
        groups.append(_group(size, tuple(branches), tokens_of))
    row = _Rows(*(
        np.concatenate([part[field].reshape(*part[field].shape[:-2], 1, -1) for part in parts], -1)
        for field in range(len(_Rows._fields))
    ))  # fmt: skip
    return _batch(encoded, row, spans, shown, Layout(tuple(groups)))


def _group(size: int, branches: tuple[Branches, ...], tokens_of: list[list[Ints]]) -> Group:
    """Prefixes of one length, with the places of each one's branches among all of them."""
    own = [np.concatenate(places) for places in tokens_of]
    most = max(map(len, own))
    of_media = np.zeros((len(own), most), np.int64)
    real = np.zeros((len(own), most), bool)
    places = np.empty(sum(map(len, own)), np.int64)
    for row, found in enumerate(own):
        of_media[row, : len(found)], real[row, : len(found)] = found, True
        places[found] = row * most + np.arange(len(found))
    return Group(
        len(own), size, branches, torch.from_numpy(of_media), torch.from_numpy(real),
        torch.from_numpy(places),
    )


def _alike(lengths: Mapping[int, int]) -> list[list[int]]:
    """Sequences in groups of about one length, so that little is padded."""
    groups: list[list[int]] = []
    for index in sorted(lengths, key=lambda index: -lengths[index]):
        if not groups or lengths[index] < ALIKE * lengths[groups[-1][0]]:
            groups.append([])
        groups[-1].append(index)
    return groups


class _Rows(NamedTuple):
    """Tokens of sequences, padded on the right."""

    ids_BL: Ints
    kinds_BL: Ints
    positions_3BL: Ints
    labels_BL: Ints


def _pad(
    encoded: Sequence[Encoded], pad_id: int, first: int = 0, last: int | None = None
) -> _Rows:
    """The sequences from one token up to another, in rows."""
    lengths = [len(item.ids_L[first:last]) for item in encoded]
    shape = (len(encoded), max(lengths))
    ids, labels = np.full(shape, pad_id, np.int64), np.full(shape, IGNORED, np.int64)
    kinds, positions = np.zeros(shape, np.int64), np.zeros((3, *shape), np.int64)
    for row, (item, length) in enumerate(zip(encoded, lengths, strict=True)):
        ids[row, :length], labels[row, :length] = item.ids_L[first:last], item.labels_L[first:last]
        kinds[row, :length] = item.kinds_L[first:last]
        positions[:, row, :length] = item.positions_3L[:, first:last]
    return _Rows(ids, kinds, positions, labels)


def _batch(
    encoded: Sequence[Encoded],
    rows: _Rows,
    spans_B4: Ints,
    media: Sequence[int] | None,
    layout: Layout | None,
) -> Batch:
    # The answers in the order of the sequences, whatever order these have in the batch.
    answers = [
        start - skipped + item.prompt_length + np.arange(item.answer_length)
        for item, (_, skipped, start, _) in zip(encoded, spans_B4.tolist(), strict=True)
    ]
    answer_at = np.concatenate(answers)
    counts = [item.answer_length for item in encoded]
    return Batch(
        input_ids_BL=torch.from_numpy(rows.ids_BL),
        mm_token_type_ids_BL=torch.from_numpy(rows.kinds_BL),
        position_ids_3BL=torch.from_numpy(rows.positions_3BL),
        labels_BL=torch.from_numpy(rows.labels_BL),
        next_positions_B=torch.tensor([item.next_position for item in encoded]),
        last_B=torch.from_numpy(spans_B4[:, 2] + spans_B4[:, 3] - 1),
        answer_at_P=torch.from_numpy(answer_at - 1),
        answer_ids_P=torch.from_numpy(rows.ids_BL.reshape(-1)[answer_at]),
        answer_rows_P=torch.from_numpy(np.repeat(np.arange(len(encoded)), counts)),
        visual_at_V=torch.from_numpy(np.flatnonzero(rows.kinds_BL)),
        media=None if media is None else tuple(media),
        layout=layout,
        spans_B4=spans_B4,
    )
