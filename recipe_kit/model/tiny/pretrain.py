"""Make the embedded base model: draw pictures, ask about them, train on one GPU.

    python -m recipe_kit.model.tiny.pretrain OUT

Here it learns to see pictures; `recipe_kit.model.tiny.pretrain_clips` goes on from there.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from recipe_kit.data.worlds import draw
from recipe_kit.model.tiny.build import build_model, build_tokenizer
from recipe_kit.model.tiny.lessons import COURSES, lessons
from recipe_kit.model.tiny.measure import measure
from recipe_kit.model.tiny.pictures import CHUNK, Bank, Size
from recipe_kit.model.tiny.teacher import Job, Share, Teacher

SEED = 2026
# Share of each course in a batch: simple pictures first, the hard floors when it can see.
EARLY = {"primer": 0.5, "easy floors": 0.4, "tables": 0.1}
LATE = {
    "primer": 0.1, "plain floors": 0.025, "easy floors": 0.165, "all floors": 0.41, "tables": 0.3
}  # fmt: skip
DRAWN = (0.13, 0.03, 0.18, 0.38, 0.28)
"""Share of each course in what is drawn."""
SQUARE: Size = (128, 128)
OBLONG: tuple[Size, ...] = ((96, 128), (128, 96), (96, 160), (160, 96))
"""What photographs of other shapes are resized to."""
ASKED_LATER = "What is the position of the red ring relative to the apple? A. left B. right"
"""Words that no lesson needs and the tokenizer shall not have to spell."""
QUESTIONS = 3


def picture_share(
    step: int, courses: dict[str, float], pictures: int, length: int, weight: float = 1.0
) -> Share:
    """A step's pictures: square ones, and in every twelfth step some of another shape."""
    if step % 12 == 11:
        size = OBLONG[step // 12 % len(OBLONG)]
        return Share(size, courses, pictures // 2, QUESTIONS, length, weight, compiled=False)
    return Share(SQUARE, courses, pictures, QUESTIONS, length, weight)


def jobs(capacity: dict[Size, int]) -> Iterator[Job]:
    """What to draw: courses by their share, sizes by their capacity."""
    rng = np.random.default_rng(SEED)
    courses = list(COURSES)
    sizes = list(capacity)
    order = np.repeat(np.arange(len(sizes)), [count // CHUNK for count in capacity.values()])
    begun = dict.fromkeys(sizes, 0)
    for number, place in enumerate(rng.permutation(order).tolist()):
        size = sizes[place]
        # A size begins with one chunk of each course, so that none is missing at the start.
        first = begun[size] < len(courses)
        course = courses[begun[size]] if first else str(rng.choice(courses, p=DRAWN))
        begun[size] += 1
        yield course, size, number, CHUNK


def corpus() -> Iterator[str]:
    """Text the tokenizer is trained on: what the lessons say."""
    for course, (world, knobs) in COURSES.items():
        rng = np.random.default_rng(SEED)
        for index in range(500):
            labels = draw(world, seed=1, index=index, width=64, height=64, knobs=knobs).labels
            for prompt, answer in lessons(course, labels, rng):
                yield prompt
                yield answer
    for _ in range(500):
        yield ASKED_LATER


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=11.0)
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--pictures", type=int, default=512)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--length", type=int, default=72)
    parser.add_argument("--square", type=int, default=600_000)
    parser.add_argument("--oblong", type=int, default=24_000)
    parser.add_argument("--warm", type=int, default=60_000, help="pictures drawn before step 1")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--adam", action="store_true")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options.out.mkdir(parents=True, exist_ok=True)
    capacity = {SQUARE: options.square} | dict.fromkeys(OBLONG, options.oblong)
    begun = time.monotonic()
    torch.manual_seed(SEED)
    tokenizer = build_tokenizer(corpus())
    teacher = Teacher(
        build_model(tokenizer, seed=SEED).to(device),
        tokenizer,
        device=device,
        seed=SEED,
        banks={size: Bank(size, room, device) for size, room in capacity.items()},
        jobs=jobs(capacity),
        workers=options.workers,
        compiled=not options.eager,
    )

    def lesson(step: int, done: float) -> list[Share]:
        courses = EARLY if done < 0.06 else LATE
        return [picture_share(step, courses, options.pictures, options.length)]

    steps = teacher.train(
        lesson,
        minutes=options.minutes,
        warm=options.warm,
        rate=options.rate,
        muon=not options.adam,
        out=options.out,
        most_steps=options.steps,
    )
    measure(options.out / "weights", 1000, device)
    print(f"{steps} steps, {(time.monotonic() - begun) / 60:.1f} minutes in all", flush=True)


if __name__ == "__main__":
    main()
