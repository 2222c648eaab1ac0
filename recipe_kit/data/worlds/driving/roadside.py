"""What stands or walks beside the road: people, signs, cones."""

import math

from recipe_kit.data.worlds.canvas import Rng
from recipe_kit.data.worlds.driving.dice import pick
from recipe_kit.data.worlds.driving.maneuvers import Setting, Situation
from recipe_kit.data.worlds.driving.scene import COLORS, PARKING, Person, Scene, Sign


def signs(rng: Rng, setting: Setting, situation: Situation) -> tuple[Sign, ...]:
    """The stop sign of a junction; elsewhere at most one other sign."""
    road, junction = situation.road, situation.junction
    weights: dict[str, float] = (
        {"direction": 3, "speed limit": 2} if setting.where == "highway"
        else {"speed limit": 2, "warning": 2, "direction": 1})  # fmt: skip
    kind, ahead = pick(rng, weights), rng.uniform(2.0, 3.0)
    if junction is not None:
        if junction.control != "stop sign":
            return ()
        return (Sign("stop", road.right + 0.9, junction.stop_line + 4.5),)
    if not setting.has["sign"]:
        return ()
    s = situation.ego.speed.travelled(setting.seconds) * 0.45 + 5.0 * ahead
    return (Sign(kind, *road.course.pose(s, road.curb + 0.9)),)


def cones(rng: Rng, setting: Setting, situation: Situation) -> tuple[tuple[float, float], ...]:
    """A row of cones along the right edge."""
    road, first = situation.road, rng.uniform(6.0, 9.0)
    last = situation.junction.stop_line - 1 if situation.junction else 44.0
    if not setting.has["works"]:
        return ()
    places = [first + 4.0 * number for number in range(9) if first + 4.0 * number < last]
    return tuple(road.course.pose(s, road.right - 0.2)[:2] for s in places)


def people(rng: Rng, scene: Scene, *, present: bool) -> tuple[Person, ...]:
    """Nobody, or one to three people together: on the crosswalk, or on one side of the road."""
    ego, road, junction = scene.ego, scene.road, scene.junction
    count = int(pick(rng, {"1": 0.5, "2": 0.28, "3": 0.22}))
    crossing = rng.random() < 0.7
    if ego.reason == "pedestrian":
        return _crossing(rng, scene, min(count, 2))
    if scene.cones and scene.surroundings != "suburb":
        return _workers(rng, scene, 1 + (count > 2)) if rng.random() < 0.5 else ()
    if not present or scene.surroundings == "highway":
        return ()
    stands = junction is not None and ego.reason == "red light" and ego.maneuver in ("stop", "wait")
    if stands and crossing and scene.crosswalk is not None:
        return _crossing(rng, scene, min(count, 2))
    near = ego.lateral + ego.course.x - road.left < 7.0
    side = pick(rng, {"left": 0.55 if near else 0.0, "right": 0.45})
    lateral = road.left - 1.3 if side == "left" else road.curb + 1.3
    walks = rng.uniform(0.9, 1.5) * _way(rng)
    end = junction.stop_line if junction else 90.0
    far = abs(lateral - ego.lateral - ego.course.x) / 0.5
    s = min(far + rng.uniform(1.0, 5.0) + 0.4 * ego.speed.travelled(scene.seconds),
            max(end - 2.0 - 1.3 * count, far))
    found = []
    for _ in range(count):
        x, z, heading = road.course.pose(s, lateral + rng.uniform(-0.3, 0.3))
        found.append(_somebody(rng, scene, side, (x, z),
                               (walks * math.sin(heading), walks * math.cos(heading))))
        s += rng.uniform(1.1, 1.7)
    return tuple(found)


def _way(rng: Rng) -> int:
    """Walking along, standing, or walking toward the camera: 1, 0 or -1."""
    return int(rng.integers(-1, 2))


def _somebody(rng: Rng, scene: Scene, role: str, at: tuple[float, float],
              walks: tuple[float, float]) -> Person:
    color = COLORS[int(rng.integers(len(COLORS)))]
    kind = pick(rng, {"adult": 0.75, "child": 0.25})
    umbrella = 0.7 if scene.weather == "rain" else 0.0
    carries = pick(rng, {"umbrella": umbrella, "bag": 0.3, "nothing": max(0.0, 0.7 - umbrella)})
    return Person(role, kind, color, carries, at[0], at[1], walks[0], walks[1])


def _crossing(rng: Rng, scene: Scene, count: int) -> tuple[Person, ...]:
    """Over the crosswalk, in front of the ego vehicle."""
    assert scene.crosswalk is not None
    way = 1 if rng.random() < 0.5 else -1
    pace = 6.6 / scene.seconds
    middle = scene.ego.lateral + rng.uniform(-0.3, 0.3)
    found = []
    for number in range(count):
        x = middle - way * (3.4 + 1.1 * number)
        z = scene.crosswalk + rng.uniform(-0.5, 0.5)
        found.append(_somebody(rng, scene, "crossing", (x, z), (way * pace, 0.0)))
    return tuple(found)


def _workers(rng: Rng, scene: Scene, count: int) -> tuple[Person, ...]:
    road = scene.road
    s = 9.0 + 0.45 * scene.ego.speed.travelled(scene.seconds)
    found = []
    for _ in range(count):
        lateral = road.curb - PARKING * road.parking + rng.uniform(0.8, 1.6)
        x, z, _ = road.course.pose(s, lateral)
        found.append(Person("right", "worker", "orange", "nothing", x, z, 0.0, 0.0))
        s += rng.uniform(1.5, 2.5)
    return tuple(found)
