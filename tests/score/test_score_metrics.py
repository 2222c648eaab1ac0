"""Confusion, slices, reliability, risk–coverage, doubtful cases, and refused input."""

import statistics
import time
from typing import Any

import pytest
from score_cases import ask, make, one_task, random_case, split

from recipe_kit.errors import RecordError
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.score.answers import align, cluster
from recipe_kit.score.calibration import reliability, risk_coverage
from recipe_kit.score.compare import compare
from recipe_kit.score.metrics import score


def test_confusion_has_a_column_for_the_unparseable() -> None:
    (found,) = score(
        *make(["Yes", "Yes", "Yes", "No", "No"], ["Yes", "No", None, "No", "No"]),
        bootstrap=100, seed=0,
    ).values()
    assert found.confusion.labels == ("Yes", "No")
    assert found.confusion.columns == ("Yes", "No", "unparseable")
    assert found.confusion.counts == ((1, 1, 1), (0, 2, 0))


def test_slices() -> None:
    (found,) = score(
        *make(
            ["Yes", "Yes", "No", "No", "Yes"], ["Yes", "No", "No", "No", None],
            categories=["hazard", "hazard", "safe", "safe", ""],
            sources=["real", "drawn", "real", "drawn", "real"],
        ),
        bootstrap=100, seed=0,
    ).values()
    values = {
        (dimension, value, name): (m.value, m.n)
        for dimension, parts in found.slices.items()
        for value, metrics in parts.items()
        for name, m in metrics.items()
    }
    assert values == {
        ("category", "(none)", "accuracy"): (0.0, 1),
        ("category", "(none)", "recall"): (0.0, 1),
        ("category", "(none)", "f1"): (0.0, 1),
        ("category", "(none)", "unparseable"): (1.0, 1),
        ("category", "hazard", "accuracy"): (0.5, 2),
        ("category", "hazard", "precision"): (1.0, 1),
        ("category", "hazard", "recall"): (0.5, 2),
        ("category", "hazard", "f1"): (pytest.approx(2 / 3), 2),
        ("category", "hazard", "unparseable"): (0.0, 2),
        ("category", "safe", "accuracy"): (1.0, 2),
        ("category", "safe", "unparseable"): (0.0, 2),
        ("source", "drawn", "accuracy"): (0.5, 2),
        ("source", "drawn", "recall"): (0.0, 1),
        ("source", "drawn", "f1"): (0.0, 2),
        ("source", "drawn", "unparseable"): (0.0, 2),
        ("source", "real", "accuracy"): (pytest.approx(2 / 3), 3),
        ("source", "real", "precision"): (1.0, 1),
        ("source", "real", "recall"): (0.5, 2),
        ("source", "real", "f1"): (pytest.approx(2 / 3), 3),
        ("source", "real", "unparseable"): (pytest.approx(1 / 3), 3),
        ("label", "No", "accuracy"): (1.0, 2),
        ("label", "No", "unparseable"): (0.0, 2),
        ("label", "Yes", "accuracy"): (pytest.approx(1 / 3), 3),
        ("label", "Yes", "unparseable"): (pytest.approx(1 / 3), 3),
    }


def test_without_categories_there_are_no_such_slices() -> None:
    (found,) = score(*make(["3", "2"], ["3", "1"]), bootstrap=100, seed=0).values()
    assert found.slices["category"] == {}
    assert {name: m.value for name, m in found.slices["label"]["2"].items()} == {
        "accuracy": 0.0, "within_one": 1.0, "mae": 1.0, "unparseable": 0.0
    }


def test_reliability_bins_hold_their_upper_edge() -> None:
    answers = one_task(
        ["Yes"] * 6, ["Yes", "No", "Yes", None, "Yes", "Yes"],
        confidences=[0.0, 0.1, 0.3, 0.7, 0.70001, 1.0],
    )
    bins = {(b.low, b.high): (b.n, b.confidence, b.accuracy) for b in reliability(answers) if b.n}
    assert bins == {
        (0.0, 0.1): (2, 0.05, 0.5),
        (0.2, 0.3): (1, 0.3, 1.0),
        (0.6, 0.7): (1, 0.7, 0.0),
        (0.7, 0.8): (1, 0.70001, 1.0),
        (0.9, 1.0): (1, 1.0, 1.0),
    }
    assert [b.n for b in reliability(answers)] == [2, 0, 1, 0, 0, 0, 1, 1, 0, 1]


