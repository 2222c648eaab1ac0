"""Greedy answers with a key-value cache, and the label probabilities seen on the way.

Shape names: B sequences, K watched tokens of each, W words of the vocabulary.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import torch

from recipe_kit.model.batch import Batch
from recipe_kit.model.cache import Cache, Recorder
from recipe_kit.model.devices import moved
from recipe_kit.model.forward import forward_batch, forward_next
from recipe_kit.model.prompt import Ints
from recipe_kit.model.vision import VisionFeatures

SPARSE = 0.75
"""When no more than this share of the rows still goes on, the others are taken out: an answer that
has ended costs little more, and taking it out copies what the others have of their own."""


BROKEN = -1
"""Stands for the token where the model's output is no number."""


MOST_OWN = 1 << 18
"""Tokens of questions and answers that are kept at once: 39 GB for a model of 8B. It bounds the
memory however many questions a batch has, and however long their answers may be."""


class Generated(NamedTuple):
    """One answer as tokens."""

    tokens: tuple[int, ...]
    """Without the token that ended it."""
    ended: bool
    """Whether the model ended it; False when it was cut at the longest answer allowed."""
    watched: tuple[tuple[float, ...], ...]
    """Log-probability of each watched token at every step, the ending one included."""
    broken: bool = False
    """Whether the model's output became no number, which ended it."""


