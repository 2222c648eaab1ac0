"""The contradictions of a recipe's benchmarks, with what a person needs to decide about them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from recipe_kit.benchmark.construct import Pair, undecided
from recipe_kit.benchmark.review import Decision, record_decision
from recipe_kit.data.media import read_media
from recipe_kit.data.sources import media_roots
from recipe_kit.errors import DataError, RecordError
from recipe_kit.record.files import read_rows
from recipe_kit.record.schemas import Sample
from recipe_kit.run.answered import Answers, read_answers
from recipe_kit.run.layout import Layout
from recipe_kit.run.plan import answered_pools, make_plan, review_path
from recipe_kit.spec.model import Video
from recipe_kit.spec.recipe import Recipe

FRAMES = 8
"""Frames of a video that are shown."""
WIDTH = 480
"""Largest width of a frame that is shown, in pixels."""


@dataclass(frozen=True)
class Place:
    """Where a contradiction is."""

    benchmark: str
    index: int
    """Among the benchmark's pairs."""


class Review:
    """The contradictions of a recipe's benchmarks.

    Args:
        recipe: The recipe.
        places: Where its files are.

    Raises:
        DataError: No model answers the questions of a pool.
        RecordError: The models have not answered yet.
    """

    def __init__(self, recipe: Recipe, places: Layout) -> None:
        pools = answered_pools(recipe)
        if not pools:
            raise DataError(
                "there is nothing to review: no pool names a model that answers its questions too",
                where=f"{places.recipe_path}", fix="name one in benchmarks.NAME.pool.vision",
            )
        folder = places.recipe_path.parent
        plan = make_plan(recipe, recipe_dir=folder, cache=places.cache)
        answers, data = plan.of("answers"), plan.of("data")
        if places.run.manifest(answers.name, answers.fingerprint) is None:
            raise RecordError(
                "the models have not answered yet", where=str(places.recipe_path),
                fix=f"Run `{places.run_command(places.overrides)}` first; it stops where you have "
                "to decide.",
            )
        samples = read_rows(places.run.stage(data.name, data.fingerprint) / "samples.jsonl", Sample)
        made = places.run.stage(answers.name, answers.fingerprint)
        self._answers: dict[str, Answers] = {
            name: read_answers(recipe, name, samples, made) for name in pools
        }
        self._files = {name: review_path(recipe, name, folder) for name in pools}
        self._roots = media_roots(recipe, recipe_dir=folder, cache=places.cache)
        self._max_megapixels = recipe.data.audit.max_megapixels
        self.frames = lru_cache(maxsize=32)(self._read)
        self.run_command = places.run_command(places.overrides)
        self.places = tuple(
            Place(name, index)
            for name, answers_ in self._answers.items()
            for index, pair in enumerate(answers_.pairs(self._files[name]))
            if pair.standing != "agreed"
        )

    def pairs(self) -> tuple[Pair, ...]:
        """The contradictions, as they stand now."""
        now = {name: one.pairs(self._files[name]) for name, one in self._answers.items()}
        return tuple(now[place.benchmark][place.index] for place in self.places)

    def decide(self, number: int, **words: str) -> None:
        """Writes a decision into the review file.

        Args:
            number: Of the contradiction.
            **words: `decision`, `answer`, `reason` and `by`.

        Raises:
            DataError: It cannot be followed.
            StorageError: The file cannot be written.
        """
        pair = self.pairs()[number]
        decided = undecided(pair).model_dump() | words
        record_decision(self._files[self.places[number].benchmark], Decision(**decided))

    def media(self, sample: Sample) -> Path:
        """Where a sample's medium is."""
        return self._roots[sample.source] / sample.media

    def _read(self, number: int) -> tuple[tuple[bytes, float | None], ...]:
        """Frames of a contradiction's medium as JPEG, each with its time in seconds.

        Raises:
            DataError: It cannot be read.
        """
        sample = self.pairs()[number].sample
        clip = read_media(
            self.media(sample), sample.media_type, video=Video(nframes=FRAMES),
            size_of=_small, max_megapixels=self._max_megapixels,
        )
        seconds: Sequence[float | None] = clip.seconds_T or [None] * len(clip.frames_THWC)
        return tuple(
            (_jpeg(Image.fromarray(frame)), second)
            for frame, second in zip(clip.frames_THWC, seconds, strict=True)
        )


def _small(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, WIDTH / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _jpeg(picture: Image.Image) -> bytes:
    picture.thumbnail((WIDTH, 2 * WIDTH))  # a picture is read as large as it is
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    return out.getvalue()
