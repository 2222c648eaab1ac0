"""Which checkpoint is best, which is recommended, and where a training went too far."""

from collections.abc import Mapping, Sequence

import pytest
from choice_cases import SIDE, recipe
from score_cases import ask

from recipe_kit.record.schemas import Candidate, Metric, Question
from recipe_kit.score.asked import Asked, Study
from recipe_kit.score.checkpoints import (
    Examined,
    choose,
    examine,
    rank,
    recommended,
    samples_seen,
    standard_error,
)
from recipe_kit.score.outcome import outcome
from recipe_kit.spec.recipe import Recipe

SIDES = ("left", "right")


def metric(value: float, error: float = 0.02) -> Metric:
    """A metric with a given standard error."""
    half = 1.959963984540054 * error
    return Metric(value=value, n=100, low=value - half, high=value + half)


def ranked(scores: Mapping[str, Sequence[float]], error: float = 0.02) -> tuple[Candidate, ...]:
    """Candidates of steps 10, 20, ...; the first value is that of the base model."""
    return rank({
        name: {10 * at: metric(value, error) for at, value in enumerate(values)}
        for name, values in scores.items()
    })


@pytest.mark.parametrize(
    ("scores", "step", "eligible"),
    [
        # One metric: the best alone is more than an error above the others.
        ({"a": (0.5, 0.6, 0.7, 0.65)}, 20, [20]),
        # Within one error of the best; the best balance is the best itself.
        ({"a": (0.5, 0.69, 0.7, 0.65)}, 20, [10, 20]),
        # Equals: the earliest.
        ({"a": (0.5, 0.7, 0.7, 0.7)}, 10, [10, 20, 30]),
        # Each metric peaks elsewhere; only 20 is near both peaks.
        ({"a": (0.5, 0.7, 0.69, 0.6), "b": (0.1, 0.1, 0.19, 0.2)}, 20, [20]),
        # None is near both: those near one, of which 30 gains most.
        ({"a": (0.5, 0.7, 0.6, 0.5), "b": (0.1, 0.1, 0.2, 0.4)}, 30, [10, 30]),
        # Near in most metrics goes before a larger gain in one.
        ({"a": (0.5, 0.7, 0.9), "b": (0.5, 0.6, 0.5), "c": (0.5, 0.6, 0.5)}, 10, [10]),
        # Worse than the base model is still the best there is.
        ({"a": (0.9, 0.5, 0.6)}, 20, [20]),
    ],
)
def test_the_rule(
    scores: Mapping[str, Sequence[float]], step: int, eligible: list[int]
) -> None:
    candidates = ranked(scores)
    assert choose(candidates) == step
    assert [one.step for one in candidates if one.eligible] == eligible


def test_exactly_one_standard_error_is_near() -> None:
    assert [one.eligible for one in ranked({"a": (0.5, 0.68, 0.7)})] == [True, True]
    assert [one.eligible for one in ranked({"a": (0.5, 0.6799, 0.7)})] == [False, True]


def test_balance_is_the_mean_gain_in_standard_errors_of_the_best() -> None:
    candidates = rank({
        "a": {0: metric(0.5), 10: metric(0.6, 0.05), 20: metric(0.7, 0.1)},
        "b": {0: metric(0.2), 10: metric(0.3, 0.02), 20: metric(0.1, 0.9)},
    })
    # a is in errors of 0.1, b in errors of 0.02.
    assert [round(one.balance, 9) for one in candidates] == [3.0, -1.5]
    assert [one.within_one_se for one in candidates] == [
        {"a": True, "b": True}, {"a": True, "b": False},
    ]


def test_without_an_interval_only_the_best_counts() -> None:
    alone = {step: Metric(value=value, n=1) for step, value in ((0, 0.0), (10, 1.0), (20, 0.9))}
    candidates = rank({"a": alone})
    assert [(one.eligible, one.balance) for one in candidates] == [(True, 0.0), (False, 0.0)]
    assert standard_error(alone[0]) == 0.0


