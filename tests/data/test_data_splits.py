from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from data_cases import CRACKED, recipe, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe_kit.data.splits import assign
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample

WORLD = {"kind": "world", "world": "floors", "count": 1}
SHARES = {"test": {"floor": 0.2}, "val": {"floor": 0.1}, "train": {"floor": 0.7}}


def floors(n: int) -> list[Sample]:
    return [sample(f"{i}", cracked="cracked" if i % 4 else "intact") for i in range(n)]


def counts(samples: Sequence[Sample]) -> dict[str, int]:
    return dict(sorted(Counter(one.split for one in samples).items()))


def test_shares_are_exact_and_stratified() -> None:
    divided = assign(floors(400), recipe({"floor": WORLD}, SHARES))
    assert counts(divided) == {"test": 80, "train": 280, "val": 40}
    intact = [one for one in divided if one.labels["cracked"] == "intact"]
    assert counts(intact) == {"test": 20, "train": 70, "val": 10}


def test_small_strata_still_add_up() -> None:
    # 20 strata of 4: a tenth of each is less than half a sample.
    many = [sample(f"{i}-{j}", cracked="cracked", kind=f"{i}") for i in range(20) for j in range(4)]
    shares = {"test": {"floor": 0.1}, "train": {"floor": 0.9}}
    divided = assign(many, recipe({"floor": WORLD}, shares, stratify="kind"))
    assert counts(divided) == {"test": 8, "train": 72}


def test_the_order_of_the_samples_and_the_seed() -> None:
    spec = recipe({"floor": WORLD}, SHARES)
    forward = {one.id: one.split for one in assign(floors(100), spec)}
    backward = {one.id: one.split for one in assign(floors(100)[::-1], spec)}
    other = {one.id: one.split for one in assign(floors(100), recipe({"floor": WORLD}, SHARES,
                                                                     seed=1))}
    assert forward == backward
    assert forward != other


def test_a_dataset_that_grows_moves_few_samples() -> None:
    spec = recipe({"floor": WORLD}, SHARES)
    before = {one.id: one.split for one in assign(floors(1000), spec)}
    after = {one.id: one.split for one in assign(floors(1100), spec)}
    moved = sum(after[name] != split for name, split in before.items())
    assert moved < 60


def test_declared_rows_and_what_no_split_takes() -> None:
    rows = [sample(f"{i}", declared="train" if i < 80 else "test", cracked="cracked")
            for i in range(100)]
    takes = {"test": {"floor": {"rows": "test"}},
             "val": {"floor": {"rows": "train", "share": 0.25}},
             "train": {"floor": {"rows": "train", "share": 0.5}}}
    divided = assign(rows, recipe({"floor": WORLD}, takes))
    assert counts(divided) == {"test": 20, "train": 40, "val": 20}
    assert all((one.declared_split == "test") == (one.split == "test") for one in divided)


def test_unreadable_samples_stay_without_a_split() -> None:
    rows = [*floors(4), sample("broken", sha256="", cracked="cracked")]
    divided = assign(rows, recipe({"floor": WORLD}))
    assert [(one.id, one.split) for one in divided][-1] == ("floor/broken", "")
    assert counts(divided) == {"": 1, "test": 4}


@pytest.mark.parametrize(
    ("splits", "where", "what"),
    [
        ({"test": {"floor": 0.6}, "train": {"floor": 0.6}}, "data.splits.test.floor",
         "the shares of 'floor' add up to 1.2"),
        ({"test": {"floor": 0.5}, "train": {"floor": {"rows": "train"}}}, "data.splits",
         "the source 'floor' gives shares of all rows to one split and declared rows to another"),
        ({"test": {"floor": {"rows": "tset"}}}, "data.splits.test.floor",
         "no row of 'floor' declares the split 'tset'; did you mean 'test'? "
         "known: 'test', 'train'"),
        ({"test": {"floor": {"rows": "test"}}, "val": {"floor": {"rows": "train", "share": 0.1}}},
         "data.splits.val", "the split 'val' is empty: floor left nothing for it"),
    ],
)
def test_splits_that_cannot_be_made(splits: dict[str, Any], where: str, what: str) -> None:
    rows = [sample("a", declared="train", cracked="cracked"),
            sample("b", declared="test", cracked="cracked")]
    with pytest.raises(DataError) as caught:
        assign(rows, recipe({"floor": WORLD}, splits))
    assert (caught.value.where, caught.value.what) == (where, what)


@pytest.mark.parametrize(
    ("label", "stratify", "where", "what"),
    [
        ("craked", None, "tasks.crack.label",
         "no sample has the label 'cracked'; did you mean 'craked'? known: 'craked'"),
        ("cracked", "scene", "data.stratify",
         "no sample has the label 'scene'; known: 'cracked'"),
    ],
)
def test_a_label_that_no_sample_has(
    label: str, stratify: str | None, where: str, what: str
) -> None:
    rows = [sample("a", **{label: "cracked"})]
    with pytest.raises(DataError) as caught:
        assign(rows, recipe({"floor": WORLD}, stratify=stratify))
    assert (caught.value.where, caught.value.what) == (where, what)


SAMPLES = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["cracked", "intact", None])),
    min_size=30, max_size=120,
)


@settings(deadline=None, max_examples=200)
@given(drawn=SAMPLES, test=st.sampled_from([0.1, 0.25, 0.5]), val=st.sampled_from([0.1, 0.3, 0.5]),
       seed=st.integers(0, 5))
def test_groups_stay_whole_and_shares_are_kept(
    drawn: list[tuple[int, str | None]], test: float, val: float, seed: int
) -> None:
    rows = [sample(f"{i}", group=f"g{group}", **({"cracked": label} if label else {}))
            for i, (group, label) in enumerate(drawn)]
    train = round(1 - test - val, 9)
    splits = {"test": {"floor": test}, "val": {"floor": val},
              **({"train": {"floor": train}} if train > 0 else {})}
    spec = recipe({"floor": WORLD}, splits, tasks={"crack": CRACKED}, seed=seed)
    largest = max(Counter(group for group, _ in drawn).values())
    try:
        divided = assign(rows, spec)
    except DataError as error:
        assert "is empty" in error.what  # only large groups can leave a split empty
        assert 2 * largest >= min(test, val, train or 1) * len(rows)
        return
    assert sorted(one.id for one in divided) == sorted(one.id for one in rows)
    of_group: dict[str, set[str]] = {}
    for one in divided:
        of_group.setdefault(one.group, set()).add(one.split)
    assert all(len(found) == 1 for found in of_group.values())
    tally = counts(divided)
    for split, share in {"test": test, "val": val, "train": train}.items():
        assert abs(tally.get(split, 0) - share * len(rows)) <= 2 * largest
    assert assign(rows[::-1], spec) == divided[::-1]
