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

    media: dict[str, str]
    """From the file's name to its sha256."""
    contact_sheets: dict[str, str]
    """From the label's value to the file's name."""


def write_pictures(job: Job, folder: Path, chosen: tuple[Example, ...]) -> None:
    """Writes `media/` and `pictures.json` into a stage's folder."""
    media: dict[str, str] = {}

    def write(name: str, picture: bytes) -> None:
        write_atomic(folder / "media" / name, picture)
        media[name] = hashlib.sha256(picture).hexdigest()

    questions = job.questions(next(iter(job.recipe.benchmarks)))
    by_id = {question.id: question for question in questions}
    kinds = {(sample.source, sample.media): sample.media_type for sample in job.samples}
    for example in chosen:
        question = by_id[example.question]
        write(media_name(question), thumbnail(
            job.roots[question.source] / question.media, LONGEST_SIDE,
            media_type=kinds[question.source, question.media],
            max_megapixels=job.recipe.data.audit.max_megapixels,
        ))
    shown: dict[str, str] = {}
    for value, picture in sheets(job.recipe, job.samples, job.roots).items():
        # Named by its content: a label's value may be anything.
        shown[value] = f"samples-{hashlib.sha256(picture).hexdigest()[:16]}.jpg"
        write(shown[value], picture)
    write_json(folder / "pictures.json", Pictures(media=media, contact_sheets=shown))
