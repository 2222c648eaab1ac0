"""The audit: duplicates and groups across splits, class balance, and the majority score."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from pathlib import Path

from scipy.stats import binomtest

from recipe_kit.data.duplicates import Pair, Seen, exact_pairs, near_pairs
from recipe_kit.data.inspection import inspect_all
from recipe_kit.data.memory import Inspection
from recipe_kit.data.sources import looks
from recipe_kit.errors import LeakageError
from recipe_kit.record.schemas import AuditResult, DuplicatePair, Metric, Sample, UnreadableFile
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import TEXT_TASKS, BinaryTask, Task

KEPT = 100
LISTED = 5
# Test stands last, so that the second of a pair is the one that is tested on.
ORDER = ("train", "val", "test")


def audit(samples: Sequence[Sample], roots: Mapping[str, Path], recipe: Recipe) -> AuditResult:
    """Check divided samples before anything is run.

    Args:
        samples: From `splits.assign`.
        roots: From `sources.media_roots`.
        recipe: The recipe.

    Raises:
        LeakageError: The same or nearly the same picture, or one group, stands in test and in
            train or val, and `data.audit.allow_leakage` names neither sample's source.
    """
    rules = recipe.data.audit
    seen: dict[str, list[Seen]] = {split: [] for split in ORDER}
    unreadable = []
    looked = inspect_all(looks(samples, roots, recipe), rules.max_megapixels)
    for sample, look in zip(samples, looked, strict=True):
        if not isinstance(look, Inspection):
            unreadable.append(UnreadableFile(sample=sample.id, path=sample.media, reason=look.what))
        elif sample.split:
            seen[sample.split].append(Seen(sample.id, sample.source, sample.split, look))
    pairs = [
        pair
        for first, second in combinations(ORDER, 2)
        for pair in (*exact_pairs(seen[first], seen[second]),
                     *near_pairs(seen[first], seen[second], rules.near_duplicate_distance))
    ]
    # What matters most first: leaks into test, then the closest pairs.
    pairs.sort(key=lambda pair: (pair.second.split != "test", not pair.exact, pair.distance,
                                 pair.first.id, pair.second.id))
    parted = _parted_groups(samples)
    allowed = _leaks(pairs, parted, rules.allow_leakage)
    return AuditResult(
        duplicates=tuple(_entry(pair) for pair in islice(pairs, KEPT)),
        exact_across_splits=sum(pair.exact for pair in pairs),
        near_across_splits=sum(not pair.exact for pair in pairs),
        groups_across_splits=len(parted),
        near_duplicate_distance=rules.near_duplicate_distance,
        unreadable=tuple(unreadable),
        balance=_balance(samples, recipe),
        majority={
            name: majority
            for name, task in recipe.tasks.items()
            if task.type not in TEXT_TASKS
            and (majority := _majority(samples, task)) is not None
        },
        allowed_leakage=allowed,
    )


def _leaks(pairs: Sequence[Pair], parted: Mapping[str, Sequence[Sample]],
           allow: Sequence[str]) -> tuple[str, ...]:
    """Stop at leaks into test; return the sources whose leaks are there but allowed."""
    allowed, found, sources = set[str](), [], set[str]()
    for pair in pairs:
        if pair.second.split != "test":
            continue
        known = {pair.first.source, pair.second.source}.intersection(allow)
        allowed |= known
        if not known:
            kind = "the same file" if pair.exact else "nearly the same picture"
            found.append(f"{pair.first.id} ({pair.first.split}) and {pair.second.id} (test): "
                         f"{kind}")
            sources.add(pair.second.source)
    for group, members in parted.items():
        splits = sorted({sample.split for sample in members})
        if "test" not in splits:
            continue
        known = {sample.source for sample in members}.intersection(allow)
        allowed |= known
        if not known:
            found.append(f"the group {group} stands in {', '.join(splits)}")
            sources |= {sample.source for sample in members}
    if found:
        shown = "".join(f"\n  {line}" for line in found[:LISTED])
        more = f"\n  and {len(found) - LISTED} more" if len(found) > LISTED else ""
        cases = "1 case" if len(found) == 1 else f"{len(found)} cases"
        raise LeakageError(
            f"what is tested on is also trained or chosen on: {cases}{shown}{more}",
            where="data.splits",
            fix="remove them, or give them a common group; if the leak is known and accepted, "
                f"set data.audit.allow_leakage: [{', '.join(sorted(sources))}]")
    return tuple(sorted(allowed))


def _parted_groups(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.split and sample.group:
            groups[sample.group].append(sample)
    return {group: members for group, members in sorted(groups.items())
            if len({sample.split for sample in members}) > 1}


def _entry(pair: Pair) -> DuplicatePair:
    return DuplicatePair(
        kind="exact" if pair.exact else "near", first=pair.first.id, second=pair.second.id,
        first_split=pair.first.split, second_split=pair.second.split, distance=pair.distance,
    )


def _balance(samples: Sequence[Sample], recipe: Recipe) -> dict[str, dict[str, dict[str, int]]]:
    labels = dict.fromkeys(
        task.label for name, task in recipe.tasks.items()
        if not recipe.pooled(name) and task.type not in TEXT_TASKS
    )
    balance: dict[str, dict[str, dict[str, int]]] = {}
    for split in ORDER:
        mine = [sample for sample in samples if sample.split == split]
        if mine:
            balance[split] = {label: count_values(mine, label) for label in labels}
    return balance


def count_values(samples: Sequence[Sample], label: str) -> dict[str, int]:
    """Count the values of one label, in their order; samples without it do not count."""
    counts = Counter(str(sample.labels[label]) for sample in samples if label in sample.labels)
    return dict(sorted(counts.items()))


def _majority(samples: Sequence[Sample], task: Task) -> Metric | None:
    tested = [sample for sample in samples if sample.split == "test"]
    answers: Counter[str] = Counter()
    for value, count in count_values(tested, task.label).items():
        answers[task.answers[value] if isinstance(task, BinaryTask) else value] += count
    n = answers.total()
    if n == 0:
        return None
    most = max(answers.values())
    groups = {sample.group or sample.id for sample in tested if task.label in sample.labels}
    if len(groups) < n:
        # Wilson's interval is for samples that are independent; those of one group are not.
        return Metric(value=most / n, n=n, method="majority of the test split")
    interval = binomtest(most, n).proportion_ci(method="wilson")
    return Metric(value=most / n, n=n, low=float(interval.low), high=float(interval.high),
                  method="majority of the test split, wilson")
