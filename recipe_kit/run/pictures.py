"""The page's pictures and videos: of its examples, of annotated clips, and of many samples."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from recipe_kit.data.annotations import META, annotation_of
from recipe_kit.data.clips import grid_clip, page_clip
from recipe_kit.data.contact import sheets
from recipe_kit.data.media import thumbnail
from recipe_kit.errors import DataError
from recipe_kit.record.files import write_atomic, write_json
from recipe_kit.record.schemas import AnnotationExample, Example, Sample
from recipe_kit.run.job import Job
from recipe_kit.score.examples import media_name
from recipe_kit.spec.data import AnnotationsSource, part_shares

LONGEST_SIDE = 320  # of a picture on the page, in pixels
CLIP_BYTES = 3_000_000
CLIPS_BYTES = 18_000_000
"""Most that all videos of a page take together, beside the grid."""
GRID_BYTES = 4_000_000
GRID_SIDE = 10
GRID_FROM = 4
"""Fewer training clips are no grid."""


class Pictures(BaseModel):
    """The page's pictures and videos."""

    files: tuple[str, ...]
    """Their names in `media/`."""
    contact_sheets: dict[str, str]
    """From the label's value to the file's name."""
    annotations: tuple[AnnotationExample, ...] = ()
    """A training sample of each subdirectory."""
    training_grid: str = ""
    """File name of the video of many training clips."""


def write_pictures(job: Job, folder: Path, chosen: tuple[Example, ...]) -> None:
    """Writes `media/` and `pictures.json` into a stage's folder."""
    made: dict[str, bytes] = {}
    clips: dict[str, Path] = {}
    by_id = {q.id: q for name in job.recipe.benchmarks for q in job.questions(name)}
    kinds = {(sample.source, sample.media): sample.media_type for sample in job.samples}
    for example in chosen:
        question = by_id[example.question]
        kind = kinds[question.source, question.media]
        path = job.media_path(question.source, question.media)
        name = media_name(question)
        made[name] = thumbnail(path, LONGEST_SIDE, media_type=kind,
                               max_megapixels=job.recipe.data.audit.max_megapixels)
        if kind == "video" and example.kind != "sample":
            clips[Path(name).with_suffix(".mp4").name] = path
    shown: dict[str, str] = {}
    for value, picture in sheets(job.recipe, job.samples, job.roots).items():
        # Named by its content: a label's value may be anything.
        shown[value] = f"samples-{_digest(picture)}.jpg"
        made[shown[value]] = picture
    training = [s for s in job.samples if s.split == "train" and s.sha256]
    annotated = tuple(_annotations(job, training))
    of_id = {sample.id: sample for sample in training}
    for one in annotated:
        clips[one.video] = job.media_path(one.source, of_id[one.sample].media)
    made |= _clips(job, clips)
    annotated = tuple(
        one if one.video in made else one.model_copy(update={"video": ""}) for one in annotated
    )
    grid = _grid(job, [sample for sample in training if sample.media_type == "video"])
    grid_name = f"training-grid-{_digest(grid)}.mp4" if grid else ""
    if grid:
        made[grid_name] = grid
    for name, content in made.items():
        write_atomic(folder / "media" / name, content)
    write_json(folder / "pictures.json", Pictures(
        files=tuple(made), contact_sheets=shown, annotations=annotated, training_grid=grid_name,
    ))


def _clips(job: Job, clips: dict[str, Path]) -> dict[str, bytes]:
    """The videos of the page; one that cannot be shown small enough is left out, and said so."""
    limit = min(CLIP_BYTES, CLIPS_BYTES // max(1, len(clips)))
    made = {}
    for done, (name, path) in enumerate(clips.items()):
        job.report.advance("videos for the page", done, len(clips))
        try:
            made[name] = page_clip(path, limit_bytes=limit,
                                   max_megapixels=job.recipe.data.audit.max_megapixels)
        except DataError as error:
            job.report.note(f"without a video: {path.name} {error.what}")
    return made


def _annotations(job: Job, training: Sequence[Sample]) -> Iterator[AnnotationExample]:
    for name, source in job.recipe.data.sources.items():
        meta = source.meta_file if isinstance(source, AnnotationsSource) else META
        for part in part_shares(source):
            mine = (s for s in training if s.source == name and s.part == part)
            sample = min(mine, key=lambda one: one.id, default=None)
            if sample is None or sample.prompt is None or sample.target is None:
                continue
            one = annotation_of(job.roots[name], sample.media, part, meta)
            yield AnnotationExample(
                source=name, part=part, format=one.format, sample=sample.id,
                video=f"{sample.sha256[:16]}.mp4",
                annotation=json.dumps(one.annotation, indent=4, ensure_ascii=False),
                prompt=sample.prompt, target=sample.target,
            )


def _grid(job: Job, clips: Sequence[Sample]) -> bytes:
    """A random choice of training clips in one video; nothing where there are too few."""
    if len(clips) < GRID_FROM:
        return b""
    side = min(GRID_SIDE, math.isqrt(len(clips)))
    seed = job.recipe.data.seed
    # In the order of a seeded hash, as splits are: more samples change few of those shown.
    chosen = sorted(clips, key=lambda one: _digest(f"{seed}/{one.id}".encode()))[: side * side]
    return grid_clip(
        [job.media_path(one.source, one.media) for one in chosen], columns=side,
        limit_bytes=GRID_BYTES, max_megapixels=job.recipe.data.audit.max_megapixels,
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
