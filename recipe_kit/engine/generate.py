"""Greedy answers with a key-value cache, and the label probabilities seen on the way.

Shape names: B sequences, K watched tokens of each, W words of the vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import torch

from recipe_kit.model.batch import Batch
from recipe_kit.model.cache import Cache, Kept, Recorder
from recipe_kit.model.forward import forward_batch, forward_next
from recipe_kit.model.vision import VisionFeatures

SPARSE = 0.75
"""When no more than this share of the rows still goes on, the others are taken out: an answer that
has ended costs little more then, and taking it out at once would copy the cache for each."""


class Generated(NamedTuple):
    """One answer as tokens."""

    tokens: tuple[int, ...]
    """Without the token that ended it."""
    ended: bool
    """Whether the model ended it; False when it was cut at the longest answer allowed."""
    watched: tuple[tuple[float, ...], ...]
    """Log-probability of each watched token at every step, the ending one included."""


@dataclass(slots=True)
class _Answer:
    """One answer as far as it has come."""

    watch: tuple[int, ...]
    most: int
    ended: bool = False
    tokens: list[int] = field(default_factory=list)
    watched: list[tuple[float, ...]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.ended or len(self.tokens) == self.most


@torch.inference_mode()
def generate(
    model: torch.nn.Module,
    batches: Sequence[Batch],
    vision: VisionFeatures,
    *,
    watch: Sequence[Sequence[int]],
    stop: Sequence[int],
    most: Sequence[int],
) -> list[Generated]:
    """Take the likeliest token again and again, until each answer has ended.

    Args:
        model: A Qwen3-VL model in evaluation mode.
        batches: Prompts. Each batch is read by itself; then all are answered together.
        vision: Features of the media.
        watch: Tokens of each sequence whose probabilities are read, in the same pass that picks
            the answer's.
        stop: Tokens that end an answer.
        most: Longest answer of each sequence, in tokens.
    """
    answers = [_Answer(tuple(seen), limit) for seen, limit in zip(watch, most, strict=True)]
    rest = iter(answers)
    begun = [
        _begin(model, batch, vision, list(islice(rest, len(batch.last_B))), stop)
        for batch in batches
    ]
    parts = [part for part in begun if part is not None]
    if parts:
        going = [answer for part in parts for answer in part.answers]
        tokens_B = torch.cat([part.tokens_B for part in parts])
        positions_B = torch.cat([part.positions_B for part in parts])
        _go_on(model, Cache([part.kept for part in parts]), going, tokens_B, positions_B, stop)
    return [
        Generated(tuple(answer.tokens), answer.ended, tuple(answer.watched)) for answer in answers
    ]


class _Begun(NamedTuple):
    """The answers of a batch that go on after their first token."""

    answers: list[_Answer]
    kept: Kept
    tokens_B: torch.Tensor
    positions_B: torch.Tensor


def _begin(
    model: torch.nn.Module,
    batch: Batch,
    vision: VisionFeatures,
    answers: list[_Answer],
    stop: Sequence[int],
) -> _Begun | None:
    """Read the prompts and take each answer's first token."""
    batch = batch.to(vision.tokens_VE.device)
    # What answers of one token would keep is not used.
    recorder = Recorder() if max(answer.most for answer in answers) > 1 else None
    logits_BW = forward_batch(model, batch, vision, keep_P=batch.last_B, cache=recorder)
    tokens_B = _take(answers, logits_BW, stop)
    going = [row for row, answer in enumerate(answers) if not answer.done]
    if recorder is None or not going:
        return None
    kept = recorder.take(batch.places(going).to(tokens_B.device))
    going_B = torch.tensor(going, device=tokens_B.device)
    return _Begun(
        [answers[row] for row in going], kept, tokens_B[going_B], batch.next_positions_B[going_B]
    )


def _go_on(
    model: torch.nn.Module,
    cache: Cache,
    going: list[_Answer],
    tokens_B: torch.Tensor,
    positions_B: torch.Tensor,
    stop: Sequence[int],
) -> None:
    """Take one token after the other, from the second on."""
    while True:
        logits_BW = forward_next(model, tokens_B, positions_B, cache)
        tokens_B, positions_B = _take(going, logits_BW, stop), positions_B + 1
        left = [row for row, answer in enumerate(going) if not answer.done]
        if not left:
            return
        if len(left) <= SPARSE * len(going):
            left_B = torch.tensor(left, device=tokens_B.device)
            cache.keep(left_B)
            going = [going[row] for row in left]
            tokens_B, positions_B = tokens_B[left_B], positions_B[left_B]


def _take(
    answers: Sequence[_Answer], logits_BW: torch.Tensor, stop: Sequence[int]
) -> torch.Tensor:
    """Add its likeliest token to each answer that goes on; returns the tokens of all, [B]."""
    watching = [row for row, one in enumerate(answers) if one.watch and not one.done]
    seen = dict(zip(watching, _watched(answers, watching, logits_BW), strict=True))
    tokens_B = logits_BW.argmax(-1)
    for row, (answer, token) in enumerate(zip(answers, tokens_B.tolist(), strict=True)):
        if answer.done:
            continue
        answer.watched.append(seen.get(row, ()))
        answer.ended = token in stop
        if not answer.ended:
            answer.tokens.append(token)
    return tokens_B


def _watched(
    answers: Sequence[_Answer], rows: Sequence[int], logits_BW: torch.Tensor
) -> list[tuple[float, ...]]:
    """Log-probabilities of what these answers watch; the only place that needs all words."""
    if not rows:
        return []
    watch = [answers[row].watch for row in rows]
    longest = max(len(tokens) for tokens in watch)
    padded_BK = torch.tensor([[*tokens, *[0] * (longest - len(tokens))] for tokens in watch])
    logits = logits_BW if len(rows) == len(answers) else logits_BW[list(rows)]
    logs = logits.float().log_softmax(-1).gather(1, padded_BK.to(logits.device))
    return [
        tuple(values[: len(tokens)]) for tokens, values in zip(watch, logs.tolist(), strict=True)
    ]