def test_a_confidence_that_rounding_lifts_above_one_is_one() -> None:
    over, one = (
        one_task(["Yes", "No"], ["Yes", "No"], confidences=[sure, 0.6],
                 probabilities=[[1.0, 0.0], [0.4, 0.6]])
        for sure in (1.004, 1.0)
    )
    assert reliability(over) == reliability(one)



def test_risk_coverage_takes_ties_together() -> None:
    answers = one_task(
        ["Yes"] * 5, ["Yes", "No", "Yes", None, "Yes"], confidences=[0.9, 0.8, 0.8, 0.8, 0.6]
    )
    points = [(p.coverage, p.risk) for p in risk_coverage(answers)]
    assert points == [(0.2, 0.0), (0.8, 0.5), (1.0, 0.4)]


def test_risk_coverage_is_thinned_to_a_hundred_points() -> None:
    answers = one_task(
        ["Yes"] * 1001, ["Yes"] * 1000 + ["No"], confidences=[1 - i / 2002 for i in range(1001)]
    )
    points = risk_coverage(answers)
    assert len(points) == 100
    assert (points[0].coverage, points[0].risk) == (1 / 1001, 0.0)
    assert (points[-1].coverage, points[-1].risk) == (1.0, 1 / 1001)


def test_the_least_confident_come_first() -> None:
    (found,) = score(
        *make(["Yes"] * 12, ["Yes"] * 12, confidences=[0.9, 0.5, 0.5] + [0.8] * 9),
        bootstrap=100, seed=0,
    ).values()
    assert found.least_confident[:3] == (
        "floor/cracked/floors/0001", "floor/cracked/floors/0002", "floor/cracked/floors/0003"
    )
    assert len(found.least_confident) == 10


def _drop(questions: list[Question], predictions: list[Prediction]) -> None:
    del predictions[1]


def _repeat(questions: list[Question], predictions: list[Prediction]) -> None:
    predictions.append(predictions[0])


def _ask_twice(questions: list[Question], predictions: list[Prediction]) -> None:
    questions.append(questions[0])


def _add(questions: list[Question], predictions: list[Prediction]) -> None:
    predictions.append(predictions[0].model_copy(update={"question": "floor/cracked/other"}))


def _answer_otherwise(questions: list[Question], predictions: list[Prediction]) -> None:
    predictions[0] = predictions[0].model_copy(update={"answer": "Perhaps"})


def _choose_otherwise(questions: list[Question], predictions: list[Prediction]) -> None:
    questions[1] = questions[1].model_copy(update={"choices": ("No", "Yes")})


def _lose_mass(questions: list[Question], predictions: list[Prediction]) -> None:
    predictions[1] = predictions[1].model_copy(update={"probabilities": {"Yes": 0.5, "No": 0.2}})


def _exaggerate(questions: list[Question], predictions: list[Prediction]) -> None:
    predictions[1] = predictions[1].model_copy(update={"confidence": 1.2})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_drop, "predictions: 1 of 2 questions have no prediction; the first is "
         "'floor/cracked/floors/0001'\n  To mend it: run the evaluation to its end: "
         "`recipe run` goes on where it stopped"),
        (_repeat, "predictions: the prediction for 'floor/cracked/floors/0000' stands here 2 "
         "times\n  To mend it: delete the stage's folder and run again, so that each question "
         "is answered once"),
        (_ask_twice, "predictions: the question 'floor/cracked/floors/0000' stands here 2 "
         "times\n  To mend it: delete the stage's folder and run again, so that each question "
         "is answered once"),
        (_add, "predictions: 1 predictions answer no question of this benchmark; the first is for "
         "'floor/cracked/other'\n  To mend it: score these predictions with the questions they "
         "were made for, or evaluate again"),
        (_answer_otherwise, "predictions: the answer to 'floor/cracked/floors/0000' is 'Perhaps', "
         "which is none of Yes, No\n  To mend it: evaluate again; the log was made for other "
         "choices"),
        (_choose_otherwise, "predictions: 'floor/cracked/floors/0001' has other choices than "
         "'floor/cracked/floors/0000'; a task's questions share theirs\n  To mend it: build the "
         "benchmark again from one version of the recipe"),
        (_exaggerate, "predictions: the confidence of 'floor/cracked/floors/0001' is 1.200, which "
         "is no probability\n  To mend it: evaluate again; an engine logs the answer's probability "
         "over the choices"),
        (_lose_mass, "predictions: the probabilities of 'floor/cracked/floors/0001' sum to 0.700 "
         "(1 of 2 predictions do not sum to 1)\n  To mend it: evaluate again; an engine logs the "
         "choices' probabilities normalized"),
    ],
)
def test_what_does_not_belong_together_is_refused(spoil: Any, message: str) -> None:
    questions, predictions = make(["Yes", "No"], ["Yes", None])
    spoil(questions, predictions)
    with pytest.raises(RecordError) as caught:
        score(questions, predictions, bootstrap=100, seed=0)
    assert str(caught.value) == message


