from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_cases import ask, make, random_case, split

from recipe_kit.errors import CompareError
from recipe_kit.record.schemas import Comparison, Prediction, Question
from recipe_kit.score.compare import compare
from recipe_kit.spec.tasks import TASK_METRICS


def paired(
    questions: list[Question], before: list[Prediction], after: list[Prediction]
) -> Comparison:
    return compare(
        "floor", questions, before, after, before_role="base", after_role="tuned",
        bootstrap=500, seed=0,
    )


def both(references: list[str], one: list[Any], two: list[Any], **kwargs: Any) -> Comparison:
    questions, before = make(references, one, **kwargs)
    return paired(questions, before, make(references, two, **kwargs)[1])


def test_counts_of_what_changed() -> None:
    found = both(
        ["Yes", "Yes", "No", "No", "No", "Yes"],
        ["No", None, "No", "No", "Yes", "Yes"],
        ["Yes", "Yes", "Yes", "No", None, "Yes"],
    ).tasks["cracked"]
    assert (found.fixed, found.broken, found.both_right, found.both_wrong) == (2, 1, 2, 1)
    assert found.mcnemar_p == 1.0


def test_a_clear_improvement() -> None:
    found = both(["Yes", "No"] * 50, ["Yes"] * 100, ["Yes", "No"] * 45 + ["Yes"] * 10)
    accuracy = found.tasks["cracked"].differences["accuracy"]
    assert (accuracy.before, accuracy.after, accuracy.n) == (0.5, 0.95, 100)
    assert accuracy.difference == pytest.approx(0.45)
    assert 0.34 < accuracy.low < 0.40 < 0.50 < accuracy.high < 0.56
    assert (accuracy.better, accuracy.method) == (True, "paired bootstrap")
    assert found.tasks["cracked"].mcnemar_p == pytest.approx(2 / 2**45)
    assert not [r for r in found.regressions if r.metric == "accuracy"]


def test_a_small_change_is_no_improvement() -> None:
    # Twelve fixed and eight broken of 400.
    before = ["No"] * 12 + ["Yes"] * 388
    after = ["Yes"] * 12 + ["No"] * 8 + ["Yes"] * 380
    accuracy = both(["Yes"] * 400, before, after).tasks["cracked"].differences["accuracy"]
    assert accuracy.difference == pytest.approx(0.01)
    assert accuracy.low < 0 < accuracy.high
    assert accuracy.better is None


def test_three_questions_that_flip_prove_nothing() -> None:
    found = both(["Yes"] * 3, ["No"] * 3, ["Yes"] * 3).tasks["cracked"]
    assert found.differences["accuracy"].better is None
    assert found.mcnemar_p == 0.25


def test_for_errors_less_is_better() -> None:
    references = ["1", "2", "3", "4", "5"] * 20
    found = both(references, ["3"] * 100, references, confidences=[0.9] * 100)
    differences = found.tasks["cracked"].differences
    assert (differences["mae"].difference, differences["mae"].better) == (
        pytest.approx(-1.2), True
    )
    assert differences["quadratic_kappa"].better is True
    assert differences["unparseable"].better is None
    back = both(references, references, ["3"] * 100, confidences=[0.9] * 100)
    assert back.tasks["cracked"].differences["mae"].better is False


def test_regressions_are_named_where_they_are() -> None:
    # Better overall, worse on ambiguous floors, and on all from the real source but one.
    references = ["Yes"] * 60
    categories = ["hazard"] * 40 + ["ambiguous"] * 20
    sources = ["drawn"] * 40 + ["real"] * 20
    found = both(
        references, ["No"] * 40 + ["Yes"] * 20, ["Yes"] * 40 + ["No"] * 19 + ["Yes"],
        categories=categories, sources=sources, confidences=[0.9] * 60,
    )
    assert [
        (r.task, r.where, r.metric, r.before, r.after, r.n, r.significant)
        for r in found.regressions
    ] == [
        ("cracked", "category: ambiguous", "accuracy", 1.0, 0.05, 20, True),
        ("cracked", "source: real", "accuracy", 1.0, 0.05, 20, True),
    ]
    slices = found.tasks["cracked"].slices
    assert slices["category"]["hazard"].better is True
    assert slices["category"]["ambiguous"].better is False
    assert slices["source"]["real"].difference == pytest.approx(-0.95)


