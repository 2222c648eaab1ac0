"""Asks a model in this process: every picture is read and encoded once for all its questions.

The log-probability of a label is read in the pass that picks the answer's first token. Labels that
begin with the same token cannot be told apart there; for these a further pass scores each label as
a whole, up to and including the token that ends the answer.

A GPU is always given the next batch before the answers of the last one are read back and written
down, so it never waits for that; the files are read by threads ahead of it.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import NamedTuple

import torch

from recipe_kit.benchmark.parse import split_reasoning
from recipe_kit.benchmark.questions import question_digest
from recipe_kit.benchmark.read import read_answer
from recipe_kit.data.ahead import THREADS, ahead
from recipe_kit.engine.base import ReadMedia
from recipe_kit.engine.generate import Coming, Generated, Generation
from recipe_kit.engine.labels import (
    Labels,
    answer_begins,
    answered,
    decode,
    labels_of,
    normalize,
)
from recipe_kit.engine.showing import Ready, Showing
from recipe_kit.errors import EngineError
from recipe_kit.model.batch import Batch, collate
from recipe_kit.model.forward import answer_losses
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.memory import is_memory_error
from recipe_kit.model.prompt import Encoded, Medium, encode, render
from recipe_kit.model.seen import Seen, encode_seen
from recipe_kit.model.vision import VisionFeatures
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.recipe import Evaluation

MOST_PROMPTS = 4096
"""Prompts that are kept; there may be as many as samples, and each takes kilobytes."""

MOST_TOKENS, MOST_TOKENS_CPU = 65_536, 8_192
"""Tokens of questions that are read at once. It bounds the memory; and on a CPU, what a layer makes
of more is too large for the allocator to keep, and takes twice as long."""


class _Group(NamedTuple):
    """One medium and everything asked of it."""

    source: str
    media: str
    questions: tuple[Question, ...]


class _Asked(NamedTuple):
    """One question, ready to be answered."""

    question: Question
    prompt: str
    encoded: Encoded
    labels: Labels
    medium: int  # its index among the batch's media


@dataclass(slots=True)
class _Asking:
    """A batch that is being answered."""

    asked: list[_Asked]
    generation: Generation
    vision: VisionFeatures | None
    """Until nothing more is asked about it."""
    started: float
    whole: Coming | None = None
    """Log-probability of each label that was scored as a whole."""


class LocalEngine:
    """Asks a loaded model.

    Args:
        loaded: The model; it is put into evaluation mode while it is asked.
        evaluation: How it is asked.
        read_media: Reads the frames of a medium.
        blank: Show a gray picture of the same size instead, to see what the words alone give.
        seen: What the model's vision tower saw before, and where what it sees is kept; of a medium
            that is there, the file is not read.
    """

    batched = True

    def __init__(
        self,
        loaded: LoadedModel,
        evaluation: Evaluation,
        read_media: ReadMedia,
        *,
        blank: bool = False,
        seen: Seen | None = None,
    ) -> None:
        self._loaded = loaded
        self._evaluation = evaluation
        self._showing = Showing(loaded, read_media, blank=blank, seen=seen)
        self._seen = seen
        self._late = loaded.device.type == "cuda"
        self._free_at = 0.0
        self._prompts: dict[tuple[str, Medium], tuple[str, Encoded]] = {}
        self._labels: dict[tuple[str, ...], Labels] = {}
        self._preprocess = loaded.preprocess.digest() + ("-blank" if blank else "")

    def ask(self, questions: Sequence[Question]) -> Iterator[Prediction]:
        """Yields one prediction for each question, media in the order they are first asked about.

        Raises:
            DataError: a picture cannot be read.
            EngineError: the memory is not enough, or the model's output is no number.
        """
        groups = _by_medium(questions)
        size = self._evaluation.batch_size
        before: _Asking | None = None
        # Pictures are made ready here too, and may be what does not fit.
        with (
            _clear_memory_errors(size),
            closing(ahead(self._ready, groups, depth=2 * size + THREADS)) as ready,
        ):
            pairs = zip(groups, ready, strict=True)
            while batch := tuple(islice(pairs, size)):
                asking = self._start(batch)
                if before:  # while the GPU works
                    yield from self._predictions(before)
                self._go_on(asking)
                before = asking
                if not self._late:
                    yield from self._predictions(asking)
                    before = None
            if before:
                yield from self._predictions(before)

    def _ready(self, group: _Group) -> Ready:
        return self._showing(group.source, group.media)

    @torch.inference_mode()
    def _start(self, batch: Sequence[tuple[_Group, Ready]]) -> _Asking:
        """Has the media and the prompts read, and the first tokens chosen; waits for nothing."""
        started = time.perf_counter()
        loaded = self._loaded
        shown = [item for _, item in batch]
        with _evaluating(loaded.model):
            vision = encode_seen(
                loaded.model,
                [item.pixels for item in shown],
                [item.medium.grid for item in shown],
                [item.key for item in shown],
                preprocess=loaded.preprocess,
                seen=self._seen,
            )
            asked = [
                self._prepare(question, shown[index].medium, index)
                for index, (group, _) in enumerate(batch)
                for question in group.questions
            ]
            generation = Generation(
                loaded.model,
                (self._collate(part) for part in _parts(asked, loaded.device)),
                vision,
                watch=[item.labels.first for item in asked],
                stop=loaded.stop_ids,
                most=[self._longest(item.question) for item in asked],
            )
        return _Asking(asked, generation, vision, started)

    @torch.inference_mode()
    def _go_on(self, asking: _Asking) -> None:
        """Has the longer answers written, and whole labels scored; waits only where there are."""
        with _evaluating(self._loaded.model):
            asking.generation.go_on()
            self._score_whole_labels(asking)
        asking.vision = None

    def _predictions(self, asking: _Asking) -> list[Prediction]:
        """Waits for what was asked.

        The latency of each is its share of the time that the batch took: from when it was begun,
        or on a GPU from when the batch before it was done, if that was later.
        """
        asked, answers = asking.asked, asking.generation.answers()
        logs = [
            answer.watched[min(start, len(answer.watched) - 1)]
            for answer, start in zip(answers, self._starts(answers), strict=True)
        ]
        if asking.whole:
            (sums,) = asking.whole.lists()
            values = iter(sums)
            for row, item in enumerate(asked):
                if not item.labels.distinct:
                    logs[row] = tuple(next(values) for _ in item.labels.tokens)
        done = time.perf_counter()
        latency = (done - max(asking.started, self._free_at)) / len(asked)
        self._free_at = done
        return [
            self._prediction(item, answer, log, latency)
            for item, answer, log in zip(asked, answers, logs, strict=True)
        ]

    def _starts(self, answers: Sequence[Generated]) -> list[int]:
        """The token at which each answer begins, behind its reasoning."""
        return [answer_begins(self._loaded.tokenizer, answer.tokens) for answer in answers]

    def _prepare(self, question: Question, medium: Medium, index: int) -> _Asked:
        # Often few different prompts are asked of many pictures of one size.
        key = (question.prompt, medium)
        if key not in self._prompts:
            if len(self._prompts) >= MOST_PROMPTS:
                self._prompts.clear()
            system = self._evaluation.system_prompt
            self._prompts[key] = (
                render(self._loaded.tokenizer, question.prompt, [medium], system=system),
                encode(
                    self._loaded.tokenizer,
                    question.prompt,
                    [medium],
                    system=system,
                    merge_size=self._loaded.preprocess.merge_size,
                ),
            )
        if question.choices not in self._labels:
            self._labels[question.choices] = labels_of(self._loaded.tokenizer, question.choices)
        prompt, encoded = self._prompts[key]
        return _Asked(question, prompt, encoded, self._labels[question.choices], index)

    def _collate(self, asked: Sequence[_Asked]) -> Batch:
        return collate(
            [item.encoded for item in asked],
            self._loaded.pad_id,
            media=[item.medium for item in asked],
        )

    def _longest(self, question: Question) -> int:
        """Longest answer, in tokens; one where only the labels' probabilities there are read."""
        by_probability = question.task_type == "choice" and question.answer_by == "probability"
        return 1 if by_probability else question.max_new_tokens or self._evaluation.max_new_tokens

    def _score_whole_labels(self, asking: _Asking) -> None:
        """Asks for the log-probabilities of labels that their first tokens do not tell apart."""
        asked, loaded = asking.asked, self._loaded
        unclear = [row for row, item in enumerate(asked) if not item.labels.distinct]
        if not unclear:
            return
        answers = asking.generation.answers()
        starts = self._starts(answers)
        end = loaded.tokenizer.convert_tokens_to_ids("<|im_end|>")
        whole = [
            asked[row]._replace(encoded=answered(
                asked[row].encoded, answers[row].tokens[: starts[row]], (*label, end)
            ))
            for row in unclear
            for label in asked[row].labels.tokens
        ]
        sums = []
        for part in _parts(whole, loaded.device):
            batch = self._collate(part).to(loaded.device, non_blocking=True)
            losses = answer_losses(loaded.model, batch, asking.vision)
            none = torch.zeros(len(part), device=losses.device)
            sums.append(none.index_add(0, batch.answer_rows_P, -losses))
        asking.whole = Coming(torch.cat(sums))

    def _prediction(
        self, item: _Asked, answer: Generated, log: tuple[float, ...], latency: float
    ) -> Prediction:
        reasoning, text = split_reasoning(decode(self._loaded.tokenizer, answer.tokens))
        if answer.broken or any(math.isnan(value) for value in log):
            raise EngineError(
                "the model's output is no number", where=self._loaded.name,
                fix="Its weights are damaged, or too large for evaluation.dtype: try float32.",
            )
        shares, mass = normalize(log)
        probabilities = dict(zip(item.question.choices, shares, strict=True))
        parsed = read_answer(item.question, text, probabilities)
        return Prediction(
            question=item.question.id,
            text=text,
            reasoning=reasoning,
            answer=parsed,
            probabilities=probabilities,
            mass=mass,
            # A text is no choice, and has no probability of its own.
            confidence=max(shares) if parsed is None else probabilities.get(parsed, 0.0),
            prompt=item.prompt,
            model=self._loaded.name,
            revision=self._loaded.revision,
            timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
            latency_s=round(latency, 6),
            digest=question_digest(item.question, item.prompt, self._preprocess),
        )