@pytest.mark.parametrize(
    ("epoch_samples", "step", "epoch", "seen"),
    [
        (100, 0, 0.0, 0), (100, 1, 0.25, 32), (100, 3, 0.75, 96), (100, 4, 1.0, 100),
        (100, 5, 1.25, 132), (128, 4, 1.0, 128), (20, 3, 3.0, 60),
    ],
)
def test_samples_seen(epoch_samples: int, step: int, epoch: float, seen: int) -> None:
    assert samples_seen(spec(), epoch_samples, step) == (epoch, seen)


def spec(split: str = "test") -> Recipe:
    goal = {"task": "side", "metric": "accuracy", "at_least": 0.9}
    return Recipe.model_validate(recipe().model_dump(by_alias=True) | {
        "tasks": {"side": SIDE},
        "benchmarks": {"table": {"tasks": ["side"], "split": split}},
        "gate": {"benchmark": "table", "targets": [goal]},
        "evaluation": {"bootstrap": 100, "checkpoints": "all"},
        "train": {"batch_size": 16, "accumulate": 2},
    })


def answered(right: int, of: int = 100) -> tuple[list[Question], Asked]:
    """Questions of which the first ones are answered rightly."""
    pairs = [
        ask(f"{i:03d}", SIDES, "A", "A" if i < right else "B", task="side",
            category="near" if i % 2 else "far")
        for i in range(of)
    ]
    rows = [
        (q.model_copy(update={"id": f"table/{q.id}", "benchmark": "table"}),
         p.model_copy(update={"question": f"table/{q.id}"}))
        for q, p in pairs
    ]
    return [q for q, _ in rows], Asked(tuple(p for _, p in rows), "p.jsonl")


QUESTIONS = {"table": answered(0)[0]}
BASE = {"table": answered(50)[1]}


def study(test: Sequence[int], val: Sequence[int] = ()) -> Study:
    """Right answers after 10, 20, ... steps; on validation those of the base model come first."""
    return Study(
        steps={10 * at: {"table": answered(right)[1]} for at, right in enumerate(test, start=1)},
        questions=QUESTIONS if val else {},
        validation={10 * at: {"table": answered(right)[1]} for at, right in enumerate(val)},
        epoch_samples=320,
    )


def examined(test: Sequence[int], val: Sequence[int] = ()) -> Examined:
    return examine(spec(), QUESTIONS, BASE, study(test, val))


def test_scores_of_every_checkpoint() -> None:
    found = examined((60, 80, 70), (50, 61, 80, 79)).checkpoints
    assert [(one.step, one.epoch, one.samples_seen) for one in found] == [
        (0, 0.0, 0), (10, 1.0, 320), (20, 2.0, 640), (30, 3.0, 960),
    ]
    assert [one.test["table"]["side"].metrics["accuracy"].value for one in found] == [
        0.5, 0.6, 0.8, 0.7,
    ]
    assert [one.validation["table"]["side"].metrics["accuracy"].value for one in found] == [
        0.5, 0.61, 0.8, 0.79,
    ]
    best = found[2].test["table"]["side"]
    assert {name: one.value for name, one in best.categories.items()} == {"far": 0.8, "near": 0.8}
    difference = best.against_base["accuracy"]
    assert (difference.before, difference.after, difference.better) == (0.5, 0.8, True)
    # Thirty were fixed; looked at three times.
    assert difference.p == pytest.approx(2 * 0.5**30)
    assert difference.p_adjusted == pytest.approx(6 * 0.5**30)
    assert found[0].test["table"]["side"].against_base == {}


@pytest.mark.parametrize(
    ("test", "steps", "value"),
    [
        ((60, 80, 70), (20,), 0.8), ((80, 70, 80), (10, 30), 0.8), ((40, 30), (0,), 0.5),
        ((50, 30), (0, 10), 0.5),
    ],
)
def test_the_best_checkpoints(test: Sequence[int], steps: tuple[int, ...], value: float) -> None:
    (best,) = examined(test).best
    assert (best.benchmark, best.task, best.metric) == ("table", "side", "accuracy")
    assert (best.steps, best.value, best.base) == (steps, value, 0.5)
    assert best.difference.after == value


