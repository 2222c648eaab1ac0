"""What a score is worth: chance, majority, always first, blind; and other readings of it."""

from collections import Counter
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from score_cases import ask, make, split

from recipe_kit.record.schemas import Metric, TaskScores
from recipe_kit.score import stats
from recipe_kit.score.baselines import answerable_blind, chance
from recipe_kit.score.metrics import score

SIDES = ("left", "right")


def scored(pairs: list, blind: list | None = None) -> TaskScores:
    (found,) = score(*split(pairs), blind=blind, bootstrap=200, seed=0).values()
    return found


@pytest.mark.parametrize(
    ("n", "choices", "low", "high"),
    # Quantiles of the binomial distribution, from tables: B(10, ½), B(20, ¼), B(60, ½), B(400, ½).
    [(10, 2, 2, 8), (20, 4, 2, 9), (60, 2, 22, 38), (400, 2, 180, 220)],
)
def test_chance_of_equal_numbers_is_binomial(n: int, choices: int, low: int, high: int) -> None:
    assert chance({choices: n}) == Metric(
        value=1 / choices, n=n, low=low / n, high=high / n, method="binomial"
    )


@given(st.integers(1, 3000), st.integers(2, 10))
@settings(max_examples=50)
def test_chance_is_scipys_binomial(n: int, choices: int) -> None:
    low, high = binom.interval(0.95, n, 1 / choices)
    found = chance({choices: n})
    assert (found.low, found.high) == (low / n, high / n)


@given(st.dictionaries(st.integers(2, 10), st.integers(1, 8), min_size=2, max_size=4))
@example({5: 1, 3: 5, 4: 5})  # nothing right: exactly 2.5%
@settings(max_examples=50, deadline=None)
def test_chance_of_unequal_numbers_is_exact(sizes: dict[int, int]) -> None:
    each = [Fraction(1, choices) for choices, n in sizes.items() for _ in range(n)]
    # One question after the other, in fractions: mass[k] is the chance of k right guesses.
    mass = [Fraction(1)]
    for right in each:
        mass = [a * (1 - right) + b * right for a, b in zip([*mass, 0], [0, *mass], strict=True)]
    below = list(accumulate(mass))
    low, high = (
        next(k for k, total in enumerate(below) if total >= Fraction(level, 1000))
        for level in (25, 975)
    )
    n = len(each)
    assert chance(sizes) == Metric(
        value=float(sum(each) / n), n=n, low=low / n, high=high / n, method="Poisson binomial"
    )


def test_baselines_of_a_choice_task() -> None:
    pairs = [
        ask("1", ("left", "right"), "A", "A"),
        ask("1", ("right", "left"), "B", "A", turned=1),
        ask("2", ("right", "left"), "B", "A"),
        ask("3", ("left", "right", "above", "below"), "D", "A"),
        ask("4", ("above", "right", "left", "below"), "C", "A"),
    ]
    blind = [p.model_copy(update={"answer": "C" if p.question[-1] == "4" else "B"})
             for q, p in pairs if not q.rotation]
    found = scored(pairs, blind).baselines
    shown = {name: (m.value, m.n, m.method) for name, m in found.items()}
    assert shown == {
        "chance": (0.375, 4, "Poisson binomial"),
        "majority": (0.75, 4, "wilson"),
        "always_first": (0.25, 4, "wilson"),
        "blind": (0.5, 4, "wilson"),
    }
    assert (found["majority"].low, found["majority"].high) == stats.wilson(3, 4)


def test_majority_of_a_pool_is_the_commonest_answer_to_each_question() -> None:
    pairs = [
        ask(name, options, letter, "A")
        for name, options, letter in (
            ("1", ("rain", "fog"), "A"), ("2", ("fog", "rain"), "B"), ("3", ("rain", "fog"), "B"),
            ("4", ("red", "blue"), "B"), ("5", ("blue", "red"), "A"),
        )
    ]
    pooled = [
        (q.model_copy(update={"pool": "weather" if q.id[-1] in "123" else "color"}), p)
        for q, p in pairs
    ]
    # Rain in two of three, blue in both: four of five. Rain alone would be right in two of five.
    assert scored(pooled, None).baselines["majority"].value == 0.8
    assert scored(pairs, None).baselines["majority"].value == 0.4


