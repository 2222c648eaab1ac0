"""Questions become token ids, positions and loss masks, through the checkpoint's chat template.

The template is always the tokenizer's own, so a checkpoint from the hub is asked in the way it was
trained. Shape names: B sequences, L tokens, P positions that predict an answer token.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from recipe_kit.errors import ModelError
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prefix import Group, Layout

Ints = npt.NDArray[np.int64]
IGNORED = -100
"""The label of a token that does not count in the loss."""

_KINDS: dict[str, tuple[int, str]] = {"image": (1, "<|image_pad|>"), "video": (2, "<|video_pad|>")}
_START, _STOP, _END = "<|vision_start|>", "<|vision_end|>", "<|im_end|>"


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture or clip as the prompt sees it: only its grid, and for a clip its times."""

    grid: Grid
    kind: Literal["image", "video"] = "image"
    seconds: tuple[float, ...] = ()
    """The time of each of a clip's `grid.t` steps."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One question as numbers, with its answer when it is for training."""

    ids_L: Ints
    kinds_L: Ints
    """0 text, 1 picture, 2 clip (transformers' `mm_token_type_ids`)."""
    positions_3L: Ints
    """Time, height and width of each token (M-RoPE)."""
    prompt_length: int
    """Tokens before the answer."""
    answer_length: int
    """Tokens that count in the loss: the answer and `<|im_end|>`; 0 when there is none."""
    media_count: int
    shared_length: int
    """Tokens up to the end of the last medium: the same in every question about these media."""

    @property
    def labels_L(self) -> Ints:
        """The ids where they count in the loss, -100 elsewhere (not shifted)."""
        labels = np.full_like(self.ids_L, IGNORED)
        answer = slice(self.prompt_length, self.prompt_length + self.answer_length)
        labels[answer] = self.ids_L[answer]
        return labels

    @property
    def next_position(self) -> int:
        """The position of the token that would come next, the same on all three axes."""
        return int(self.positions_3L.max()) + 1


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
    visual_tokens: int
    """Visual tokens of all sequences; kept here because counting on a GPU makes it wait."""
    media: tuple[int, ...] | None
    """The medium of each place where one is shown; None when they are shown once, in order."""
    layout: Layout | None
    """How the tokens of a shared batch, which is one row, see each other."""
    spans_B4: Ints
    """Where each sequence stands among B * L: start and length of its shared part, then of its
    own."""

    def places(self, rows: Sequence[int]) -> torch.Tensor:
        """Where the tokens of these sequences stand among B * L, int64 [rows, longest].

        All end in the last column; -1 stands before the short ones.
        """
        spans = self.spans_B4[rows]
        longest = (spans[:, 1] + spans[:, 3]).max()
        found = np.full((len(rows), longest), -1)
        for row, (shared, skipped, start, size) in zip(found, spans.tolist(), strict=True):
            row[longest - skipped - size : longest - size] = shared + np.arange(skipped)
            row[longest - size :] = start + np.arange(size)
        return torch.from_numpy(found)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> "Batch":
        """The same batch on another device."""

        def move(tensor: torch.Tensor) -> torch.Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        moved: dict[str, Any] = {
            field.name: move(value)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), torch.Tensor)
        }
        if self.layout is not None:
            moved["layout"] = self.layout.to(device, non_blocking)
        return replace(self, **moved)


def render(
    tokenizer: Any, prompt: str, media: Sequence[Medium] = (), *, system: str | None = None
) -> str:
    """The question as text, media before words, up to where the answer begins.

    Each picture, and each time step of a clip, stands as one pad token; `encode` repeats it.

    Raises:
        ModelError: the tokenizer has no chat template, the text holds one of the tokenizer's
            control tokens, or the template drops a medium.
    """
    _refuse_control_tokens(tokenizer, (prompt, system or ""))
    content: list[dict[str, str]] = [{"type": medium.kind} for medium in media]
    content.append({"type": "text", "text": prompt})
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if system:
        messages.insert(0, {"role": "system", "content": [{"type": "text", "text": system}]})
    if not tokenizer.chat_template:
        raise ModelError("the checkpoint's tokenizer has no chat template")
    text = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    return _with_times(text, media)


