"""What the ego vehicle does in a clip, and the road that is made for it."""

import math
from dataclasses import dataclass, replace

from recipe_kit.data.worlds.canvas import Rng
from recipe_kit.data.worlds.driving.dice import moment, pick
from recipe_kit.data.worlds.driving.motion import Course, Speed
from recipe_kit.data.worlds.driving.scene import LANE, Ego, Junction, Road

HALT = 4.5
"""From the camera to the stop line, where a vehicle stands."""

RIGHT_RADIUS, LEFT_RADIUS = 6.0, 8.5
"""Of the turns at junctions."""


@dataclass(frozen=True)
class Setting:
    """What is decided before the situation."""

    seconds: float
    where: str
    speed: float
    """The usual speed here, m/s."""
    has: dict[str, bool]
    """Which knobs' dice came up."""


@dataclass(frozen=True)
class Situation:
    """What the clip is about."""

    road: Road
    ego: Ego
    junction: Junction | None = None
    crosswalk: float | None = None
    lead: str = "maybe"
    """May a vehicle drive ahead: never, car (nothing that hides the lights), maybe, always."""


def _lane(rng: Rng, road: Road) -> float:
    return (int(rng.integers(road.ahead)) + 0.5) * LANE


def _steady(speed: float) -> Speed:
    return Speed(((0.0, speed),))


def _shift(begins: float, ends: float, first: float, last: float) -> Speed:
    return Speed(((0.0, first), (begins, first), (ends, last)))


def cruise(rng: Rng, setting: Setting, road: Road, begins: float) -> Situation:
    """Straight on; from `begins` on it accelerates, if that is not negative."""
    v = setting.speed
    speed = _steady(v)
    if begins >= 0:
        speed = _shift(begins, begins + 0.36 * setting.seconds, 0.5 * v, 1.2 * v)
    ego = Ego(road.course, _lane(rng, road), speed, "straight", "none", begins)
    return Situation(road, ego)


def bend(rng: Rng, setting: Setting, road: Road) -> Situation:
    """Along a road that bends."""
    side = pick(rng, {"left": 1, "right": 1})
    fast = setting.where == "highway"
    radius = rng.uniform(90, 120) if fast else rng.uniform(32, 48)
    straight = setting.speed * moment(rng, setting.seconds, latest=0.6)
    pieces = ((straight, 0.0), (radius, (1 if side == "right" else -1) / radius))
    road = replace(road, course=Course(pieces=pieces), bend=side)
    speed, v = _steady(setting.speed), setting.speed
    if setting.has["brake"] and not setting.has["lead"]:  # into the bend
        ends = straight / v + 0.2
        speed = _shift(max(0.05, ends - 0.3 * setting.seconds), ends, v * 1.25, v * 0.75)
    begins = next(t / 50 for t in range(50 * 60) if speed.travelled(t / 50) >= straight)
    ego = Ego(road.course, _lane(rng, road), speed, f"{side} bend", "none", begins)
    return Situation(road, ego, lead="maybe" if len(speed.knots) == 1 else "never")


def lane_change(rng: Rng, setting: Setting, road: Road) -> Situation:
    """Into the next lane to the left or to the right."""
    side = pick(rng, {"left": 1, "right": 1})
    lane = int(rng.integers(road.ahead - 1)) + (side == "left")
    begins = moment(rng, setting.seconds, latest=0.58)
    drift = (begins, begins + 0.42 * setting.seconds, LANE if side == "right" else -LANE)
    v = setting.speed
    speed = _shift(begins, begins + 1.2, 0.85 * v, 1.2 * v) if rng.random() < 0.3 else _steady(v)
    ego = Ego(road.course, (lane + 0.5) * LANE, speed, f"{side} lane change", "none", begins, drift)
    return Situation(road, ego)


def braking(rng: Rng, setting: Setting, road: Road) -> Situation:
    """Slows down or stops for a pedestrian on a crosswalk, or for the vehicle ahead."""
    on_foot = setting.where in ("city", "suburb") and rng.random() < 0.62
    stops = rng.random() < 0.6
    begins = moment(rng, setting.seconds, latest=0.6)
    v = setting.speed * (0.7 if setting.where == "highway" and stops else 1.0)
    speed = _shift(begins, begins + 0.34 * setting.seconds, v, 0.0 if stops else 0.35 * v)
    ego = Ego(road.course, _lane(rng, road), speed, "stop" if stops else "straight",
              "pedestrian" if on_foot else "vehicle ahead", begins)
    if not on_foot:
        return Situation(road, ego, lead="always")
    crosswalk = speed.travelled(setting.seconds) + (6.0 if stops else 9.0)
    return Situation(road, ego, crosswalk=crosswalk, lead="never")


