"""Contact sheets: a few training samples of each label, in one picture for the page."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from recipe_kit.data import media
from recipe_kit.data.inspection import Look
from recipe_kit.data.sources import looks
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import TEXT_TASKS, Task, labels_in

SHEETS = 8
SAMPLES = 12
COLUMNS = 4
CELL = 155
"""Side of the square that a thumbnail is fitted into, in pixels."""
GAP = 4
PAPER = (244, 244, 244)
MOST_BYTES = 150_000
QUALITIES = (85, 75, 60, 40)
UNSORTED = "samples"
"""Name of the one sheet where the samples have no category."""


def sheets(recipe: Recipe, samples: Sequence[Sample],
           roots: Mapping[str, Path]) -> dict[str, bytes]:
    """Make a sheet of training samples for each value of the first task's label.

    A letter stands for its option; where the options differ from sample to sample, the sheets go
    by category. A recipe that trains on nothing shows what it tests on. The same samples always
    give the same bytes.

    Args:
        recipe: The recipe.
        samples: From `splits.assign`.
        roots: From `sources.media_roots`.

    Returns:
        From the value to a JPEG of at most 12 pictures; the eight most frequent values.

    Raises:
        DataError: A picture cannot be read.
    """
    task = next(iter(recipe.tasks.values()))
    readable = [sample for sample in samples if sample.split and sample.sha256]
    shown = [sample for sample in readable if sample.split == "train"] or readable
    of_value: dict[str, list[Sample]] = {}
    for sample in shown:
        value = _value(task, sample)
        if value is not None:
            of_value.setdefault(value, []).append(sample)
    counts = Counter({value: len(members) for value, members in of_value.items()})
    frequent = sorted(counts, key=lambda value: (-counts[value], value))[:SHEETS]
    return {
        value: contact_sheet(looks(_chosen(of_value[value]), roots, recipe),
                             max_megapixels=recipe.data.audit.max_megapixels)
        for value in sorted(frequent)
    }


def contact_sheet(files: Sequence[Look], *,
                  max_megapixels: float = media.MAX_MEGAPIXELS) -> bytes:
    """Lay pictures out in rows of four, as one JPEG of at most 150 kB.

    Args:
        files: Pictures, and videos, of which the middle frame is shown; at least one.
        max_megapixels: Largest picture that is opened, in millions of pixels.

    Raises:
        DataError: A file cannot be read.
    """
    columns = min(COLUMNS, len(files))
    rows = -(-len(files) // COLUMNS)
    step = CELL + GAP
    sheet = Image.new("RGB", (columns * step + GAP, rows * step + GAP), PAPER)
    for number, file in enumerate(files):
        pixels = media.still(file.path, file.media_type, max_megapixels=max_megapixels)
        picture = _fitted(Image.fromarray(pixels))
        row, column = divmod(number, COLUMNS)
        sheet.paste(picture, (GAP + column * step + (CELL - picture.width) // 2,
                              GAP + row * step + (CELL - picture.height) // 2))
    encoded = b""
    for quality in QUALITIES:
        out = io.BytesIO()
        sheet.save(out, "JPEG", quality=quality, optimize=True)
        encoded = out.getvalue()
        if len(encoded) <= MOST_BYTES:
            break
    return encoded


def _fitted(picture: Image.Image) -> Image.Image:
    """The picture, as large as its cell lets it be; of a long thin one at least a line is left."""
    scale = CELL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _value(task: Task, sample: Sample) -> str | None:
    own = task.type == "choice" and any(map(labels_in, task.options))
    if own or task.type in TEXT_TASKS:
        return sample.category or UNSORTED
    value = sample.labels.get(task.label)
    if value is None:
        return None
    if task.type == "choice" and value in task.choices and value not in task.options:
        return task.options[task.choices.index(str(value))]
    return str(value)


def _chosen(samples: Sequence[Sample]) -> list[Sample]:
    """A few samples, each of another picture, in an order that only their content decides."""
    of_picture = {sample.sha256: sample for sample in samples}
    return [of_picture[sha256] for sha256 in sorted(of_picture)[:SAMPLES]]
