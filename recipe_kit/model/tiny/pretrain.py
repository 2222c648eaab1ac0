"""Make the embedded base model: draw pictures, ask about them, train on one GPU.

    python -m recipe_kit.model.tiny.pretrain OUT --minutes 18

Worker processes draw; the pictures stay on the GPU as patches and are seen several times, each time
with other questions. Shape names: N pictures, P patches, D = 768 bytes of a patch, R rows of
questions, L tokens.
"""

import argparse
import json
import math
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from recipe_kit.data.worlds import draw
from recipe_kit.model.forward import answer_losses
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prompt import IGNORED, Batch, Medium, collate, encode
from recipe_kit.model.tiny.build import build_model, build_tokenizer, save_tiny
from recipe_kit.model.tiny.lessons import COURSES, Lesson, lessons
from recipe_kit.model.vision import VisionFeatures, encode_media

CHUNK = 128
ASKED = 24  # questions kept of each picture, at most
SEED = 2026
# Share of each course in a batch: simple pictures first, the hard floors when it can see.
EARLY = {"primer": 0.5, "easy floors": 0.5, "all floors": 0.0}
LATE = {"primer": 0.2, "easy floors": 0.25, "all floors": 0.55}


@dataclass(frozen=True)
class Chunk:
    """What one worker drew: pictures of one course and size, and questions about each."""

    course: str
    side: int
    patches: np.ndarray[Any, np.dtype[np.uint8]]  # [N, P, D]
    asked: list[list[Lesson]]


def draw_chunk(job: tuple[str, int, int]) -> Chunk:
    """Draw `CHUNK` pictures of a course from a running number."""
    course, side, number = job
    world, knobs, _ = COURSES[course]
    rng = np.random.default_rng([SEED, number])
    patches, asked = [], []
    for index in range(CHUNK):
        drawing = draw(
            world, seed=SEED, index=number * CHUNK + index, width=side, height=side, knobs=knobs
        )
        patches.append(to_patches(drawing.image))
        questions = lessons(course, drawing.labels, rng)
        rng.shuffle(questions)
        asked.append(questions[:ASKED])
    return Chunk(course, side, np.stack(patches), asked)


