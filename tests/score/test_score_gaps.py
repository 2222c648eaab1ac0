"""Which slices of the base model's answers are gaps, in which order, and whether they closed."""

import pytest
from score_cases import ask, make, split

from recipe_kit.errors import RecordError
from recipe_kit.record.schemas import Gap, TaskScores
from recipe_kit.score.gaps import find_gaps
from recipe_kit.score.metrics import score

SIDES = ("left", "right")
# Category and how many of how many answers are right: 46 of 80 in all.
BASE = {"far": (2, 20), "near": (30, 30), "mirrored": (6, 10), "occluded": (8, 16), "rare": (0, 4)}
TUNED = {**BASE, "far": (19, 20), "occluded": (9, 16)}


def scored(right: dict[str, tuple[int, int]], **slices: str) -> dict[str, TaskScores]:
    pairs = [
        ask(f"{category} {i:02d}", SIDES, "A", "A" if i < hits else "B", category=category,
            slices=slices)
        for category, (hits, n) in right.items()
        for i in range(n)
    ]
    return score(*split(pairs), bootstrap=100, seed=0)


def shown(gaps: tuple[Gap, ...]) -> list[tuple[object, ...]]:
    return [
        (g.dimension, g.value, g.bar, g.threshold, round(g.shortfall, 6), g.sure) for g in gaps
    ]


def test_slices_below_the_overall_score() -> None:
    (overall,) = (s.metrics["accuracy"].value for s in scored(BASE).values())
    assert overall == 0.575
    found = find_gaps("tabletop", scored(BASE), None, {})
    assert shown(found) == [
        ("category", "far", "overall", 0.575, 0.475, True),
        ("category", "occluded", "overall", 0.575, 0.075, False),
    ]
    assert {(g.benchmark, g.task, g.after, g.closed) for g in found} == {
        ("tabletop", "side", None, None)
    }
    assert (found[0].metric.value, found[0].metric.n) == (0.1, 20)


def test_a_higher_target_is_the_bar() -> None:
    # `mirrored` is above the overall score; four rare answers are too few, whatever they are.
    assert shown(find_gaps("tabletop", scored(BASE), None, {"side": 0.9, "other": 1.0})) == [
        ("category", "far", "target", 0.9, 0.8, True),
        ("category", "occluded", "target", 0.9, 0.4, True),
        ("category", "mirrored", "target", 0.9, 0.3, True),
    ]


def test_a_slice_that_just_reaches_the_bar_is_no_gap() -> None:
    even = scored({"near": (7, 10), "far": (14, 20)})
    assert find_gaps("tabletop", even, None, {}) == ()
    assert find_gaps("tabletop", even, None, {"side": 0.7}) == ()


def test_a_lower_target_changes_nothing() -> None:
    assert find_gaps("tabletop", scored(BASE), None, {"side": 0.575}) == find_gaps(
        "tabletop", scored(BASE), None, {}
    )


def test_sure_gaps_come_before_larger_ones() -> None:
    right = {"few": (1, 5), "many": (45, 100), "most": (140, 200)}
    assert [(g.value, g.sure) for g in find_gaps("tabletop", scored(right), None, {})] == [
        ("many", True), ("few", False)
    ]


def test_equal_gaps_are_ordered_by_name() -> None:
    right = {"b": (4, 10), "a": (4, 10), "c": (10, 10)}
    assert [g.value for g in find_gaps("tabletop", scored(right), None, {})] == ["a", "b"]


def test_after_training_gaps_are_closed_or_not() -> None:
    found = find_gaps("tabletop", scored(BASE), scored(TUNED), {})
    assert [(g.value, g.after.value, g.closed) for g in found] == [
        ("far", 0.95, True), ("occluded", 9 / 16, False)
    ]
    assert found[0].after == scored(TUNED)["side"].slices["category"]["far"]["accuracy"]


def test_a_gap_that_just_reaches_its_threshold_is_closed() -> None:
    after = scored({**BASE, "far": (18, 20)})
    (far,) = [g for g in find_gaps("tabletop", scored(BASE), after, {"side": 0.9})
              if g.value == "far"]
    assert far.closed is True


def test_every_dimension_counts_but_what_holds_every_answer() -> None:
    pairs = [
        ask(f"{i:02d}", SIDES if i % 2 else SIDES[::-1], "AB"[i % 2], "A",
            slices={"size": "small" if i % 2 else "large"})
        for i in range(40)
    ]
    found = find_gaps("tabletop", score(*split(pairs), bootstrap=100, seed=0), None, {"side": 0.9})
    # Each letter is each size here; one source has all the answers. Both right answers say right.
    assert [(g.dimension, g.value) for g in found] == [("position", "B"), ("size", "small")]


def test_right_answers_count_where_there_are_more_than_two() -> None:
    texts = ("left", "right", "above", "below")
    pairs = [
        ask(f"{i:02d}", texts, "ABCD"[i % 4], "ABCC"[i % 4]) for i in range(40)
    ]
    found = find_gaps("tabletop", score(*split(pairs), bootstrap=100, seed=0), None, {})
    assert [(g.dimension, g.value) for g in found] == [("label", "below"), ("position", "D")]
    two = [ask(f"{i:02d}", SIDES, "AB"[i % 2], "A", task="two") for i in range(40)]
    assert [g.dimension for g in find_gaps(
        "tabletop", score(*split(two), bootstrap=100, seed=0), None, {}
    )] == ["position"]


@pytest.mark.parametrize("references", [["Yes", "No"] * 10, ["1", "2", "3", "4"] * 5])
def test_right_answers_of_other_tasks_do_not_count(references: list[str]) -> None:
    scores = score(*make(references, [references[0]] * 20), bootstrap=100, seed=0)
    assert find_gaps("floor", scores, None, {"cracked": 1.0}) == ()


@pytest.mark.parametrize(
    ("after", "what"),
    [
        ({"far": (19, 20)}, "category 'occluded' of 'side'"),
        ({}, "task 'side'"),
    ],
)
def test_scores_of_other_questions_are_refused(
    after: dict[str, tuple[int, int]], what: str
) -> None:
    with pytest.raises(RecordError) as caught:
        find_gaps("tabletop", scored(BASE), scored(after) if after else {}, {})
    assert str(caught.value) == (
        f"scores of benchmark 'tabletop': the tuned model's scores have no {what}, which the base "
        "model's have\n  To mend it: evaluate both with one version of the recipe; `recipe run` "
        "asks again what is stale"
    )
