"""Clips and questions of the example workload: 16 frames of 448 by 736 pixels, questions of words.

Frames are blocks of random color with noise, so every patch differs. A pool of clips lies in the
frame cache, as a run keeps decoded frames; every video is one of them mirrored, turned upside down,
reversed in time or with its colors swapped: other pixels, which cost nothing to make.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recipe_kit.data.clip import Clip
from recipe_kit.data.frames import FrameCache
from recipe_kit.record.schemas import Question
from tests.bench.gpu.real import Size

TURNS = 16
"""Videos that are made of each clip of the pool."""
MOST = 512
"""Videos after which they come again, under other names."""
ROOM = 200_000_000_000
OPTIONS = (
    "It keeps its speed", "It slows down and stops",
    "It turns to the left", "It changes to the right lane",
)  # fmt: skip
ASKED = (
    "What does the camera's own vehicle do first", "How many cars are on the road ahead",
    "Which way does the road bend", "What is the weather like on this drive",
    "What does the car ahead do at the end", "Where is the nearest truck on the road",
    "What color is the car on the left", "What stands at the side of the road",
    "How many people cross the road", "What does the sign on the right say",
    "How far can the road be seen", "Is the road wet or dry",
)  # fmt: skip
TEXT = (
    "The road goes straight on through a town. A red car is ahead of the camera's own vehicle and "
    "slows down at a crossing. The weather is clear and the road is dry. On the left there are "
    "parked cars, on the right stands a sign. The vehicle stops behind the car, waits, and then "
    "turns left. People cross the road ahead."
)  # fmt: skip


class Pool:
    """Clips in a frame cache; `read` is a `ReadMedia`.

    Args:
        folder: Where the cache is made.
        size: What a clip is.
        videos: Different videos that are needed.
    """

    def __init__(self, folder: Path, size: Size, videos: int) -> None:
        self._cache = FrameCache(folder, ROOM)
        self._size = size
        self._seconds = tuple(
            round(30 * frame / max(1, size.frames - 1), 3) for frame in range(size.frames)
        )
        for number in range(-(-videos // TURNS)):
            self._cache.keep(_key(number), Clip(noise(size, number), self._seconds))

    def read(self, source: str, media: str) -> Clip:
        """Reads the video of that number, as `7.mp4`."""
        number = int(media.partition(".")[0]) % MOST
        clip = self._cache.get(_key(number // TURNS), self._missing)
        frames, turn = clip.frames_THWC, number % TURNS
        frames = frames[::-1] if turn & 1 else frames
        frames = frames[:, ::-1] if turn & 2 else frames
        frames = frames[:, :, ::-1] if turn & 4 else frames
        frames = frames[..., ::-1] if turn & 8 else frames
        return Clip(frames, self._seconds)

    def _missing(self) -> Clip:
        raise AssertionError("the pool is smaller than what is read of it")


def _key(number: int) -> str:
    return f"{number:02d}-pool"


def noise(size: Size, number: int) -> np.ndarray:
    """Frames in which every patch has a color of its own, uint8 [T, H, W, 3]."""
    generator = np.random.default_rng(number)
    height, width = size.side
    colors = generator.integers(0, 224, (size.frames, height // 16, width // 16, 3), np.uint8)
    grain = generator.integers(0, 32, (size.frames, height, width, 3), np.uint8)
    return grain + colors.repeat(16, 1).repeat(16, 2)


def prompt(number: int) -> str:
    """A question with four options; all of one length but for a word or two."""
    options = "\n".join(
        f"{letter}. {OPTIONS[(number + place) % 4]}" for place, letter in enumerate("ABCD")
    )
    return f"{ASKED[number % len(ASKED)]}?\n{options}\nAnswer with a letter."


def questions(videos: Sequence[int], each: int) -> list[Question]:
    """Questions whose answer is the likeliest letter, `each` about every video."""
    return [
        Question(
            id=f"bench/{number}/{video}", benchmark="bench", task=f"q{number}",
            task_type="choice", sample=str(video), media=f"{video}.mp4", media_sha256=str(video),
            prompt=prompt(number), choices=("A", "B", "C", "D"), reference="A", source="bench",
            options=dict(zip("ABCD", OPTIONS, strict=True)), answer_by="probability",
        )
        for video in videos
        for number in range(each)
    ]


def open_questions(videos: Sequence[int], each: int, tokens: int) -> list[Question]:
    """The same, answered by a text of so many tokens."""
    return [
        question.model_copy(update={
            "task_type": "open", "choices": (), "options": {}, "max_new_tokens": tokens,
            "answer_by": "both",
        })
        for question in questions(videos, each)
    ]
