import re
from pathlib import Path

import page_cases
import pytest
from page_reading import read, tables

from recipe_kit.page.numbers import pct
from recipe_kit.page.render import render
from recipe_kit.page.words import answer
from recipe_kit.record.schemas import Metric, Record


def test_examples_have_prompt_answers_and_confidences(pages: Path, tuned: Record) -> None:
    page = read(pages / "tuned")
    for example in tuned.examples:
        if example.kind == "sample":
            continue
        shown = next(
            line for line in page.splitlines()
            if line.startswith("<figure") and example.media in line
        )
        assert example.prompt in shown
        assert f"{example.before} ({example.before_confidence:.0%})" in shown
        assert f"{example.after} ({example.after_confidence:.0%})" in shown


@pytest.mark.parametrize("name", ["tuned", "real"])
def test_every_regression_is_stated(pages: Path, name: str, request) -> None:
    record: Record = request.getfixturevalue(name)
    stated = [line for line in read(pages / name).splitlines() if line.startswith("- `")]
    count = 0
    for comparison in record.comparisons:
        for item in comparison.regressions:
            count += 1
            assert any(
                line.startswith(f"- `{item.task}`, {item.where}: ") and f"n = {item.n}" in line
                for line in stated
            ), item
    assert count > 0


def test_no_regressions_is_stated(tuned: Record, media: Path, tmp_path: Path) -> None:
    comparison = tuned.comparisons[0].model_copy(update={"regressions": ()})
    record = tuned.model_copy(update={"comparisons": (comparison,)})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    page = read(tmp_path)
    assert "None: no task got worse overall, in any category or in any source." in page
    assert "What fine-tuning made worse" not in page


@pytest.mark.parametrize(
    ("better", "words"),
    [
        (True, "It did: the headline accuracy rose beyond noise."),
        (False, "It did **not** help: the headline accuracy fell, beyond noise."),
        (None, "It did **not** measurably help: the change of the headline accuracy is within"),
    ],
)
def test_the_ending_is_honest(
    tuned: Record, media: Path, tmp_path: Path, better: bool | None, words: str
) -> None:
    comparison = tuned.comparisons[0]
    task = comparison.tasks["cracked"]
    accuracy = task.differences["accuracy"].model_copy(update={"better": better})
    task = task.model_copy(update={"differences": {**task.differences, "accuracy": accuracy}})
    comparison = comparison.model_copy(update={"tasks": {**comparison.tasks, "cracked": task}})
    record = tuned.model_copy(update={"comparisons": (comparison,)})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    assert words in read(tmp_path)


def test_tests_that_disagree_are_told_together(tuned: Record, media: Path, tmp_path) -> None:
    # Questions of one group are alike: McNemar's test is sure where the grouped interval is not.
    comparison = tuned.comparisons[0]
    task = comparison.tasks["cracked"]
    accuracy = task.differences["accuracy"].model_copy(update={"better": None, "low": -0.01})
    task = task.model_copy(update={
        "differences": {**task.differences, "accuracy": accuracy}, "mcnemar_p": 0.03,
    })
    comparison = comparison.model_copy(update={"tasks": {**comparison.tasks, "cracked": task}})
    record = tuned.model_copy(update={"comparisons": (comparison,)})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    assert (
        "McNemar's exact test: p = 0.030, but the interval of the difference holds zero. The "
        "change in accuracy is not beyond noise."
    ) in read(tmp_path)


def test_what_is_not_held_out_is_said(tuned: Record, media: Path, tmp_path: Path) -> None:
    audit = tuned.data.audit.model_copy(update={"allowed_leakage": ("synthetic",)})
    floor = {**tuned.spec["benchmarks"]["floor"], "split": "val"}
    spec = {**tuned.spec, "benchmarks": {"floor": floor}}
    record = tuned.model_copy(update={
        "data": tuned.data.model_copy(update={"audit": audit}), "spec": spec,
    })
    render(tuned, page_cases.recipe(), media=media, out=tmp_path / "clean")
    render(record, page_cases.recipe(), media=media, out=tmp_path / "leaking")
    for said in (
        "that share nothing with the test set, save for the known leakage that the audit lists,",
        "- The benchmark `floor` asks the **validation** samples.",
    ):
        assert said not in read(tmp_path / "clean")
        assert said in read(tmp_path / "leaking")