def encode(
    tokenizer: Any,
    prompt: str,
    media: Sequence[Medium] = (),
    *,
    system: str | None = None,
    target: str | None = None,
    merge_size: int = 2,
) -> Encoded:
    """Turn a question, and for training its answer, into ids, kinds, positions and a loss mask.

    The answer is tokenized by itself, because that is what a generated one follows on: the prompt's
    tokens, already cut.

    Raises:
        ModelError: as for `render`.
    """
    text = render(tokenizer, prompt, media, system=system)
    short: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    tokens_of_kind = {tokenizer.convert_tokens_to_ids(pad): kind for kind, pad in _KINDS.values()}
    counts = iter(_step_tokens(media, merge_size))
    grids = iter(_step_grids(media, merge_size))
    ids: list[int] = []
    layout: list[tuple[int, int, int]] = []
    for token in short:
        kind = tokens_of_kind.get(token, 0)
        repeat = next(counts) if kind else 1
        ids.extend([token] * repeat)
        if kind:
            height, width = next(grids)
            layout.append((kind, height, width))
        elif layout and layout[-1][0] == 0:
            layout[-1] = (0, layout[-1][1] + 1, 1)
        else:
            layout.append((0, 1, 1))
    prompt_length, answer_length = len(ids), 0
    if target is not None:
        _refuse_control_tokens(tokenizer, (target,))
        answer = tokenizer(target + _END, add_special_tokens=False)["input_ids"]
        after = tokenizer("\n", add_special_tokens=False)["input_ids"]
        ids += [*answer, *after]
        answer_length = len(answer)
        layout.append((0, len(answer) + len(after), 1))
    kinds, positions = _positions(tuple(layout))
    seen = np.flatnonzero(kinds)
    return Encoded(
        ids_L=np.asarray(ids, np.int64),
        kinds_L=kinds,
        positions_3L=positions,
        prompt_length=prompt_length,
        answer_length=answer_length,
        media_count=len(media),
        # One more for the token that closes a medium.
        shared_length=int(seen[-1]) + 2 if len(seen) else 0,
    )


def collate(
    encoded: Sequence[Encoded], pad_id: int, *, media: Sequence[int] | None = None
) -> Batch:
    """Put sequences into one batch, padded on the right, where nothing sees the pads.

    Args:
        encoded: The sequences.
        pad_id: Any token.
        media: The one medium that each sequence shows. Where several show the same, what stands
            up to its end is put into the batch once, and the sequences branch off from it.
    """
    if media is not None and len(set(media)) < len(media):
        return _share(encoded, pad_id, media)
    ids, kinds, positions, labels = _pad(encoded, 0, pad_id)
    length = ids.shape[1]
    starts = np.arange(len(encoded)) * length
    sizes = np.asarray([len(item.ids_L) for item in encoded])
    spans = np.stack([starts, np.zeros_like(starts), starts, sizes], 1)
    return _batch(encoded, ids, kinds, positions, labels, spans, media, None)


def _share(encoded: Sequence[Encoded], pad_id: int, media: Sequence[int]) -> Batch:
    """One row: for every length of prefix the prefixes, then the branches."""
    prefixes: dict[int, dict[tuple[int, bytes], list[int]]] = {}
    for index, item in enumerate(encoded):
        size = item.shared_length
        key = media[index], item.ids_L[:size].tobytes()
        prefixes.setdefault(size, {}).setdefault(key, []).append(index)
    parts, shown, groups, start = [], [], [], 0
    spans = np.zeros((len(encoded), 4), np.int64)
    for size, families in prefixes.items():
        heads = [encoded[members[0]] for members in families.values()]
        parts += [
            (head.ids_L[:size], head.kinds_L[:size], head.positions_3L[:, :size],
             np.full(size, IGNORED))
            for head in heads
        ]  # fmt: skip
        members = [index for family in families.values() for index in family]
        padded = _pad([encoded[index] for index in members], size, pad_id)
        length = padded[0].shape[1]
        parts += zip(
            padded[0], padded[1], padded[2].swapaxes(0, 1), padded[3], strict=True
        )
        shown += [medium for medium, _ in families]
        parents = [number for number, own in enumerate(families.values()) for _ in own]
        branches = start + len(heads) * size
        for place, (index, parent) in enumerate(zip(members, parents, strict=True)):
            own = len(encoded[index].ids_L) - size
            spans[index] = start + parent * size, size, branches + place * length, own
        group = Group(len(heads), size, len(members), length, torch.tensor(parents))
        groups.append(group)
        start += group.tokens
    ids, kinds, positions, labels = (
        np.concatenate([part[field] for part in parts], axis=-1) for field in range(4)
    )
    return _batch(
        encoded, ids[None], kinds[None], positions[:, None], labels[None], spans, shown,
        Layout(tuple(groups)),
    )


