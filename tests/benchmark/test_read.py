"""The way from what a model said to one of a question's choices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.benchmark.read import read_answer
from recipe_kit.record.schemas import Question

OPTIONS = {"A": "left", "B": "right", "C": "the same place"}
SHARES = {"A": 0.2, "B": 0.5, "C": 0.3}


def question(**changes: object) -> Question:
    values = {
        "id": "q", "benchmark": "b", "task": "t", "task_type": "choice", "sample": "s",
        "media": "m", "media_sha256": "", "prompt": "Where is it?", "choices": tuple(OPTIONS),
        "reference": "A", "options": OPTIONS,
    }
    return Question.model_validate(values | changes)


YES_NO = question(task_type="binary", choices=("Yes", "No"), options={})
SCALE = question(task_type="scale", choices=("1", "2", "3"), options={})


@pytest.mark.parametrize(
    ("text", "strict", "vlmevalkit"),
    [
        ("B", "B", "B"),
        ("right", "B", "B"),
        ("b.", "B", None),
        ("<answer>B</answer>", "B", None),
        (r"\boxed{B}", "B", "B"),
        ("<think>A or C</think> B", "B", "B"),
        ("<think>A or C, I say </think> B", "B", None),
        ("The answer is B, not A.", "B", "B"),
        ("It is clear: A", None, "A"),
        ("A or B", None, None),
        # Also a refusal, whose letter is no choice.
        ("Cannot determine the answer", None, None),
        ("", None, None),
    ],
)
def test_both_parsers(text: str, strict: str | None, vlmevalkit: str | None) -> None:
    assert read_answer(question(), text, SHARES) == strict
    assert read_answer(question(parser="vlmevalkit"), text, SHARES) == vlmevalkit


@pytest.mark.parametrize("text", ["A", "right", "", "Cannot determine the answer"])
def test_the_likeliest_letter(text: str) -> None:
    assert read_answer(question(answer_by="probability"), text, SHARES) == "B"


def test_of_equally_likely_letters_the_first() -> None:
    equal = dict.fromkeys(OPTIONS, 1 / 3)
    assert read_answer(question(answer_by="probability"), "C", equal) == "A"


@pytest.mark.parametrize("answer_by", ["generation", "both"])
def test_the_text_goes_before_the_probabilities(answer_by: str) -> None:
    assert read_answer(question(answer_by=answer_by), "C", SHARES) == "C"


@pytest.mark.parametrize(
    ("asked", "text", "answer"),
    [
        (YES_NO, "No, it is not.", "No"),
        (YES_NO, "B", None),
        (SCALE, "Rating: 3", "3"),
        (SCALE, "A", None),
    ],
)
def test_other_types_of_task(asked: Question, text: str, answer: str | None) -> None:
    assert read_answer(asked, text, dict.fromkeys(asked.choices, 1.0)) == answer


@given(
    st.text(), st.sampled_from(["strict", "vlmevalkit"]),
    st.sampled_from(["generation", "probability", "both"]),
)
def test_any_text_gives_a_choice_or_nothing(text: str, parser: str, answer_by: str) -> None:
    asked = question(parser=parser, answer_by=answer_by)
    assert read_answer(asked, text, SHARES) in (None, *asked.choices)


def test_what_is_read_does_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERBOSE", "1")
    assert read_answer(question(parser="vlmevalkit"), "I say it is A", SHARES) == "A"
