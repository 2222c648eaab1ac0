"""Before and after, and the examples told at length, from literal comparisons."""
# ruff: noqa: E501 -- exact Markdown: a row of a table is one line

from typing import Any

import pytest

from recipe_kit.page import about_benchmark, about_examples, about_results
from recipe_kit.page.about_change import slice_changes
from recipe_kit.page.markdown import Md
from recipe_kit.record.schemas import Comparison, Difference, Example, Record, TaskComparison


def difference(before: float | None, after: float | None, **update: Any) -> Difference:
    change = None if before is None or after is None else after - before
    return Difference(
        metric="accuracy", before=before, after=after, difference=change, n=200,
        low=None if change is None else change - 0.05,
        high=None if change is None else change + 0.05,
    ).model_copy(update=update)


BETTER = difference(0.55, 0.98, better=True, p=1e-6)
NOISE = difference(0.55, 0.57, better=None, p=0.4)
WORSE = difference(0.55, 0.4, better=False, p=0.001)


def compared(spatial: Record, accuracy: Difference, **update: Any) -> Record:
    task = TaskComparison(
        task="left_right",
        differences={
            "accuracy": accuracy,
            "circular_accuracy": difference(None, None, metric="circular_accuracy"),
            "ece": difference(0.2, 0.1, metric="ece", better=None),
        },
        fixed=90, broken=4, both_right=106, both_wrong=0, mcnemar_p=1e-6,
        slices={
            "category": {
                "far": difference(0.6, 0.98, better=True, n=100, p=1e-6, p_adjusted=2e-6),
                "near": difference(0.5, 0.53, better=None, n=100, p=0.6, p_adjusted=0.6),
            },
            "source": {"tables": BETTER},
        },
    )
    comparison = Comparison(
        benchmark="spatial", before="base", after="tuned", tasks={"left_right": task},
    ).model_copy(update=update)
    return spatial.model_copy(update={"comparisons": (comparison,)})


def test_the_comparison_table(spatial: Record) -> None:
    assert about_results.comparison(compared(spatial, BETTER), "spatial", "left_right") == """\
| Metric | Baseline | Post-Trained | Improvement | Relative | 95% interval | Verdict |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
| Accuracy | 55.0% | 98.0% | +43.0 points | +78.2% | +38.0 to +48.0 | better (p&nbsp;&lt;&nbsp;0.001) |
| Calibration error (ECE) | 0.200 | 0.100 | −0.100 | −50.0% | −0.150 to −0.050 | within noise |
"""


def test_slices_carry_adjusted_p_values(spatial: Record) -> None:
    assert slice_changes(compared(spatial, BETTER), "spatial", "left_right") == """\
| Slice | n | Baseline | Post-Trained | Points | 95% interval | p (Holm) | Verdict |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
| category: far | 100 | 60.0% | 98.0% | +38.0 | +33.0 to +43.0 | &lt; 0.001 | better |
| category: near | 100 | 50.0% | 53.0% | +3.0 | −2.0 to +8.0 | 0.600 | within noise |
"""


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (BETTER, "Accuracy on `left_right` went from 55.0% to **98.0%** (+43.0 points, 95% "
                 "interval +38.0 to +48.0, p&nbsp;&lt;&nbsp;0.001, n = 200), 96% fewer errors."),
        (NOISE, "Accuracy on `left_right` went from 55.0% to **57.0%** (+2.0 points, 95% interval "
                "−3.0 to +7.0, p&nbsp;=&nbsp;0.400, n = 200). **This is within noise**: it may be "
                "no change at all."),
        (WORSE, "Accuracy on `left_right` went from 55.0% to **40.0%** (−15.0 points, 95% interval "
                "−20.0 to −10.0, p&nbsp;=&nbsp;0.001, n = 200): post-training made it **worse**, "
                "beyond noise."),
        (difference(0.55, 0.55), "Accuracy on `left_right` is unchanged at 55.0%."),
    ],
)
def test_the_outcome_in_a_sentence(spatial: Record, found: Difference, said: str) -> None:
    assert about_results.outcome(compared(spatial, found), "spatial", "left_right") == said


def test_improvements_within_noise_are_named(spatial: Record) -> None:
    assert about_results.within_noise(compared(spatial, NOISE)) == (
        "**Within noise**, and no improvement to count on: accuracy on `left_right` (+2.0 points); "
        "calibration error (ECE) on `left_right` (−0.100); one slice."
    )


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({}, "One checkpoint was tried."),
        ({"checkpoints": 3}, "The checkpoint was chosen among 3 on the validation split, so the "
                             "test questions had no part in the choice."),
        ({"checkpoints": 3, "chosen_here": True},
         "The checkpoint is the best of 3 **on these very questions**, so p is adjusted for 3 "
         "tries (Bonferroni)."),
    ],
)
def test_how_many_checkpoints_were_tried_is_told(
    spatial: Record, update: dict[str, Any], said: str
) -> None:
    told = about_results.method(compared(spatial, BETTER, **update))
    assert told.endswith(said)
    assert "p is adjusted for their number (Holm)" in told


PROMPT = "Where is the cup, seen from the box?\nA. right\nB. left"


