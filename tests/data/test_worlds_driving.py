import hashlib
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from driving_scenes import EMPTY, STANDS, STEADY, lead
from numpy.typing import NDArray

from recipe_kit.data.worlds.driving.bodies import PAINT
from recipe_kit.data.worlds.driving.labels import labels
from recipe_kit.data.worlds.driving.motion import Course, Speed
from recipe_kit.data.worlds.driving.painter import draw_clip
from recipe_kit.data.worlds.driving.plan import plan
from recipe_kit.data.worlds.driving.scene import COLORS, LANE, SIZES, Junction, Person, Scene, Sign
from recipe_kit.data.worlds.driving.sight import without_unseen
from recipe_kit.data.worlds.driving.view import box, to_camera
from recipe_kit.spec.worlds import DrivingKnobs

Frames = NDArray[np.uint8]


def scene(index: int, seed: int = 5, **knobs: float) -> Scene:
    return plan(seed=seed, index=index, knobs=DrivingKnobs(**knobs))


def clip(one: Scene, fps: float = 4, width: int = 128, height: int = 80) -> Frames:
    return draw_clip(one, width=width, height=height, fps=fps)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene(index) for index in range(400)]


# This digest must not be changed: recipes name their clips by seed and index only.
def test_plans_are_the_same_everywhere() -> None:
    sha = hashlib.sha256()
    for index in range(60):
        one = scene(index, seed=7)
        places = [(v.role, v.kind, v.color, f"{v.start:.3f}") for v in one.vehicles]
        people = [(p.role, p.kind, p.color, f"{p.x:.3f} {p.z:.3f}") for p in one.people]
        ego = [f"{t:.3f} {v:.3f}" for t, v in one.ego.speed.knots]
        sha.update(repr((sorted(labels(one).items()), places, people, ego)).encode())
    assert sha.hexdigest()[:16] == "3b50b49231736a60"


def test_index_and_seed_choose_the_clip_and_fix_it() -> None:
    first = [clip(scene(index, seed), width=48, height=32) for seed in (1, 2) for index in range(3)]
    again = clip(scene(2, 2), width=48, height=32)
    assert len({frames.tobytes() for frames in first}) == 6
    assert again.tobytes() == first[-1].tobytes()


@pytest.mark.parametrize(
    ("size", "fps", "count"), [((128, 80), 4, 16), ((33, 47), 2.5, 10), ((320, 200), 1, 4)]
)
def test_any_size_and_rate(size: tuple[int, int], fps: float, count: int) -> None:
    frames = clip(scene(3), fps, *size)
    assert frames.shape == (count, size[1], size[0], 3)
    assert frames.dtype == np.uint8


@pytest.mark.parametrize(
    ("knob", "label", "with_it", "without"),
    [
        ("city", "environment", {"city"}, {"suburb", "highway", "countryside"}),
        ("night", "time_of_day", {"night"}, {"day", "dusk"}),
        ("rain", "weather", {"rain"}, {"clear", "fog", "snow"}),
        ("junction", "ego_at_junction", {"stops", "straight", "left turn", "right turn",
                                         "no junction"}, {"no junction"}),
        ("turn", "ego_turn", {"left", "right", "none"}, {"none"}),
        ("bend", "road_direction", {"straight", "left bend", "right bend", "ends"},
         {"straight", "ends"}),
        ("lane_change", "ego_lane_change", {"left", "right", "none"}, {"none"}),
        ("oncoming", "oncoming", {0, 1, 2}, {0}),
        ("neighbor", "neighbor", {"none", "overtakes", "is passed", "keeps pace"}, {"none"}),
        ("crossing", "crossing", {"none", "left to right", "right to left"}, {"none"}),
        ("parked", "parked", {0, 1, 2, 3, 4}, {0}),
        ("cyclist", "cyclist", {"none", "ahead", "oncoming"}, {"none"}),
        ("works", "works", {"yes", "no"}, {"no"}),
        ("emergency", "emergency", {"none", "ahead", "oncoming"}, {"none"}),
    ],
)  # fmt: skip
def test_a_knob_brings_what_it_names(
    knob: str, label: str, with_it: set[object], without: set[object]
) -> None:
    assert {labels(scene(i, **{knob: 1.0}))[label] for i in range(250)} == with_it
    assert {labels(scene(i, **{knob: 0.0}))[label] for i in range(250)} == without


@pytest.mark.parametrize("knob", ["rain", "night", "pedestrian", "noise", "texture", "blur"])
def test_a_knob_leaves_the_maneuver_alone(knob: str) -> None:
    for index in range(40):
        one, other = (scene(index, **{knob: share}) for share in (0.0, 1.0))
        assert one.ego == other.ego
        assert one.road == other.road


def test_a_speed_is_integrated_exactly() -> None:
    speed = Speed(((1.0, 8.0), (3.0, 0.0)))
    assert [speed.at(t) for t in (0, 1, 2, 3, 9)] == [8, 8, 4, 0, 0]
    assert [speed.travelled(t) for t in (1, 2, 3, 4)] == [8, 14, 16, 16]
    assert speed.change(2) == pytest.approx(-4)