def test_tasks_stay_in_the_order_they_are_asked() -> None:
    first, second = make(["Yes"], ["Yes"], task="traverse"), make(["3"], ["3"], task="severity")
    found = align([*first[0], *second[0]], [*second[1], *first[1]])
    assert list(found) == ["traverse", "severity"]


def test_a_benchmark_of_1200_questions_is_scored_and_compared_in_seconds() -> None:
    questions, before, after = [], [], []
    for kind, task in (("binary", "cracked"), ("binary", "traverse"), ("scale", "severity")):
        references, answers, chances = random_case(kind, 400, 1)
        asked, one = make(
            references, answers, task=task, **chances,
            categories=["hazard", "safe", "ambiguous", "safe"] * 100, sources=["a", "b"] * 200,
            groups=[f"scene {i // 2}" for i in range(400)],
        )
        questions += asked
        before += one
        after += make(references, references, task=task)[1]
    started = time.perf_counter()
    score(questions, before, bootstrap=1000, seed=0)
    scored = time.perf_counter()
    compare(
        "floor", questions, before, after, before_role="base", after_role="tuned",
        bootstrap=1000, seed=0,
    )
    compared = time.perf_counter()
    # Generous, for a loaded machine; about a second each in practice.
    assert scored - started < 15
    assert compared - scored < 15


def test_one_group_has_no_interval() -> None:
    questions, predictions = make(["Yes", "No"] * 6, ["Yes"] * 12, groups=["one"] * 12)
    scores = score(questions, predictions, bootstrap=100, seed=0)["cracked"].metrics
    assert (scores["accuracy"].value, scores["f1"].value) == (0.5, 12 / 18)
    for name in ("accuracy", "precision", "f1", "auroc", "ece"):
        assert (scores[name].low, scores[name].high, scores[name].method) == (None, None, "")
    # All right or all wrong: Wilson's interval of one observation.
    assert scores["recall"].method == "wilson over groups"
    assert scores["recall"].low == pytest.approx(0.2065, abs=1e-4)


def test_the_mean_over_videos_is_of_each_videos_own_accuracy() -> None:
    rights = {"a": [True, True, False, True], "b": [False, False], "c": [True]}
    pairs = [
        ask(f"{video}{number}", ("left", "right"), "A", "A" if right else "B")
        for video, each in rights.items() for number, right in enumerate(each)
    ]
    pairs = [(q.model_copy(update={"media": q.sample[0], "group": q.sample[0]}), p)
             for q, p in pairs]
    (found,) = score(*split(pairs), bootstrap=100, seed=0).values()
    assert found.per_video is not None
    shares = [3 / 4, 0.0, 1.0]
    assert found.per_video.mean == pytest.approx(statistics.mean(shares))
    assert found.per_video.sd == pytest.approx(statistics.stdev(shares))
    assert found.per_video.videos == 3
    assert found.n == 7


def test_videos_asked_once_each_have_no_mean_of_their_own() -> None:
    pairs = [ask(name, ("left", "right"), "A", "A") for name in "abc"]
    (found,) = score(*split(pairs), bootstrap=100, seed=0).values()
    assert found.per_video is None


def test_groups_that_share_a_video_are_one() -> None:
    pairs = [ask(name, ("left", "right"), "A", "A", media=media, group=group)
             for name, media, group in [("1", "a.mp4", "x"), ("2", "a.mp4", "y"),
                                        ("3", "b.mp4", "y"), ("4", "c.mp4", "z")]]
    groups = cluster([question for question, _ in pairs])
    assert groups[0] == groups[1] == groups[2] != groups[3]
