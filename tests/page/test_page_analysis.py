"""Gaps and success criteria, from literal results."""
# ruff: noqa: E501 -- exact Markdown: a row of a table is one line

from typing import Any

import pytest

from recipe_kit.page.about_criteria import criteria, verdicts
from recipe_kit.page.about_gaps import addressed, addressed_sentence, gaps, in_item
from recipe_kit.page.markdown import Md
from recipe_kit.record.schemas import CriterionResult, Gap, Metric, Record


def metric(value: float, low: float, high: float, n: int = 100) -> Metric:
    return Metric(value=value, n=n, low=low, high=high, method="wilson")


def gap(value: str, **update: Any) -> Gap:
    return Gap(
        benchmark="spatial", task="left_right", dimension="category", value=value,
        metric=metric(0.41, 0.33, 0.49), bar="overall", threshold=0.5325, shortfall=0.1225,
        sure=True,
    ).model_copy(update=update)


def test_gaps_are_listed_with_their_intervals_and_the_author_s_words(spatial: Record) -> None:
    unsure = gap("plain", dimension="scene", bar="target", threshold=0.5, shortfall=0.01,
                 metric=metric(0.49, 0.4, 0.58), sure=False)
    record = spatial.model_copy(update={"gaps": (gap("near"), unsure)})
    assert gaps(record, {"category.near": Md("They nearly touch.\n\nSo it is hard.")}) == """\
Slices of the zero-shot results that lie below the overall score or the target, the farthest below first:

- **Gap 1:** category `near`: 41.0% correct (95% interval 33.0–49.0%, n = 100), 12.2 points below the overall score of 53.2%. They nearly touch.

    So it is hard.
- **Gap 2:** scene `plain`: 49.0% correct (95% interval 40.0–58.0%, n = 100), 1.0 points below the target of 50.0%; the interval reaches the target, so this one may be noise.
"""


def test_no_gap_is_said(spatial: Record) -> None:
    record = spatial.model_copy(update={"gaps": ()})
    assert gaps(record, {}) == (
        "No category, position or other slice of the results lies below the overall score or "
        "below a target.\n"
    )
    assert addressed(record) == addressed_sentence(record) == ""


def test_many_gaps_are_cut_but_those_with_words_are_kept(spatial: Record) -> None:
    many = tuple(gap(f"c{at}") for at in range(12))
    listed = gaps(spatial.model_copy(update={"gaps": many}), {"category.c11": Md("Mine.")})
    assert listed.count("- **Gap ") == 9
    assert "category `c11`: 41.0% correct" in listed
    assert listed.endswith("\n3 smaller gaps are listed in [record.json](assets/record.json).\n")


def test_what_became_of_the_gaps(spatial: Record) -> None:
    after = metric(0.9, 0.82, 0.95)
    record = spatial.model_copy(update={"gaps": (
        gap("near", after=after, closed=True), gap("far", after=metric(0.4, 0.3, 0.5), closed=False)
    )})
    assert addressed(record) == """\
| Gap | n | Baseline | Post-Trained | 95% interval | Wanted | Closed |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
| category `near` | 100 | 41.0% | 90.0% | 82.0–95.0% | ≥ 53.2% | yes |
| category `far` | 100 | 41.0% | 40.0% | 30.0–50.0% | ≥ 53.2% | **no** |
"""


@pytest.mark.parametrize(
    ("closed", "said"),
    [
        ((True,), "The gap was closed."),
        ((False,), "The gap was **not** closed."),
        ((True, True), "All 2 gaps were closed."),
        ((True, False, False), "1 of the 3 gaps was closed."),
        ((True, True, False), "2 of the 3 gaps were closed."),
        ((False, False), "None of the 2 gaps was closed."),
        ((True,) * 9, "All 9 gaps were closed. The largest 8 are shown."),
        ((None,), ""),
    ],
)
def test_how_many_gaps_were_closed(spatial: Record, closed: tuple[bool | None], said: str) -> None:
    found = tuple(gap(f"c{at}", closed=one) for at, one in enumerate(closed))
    assert addressed_sentence(spatial.model_copy(update={"gaps": found})) == said


