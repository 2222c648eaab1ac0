"""Scores without looking, readings and positions, from literal scores."""
# ruff: noqa: E501 -- exact Markdown: a row of a table is one line

from typing import Any

import pytest

from recipe_kit.page import about_choice
from recipe_kit.page.about_baseline import against_chance, baseline_results
from recipe_kit.record.schemas import Confusion, Metric, Reading, Record, TaskScores

CHANCE = Metric(value=0.5, n=200, low=0.43, high=0.57, method="binomial")


def metric(value: float, low: float, high: float) -> Metric:
    return Metric(value=value, n=200, low=low, high=high, method="wilson")


def scores(**update: Any) -> TaskScores:
    return TaskScores(
        task="left_right", task_type="choice", n=200,
        metrics={
            "accuracy": metric(0.52, 0.451, 0.588),
            "circular_accuracy": metric(0.31, 0.25, 0.377),
            "unparseable": metric(0.02, 0.008, 0.05),
        },
        confusion=Confusion(labels=("A", "B"), columns=("A", "B", "unparseable"),
                            counts=((90, 8, 2), (86, 14, 2))),
    ).model_copy(update=update)


BASELINES = {
    "chance": CHANCE, "majority": metric(0.51, 0.441, 0.578),
    "always_first": metric(0.62, 0.551, 0.684), "blind": metric(0.7, 0.633, 0.759),
}


def made(spatial: Record, base: TaskScores, tuned: TaskScores | None = None) -> Record:
    """The record with other scores; without training where only the base model's are given."""
    kept = {"base": base, **({"tuned": tuned} if tuned else {})}
    evaluations = tuple(
        one.model_copy(update={"tasks": {"left_right": kept[one.role]}})
        for one in spatial.evaluations if one.role in kept
    )
    return spatial.model_copy(update={"evaluations": evaluations})


def test_scores_stand_beside_those_without_looking(spatial: Record) -> None:
    after = scores(metrics={"accuracy": metric(0.95, 0.911, 0.973)},
                   baselines={"chance": CHANCE})
    record = made(spatial, scores(baselines=BASELINES), after)
    assert about_choice.without_looking(record, "spatial", "left_right") == """\
| Accuracy | What it is | Baseline | Post-Trained |
| --- | --- | ---: | ---: |
| **Looking** | The model, with the picture | 52.0% (45.1–58.8%) | 95.0% (91.1–97.3%) |
| Chance | Guessing; 95% of guessers land in the interval | 50.0% (43.0–57.0%) | 50.0% (43.0–57.0%) |
| Majority | Always the commonest right answer | 51.0% (44.1–57.8%) | – |
| Always first | Always the first option | 62.0% (55.1–68.4%) | – |
| Blind | The model asked the same questions with the picture blanked | 70.0% (63.3–75.9%) | – |
"""


def test_without_baselines_there_is_no_table(spatial: Record) -> None:
    assert about_choice.without_looking(made(spatial, scores()), "spatial", "left_right") == ""


def test_what_can_be_answered_without_looking_is_called_out(spatial: Record) -> None:
    record = made(spatial, scores(baselines=BASELINES, answerable_blind=True))
    assert about_choice.called_out(record) == (
        "> **Can be answered without looking:** `left_right`. Always taking the first option "
        "scores 62.0%; with the picture blanked, the base model scores 70.0%; guessing gets 50.0% "
        "(95% of guessers: 43.0–57.0%). A score there tells less about what the model sees than "
        "it seems to.\n"
    )
    record = made(
        spatial, scores(baselines=BASELINES, answerable_blind=True),
        scores(baselines={**BASELINES, "blind": metric(0.81, 0.75, 0.86)}, answerable_blind=True),
    )
    assert (
        "with the picture blanked, the base model scores 70.0% and the post-trained model scores "
        "81.0%; guessing"
    ) in about_choice.called_out(record)


def test_what_needs_looking_is_not_called_out(spatial: Record) -> None:
    assert about_choice.called_out(made(spatial, scores(baselines=BASELINES))) == ""


def test_readings(spatial: Record) -> None:
    readings = {
        "strict": Reading(accuracy=metric(0.52, 0.45, 0.59), differs=0),
        "vlmevalkit": Reading(accuracy=metric(0.525, 0.456, 0.593), differs=3),
    }
    record = made(spatial, scores(readings=readings))
    assert about_choice.readings(record, "spatial", "left_right") == """\
| Reading | What is read | Baseline |
| --- | --- | ---: |
| `strict` (used here) | The text, read strictly | 52.0% (0) |
| `vlmevalkit` | The text, read as VLMEvalKit's `can_infer` does | 52.5% (3) |
"""


def test_positions(spatial: Record) -> None:
    right = {"A": 100, "B": 100}
    record = made(
        spatial,
        scores(positions={"A": 176, "B": 20, "unparseable": 4}, reference_positions=right),
        scores(positions={"A": 100, "B": 100}, reference_positions=right),
    )
    assert about_choice.positions(record, "spatial", "left_right") == """\
| Answer | Right answer | Baseline | Post-Trained |
| --- | ---: | ---: | ---: |
| **A** | 100 (50.0%) | 176 (88.0%) | 100 (50.0%) |
| **B** | 100 (50.0%) | 20 (10.0%) | 100 (50.0%) |
| **unparseable** | 0 (0.0%) | 4 (2.0%) | 0 (0.0%) |
"""
    assert about_choice.position_sentence(record, "spatial", "left_right") == (
        "The base model gives A 176 times; it is the right answer 100 times. The post-trained "
        "model gives no letter more often than it is right."
    )


def test_baseline_results_are_noted_from_their_numbers(spatial: Record) -> None:
    record = made(spatial, scores(baselines=BASELINES, answerable_blind=True))
    assert baseline_results(record, "spatial", "left_right") == """\
| Metric | Baseline Score | Notes |
| --- | ---: | --- |
| **Accuracy** | 52.0% (45.1–58.8%) | 104 of 200 answers right; cannot be told apart from guessing (50.0%); misses the target of at least 90.0% |
| **Circular accuracy** | 31.0% (25.0–37.7%) | Right in every rotation of the options; 21.0 points of the accuracy hang on their order |
| **Unparseable** | 2.0% (0.8–5.0%) | 4 of 200 answers could not be read; they count as wrong |
| Chance | 50.0% (43.0–57.0%) | Guessing; 95% of guessers land in the interval |
| Majority | 51.0% (44.1–57.8%) | Always the commonest right answer; no better than guessing |
| Always first | 62.0% (55.1–68.4%) | Always the first option; above what guessing gives, so part can be answered without looking |
| Blind | 70.0% (63.3–75.9%) | The model asked the same questions with the picture blanked; above what guessing gives, so part can be answered without looking |
"""


def test_a_blind_score_at_chance_says_that_the_picture_is_needed(spatial: Record) -> None:
    blind = {"chance": CHANCE, "blind": metric(0.49, 0.42, 0.56)}
    table = baseline_results(made(spatial, scores(baselines=blind)), "spatial", "left_right")
    assert "blanked; no better than guessing, so the picture is needed |" in table


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.6, 0.7, "; better than guessing (50.0%)"),
        (0.3, 0.4, "; worse than guessing (50.0%)"),
        (0.45, 0.55, "; cannot be told apart from guessing (50.0%)"),
    ],
)
def test_an_accuracy_is_compared_with_guessing(low: float, high: float, said: str) -> None:
    assert against_chance(metric((low + high) / 2, low, high), CHANCE) == said
    assert against_chance(metric(0.5, low, high), None) == ""
