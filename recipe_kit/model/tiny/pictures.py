"""Drawn pictures and clips with their questions, as the pre-training keeps and samples them.

Worker processes draw and tokenize (`Artist`); the training process keeps the pictures on the GPU as
patches, and sees each of them several times with other questions. Shape names: N pictures or clips,
P patches, D bytes of a patch (768, of a clip twice as many), Q questions of a picture, L tokens,
B rows of questions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recipe_kit.data.worlds import draw
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prompt import Encoded, Medium, encode
from recipe_kit.model.tiny.clip_lessons import clip_lessons
from recipe_kit.model.tiny.clips import CLIPS, clip_patches, draw_frames, times_of
from recipe_kit.model.tiny.lessons import COURSES, lessons
from recipe_kit.model.tiny.table_lessons import Lesson

CHUNK = 128
"""Pictures drawn in one go."""
ASKED = 20
"""Questions kept of each picture, at most."""
LENGTH = 96
"""Tokens of a picture's question with its answer, at most."""
CLIP_TEXT = 112
"""The same for a clip, without its visual tokens and their times."""
STEP_TEXT = 12
"""Tokens that a time step has beside its visual ones, at most: its time, its begin and end."""

Bytes = npt.NDArray[np.uint8]
Size = tuple[int, ...]
"""Height and width of a picture, in pixels; of a clip also its number of frames."""


@dataclass(frozen=True)
class Chunk:
    """What one worker drew: pictures of one course and size, and questions about each."""

    course: str
    size: Size
    patches_NPD: Bytes
    ids_NQL: npt.NDArray[np.uint16]
    spans_NQ2: npt.NDArray[np.uint16]
    """Where the answer begins, and where it ends with `<|im_end|>`."""
    counts_N: Bytes
    """How many questions each picture has."""


class Artist:
    """Draws chunks; made once in every worker process."""

    def __init__(self, tokenizer: Any, seed: int) -> None:
        self.seed = seed

        def numbers(prompt: str, answer: str, size: Size) -> Encoded:
            return encode(tokenizer, prompt, [medium_of(size)], target=answer)

        self.encode = lru_cache(200_000)(numbers)

    def draw(self, course: str, size: Size, number: int, count: int = CHUNK) -> Chunk:
        """Draw the chunk with this running number."""
        rng = np.random.default_rng([self.seed, number])
        patches = np.empty((count, grid_of(size).patches, depth_of(size)), np.uint8)
        ids = np.zeros((count, ASKED, length_of(size)), np.uint16)
        spans = np.zeros((count, ASKED, 2), np.uint16)
        counts = np.zeros(count, np.uint8)
        for row in range(count):
            patches[row], asked = self._one(course, size, number * CHUNK + row, rng)
            chosen = rng.permutation(len(asked))[:ASKED].tolist()
            counts[row] = len(chosen)
            for column, (prompt, answer) in enumerate(asked[n] for n in chosen):
                encoded = self.encode(prompt, answer, size)
                ids[row, column, : len(encoded.ids_L)] = encoded.ids_L
                begin = encoded.prompt_length
                spans[row, column] = begin, begin + encoded.answer_length
        return Chunk(course, size, patches, ids, spans, counts)

    def _one(
        self, course: str, size: Size, index: int, rng: np.random.Generator
    ) -> tuple[Bytes, list[Lesson]]:
        """The patches of a picture or clip, and all questions about it."""
        if course == CLIPS:
            height, width, count = size
            frames, labels = draw_frames(self.seed, index, height, width, count, rng)
            return clip_patches(frames), clip_lessons(labels, rng)
        world, knobs = COURSES[course]
        height, width = size
        drawing = draw(world, seed=self.seed, index=index, width=width, height=height, knobs=knobs)
        return to_patches(drawing.image), lessons(course, drawing.labels, rng)


