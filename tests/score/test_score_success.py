"""Success criteria: met, not met, undecided."""

from typing import Any

import pytest
from score_cases import ask, make, split

from recipe_kit.errors import RecordError
from recipe_kit.record.schemas import Metric, TaskScores
from recipe_kit.score.metrics import score
from recipe_kit.score.success import judge, verdict
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import Criterion


@pytest.mark.parametrize(
    ("low", "high", "comparison", "verdict_"),
    [
        (0.9, 0.99, "at least", "met"),
        (0.9 - 1e-15, 0.99, "at least", "met"),
        (0.89, 0.99, "at least", "undecided"),
        (0.8, 0.9, "at least", "undecided"),
        (0.8, 0.89, "at least", "not met"),
        (0.8, 0.9, "at most", "met"),
        (0.8, 0.9 + 1e-15, "at most", "met"),
        (0.8, 0.91, "at most", "undecided"),
        (0.9, 0.99, "at most", "undecided"),
        (0.91, 0.99, "at most", "not met"),
    ],
)
def test_the_interval_decides(low: float, high: float, comparison: Any, verdict_: str) -> None:
    metric = Metric(value=(low + high) / 2, n=100, low=low, high=high, method="wilson")
    assert verdict(metric, comparison, 0.9) == verdict_


@pytest.mark.parametrize(
    ("value", "at_least", "at_most"),
    [(0.9, "met", "met"), (0.8, "not met", "met"), (0.95, "met", "not met"),
     (None, "undecided", "undecided")],
)
def test_without_an_interval_the_value_decides(
    value: float | None, at_least: str, at_most: str
) -> None:
    metric = Metric(value=value, n=3)
    assert verdict(metric, "at least", 0.9) == at_least
    assert verdict(metric, "at most", 0.9) == at_most


def recipe(**success: dict[str, Any]) -> Recipe:
    return Recipe.model_validate({
        "schema": 1, "title": "Left and right", "authors": [{"name": "A"}], "organization": "O",
        "use_case": "U",
        "data": {"sources": {"desks": {"kind": "world", "world": "floors", "count": 8}},
                 "splits": {"test": {"desks": 1.0}}},
        "tasks": {
            "side": {"type": "choice", "prompt": "?", "options": ["left", "right"],
                     "label": "side"},
            "cracked": {"type": "binary", "prompt": "?", "label": "cracked"},
        },
        "benchmarks": {"floor": {"tasks": ["cracked"]}, "tabletop": {"tasks": ["side"]},
                       "more": {"tasks": ["side", "cracked"]}},
        "gate": {"benchmark": "tabletop",
                 "targets": [{"task": "side", "metric": "accuracy", "at_least": 0.9}]},
        "success": success,
    })


def sides(near: int, far: int) -> dict[str, TaskScores]:
    """So many of a hundred near, and of twenty far, are answered rightly."""
    return score(
        *split([
            ask(f"{name} {i:03d}", ("left", "right"), "A", "A" if i < hits else "B", category=name)
            for name, hits, n in (("near", near, 100), ("far", far, 20))
            for i in range(n)
        ]),
        bootstrap=100, seed=0,
    )


def floors() -> dict[str, TaskScores]:
    return score(
        *make(["Yes"] * 20 + ["No"] * 20, ["Yes"] * 20 + ["No"] * 20,
              categories=["hazard"] * 20 + ["safe"] * 20),
        bootstrap=100, seed=0,
    )


BEFORE = {"floor": floors(), "tabletop": sides(50, 10), "more": {**sides(100, 20), **floors()}}
AFTER = {"floor": floors(), "tabletop": sides(99, 14), "more": {**sides(0, 0), **floors()}}


def test_criteria_are_judged_on_the_tuned_model() -> None:
    found = judge(
        recipe(
            side={"metric": "accuracy", "at_least": 0.85},
            near={"task": "side", "metric": "accuracy", "category": "near", "at_least": 0.9},
            far={"task": "side", "metric": "accuracy", "category": "far", "at_least": 0.9},
            other={"task": "side", "benchmark": "more", "metric": "accuracy", "at_least": 0.9},
            unread={"task": "side", "metric": "unparseable", "at_most": 0.05},
            circular={"task": "side", "metric": "circular_accuracy", "at_least": 0.5},
        ),
        BEFORE, AFTER,
    )
    assert [
        (c.name, c.benchmark, c.task, c.metric, c.category, c.comparison, c.threshold, c.verdict)
        for c in found
    ] == [
        ("side", "tabletop", "side", "accuracy", "", "at least", 0.85, "met"),
        ("near", "tabletop", "side", "accuracy", "near", "at least", 0.9, "met"),
        ("far", "tabletop", "side", "accuracy", "far", "at least", 0.9, "not met"),
        ("other", "more", "side", "accuracy", "", "at least", 0.9, "not met"),
        ("unread", "tabletop", "side", "unparseable", "", "at most", 0.05, "met"),
        ("circular", "tabletop", "side", "circular_accuracy", "", "at least", 0.5, "undecided"),
    ]
    near = found[1]
    assert (near.before, near.after) == tuple(
        scores["tabletop"]["side"].slices["category"]["near"]["accuracy"]
        for scores in (BEFORE, AFTER)
    )


def test_without_training_the_base_model_is_judged() -> None:
    (found,) = judge(recipe(side={"metric": "accuracy", "at_least": 0.55}), BEFORE, None)
    assert (found.verdict, found.after) == ("undecided", None)
    assert judge(recipe(), BEFORE, None) == ()


def test_what_is_not_defined_in_a_category_is_undecided() -> None:
    # No hazard is there, and none is called.
    (found,) = judge(
        recipe(cracked={"metric": "precision", "category": "safe", "at_least": 0.9}), BEFORE, None
    )
    assert (found.verdict, found.before) == ("undecided", Metric(value=None, n=20))


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ({"task": "severity"}, "the scores have no benchmark that is called ''; known: floor, "
         "tabletop, more"),
        ({"task": "side", "benchmark": "floor"}, "the scores have no task of benchmark 'floor' "
         "that is called 'side'; known: cracked"),
        ({"task": "side", "category": "high"}, "the scores have no category of 'side' that is "
         "called 'high'; known: far, near"),
        ({"task": "side", "metric": "f1"}, "the scores have no metric of 'side' that is called "
         "'f1'; known: accuracy, circular_accuracy, unparseable, ece, brier"),
        ({"task": "side", "metric": "ece", "category": "far"}, "the scores have no metric of a "
         "category of 'side' that is called 'ece'; known: accuracy, circular_accuracy, "
         "unparseable"),
    ],
)
def test_names_that_do_not_fit_are_refused(criterion: dict[str, Any], message: str) -> None:
    asked = Criterion.model_validate({"metric": "accuracy", "at_least": 0.5, **criterion})
    with pytest.raises(RecordError) as caught:
        judge(recipe().model_copy(update={"success": {"goal": asked}}), BEFORE, None)
    assert str(caught.value) == (
        f"success.goal: {message}\n  To mend it: name one of these, or score the benchmark again "
        "with this recipe"
    )