def test_a_course_turns_a_quarter_circle() -> None:
    course = Course(x=1.0, pieces=((10.0, 0.0), (math.pi, 0.5)))
    assert course.pose(10 + math.pi) == pytest.approx((3.0, 12.0, math.pi / 2))
    assert course.pose(10 + math.pi + 5, 1.0) == pytest.approx((8.0, 11.0, math.pi / 2))
    assert course.pose(-4.0) == pytest.approx((1.0, -4.0, 0.0))


def test_the_ego_vehicle_ends_where_its_maneuver_says(scenes: list[Scene]) -> None:
    for one in scenes:
        x, _, heading = one.ego.pose(one.seconds)
        start = one.ego.pose(0.0)[0]
        side = -1 if one.ego.maneuver.startswith("left") else 1
        if "turn" in one.ego.maneuver or "bend" in one.ego.maneuver:
            assert side * heading > 0.1
        elif "lane" in one.ego.maneuver:
            assert x - start == pytest.approx(side * LANE)
        else:
            assert heading == 0
        moved = one.ego.speed.travelled(one.seconds)
        assert (moved == 0) == (one.ego.maneuver == "wait")
        if one.junction and one.ego.speed.last == 0:
            assert moved + 4.4 < one.junction.stop_line


@pytest.mark.parametrize("seconds", [2.0, 4.0, 10.0])
def test_nobody_drives_through_a_red_light_or_into_another(seconds: float) -> None:
    for index in range(200):
        one = plan(seed=5, index=index, knobs=DrivingKnobs(), seconds=seconds)
        for t in np.linspace(0, seconds, 9).tolist():
            camera = one.ego.pose(t)
            for other in (*one.of("lead"), *one.of("neighbor"), *one.of("parked")):
                aside, ahead = to_camera(camera, *other.pose(t)[:2])
                width, _, length = SIZES[other.kind]
                assert abs(aside) > 0.6 + width / 2 or abs(ahead) > length / 2 + 1.0
            if one.junction and one.junction.light and one.junction.light_at(t) == "red":
                assert camera[1] < one.junction.stop_line


def shift(before: Frames, after: Frames) -> int:
    """By how many pixels the scenery around the horizon moved to the right."""
    high = before.shape[0]
    a, b = (x[round(0.2 * high): round(0.46 * high)].astype(float).mean(axis=2)
            for x in (before, after))
    a, b = a - a.mean(), b - b.mean()
    reach = range(-10, 11)
    wide = a.shape[1]
    scores = [-np.abs(b[:, max(0, d): wide + min(0, d)]
                      - a[:, max(0, -d): wide + min(0, -d)]).mean() for d in reach]
    return reach[int(np.argmax(scores))]


def test_the_picture_moves_against_a_turn() -> None:
    seen: Counter[str] = Counter()
    for index in range(60):
        one = scene(index, seed=2, junction=1, turn=1, rain=0, fog=0, snow=0, night=0, noise=0,
                    oncoming=0, pedestrian=0)  # fmt: skip
        if "turn" not in one.ego.maneuver or seen[one.ego.maneuver] >= 4:
            continue
        frames = clip(one, fps=16)
        first = round(one.ego.begins * 16) + 4
        moved = sum(shift(frames[k], frames[k + 1]) for k in range(first, min(first + 12, 60)))
        seen[one.ego.maneuver] += 1
        assert (moved > 8) == (one.ego.maneuver == "left turn")
        assert (moved < -8) == (one.ego.maneuver == "right turn")
    assert seen == {"left turn": 4, "right turn": 4}


def test_a_standing_camera_sees_a_standing_street() -> None:
    stands = replace(EMPTY, ego=replace(EMPTY.ego, speed=STANDS, maneuver="wait"))
    assert (clip(stands) == clip(stands)[0]).all()
    stops = replace(EMPTY, ego=replace(EMPTY.ego, speed=Speed(((1.0, 8.0), (3.0, 0.0)))))
    frames = clip(stops).astype(int)
    change = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
    assert change[:8].min() > 1
    assert (change[12:] == 0).all()


@pytest.mark.parametrize("kind", ["car", "truck", "bus"])
@pytest.mark.parametrize("color", COLORS)
def test_the_lead_vehicle_has_its_color_where_the_plan_says(kind: str, color: str) -> None:
    vehicle = lead(kind, color)
    frames = clip(replace(EMPTY, vehicles=(vehicle,)))
    found = box(EMPTY, vehicle, 2.0, width=128, height=80)
    assert found is not None
    up = {"car": 0.82, "truck": 1.6, "bus": 1.2}[kind] / SIZES[kind][1]
    x = round(0.6 * found["x1"] + 0.4 * found["x2"])
    y = math.floor(found["y2"] - up * (found["y2"] - found["y1"]))
    pixel = frames[8, y, x].astype(float)
    nearest = min(COLORS, key=lambda name: float(np.abs(pixel - PAINT[name]).sum()))
    assert nearest == color


