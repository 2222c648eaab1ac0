import ast
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.benchmark.parse import parse_answer, split_reasoning

YES_NO = ("Yes", "No")
SCALE = ("1", "2", "3", "4", "5")
LETTERS = ("A", "B", "C", "D")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", "Yes"),
        ("yes.", "Yes"),
        (" NO!\n", "No"),
        ("**No**", "No"),
        ("“Yes”", "Yes"),
        ("'Yes.'", "Yes"),
        ("(No)", "No"),
        ("Yes, because a line runs through the tiles.", "Yes"),
        ("No - it is safe", "No"),
        ("No—safe.", "No"),
        ("Yes: cracked", "Yes"),
        ("Yes (hairline)", "Yes"),
        ("Yes it is cracked", "Yes"),
        ("No, there is no crack.", "No"),
        ("Yes. No tile is whole.", "Yes"),
        ("yes\n\nThe floor has a crack.", "Yes"),
        ("The tiles are broken, so I would say:\nYes.", "Yes"),
        ("<answer>Yes</answer>", "Yes"),
        ("It has joints only. <answer>\nNo.\n</answer>", "No"),
        ("<ANSWER>The answer is no</ANSWER>", "No"),
        ("<answer>Yes", "Yes"),
        (r"\boxed{Yes}", "Yes"),
        (r"So $\boxed{\text{No}}$.", "No"),
        ("The answer is No.", "No"),
        ("The answer is: **Yes**", "Yes"),
        ("Final answer: (no)", "No"),
        ("**Answer**: Yes", "Yes"),
        ("答案 (answer)：no", None),
        ("Answer：no", "No"),
        ('{"answer": "Yes"}', "Yes"),
        ("Yes, at first sight. But the answer is No", "No"),
        ("No. No. No.", "No"),
        # No rule decides:
        ("Yes or No", None),
        ("Yes/No", None),
        ("Yes, no", None),
        ("Yes. No.", None),
        ("Yes\nNo", None),
        ("Yes?", None),
        ("The answer is Yes or No", None),
        ("The answer is Yes. The answer is No.", None),
        ("The answer is not Yes", None),
        ("<answer>Yes</answer><answer>No</answer>", None),
        ("<answer>perhaps</answer> Yes", None),
        ("No crack is visible", None),
        ("Not safe", None),
        ("Yesterday", None),
        ("yes-man", None),
        ("I see no crack, yes.", None),
        ("Y", None),
        ("", None),
        ("...", None),
    ],
)
def test_yes_or_no(text: str, answer: str | None) -> None:
    assert parse_answer(text, YES_NO) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3", "3"),
        ("3.", "3"),
        ("**4**", "4"),
        ("Rating: 3", "3"),
        ("rating = 2", "2"),
        ("3/5", "3"),
        ("3 / 5.", "3"),
        ("3 out of 5", "3"),
        ("I would rate it 3 out of 5.", "3"),
        ("I'd rate this as a 4.", "4"),
        ("The hazard level is 2.", "2"),
        ("Hazard level: **4** - dangerous", "4"),
        ("Severity: 5 (highest)", "5"),
        ("Rating: 3/5", "3"),
        ("The answer is 1/5", "1"),
        ("2, a hairline crack", "2"),
        ("4 (dangerous)", "4"),
        ("5\n\nThe tile is broken.", "5"),
        (r"\boxed{4}", "4"),
        # No rule decides:
        ("3.5", None),
        ("-3", None),
        ("30", None),
        ("3%", None),
        ("6", None),
        ("3/10", None),
        ("13/5", None),
        ("3/5/2024", None),
        ("Rating: 3/10", None),
        ("Rating: 3.5/5", None),
        ("3-4", None),
        ("1 (safe) to 5 (dangerous): 4", None),
        ("Rating: 1 (safe) to 5 (dangerous)", None),
        ("3–4", None),
        ("3 to 4", None),
        ("3 or 4", None),
        ("3, 4", None),
        ("Between 3 and 4", None),
        ("Rate it 1 to 5", None),
        ("2 out of 5, not 3 out of 5", None),
        ("Severity 4, level 2", None),
        ("1. There is a crack.\n2. It is wide.", None),
        ("4 cracks are visible", None),
        ("three", None),
    ],
)
def test_scale(text: str, answer: str | None) -> None:
    assert parse_answer(text, SCALE) == answer


def test_a_scale_below_zero() -> None:
    scale = ("-1", "0", "1")
    assert [parse_answer(t, scale) for t in ("-1", "Rating: -1", "1", "-2")] == [
        "-1", "-1", "1", None
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [("B. A cyclist", "B"), ("(C)", "C"), ("A crack is visible", None), ("Both A and B", None)],
)
def test_letters_need_no_rules_of_their_own(text: str, answer: str | None) -> None:
    assert parse_answer(text, LETTERS) == answer


def test_the_longer_choice_is_not_taken_for_the_shorter() -> None:
    choices = ("safe", "safe enough", "not safe")
    assert parse_answer("Answer: safe enough, since it is dry", choices) == "safe enough"
    assert parse_answer("Not safe.", choices) == "not safe"


