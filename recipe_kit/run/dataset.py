"""The training data as files: JSON triples, and LLaVA JSON with the script that loads it.

`dataset/<source>.jsonl` holds triples; `dataset/<source>/train.json` holds the same as LLaVA JSON,
with `llava_loader.py` beside it. Media paths are relative to the source's own media folder.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from recipe_kit.data.exchange.training import LOADER, TrainingRow, write_training
from recipe_kit.record.files import write_rows
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.index import Examples, Index
from recipe_kit.train.plan import training_rows


class Triple(BaseModel):
    """One training example, as it is written to a dataset."""

    image_path: str
    prompt: str
    target: str


class VideoTriple(BaseModel):
    """One training example of a video."""

    video_path: str
    prompt: str
    target: str


def write_dataset(
    recipe: Recipe, index: Index, folder: Path, blend: Mapping[str, float], *, anew: bool
) -> dict[str, str]:
    """Writes the training data of each source; returns the first triple.

    Args:
        recipe: The recipe.
        index: Its samples.
        folder: Gets the data.
        blend: Weight of each source.
        anew: Also write what is there already.
    """
    first: dict[str, str] = {}
    for source, used in _by_source(recipe, index, blend).items():
        first = first or _triple(next(_rows(used))).model_dump()
        # The loader is written last: where it is, the data are whole.
        if anew or not (folder / source / LOADER).exists():
            write_rows(folder / f"{source}.jsonl", map(_triple, _rows(used)))
            write_training(folder / source, _rows(used))
    return first


def _by_source(
    recipe: Recipe, index: Index, blend: Mapping[str, float]
) -> dict[str, Examples]:
    """What is trained on of each source, in the order of their first samples."""
    chosen = np.zeros(len(index), bool)
    chosen[training_rows(recipe, index, blend)] = True
    rows = {name: np.flatnonzero(chosen & index.where("source", name))
            for name in recipe.data.sources}
    found = sorted((own for own in rows if len(rows[own])), key=lambda name: int(rows[name][0]))
    return {name: Examples(index, rows[name]) for name in found}


def _triple(row: TrainingRow) -> Triple | VideoTriple:
    if row.media_type == "video":
        return VideoTriple(video_path=row.media, prompt=row.prompt, target=row.target)
    return Triple(image_path=row.media, prompt=row.prompt, target=row.target)


def _rows(examples: Examples) -> Iterator[TrainingRow]:
    for sample, pairs in examples:
        for prompt, target in pairs:
            yield TrainingRow(sample.media, prompt, target, sample.media_type)
