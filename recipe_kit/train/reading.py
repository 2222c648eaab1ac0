"""Media and questions of examples as the model takes them: read, changed, cut up, encoded.

A reader works in threads of the training's process, or is sent to processes of its own
(`train.workers`); both give the same to the last bit.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from recipe_kit.data.clip import Clip, ReadMedia
from recipe_kit.errors import DataError
from recipe_kit.model.media import Shown, show
from recipe_kit.model.pixels import Bytes, Preprocess, resize
from recipe_kit.model.prompt import Encoded, Medium, encode
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.train import Augment
from recipe_kit.train.examples import Example
from recipe_kit.train.plan import Item

CACHE_BYTES = 1_000_000_000
"""Resized pictures that are kept in memory, so that later epochs do not decode them again.

Frames of videos are not: they lie decoded on disk (`recipe_kit.data.frames`).
"""

ENCODED_TOKENS = 1_000_000
"""Encoded questions are kept up to so many tokens, of 40 bytes each; prompts may be as many as the
samples."""


class Ready(NamedTuple):
    """One example as the model takes it."""

    pixels_ND: torch.Tensor | Bytes
    """Patches of its medium, uint8."""
    medium: Medium
    questions: tuple[Encoded, ...]


class Unreadable(NamedTuple):
    """An example whose medium cannot be read."""

    error: DataError


@dataclass
class Reader:
    """Reads examples for one model.

    Args:
        tokenizer: The model's.
        preprocess: How it is shown pictures.
        read_media: Reads the frames of a medium.
        augment: Random changes to training pictures.
        seed: Of those changes.
        system: System prompt.
        max_length: Longest example, in tokens; any length when not given.
        room: Bytes of resized pictures that are kept.
    """

    tokenizer: Any
    preprocess: Preprocess
    read_media: ReadMedia
    augment: Augment
    seed: int
    system: str | None
    max_length: int | None = None
    room: int = CACHE_BYTES

    def __post_init__(self) -> None:
        self._frames: dict[tuple[str, str], Bytes] = {}
        self._lock = threading.Lock()
        self._encoded: dict[tuple[str, str, Medium], Encoded] = {}
        self._tokens = 0

    def __reduce__(self) -> tuple[Callable[..., "Reader"], tuple[Any, ...]]:
        # What is kept stays behind, and a lock cannot be sent.
        return Reader, tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def training(self, item: Item) -> Ready | Unreadable:
        """An example at its place in the training, its pictures changed at random.

        Raises:
            DataError: It is too long.
            ModelError: Its text holds a control token of the tokenizer.
        """
        try:
            clip = self._read(item.example.sample)
            generator = np.random.default_rng([self.seed, item.epoch, item.position])
            frames = augment(clip.frames_THWC, self.augment, generator)
            shown = show(clip._replace(frames_THWC=frames), self.preprocess)
        except DataError as error:
            return Unreadable(error)
        return self._ready(item.example, shown)

    def plain(self, example: Example) -> Ready:
        """An example as it is.

        Raises:
            DataError: Its medium cannot be read, or it is too long.
            ModelError: Its text holds a control token of the tokenizer.
        """
        return self._ready(example, show(self._read(example.sample), self.preprocess))

    def _ready(self, example: Example, shown: Shown) -> Ready:
        questions = tuple(self._encode(*pair, shown.medium) for pair in example.pairs)
        self._refuse_long(example, questions)
        return Ready(torch.from_numpy(shown.patches.values), shown.medium, questions)

    def _refuse_long(self, example: Example, questions: Sequence[Encoded]) -> None:
        longest = max(len(question.ids_L) for question in questions)
        if self.max_length is not None and longest > self.max_length:
            visual = max(question.shared_length for question in questions)
            raise DataError(
                f"a question with its answer has {longest:,} tokens ({visual:,} of them up to the "
                f"end of the picture or clip), and train.max_length is {self.max_length:,}",
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
                self.tokenizer,
                prompt,
                [medium],
                system=self.system,
                target=target,
                merge_size=self.preprocess.merge_size,
            )
            with self._lock:
                self._tokens += len(found.ids_L)
                if self._tokens > ENCODED_TOKENS:
                    self._encoded.clear()
                    self._tokens = len(found.ids_L)
                self._encoded[key] = found
        return found

    def _read(self, sample: Sample) -> Clip:
        key = (sample.source, sample.media)
        kept = self._frames.get(key)
        if kept is not None:
            return Clip(kept)
        clip = self.read_media(*key)
        if clip.seconds_T:
            return clip
        frames = clip.frames_THWC
        height, width = self.preprocess.size_of(frames.shape[1], frames.shape[2])
        frames = resize(frames, height, width)
        with self._lock:
            if key not in self._frames and frames.nbytes <= self.room:
                self.room -= frames.nbytes
                self._frames[key] = frames
        return Clip(frames)


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
