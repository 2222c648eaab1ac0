from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.page.ngrams import matched_spans


def marked(text: str, *references: str, **settings: int) -> str:
    shown, at = "", 0
    for start, end in matched_spans(text, references, **settings):
        shown += f"{text[at:start]}[{text[start:end]}]"
        at = end
    return shown + text[at:]


@pytest.mark.parametrize(("text", "reference", "expected"), [
    ("It is dry.", "It is wet.", "[It is] dry."),
    ("A bus stops, and a car waits.", "The bus stops. A car waits.",
     "A [bus stops], and [a car waits]."),
    ("It snows. The road bends.", "It rains. The road ends.", "It snows. [The road] bends."),
    ("a red, wet road", "one red, wet street", "a [red, wet] road"),
    ("rain rain rain", "rain", "rain rain rain"),
    ("THE EGO VEHICLE", "the ego vehicle", "[THE EGO VEHICLE]"),
    ("low-speed road", "a low-speed road", "[low-speed road]"),
    ("a b c a b", "b c a", "a [b c a] b"),
    ("", "anything", ""),
    ("anything at all", "", "anything at all"),
])
def test_runs_of_two_words_or_more_are_marked(text: str, reference: str, expected: str) -> None:
    assert marked(text, reference) == expected


def test_any_reference_counts_and_the_shortest_run_can_be_set() -> None:
    assert marked("a b c d", "x", "c d e", "a b") == "[a b c d]"
    assert marked("a b c d", "a b", shortest=3) == "a b c d"
    assert marked("a b c", "c b", shortest=1) == "a [b c]"


@given(st.text(alphabet="ab c.", max_size=30), st.text(alphabet="ab c.", max_size=30))
def test_what_is_marked_is_in_order_and_in_the_reference(text: str, reference: str) -> None:
    spans = matched_spans(text, (reference,))
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    words = set(reference.lower().replace(".", " . ").split())
    for start, end in spans:
        assert set(text[start:end].lower().replace(".", " . ").split()) <= words


@given(st.text(alphabet="ab c", min_size=3, max_size=30))
def test_a_text_that_is_its_own_reference_is_marked_whole(text: str) -> None:
    spans = matched_spans(text, (text,))
    whole = [(text.index(text.strip()), len(text.rstrip()))]
    assert spans == (whole if len(text.split()) > 1 else [])
