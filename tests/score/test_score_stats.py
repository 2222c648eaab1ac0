import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from score_cases import one_task

from recipe_kit.score import binary, scale, stats


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Agresti & Coull (1998), and R's prop.test(correct = FALSE)
        (0, 10, 0.0, 0.2775),
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_against_the_literature(hits: int, n: int, low: float, high: float) -> None:
    assert stats.wilson(hits, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("fixed", "broken", "p"),
    [
        (0, 0, 1.0),
        (1, 5, 2 * (1 + 6) / 2**6),
        (5, 1, 2 * (1 + 6) / 2**6),
        (3, 3, 1.0),
        (10, 0, 2 / 2**10),
    ],
)
def test_mcnemar_by_hand(fixed: int, broken: int, p: float) -> None:
    assert stats.mcnemar(fixed, broken) == pytest.approx(p, rel=1e-12)


def test_resampling_is_determined_by_its_seed() -> None:
    groups = ["a", "a", "b", "c"]
    share = {"share": lambda w: w[:, 0] / w.sum(axis=1)}
    one, same, other = (
        stats.resample(share, groups, resamples=200, seed=seed)["share"] for seed in (1, 1, 2)
    )
    assert one.tolist() == same.tolist() != other.tolist()


def test_resampling_draws_whole_groups() -> None:
    weights = []
    stats.resample(
        {"seen": lambda w: weights.append(w) or w[:, 0]}, ["a", "b", "a", "c"],
        resamples=100, seed=0,
    )
    (drawn,) = weights
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert set((drawn[:, 0] + drawn[:, 1] + drawn[:, 3]).tolist()) == {3.0}


def test_resampling_in_parts_gives_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    share = {"share": lambda w: w[:, 0]}
    whole = stats.resample(share, ["a", "b", "c"], resamples=50, seed=3)["share"]
    monkeypatch.setattr(stats, "_CELLS", 21)
    assert stats.resample(share, ["a", "b", "c"], resamples=50, seed=3)["share"].tolist() == (
        whole.tolist()
    )


def test_the_bootstrap_agrees_with_the_error_of_a_mean() -> None:
    rng = np.random.default_rng(0)
    answers = one_task(
        [str(p) for p in rng.integers(1, 6, 400)], [str(p) for p in rng.integers(1, 6, 400)]
    )
    found = stats.metrics({"mae": scale.mae(answers)}, answers.groups, bootstrap=4000, seed=0)
    errors = np.abs(scale.placed(answers) - answers.reference_N)
    standard = errors.std() / 20
    assert found["mae"].low == pytest.approx(errors.mean() - 1.96 * standard, abs=0.01)
    assert found["mae"].high == pytest.approx(errors.mean() + 1.96 * standard, abs=0.01)


def test_scenes_of_four_like_pictures_count_as_one_each() -> None:
    right = [i % 3 != 0 for i in range(100)]
    answers = ["Yes" if r else "No" for r in right for _ in range(4)]
    groups = [f"scene {i}" for i in range(100) for _ in range(4)]
    apart = one_task(["Yes"] * 400, answers)
    together = one_task(["Yes"] * 400, answers, groups=groups)
    wilson, by_group = (
        stats.metrics({"accuracy": binary.accuracy(a)}, a.groups, bootstrap=2000, seed=0)[
            "accuracy"
        ]
        for a in (apart, together)
    )
    assert (wilson.method, by_group.method) == ("wilson", "bootstrap by group")
    assert by_group.high - by_group.low == pytest.approx(2 * (wilson.high - wilson.low), rel=0.1)


def test_a_perfect_score_on_few_groups_is_no_certainty() -> None:
    answers = one_task(["Yes"] * 20, ["Yes"] * 20, groups=["a"] * 10 + ["b"] * 10)
    found = stats.metrics(
        {"accuracy": binary.accuracy(answers)}, answers.groups, bootstrap=100, seed=0
    )["accuracy"]
    low, high = stats.wilson(2, 2)
    assert (found.value, found.n, found.low, found.high) == (1.0, 20, low, high)
    assert found.method == "wilson over groups"