CHOICES = st.sampled_from([YES_NO, SCALE, LETTERS, ("-1", "0", "1"), ("C++", "a b", "ß")])
PIECES = st.sampled_from(
    ["Yes", "no", "3", "/5", "5", " out of ", "A", "answer", " is ", ": ", "<answer>", "</answer>",
     "\\boxed{", "}", "rating", "\n", " ", ".", ",", "-", " or ", "<think>", "</think>", "(", "*",
     "\xa0", "\u2028", "ſ", "İ"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(TEXTS, CHOICES)
def test_any_text_gives_a_choice_or_nothing(text: str, choices: tuple[str, ...]) -> None:
    assert parse_answer(text, choices) in (None, *choices)


@given(TEXTS, CHOICES, st.text(" \t\r\n\xa0\u2028"), st.text(" \n\x0b\x85"))
def test_space_around_a_text_does_not_matter(
    text: str, choices: tuple[str, ...], before: str, after: str
) -> None:
    assert parse_answer(before + text + after, choices) == parse_answer(text, choices)


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool), min_size=1, unique=True))
def test_a_choice_is_its_own_answer(choices: list[str]) -> None:
    assert [parse_answer(choice, choices) for choice in choices] == choices


@given(CHOICES, st.data())
def test_two_choices_are_no_answer(choices: tuple[str, ...], data: st.DataObject) -> None:
    first, second = data.draw(st.permutations(choices))[:2]
    assert parse_answer(f"{first} or {second}", choices) is None


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("Yes", "", "Yes"),
        ("<think>\nA line runs through.\n</think>\n\nYes", "A line runs through.", "Yes"),
        ("A line runs through.\n</think>\n\nYes", "A line runs through.", "Yes"),
        ("<think></think>No", "", "No"),
        ("<think>A line. Yes, I think", "A line. Yes, I think", ""),
        ("Well, <think>a line", "Well, a line", ""),
        ("<think>a</think><think>b</think>No", "a\nb", "No"),
        ("<think>a</think>Yes<think>b", "a\nYesb", ""),
        ("<think>a<think>b</think>c</think>No", "a<think>b\nc", "No"),
        ("Yes <think>since it is</think>", "since it is", "Yes"),
        ("", "", ""),
    ],
)
def test_reasoning(text: str, reasoning: str, answer: str) -> None:
    assert split_reasoning(text) == (reasoning, answer)


@given(TEXTS)
def test_no_closing_tag_is_left_in_an_answer(text: str) -> None:
    answer = split_reasoning(text)[1]
    assert "<think>" not in answer
    assert "</think>" not in answer


@given(st.text(alphabet="ab <>/\n"), st.text(alphabet="ab <>/\n"))
def test_reasoning_and_answer_come_back(reasoning: str, answer: str) -> None:
    assert split_reasoning(f"<think>{reasoning}</think>{answer}") == (
        reasoning.strip(), answer.strip()
    )


@pytest.mark.parametrize("text", ["<think>", "</think>", "<answer>", "answer: ", " ", "1/", "\n1."])
def test_a_model_that_repeats_itself_is_read_in_time(text: str) -> None:
    started = time.perf_counter()
    parse_answer(split_reasoning(text * 32_000)[1], SCALE)
    parse_answer("3" + text * 32_000 + "x", SCALE)
    assert time.perf_counter() - started < 5


def _outputs() -> Path:
    root = Path(__file__).parents[2]
    data = root / os.environ.get("RECIPE_DATA", "../shared/data")
    folder = data / "answer-parsing" / "cosmos_reason2_outputs"
    if not folder.is_dir():
        pytest.skip(f"needs Cosmos Reason 2's real outputs in {folder} (RECIPE_DATA)")
    return folder


@pytest.mark.parametrize("name", ["caption", "embodied_reasoning"])
def test_a_real_output_is_split(name: str) -> None:
    log = (_outputs() / f"{name}.log").read_text()
    reasoning, answer = re.search(
        r"-{20}\nReasoning:\n(.*?)-{20}\nAssistant:\n(.*?)-{20}", log, re.DOTALL
    ).groups()
    raw = f"<think>\n{reasoning}</think>\n\n{answer}"
    assert split_reasoning(raw) == (reasoning.strip(), answer.strip())
    # The template may have opened the tag in the prompt.
    assert split_reasoning(raw.removeprefix("<think>")) == (reasoning.strip(), answer.strip())
    # Cut off while thinking: there is no answer.
    assert split_reasoning(raw[: raw.index("</think>")]) == (reasoning.strip(), "")
    # Prose that weighs "could", "maybe" and "wait" is no Yes, no No, and no number.
    for text in (reasoning, answer, raw):
        assert parse_answer(text, YES_NO) is parse_answer(text, SCALE) is None


def test_the_fields_of_a_real_reply_are_split_the_same() -> None:
    log = (_outputs() / "embodied_reasoning.log").read_text()
    content, reasoning = (
        ast.literal_eval(re.search(rf"^│   │   {field}=(.*?),?$", log, re.MULTILINE).group(1))
        for field in ("content", "reasoning_content")
    )
    assert split_reasoning(f"<think>{reasoning}</think>{content}") == (
        reasoning.strip(),
        "The robot arms will extend toward the blue tape roll, grasp it with their palms-up "
        "hands, and initiate a lifting or relocating motion.",
    )


@pytest.mark.parametrize("name", ["sample", "temporal_localization"])
def test_a_real_output_without_reasoning_is_all_answer(name: str) -> None:
    log = (_outputs() / f"{name}.log").read_text().strip()
    assert split_reasoning(log) == ("", log)