def test_baselines_of_binary_tasks_and_scales() -> None:
    (yes_no,) = score(*make(["Yes", "No", "No"], ["Yes"] * 3), bootstrap=100, seed=0).values()
    assert {n: m.value for n, m in yes_no.baselines.items()} == {"chance": 0.5, "majority": 2 / 3}
    (scale,) = score(*make(["1", "2", "2"], ["1"] * 3), bootstrap=100, seed=0).values()
    assert {n: m.value for n, m in scale.baselines.items()} == {"chance": 0.2, "majority": 2 / 3}
    assert (yes_no.answerable_blind, scale.answerable_blind) == (False, False)
    assert (yes_no.readings, yes_no.positions, yes_no.reference_positions) == ({}, {}, {})


def test_blind_is_resampled_by_group_as_any_accuracy() -> None:
    pairs = [ask(f"{i:02d}", SIDES, "AB"[i % 2], "A", group=f"g{i // 4}") for i in range(40)]
    answers = [p.model_copy(update={"answer": "AB"[i % 3 == 0]}) for i, (_, p) in enumerate(pairs)]
    found = scored(pairs, answers).baselines["blind"]
    (alone,) = score([q for q, _ in pairs], answers, bootstrap=200, seed=0).values()
    assert found == alone.metrics["accuracy"]
    assert found.method == "bootstrap by group"


def test_blind_answers_to_rotations_do_not_count() -> None:
    pairs = [
        ask("1", SIDES, "A", "A"), ask("1", SIDES[::-1], "B", "B", turned=1),
        ask("2", SIDES, "B", "A"), ask("2", SIDES[::-1], "A", "B", turned=1),
    ]
    first = [p for q, p in pairs if not q.rotation_of]
    with_rotations = scored(pairs, [p for _, p in pairs]).baselines["blind"]
    assert with_rotations == scored(pairs, first).baselines["blind"]
    assert (with_rotations.value, with_rotations.n) == (0.5, 2)


def _metric(value: float, high: float | None = None) -> Metric:
    return Metric(value=value, n=60, low=0.0, high=high)


CHANCE = _metric(0.5, 0.63)
FAIR = {"majority": _metric(0.55, 0.67), "always_first": _metric(0.5, 0.6)}


@pytest.mark.parametrize(
    ("kind", "found", "answerable"),
    [
        ("choice", FAIR, False),
        ("choice", {**FAIR, "blind": _metric(0.63)}, False),
        ("choice", {**FAIR, "blind": _metric(0.64)}, True),
        ("choice", {**FAIR, "majority": _metric(0.7, 0.8)}, True),
        ("choice", {**FAIR, "always_first": _metric(0.7)}, True),
        # Below chance: the model is misled, not informed.
        ("choice", {**FAIR, "blind": _metric(0.1)}, False),
        ("binary", {"majority": _metric(0.8, 0.88)}, False),
        ("binary", {"majority": _metric(0.8, 0.88), "blind": _metric(0.8)}, False),
        ("binary", {"majority": _metric(0.8, 0.88), "blind": _metric(0.9)}, True),
        ("binary", {"majority": _metric(0.5, 0.6), "blind": _metric(0.62)}, False),
        ("scale", {"majority": _metric(0.5, 0.6), "blind": _metric(0.64)}, True),
    ],
)
def test_what_can_be_answered_without_looking(
    kind: str, found: dict[str, Metric], answerable: bool
) -> None:
    assert answerable_blind(kind, {"chance": CHANCE, **found}) is answerable


@pytest.mark.parametrize(("commonest", "answerable"), [(13, False), (14, True)])
def test_of_many_right_answers_one_is_always_the_commonest(
    commonest: int, answerable: bool
) -> None:
    # Of ten options, guessing gets at most 11 of 60. That one text is right 13 times happens where
    # all are alike: any of the ten could have been the one. The letters take turns.
    things = [f"thing {n}" for n in range(10)]
    pairs = []
    for n in range(60):
        right = "thing 0" if n < commonest else f"thing {1 + n % 9}"
        options = things[n % 10 :] + things[: n % 10]
        pairs.append(ask(f"{n:02d}", options, "ABCDEFGHIJ"[options.index(right)], "A"))
    found = scored(pairs)
    assert found.baselines["majority"].value == commonest / 60
    assert found.baselines["chance"].high == 11 / 60
    assert (found.baselines["always_first"].value or 0) <= 11 / 60
    assert found.answerable_blind is answerable