def test_brake_lights_shine_when_the_vehicle_ahead_brakes() -> None:
    brakes = lead("car", "blue", Speed(((0.0, 8.0), (2.0, 8.0), (4.0, 0.0))))
    ego = replace(EMPTY.ego, speed=Speed(((0.0, 8.0), (2.0, 8.0), (4.0, 0.0))))
    frames = clip(replace(EMPTY, vehicles=(brakes,), ego=ego)).astype(int)
    red = ((frames[..., 0] > 225) & (frames[..., 1] < 110)).sum(axis=(1, 2))
    assert red[:8].max() < 3
    assert red[9:].min() > 8


@pytest.mark.parametrize("shown", ["red", "green"])
def test_the_traffic_light_shows_its_color(shown: str) -> None:
    junction = Junction("crossroads", 22.0, "traffic lights", ((0.0, shown),))
    one = replace(EMPTY, surroundings="highway", junction=junction,
                  ego=replace(EMPTY.ego, speed=STANDS))
    top = clip(one)[0, :34].astype(int)
    red = ((top[..., 0] > 200) & (top[..., 1] < 110)).sum()
    green = ((top[..., 1] > 190) & (top[..., 0] < 120) & (top[..., 2] < 170)).sum()
    assert (red > 5, green > 5) == (shown == "red", shown == "green")


def test_time_and_weather_are_seen() -> None:
    def look(**changes: str) -> Frames:
        # mypy holds each value against every field of Scene; only `time` and `weather` are set.
        return clip(replace(EMPTY, **changes), fps=1)  # type: ignore[arg-type]

    day = look()
    assert day.mean() > look(time="dusk").mean() + 20 > look(time="night").mean() + 40
    assert look(weather="fog")[:, 25:45].std() < 0.6 * day[:, 25:45].std()
    assert look(weather="snow")[:, 60:, :20].mean() > day[:, 60:, :20].mean() + 40
    rain = look(weather="rain").astype(int)
    assert np.abs(np.diff(rain, axis=3)).mean() < np.abs(np.diff(day.astype(int), axis=3)).mean()


def without(one: Scene) -> dict[str, Scene]:
    """The scene without each of the things that its labels tell of."""
    found = {
        f"{field}: {thing}": replace(
            one, **{field: tuple(x for x in getattr(one, field) if x is not thing)})
        for field in ("vehicles", "people", "signs") for thing in getattr(one, field)
    }  # fmt: skip
    if one.cones:
        found["cones"] = replace(one, cones=())
    if one.crosswalk is not None:
        found["crosswalk"] = replace(one, crosswalk=None)
    if one.road.lamps != "none":
        found["lamps"] = replace(one, road=replace(one.road, lamps="none"))
    if one.road.oncoming:
        found["line"] = replace(one, road=replace(one.road, line="none"))
    if one.junction and one.junction.light:
        swapped = tuple((t, "red" if color == "green" else "green")
                        for t, color in one.junction.light)
        found["light"] = replace(one, junction=replace(one.junction, light=swapped))
    return found


def test_everything_that_labels_tell_of_is_seen() -> None:
    checked: Counter[str] = Counter()
    for index in range(14):
        one = scene(index, seed=9, noise=0, blur=0, works=0.4)
        frames = clip(one).astype(int)
        for name, rest in without(one).items():
            changed = (np.abs(frames - clip(rest)).max(axis=3) > 20).sum(axis=(1, 2))
            assert sorted(changed)[-2] >= 10, (index, name)
            checked[name.split(":")[0]] += 1
    assert len(checked) == 8
    assert checked.total() > 40


def test_what_nobody_can_see_is_left_out() -> None:
    bus = replace(lead("bus"), start=14.0)
    hidden = Person("crossing", "adult", "red", "nothing", 1.7, 22.0, 0.0, 8.0)
    beside = replace(hidden, x=6.0, role="right")
    far = Sign("warning", 5.0, 400.0)
    one = replace(EMPTY, vehicles=(bus,), people=(hidden, beside), signs=(far,),
                  ego=replace(EMPTY.ego, speed=STEADY))  # fmt: skip
    seen = without_unseen(one)
    assert (seen.vehicles, seen.people, seen.signs) == ((bus,), (beside,), ())


def test_the_labels_agree_with_each_other(scenes: list[Scene]) -> None:
    for one in scenes:
        found = labels(one)
        assert (found["lead"] == "none") == (found["lead_behavior"] == "none")
        assert (found["pedestrians"] == 0) == (found["pedestrian_place"] == "none")
        assert (found["ego_reason"] == "vehicle ahead") <= (found["lead_behavior"] == "brakes")
        assert (found["ego_reason"] == "pedestrian") <= (found["pedestrian_place"] == "crossing")
        assert (found["control"] == "stop sign") == (found["sign"] == "stop")
        assert (found["control"] == "traffic lights") == (found["light"] != "none")
        assert (found["end_state"] == "standing") == (found["ego_speed"] in ("stops", "stands"))
        assert (found["crossing_direction"] != "none") == (found["pedestrian_action"] == "crosses")
