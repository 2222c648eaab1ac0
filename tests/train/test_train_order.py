"""Draws of samples: tables where they are few, a bijection where they are many."""

import hashlib
import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe_kit.train import order
from recipe_kit.train.order import TABLE, draw, members

MANY = st.integers(TABLE + 1, 3 * TABLE)


def passed(size: int, *, turn: int = 0, seed: int = 0) -> np.ndarray:
    """One whole pass through a source."""
    return order._shuffled(seed, "a", turn, size, np.arange(size))


def test_what_is_drawn_of_a_few_is_what_always_was() -> None:
    """Checkpoints of before go on with the same samples: these values must not be changed."""
    drawn = draw({"a": 65536, "b": 3}, {"a": 40000, "b": 25536}, epoch=1, seed=5)
    assert drawn[:3] == [("b", 1), ("a", 24837), ("b", 2)]
    assert hashlib.sha256(repr(drawn).encode()).hexdigest() == (
        "46fd8f0bb9256a9d602628e3856b1eb11c9e44885c365f4d82a2fc7cf8d09dc7"
    )


@settings(max_examples=20, deadline=None)
@given(size=MANY, turn=st.integers(0, 9), seed=st.integers(0, 9))
def test_a_pass_through_many_has_each_of_them_once(size: int, turn: int, seed: int) -> None:
    assert np.array_equal(np.sort(passed(size, turn=turn, seed=seed)), np.arange(size))


@settings(max_examples=6, deadline=None)
@given(
    sizes=st.tuples(MANY, st.integers(1, 500)), wanted=st.tuples(MANY, st.integers(1, 2000)),
    epoch=st.integers(0, 2), seed=st.integers(0, 5), data=st.data(),
)
def test_a_part_of_an_epoch_is_computed_without_the_rest(
    sizes: tuple[int, int], wanted: tuple[int, int], epoch: int, seed: int, data: st.DataObject
) -> None:
    named = {"many": sizes[0], "few": sizes[1]}
    per_epoch = {"many": wanted[0], "few": wanted[1]}
    start = data.draw(st.integers(0, sum(wanted)))
    stop = start + data.draw(st.integers(0, 300))
    every = draw(named, per_epoch, epoch=epoch, seed=seed)
    assert draw(named, per_epoch, epoch=epoch, seed=seed, start=start, stop=stop) == (
        every[start:stop]
    )
    assert Counter(name for name, _ in every) == per_epoch
    told: Counter[tuple[str, int]] = Counter()
    for name, indices in members(named, per_epoch, epoch=epoch, seed=seed):
        told.update((name, index) for index in indices.tolist())
    assert told == Counter(every)


def test_no_sample_of_many_comes_again_before_all_others() -> None:
    sizes, per_epoch = {"many": 70_000, "few": 30}, {"many": 50_000, "few": 20_000}
    seen: Counter[tuple[str, int]] = Counter()
    for epoch in range(3):
        seen.update(draw(sizes, per_epoch, epoch=epoch, seed=1))
        for name, size in sizes.items():
            times = [seen[name, index] for index in range(size)]
            assert max(times) - min(times) <= 1


def test_passes_through_many_differ_by_seed_turn_and_source() -> None:
    size = 70_000
    one = passed(size)
    others = (
        passed(size, turn=1), passed(size, seed=1),
        order._shuffled(0, "b", 0, size, np.arange(size)),
    )
    # Of two random permutations, about one place agrees.
    assert all((one == other).sum() < 12 for other in others)
    assert (one == np.arange(size)).sum() < 12


def test_passes_through_many_are_as_even_as_random_ones() -> None:
    """Where places go, what stands beside what, and how two passes differ: chi-squared, 256 bins.

    Of 255 degrees of freedom, 5 standard deviations are 255 + 5 * sqrt(510) = 368.
    """
    size, bins = 100_003, 256
    found = [passed(size, turn=turn) for turn in range(4)]

    def uneven(values: np.ndarray) -> float:
        times = np.bincount(values % size * bins // size, minlength=bins)
        expected = np.bincount(np.arange(size) * bins // size, minlength=bins) * len(values) / size
        return float(((times - expected) ** 2 / expected).sum())

    for one in found:
        assert uneven(one[: size // 3]) < 368
        assert uneven(one[::7]) < 368
        for step in (1, 2, 317):  # 317: a side of the network
            assert uneven(one[step:] - one[:-step]) < 368
    for one, other in itertools.pairwise(found):
        assert uneven(one - other) < 368


def test_many_small_passes_are_drawn_at_once() -> None:
    drawn = draw({"a": 1_000_000, "b": 1}, {"a": 500_000, "b": 500_000}, epoch=3, seed=0,
                 start=700_000, stop=700_512)
    assert len(drawn) == 512
    assert {index for name, index in drawn if name == "b"} == {0}


def test_a_step_of_a_million_samples_is_drawn_in_milliseconds() -> None:
    sizes = {"cv": 1_100_000, "human": 12_000, "reason": 12_000}
    per_epoch = {"cv": 337_200, "human": 562_000, "reason": 224_800}
    taken = []
    for turn in range(3):
        start = time.process_time()
        draw(sizes, per_epoch, epoch=5, seed=0, start=turn * 256, stop=turn * 256 + 256)
        taken.append(time.process_time() - start)
    # The first one shuffles the passes through the small sources; an epoch's list takes seconds.
    assert min(taken) < 0.05


@pytest.mark.parametrize("size", [65_537, 65_792, 66_049, 66_050, 1 << 17, (1 << 20) + 1])
def test_sizes_about_a_square_are_whole(size: int) -> None:
    assert np.array_equal(np.sort(passed(size)), np.arange(size))
