"""Choice tasks: options of different number, rotations, slices, and refused input."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_cases import ask, split
from sklearn import metrics as sk

from recipe_kit.errors import RecordError
from recipe_kit.record.schemas import TaskScores
from recipe_kit.score.answers import align
from recipe_kit.score.metrics import MEASURES, score

SIDES = ("left", "right")
SHAPES = ("cube", "cone", "ball")


def scored(pairs: list[Any]) -> TaskScores:
    (found,) = score(*split(pairs), bootstrap=100, seed=0).values()
    return found


def test_confidence_that_no_server_reported_is_not_scored() -> None:
    pairs = [ask("1", SIDES, "A", "A", probabilities=[1, 0]), ask("2", SIDES, "B", "A")]
    measured = scored(pairs)
    assert measured.metrics["ece"].value is not None
    assert measured.reliability and measured.risk_coverage and "probability" in measured.readings
    question, prediction = pairs[0]
    read = prediction.model_copy(update={"probabilities_from": "text"})
    found = scored([(question, read), pairs[1]])
    assert found.metrics["accuracy"].value == measured.metrics["accuracy"].value == 0.5
    assert found.metrics["ece"].value is None
    assert found.metrics["brier"].value is None
    assert (found.reliability, found.risk_coverage, found.least_confident) == ((), (), ())
    assert "probability" not in found.readings


def test_questions_of_two_and_of_three_options() -> None:
    found = scored([
        ask("1", SIDES, "A", "A", probabilities=[0.75, 0.25]),
        ask("2", SHAPES, "C", "A", probabilities=[0.5, 0.25, 0.25]),
        ask("3", SHAPES, "B", None, probabilities=[0.25, 0.5, 0.25]),
        ask("4", SIDES, "B", "B", probabilities=[0.25, 0.75]),
    ])
    assert (found.task_type, found.n) == ("choice", 4)
    assert {name: (m.value, m.n) for name, m in found.metrics.items()} == {
        "accuracy": (0.5, 4),
        "circular_accuracy": (None, 0),
        "unparseable": (0.25, 4),
        # Bins: (.4,.5] holds .5 wrong twice, (.7,.8] .75 right twice.
        "ece": (pytest.approx((1.0 + 0.5) / 4), 4),
        # .25² + .25²; .5² + .25² + .75²; .25² + .5² + .25²; .25² + .25².
        "brier": (pytest.approx((0.125 + 0.875 + 0.375 + 0.125) / 4), 4),
    }
    assert found.confusion.columns == ("A", "B", "C", "unparseable")
    assert found.confusion.counts == ((1, 0, 0, 0), (0, 1, 0, 1), (1, 0, 0, 0))
    accuracy = found.metrics["accuracy"]
    assert (accuracy.method, found.metrics["circular_accuracy"].method) == ("wilson", "")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 6), st.integers(0, 99), st.integers(-1, 99)),
                min_size=1, max_size=30), st.integers(0, 10**6))
def test_parity_with_scikit_learn_for_any_number_of_options(
    drawn: list[tuple[int, int, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pairs = [
        ask(f"{i:02d}", [str(k) for k in range(size)], "ABCDEF"[right % size],
            None if said < 0 else "ABCDEF"[said % size],
            probabilities=rng.dirichlet(np.ones(size)).tolist())
        for i, (size, right, said) in enumerate(drawn)
    ]
    answers = align(*split(pairs))["side"]
    widest = max(size for size, *_ in drawn)
    spread = np.zeros((len(drawn), widest))
    for i, (_, prediction) in enumerate(pairs):
        spread[i, : len(prediction.probabilities)] = list(prediction.probabilities.values())
    truths = [q.reference for q, _ in pairs]
    found = {name: measure(answers).value for name, measure in MEASURES["choice"].items()}
    assert found["accuracy"] == pytest.approx(
        sk.accuracy_score(truths, [p.answer or "" for _, p in pairs])
    )
    right = [truth == "A" for truth in truths] if widest == 2 else truths
    chances = spread[:, 0] if widest == 2 else spread
    labels = [False, True] if widest == 2 else list("ABCDEF"[:widest])
    assert found["brier"] == pytest.approx(
        sk.brier_score_loss(right, chances, labels=labels), abs=1e-12
    )


ROTATED = [
    # Right both times.
    ask("1", SIDES, "A", "A", group="one"), ask("1", SIDES[::-1], "B", "B", turned=1, group="one"),
    # The letter A both times.
    ask("2", SIDES, "A", "A"), ask("2", SIDES[::-1], "B", "A", turned=1),
    # Never right.
    ask("3", SIDES, "B", "A"), ask("3", SIDES[::-1], "A", "B", turned=1),
    # Right at first, not read when turned.
    ask("4", SIDES, "B", "B"), ask("4", SIDES[::-1], "A", None, turned=1),
    # Wrong at first, right when turned.
    ask("5", SIDES, "B", "A"), ask("5", SIDES[::-1], "A", "A", turned=1),
]


def test_rotations_decide_circular_accuracy_alone() -> None:
    found, flat = scored(ROTATED), scored(ROTATED[::2])
    circular = found.metrics["circular_accuracy"]
    assert (circular.value, circular.n, circular.method) == (0.2, 5, "wilson")
    assert found.n == 5
    assert {**found.metrics, "circular_accuracy": None} == {
        **flat.metrics, "circular_accuracy": None
    }
    assert (found.confusion, found.reliability) == (flat.confusion, flat.reliability)
    assert not [name for name in found.least_confident if "#" in name]
    assert found.slices["label"]["left"]["circular_accuracy"].value == 0.5


def test_circular_accuracy_is_of_the_questions_that_were_turned() -> None:
    found = scored([*ROTATED[:4], ask("9", SIDES, "A", "A")]).metrics
    assert (found["circular_accuracy"].value, found["circular_accuracy"].n) == (0.5, 2)
    assert found["accuracy"].n == 3


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(10)))
def test_the_order_of_rotations_does_not_matter(order: list[int]) -> None:
    assert scored([ROTATED[i] for i in order]) == scored(ROTATED)


def test_slices_of_a_choice_task() -> None:
    found = scored([
        ask("1", ("left", "right"), "A", "A", category="desk", slices={"size": "small"}),
        ask("2", ("right", "left"), "B", "A", category="desk", slices={"size": "large"}),
        ask("3", ("right", "left"), "A", "A", source="yard", slices={"position": "x"}),
        ask("4", ("left", "right"), "A", None, source="yard", slices={"size": "large"}),
    ])
    assert {
        dimension: {
            value: (metrics["accuracy"].value, metrics["accuracy"].n, metrics["unparseable"].value)
            for value, metrics in values.items()
        }
        for dimension, values in found.slices.items()
    } == {
        "category": {"(none)": (0.5, 2, 0.5), "desk": (0.5, 2, 0.0)},
        "source": {"desks": (0.5, 2, 0.0), "yard": (0.5, 2, 0.5)},
        "label": {"left": (1 / 3, 3, 1 / 3), "right": (1.0, 1, 0.0)},
        # A label that is called "position" does not take the letters' place.
        "position": {"A": (2 / 3, 3, 1 / 3), "B": (0.0, 1, 0.0)},
        "size": {"(none)": (1.0, 1, 0.0), "large": (0.0, 2, 0.5), "small": (1.0, 1, 0.0)},
    }
    assert list(found.slices["label"]["left"]) == ["accuracy", "unparseable"]


@pytest.mark.parametrize(("texts", "slices"), [(20, 20), (21, 0)])
def test_many_right_answers_are_no_slices(texts: int, slices: int) -> None:
    found = scored([ask(f"{i:02d}", (f"shape {i}", "none"), "A", "A") for i in range(texts)])
    assert len(found.slices["label"]) == slices
    assert len(found.slices["position"]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"choices": ("B", "A")}, "predictions: 'tabletop/side/2' has other choices than "
         "'tabletop/side/1'; a task's questions share theirs\n  To mend it: build the benchmark "
         "again from one version of the recipe"),
        ({"reference": "C"}, "predictions: the right answer to 'tabletop/side/2' is 'C', which is "
         "none of A, B\n  To mend it: build the benchmark again from one version of the recipe"),
        ({"rotation_of": "tabletop/side/9"}, "predictions: 'tabletop/side/2' is a rotation of "
         "'tabletop/side/9', which is not asked\n  To mend it: build the benchmark again from one "
         "version of the recipe"),
    ],
)
def test_questions_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    questions, predictions = split([ask("1", SHAPES, "C", "C"), ask("2", SIDES, "A", "B")])
    questions[1] = questions[1].model_copy(update=change)
    with pytest.raises(RecordError) as caught:
        score(questions, predictions, bootstrap=100, seed=0)
    assert str(caught.value) == message


def test_an_answer_that_only_other_questions_have_is_refused() -> None:
    questions, predictions = split([ask("1", SHAPES, "C", "C"), ask("2", SIDES, "A", "B")])
    predictions[1] = predictions[1].model_copy(update={"answer": "C"})
    with pytest.raises(RecordError, match="answer to 'tabletop/side/2' is 'C', which is none of"):
        score(questions, predictions, bootstrap=100, seed=0)
