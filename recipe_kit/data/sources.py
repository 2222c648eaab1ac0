"""Samples from their sources: tables, questions, triples, annotated videos, synthetic worlds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_never

from recipe_kit.data import drawn
from recipe_kit.data.annotations import flat, lesson, samples_of_annotations
from recipe_kit.data.inspection import Keep, Look, inspect_all
from recipe_kit.data.labels import plain, unknown_answer
from recipe_kit.data.memory import Inspection
from recipe_kit.data.places import Places, locate, outside, places
from recipe_kit.data.questions import samples_of_questions, unpack
from recipe_kit.data.rows import samples_of_table
from recipe_kit.data.triples import samples_of_triples
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.data import (
    AnnotationsSource,
    QuestionsSource,
    Source,
    TableSource,
    TriplesSource,
    WorldSource,
)
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.worlds import CLIP_WORLDS

LISTED = 20

DRAWN_TARGETS = {
    "human": "safety_analysis",
    "cv": "final_content.ego_behavior_schema.effect_on_ego_behavior",
    "reasoning": "target",
}
"""Field of a world's annotation that is answered in training, by format."""


def media_roots(recipe: Recipe, *, recipe_dir: Path, cache: Path) -> dict[str, Path]:
    """Find the folder that each source's media paths are relative to.

    Args:
        recipe: The recipe.
        recipe_dir: Folder of the recipe's YAML file.
        cache: Folder for drawn pictures.

    Returns:
        From the source's name to its folder.

    Raises:
        DataError: A table or a media folder is missing.
    """
    where = places(recipe, recipe_dir)
    return {name: _root(name, source, where, cache)
            for name, source in recipe.data.sources.items()}


def _root(name: str, source: Source, where: Places, cache: Path) -> Path:
    if isinstance(source, WorldSource):
        return drawn.world_folder(source, cache)
    if isinstance(source, QuestionsSource):
        held = unpack(source, _table(name, source, where), cache).media
        if held is not None:
            return held
    if isinstance(source, AnnotationsSource):
        return locate(source.path, where, key=f"data.sources.{name}.path")
    if source.media:
        return locate(source.media, where, key=f"data.sources.{name}.media")
    return _table(name, source, where).parent


def load_samples(recipe: Recipe, *, recipe_dir: Path, cache: Path,
                 keep: Keep | None = None) -> tuple[Sample, ...]:
    """Read all sources and look at every file; worlds are drawn into the cache first.

    A sample whose file cannot be read keeps an empty sha256 when `data.audit.unreadable` is
    `skip`; `splits.assign` then gives it to no split.

    Args:
        recipe: The recipe.
        recipe_dir: Folder of the recipe's YAML file.
        cache: Folder for drawn pictures.
        keep: Where the frames of videos go, which are decoded to see whether they are sound.

    Raises:
        DataError: A table, a row, a label or a file is wrong.
        StorageError: The cache cannot be written.
    """
    where = places(recipe, recipe_dir)
    roots = media_roots(recipe, recipe_dir=recipe_dir, cache=cache)
    samples: list[Sample] = []
    for name, source in recipe.data.sources.items():
        match source:
            case WorldSource():
                samples += _samples_of_world(name, source, recipe, cache)
            case TableSource():
                samples += samples_of_table(name, source, _table(name, source, where),
                                            recipe.tasks)
            case TriplesSource():
                samples += samples_of_triples(name, _table(name, source, where))
            case QuestionsSource():
                samples += samples_of_questions(name, source, _table(name, source, where), recipe,
                                                cache)
            case AnnotationsSource():
                samples += samples_of_annotations(name, source, roots[name], recipe)
            case _:
                assert_never(source)
    return _looked_at(samples, roots, recipe, cache, keep)


def looks(samples: Sequence[Sample], roots: Mapping[str, Path], recipe: Recipe) -> list[Look]:
    """List the files of samples, to be looked at."""
    return [
        Look(roots[sample.source] / sample.media, sample.media_type, recipe.model.video)
        for sample in samples
    ]


def _table(name: str, source: TableSource | TriplesSource | QuestionsSource,
           where: Places) -> Path:
    return locate(source.path, where, key=f"data.sources.{name}.path")


def _samples_of_world(name: str, source: WorldSource, recipe: Recipe,
                      cache: Path) -> list[Sample]:
    samples = []
    for one in drawn.draw_world(source, cache):
        labels = {label: plain(value) for label, value in one.labels.items()}
        unknown = unknown_answer(labels, recipe.tasks)
        if unknown:
            raise DataError(unknown, where=f"data.sources.{name} (the world {source.world!r})",
                            fix="add this value to the task's answers")
        sample_id = f"{name}/{Path(one.media).stem}"
        sample = Sample(
            id=sample_id, source=name, media=one.media, labels=labels,
            media_type="video" if source.world in CLIP_WORLDS else "image",
            category=str(labels.get("category", "")), group=sample_id,
        )
        if one.annotated is not None:
            prompt, target = lesson(one.annotated, {}, DRAWN_TARGETS)
            # Where both have a name, as `weather`, the world's label is the one that is asked for.
            sample = sample.model_copy(update={
                "labels": {**dict(flat(one.annotated.annotation)), **labels},
                "part": one.annotated.part, "prompt": prompt, "target": target})
        samples.append(sample)
    return samples


def _looked_at(samples: Sequence[Sample], roots: dict[str, Path],
               recipe: Recipe, cache: Path, keep: Keep | None) -> tuple[Sample, ...]:
    files = looks(samples, roots, recipe)
    real_roots = {name: root.resolve() for name, root in roots.items()
                  if not isinstance(recipe.data.sources[name], WorldSource)}
    for sample, look in zip(samples, files, strict=True):
        if sample.source in real_roots and outside(look.path, real_roots[sample.source]):
            raise DataError(f"{sample.media} is a link that leaves the media folder",
                            where=str(roots[sample.source]),
                            fix="copy the file into the media folder")
    audit = recipe.data.audit
    found, unreadable = [], []
    seen_files = inspect_all(files, audit.max_megapixels, cache=cache, keep=keep)
    for sample, seen in zip(samples, seen_files, strict=True):
        if isinstance(seen, Inspection):
            found.append(sample.model_copy(update={
                "sha256": seen.sha256, "width": seen.facts.width, "height": seen.facts.height}))
        else:
            found.append(sample)
            unreadable.append(f"{seen.where}: {seen.what}")
    if unreadable and audit.unreadable == "stop":
        shown = "".join(f"\n  {line}" for line in unreadable[:LISTED])
        more = f"\n  and {len(unreadable) - LISTED} more" if len(unreadable) > LISTED else ""
        many = "1 file" if len(unreadable) == 1 else f"{len(unreadable)} files"
        raise DataError(f"{many} cannot be read{shown}{more}", where="data.sources",
                        fix="mend or remove them, or set data.audit.unreadable: skip")
    return tuple(found)
