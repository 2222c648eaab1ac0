"""What results are reported by: labels, ranges of numbers, sizes of pictures."""

from collections import Counter
from itertools import pairwise

import pytest
from choice_cases import LABELS, recipe, sample
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.benchmark.questions import build
from recipe_kit.record.schemas import LabelValue

GAPS = [0.081, 0.1, 0.12, 0.15, 0.152, 0.2, 0.23, 0.3, 0.36]


def test_slices_are_labels_as_text() -> None:
    several = [
        sample(n, **LABELS, gap=gap, count=n % 3 + 2, lit=n > 4) for n, gap in enumerate(GAPS)
    ]
    asked = build("table", recipe(slices=("object", "gap", "count", "lit", "size")), several)
    assert asked[0].slices == {
        "object": "red ball", "gap": "0.08–0.12", "count": "2", "lit": "false", "size": "64×48",
    }
    assert [q.slices["gap"] for q in asked] == [
        *["0.08–0.12"] * 3, *["0.15–0.2"] * 3, *["0.23–0.36"] * 3,
    ]
    assert Counter(q.slices["count"] for q in asked) == {"2": 3, "3": 3, "4": 3}


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        # Eight different numbers are few enough to be told apart.
        ([*range(8), 7], ["0", "1", "2", "3", "4", "5", "6", "7", "7"]),
        (list(range(9)), ["0–2"] * 3 + ["3–5"] * 3 + ["6–8"] * 3),
        # Equal numbers stay together.
        ([0] * 6 + list(range(1, 9)), ["0–3"] * 9 + ["4–8"] * 5),
        # Two decimals would not tell the ranges apart.
        ([0.0001 * n for n in range(9)],
         ["0–0.0002"] * 3 + ["0.0003–0.0005"] * 3 + ["0.0006–0.0008"] * 3),
        (["a", *range(9)], ["a", *map(str, range(9))]),
    ],
)
def test_numbers_are_cut_into_three_ranges(
    values: list[LabelValue], texts: list[str]
) -> None:
    several = [sample(n, **LABELS, value=value) for n, value in enumerate(values)]
    asked = build("table", recipe(slices=("value",)), several)
    assert [
        q.slices["value"] for q in sorted(asked, key=lambda q: int(q.sample.partition("/")[2]))
    ] == texts


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_a_range_holds_its_numbers(values: list[float]) -> None:
    several = [sample(n, **LABELS, value=value) for n, value in enumerate(values)]
    asked = build("table", recipe(slices=("value",)), several)
    found: dict[str, list[float]] = {}
    for question in asked:
        value = values[int(question.sample.partition("/")[2])]
        found.setdefault(question.slices["value"], []).append(value)
    if len(set(values)) > 8:
        ordered = sorted(found.values(), key=min)
        assert 1 <= len(ordered) <= 3
        assert all(max(one) < min(other) for one, other in pairwise(ordered))


def test_a_label_called_size_goes_before_the_pictures_size() -> None:
    several = [sample(1, **LABELS, size="large"), sample(2, **LABELS)]
    asked = build("table", recipe(slices=("size",)), several)
    assert [q.slices for q in asked] == [{"size": "large"}, {}]


def test_many_sizes_are_cut_into_ranges_of_pixels() -> None:
    several = [
        sample(n, **LABELS).model_copy(update={"width": 1000, "height": 100 * (n + 1)})
        for n in range(9)
    ]
    asked = build("table", recipe(slices=("size",)), several)
    assert [q.slices["size"] for q in asked] == ["0.1–0.3"] * 3 + ["0.4–0.6"] * 3 + ["0.7–0.9"] * 3
    eight = build("table", recipe(slices=("size",)), several[:8])
    assert eight[0].slices == {"size": "1000×100"}
