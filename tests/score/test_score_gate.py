import pytest
from score_cases import make

from recipe_kit.errors import RecordError
from recipe_kit.score.gate import decide
from recipe_kit.score.metrics import score
from recipe_kit.spec.tasks import Gate, Target


def scores(right: int, n: int = 100):
    return score(
        *make(["Yes", "No"] * (n // 2), (["Yes", "No"] * n)[:right] + [None] * (n - right)),
        bootstrap=100, seed=0,
    )


@pytest.mark.parametrize(
    ("right", "target", "decide_by", "met"),
    [
        (90, {"at_least": 0.9}, "score", True),
        (89, {"at_least": 0.9}, "score", False),
        # Wilson's interval of 90 of 100 is 82.6% to 94.5%, of 96 of 100 it is 90.2% to 98.4%.
        (90, {"at_least": 0.9}, "interval", False),
        (96, {"at_least": 0.9}, "interval", True),
        (90, {"metric": "unparseable", "at_most": 0.1}, "score", True),
        (90, {"metric": "unparseable", "at_most": 0.1}, "interval", False),
        (90, {"metric": "unparseable", "at_most": 0.2}, "interval", True),
        (0, {"metric": "precision", "at_least": 0.1}, "score", False),
        (0, {"metric": "precision", "at_least": 0.1}, "interval", False),
    ],
)
def test_one_target(right: int, target: dict, decide_by: str, met: bool) -> None:
    target = Target(**{"task": "cracked", "metric": "accuracy", **target})
    found = decide(Gate(benchmark="floor", targets=(target,), decide_by=decide_by), scores(right))
    (result,) = found.targets
    assert (found.enough, result.met, found.decide_by) == (met, met, decide_by)
    assert result.score == scores(right)["cracked"].metrics[target.metric]


def test_a_target_that_is_reached_exactly() -> None:
    # Recalls of 19 of 20 and 17 of 20: their mean is 0.8999999999999999 in floating point.
    answers = ["Yes"] * 19 + ["No"] + ["No"] * 17 + ["Yes"] * 3
    found = score(*make(["Yes"] * 20 + ["No"] * 20, answers), bootstrap=100, seed=0)
    target = Target(task="cracked", metric="balanced_accuracy", at_least=0.9)
    assert found["cracked"].metrics["balanced_accuracy"].value < 0.9
    assert decide(Gate(benchmark="floor", targets=(target,)), found).enough


def test_all_targets_must_be_met() -> None:
    targets = (
        Target(task="cracked", metric="accuracy", at_least=0.85),
        Target(task="cracked", metric="unparseable", at_most=0.05),
    )
    found = decide(Gate(benchmark="floor", targets=targets), scores(90))
    assert found.enough is False
    assert [(r.metric, r.comparison, r.threshold, r.met) for r in found.targets] == [
        ("accuracy", "at least", 0.85, True), ("unparseable", "at most", 0.05, False)
    ]


@pytest.mark.parametrize(
    ("task", "metric", "missing", "known"),
    [
        ("traverse", "accuracy", "traverse", "cracked"),
        ("cracked", "mae", "mae", "accuracy, balanced_accuracy, precision, recall, f1, "
         "unparseable, auroc, ece, brier"),
    ],
)
def test_a_target_that_was_not_scored(task: str, metric: str, missing: str, known: str) -> None:
    gate = Gate(benchmark="floor", targets=(Target(task=task, metric=metric, at_least=0.9),))
    with pytest.raises(RecordError) as caught:
        decide(gate, scores(90))
    assert str(caught.value) == (
        f"gate.targets: the gate asks for {metric} of '{task}', but the scores of benchmark "
        f"'floor' have no '{missing}'; known: {known}\n  To mend it: name a task of "
        "benchmarks.floor.tasks and one of its metrics, or score the benchmark again"
    )
