"""The page's pictures: those of its examples, and contact sheets of the samples."""

import hashlib
from pathlib import Path

from pydantic import BaseModel

from recipe_kit.data.contact import sheets
from recipe_kit.data.media import thumbnail
from recipe_kit.record.files import write_atomic, write_json
from recipe_kit.record.schemas import Example
from recipe_kit.run.job import Job
from recipe_kit.score.examples import media_name

LONGEST_SIDE = 320  # of a picture on the page, in pixels


class Pictures(BaseModel):
    """The page's pictures."""

    files: tuple[str, ...]
    """Their names in `media/`."""
    contact_sheets: dict[str, str]
    """From the label's value to the file's name."""


def write_pictures(job: Job, folder: Path, chosen: tuple[Example, ...]) -> None:
    """Writes `media/` and `pictures.json` into a stage's folder."""
    made: dict[str, bytes] = {}
    questions = job.questions(next(iter(job.recipe.benchmarks)))
    by_id = {question.id: question for question in questions}
    kinds = {(sample.source, sample.media): sample.media_type for sample in job.samples}
    for example in chosen:
        question = by_id[example.question]
        made[media_name(question)] = thumbnail(
            job.roots[question.source] / question.media, LONGEST_SIDE,
            media_type=kinds[question.source, question.media],
            max_megapixels=job.recipe.data.audit.max_megapixels,
        )
    shown: dict[str, str] = {}
    for value, picture in sheets(job.recipe, job.samples, job.roots).items():
        # Named by its content: a label's value may be anything.
        shown[value] = f"samples-{hashlib.sha256(picture).hexdigest()[:16]}.jpg"
        made[shown[value]] = picture
    for name, picture in made.items():
        write_atomic(folder / "media" / name, picture)
    write_json(folder / "pictures.json", Pictures(files=tuple(made), contact_sheets=shown))