def test_a_metric_undefined_in_most_draws_has_no_interval() -> None:
    draws = np.array([0.5] * 4 + [np.nan] * 6)
    assert stats.interval(draws, 0.5) is None
    assert stats.interval(draws[:8], 0.5) == (0.5, 0.5)


def test_an_interval_holds_its_value() -> None:
    assert stats.interval(np.array([0.2, 0.3, 0.4]), 0.1)[0] == 0.1


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        # The example of Wikipedia, "Holm–Bonferroni method": two of four are rejected at 0.05.
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # Benjamini & Hochberg (1995), section 3.2: fifteen tests, of which the three smallest are
        # rejected; multiplied by 15, 14, 13, ... by hand.
        (
            [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
             0.4262, 0.5719, 0.6528, 0.7590, 1.0],
            [0.0015, 0.0056, 0.0247, 0.1140, 0.2211, 0.2780, 0.2780, 0.2780, 0.3213, 1.0,
             1.0, 1.0, 1.0, 1.0, 1.0],
        ),
    ],
)
def test_holm_against_the_literature(p_values: list[float], adjusted: list[float]) -> None:
    found = stats.holm({str(i): p for i, p in enumerate(p_values)})
    assert list(found) == [str(i) for i in range(len(p_values))]
    assert list(found.values()) == pytest.approx(adjusted, abs=1e-12)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_keeps_order_and_bounds(p_values: list[float]) -> None:
    found = list(stats.holm({str(i): p for i, p in enumerate(p_values)}).values())
    pairs = sorted(zip(p_values, found, strict=True))
    assert all(p <= adjusted <= 1 for p, adjusted in pairs)
    assert [adjusted for _, adjusted in pairs] == sorted(found)


@given(st.lists(st.integers(1, 999), min_size=1, max_size=8), st.integers(1, 200))
def test_holm_rejects_what_stepping_down_rejects(thousandths: list[int], level: int) -> None:
    # By definition: from the smallest p on, reject while p·(m - i) ≤ level. In whole numbers.
    rejected = []
    for i, p in enumerate(sorted(thousandths)):
        if p * (len(thousandths) - i) > level:
            break
        rejected.append(p)
    found = stats.holm({str(i): p / 1000 for i, p in enumerate(thousandths)}).values()
    small = [round(adjusted * 1000, 6) <= level for adjusted in found]
    assert sorted(p for p, yes in zip(thousandths, small, strict=True) if yes) == rejected


@pytest.mark.parametrize(("fixed", "broken"), [(0, 0), (1, 0), (5, 1), (9, 9), (40, 17)])
def test_by_group_mcnemar_of_single_questions_is_mcnemars(fixed: int, broken: int) -> None:
    changes = [1] * fixed + [-1] * broken + [0] * 7
    groups = [f"scene {i}" for i in range(len(changes))]
    assert stats.mcnemar_by_group(changes, groups) == pytest.approx(stats.mcnemar(fixed, broken))


def test_mcnemar_by_group_counts_every_choice_of_signs() -> None:
    changes = [1, 1, -1, 1, 1, 1, -1, 1, 0]
    groups = list("aabbbccdd")
    sums = [2, 1, 0, 1]
    totals = [
        sum(sign * size for sign, size in zip(signs, sums, strict=True))
        for signs in itertools.product((-1, 1), repeat=4)
    ]
    share = sum(abs(total) >= 4 for total in totals) / len(totals)
    assert stats.mcnemar_by_group(changes, groups) == pytest.approx(share)


def test_a_difference_that_every_draw_has_is_no_accident() -> None:
    draws = np.array([0.1, 0.12, 0.08, np.nan])
    assert stats.p_of_draws(draws, 0.1) == 1 / 4
    assert stats.p_of_draws(draws, 0.0) == 1.0
    assert stats.p_of_draws(np.array([np.nan]), 0.3) == 1.0
