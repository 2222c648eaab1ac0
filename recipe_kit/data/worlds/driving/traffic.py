"""The other vehicles of a clip."""

import math

from recipe_kit.data.worlds.canvas import Rng
from recipe_kit.data.worlds.driving.dice import pick
from recipe_kit.data.worlds.driving.maneuvers import HALT, Setting, Situation
from recipe_kit.data.worlds.driving.motion import Course, Speed
from recipe_kit.data.worlds.driving.scene import COLORS, LANE, PARKING, SIZES, Vehicle

KINDS = {"car": 0.56, "truck": 0.22, "bus": 0.22}


def vehicles(rng: Rng, setting: Setting, situation: Situation) -> tuple[Vehicle, ...]:
    """Everything on wheels but the ego vehicle."""
    lead = _lead(rng, setting, situation)
    return (*lead, *_neighbor(rng, setting, situation), *_oncoming(rng, setting, situation),
            *_crossing(rng, setting, situation), *_parked(rng, setting, situation),
            *_cyclist(rng, setting, situation, room=not lead))


def _color(rng: Rng, *, emergency: bool = False) -> str:
    return "white" if emergency else COLORS[int(rng.integers(len(COLORS)))]


def _lead(rng: Rng, setting: Setting, situation: Situation) -> tuple[Vehicle, ...]:
    ego, junction = situation.ego, situation.junction
    kind = "car" if situation.lead == "car" else pick(rng, KINDS)
    emergency = setting.has["emergency"] and ego.reason != "vehicle ahead" and kind != "bus"
    color = _color(rng, emergency=emergency)
    chance, more, pace = rng.uniform(9.0, 13.0), rng.random(), rng.random()
    if situation.lead == "never" or not (setting.has["lead"] or situation.lead == "always"):
        return ()
    half = SIZES[kind][2] / 2
    start, speed = chance + half, ego.speed
    first = speed.knots[0][1]
    early = 0.08 * min(4.0, setting.seconds)
    if situation.junction is not None and ego.reason == "red light":
        assert junction is not None
        if ego.maneuver == "stop":  # it stands at the line before the ego vehicle is there
            speed = Speed(tuple((max(0.0, t - early), v) for t, v in ego.speed.knots))
            start = junction.stop_line + HALT - half - 1.5 - speed.travelled(setting.seconds)
        else:
            start = junction.stop_line - half - 0.5
            speed = Speed(tuple((max(0.0, t - early), v) for t, v in ego.speed.knots))
    elif len(speed.knots) > 1:  # it changes its speed before the ego vehicle does
        speed = Speed(tuple((max(0.0, t - early), v) for t, v in speed.knots))
    elif first > 0 and more < 0.5:
        apart = 5.0 / setting.seconds
        start += 5.0 if pace < 0.5 else 0.0
        speed = Speed(((0.0, first + (-apart if pace < 0.5 else apart)),))
    if "lane change" in ego.maneuver:
        start += 8.0
    return (Vehicle("lead", kind, color, situation.road.course, start, ego.lateral, speed,
                    emergency=emergency),)


def _neighbor(rng: Rng, setting: Setting, situation: Situation) -> tuple[Vehicle, ...]:
    """One in the next lane: it overtakes, is passed, or keeps pace."""
    road, ego = situation.road, situation.ego
    what = pick(rng, {"overtakes": 1, "is passed": 1, "keeps pace": 1})
    side = 1 if rng.random() < 0.5 else -1
    kind, color, ahead = pick(rng, KINDS), _color(rng), rng.uniform(9.0, 12.0)
    lanes = [ego.lateral + way * LANE for way in (side, -side)
             if road.left < ego.lateral + way * LANE < road.right and way * ego.drift[2] <= 0
             and ego.lateral + way * LANE > 0]  # fmt: skip
    average = ego.speed.travelled(setting.seconds) / setting.seconds
    if (not setting.has["neighbor"] or situation.junction or situation.crosswalk or not lanes
            or average < 4 or ego.maneuver == "stop"):
        return ()
    length = SIZES[kind][2]
    start, speed = ahead + length / 2, ego.speed
    if what == "overtakes":
        start = -4.0 - length / 2
        speed = Speed(((0.0, average + (22 + length) / setting.seconds),))
    elif what == "is passed":
        start = 15.0 + length / 2
        speed = Speed(((0.0, max(0.0, average - (19 + length) / setting.seconds)),))
    return (Vehicle("neighbor", kind, color, road.course, start, lanes[0], speed),)


