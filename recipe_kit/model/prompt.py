"""Questions become token ids, positions and loss masks, through the checkpoint's chat template.

The template is always the tokenizer's own, so a checkpoint from the hub is asked in the way it was
trained. Shape names: L tokens.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from recipe_kit.errors import ModelError
from recipe_kit.model.pixels import Grid

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

    Source: `Qwen3VLProcessor.replace_video_token` and `ProcessorMixin.get_text_with_replacements`
    of transformers 5.10 and later.
    """
    for kind, (_, pad) in _KINDS.items():
        wanted = sum(medium.kind == kind for medium in media)
        if text.count(pad) != wanted:
            raise ModelError(
                f"the chat template shows {text.count(pad)} {kind}s where {wanted} were given",
                fix="use a checkpoint with Qwen3-VL's chat template",
            )
    # The vision tokens that the template puts around a clip stay where they are, around all steps.
    pieces = text.split(_KINDS["video"][1])
    clips = [medium for medium in media if medium.kind == "video"]
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