def _by_medium(questions: Iterable[Question]) -> list[_Group]:
    groups: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        groups.setdefault((question.source, question.media), []).append(question)
    return [_Group(*key, tuple(members)) for key, members in groups.items()]


def _parts(asked: Sequence[_Asked], device: torch.device) -> Iterator[list[_Asked]]:
    """The questions, medium by medium, in parts that are read at once."""
    most = MOST_TOKENS_CPU if device.type == "cpu" else MOST_TOKENS
    part: list[_Asked] = []
    size = 0
    for _, members in groupby(asked, key=lambda item: item.medium):
        for family in _cut(members, most):
            tokens = family[0].encoded.shared_length + sum(map(_own, family))
            if part and size + tokens > most:
                yield part
                part, size = [], 0
            part += family
            size += tokens
    yield part


def _cut(members: Iterable[_Asked], most: int) -> Iterator[list[_Asked]]:
    """The questions about one medium, of which there may be thousands."""
    family: list[_Asked] = []
    size = 0
    for item in members:
        if family and size + _own(item) > most:
            yield family
            family, size = [], 0
        family.append(item)
        size += _own(item)
    yield family


def _own(item: _Asked) -> int:
    """Tokens of a question behind what it shares with others about its medium."""
    return len(item.encoded.ids_L) - item.encoded.shared_length


@contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


@contextmanager
def _clear_memory_errors(size: int) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
        raise EngineError(
            f"the memory is not enough for {size} pictures at once",
            where="evaluation.batch_size",
            fix="Make it smaller; it does not change the answers.",
        ) from error
