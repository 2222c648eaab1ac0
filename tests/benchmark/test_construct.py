"""A benchmark that models answer too: what agrees, what is decided, what is asked in the end."""

from pathlib import Path
from typing import Any

import pytest
from drives import CARS, WEATHER, drives

from recipe_kit.benchmark.construct import (
    Pair,
    compare_answers,
    construction,
    freeze,
    from_annotations,
    to_ask,
    undecided,
)
from recipe_kit.benchmark.questions import build, pool_pairs
from recipe_kit.benchmark.review import Decision
from recipe_kit.record.schemas import Construction, Prediction, Question, Sample
from recipe_kit.spec.recipe import Recipe

POOL = WEATHER + CARS + """\
    required: true
  - name: events
    category: Scene
    question: What happens?
    options: [nothing, a turn, a stop, a crash, a merge, a wait]
    required: true
"""
SPLITS = "{test: {drive: 1.0}}"
ANSWERED = "{{path: pool.yaml, sampled: {sampled}, text: {{base: tiny}}, vision: {{base: tiny}}}}"
VIDEO = Sample(
    id="drive/a", source="drive", media="a.mp4", media_type="video", sha256="a", split="test",
    labels={"weather": "fog", "scene": "Ein Stau"},
)  # fmt: skip


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return drives(tmp_path, POOL, splits=SPLITS, pool=ANSWERED.format(sampled=0))


def said(question: Question, text: str) -> Prediction:
    letter = next((letter for letter, one in question.options.items() if one == text), None)
    return Prediction(
        question=question.id, text=text, answer=letter, probabilities={}, mass=1, confidence=1,
        prompt="", model="m", revision="r", timestamp="", latency_s=0, digest="",
    )  # fmt: skip


def pairs(
    recipe: Recipe, text: dict[str, str], vision: dict[str, str], *decisions: Decision
) -> dict[str, Pair]:
    drawn = pool_pairs("drives", recipe, [VIDEO])
    questions = to_ask("drives", recipe, drawn)
    pool = recipe.benchmarks["drives"].pool
    assert pool is not None
    found = compare_answers(
        pool, drawn, questions,
        {q.id: said(q, text[q.pool]) for q in questions if q.pool in text},
        {q.id: said(q, vision[q.pool]) for q in questions if q.pool in vision},
        decisions,
    )
    return {pair.drawn.question.name: pair for pair in found}


def counted(recipe: Recipe, found: dict[str, Pair]) -> tuple[Construction, dict[str, Question]]:
    pool = recipe.benchmarks["drives"].pool
    assert pool is not None
    every = list(found.values())
    questions = freeze("drives", recipe, [VIDEO], every)
    made = construction(pool, every, questions, text="T", vision="V")
    return made, {one.pool: one for one in questions}


def decided(pair: Pair, **words: Any) -> Decision:
    values = undecided(pair).model_dump() | {"reason": "R", "by": "Ada"} | words
    return Decision(**values)


def test_what_the_answerers_are_asked(recipe: Recipe) -> None:
    drawn = pool_pairs("drives", recipe, [VIDEO])
    weather, cars, events = to_ask("drives", recipe, drawn)
    assert [q.id for q in (weather, cars, events)] == [
        "drives/vqa/drive/a/weather", "drives/vqa/drive/a/cars", "drives/vqa/drive/a/events",
    ]  # fmt: skip
    assert [len(q.options) for q in (weather, cars, events)] == [4, 3, 6]
    assert {q.reference for q in (weather, cars, events)} == {""}
    told = from_annotations(cars, VIDEO)
    assert told.id == cars.id
    assert told.prompt == (
        "These are the annotations of a video, as JSON:\n\n"
        '{\n "weather": "fog",\n "scene": "Ein Stau"\n}\n\n'
        f"Answer from the annotations alone.\n\n{cars.prompt}"
    )


def test_without_models_only_what_labels_answer_is_asked(recipe: Recipe) -> None:
    assert [one.pool for one in build("drives", recipe, [VIDEO])] == ["weather"]


def test_agreed_contradicted_and_unread(recipe: Recipe) -> None:
    found = pairs(recipe, {"cars": "One", "events": "a stop"}, {"weather": "Fog", "cars": "One"})
    assert {name: pair.standing for name, pair in found.items()} == {
        "weather": "agreed", "cars": "agreed", "events": "undecided",
    }  # fmt: skip
    assert [pair.text_answer for pair in found.values()] == ["Fog", "One", "a stop"]
    made, asked = counted(recipe, found)
    assert list(asked) == ["weather", "cars"]
    assert [asked[name].options[asked[name].reference] for name in asked] == ["Fog", "One"]
    assert made.model_dump(exclude={"pool_digest", "review_digest"}) == {
        "pool": "pool.yaml", "categories": {"Scene": 2, "Objects": 1}, "required": 3, "sampled": 0,
        "seed": 0, "videos": 1, "drawn": 3, "text": "T", "vision": "V", "agreed": 2,
        "contradictions": 1, "kept": 0, "corrected": 0, "removed": 0, "undecided": 1,
        "questions": 2,
    }  # fmt: skip


