import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recipe_kit.benchmark.parse_choice import parse_choice

WHO = {"A": "A pedestrian", "B": "A cyclist", "C": "A dog", "D": "Nobody"}
SIDE = {"A": "left.", "B": "right."}
SHAPES = {"A": "dog", "B": "cat"}
COUNTS = {"A": "1", "B": "2", "C": "3", "D": "2 or more"}
TEN = {letter: f"thing {number}" for number, letter in enumerate("ABCDEFGHIJ")}
POINTS = {"A": "C", "B": "A", "C": "B"}
TWICE = {"A": "left", "B": "left", "C": "right"}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        # The letter alone
        ("B", "B"),
        (" B\n", "B"),
        ("b", "B"),
        ("B.", "B"),
        ("B!", "B"),
        ("(B)", "B"),
        ("[B]", "B"),
        ("{B}", "B"),
        ("B)", "B"),
        ("**B**", "B"),
        ("**(B)**", "B"),
        ("`B`", "B"),
        ('"B"', "B"),
        ("“B.”", "B"),
        ("Option B", "B"),
        ("option (B).", "B"),
        ("It's B.", "B"),
        ("It is option B", "B"),
        # Letter and text
        ("B. A cyclist", "B"),
        ("B: a cyclist", "B"),
        ("(B) A cyclist.", "B"),
        ("B) A  cyclist", "B"),
        ("**B.** A cyclist", "B"),
        ("B - A cyclist", "B"),
        ("B A cyclist", "B"),
        ("B (a cyclist)", "B"),
        ("C. A dog, on the left.", "C"),
        ("(C) A dog, on the left.", "C"),
        # The text
        ("A cyclist", "B"),
        ("a cyclist.", "B"),
        ("**Nobody**", "D"),
        ("Nobody, the road is empty.", "D"),
        # After the reasoning
        ("<think>It may be A. No, wait.</think>\n\nB", "B"),
        ("It may be A.</think>B", "B"),
        ("<answer>B</answer>", "B"),
        ("A bell rings. <answer>\n(B) A cyclist\n</answer>", "B"),
        ("<ANSWER>The answer is a cyclist</ANSWER>", "B"),
        ("Answer: A <answer>B", "B"),
        (r"\boxed{B}", "B"),
        (r"So $\boxed{\text{B}}$.", "B"),
        (r"So $\boxed{\mathrm{B}}$.", "B"),
        (r"\boxed{B. A cyclist}", "B"),
        ("The answer is B", "B"),
        ("The answer is: **B**", "B"),
        ("The correct answer is (B).", "B"),
        ("The correct option is B: a cyclist.", "B"),
        ("**Answer:** B", "B"),
        ("**Answer**: B", "B"),
        ("Answer: B. A cyclist", "B"),
        ("### Final answer: b", "B"),
        ("The answer is A cyclist.", "B"),
        ("The answer is B, not A.", "B"),
        ("The answer is B because a cyclist crosses.", "B"),
        ("The answer is B as the bell shows", "B"),
        ("The answer is therefore B.", "B"),
        ("The answer should be option B", "B"),
        ("The answer is not A. The answer is B.", "B"),
        ("I would choose B.", "B"),
        ("I'd go with option (B), since a bell rings", "B"),
        ("B, because A walks", "B"),
        ("B because it rings", "B"),
        ("B\n\nA bell rings.", "B"),
        ("A bell rings.\nB", "B"),
        ("A bell rings.\n\nB. A cyclist", "B"),
        ("Let me think. The person rides. So B", "B"),
        ("The person rides, hence (B).", "B"),
        ("A. A pedestrian\nB. A cyclist\nThe answer is B.", "B"),
        ("B and it rings", "B"),
        ("B. B. B.", "B"),
        ("- B", "B"),
        ("• **B. A cyclist**", "B"),
        ("1. B", "B"),
        ("> B", "B"),
        ("It rings:\n- B", "B"),
        ("Let me check each option:\n\nA. A pedestrian - no.\nB. A cyclist - yes.\n\n"
         "So the answer is B.", "B"),
        ("B is correct.", "B"),
        ("Option (B) is the correct answer, because it rings", "B"),
        ("Thus, option B is correct.", "B"),
        ("A cyclist is the best choice.", "B"),
        ("A is wrong.\nB is correct.", "B"),
        ("The answer is most likely B.", "B"),
        ("The answer is clearly (B).", "B"),
        ("I think B", "B"),
        ("I think a dog, on the left", "C"),
        ("Answer：B", "B"),
        ('{"answer": "B"}', "B"),
        ('```json\n{"answer": "a cyclist", "sure": true}\n```', "B"),
        ("The answer is B rather than A.", "B"),
        ("The person rides past. B", "B"),
        ("The person rides past. **(B)**", "B"),
        # No rule decides
        ("- A: walks\n- B: rides", None),
        ("- A\n- B", None),
        ("A is correct.\nB is correct.", None),
        ("B is correct only at night", None),
        ("B is not correct.", None),
        ("The answer is B and also C", None),
        ("A cyclist, then a dog", None),
        ("Let me check each option: A", None),
        ("I think it is a bell", None),
        ("I don't think B", None),
        ("Answers: A. B. C. D.", None),
        ("A walker vs. B", None),
        ("As seen in Fig. B", None),
        ("What is it? B or C. C or D.", None),
        ("A or B", None),
        ("A and B", None),
        ("A, B", None),
        ("A/B", None),
        ("A & B", None),
        ("Both A and B", None),
        ("Either A, B, C or D", None),
        ("B or not", None),
        ("A. A pedestrian\nB. A cyclist", None),
        ("A. A pedestrian B. A cyclist", None),
        ("A\nB", None),
        ("B. A dog", None),
        ("(B) A dog.", None),
        ("The answer is B: a dog.", None),
        ("The answer is A or B", None),
        ("The answer is A. No, the answer is B.", None),
        ("The answer is not B", None),
        ("The wrong answer is B", None),
        ("<answer>A</answer><answer>B</answer>", None),
        ("<answer>who knows</answer> B", None),
        (r"\boxed{A} \boxed{B}", None),
        ("<think>B", None),
        ("B?", None),
        ("B is wrong", None),
        ("(B) is wrong", None),
        ("It is not option B", None),
        ("A bell rings", None),
        ("a bell rings", None),
        ("The answer is A bell", None),
        ("A cyclist or a dog", None),
        ("A cyclist and a dog cross", None),
        ("Nobody crosses", None),
        ("I see a dog on the road", None),
        ("B-side", None),
        ("C's dog", None),
        ("E", None),
        ("The answer is E", None),
        ("Z", None),
        ("AB", None),
        ("", None),
        ("...", None),
        ("Sorry, I can't help with images of people yet.", None),
    ],
)
def test_four_options(text: str, letter: str | None) -> None:
    assert parse_choice(text, WHO) == letter


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("left", SIDE, "A"),
        ("Left.", SIDE, "A"),
        ("The answer is the left.", SIDE, "A"),
        ("B. right.", SIDE, "B"),
        ("B.right", SIDE, "B"),
        ("A. right.", SIDE, None),
        ("It is left.", SIDE, "A"),
        ("left or right", SIDE, None),
        ("It is on the left", SIDE, "A"),
        ("It is to the left.", SIDE, "A"),
        ("On the right.", SIDE, "B"),
        ("It is to the left of the plate.", SIDE, None),
        ("The mug is to the left.", SIDE, None),
        ("On the right, as seen by a cyclist", SIDE, "B"),
        ("left (A)", SIDE, "A"),
        ("The answer is right (option B).", SIDE, "B"),
        ("left (B)", SIDE, None),
        ("The answer is left [B]", SIDE, None),
        ("The answer is to the left", {"A": "left", "B": "to the left"}, "B"),
        ("The answer is the dog", {"A": "dog", "B": "the dog"}, "B"),
        ("The answer is dog", {"A": "dog", "B": "the dog"}, "A"),
        ("cat", {"A": "the dog", "B": "the cat"}, "B"),
        ("The answer is a cat.", {"A": "the dog", "B": "the cat"}, "B"),
        ("B. cat", {"A": "the dog", "B": "the cat"}, "B"),
        ("B. dog", {"A": "the dog", "B": "the cat"}, None),
        ("dog", {"A": "the dog", "B": "a dog"}, None),
        ("a", {"A": "the a", "B": "the b"}, "A"),
        ("C", SIDE, None),
        ("a cat", SHAPES, "B"),
        ("A cat", SHAPES, None),
        ("A dog", SHAPES, "A"),
        ("2", COUNTS, "B"),
        ("C. 3", COUNTS, "C"),
        ("C:3", COUNTS, "C"),
        ("2 or more", COUNTS, "D"),
        ("The answer is 2 or more.", COUNTS, "D"),
        ("2 or 3", COUNTS, None),
        ("1. B", COUNTS, None),
        ("2.5", COUNTS, None),
        ("J", TEN, "J"),
        ("thing 9", TEN, "J"),
        ("I", TEN, "I"),
        ("The answer is I.", TEN, "I"),
        ("I, too, am sure: the answer is C", TEN, "C"),
        ("I, too, am sure", TEN, None),
        ("E.g. a bell", TEN, None),
        ("e.g., a bell", TEN, None),
        ("I think it is a bell", TEN, None),
        # A letter is a letter, also where an option's text is one.
        ("A", POINTS, "A"),
        ("The answer is C", POINTS, "C"),
        ("left", TWICE, None),
        ("B. left", TWICE, "B"),
        ("left (B)", TWICE, "B"),
        ("right", TWICE, "C"),
        ("+", {"A": "+", "B": "-"}, "A"),
        ("-", {"A": "+", "B": "-"}, "B"),
        ("C++", {"A": "C", "B": "C++"}, "B"),
        ("...", {"A": "...", "B": "!"}, "A"),
        ("left of it", {"A": "left", "B": "left of it"}, "B"),
        ("Answer: no, not so", {"A": "no", "B": "no, not so"}, "B"),
    ],
)
def test_other_options(text: str, options: dict[str, str], letter: str | None) -> None:
    assert parse_choice(text, options) == letter


