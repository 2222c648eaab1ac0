"""What was measured of the samples: for the record, and for the page."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from recipe_kit.data.audit import count_values
from recipe_kit.data.inspection import inspect_all
from recipe_kit.data.memory import Inspection
from recipe_kit.data.sources import looks
from recipe_kit.record.schemas import AuditResult, DataFacts, Sample, SourceFacts
from recipe_kit.spec.data import Source, WorldSource
from recipe_kit.spec.recipe import Recipe

RESOLUTIONS = 10
# A label with more values than this is a text or a number, not a class to be counted.
MOST_VALUES = 20


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
                source, [sample for sample in used if sample.source == name], roots, recipe)
            for name, source in recipe.data.sources.items()
        },
        splits=_splits(used),
        audit=audit,
        digest=digest(used),
    )


def digest(samples: Sequence[Sample]) -> str:
    """Digest every sample's content, labels and split, whatever the order and the paths."""
    lines = sorted(
        json.dumps(sample.model_dump(exclude={"media", "width", "height"}), sort_keys=True)
        for sample in samples
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _measure_source(source: Source, samples: Sequence[Sample], roots: Mapping[str, Path],
                    recipe: Recipe) -> SourceFacts:
    resolutions: Counter[str] = Counter()
    encodings: Counter[str] = Counter()
    size = 0
    for look in inspect_all(looks(samples, roots), recipe.data.audit.max_megapixels):
        if isinstance(look, Inspection):
            resolutions[f"{look.facts.width}×{look.facts.height}"] += 1
            encodings[look.facts.encoding] += 1
            size += look.facts.bytes
    labels = {
        label: values
        for label in sorted({label for sample in samples for label in sample.labels})
        if len(values := count_values(samples, label)) <= MOST_VALUES
    }
    categories = Counter(sample.category for sample in samples if sample.category)
    return SourceFacts(
        kind=source.kind,
        samples=len(samples),
        media_type=" and ".join(sorted({sample.media_type for sample in samples})),
        resolutions=dict(_most_common(resolutions)[:RESOLUTIONS]),
        encodings=dict(_most_common(encodings)),
        bytes=size,
        license="" if isinstance(source, WorldSource) else source.license,
        credit="" if isinstance(source, WorldSource) else source.credit,
        splits=_splits(samples),
        labels=labels,
        categories=dict(sorted(categories.items())),
    )


def _splits(samples: Sequence[Sample]) -> dict[str, int]:
    counts = Counter(sample.split for sample in samples)
    return {split: counts[split] for split in ("train", "val", "test") if counts[split]}


def _most_common(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