def example(kind: str, **update: Any) -> Example:
    return Example(
        kind=kind, question="spatial/left_right/tables/7.png", media="7.jpg", prompt=PROMPT,
        reference="B", category="near", source="tables", before="A", before_answer="A",
        before_confidence=0.97, after="B. left", after_answer="B", after_confidence=0.88,
    ).model_copy(update=update)


def test_an_example_as_the_document_has_it(spatial: Record) -> None:
    record = compared(spatial, BETTER).model_copy(update={"examples": (example("fixed"),)})
    said = {"spatial/left_right/tables/7.png": Md("It looks at both now.")}
    assert about_examples.examples(record, said) == """\
**Example, fixed** (`spatial/left_right/tables/7.png`):

<img src="assets/7.jpg" alt="tables/7.png, truth B. left" width="240">

- **Input:** the picture above (near, tables) with “Where is the cup, seen from the box?” A. right / B. left; the right answer is “B. left”
- **Baseline Output:** ✗ A. right (97%)
- **Post-Trained Output:** ✓ B. left (88%)
- **Analysis:** The base model was sure (97%) and wrong; post-training put that right, as it did for all 90 questions that the base model had wrong. Over all of its category, `near`, accuracy went from 50.0% to 53.0%, which is within noise. It looks at both now.
"""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("broken", "The base model was right, and post-training broke it, as it did 4 of the 110 "
                   "questions that the base model had right."),
        ("wrong in both", "Neither model is right. 0 of the 90 questions that the base model had "
                          "wrong are still wrong."),
    ],
)
def test_other_examples_are_analyzed_too(spatial: Record, kind: str, said: str) -> None:
    record = compared(spatial, BETTER).model_copy(update={"examples": (example(kind),)})
    assert said in about_examples.examples(record, {})


def test_an_example_that_could_not_be_read_was_not_wrong_with_confidence(spatial: Record) -> None:
    unread = example("fixed", before="Yes", before_answer=None, before_confidence=0.61)
    record = compared(spatial, BETTER).model_copy(update={"examples": (unread,)})
    said = about_examples.examples(record, {})
    assert "- **Baseline Output:** ✗ unreadable: “Yes”\n" in said
    assert "The base model said nothing that answers the question; post-training put" in said


def test_few_examples_are_told_at_length_and_those_with_words(spatial: Record) -> None:
    many = tuple(
        example("fixed", question=f"spatial/left_right/tables/{at}.png") for at in range(5)
    )
    record = spatial.model_copy(update={"examples": many})
    assert about_examples.told(record, {}) == many[:2]
    assert about_examples.told(record, {many[4].question: Md("x")}) == (*many[:2], many[4])


def test_the_benchmark_and_how_it_was_asked(spatial: Record) -> None:
    assert about_benchmark.facts(spatial) == (
        "- `spatial`: 240 questions about 240 images of the test split (`tables`) — `left_right` "
        "(multiple choice among 2 options)\n"
    )
    told = about_benchmark.how_asked(spatial)
    assert "was asked every question once, without a system prompt, without examples" in told
    assert "asked once more with the picture blanked" in told
    spec = {**spatial.spec, "tasks": {"left_right": {
        **spatial.spec["tasks"]["left_right"], "circular": True, "answer_by": "probability",
    }}}
    told = about_benchmark.how_asked(spatial.model_copy(update={"spec": spec}))
    assert "The answer is the likeliest letter. Options are turned through all" in told


def test_an_example_question_as_the_model_reads_it(spatial: Record) -> None:
    record = spatial.model_copy(update={"examples": (example("sample"),)})
    assert about_benchmark.example_questions(record) == """\
```text
User prompt: Where is the cup, seen from the box?
A. right
B. left
```

<img src="assets/7.jpg" alt="tables/7.png, truth B. left" width="200">

The right answer to this one is “B. left”.
"""


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (BETTER, "accuracy 52.5% → **97.1%**\n"),
        (NOISE, "accuracy 52.5% → **97.1%** (within noise)\n"),
        (WORSE, "accuracy 52.5% → **97.1%** (worse)\n"),
    ],
)
def test_the_overview_does_not_praise_noise(
    spatial: Record, found: Difference, told: str
) -> None:
    steps = tuple((f"Step {at}", f"step-{at}") for at in range(6))
    journey = about_benchmark.journey(compared(spatial, found), steps)
    assert journey.startswith("> **The way from problem to solution:**\n>\n> 1. **[Step 0](#step-0)**")
    assert journey.endswith(told)
    assert about_results.outcomes(compared(spatial, found)).startswith("- **Measured:** Accuracy on")


def test_the_overview_of_a_page_without_training_ends_with_its_result(
    spatial_enough: Record,
) -> None:
    steps = tuple((f"Step {at}", f"step-{at}") for at in range(6))
    assert about_benchmark.journey(spatial_enough, steps).splitlines()[2:] == [
        "> 1. **[Step 0](#step-0)** — `spatial`, 240 questions",
        "> 2. **[Step 1](#step-1)** — 97.1% accuracy on `left_right`",
        "> 3. **[Step 2](#step-2)** — " + _gaps(spatial_enough),
        "> 4. **[Result](#result)** — the base model was enough, so nothing was trained",
    ]


def _gaps(record: Record) -> str:
    return f"{len(record.gaps) or 'no'} gap{'' if len(record.gaps) == 1 else 's'} identified"
