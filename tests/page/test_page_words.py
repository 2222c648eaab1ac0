"""Options in prompts, names by profile, and how answers are written."""

from typing import Any

import page_cases
import pytest

from recipe_kit.page import words
from recipe_kit.page.figures import figures
from recipe_kit.page.plots import draw
from recipe_kit.record.schemas import Record


@pytest.mark.parametrize(
    ("prompt", "asked", "options"),
    [
        ("Where?\nA. left\nB. right", "Where?", {"A": "left", "B": "right"}),
        ("Look.\n\nWhere?\nA. a. b\nB. c", "Look.\n\nWhere?", {"A": "a. b", "B": "c"}),
        ("Is it cracked?", "Is it cracked?", {}),
        ("Where?\nB. left\nC. right", "Where?\nB. left\nC. right", {}),
        ("Grade\nA. only", "Grade\nA. only", {}),
    ],
)
def test_a_prompt_is_parted_from_its_options(
    prompt: str, asked: str, options: dict[str, str]
) -> None:
    assert words.parts_of(prompt) == (asked, options)


@pytest.mark.parametrize(
    ("given", "read", "shown"),
    [
        ("B", "B", "B. right (97%)"),
        ("B. right", "B", "B. right (97%)"),
        ("b.", "B", "B. right (97%)"),
        ("right", "B", "B. right (97%), from “right”"),
        ("perhaps", None, "unreadable: “perhaps”"),
    ],
)
def test_an_answer_is_shown_with_its_option(given: str, read: str | None, shown: str) -> None:
    assert words.answer(given, read, 0.97, {"A": "left", "B": "right"}) == shown


@pytest.mark.parametrize(
    ("profile", "columns", "word", "model"),
    [
        ("test-finetune-test", ["Base Model", "Fine-Tuned Model"], "fine-tuning",
         "fine-tuned model"),
        ("capability", ["Baseline", "Post-Trained"], "post-training", "post-trained model"),
    ],
)
def test_each_profile_has_its_words(
    spatial: Record, profile: str, columns: list[str], word: str, model: str
) -> None:
    record = spatial.model_copy(update={"spec": {**spatial.spec, "profile": profile}})
    assert list(words.columns(record).values()) == columns
    assert words.training_word(record) == word
    assert words.trained_model(record) == model


def test_a_choice_task_is_named_with_its_options() -> None:
    record = page_cases.make_record(page_cases.spatial(circular=True), {"base": "taught"}, 20)
    task = words.tasks(record)["left_right"]
    assert (task.kind, task.title, task.choices) == ("choice", "Multiple choice", ("A", "B"))
    assert (task.options, task.circular, task.shuffle) == (("left", "right"), True, True)


def test_positions_have_a_plot_that_says_what_it_shows(spatial: Record) -> None:
    found = figures(spatial)["positions.spatial.left_right"]
    scores = {one.role: one.tasks["left_right"] for one in spatial.evaluations}
    right, base, tuned = (
        ", ".join(f"{letter} {count}" for letter, count in counts.items())
        for counts in (
            scores["base"].reference_positions, scores["base"].positions,
            scores["tuned"].positions,
        )
    )
    assert found.alt == (
        f"How often each answer to left_right is right and is given. right: {right}; "
        f"base model: {base}; post-trained model: {tuned}."
    )
    drawn = draw(found)
    assert drawn == draw(found)
    for said in (b"Right answer", b"Base model", b"Post-trained model", b"Answers by position"):
        assert said in drawn


def test_slices_of_every_dimension_have_a_plot(spatial: Record) -> None:
    names = set(figures(spatial))
    assert {f"{kind}.spatial.left_right" for kind in ("category", "position", "scene")} <= names
    assert "label.spatial.left_right" not in names


def test_safety_is_a_word_of_one_profile(spatial: Record) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "a": {"type": "binary", "prompt": "?", "label": "a", "hazard": None, "answers": {}},
        "b": {"type": "scale", "prompt": "?", "label": "b", "low": 1, "high": 3},
    }
    for profile, titles in (
        ("capability", ["Yes or no", "Rating"]),
        ("test-finetune-test", ["Binary safety", "Severity classification"]),
    ):
        spec = spatial.spec | {"tasks": kinds, "profile": profile}
        found = words.tasks(spatial.model_copy(update={"spec": spec}))
        assert [task.title for task in found.values()] == titles
