"""What results are reported by: the labels that a benchmark names, as text."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from recipe_kit.benchmark.prompts import label_text
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.tasks import SIZE_SLICE

MOST_VALUES = 8
"""Labels that are numbers of more values than this are cut into ranges; so are sizes of pictures,
by their millions of pixels."""

RANGES = 3


class _Range(NamedTuple):
    low: float
    high: float

    def text(self, decimals: int) -> str:
        low, high = (label_text(round(end, decimals)) for end in self)
        return low if self.low == self.high else f"{low}–{high}"


def slices_of(names: Sequence[str], samples: Sequence[Sample]) -> dict[str, dict[str, str]]:
    """The values of each slice for each sample: from the sample's id to slice → value.

    Args:
        names: Labels, or `size`; a sample that lacks a label has no value there.
        samples: The samples a benchmark asks about, from which ranges of numbers are made.
    """
    found: dict[str, dict[str, str]] = {sample.id: {} for sample in samples}
    for name in names:
        values = _values(name, samples)
        texts = _texts(list(values.values()))
        for sample_id, value in values.items():
            found[sample_id][name] = texts[value]
    return found


def _values(name: str, samples: Sequence[Sample]) -> dict[str, LabelValue]:
    values = {s.id: s.labels[name] for s in samples if name in s.labels}
    if name != SIZE_SLICE or values:
        return values
    sizes = {s.id: (s.width, s.height) for s in samples if s.width and s.height}
    if len(set(sizes.values())) <= MOST_VALUES:
        return {sample: f"{width}×{height}" for sample, (width, height) in sizes.items()}
    return {sample: width * height / 1e6 for sample, (width, height) in sizes.items()}


def _texts(values: Sequence[LabelValue]) -> dict[LabelValue, str]:
    """From each value to how it is reported: as it is, or as the range it lies in."""
    numbers = [v for v in values if isinstance(v, int | float)]
    if len(numbers) < len(values) or len(set(numbers)) <= MOST_VALUES:
        return {value: label_text(value) for value in values}
    ranges = _ranges(sorted(numbers))
    texts = _distinct(ranges)
    return {
        number: text
        for number in numbers
        for one, text in zip(ranges, texts, strict=True)
        if one.low <= number <= one.high
    }


def _ranges(ordered: list[float]) -> list[_Range]:
    """Ranges with as equal counts as can be; equal numbers are never parted."""
    starts = {ordered[len(ordered) * part // RANGES] for part in range(1, RANGES)} | {ordered[0]}
    ends = [*sorted(starts), float("inf")]
    inside = ([n for n in ordered if low <= n < high] for low, high in pairwise(ends))
    return [_Range(part[0], part[-1]) for part in inside]


def _distinct(ranges: Sequence[_Range]) -> list[str]:
    """The ranges with as few decimals, two at least, as tell them apart."""
    for decimals in range(2, 17):
        texts = [one.text(decimals) for one in ranges]
        ends = [round(one.low, decimals) < round(one.high, decimals) or one.low == one.high
                for one in ranges]
        if len(set(texts)) == len(texts) and all(ends):
            return texts
    return [f"{one.low!r}–{one.high!r}" for one in ranges]