def grid_of(size: Size) -> Grid:
    """Patches of a picture or clip."""
    steps = size[2] // 2 if len(size) == 3 else 1
    return Grid(steps, size[0] // 16, size[1] // 16)


def medium_of(size: Size) -> Medium:
    """A picture or clip as the prompt sees it."""
    if len(size) == 2:
        return Medium(grid_of(size))
    return Medium(grid_of(size), "video", times_of(size[2]))


def depth_of(size: Size) -> int:
    """Bytes of a patch; a picture's is kept without the repeated frame."""
    return 768 if len(size) == 2 else 1536


def length_of(size: Size) -> int:
    """Tokens of a question with its answer, at most."""
    if len(size) == 2:
        return LENGTH
    grid = grid_of(size)
    return CLIP_TEXT + grid.t * (STEP_TEXT + grid.h * grid.w // 4)


def to_patches(image_HWC: Bytes) -> Bytes:
    """Patches in the order of `recipe_kit.model.pixels`, without the repeated frame."""
    height, width, _ = image_HWC.shape
    blocks = image_HWC.reshape(height // 32, 2, 16, width // 32, 2, 16, 3)
    return np.ascontiguousarray(blocks.transpose(0, 3, 1, 4, 6, 2, 5)).reshape(-1, 768)


@dataclass(frozen=True)
class Rows:
    """Questions of a training step, on the device, the questions of a picture in a row."""

    ids_BL: torch.Tensor
    at_A: torch.Tensor
    """Where an answer token is predicted, as indices into B * L."""
    answers_A: torch.Tensor
    weights_A: torch.Tensor
    """Adds up to one for a step; a long answer weighs the square root of its length."""


class Bank:
    """All pictures of one size, with their questions; one thread may add while another samples."""

    def __init__(
        self, size: Size, capacity: int, device: str, courses: Iterable[str] = tuple(COURSES)
    ) -> None:
        grid = grid_of(size)
        self.size, self.device, self.count = size, device, 0
        self.patches_NPD = torch.empty(
            capacity, grid.patches, depth_of(size), dtype=torch.uint8, device=device
        )
        self.ids_NQL = np.zeros((capacity, ASKED, length_of(size)), np.uint16)
        self.spans_NQ2 = np.zeros((capacity, ASKED, 2), np.uint16)
        self.counts_N = np.zeros(capacity, np.uint8)
        self._places = {course: np.zeros(capacity, np.int64) for course in courses}
        self._drawn = dict.fromkeys(self._places, 0)

    @property
    def full(self) -> bool:
        """Whether another chunk does not fit."""
        return self.count + CHUNK > len(self.counts_N)

    @property
    def ready(self) -> bool:
        """Whether there is a chunk of every course."""
        return all(self._drawn.values())

    def add(self, chunk: Chunk) -> None:
        """Take in a chunk; it can be sampled when this returns."""
        count = len(chunk.counts_N)
        span = slice(self.count, self.count + count)
        self.patches_NPD[span] = torch.from_numpy(chunk.patches_NPD).to(self.device)
        self.ids_NQL[span] = chunk.ids_NQL
        self.spans_NQ2[span] = chunk.spans_NQ2
        self.counts_N[span] = chunk.counts_N
        drawn = self._drawn[chunk.course]
        self._places[chunk.course][drawn : drawn + count] = np.arange(span.start, span.stop)
        self.count += count
        self._drawn[chunk.course] += count

    def sample(
        self,
        shares: Mapping[str, float],
        pictures: int,
        questions: int,
        length: int,
        rng: np.random.Generator,
    ) -> tuple[torch.Tensor, Rows]:
        """Indices of random pictures, and `questions` random questions about each."""
        chosen = [
            self._places[course][rng.integers(self._drawn[course], size=round(share * pictures))]
            for course, share in shares.items()
        ]
        where = np.concatenate(chosen)
        picked = (rng.random((len(where), questions)) * self.counts_N[where, None]).astype(np.int64)
        which = np.repeat(where, questions), picked.reshape(-1)
        ids = self.ids_NQL[which][:, :length].astype(np.int64)
        spans = self.spans_NQ2[which].astype(np.int64)
        columns = np.arange(length)
        # The token before the answer predicts its first.
        ends = np.minimum(spans[:, 1:], length)
        rows, at = np.nonzero((columns >= spans[:, :1] - 1) & (columns < ends - 1))
        weights = 1 / np.sqrt(spans[:, 1] - spans[:, 0]) / len(ids)

        def move(array: npt.NDArray[Any]) -> torch.Tensor:
            tensor = torch.from_numpy(array)
            if self.device == "cpu":
                return tensor
            return tensor.pin_memory().to(self.device, non_blocking=True)

        return move(where), Rows(
            move(ids),
            move(rows * length + at),
            move(ids[rows, at + 1]),
            move(weights[rows].astype(np.float32)),
        )