def test_a_gap_of_one_task_of_several_names_it(tuned: Record) -> None:
    found = gap("ambiguous", benchmark="floor", task="cracked")
    assert "**Gap 1:** `cracked`, category `ambiguous`: 41.0% correct" in gaps(
        tuned.model_copy(update={"gaps": (found,)}), {}
    )


def criterion(**update: Any) -> CriterionResult:
    return CriterionResult(
        name="left_right", benchmark="spatial", task="left_right", metric="accuracy",
        comparison="at least", threshold=0.9, before=metric(0.5, 0.4, 0.6),
        after=metric(0.95, 0.93, 0.97), verdict="met",
    ).model_copy(update=update)


def test_each_criterion_is_stated_with_its_verdict(spatial: Record) -> None:
    found = (
        criterion(),
        criterion(category="near", threshold=0.95, verdict="undecided"),
        criterion(metric="ece", comparison="at most", threshold=0.05, verdict="not met",
                  before=metric(0.3, 0.2, 0.4), after=metric(0.1, 0.08, 0.13)),
    )
    record = spatial.model_copy(update={"criteria": found})
    assert criteria(record) == """\
- **Target 1:** Accuracy of at least 90.0% on `left_right`. Zero-shot 50.0%, after post-training 95.0% (95% interval 93.0–97.0%, n = 100): **met** (the whole interval reaches it).
- **Target 2:** Accuracy of at least 95.0% on `left_right`, category `near`. Zero-shot 50.0%, after post-training 95.0% (95% interval 93.0–97.0%, n = 100): **undecided** (the interval holds it, so these questions are too few to tell).
- **Target 3:** Calibration error (ECE) of at most 0.050 on `left_right`. Zero-shot 0.300, after post-training 0.100 (95% interval 0.080–0.130, n = 100): **not met** (the whole interval falls short of it).
"""
    assert verdicts(record) == """\
| Target | Wanted | Baseline | Post-Trained | 95% interval | Verdict |
| --- | ---: | ---: | ---: | ---: | --- |
| Target 1: Accuracy on `left_right` | ≥ 90.0% | 50.0% | 95.0% | 93.0–97.0% | met |
| Target 2: Accuracy on `left_right` (near) | ≥ 95.0% | 50.0% | 95.0% | 93.0–97.0% | **undecided** |
| Target 3: Calibration error (ECE) on `left_right` | ≤ 0.050 | 0.300 | 0.100 | 0.080–0.130 | **not met** |
"""


def test_without_training_the_base_model_is_judged(spatial: Record) -> None:
    found = (criterion(after=None, verdict="not met"),)
    record = spatial.model_copy(update={"criteria": found, "training": ()})
    assert criteria(record) == (
        "- **Target 1:** Accuracy of at least 90.0% on `left_right`. Zero-shot 50.0% (95% interval "
        "40.0–60.0%, n = 100): **not met** (the whole interval falls short of it).\n"
    )
    assert "| Target | Wanted | Baseline | 95% interval | Verdict |" in verdicts(record)


def test_the_gate_s_targets_stand_in_for_criteria(spatial: Record) -> None:
    found = spatial.gate.targets[0].model_copy(update={"score": metric(0.5, 0.4, 0.6)})
    gate = spatial.gate.model_copy(update={"targets": (found,)})
    record = spatial.model_copy(update={"criteria": (), "gate": gate})
    said = criteria(record)
    assert said.startswith(
        "- **Target 1:** Accuracy of at least 90.0% on `left_right`. Zero-shot 50.0%, after "
    )
    assert said.endswith("); not met by the base model.\n")
    assert verdicts(record) == ""


def test_paragraphs_stay_in_their_item() -> None:
    assert in_item("One.\n\nTwo\nlines.") == "One.\n\n    Two\n    lines."