def _pad(
    encoded: Sequence[Encoded], skip: int, pad_id: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """Ids, kinds, positions and labels of what follows the first `skip` tokens, in rows."""
    shape = (len(encoded), max(len(item.ids_L) for item in encoded) - skip)
    ids, labels = np.full(shape, pad_id, np.int64), np.full(shape, IGNORED, np.int64)
    kinds, positions = np.zeros(shape, np.int64), np.zeros((3, *shape), np.int64)
    for row, item in enumerate(encoded):
        span = slice(0, len(item.ids_L) - skip)
        ids[row, span], labels[row, span] = item.ids_L[skip:], item.labels_L[skip:]
        kinds[row, span], positions[:, row, span] = item.kinds_L[skip:], item.positions_3L[:, skip:]
    return ids, kinds, positions, labels


def _batch(
    encoded: Sequence[Encoded],
    ids_BL: Ints,
    kinds_BL: Ints,
    positions_3BL: Ints,
    labels_BL: Ints,
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
        input_ids_BL=torch.from_numpy(ids_BL),
        mm_token_type_ids_BL=torch.from_numpy(kinds_BL),
        position_ids_3BL=torch.from_numpy(positions_3BL),
        labels_BL=torch.from_numpy(labels_BL),
        next_positions_B=torch.tensor([item.next_position for item in encoded]),
        last_B=torch.from_numpy(spans_B4[:, 2] + spans_B4[:, 3] - 1),
        answer_at_P=torch.from_numpy(answer_at - 1),
        answer_ids_P=torch.from_numpy(ids_BL.reshape(-1)[answer_at]),
        answer_rows_P=torch.from_numpy(np.repeat(np.arange(len(encoded)), counts)),
        visual_tokens=int((kinds_BL > 0).sum()),
        media=None if media is None else tuple(media),
        layout=layout,
        spans_B4=spans_B4,
    )


@lru_cache(maxsize=8)
def _control_tokens(tokenizer: Any) -> tuple[str, ...]:
    added = tokenizer.added_tokens_decoder.values()
    return tuple(str(token) for token in added if token.special)


def _refuse_control_tokens(tokenizer: Any, texts: Iterable[str]) -> None:
    for text in texts:
        found = [token for token in _control_tokens(tokenizer) if token in text]
        if found:
            raise ModelError(
                f"the text holds the control token {found[0]!r}, which the model would obey",
                where=repr(text[:60]),
                fix="take it out of the prompt or label",
            )


def _with_times(text: str, media: Sequence[Medium]) -> str:
    """Check that every medium has its pad, and spell out a clip's time steps.

    Source: `Qwen3VLProcessor.replace_video_token` of transformers.
    """
    for kind, (_, pad) in _KINDS.items():
        wanted = sum(medium.kind == kind for medium in media)
        if text.count(pad) != wanted:
            raise ModelError(
                f"the chat template shows {text.count(pad)} {kind}s where {wanted} were given",
                fix="use a checkpoint with Qwen3-VL's chat template",
            )
    pieces = text.split(_START + _KINDS["video"][1] + _STOP)
    clips = [medium for medium in media if medium.kind == "video"]
    if len(pieces) != len(clips) + 1:
        raise ModelError("the chat template does not put a clip between vision tokens")
    steps = [
        "".join(
            f"<{second:.1f} seconds>{_START}{_KINDS['video'][1]}{_STOP}" for second in clip.seconds
        )
        for clip in clips
    ]
    return "".join(f"{piece}{step}" for piece, step in zip(pieces, [*steps, ""], strict=True))


def _step_grids(media: Sequence[Medium], merge: int) -> list[tuple[int, int]]:
    """Height and width in visual tokens of every run of pads, in order."""
    grids = []
    for medium in media:
        steps = medium.grid.t if medium.kind == "video" else 1
        if medium.kind == "video" and len(medium.seconds) != steps:
            raise ModelError(f"a clip of {steps} time steps has {len(medium.seconds)} times")
        if medium.kind == "image" and medium.grid.t != 1:
            raise ModelError(f"a picture has one time step, not {medium.grid.t}")
        grids += [(medium.grid.h // merge, medium.grid.w // merge)] * steps
    return grids


def _step_tokens(media: Sequence[Medium], merge: int) -> list[int]:
    return [height * width for height, width in _step_grids(media, merge)]


@lru_cache(maxsize=4096)
def _positions(layout: tuple[tuple[int, int, int], ...]) -> tuple[Ints, Ints]:
    """Kinds [L] and M-RoPE positions [3, L] of a layout of text runs and visual grids.

    Questions about pictures of one size share their layout, so this runs once for most batches.
    Source: `Qwen3VLModel.get_rope_index` of transformers.
    """
    kinds, positions, start = [], [], 0
    for kind, height, width in layout:
        kinds.append(np.full(height * width, kind, np.int64))
        if kind == 0:
            positions.append(np.tile(np.arange(height) + start, (3, 1)))
            start += height
        else:
            rows, columns = np.divmod(np.arange(height * width), width)
            positions.append(np.stack([np.full(height * width, 0), rows, columns]) + start)
            start += max(height, width)
    all_kinds, all_positions = np.concatenate(kinds), np.concatenate(positions, axis=1)
    # They are shared by every question of this layout.
    all_kinds.flags.writeable = all_positions.flags.writeable = False
    return all_kinds, all_positions
