"""Drawn pictures with their questions, as the pre-training keeps and samples them.

Worker processes draw and tokenize (`draw_chunk`); the training process keeps the pictures on the
GPU as patches, and sees each of them several times with other questions. Shape names: N pictures,
P patches, D = 768 bytes of a patch, Q questions of a picture, L tokens, B rows of questions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recipe_kit.data.worlds import draw
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prompt import Encoded, Medium, encode
from recipe_kit.model.tiny.lessons import COURSES, lessons

CHUNK = 128
"""Pictures drawn in one go."""
ASKED = 20
"""Questions kept of each picture, at most."""
LENGTH = 96
"""Tokens of a question with its answer, at most."""

Bytes = npt.NDArray[np.uint8]
Size = tuple[int, int]
"""Height and width of a picture, in pixels."""


@dataclass(frozen=True)
class Chunk:
    """What one worker drew: pictures of one course and size, and questions about each."""

    course: str
    size: Size
    patches_NPD: Bytes
    ids_NQL: npt.NDArray[np.uint16]
    spans_NQ2: Bytes
    """Where the answer begins, and where it ends with `<|im_end|>`."""
    counts_N: Bytes
    """How many questions each picture has."""


class Artist:
    """Draws chunks; made once in every worker process."""

    def __init__(self, tokenizer: Any, seed: int) -> None:
        self.seed = seed

        def numbers(prompt: str, answer: str, size: Size) -> Encoded:
            return encode(tokenizer, prompt, [Medium(grid_of(size))], target=answer)

        self.encode = lru_cache(200_000)(numbers)

    def draw(self, course: str, size: Size, number: int, count: int = CHUNK) -> Chunk:
        """Draw the chunk with this running number."""
        world, knobs = COURSES[course]
        rng = np.random.default_rng([self.seed, number])
        patches = np.empty((count, grid_of(size).patches, 768), np.uint8)
        ids = np.zeros((count, ASKED, LENGTH), np.uint16)
        spans = np.zeros((count, ASKED, 2), np.uint8)
        counts = np.zeros(count, np.uint8)
        for row in range(count):
            drawing = draw(
                world,
                seed=self.seed,
                index=number * CHUNK + row,
                width=size[1],
                height=size[0],
                knobs=knobs,
            )
            patches[row] = to_patches(drawing.image)
            asked = lessons(course, drawing.labels, rng)
            chosen = rng.permutation(len(asked))[:ASKED].tolist()
            counts[row] = len(chosen)
            for column, (prompt, answer) in enumerate(asked[n] for n in chosen):
                encoded = self.encode(prompt, answer, size)
                ids[row, column, : len(encoded.ids_L)] = encoded.ids_L
                begin = encoded.prompt_length
                spans[row, column] = begin, begin + encoded.answer_length
        return Chunk(course, size, patches, ids, spans, counts)


def grid_of(size: Size) -> Grid:
    """Patches of a picture."""
    return Grid(1, size[0] // 16, size[1] // 16)


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

    def __init__(self, size: Size, capacity: int, device: str) -> None:
        grid = grid_of(size)
        self.size, self.device, self.count = size, device, 0
        self.patches_NPD = torch.empty(
            capacity, grid.patches, 768, dtype=torch.uint8, device=device
        )
        self.ids_NQL = np.zeros((capacity, ASKED, LENGTH), np.uint16)
        self.spans_NQ2 = np.zeros((capacity, ASKED, 2), np.uint8)
        self.counts_N = np.zeros(capacity, np.uint8)
        self._places = {course: np.zeros(capacity, np.int64) for course in COURSES}
        self._drawn = dict.fromkeys(COURSES, 0)

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
        rows, at = np.nonzero((columns >= spans[:, :1] - 1) & (columns < spans[:, 1:] - 1))
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