OPTIONS = st.sampled_from([WHO, SIDE, SHAPES, COUNTS, TEN, POINTS, TWICE, {"A": "ß", "B": "İ."}])
WORDS = st.text("abcdefgh xyzßİ").filter(lambda word: len(word.strip()) > 1)
PIECES = st.sampled_from(
    ["A", "b", "I", "A dog", "left", "2", "answer", "option ", " is ", ": ", "<answer>",
     "</answer>", "\\boxed{", "}", "so ", "\n", " ", ".", ",", "-", " or ", "<think>", "</think>",
     "(", ")", "*", "\xa0", "\u2028", "ſ", "İ"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(TEXTS, OPTIONS)
def test_any_text_gives_a_letter_or_nothing(text: str, options: dict[str, str]) -> None:
    assert parse_choice(text, options) in (None, *options)


@given(TEXTS, st.dictionaries(st.sampled_from("ABCDEFGHIJ"), st.text(max_size=6), min_size=1))
def test_any_options_are_taken(text: str, options: dict[str, str]) -> None:
    assert parse_choice(text, options) in (None, *options)


@given(TEXTS, OPTIONS, st.text(" \t\r\n\xa0\u2028"), st.text(" \n\x0b\x85"))
def test_space_around_a_text_does_not_matter(
    text: str, options: dict[str, str], before: str, after: str
) -> None:
    assert parse_choice(before + text + after, options) == parse_choice(text, options)


@given(st.lists(WORDS, min_size=2, max_size=10, unique_by=lambda word: word.strip().casefold()))
def test_every_option_is_named_by_its_letter_its_text_and_both(words: list[str]) -> None:
    options = dict(zip("ABCDEFGHIJ", words, strict=False))
    for letter, word in options.items():
        for text in (letter, f"({letter})", word, f"{letter}. {word}", f"The answer is {letter}."):
            assert parse_choice(text, options) == letter


@given(st.permutations("ABCDEFGHIJ"), st.sampled_from([" or ", " and ", ", ", "/", "\n"]))
def test_two_letters_are_no_answer(letters: list[str], join: str) -> None:
    first, second = letters[:2]
    assume(not (first == "I" and join == ", "))  # the pronoun
    for lead in ("", "The answer is "):
        if not (lead and join == "\n"):
            assert parse_choice(f"{lead}{first}{join}{second}", TEN) is None


@pytest.mark.parametrize("text", [
    "<answer>", "answer: ", " ", "A. ", "so ", "so B ", "\nA", "(", "it is ", "word. B ", "- ",
    "on the ", "A (B) ",
])
def test_a_model_that_repeats_itself_is_read_in_time(text: str) -> None:
    started = time.perf_counter()
    parse_choice(text * 32_000, WHO)
    parse_choice("A" + text * 32_000 + "x", WHO)
    assert time.perf_counter() - started < 5