def test_an_overall_regression_may_be_chance() -> None:
    found = both(["Yes"] * 10, ["Yes"] * 10, ["Yes"] * 9 + ["No"])
    # Said once, although all are of one source and have one right answer.
    (accuracy,) = [r for r in found.regressions if r.metric == "accuracy"]
    assert accuracy.where == "overall"
    assert (accuracy.before, accuracy.after, accuracy.significant) == (1.0, 0.9, False)


def test_a_metric_undefined_on_one_side_has_no_difference() -> None:
    found = both(["Yes", "No"], ["No", "No"], ["Yes", "No"]).tasks["cracked"]
    precision = found.differences["precision"]
    assert (precision.before, precision.after, precision.difference, precision.better) == (
        None, 1.0, None, None
    )


def test_groups_are_resampled_whole() -> None:
    before, after = ["No", "Yes"] * 50, ["Yes", "Yes"] * 50
    apart = both(["Yes"] * 100, before, after)
    together = both(
        ["Yes"] * 100, before, after, groups=[f"g{i % 2}-{i // 20}" for i in range(100)]
    )
    one, two = (c.tasks["cracked"].differences["accuracy"] for c in (apart, together))
    assert two.method == "paired bootstrap by group"
    assert two.high - two.low > 2 * (one.high - one.low)


@settings(deadline=None, max_examples=10)
@given(st.sampled_from(["binary", "scale", "choice"]), st.integers(1, 30), st.integers(0, 10**6))
def test_nothing_changes_against_itself(kind: str, n: int, seed: int) -> None:
    references, answers, chances = random_case(kind, n, seed)
    questions, predictions = make(references, answers, **chances)
    found = paired(questions, predictions, predictions)
    (task,) = found.tasks.values()
    assert set(task.differences) == set(TASK_METRICS[questions[0].task_type])
    assert (task.fixed, task.broken, task.mcnemar_p, found.regressions) == (0, 0, 1.0, ())
    assert all(d.better is None and d.difference in (0.0, None) for d in task.differences.values())


# Ten of category a are fixed, six of b, one of c is broken.
CATEGORIES = ["a"] * 20 + ["b"] * 10 + ["c"] * 10
ONE = ["No"] * 15 + ["Yes"] * 25
TWO = ["No"] * 5 + ["Yes"] * 15 + ["Yes"] * 10 + ["No"] + ["Yes"] * 9
ONE[20:26] = ["No"] * 6


def test_slices_of_a_dimension_are_adjusted_together() -> None:
    found = both(["Yes"] * 40, ONE, TWO, categories=CATEGORIES).tasks["cracked"]
    category = found.slices["category"]
    assert {value: (d.p, d.p_adjusted, d.better) for value, d in category.items()} == {
        "a": (2 / 2**10, 3 * 2 / 2**10, True),
        # Alone it would be significant: p = 0.03.
        "b": (2 / 2**6, 2 * 2 / 2**6, None),
        "c": (1.0, 1.0, None),
    }
    assert category["b"].low > 0
    whole = found.differences["accuracy"]
    assert whole.p == whole.p_adjusted == found.mcnemar_p
    # One value only: nothing to adjust for.
    assert found.slices["source"]["floors"].p_adjusted == whole.p
    assert {d.p for name, d in found.differences.items() if name != "accuracy"} == {None}


def test_checkpoints_count_where_they_were_chosen() -> None:
    def chosen(**tried: Any) -> Comparison:
        questions, before = make(["Yes"] * 6, ["No"] * 6)
        after = make(["Yes"] * 6, ["Yes"] * 6)[1]
        return compare(
            "floor", questions, before, after, before_role="base", after_role="tuned",
            bootstrap=100, seed=0, **tried,
        )

    elsewhere, here = chosen(checkpoints=4), chosen(checkpoints=4, chosen_here=True)
    assert (elsewhere.checkpoints, elsewhere.chosen_here) == (4, False)
    assert (here.checkpoints, here.chosen_here) == (4, True)
    one, two = (c.tasks["cracked"].differences["accuracy"] for c in (elsewhere, here))
    assert (one.p, one.p_adjusted, one.better) == (2 / 2**6, 2 / 2**6, True)
    assert (two.p, two.p_adjusted, two.better) == (2 / 2**6, 4 * 2 / 2**6, None)
    assert here.tasks["cracked"].slices["label"]["Yes"].p_adjusted == 4 * 2 / 2**6
    many = chosen(checkpoints=100, chosen_here=True).tasks["cracked"]
    assert many.differences["accuracy"].p_adjusted == 1.0
    assert many.slices["label"]["Yes"].p_adjusted == 1.0