READ = [
    ask("1", SIDES, "A", "A", text="A", probabilities=[0.9, 0.1]),
    # VLMEvalKit takes the article for a letter.
    ask("2", SIDES, "B", None, text="Quite A puzzle", probabilities=[0.2, 0.8]),
    ask("3", SIDES, "B", "B", text="right", probabilities=[0.5, 0.5]),
    # A refusal, and a failed call: no option to either.
    ask("4", SIDES, "A", None, text="Cannot determine the answer", probabilities=[0.4, 0.6]),
    ask("5", SIDES, "A", None, text="Failed to obtain answer via API", probabilities=[0.6, 0.4]),
    # The headline can itself be another reading of the text.
    ask("6", SIDES, "B", "B", text="I do not know.", probabilities=[0.3, 0.7]),
]


def test_readings() -> None:
    found = scored(READ).readings
    assert {
        name: (r.accuracy.value, r.accuracy.n, r.differs, [q[-1] for q in r.questions])
        for name, r in found.items()
    } == {
        "strict": (2 / 6, 6, 1, ["6"]),
        "vlmevalkit": (2 / 6, 6, 2, ["2", "6"]),
        "probability": (4 / 6, 6, 4, ["2", "3", "4", "5"]),
    }
    low, high = stats.wilson(2, 6)
    assert found["strict"].accuracy == Metric(value=2 / 6, n=6, low=low, high=high, method="wilson")


def test_rotations_are_not_read_again() -> None:
    turned = ask("1", SIDES[::-1], "B", "A", turned=1, text="right")
    assert scored([*READ, turned]).readings == scored(READ).readings


def test_at_most_twenty_differing_answers_are_listed() -> None:
    found = scored([ask(f"{i:02d}", SIDES, "A", "B", text="A") for i in range(30)])
    strict = found.readings["strict"]
    assert (strict.differs, len(strict.questions)) == (30, 20)
    assert strict.questions[-1] == "tabletop/side/19"


def test_what_was_not_logged_is_not_read() -> None:
    silent = [(q, p.model_copy(update={"text": ""})) for q, p in READ]
    unsure = [(q, p.model_copy(update={"probabilities": {}})) for q, p in READ]
    assert list(scored(silent).readings) == ["probability"]
    assert list(scored(unsure).readings) == ["strict", "vlmevalkit"]


@pytest.mark.parametrize(("answer_by", "names"), [
    ("both", ["strict", "vlmevalkit", "probability"]),
    ("generation", ["strict", "vlmevalkit"]),
    ("probability", ["probability"]),
])
def test_what_the_task_does_not_want_is_not_read(answer_by: str, names: list[str]) -> None:
    asked = [(q.model_copy(update={"answer_by": answer_by}), p) for q, p in READ]
    assert list(scored(asked).readings) == names


def test_positions_count_rotations() -> None:
    found = scored([
        ask("1", SIDES, "A", "A"), ask("1", SIDES[::-1], "B", "A", turned=1),
        ask("2", ("left", "right", "above"), "A", None),
        ask("2", ("right", "above", "left"), "C", "A", turned=1),
        ask("2", ("above", "left", "right"), "B", "B", turned=2),
    ])
    assert list(found.positions.items()) == [("A", 3), ("B", 1), ("C", 0), ("unparseable", 1)]
    assert found.reference_positions == {"A": 2, "B": 2, "C": 1}
    assert Counter(found.positions).total() == 5
    assert "unparseable" not in scored(READ[:1]).positions


def test_tasks_do_not_mix() -> None:
    first, second = ask("1", SIDES, "A", "A"), ask("1", SIDES, "B", "B", task="other")
    found = score(*split([first, second]), blind=split([second, first])[1], bootstrap=100, seed=0)
    assert found["side"].positions == {"A": 1, "B": 0}
    assert found["other"].positions == {"A": 0, "B": 1}
    assert found["other"].baselines["blind"].value == 1.0


def test_questions_of_one_video_do_not_narrow_an_interval() -> None:
    asked = [
        ask(f"{video}-{number}", SIDES, "A" if video % 3 else "B", "A", group=f"video {video}")
        for video in range(12) for number in range(12)
    ]
    found = scored(asked)
    alone = scored([pair for pair in asked if pair[0].sample.endswith("-0")])
    for name in ("majority", "always_first"):
        metric, own = found.baselines[name], alone.baselines[name]
        assert metric.method == "bootstrap by group"
        assert metric.value == own.value
        assert (metric.high - metric.low) == pytest.approx(own.high - own.low, abs=0.1)
    assert found.metrics["accuracy"].method == "bootstrap by group"
    assert found.slices["source"]["desks"]["accuracy"].method == "bootstrap by group"
    assert found.readings["strict"].accuracy.method == "bootstrap by group"