def test_an_answer_that_nobody_could_read_is_for_people(recipe: Recipe) -> None:
    found = pairs(recipe, {"cars": "?", "events": "?"}, {"weather": "?", "cars": "?"})
    assert {pair.standing for pair in found.values()} == {"undecided"}
    assert [pair.text_answer for pair in found.values()] == ["Fog", "", ""]


def test_decisions(recipe: Recipe) -> None:
    text, vision = (
        {"cars": "One", "events": "a stop"},
        {"weather": "Snow", "cars": "Two or more", "events": "a wait"},
    )
    first = pairs(recipe, text, vision)
    assert {pair.standing for pair in first.values()} == {"undecided"}
    found = pairs(
        recipe, text, vision,
        decided(first["weather"], decision="keep"),
        decided(first["cars"], decision="remove"),
        decided(first["events"], decision="correct", answer="a crash"),
    )
    assert {name: pair.standing for name, pair in found.items()} == {
        "weather": "kept", "cars": "removed", "events": "corrected",
    }  # fmt: skip
    made, asked = counted(recipe, found)
    assert {name: one.options[one.reference] for name, one in asked.items()} == {
        "weather": "Fog", "events": "a crash",
    }  # fmt: skip
    assert len(asked["events"].options) == 4
    assert (made.kept, made.corrected, made.removed, made.undecided) == (1, 1, 1, 0)
    assert (made.drawn, made.agreed, made.contradictions, made.questions) == (3, 0, 3, 2)
    assert len(made.review_digest) == 64


def test_a_corrected_answer_among_the_options_leaves_them_as_they_are(recipe: Recipe) -> None:
    first = pairs(recipe, {}, {"weather": "Snow"})["weather"]
    found = pairs(
        recipe, {}, {"weather": "Snow"}, decided(first, decision="correct", answer="Snow")
    )
    before = build("drives", recipe, [VIDEO])[0]
    after = counted(recipe, {"weather": found["weather"]})[1]["weather"]
    assert after.options == before.options
    assert after.prompt == before.prompt
    assert (before.options[before.reference], after.options[after.reference]) == ("Fog", "Snow")


@pytest.mark.parametrize(
    "changed",
    [{"asked": "What was it like?"}, {"options": ("Fog", "Rain")}, {"text_answer": "Rain"}],
)
def test_a_decision_about_an_earlier_question_is_flagged(
    recipe: Recipe, changed: dict[str, Any]
) -> None:
    first = pairs(recipe, {}, {"weather": "Snow"})["weather"]
    earlier = decided(first, decision="keep").model_copy(update=changed)
    found = pairs(recipe, {}, {"weather": "Snow"}, earlier)["weather"]
    assert (found.standing, found.decision, found.outdated) == ("undecided", None, earlier)


def test_the_last_decision_counts(recipe: Recipe) -> None:
    first = pairs(recipe, {}, {"weather": "Snow"})["weather"]
    one, two = decided(first, decision="keep"), decided(first, decision="remove")
    assert pairs(recipe, {}, {"weather": "Snow"}, one, two)["weather"].standing == "removed"


def test_a_person_may_remove_what_both_answered_alike(recipe: Recipe) -> None:
    first = pairs(recipe, {}, {"weather": "Fog"})["weather"]
    assert first.standing == "agreed"
    found = pairs(recipe, {}, {"weather": "Fog"}, decided(first, decision="remove"))["weather"]
    assert found.standing == "removed"


def test_labels_that_a_question_does_not_know_are_for_the_model(recipe: Recipe) -> None:
    partly = VIDEO.model_copy(update={"labels": {"weather": "Partly cloudy"}})
    drawn = pool_pairs("drives", recipe, [partly])
    assert [one.right for _, one in drawn] == ["", "", ""]


def test_more_options_than_letters_are_not_for_models(tmp_path: Path) -> None:
    many = ", ".join(f"thing {number}" for number in range(11))
    more = f"""\
  - name: many
    category: Scene
    question: Which thing?
    options: [{many}]
"""
    recipe = drives(tmp_path, POOL + more, splits=SPLITS, pool=ANSWERED.format(sampled=1))
    assert [one.question.name for _, one in pool_pairs("drives", recipe, [VIDEO])] == [
        "weather", "cars", "events",
    ]  # fmt: skip
    known = VIDEO.model_copy(update={"labels": {"many": "thing 7"}})
    (*_, last) = pool_pairs("drives", recipe, [known])
    assert (last[1].question.name, last[1].right, len(last[1].options)) == ("many", "thing 7", 4)