def to_patches(
    image_HWC: np.ndarray[Any, np.dtype[np.uint8]],
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Patches in the order of `recipe_kit.model.pixels`, without the repeated frame."""
    height, width, _ = image_HWC.shape
    blocks = image_HWC.reshape(height // 32, 2, 16, width // 32, 2, 16, 3)
    return np.ascontiguousarray(blocks.transpose(0, 3, 1, 4, 6, 2, 5)).reshape(-1, 768)


class Bank:
    """Pictures of one size, on the GPU, with their questions."""

    def __init__(self, side: int, capacity: int, tokenizer: Any, device: str) -> None:
        self.side, self.device, self.tokenizer = side, device, tokenizer
        self.grid = Grid(1, side // 16, side // 16)
        self.patches_NPD = torch.empty(
            capacity, self.grid.patches, 768, dtype=torch.uint8, device=device
        )
        self.asked_NQ = torch.zeros(capacity, ASKED, dtype=torch.int32, device=device)
        self.counts_N = torch.zeros(capacity, dtype=torch.int32, device=device)
        self.members: dict[str, list[int]] = {course: [] for course in COURSES}
        self.places: dict[str, torch.Tensor] = {}
        self.size = 0
        self.rows: dict[Lesson, int] = {}
        self.encoded: list[Any] = []
        self.table: Batch | None = None

    @property
    def full(self) -> bool:
        """Whether another chunk does not fit."""
        return self.size + CHUNK > len(self.counts_N)

    def add(self, chunk: Chunk) -> None:
        """Take in a chunk."""
        span = slice(self.size, self.size + CHUNK)
        self.patches_NPD[span] = torch.from_numpy(chunk.patches).to(self.device)
        asked = np.zeros((CHUNK, ASKED), np.int32)
        for row, questions in enumerate(chunk.asked):
            asked[row, : len(questions)] = [self._row(lesson) for lesson in questions]
        self.asked_NQ[span] = torch.from_numpy(asked).to(self.device)
        self.counts_N[span] = torch.tensor(
            [len(questions) for questions in chunk.asked], dtype=torch.int32, device=self.device
        )
        self.members[chunk.course] += range(self.size, self.size + CHUNK)
        self.size += CHUNK

    def _row(self, lesson: Lesson) -> int:
        if lesson not in self.rows:
            self.rows[lesson] = len(self.encoded)
            prompt, target = lesson
            self.encoded.append(encode(self.tokenizer, prompt, [Medium(self.grid)], target=target))
        return self.rows[lesson]

    def refresh(self) -> None:
        """Make what was added available to `sample`."""
        self.table = collate(self.encoded, self.tokenizer.pad_token_id).to(self.device)
        self.places = {
            course: torch.tensor(members, device=self.device)
            for course, members in self.members.items()
        }

    def sample(
        self, shares: dict[str, float], pictures: int, questions: int
    ) -> tuple[torch.Tensor, Batch]:
        """Patches of random pictures, and `questions` random questions on each in a row."""
        assert self.table is not None
        chosen = []
        for course, share in shares.items():
            places = self.places[course]
            if (count := round(share * pictures)) and len(places):
                picked = torch.randint(len(places), (count,), device=self.device)
                chosen.append(places[picked])
        where = torch.cat(chosen)
        draws = torch.rand(len(where), questions, device=self.device)
        picks = (draws * self.counts_N[where, None]).long()
        rows = self.asked_NQ[where].gather(1, picks).flatten().long()
        return self.patches_NPD[where], take_rows(self.table, rows)


def take_rows(table: Batch, rows: torch.Tensor) -> Batch:
    """Rows of a table of questions as a batch, cut to the longest."""
    lengths = table.last_B[rows] % table.input_ids_BL.shape[1] + 1
    width = int(lengths.max())
    labels = table.labels_BL[rows, :width]
    counted = F.pad(labels[:, 1:] != IGNORED, (0, 1)).flatten()
    at = counted.nonzero()[:, 0]
    kinds = table.mm_token_type_ids_BL[rows, :width]
    return Batch(
        input_ids_BL=table.input_ids_BL[rows, :width],
        attention_mask_BL=None,
        mm_token_type_ids_BL=kinds,
        position_ids_3BL=table.position_ids_3BL[:, rows, :width],
        labels_BL=labels,
        next_positions_B=table.next_positions_B[rows],
        last_B=torch.arange(len(rows), device=rows.device) * width + lengths - 1,
        answer_at_P=at,
        answer_ids_P=labels.flatten()[at + 1],
        answer_rows_P=at // width,
        visual_tokens=int((kinds > 0).sum()),
    )


def see(model: Any, patches_NPD: torch.Tensor, grid: Grid, repeat: int = 1) -> VisionFeatures:
    """Features of pictures given as bytes, each `repeat` times in a row."""
    pictures, count, _ = patches_NPD.shape
    pixels = patches_NPD.view(pictures, count, 3, 1, 256).float().div(127.5).sub(1.0)
    both = pixels.expand(-1, -1, -1, 2, -1).reshape(pictures * count, 1536)
    seen = encode_media(model, both, grid)
    tokens = count // 4

    def again(feature_VE: torch.Tensor) -> torch.Tensor:
        by_picture = feature_VE.view(pictures, tokens, -1)
        return by_picture.repeat_interleave(repeat, 0).flatten(0, 1)

    return VisionFeatures(
        again(seen.tokens_VE),
        tuple(again(feature) for feature in seen.deepstack_VE),
        (tokens,) * (pictures * repeat),
    )


def loss_of(model: Any, patches_NPD: torch.Tensor, grid: Grid, batch: Batch) -> torch.Tensor:
    """Mean over questions; a long answer weighs the square root of its length."""
    questions = len(batch.input_ids_BL)
    vision = see(model, patches_NPD, grid, questions // len(patches_NPD))
    losses = answer_losses(model, batch, vision)
    lengths = torch.bincount(batch.answer_rows_P, minlength=questions).float()
    return (losses * lengths.rsqrt()[batch.answer_rows_P]).sum() / questions


def jitter(patches_NPD: torch.Tensor) -> torch.Tensor:
    """Other brightness and contrast for each picture, so that a picture seen again looks new."""
    pixels = patches_NPD.float()
    shape = (len(pixels), 1, 1)
    gain = torch.empty(shape, device=pixels.device).uniform_(0.8, 1.25)
    shift = torch.empty(shape, device=pixels.device).uniform_(-20, 20)
    return ((pixels - 128) * gain + 128 + shift).clamp(0, 255)


def jobs(sides: dict[int, float]) -> Iterator[tuple[str, int, int]]:
    """What to draw next, without end."""
    rng = np.random.default_rng(SEED)
    courses, weights = list(COURSES), [0.2, 0.3, 0.5]
    number = 0
    while True:
        side = int(rng.choice(list(sides), p=list(sides.values())))
        yield str(rng.choice(courses, p=weights)), side, number
        number += 1


def corpus() -> Iterator[str]:
    """Text the tokenizer is trained on: what the lessons say."""
    for number, course in enumerate(COURSES):
        for _ in range(4):
            for questions in draw_chunk((course, 64, number)).asked:
                for prompt, target in questions:
                    yield prompt
                    yield target


class Teacher:
    """Draws in the background and trains."""

    def __init__(self, *, device: str, workers: int, capacity: dict[int, int]) -> None:
        torch.manual_seed(SEED)
        torch.backends.cuda.matmul.allow_tf32 = True
        self.device = device
        self.tokenizer = build_tokenizer(corpus())
        self.model = build_model(self.tokenizer, seed=SEED).to(device).train()
        self.banks = {
            side: Bank(side, size, self.tokenizer, device) for side, size in capacity.items()
        }
        pixels = {side: float(size) for side, size in capacity.items()}
        total = sum(pixels.values())
        self.pool = multiprocessing.get_context("spawn").Pool(workers)
        self.chunks = self.pool.imap_unordered(
            draw_chunk,
            _first(
                jobs({s: n / total for s, n in pixels.items()}), sum(capacity.values()) // CHUNK
            ),
        )
        self.drawing = True

    def fill(self, seconds: float) -> None:
        """Take in what the workers have drawn, for this long at most."""
        until = time.monotonic() + seconds
        while self.drawing and time.monotonic() < until:
            try:
                chunk = self.chunks.next(timeout=max(0.01, until - time.monotonic()))  # type: ignore[attr-defined]
            except StopIteration:
                self.drawing = False
            except multiprocessing.TimeoutError:
                break
            else:
                if not self.banks[chunk.side].full:
                    self.banks[chunk.side].add(chunk)
        for bank in self.banks.values():
            if bank.size:
                bank.refresh()

    def train(
        self, *, minutes: float, warm_seconds: float, pictures: int, rate: float, log: Path
    ) -> int:
        """Train until the time is up; the learning rate follows the clock."""
        matrices = [p for p in self.model.parameters() if p.ndim >= 2]
        vectors = [p for p in self.model.parameters() if p.ndim < 2]
        optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}],
            lr=rate,
            betas=(0.9, 0.98),
            fused=self.device == "cuda",
        )
        self.fill(warm_seconds)
        while not all(bank.size for bank in self.banks.values()):
            self.fill(1.0)
        start = last = time.monotonic()
        sides = list(self.banks)
        step, recent = 0, torch.zeros((), device=self.device)
        while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
            if step % 200 == 0:
                self.fill(1.0)
            warm = min(1.0, (step + 1) / 400)
            now = rate * warm * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6
            for group in optimizer.param_groups:
                group["lr"] = now
            # Three batches of small pictures for each batch of larger ones.
            side = sides[1] if len(sides) > 1 and step % 4 == 3 else sides[0]
            bank = self.banks[side]
            shares = EARLY if done < 0.08 else LATE
            count = pictures if side == sides[0] else pictures // 2
            patches, batch = bank.sample(shares, count, 3)
            with torch.autocast(self.device, torch.bfloat16):
                loss = loss_of(self.model, jitter(patches), bank.grid, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            recent += loss.detach()
            step += 1
            if step % 250 == 0:
                spent = time.monotonic() - last
                line = {
                    "step": step,
                    "loss": round(recent.item() / 250, 4),
                    "rate": round(now, 6),
                    "minutes": round((time.monotonic() - start) / 60, 2),
                    "steps_per_second": round(250 / spent, 1),
                    "pictures": {str(s): b.size for s, b in self.banks.items()},
                }
                with log.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
                recent.zero_()
                last = time.monotonic()
        self.pool.terminate()
        return step


def _first(jobs: Iterator[tuple[str, int, int]], count: int) -> Iterator[tuple[str, int, int]]:
    for _, job in zip(range(count), jobs, strict=False):
        yield job


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=18.0)
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--pictures", type=int, default=512)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--small", type=int, default=900_000, help="pictures of 128 pixels to draw")
    parser.add_argument("--large", type=int, default=150_000, help="pictures of 192 pixels to draw")
    parser.add_argument("--warm", type=float, default=20.0, help="seconds of drawing before step 1")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options.out.mkdir(parents=True, exist_ok=True)
    teacher = Teacher(
        device=device, workers=options.workers, capacity={128: options.small, 192: options.large}
    )
    steps = teacher.train(
        minutes=options.minutes,
        warm_seconds=options.warm,
        pictures=options.pictures,
        rate=options.rate,
        log=options.out / "log.jsonl",
    )
    save_tiny(teacher.model, teacher.tokenizer, options.out / "weights")
    print(f"{steps} steps", flush=True)


if __name__ == "__main__":
    main()
