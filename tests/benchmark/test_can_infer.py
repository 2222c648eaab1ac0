import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.benchmark.can_infer import can_infer

WHO = {"A": "A pedestrian", "B": "A cyclist", "C": "A dog", "D": "Nobody"}
SIDE = {"A": "left", "B": "right"}


@pytest.fixture(autouse=True)
def _not_verbose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERBOSE", raising=False)


def test_all_vectors_of_vlmevalkit_give_its_results() -> None:
    root = Path(__file__).parents[2]
    path = root / os.environ.get("RECIPE_DATA", "../shared/data") / "answer-parsing/can_infer.jsonl"
    if not path.is_file():
        pytest.skip(f"needs VLMEvalKit's results in {path} (RECIPE_DATA)")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    read = [can_infer(row["prediction"], row["choices"]) for row in rows]
    assert len(rows) == 50
    assert read == [row["can_infer"] for row in rows]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # 1 and 2: nothing came, or the model refused
        ("Failed to obtain answer via API B", None),
        ("I can't process this file. B", "Z"),
        ("I'm sorry, but without the image provided I guess A", "Z"),
        ("Cannot determine the answer", "Z"),
        # 3: marks are spaces, quotes and question marks are not; letters are upper case
        ("*{B}*;#!", "B"),
        ("B?", None),
        ("b", None),
        # 4: one letter among the last four words
        ("I take B with no doubt here", None),
        ("I take B with no doubt", "B"),
        ("B B", "B"),
        ("B is it, so I say B", None),
        ("B or C", None),
        # 5: Z without a letter
        ("Z, I think, after all is said", "Z"),
        ("Z or B", "B"),
        ("Z or B or C", None),
        # 6: the statement anywhere, whatever follows the letter
        ("The CORRECT answer is **b**, for it is on the road", "B"),
        ("My answer is certain, whatever they all say", "C"),
        ("The answer is E, whatever they say now", None),
        # 7: by text
        ("nobody", "D"),
        ("I see a dog on the road", "C"),
        ("a dog or a cyclist", None),
        ("a dog" + " " * 29 + "on the road to a nice big town", "C"),
        ("a dog" + " " * 30 + "on the road to a nice big town", None),
    ],
)
def test_rules(text: str, answer: str | None) -> None:
    assert can_infer(text, WHO) == answer


def test_a_stated_letter_that_is_no_option_is_not_taken() -> None:
    assert can_infer("the answer is C", SIDE) is None


def test_an_a_in_a_longer_answer_is_an_article_when_verbose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = ("I say it is A", "so it is A", "it is A")
    assert [can_infer(text, WHO) for text in answers] == ["A", "A", "A"]
    monkeypatch.setenv("VERBOSE", "1")
    assert [can_infer(text, WHO) for text in answers] == [None, None, "A"]
    # The text is still looked at.
    assert can_infer("it was A dog", WHO) == "C"
    monkeypatch.setenv("VERBOSE", "")
    assert can_infer("so it is A", WHO) == "A"


OPTIONS = st.dictionaries(st.sampled_from("ABCDEFGHIJ"), st.text(max_size=8), max_size=10)
TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(["A", "B", "Z", "(C)", "answer is", " ", "left", "İ", "**", "."]),
        max_size=9,
    ).map(" ".join),
)
SPACE = st.text(" \t\r\n\x0b\x85\xa0\u2028", max_size=50)


@given(TEXTS, OPTIONS)
def test_any_text_gives_an_option_a_refusal_or_nothing(text: str, options: dict[str, str]) -> None:
    assert can_infer(text, options) in (None, "Z", *options)


@given(TEXTS, OPTIONS, SPACE, SPACE)
def test_space_around_a_text_does_not_matter(
    text: str, options: dict[str, str], before: str, after: str
) -> None:
    assert can_infer(before + text + after, options) == can_infer(text, options)
