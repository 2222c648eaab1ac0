"""The training data as files: JSON triples, and LLaVA JSON with the script that loads it.

`dataset/<source>.jsonl` holds triples; `dataset/<source>/train.json` holds the same as LLaVA JSON,
with `llava_loader.py` beside it. Media paths are relative to the source's own media folder.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from recipe_kit.data.exchange.training import TrainingRow, write_training
from recipe_kit.record.files import write_rows
from recipe_kit.record.schemas import Sample
from recipe_kit.run.job import Job
from recipe_kit.train.examples import examples, training_samples


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


def write_dataset(job: Job, folder: Path, blend: dict[str, float]) -> dict[str, str]:
    """Writes the training data of each source; returns the first triple."""
    first: dict[str, str] = {}
    used = training_samples(job.recipe, job.samples, blend)
    for source in dict.fromkeys(sample.source for sample in used):
        rows = tuple(_rows(job, [sample for sample in used if sample.source == source]))
        triples = tuple(_triple(row) for row in rows)
        write_rows(folder / f"{source}.jsonl", triples)
        if rows:
            write_training(folder / source, rows)
            first = first or triples[0].model_dump()
    return first


def _triple(row: TrainingRow) -> Triple | VideoTriple:
    if row.media_type == "video":
        return VideoTriple(video_path=row.media, prompt=row.prompt, target=row.target)
    return Triple(image_path=row.media, prompt=row.prompt, target=row.target)


def _rows(job: Job, samples: Sequence[Sample]) -> Iterator[TrainingRow]:
    for example in examples(job.recipe, samples):
        sample = example.sample
        for prompt, target in example.pairs:
            yield TrainingRow(sample.media, prompt, target, sample.media_type)
