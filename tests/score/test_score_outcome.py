"""What follows from questions and answers: which targets count, how gaps are ordered, who chose."""

from typing import Any

from choice_cases import SIDE, recipe
from score_cases import ask

from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.score.asked import Asked
from recipe_kit.score.outcome import Outcome, outcome
from recipe_kit.spec.recipe import Recipe

SIDES = ("left", "right")


def spec(**changes: Any) -> Recipe:
    goal = {"task": "side", "metric": "accuracy"}
    return Recipe.model_validate(recipe().model_dump(by_alias=True) | {
        "tasks": {"side": SIDE, "other": SIDE},
        "benchmarks": {
            "table": {"tasks": ["side", "other"]},
            "held": {"tasks": ["side"], "split": "val"},
        },
        "gate": {"benchmark": "table", "targets": [
            goal | {"at_least": 0.9}, {"task": "other", "metric": "ece", "at_most": 0.1},
        ]},
        "evaluation": {"bootstrap": 100},
        **changes,
    })


def asked(benchmark: str, task: str, category: str, right: int, of: int) -> list[Any]:
    return [
        (q.model_copy(update={"id": f"{benchmark}/{q.id}", "benchmark": benchmark}),
         p.model_copy(update={"question": f"{benchmark}/{q.id}"}))
        for i in range(of)
        for q, p in [ask(f"{category}{i}", SIDES, "A", "A" if i < right else "B", task=task,
                         category=category)]
    ]


TABLE = [
    *asked("table", "side", "near", 14, 20), *asked("table", "side", "far", 20, 20),
    # The five are farther from their bar than the fourteen of twenty, but may be by chance.
    *asked("table", "other", "few", 2, 5),
    *asked("table", "other", "near", 6, 20), *asked("table", "other", "far", 20, 20),
]
HELD = asked("held", "side", "near", 2, 10) + asked("held", "side", "far", 10, 10)


def found(with_recipe: Recipe) -> Outcome:
    pairs: dict[str, list[tuple[Question, Prediction]]] = {"table": TABLE, "held": HELD}
    logs = {name: Asked(tuple(p for _, p in rows), "p.jsonl") for name, rows in pairs.items()}
    questions = {name: [q for q, _ in rows] for name, rows in pairs.items()}
    return outcome(with_recipe, questions, {"base": logs, "tuned": logs}, {"tuned": 3})


def test_gaps_of_all_benchmarks_are_ranked_together() -> None:
    ranked = [(g.benchmark, g.task, g.value, g.sure) for g in found(spec()).gaps]
    assert ranked == [
        ("held", "side", "near", True),
        ("table", "other", "near", True),
        ("table", "side", "near", True),
        ("table", "other", "few", False),
    ]


def test_a_gap_is_measured_from_the_highest_accuracy_that_is_wanted() -> None:
    def bars(**success: Any) -> dict[tuple[str, str], tuple[str, float]]:
        goal = {"metric": "accuracy", "at_least": 0.95}
        whole = found(spec(success={name: goal | one for name, one in success.items()}))
        return {(g.benchmark, g.task): (g.bar, round(g.threshold, 2)) for g in whole.gaps}

    gate_only = {
        # The gate's target for `other` is of another metric, and `held` is not its benchmark.
        ("table", "side"): ("target", 0.9), ("table", "other"): ("overall", 0.62),
        ("held", "side"): ("overall", 0.6),
    }
    assert bars() == gate_only
    assert bars(side={}) == gate_only | {("table", "side"): ("target", 0.95)}
    assert bars(side={"at_least": 0.7}) == gate_only
    assert bars(side={"category": "near"}) == gate_only
    assert bars(goal={"task": "side", "benchmark": "held"}) == gate_only | {
        ("held", "side"): ("target", 0.95)
    }


def test_a_model_chosen_on_the_validation_split_was_chosen_on_its_benchmarks() -> None:
    compared = found(spec()).comparisons
    assert [(one.benchmark, one.checkpoints, one.chosen_here) for one in compared] == [
        ("table", 3, False), ("held", 3, True)
    ]
