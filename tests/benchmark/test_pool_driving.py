from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from driving_scenes import EMPTY, RED_LIGHT

from recipe_kit.benchmark.pool import Drawn, choose
from recipe_kit.data.worlds.driving.labels import Labels, labels
from recipe_kit.data.worlds.driving.plan import plan
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.pool_files import find_pool, read_pool
from recipe_kit.spec.pools import PoolQuestion
from recipe_kit.spec.tasks import Pool
from recipe_kit.spec.worlds import DrivingKnobs

POOL = read_pool(find_pool("driving", Path()))
OF = {one.name: one for one in POOL}


def pool(seed: int = 1) -> Pool:
    found = Pool(path="driving", seed=seed)
    found.fill(POOL)
    return found


def asked(found: Labels, *, seed: int = 1, clip: str = "a") -> tuple[Drawn, ...]:
    sample = Sample(id=clip, source="drive", media="a.mp4", labels=dict(found))
    return choose(pool(seed), sample, 4, where="benchmarks.av.pool")


def value(question: PoolQuestion, found: Labels) -> str:
    return question.value(str(found[question.answered_by]))


@pytest.fixture(scope="module")
def many() -> list[Labels]:
    return [labels(plan(seed=11, index=index, knobs=DrivingKnobs())) for index in range(600)]


@pytest.fixture(scope="module")
def drawn(many: list[Labels]) -> list[tuple[Drawn, ...]]:
    return [asked(found, clip=f"clip {number}") for number, found in enumerate(many)]


def test_the_pool_has_fifty_questions_in_six_categories() -> None:
    assert len({one.name for one in POOL}) == len({one.question for one in POOL}) == 50
    assert Counter(one.category for one in POOL) == {
        "Scene Description": 13, "Key Objects": 10, "Actions & Motion": 8,
        "Ego Vehicle Behavior": 7, "Characters & Interactions": 6, "Spatial & Temporal": 6,
    }  # fmt: skip
    required = Counter(one.category for one in POOL if one.required)
    assert required == dict.fromkeys((one.category for one in POOL), 1)


def test_every_question_has_four_options_or_more() -> None:
    assert all(len(one.texts) >= 4 for one in POOL)


def test_every_option_is_right_for_some_clip(many: list[Labels]) -> None:
    for question in POOL:
        seen = {value(question, found) for found in many} - set(question.unless)
        assert seen == set(question.readings), question.name


@pytest.mark.parametrize("name", [one.name for one in POOL if one.required])
def test_no_answer_of_a_required_question_is_too_common(many: list[Labels], name: str) -> None:
    most = Counter(value(OF[name], found) for found in many).most_common(1)[0][1]
    assert most <= 0.6 * len(many)


def test_twelve_questions_of_a_clip(drawn: list[tuple[Drawn, ...]]) -> None:
    free: Counter[str] = Counter()
    for each in drawn:
        assert len(each) == 12
        assert sum(one.question.required for one in each) == 6
        assert all(len(set(one.options)) == 4 and one.right in one.options for one in each)
        free.update(one.question.name for one in each if not one.question.required)
    assert len(free) == 44


def test_who_does_not_look_knows_half_of_the_answers(drawn: list[tuple[Drawn, ...]]) -> None:
    every = [one for each in drawn for one in each]
    common: dict[str, Counter[str]] = {}
    for one in every:
        common.setdefault(one.question.name, Counter())[one.right] += 1
    known = sum(
        max(one.options, key=common[one.question.name].__getitem__) == one.right for one in every
    )
    assert 0.4 < known / len(every) < 0.54


def test_a_question_is_drawn_less_often_where_its_answer_is_the_usual_one(
    many: list[Labels], drawn: list[tuple[Drawn, ...]]
) -> None:
    counts = {True: [0, 0], False: [0, 0]}
    for found, each in zip(many, drawn, strict=True):
        mine = counts[value(OF["parked"], found) == OF["parked"].usual]
        mine[0] += any(one.question.name == "parked" for one in each)
        mine[1] += 1
    usual, rare = (counts[key][0] / counts[key][1] for key in (True, False))
    assert 0.02 < usual < 0.1
    assert 0.12 < rare < 0.35


def test_the_choice_is_seeded() -> None:
    found = labels(RED_LIGHT)
    first = asked(found)
    assert asked(found) == first
    assert asked(found, seed=2) != first != asked(found, clip="b")


def test_the_choice_for_one_scene_must_not_change() -> None:
    found = asked(labels(RED_LIGHT))
    assert [one.question.name for one in found] == [
        "environment", "weather", "lamps", "works", "lead", "works_objects", "lead_behavior",
        "lead_gap", "crossing", "ego_maneuver", "pedestrian_place", "nearest_vehicle",
    ]  # fmt: skip
    assert found[9].options == (
        "It follows a bend to the right", "It changes to the lane on its left",
        "It changes to the lane on its right", "It drives and then stops",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("weather", "Rain"), ("time_of_day", "Night"), ("lanes", "Two"),
        ("crosswalk", "At the junction"), ("lead", "There is none"), ("light", "Red all the time"),
        ("bus", "On the crossing road"), ("crossing", "From left to right"),
        ("moving", "One"), ("pedestrian_action", "They cross the road"),
        ("ego_maneuver", "It drives and then stops"), ("ego_reason", "For a red light"),
        ("ego_at_junction", "It stops or stands before it"),
        ("pedestrian_place", "On the road, crossing it"), ("pedestrians", "One"),
        ("pedestrian_carries", "An umbrella"), ("events", "First it drives on, then it stops"),
        ("begins", "In the first half"), ("end_state", "No, it stands"),
    ],
)  # fmt: skip
def test_answers_for_one_scene(name: str, right: str) -> None:
    assert OF[name].readings[value(OF[name], labels(RED_LIGHT))] == right


def test_a_question_without_a_clear_answer_is_never_asked() -> None:
    names = {
        one.question.name for clip in range(60)
        for one in asked(labels(replace(EMPTY, weather="fog", time="night")), clip=str(clip))
    }
    assert not names & {"lead_color", "parked_color", "pedestrian_carries", "visibility"}
    assert len(names) > 40
