"""Teach the embedded base model short clips, without unlearning pictures, on one GPU.

    python -m recipe_kit.model.tiny.pretrain_clips OUT

It goes on from a trained model, with a larger vocabulary, and half of what it is asked are the
pictures of before.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from recipe_kit.data.worlds.driving import annotations
from recipe_kit.data.worlds.driving.captions import caption
from recipe_kit.data.worlds.driving.labels import labels
from recipe_kit.data.worlds.driving.plan import plan
from recipe_kit.model.checkpoint import TINY
from recipe_kit.model.load import load_model
from recipe_kit.model.tiny.clip_lessons import clip_lessons
from recipe_kit.model.tiny.clips import CLIPS, KNOBS
from recipe_kit.model.tiny.lessons import COURSES
from recipe_kit.model.tiny.measure import measure
from recipe_kit.model.tiny.pictures import CHUNK, Bank, Size
from recipe_kit.model.tiny.pretrain import DRAWN, LATE, OBLONG, SQUARE, picture_share
from recipe_kit.model.tiny.teacher import Job, Share, Teacher
from recipe_kit.model.tiny.vocabulary import learn_merges, with_merges, with_vocabulary

SEED = 4052
WORDS = 1024
"""Tokens of the vocabulary."""
CLIP: Size = (96, 128, 8)
OTHER_CLIPS: tuple[Size, ...] = ((96, 128, 4), (64, 128, 8), (96, 128, 6), (96, 128, 16))
FEW = 32
"""Clips drawn in one go."""
QUESTIONS = 5


def corpus() -> Iterator[str]:
    """Texts about clips: the lessons, and what recipes about them ask and answer."""
    rng = np.random.default_rng(SEED)
    for index in range(400):
        scene = plan(seed=SEED, index=index, knobs=KNOBS)
        for prompt, answer in clip_lessons(labels(scene), rng):
            yield prompt
            yield answer
        for _ in range(4):
            yield caption(scene)
        yield str(annotations.reasoning(scene)["target"])
        cv = annotations.cv(scene)["final_content"]["ego_behavior_schema"]
        yield str(cv["effect_on_ego_behavior"])
        yield "<0.3 seconds>"
        yield "\n".join(ASKED_LATER)


ASKED_LATER = (
    "What does the ego vehicle do when the clip begins and ends?",
    "How does the distance change? It becomes smaller, larger, faster, slower.",
    "Which of these does a pedestrian, a cyclist or a motor vehicle carry?",
)
"""Words that no lesson needs and the tokenizer shall not have to spell."""


def jobs(capacity: dict[Size, int], clips: float, seed: int) -> Iterator[Job]:
    """What to draw: every size's first chunks, then clips and pictures by their share."""
    rng = np.random.default_rng(seed)
    number = 0
    for size in capacity:
        for course in COURSES if len(size) == 2 else (CLIPS,):
            yield course, size, number, CHUNK if len(size) == 2 else FEW
            number += 1
    kinds = {frames: [size for size in capacity if (len(size) == 3) == frames]
             for frames in (False, True)}  # fmt: skip
    shares = {
        frames: np.array([capacity[size] for size in sizes]) / sum(capacity[s] for s in sizes)
        for frames, sizes in kinds.items()
    }
    while True:
        frames = bool(rng.random() < clips)
        size = kinds[frames][int(rng.choice(len(kinds[frames]), p=shares[frames]))]
        course = CLIPS if frames else str(rng.choice(list(COURSES), p=DRAWN))
        yield course, size, number, FEW if frames else CHUNK
        number += 1


def lesson(step: int, *, pictures: int, clips: int, length: int, weight: float) -> list[Share]:
    """A step's pictures and clips; the clips have this weight in its loss."""
    size, count, compiled = CLIP, clips, True
    # Not in the steps that show pictures of other shapes.
    if step % 12 == 5:
        size, compiled = OTHER_CLIPS[step // 12 % len(OTHER_CLIPS)], False
        count = clips * CLIP[2] // size[2] // 2
    tokens = length + (size[2] - CLIP[2]) // 2 * 20
    return [
        picture_share(step, LATE, pictures, 72, 1 - weight),
        Share(size, {CLIPS: 1.0}, count, QUESTIONS, tokens, weight, compiled),
    ]


def start(base: Path, device: str) -> tuple[Any, Any]:
    """The model to go on from, and its tokenizer, with `WORDS` tokens."""
    loaded = load_model(str(base))
    tokenizer = loaded.tokenizer
    missing = WORDS - len(tokenizer)
    larger = with_merges(tokenizer, learn_merges(tokenizer, corpus(), missing))
    return with_vocabulary(loaded.model, tokenizer, larger).to(device), larger


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--base", type=Path, default=TINY, help="the model to go on from")
    parser.add_argument("--minutes", type=float, default=7.5)
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--seed", type=int, default=SEED, help="of what is drawn")
    parser.add_argument("--weight", type=float, default=0.45, help="of the clips in the loss")
    parser.add_argument("--pictures", type=int, default=384)
    parser.add_argument("--clips", type=int, default=160)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--length", type=int, default=160, help="tokens of a clip's question")
    parser.add_argument("--room", type=int, default=200_000, help="clips that are kept")
    parser.add_argument("--share", type=float, default=0.85, help="chunks that are clips")
    parser.add_argument("--warm", type=int, default=20_000, help="drawn before step 1")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--measured", type=int, default=1000, help="pictures of each world")
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--adam", action="store_true")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options.out.mkdir(parents=True, exist_ok=True)
    room = options.room
    capacity = {SQUARE: room, CLIP: room}
    capacity |= dict.fromkeys(OBLONG, room // 25) | dict.fromkeys(OTHER_CLIPS, room // 40)
    begun = time.monotonic()
    torch.manual_seed(options.seed)
    model, tokenizer = start(options.base, device)
    banks = {
        size: Bank(size, count, device, COURSES if len(size) == 2 else (CLIPS,))
        for size, count in capacity.items()
    }
    teacher = Teacher(
        model, tokenizer, device=device, seed=options.seed, banks=banks,
        jobs=jobs(capacity, options.share, options.seed), workers=options.workers,
        compiled=not options.eager,
    )  # fmt: skip
    steps = teacher.train(
        lambda step, done: lesson(
            step,
            pictures=options.pictures,
            clips=options.clips,
            length=options.length,
            weight=options.weight,
        ),
        minutes=options.minutes,
        warm=options.warm,
        rate=options.rate,
        muon=not options.adam,
        out=options.out,
        most_steps=options.steps,
    )
    measure(options.out / "weights", options.measured, device)
    print(f"{steps} steps, {(time.monotonic() - begun) / 60:.1f} minutes in all", flush=True)


if __name__ == "__main__":
    main()
