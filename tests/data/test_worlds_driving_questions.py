from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from driving_scenes import EMPTY, RED_LIGHT

from recipe_kit.data.worlds.canvas import stream
from recipe_kit.data.worlds.driving.clip import write_clip
from recipe_kit.data.worlds.driving.knobs import DrivingKnobs
from recipe_kit.data.worlds.driving.labels import Labels, labels
from recipe_kit.data.worlds.driving.painter import draw_clip
from recipe_kit.data.worlds.driving.plan import plan
from recipe_kit.data.worlds.driving.question_pool import CATEGORIES, POOL, answer, choose
from recipe_kit.errors import DataError


@pytest.fixture(scope="module")
def many() -> list[Labels]:
    return [labels(plan(seed=11, index=index, knobs=DrivingKnobs())) for index in range(600)]


def test_the_pool_has_fifty_questions_in_six_categories() -> None:
    assert len(POOL) == 50
    assert Counter(one.category for one in POOL) == CATEGORIES == {
        "Scene Description": 13, "Key Objects": 10, "Actions & Motion": 8,
        "Ego Vehicle Behavior": 7, "Characters & Interactions": 6, "Spatial & Temporal": 6,
    }  # fmt: skip
    assert len({one.name for one in POOL}) == len({one.text for one in POOL}) == 50
    assert Counter(one.category for one in POOL if one.required) == dict.fromkeys(CATEGORIES, 1)


def test_every_question_has_one_right_and_three_wrong_options(many: list[Labels]) -> None:
    rng = stream("test", 0, 0, 0)
    for found in many[:300]:
        for question in POOL:
            if question.applies(found):
                asked = answer(question, found, rng)
                assert len(set(asked.options)) == 4
                assert asked.right == dict(question.options)[question.value(found)]
            else:
                assert not question.required


def test_every_option_is_right_for_some_clip(many: list[Labels]) -> None:
    for question in POOL:
        seen = {question.value(found) for found in many if question.applies(found)}
        assert seen == {value for value, _ in question.options}, question.name


@pytest.mark.parametrize("name", [one.name for one in POOL if one.required])
def test_no_answer_of_a_required_question_is_too_common(many: list[Labels], name: str) -> None:
    (question,) = [one for one in POOL if one.name == name]
    most = Counter(question.value(found) for found in many).most_common(1)[0][1]
    assert most <= 0.6 * len(many)


def test_twelve_questions_of_a_clip(many: list[Labels]) -> None:
    drawn: Counter[str] = Counter()
    for number, found in enumerate(many):
        asked = choose(found, seed=1, clip=f"clip {number}")
        assert len(asked) == 12
        assert sum(one.required for one in asked) == 6
        drawn.update(one.name for one in asked if not one.required)
    assert len(drawn) == 44


def test_who_does_not_look_knows_half_of_the_answers(many: list[Labels]) -> None:
    asked = [one for number, found in enumerate(many)
             for one in choose(found, seed=1, clip=f"clip {number}")]
    common: dict[str, Counter[str]] = {}
    for one in asked:
        common.setdefault(one.name, Counter())[one.right] += 1
    known = sum(max(one.options, key=common[one.name].__getitem__) == one.right for one in asked)
    assert 0.4 < known / len(asked) < 0.54


def test_a_question_is_drawn_less_often_where_its_answer_is_the_usual_one(
    many: list[Labels],
) -> None:
    (question,) = [one for one in POOL if one.name == "parked"]
    drawn = {True: [0, 0], False: [0, 0]}
    for number, found in enumerate(many):
        counts = drawn[question.value(found) == question.usual]
        asked = choose(found, seed=1, clip=f"clip {number}")
        counts[0] += any(one.name == "parked" for one in asked)
        counts[1] += 1
    usual, rare = (drawn[key][0] / drawn[key][1] for key in (True, False))
    assert 0.02 < usual < 0.1
    assert 0.12 < rare < 0.35


def test_the_choice_is_seeded() -> None:
    found = labels(RED_LIGHT)
    first = choose(found, seed=1, clip="a")
    assert choose(found, seed=1, clip="a") == first
    assert choose(found, seed=2, clip="a") != first != choose(found, seed=1, clip="b")


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
    (question,) = [one for one in POOL if one.name == name]
    assert answer(question, labels(RED_LIGHT), stream("test", 0, 0, 0)).right == right


def test_a_question_that_does_not_apply_is_refused() -> None:
    (question,) = [one for one in POOL if one.name == "lead_color"]
    with pytest.raises(DataError) as caught:
        answer(question, labels(EMPTY), stream("test", 0, 0, 0))
    assert str(caught.value) == (
        "question 'lead_color': it has no clear answer where lead_color is 'none'\n"
        "  To mend it: ask questions that apply only")
    with pytest.raises(DataError) as caught:
        answer(question, {}, stream("test", 0, 0, 0))
    assert str(caught.value) == (
        "question 'lead_color': the clip has no label 'lead_color'\n"
        "  To mend it: pass all labels of the driving world")


@pytest.mark.parametrize(("fps", "size"), [(4.0, (128, 80)), (29.97, (100, 60))])
def test_a_clip_is_written_and_read_back(
    tmp_path: Path, fps: float, size: tuple[int, int]
) -> None:
    pytest.importorskip("av", reason="writing videos needs PyAV")
    decord = pytest.importorskip("decord", reason="reading videos needs decord")
    frames = draw_clip(EMPTY, width=size[0], height=size[1], fps=4)
    write_clip(tmp_path / "a.mp4", frames, fps=fps)
    reader = decord.VideoReader(str(tmp_path / "a.mp4"), num_threads=1)
    assert len(reader) == 16
    assert reader.get_avg_fps() == pytest.approx(fps, rel=1e-4)
    starts = reader.get_frame_timestamp(range(16))[:, 0]
    assert starts == pytest.approx(np.arange(16) / fps, abs=1e-3)
    read = reader.get_batch(range(16)).asnumpy().astype(int)
    assert np.abs(read - frames).mean() < 5
    again = tmp_path / "b.mp4"
    write_clip(again, frames, fps=fps)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data == again.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"avc1" in data
    assert len(data) < 60_000


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 33, 48, 3), "clip.mp4: H.264 in yuv420p needs even sides, not 48 x 33\n"
         "  To mend it: draw the clip one pixel larger"),
        ((0, 32, 48, 3), "clip.mp4: cannot write uint8 of shape (0, 32, 48, 3) as a video\n"
         "  To mend it: pass uint8 frames [T, H, W, 3]"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError) as caught:
        write_clip(Path("clip.mp4"), np.zeros(shape, np.uint8), fps=4)
    assert str(caught.value) == message
