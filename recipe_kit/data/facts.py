"""What was measured of the samples: for the record, and for the page."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

from recipe_kit.data.annotations import format_of
from recipe_kit.data.audit import count_values
from recipe_kit.data.exchange.formats import READERS
from recipe_kit.data.inspection import inspect_all
from recipe_kit.data.memory import Inspection
from recipe_kit.data.sources import looks
from recipe_kit.record.schemas import AuditResult, DataFacts, Sample, SourceFacts
from recipe_kit.spec.data import (
    AnnotationsSource,
    QuestionsSource,
    Source,
    TableSource,
    TriplesSource,
    WorldSource,
    part_shares,
)
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import CaptionTask, OpenTask
from recipe_kit.spec.worlds import ANNOTATION_FORMATS, CLIP_WORLDS, WORLD_LABELS

RESOLUTIONS = 10
# A label with more values than this, or longer ones, is a text or a number, not a class to be
# counted.
MOST_VALUES = 20
LONGEST_VALUE = 80
# Names of labels that are listed.
NAMED = 12


def measure(samples: Sequence[Sample], roots: Mapping[str, Path], audit: AuditResult,
            recipe: Recipe) -> DataFacts:
    """Measure divided samples, source by source.

    Args:
        samples: From `splits.assign`.
        roots: From `sources.media_roots`.
        audit: From `audit.audit`.
        recipe: The recipe.
    """
    used = [sample for sample in samples if sample.split]
    return DataFacts(
        sources={
            name: _measure_source(
                name, [sample for sample in used if sample.source == name], roots, recipe)
            for name in recipe.data.sources
        },
        splits=_splits(used),
        audit=audit,
        digest=digest(used),
    )


def digest(samples: Sequence[Sample]) -> str:
    """Digest every sample's content, labels and split, whatever the order and the paths."""
    lines = sorted(
        json.dumps(_digested(sample), sort_keys=True) for sample in samples
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _digested(sample: Sample) -> dict[str, Any]:
    # A field that came later counts only where it is set, so that finished runs stay finished.
    later = set() if sample.part else {"part"}
    return sample.model_dump(exclude={"media", "width", "height", *later})


def _measure_source(name: str, samples: Sequence[Sample], roots: Mapping[str, Path],
                    recipe: Recipe) -> SourceFacts:
    source = recipe.data.sources[name]
    weights = part_shares(source)
    # A file that several questions are asked about counts once.
    files = {sample.media: sample for sample in samples}.values()
    looked = inspect_all(looks(list(files), roots, recipe), recipe.data.audit.max_megapixels)
    media = [look.facts for look in looked if isinstance(look, Inspection)]
    # Texts are no classes, even where there are few of them.
    texts = {
        label for task in recipe.tasks.values() if isinstance(task, CaptionTask | OpenTask)
        for label in (task.label, *task.more_labels)
    }
    labels = {
        label: values
        for label in sorted({label for sample in samples for label in sample.labels} - texts)
        if len(values := count_values(samples, label)) <= MOST_VALUES
        and all(len(value) <= LONGEST_VALUE for value in values)
    }
    categories = Counter(sample.category for sample in samples if sample.category)
    return SourceFacts(
        kind=source.kind,
        samples=len(samples),
        media_type=" and ".join(sorted({sample.media_type for sample in samples})),
        resolutions=_counted((f"{one.width}×{one.height}" for one in media), RESOLUTIONS),
        encodings=_counted(one.encoding for one in media),
        bytes=sum(one.bytes for one in media),
        license="" if isinstance(source, WorldSource) else source.license,
        credit="" if isinstance(source, WorldSource) else source.credit,
        splits=_splits(samples),
        labels=labels,
        categories=dict(sorted(categories.items())),
        annotation=_annotation(source, samples),
        fps=_counted(f"{round(one.fps, 2):g}" for one in media if one.fps),
        seconds=_seconds([one.frames / one.fps for one in media if one.fps]),
        parts={part: sum(sample.part == part for sample in samples) for part in weights},
        weights=weights,
        formats=_formats(source, roots[name]),
    )


def _formats(source: Source, root: Path) -> dict[str, str]:
    """The format of the annotations in each subdirectory."""
    if isinstance(source, WorldSource):
        return {part: ANNOTATION_FORMATS[part] for part in source.subdirectories}
    if isinstance(source, AnnotationsSource):
        return {part: format_of(root, part, source.meta_file) for part in source.subdirectories}
    return {}


def _annotation(source: Source, samples: Sequence[Sample]) -> str:
    """How the labels came with the samples, in words."""
    match source:
        case WorldSource():
            each = "clip" if source.world in CLIP_WORLDS else "picture"
            own = [name for name in _labels_of(samples) if name in WORLD_LABELS[source.world]]
            return f"labels drawn with each {each}: {_listed(own)}"
        case TriplesSource():
            return "JSON triples: image_path, prompt, target"
        case QuestionsSource():
            return f"{READERS[source.format].title}: {_listed(_labels_of(samples))}"
        case AnnotationsSource():
            return f"JSON, one file per video: {_listed(_labels_of(samples))}"
        case TableSource():
            each = "video" if {sample.media_type for sample in samples} == {"video"} else "picture"
            if len({sample.media for sample in samples}) < len(samples):
                each = "sample"
            ending = Path(source.path).suffix.removeprefix(".").upper()
            return f"{ending}, one row per {each}: {_listed(list(source.labels))}"
        case _:
            assert_never(source)


def _labels_of(samples: Sequence[Sample]) -> list[str]:
    return list(dict.fromkeys(label for sample in samples for label in sample.labels))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


def _seconds(lengths: Sequence[float]) -> tuple[float, float, float] | None:
    if not lengths:
        return None
    return min(lengths), sum(lengths) / len(lengths), max(lengths)


def _splits(samples: Sequence[Sample]) -> dict[str, int]:
    counts = Counter(sample.split for sample in samples)
    return {split: counts[split] for split in ("train", "val", "test") if counts[split]}


def _counted(values: Iterable[str], most: int | None = None) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return dict(counts[:most])