def test_a_group_changes_as_one() -> None:
    # Ten pictures of one scene get better, ten scenes of one picture each stay as they are.
    groups = ["one"] * 10 + [f"scene {i}" for i in range(10)]
    found = both(["Yes"] * 20, ["No"] * 10 + ["Yes"] * 10, ["Yes"] * 20, groups=groups)
    accuracy = found.tasks["cracked"].differences["accuracy"]
    assert (accuracy.p, accuracy.low, accuracy.better) == (1.0, 0.0, None)
    assert accuracy.p_method == "exact sign test by group"
    assert found.tasks["cracked"].mcnemar_p == 1.0


def test_options_are_compared_by_first_questions_and_cut_every_way() -> None:
    def asked(said: dict[str, str]) -> Any:
        return split([
            ask("1", ("left", "right"), "A", said["1"], slices={"size": "small"}),
            ask("1", ("right", "left"), "B", said["1#1"], turned=1, slices={"size": "small"}),
            ask("2", ("right", "left"), "A", said["2"], slices={"size": "large"}),
            ask("2", ("left", "right"), "B", said["2#1"], turned=1, slices={"size": "large"}),
        ])

    questions, before = asked({"1": "B", "1#1": "B", "2": "A", "2#1": "A"})
    _, after = asked({"1": "A", "1#1": "B", "2": "B", "2#1": "B"})
    found = compare(
        "tabletop", questions, before, after, before_role="base", after_role="tuned",
        bootstrap=100, seed=0,
    )
    task = found.tasks["side"]
    assert (task.fixed, task.broken, task.both_right, task.both_wrong) == (1, 1, 0, 0)
    circular = task.differences["circular_accuracy"]
    assert (circular.before, circular.after, circular.n) == (0.0, 0.5, 2)
    assert {
        dimension: {value: (d.before, d.after) for value, d in values.items()}
        for dimension, values in task.slices.items()
    } == {
        "category": {},
        "source": {"desks": (0.5, 0.5)},
        "label": {"left": (0.0, 1.0), "right": (1.0, 0.0)},
        "position": {"A": (0.5, 0.5)},
        "size": {"large": (1.0, 0.0), "small": (0.0, 1.0)},
    }
    assert [r.where for r in found.regressions if r.metric == "accuracy"] == [
        "label: right", "size: large"
    ]


def _other_prompt(predictions: list[Prediction]) -> None:
    for i in (1, 2):
        predictions[i] = predictions[i].model_copy(update={"prompt": "?", "digest": "other"})


def _other_preprocessing(predictions: list[Prediction]) -> None:
    predictions[2] = predictions[2].model_copy(update={"digest": "other"})


def _missing(predictions: list[Prediction]) -> None:
    del predictions[2]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_other_prompt, "comparison on benchmark 'floor': 'base' and 'tuned' were not asked the "
         "same: the prompt differs for 2 of 3 questions; the first is 'floor/cracked/floors/0001'"
         "\n  To mend it: evaluate both with one version of the recipe; `recipe run` asks again "
         "what is stale"),
        (_other_preprocessing, "comparison on benchmark 'floor': 'base' and 'tuned' were not "
         "asked the same: the picture, its preprocessing or the reference differs for 1 of 3 "
         "questions; the first is 'floor/cracked/floors/0002'\n  To mend it: evaluate both with "
         "one version of the recipe; `recipe run` asks again what is stale"),
        (_missing, "predictions of 'tuned' on benchmark 'floor': 1 of 3 questions have no "
         "prediction; the first is 'floor/cracked/floors/0002'\n  To mend it: run the evaluation "
         "to its end: `recipe run` goes on where it stopped"),
    ],
)
def test_other_questions_are_refused(spoil: Any, message: str) -> None:
    questions, before = make(["Yes", "No", "No"], ["Yes", "No", None])
    after = list(before)
    spoil(after)
    with pytest.raises(CompareError) as caught:
        paired(questions, before, after)
    assert str(caught.value) == message
