"""Splits: stratified, never parting a group, and the same whatever the order of the samples.

Within each stratum the groups stand in the order of a seeded hash, and each split takes the next
stretch of that order. So a dataset that grows moves only the samples at the ends of a stretch.
What rounding leaves over in one stratum is carried into the next.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Literal

from recipe_kit.data.labels import check_labels_exist
from recipe_kit.data.places import nearest
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.data import Take
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import TEXT_TASKS

SplitName = Literal["train", "val", "test"]
# The test split takes the first stretch, so that changing val and train leaves it alone.
ORDER: tuple[SplitName, ...] = ("test", "val", "train")


def assign(samples: Sequence[Sample], recipe: Recipe) -> tuple[Sample, ...]:
    """Divide the samples as `data.splits` says.

    Returns:
        The samples with their splits, in their order. Those that no split takes are left out,
        except unreadable ones (without a sha256), which stay with the split "" for the audit.

    Raises:
        DataError: A task's label is unknown, a share cannot be taken, or a split ends empty.
    """
    check_labels_exist(samples, recipe)
    # Texts are all different: they say nothing of how a split should be divided.
    classes = [task.label for task in recipe.tasks.values() if task.type not in TEXT_TASKS]
    label = recipe.data.stratify or next(iter(classes), "")
    split_of: dict[str, SplitName] = {}
    for name in recipe.data.sources:
        for pool, shares in _pools(name, samples, recipe):
            split_of |= _divide(pool, shares, label, recipe.data.seed)
    for split, takes in recipe.data.splits:
        if takes and split not in split_of.values():
            raise DataError(f"the split {split!r} is empty: {', '.join(takes)} left nothing for it",
                            where=f"data.splits.{split}", fix="raise its shares, or add samples")
    return tuple(
        sample.model_copy(update={"split": split_of.get(sample.id, "")})
        for sample in samples
        if sample.id in split_of or not sample.sha256
    )


def _pools(name: str, samples: Sequence[Sample],
           recipe: Recipe) -> list[tuple[list[Sample], dict[SplitName, float]]]:
    """List what a source offers: all of its rows, or the rows declared for each split."""
    mine = [sample for sample in samples if sample.source == name and sample.sha256]
    shares: dict[str | None, dict[SplitName, float]] = defaultdict(dict)
    for split in ORDER:
        take = getattr(recipe.data.splits, split).get(name)
        if isinstance(take, Take):
            shares[take.rows][split] = take.share
        elif take is not None:
            shares[None][split] = take
    if None in shares and len(shares) > 1:
        raise DataError(f"the source {name!r} gives shares of all rows to one split and declared "
                        "rows to another", where="data.splits",
                        fix=f"name the rows in each split that takes of {name!r}")
    declared = sorted({sample.declared_split for sample in mine} - {""})
    for rows, taken in shares.items():
        where = f"data.splits.{next(iter(taken))}.{name}"
        if sum(taken.values()) > 1 + 1e-9:
            raise DataError(f"the shares of {name!r} add up to {sum(taken.values()):g}",
                            where=where, fix="make them add up to at most 1")
        if rows is not None and rows not in declared:
            raise DataError(f"no row of {name!r} declares the split {rows!r}; "
                            f"{nearest(rows, declared)}", where=where,
                            fix=f"correct `rows`, or data.sources.{name}.columns.split")
    return [([s for s in mine if rows is None or s.declared_split == rows], taken)
            for rows, taken in shares.items()]


def _divide(pool: Sequence[Sample], shares: dict[SplitName, float], label: str,
            seed: int) -> dict[str, SplitName]:
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in pool:
        groups[sample.group or sample.id].append(sample)
    strata: dict[str, list[str]] = defaultdict(list)
    for group in sorted(groups, key=lambda group: _hash(group, seed)):
        strata[_stratum(groups[group], label)].append(group)

    split_of: dict[str, SplitName] = {}
    seen = 0  # samples in the strata so far, this one included
    given: Counter[SplitName] = Counter()
    for stratum in sorted(strata):
        size = sum(len(groups[group]) for group in strata[stratum])
        seen += size
        ends = _ends(shares, seen, given)
        position = 0
        for group in strata[stratum]:
            # A group goes where its middle falls.
            middle = position + len(groups[group]) / 2
            position += len(groups[group])
            split = next((split for split, end in ends.items() if middle < end), None)
            if split is not None:
                given[split] += len(groups[group])
                split_of |= {sample.id: split for sample in groups[group]}
    return split_of


def _ends(shares: dict[SplitName, float], seen: int,
          given: Counter[SplitName]) -> dict[SplitName, float]:
    """Say where in this stratum each split's stretch ends, so that all strata so far add up."""
    ends: dict[SplitName, float] = {}
    due = had = 0.0
    for split, share in shares.items():
        due += share * seen
        had += given[split]
        ends[split] = due - had + 1e-6  # sums of shares such as 0.9 + 0.1 are not exact
    return ends


def _stratum(group: Sequence[Sample], label: str) -> str:
    counts = Counter(str(sample.labels.get(label, "")) for sample in group)
    return min(counts, key=lambda value: (-counts[value], value))


def _hash(group: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{group}".encode()).digest()
