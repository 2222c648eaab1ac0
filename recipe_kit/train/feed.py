"""Pictures and questions of training, read ahead and batched."""

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
import torch

from recipe_kit.data.ahead import ahead
from recipe_kit.data.clip import Clip, ReadMedia
from recipe_kit.errors import DataError
from recipe_kit.model.batch import Batch, collate
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.media import Shown, show
from recipe_kit.model.pixels import Bytes, Grid, resize
from recipe_kit.model.prompt import Encoded, Medium, encode
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.train import Augment
from recipe_kit.train.examples import Example
from recipe_kit.train.plan import Item, Plan

CACHE_BYTES = 1_000_000_000
"""Resized pictures that are kept in memory, so that later epochs do not decode them again.

Frames of videos are not: they lie decoded on disk (`recipe_kit.data.frames`).
"""

MOST_ENCODED = 4096
"""Encoded questions that are kept; prompts may be as many as the samples, and each takes
kilobytes."""


@dataclass(frozen=True)
class MicroBatch:
    """What goes through the model at once."""

    pixels_ND: torch.Tensor
    """Patches of all media, uint8."""
    grids: tuple[Grid, ...]
    batch: Batch
    samples: int

    @property
    def tokens(self) -> int:
        """Answer tokens, which the loss is the mean over."""
        return len(self.batch.answer_ids_P)

    @property
    def answers(self) -> int:
        """Answers that they belong to."""
        return int(self.batch.answer_rows_P.bincount().count_nonzero())


class _Ready(NamedTuple):
    shown: Shown
    questions: tuple[Encoded, ...]


class Feed:
    """Turns examples into batches for one model.

    Args:
        loaded: The model, for its tokenizer and its picture settings.
        read_media: Reads the frames of a medium.
        augment: Random changes to training pictures.
        seed: Of those changes.
        system: System prompt.
        max_length: Longest example, in tokens; any length when not given.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        read_media: ReadMedia,
        augment: Augment,
        *,
        seed: int,
        system: str | None,
        max_length: int | None = None,
    ) -> None:
        self._loaded = loaded
        self._read_media = read_media
        self._augment = augment
        self._seed = seed
        self._system = system
        self._max_length = max_length
        self._frames: dict[tuple[str, str], Bytes] = {}
        self._room = CACHE_BYTES
        self._lock = threading.Lock()
        self._encoded: dict[tuple[str, str, Medium], Encoded] = {}

    def windows(
        self, plan: Plan, start: int, batch_size: int
    ) -> Generator[list[MicroBatch], None, None]:
        """The batches of each optimizer step from `start` on.

        Raises:
            DataError: a picture cannot be read, or an example is too long.
        """
        items = chain.from_iterable(plan.items(step) for step in range(start, plan.steps))
        with closing(ahead(self._augmented, items, depth=2 * batch_size)) as ready:
            for step in range(start, plan.steps):
                members = list(islice(ready, len(plan.items(step))))
                yield [
                    self._batch(members[first : first + batch_size])
                    for first in range(0, len(members), batch_size)
                ]

    def plain(self, examples: Iterable[Example], batch_size: int) -> Iterator[MicroBatch]:
        """Batches of examples as they are."""
        with closing(ahead(self._unchanged, examples, depth=2 * batch_size)) as ready:
            while members := list(islice(ready, batch_size)):
                yield self._batch(members)

    def _augmented(self, item: Item) -> _Ready:
        generator = np.random.default_rng([self._seed, item.epoch, item.position])
        clip = self._read(item.example.sample)
        frames = augment(clip.frames_THWC, self._augment, generator)
        return self._ready(item.example, clip._replace(frames_THWC=frames))

    def _unchanged(self, example: Example) -> _Ready:
        return self._ready(example, self._read(example.sample))

    def _ready(self, example: Example, clip: Clip) -> _Ready:
        shown = show(clip, self._loaded.preprocess)
        questions = tuple(self._encode(*pair, shown.medium) for pair in example.pairs)
        self._refuse_long(example, questions)
        return _Ready(shown, questions)

    def _refuse_long(self, example: Example, questions: Sequence[Encoded]) -> None:
        longest = max(len(question.ids_L) for question in questions)
        if self._max_length is not None and longest > self._max_length:
            visual = max(question.shared_length for question in questions)
            raise DataError(
                f"a question with its answer has {longest:,} tokens ({visual:,} of them up to the "
                f"end of the picture or clip), and train.max_length is {self._max_length:,}",
                where=f"sample '{example.sample.id}'",
                fix="Raise train.max_length, take fewer or smaller frames (model.video, "
                "model.max_pixels), or leave the sample out.",
            )

    def _encode(self, prompt: str, target: str, medium: Medium) -> Encoded:
        # Few different questions are asked of many pictures of one size.
        key = (prompt, target, medium)
        found = self._encoded.get(key)
        if found is None:
            found = encode(
                self._loaded.tokenizer,
                prompt,
                [medium],
                system=self._system,
                target=target,
                merge_size=self._loaded.preprocess.merge_size,
            )
            if len(self._encoded) >= MOST_ENCODED:
                self._encoded.clear()
            self._encoded[key] = found
        return found

    def _read(self, sample: Sample) -> Clip:
        key = (sample.source, sample.media)
        kept = self._frames.get(key)
        if kept is not None:
            return Clip(kept)
        clip = self._read_media(*key)
        if clip.seconds_T:
            return clip
        frames = clip.frames_THWC
        height, width = self._loaded.preprocess.size_of(frames.shape[1], frames.shape[2])
        frames = resize(frames, height, width)
        with self._lock:
            if key not in self._frames and frames.nbytes <= self._room:
                self._room -= frames.nbytes
                self._frames[key] = frames
        return Clip(frames)

    def _batch(self, members: Sequence[_Ready]) -> MicroBatch:
        encoded = [question for member in members for question in member.questions]
        media = [index for index, member in enumerate(members) for _ in member.questions]
        return MicroBatch(
            pixels_ND=torch.from_numpy(np.concatenate([m.shown.patches.values for m in members])),
            grids=tuple(member.shown.patches.grid for member in members),
            batch=collate(encoded, self._loaded.pad_id, media=media),
            samples=len(members),
        )


def augment(frames_THWC: Bytes, spec: Augment, generator: np.random.Generator) -> Bytes:
    """Change frames at random, all frames of a clip in the same way; uint8 [T, H, W, 3]."""
    # All four are drawn always, so that switching one off leaves the others as they were.
    mirror, flip, contrast, shift = generator.random(4)
    frames = frames_THWC
    if spec.mirror and mirror < 0.5:
        frames = frames[:, :, ::-1]
    if spec.flip and flip < 0.5:
        frames = frames[:, ::-1]
    if spec.brightness:
        scale = 1 + spec.brightness * (2 * contrast - 1)
        offset = 127.5 * spec.brightness * (2 * shift - 1)
        levels = (np.arange(256) - 127.5) * scale + 127.5 + offset
        frames = levels.round().clip(0, 255).astype(np.uint8)[frames]
    return frames