def at_junction(rng: Rng, setting: Setting, road: Road) -> Situation:
    """Stops, waits, moves off, drives on or turns where another road meets."""
    lights = rng.random() < {"city": 0.75, "suburb": 0.3}.get(setting.where, 0.0)
    kind = "T junction" if setting.has["t_junction"] and not lights else "crossroads"
    control = "traffic lights" if lights else "stop sign"
    if not lights:  # a narrow road, so that the stop sign at its edge is in view
        road = replace(road, ahead=1, oncoming=min(1, road.oncoming))
    if kind == "T junction":  # lamps beyond the junction show on which side they stand
        road = replace(road, lamps="none")
    if setting.has["turn"]:
        # Who stands at the line sees nothing of a road that ends there: it rolls up to the turn.
        return _turning(rng, setting, road, kind, "none" if kind == "T junction" else control)
    ends = pick(rng, {"stop": 4, "wait": 2, "move off": 2.5, "go": 2} if lights
                else {"stop": 1} if kind == "T junction" else {"stop": 3, "move off": 2})
    if ends == "go":
        return _through(rng, setting, road)
    return _halting(rng, setting, road, kind, control, ends)


def _through(rng: Rng, setting: Setting, road: Road) -> Situation:
    junction = Junction("crossroads", rng.uniform(17, 26) + 9, "traffic lights", ((0.0, "green"),))
    ego = Ego(road.course, _lane(rng, road), _steady(setting.speed), "straight", "none", -1.0)
    return Situation(road, ego, junction, junction.stop_line + 2.5, lead="car")


def _halting(rng: Rng, setting: Setting, road: Road, kind: str, control: str,
             ends: str) -> Situation:
    """It stops, waits all the time, or moves off straight ahead."""
    seconds, v = setting.seconds, setting.speed
    lights = control == "traffic lights"
    begins = moment(rng, seconds, latest=0.6)
    light: tuple[tuple[float, str], ...] = ((0.0, "red"),) if lights else ()
    if ends == "stop":
        speed = _shift(begins, begins + 0.34 * seconds, v, 0.0)
    elif ends == "wait":
        speed, begins = _steady(0.0), -1.0
    else:
        speed = _shift(begins, begins + 0.4 * seconds, 0.0, 0.8 * v)
        light = ((0.0, "red"), (max(0.2, begins - 0.4), "green")) if lights else ()
    halt = 0.0 if ends == "move off" else speed.travelled(seconds)
    lead = "car" if lights and setting.has["lead"] else "never"
    room = 7.5 if lead == "car" else 0.0
    junction = Junction(kind, halt + HALT + room + LANE + 5.0, control, light)
    reason = "red light" if lights else "stop sign"
    ego = Ego(road.course, _lane(rng, road), speed, ends, reason, begins)
    crosswalk = junction.stop_line + 2.5 if lights else None
    return Situation(road, ego, junction, crosswalk, lead=lead)


def _turning(rng: Rng, setting: Setting, road: Road, kind: str, control: str) -> Situation:
    """It turns: rolling into it, or after standing at the stop line."""
    seconds = setting.seconds
    side = pick(rng, {"left": 1, "right": 1})
    radius = RIGHT_RADIUS if side == "right" else LEFT_RADIUS
    lights = control == "traffic lights"
    stands = control == "stop sign" or (lights and rng.random() < 0.35)
    # From the junction's middle back to where the arc begins.
    back = radius + (LANE / 2 if side == "right" else -LANE / 2)
    light: tuple[tuple[float, str], ...] = ((0.0, "green"),) if lights else ()
    if stands:
        off = rng.uniform(0.06, 0.2) * seconds
        speed = _shift(off, off + 0.35 * seconds, 0.0, 6.7)
        light = ((0.0, "red"), (max(0.2, off - 0.3), "green")) if lights else ()
        z = HALT + LANE + 5.0
        straight = z - back
    else:
        speed = _shift(0.1, 0.3 * seconds, 7.0, 5.3)
        straight = speed.travelled(max(0.15 * seconds, moment(rng, seconds, latest=0.52)))
        z = straight + back
    lateral = LANE / 2 if side == "left" else road.right - LANE / 2
    curvature = (1 if side == "right" else -1) / radius
    # The course is the ego vehicle's own line: it has the lane's place in it.
    course = Course(x=lateral, pieces=((straight, 0.0), (radius * math.pi / 2, curvature)))
    begins = next(t / 50 for t in range(50 * 60) if speed.travelled(t / 50) >= straight)
    reason = "turn" if not stands else "red light" if lights else "stop sign"
    ego = Ego(course, 0.0, speed, f"{side} turn", reason, begins)
    junction = Junction(kind, z, control, light)
    crosswalk = junction.stop_line + 2.5 if lights else None
    return Situation(road, ego, junction, crosswalk, lead="never")
