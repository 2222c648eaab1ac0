"""Where the base model stands among other models."""

from typing import Any

import pytest
from choice_cases import SIDE, recipe
from score_cases import ask

from recipe_kit.record.schemas import Difference
from recipe_kit.score.asked import Asked
from recipe_kit.score.models import choice_of_model, ordinal, sentence
from recipe_kit.score.outcome import outcome
from recipe_kit.spec.recipe import Recipe

NAMES = {"base": "Reason 2", "compare-q": "Qwen3", "compare-r": "Reason 1"}


def difference(other: float, base: float, better: bool | None, metric: str) -> Difference:
    gap = base - other
    return Difference(metric=metric, before=other, after=base, difference=gap, low=gap - 0.01,
                      high=gap + 0.02, n=100, better=better)


@pytest.mark.parametrize(
    ("ranking", "other", "base", "better", "metric", "told"),
    [
        (("base", "compare-q", "compare-r"), 0.775, 0.801, True, "accuracy",
         "By accuracy on mcq, Reason 2 is the best of the 3 models: 80.1% against 77.5% for Qwen3; "
         "the lead of 2.6 points (95% interval 1.6 to 4.6) is more than chance."),
        (("base", "compare-q"), 0.796, 0.801, None, "accuracy",
         "By accuracy on mcq, Reason 2 is the best of the 2 models: 80.1% against 79.6% for Qwen3; "
         "chance can explain the lead of 0.5 points (95% interval \N{MINUS SIGN}0.5 to 2.5)."),
        (("compare-q", "compare-r", "base"), 0.694, 0.632, False, "lingo_judge",
         "By Lingo-Judge on mcq, Reason 2 is 3rd of the 3 models: 63.2% against 69.4% for Qwen3; "
         "the gap of 6.2 points (95% interval 4.2 to 7.2) is more than chance."),
        (("compare-q", "base"), 0.125, 0.113, None, "bleu",
         "By BLEU on mcq, Reason 2 is 2nd of the 2 models: 0.113 against 0.125 for Qwen3; "
         "chance can explain the gap of 0.012 (95% interval \N{MINUS SIGN}0.008 to 0.022)."),
        (("base", "compare-q"), 0.8, 0.8, None, "accuracy",
         "By accuracy on mcq, Reason 2 and Qwen3 are level: 80.0%."),
    ],
)
def test_a_sentence(
    ranking: tuple[str, ...], other: float, base: float, better: bool | None, metric: str,
    told: str,
) -> None:
    found = difference(other, base, better, metric)
    assert sentence("mcq", NAMES, ranking, dict.fromkeys(NAMES, found)) == told


def test_ordinals() -> None:
    assert [ordinal(at) for at in (2, 3, 4, 11, 12, 13, 21, 22, 101, 111)] == [
        "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th",
    ]


def spec(**compare: Any) -> Recipe:
    return Recipe.model_validate(recipe().model_dump(by_alias=True) | {
        "model": {"title": "Reason 2", "compare": compare},
        "tasks": {"side": SIDE, "other": SIDE},
        "benchmarks": {"table": {"tasks": ["side", "other"]}},
        "gate": {"benchmark": "table", "targets": [
            {"task": "side", "metric": "accuracy", "at_least": 0.9},
        ]},
        "evaluation": {"bootstrap": 100},
    })


def answers(side: int, other: int, digest: str = "") -> tuple[Any, Asked]:
    rows = [
        ask(f"{task}{i:02d}", ("left", "right"), "A", "A" if i < right else "B", task=task)
        for task, right in (("side", side), ("other", other)) for i in range(40)
    ]
    predictions = tuple(p.model_copy(update={"digest": p.digest + digest}) for _, p in rows)
    return [q for q, _ in rows], Asked(predictions, "p.jsonl")


def test_ranking_and_differences() -> None:
    questions = {"table": answers(0, 0)[0]}
    asked = {
        "base": {"table": answers(30, 20)[1]},
        # Another model is shown the pictures in another way.
        "compare-q": {"table": answers(20, 22, "q")[1]},
        "compare-r": {"table": answers(38, 20, "r")[1]},
        "tuned": {"table": answers(40, 40)[1]},
    }
    of = spec(q={"base": "hub/Qwen3"}, r={"base": "hub/r", "title": "Reason 1"})
    found = choice_of_model(of, questions, asked)
    assert found is not None
    assert found.chosen == "base"
    assert found.ranking == {
        "table.side.accuracy": ("compare-r", "base", "compare-q"),
        "table.other.accuracy": ("compare-q", "base", "compare-r"),
    }
    side = found.differences["table.side.accuracy"]
    assert {role: (one.before, one.after, one.better) for role, one in side.items()} == {
        "compare-q": (0.5, 0.75, True), "compare-r": (0.95, 0.75, False),
    }
    # Ten questions changed, and two models were looked at.
    assert side["compare-q"].p_adjusted == pytest.approx(2 * side["compare-q"].p)
    assert [reason.split(":")[0] for reason in found.reasons] == [
        "By accuracy on side of table, Reason 2 is 2nd of the 3 models",
        "By accuracy on other of table, Reason 2 is 2nd of the 3 models",
    ]
    assert outcome(of, questions, asked, {"tuned": 1}).model_choice == found


def test_a_recipe_with_one_model_makes_no_choice() -> None:
    questions, base = answers(30, 20)
    assert choice_of_model(spec(), {"table": questions}, {"base": {"table": base}}) is None


def test_other_models_are_scored_and_not_compared_with_as_trainings() -> None:
    questions, base = answers(30, 20)
    asked = {"base": {"table": base}, "compare-q": {"table": answers(20, 22, "q")[1]}}
    found = outcome(spec(q={"base": "hub/q"}), {"table": questions}, asked, {})
    assert [one.role for one in found.evaluations] == ["base", "compare-q"]
    assert found.comparisons == ()