def test_a_target_missed_by_its_interval_says_so(tuned: Record, media: Path, tmp_path) -> None:
    score = Metric(value=0.93, n=480, low=0.8996, high=0.95, method="wilson")
    target = tuned.gate.targets[0].model_copy(update={"score": score, "met": False})
    gate = tuned.gate.model_copy(update={"targets": (target,), "decide_by": "interval"})
    record = tuned.model_copy(update={"gate": gate})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    assert (
        "It was not: accuracy on `cracked` was 89.96% (the lower end of its 95% interval), and "
        "at least 90.0% was asked for."
    ) in read(tmp_path)


NOTE = "*Scores of recipe_kit's small embedded demonstration model, not of Cosmos Reason 2.*"


@pytest.mark.parametrize(
    "name", ["tuned", "enough", "real", "choice", "capability", "capability-enough",
             "post-training", "post-training-enough"],
)
def test_the_embedded_model_is_named_beside_every_score(pages: Path, name: str) -> None:
    page = read(pages / name)
    assert "It is **not** Cosmos Reason 2." in page[:1500]
    lines = page.splitlines()
    scores = (
        r"\| (Metric \||Task \||Epoch|Training \| Trained|Accuracy on|Accuracy \| What|Reading"
        r"|Answer \||Gap \||Target \|)"
    )
    found = [at for at, line in enumerate(lines) if re.match(scores, line)]
    assert len(found) > 2
    assert [lines[at] for at in found if lines[at - 2] != NOTE] == []


def test_another_model_is_not_called_a_demonstration(
    tuned: Record, media: Path, tmp_path: Path
) -> None:
    other = tuned.model.model_copy(update={"embedded": False, "title": "Cosmos Reason 2 2B"})
    render(tuned.model_copy(update={"model": other}), page_cases.recipe(), media=media,
           out=tmp_path)
    assert "embedded demonstration" not in read(tmp_path)


def test_a_choice_task_is_told_in_the_tested_profile_too(pages: Path) -> None:
    page = read(pages / "choice")
    for said in (
        "Options, lettered A, B in an order of their own for each question: “left”, “right”. The "
        "truth is the label `relation`.",
        "**Answers by position:** The base model gives",
        "| Accuracy | What it is | Base Model | Fine-Tuned Model |",
        "| `vlmevalkit` | The text, read as VLMEvalKit's `can_infer` does |",
        "Clear ground truth: “left” / “right” (`relation`)",
    ):
        assert said in page
    assert "Circular accuracy" not in page  # the options were not turned


def test_ablations_stand_beside_zero_shot_and_main(pages: Path, real: Record) -> None:
    (rows,) = [rows for rows in tables(read(pages / "real")) if rows[0][0] == "Training"
               and rows[0][1] == "Trained on"]
    assert [row[0] for row in rows[2:]] == ["Zero-shot", "`synthetic_only`", "Main training"]
    tuned = next(one for one in real.evaluations if one.role == "tuned")
    assert rows[-1][2].startswith(pct(tuned.tasks["cracked"].metrics["accuracy"].value))


def test_the_gate_is_shown_with_its_scores(pages: Path) -> None:
    for name, decision in (
        ("tuned", "**Decision:** the base model is not enough; it is fine-tuned"),
        ("enough", "**Decision:** the base model is enough; no fine-tuning"),
    ):
        page = read(pages / name)
        assert decision in page
        assert ["`cracked`", "Accuracy", "≥ 90.0%"] in [row[:3] for t in tables(page) for row in t]


@pytest.mark.parametrize(
    ("given", "read", "shown"),
    [
        ("Yes", "Yes", "Yes (92%)"),
        ("yes.", "Yes", "Yes (92%)"),
        ("Rating: 3/5", "3", "3 (92%), from “Rating: 3/5”"),
        ("a crack", None, "unreadable: “a crack”"),
        ("", None, "unreadable: nothing was said"),
        ("no" * 400, None, f"unreadable: “{'no' * 150} …”"),
    ],
)
def test_an_answer_is_shown_as_it_was_read(given: str, read: str | None, shown: str) -> None:
    assert answer(given, read, 0.92) == shown


def test_a_doubtful_answer_is_judged_as_it_was_scored(
    tuned: Record, media: Path, tmp_path: Path
) -> None:
    chosen = next(one for one in tuned.examples if one.kind == "least confident")
    told = {
        "reference": "Yes", "before": "The answer is Yes", "before_answer": "Yes",
        "before_confidence": 0.51, "after": "Yes and No", "after_answer": None,
        "after_confidence": 0.5,
    }
    record = tuned.model_copy(update={"examples": (chosen.model_copy(update=told),)})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    page = read(tmp_path)
    assert "Base: ✓ Yes (51%), from “The answer is Yes”" in page
    assert "Fine-tuned: ✗ unreadable: “Yes and No”" in page