def _oncoming(rng: Rng, setting: Setting, situation: Situation) -> tuple[Vehicle, ...]:
    road, junction = situation.road, situation.junction
    count = 1 + (rng.random() < 0.35)
    emergency = setting.has["emergency"] and not setting.has["lead"]
    speed = Speed(((0.0, rng.uniform(0.8, 1.1) * min(setting.speed, 11.0)),))
    lane = -(int(rng.integers(max(1, road.oncoming))) + 0.5) * LANE
    at, found = rng.uniform(26.0, 42.0), []
    for number in range(count):
        kind = pick(rng, KINDS)
        flashing = emergency and number == 0 and kind != "bus"
        color = _color(rng, emergency=flashing)
        found.append(Vehicle("oncoming", kind, color, road.course, at, lane, speed, backward=True,
                             emergency=flashing))
        at += rng.uniform(14.0, 18.0)
    free = junction is None or (
        junction.light == ((0.0, "green"),) and situation.ego.maneuver != "left turn")
    if not (setting.has["oncoming"] and road.oncoming and free) or (
            situation.crosswalk is not None and junction is None):
        return ()
    return tuple(found)


def _crossing(rng: Rng, setting: Setting, situation: Situation) -> tuple[Vehicle, ...]:
    """One on the other road, while the ego vehicle stops or stands."""
    junction, seconds = situation.junction, setting.seconds
    heading = math.pi / 2 if rng.random() < 0.5 else -math.pi / 2
    speed, at = rng.uniform(6.5, 8.5), rng.uniform(0.45, 0.75) * seconds
    kind, color = pick(rng, KINDS), _color(rng)
    if (junction is None or not setting.has["crossing"]
            or situation.ego.maneuver not in ("stop", "wait")):
        return ()
    course = Course(situation.ego.lateral, junction.z, heading)
    return (Vehicle("crossing", kind, color, course, -speed * at, LANE / 2,
                    Speed(((0.0, speed),))),)


def _parked(rng: Rng, setting: Setting, situation: Situation) -> tuple[Vehicle, ...]:
    road, junction = situation.road, situation.junction
    count, at = int(rng.integers(1, 5)), rng.uniform(7.0, 12.0)
    end = junction.stop_line - 2.0 if junction else 70.0
    found: list[Vehicle] = []
    for _ in range(count):
        kind, color = pick(rng, {"car": 0.85, "truck": 0.15}), _color(rng)
        half = SIZES[kind][2] / 2
        at += half
        in_the_way = situation.crosswalk is not None and abs(at - situation.crosswalk) < half + 4
        if road.parking and at + half < end and not in_the_way:
            found.append(Vehicle("parked", kind, color, road.course, at, road.right + PARKING / 2,
                                 Speed(((0.0, 0.0),))))
        at += half + rng.uniform(2.5, 7.0)
    return tuple(found)


def _cyclist(rng: Rng, setting: Setting, situation: Situation, *,
             room: bool) -> tuple[Vehicle, ...]:
    road = situation.road
    backward = road.oncoming > 0 and rng.random() < 0.4
    color, pace = _color(rng), rng.uniform(3.8, 5.0)
    gains = situation.ego.speed.travelled(setting.seconds) - pace * setting.seconds
    start = rng.uniform(24.0, 34.0) if backward else max(11.0, 0.7 * gains + rng.uniform(4, 8))
    if (not setting.has["cyclist"] or setting.where == "highway" or situation.junction
            or situation.crosswalk is not None or not (room or backward)):
        return ()
    lateral = road.left + 0.5 if backward else road.right - 0.3
    return (Vehicle("cyclist", "bicycle", color, road.course, start, lateral,
                    Speed(((0.0, pace),)), backward=backward),)