def test_a_fall_is_called_only_where_it_is_more_than_chance() -> None:
    fallen = [
        (one.split, one.best_step, one.last_step, one.significant, one.difference.difference)
        for one in examined((60, 80, 60), (50, 70, 72, 70)).overfitting
    ]
    assert fallen == [
        ("val", 20, 30, False, pytest.approx(-0.02)), ("test", 20, 30, True, pytest.approx(-0.2)),
    ]


def test_a_fall_is_corrected_for_the_checkpoints_that_were_looked_at() -> None:
    """Six answers that are lost: p = 0.031, or 0.094 where the best of three was taken."""
    (two,) = examined((80, 74)).overfitting
    (three,) = examined((70, 80, 74)).overfitting
    assert two.difference.p == three.difference.p == pytest.approx(0.03125)
    assert (two.difference.p_adjusted, three.difference.p_adjusted) == (0.0625, 0.09375)
    assert not three.significant


def test_no_fall_where_the_last_is_as_good_as_any() -> None:
    assert examined((60, 80, 80)).overfitting == ()
    assert examined((60, 70, 80)).overfitting == ()


RULE = (
    "On the {split} split, a checkpoint counts as near the best in a metric if it is at most one "
    "standard error below it. Of the 3 saved checkpoints, those that are near the best in the most "
    "metrics are eligible; of these, the one with the largest mean gain over the base model is "
    "recommended, each gain in standard errors of the best checkpoint; of equals the earliest."
)


def test_the_recommendation_is_by_validation_whatever_the_test_says() -> None:
    found = examined((90, 60, 95), (50, 60, 80, 70)).recommendation
    assert (found.step, found.split) == (20, "val")
    assert found.rule == f"{RULE.format(split='validation')} The test split had no part in it."
    assert [one.step for one in found.candidates] == [10, 20, 30]


def test_a_benchmark_without_validation_samples_is_named_in_the_rule() -> None:
    other = [q.model_copy(update={"benchmark": "other"}) for q in QUESTIONS["table"]]
    given = study((60, 70, 80), (50, 70, 90, 80))
    steps = {step: logs | {"other": logs["table"]} for step, logs in given.steps.items()}
    both = Study(steps, given.questions, given.validation, given.epoch_samples)
    base = BASE | {"other": BASE["table"]}
    questions = {**QUESTIONS, "other": other}
    rule = examine(spec(), questions, base, both).recommendation.rule
    assert rule.endswith(" Not in the rule, for want of validation samples: other.side.")
    assert recommended(spec(), questions, base, both).rule == rule


def test_the_test_split_is_never_used_silently() -> None:
    found = examined((60, 80, 70)).recommendation
    assert (found.step, found.split) == (20, "test")
    assert found.rule == RULE.format(split="test") + (
        " The test split was used because no validation sample can be asked these questions; so "
        "the p-values of the recommended checkpoint are multiplied by the number of checkpoints."
    )


@pytest.mark.parametrize("val", [(), (50, 60, 80, 70)])
def test_the_recommended_checkpoint_is_the_tuned_model(val: Sequence[int]) -> None:
    given = study((60, 80, 95), val)
    found = outcome(spec(), QUESTIONS, {"base": BASE}, {}, study=given)
    step = 20 if val else 30
    assert found.recommendation == recommended(spec(), QUESTIONS, BASE, given)
    assert found.recommendation is not None
    assert found.recommendation.step == step
    assert [one.role for one in found.evaluations] == ["base", "tuned"]
    tuned = found.evaluations[1].tasks["side"].metrics["accuracy"].value
    assert tuned == {20: 0.8, 30: 0.95}[step]
    (comparison,) = found.comparisons
    # Chosen on these questions: corrected for the three.
    assert (comparison.checkpoints, comparison.chosen_here) == (3, not val)
    difference = comparison.tasks["side"].differences["accuracy"]
    assert difference.p is not None
    assert difference.p_adjusted == pytest.approx(difference.p * (1 if val else 3))