@dataclass(slots=True)
class _Answer:
    """One answer as far as it has come."""

    watch: tuple[int, ...]
    most: int
    ended: bool = False
    broken: bool = False
    tokens: list[int] = field(default_factory=list)
    watched: list[tuple[float, ...]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.ended or len(self.tokens) == self.most


class Coming:
    """Tensors on their way to the CPU; the GPU does not wait for whoever reads them."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        # From a GPU this lands in pinned memory, and is there when the event has happened.
        self._tensors = tuple(tensor.to("cpu", non_blocking=True) for tensor in tensors)
        self._event: torch.cuda.Event | None = None
        if any(tensor.is_cuda for tensor in tensors):
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch's
            self._event.record()

    def lists(self) -> tuple[list[Any], ...]:
        """Waits until they are there."""
        if self._event is not None:
            self._event.synchronize()
        return tuple(tensor.tolist() for tensor in self._tensors)


class Generation:
    """Answers in the making: the likeliest token again and again, until each answer has ended.

    The first tokens are asked for at once, and nothing waits for them; `finish` does.

    Args:
        model: A Qwen3-VL model in evaluation mode.
        batches: Prompts. Each batch is read by itself; then all are answered together.
        vision: Features of the media.
        watch: Tokens of each sequence whose probabilities are read, in the same pass that picks
            the answer's.
        stop: Tokens that end an answer.
        most: Longest answer of each sequence, in tokens.
    """

    @torch.inference_mode()
    def __init__(
        self,
        model: torch.nn.Module,
        batches: Iterable[Batch],
        vision: VisionFeatures,
        *,
        watch: Sequence[Sequence[int]],
        stop: Sequence[int],
        most: Sequence[int],
    ) -> None:
        self._model = model
        self._stop = frozenset(stop)
        self._answers = [
            _Answer(tuple(seen), limit) for seen, limit in zip(watch, most, strict=True)
        ]
        rest = iter(self._answers)
        self._begun = [
            _begin(model, batch, vision, list(islice(rest, len(batch.spans_B4))))
            for batch in batches
        ]

    @torch.inference_mode()
    def go_on(self) -> None:
        """Takes all tokens after the first; does not wait when there are none."""
        begun = [part for part in self._begun if part.recorder is not None]
        self._begun = [part for part in self._begun if part.recorder is None]
        for part in begun:
            part.read(self._stop)
        for chosen in _rounds(begun):
            _go_on(self._model, chosen, self._stop)

    def answers(self) -> list[Generated]:
        """Waits until all are there."""
        self.go_on()
        for part in self._begun:
            part.read(self._stop)
        self._begun = []
        return [
            Generated(tuple(one.tokens), one.ended, tuple(one.watched), one.broken)
            for one in self._answers
        ]


class _Begun(NamedTuple):
    """Answers of a batch whose first token is on its way."""

    answers: list[_Answer]
    first: "_Step"
    recorder: Recorder | None
    """What they go on from; None where all end with their first token."""
    spans_B4: Ints
    tokens_B: torch.Tensor
    positions_B: torch.Tensor

    def read(self, stop: frozenset[int]) -> None:
        """Waits for the first tokens."""
        self.first.add(self.answers, stop)


def _begin(
    model: torch.nn.Module, batch: Batch, vision: VisionFeatures, answers: list[_Answer]
) -> _Begun:
    """Read the prompts and take each answer's first token."""
    batch = batch.to(vision.tokens_VE.device, non_blocking=True)
    # What answers of one token would keep is not used.
    recorder = Recorder() if max(answer.most for answer in answers) > 1 else None
    logits_BW = forward_batch(model, batch, vision, keep_P=batch.last_B, cache=recorder)
    tokens_B = logits_BW.argmax(-1)
    first = _Step(answers, logits_BW, tokens_B)
    return _Begun(answers, first, recorder, batch.spans_B4, tokens_B, batch.next_positions_B)


def _rounds(begun: Sequence[_Begun]) -> Iterator[list[tuple[_Begun, list[int]]]]:
    """The answers that go on, as rows of their batches, in rounds that the memory is enough for."""
    chosen: list[tuple[_Begun, list[int]]] = []
    size = 0
    for part in begun:
        for row, answer in enumerate(part.answers):
            if answer.done:
                continue
            tokens = int(part.spans_B4[row, 3]) + answer.most
            if chosen and size + tokens > MOST_OWN:
                yield chosen
                chosen, size = [], 0
            if not chosen or chosen[-1][0] is not part:
                chosen.append((part, []))
            chosen[-1][1].append(row)
            size += tokens
    if chosen:
        yield chosen


def _go_on(
    model: torch.nn.Module, chosen: Sequence[tuple[_Begun, list[int]]], stop: frozenset[int]
) -> None:
    """Take one token after the other, from the second on."""
    going = [part.answers[row] for part, rows in chosen for row in rows]
    cache = Cache(
        [part.recorder.take(part.spans_B4[rows]) for part, rows in chosen if part.recorder],
        max(answer.most for answer in going) - 1,
    )
    places = [(part, moved(torch.tensor(rows), part.tokens_B.device)) for part, rows in chosen]
    tokens_B = torch.cat([part.tokens_B[rows_B] for part, rows_B in places])
    positions_B = torch.cat([part.positions_B[rows_B] for part, rows_B in places])
    while True:
        logits_BW = forward_next(model, tokens_B, positions_B, cache)
        tokens_B, positions_B = logits_BW.argmax(-1), positions_B + 1
        _Step(going, logits_BW, tokens_B).add(going, stop)
        left = [row for row, answer in enumerate(going) if not answer.done]
        if not left:
            return
        if len(left) <= SPARSE * len(going):
            cache.keep(left)
            left_B = moved(torch.tensor(left), tokens_B.device)
            going = [going[row] for row in left]
            tokens_B, positions_B = tokens_B[left_B], positions_B[left_B]


class _Step:
    """The next token of each answer, with the probabilities that are watched."""

    def __init__(
        self, answers: Sequence[_Answer], logits_BW: torch.Tensor, tokens_B: torch.Tensor
    ) -> None:
        # What is no number counts as the largest, so it is found where a token is picked.
        picked_B1 = logits_BW.gather(1, tokens_B[:, None])
        tokens_B = tokens_B.masked_fill(picked_B1[:, 0].isnan(), BROKEN)
        self._watching = [row for row, one in enumerate(answers) if one.watch and not one.done]
        watch = [answers[row].watch for row in self._watching]
        if not watch:
            self._coming = Coming(tokens_B)
            return
        longest = max(map(len, watch))
        padded_BK = torch.tensor([[*tokens, *[0] * (longest - len(tokens))] for tokens in watch])
        if len(watch) < len(answers):
            rows = moved(torch.tensor(self._watching), logits_BW.device)
            logits_BW = logits_BW.index_select(0, rows)
        # The only place that needs all words.
        logs = logits_BW.log_softmax(-1, dtype=torch.float32)
        self._coming = Coming(tokens_B, logs.gather(1, moved(padded_BK, logs.device)))

    def add(self, answers: Sequence[_Answer], stop: frozenset[int]) -> None:
        """Wait for the tokens, and add them to the answers that go on."""
        tokens, *logs = self._coming.lists()
        seen = dict(zip(self._watching, *logs, strict=True)) if logs else {}
        for row, (answer, token) in enumerate(zip(answers, tokens, strict=True)):
            if answer.done:
                continue
            answer.watched.append(tuple(seen.get(row, ())[: len(answer.watch)]))
            answer.broken = token == BROKEN
            answer.ended = answer.broken or token in stop
            if not answer.ended:
                answer.tokens.append(token)
