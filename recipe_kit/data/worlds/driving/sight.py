"""Who can be seen: what nobody could see is not part of a plan, nor of its labels."""

import math
from dataclasses import dataclass, replace

from recipe_kit.data.worlds.driving.motion import Pose
from recipe_kit.data.worlds.driving.scene import SIZES, Scene, Vehicle
from recipe_kit.data.worlds.driving.view import to_camera

HALF_VIEW = math.radians(27)
"""Half the camera's angle of view, less a margin."""

SAMPLES = 13
"""Moments of the clip that are looked at."""

SEEN = 2
"""In how many of them a thing must be seen."""

REACH = {"car": 60.0, "truck": 70.0, "bus": 70.0, "bicycle": 30.0, "person": 25.0, "sign": 32.0,
         "cone": 20.0}  # fmt: skip
"""Up to which distance a thing is large enough, in meters."""

FOG_REACH = 0.62
"""Share of the distance that is left in fog."""

NIGHT_REACH = 0.7
"""Share of the distance to people and cones, which have no lights, that is left at night."""


@dataclass(frozen=True)
class _Span:
    """What a vehicle hides: directions from the camera, behind a distance."""

    low: float
    high: float
    distance: float
    tall: bool


def moments(seconds: float) -> tuple[float, ...]:
    """The times that are looked at."""
    return tuple(seconds * step / (SAMPLES - 1) for step in range(SAMPLES))


def _span(camera: Pose, vehicle: Vehicle, t: float) -> _Span | None:
    x, z, heading = vehicle.pose(t)
    width, height, length = SIZES[vehicle.kind]
    sin, cos = math.sin(heading), math.cos(heading)
    angles = []
    for aside, along in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        right, ahead = to_camera(
            camera,
            x + aside * width / 2 * cos + along * length / 2 * sin,
            z - aside * width / 2 * sin + along * length / 2 * cos,
        )
        if ahead < 0.5:
            return None
        angles.append(math.atan2(right, ahead))
    right, ahead = to_camera(camera, x, z)
    return _Span(min(angles), max(angles), math.hypot(right, ahead), height > 2.0)


def _sees(camera: Pose, spans: list[_Span], x: float, z: float, *, reach: float, tall: bool,
          half: float = 0.0) -> bool:
    """Is a thing in view, near enough, and not behind a vehicle.

    Args:
        camera: Where the camera is and looks.
        spans: What the vehicles hide.
        x: Where the thing is.
        z: Where the thing is.
        reach: How far it can be seen.
        tall: Does it stand out above cars.
        half: Half its width; more than half of the width must be free.
    """
    right, ahead = to_camera(camera, x, z)
    distance = math.hypot(right, ahead)
    angle = math.atan2(right, ahead)
    if ahead < 2.0 or abs(angle) > HALF_VIEW or distance > reach:
        return False
    aside = math.atan2(half * 0.6, distance)
    return not any(
        span.distance < distance - 0.1
        and (span.tall or not tall)
        and span.low < angle + aside
        and span.high > angle - aside
        for span in spans
    )


def without_unseen(scene: Scene) -> Scene:
    """The scene without vehicles, people, signs and cones that are not seen long enough."""
    share = FOG_REACH if scene.weather == "fog" else 1.0
    dim = NIGHT_REACH if scene.time == "night" else 1.0
    vehicles = dict.fromkeys(scene.vehicles, 0)
    people, signs = dict.fromkeys(scene.people, 0), dict.fromkeys(scene.signs, 0)
    cones = dict.fromkeys(scene.cones, 0)
    for t in moments(scene.seconds):
        camera = scene.ego.pose(t)
        spans = {one: _span(camera, one, t) for one in scene.vehicles}
        hidden = [span for one, span in spans.items() if span and one.kind != "bicycle"]
        for one in vehicles:
            x, z, _ = one.pose(t)
            others = [span for other, span in spans.items()
                      if span and other is not one and other.kind != "bicycle"]
            width, height, _ = SIZES[one.kind]
            vehicles[one] += _sees(camera, others, x, z, reach=share * REACH[one.kind],
                                   tall=height > 2.0, half=width / 2)
        for person in people:
            reach = share * dim * REACH["person"]
            people[person] += _sees(camera, hidden, *person.at(t), reach=reach, tall=False,
                                    half=0.3)
        for sign in signs:
            signs[sign] += _sees(camera, hidden, sign.x, sign.z, reach=share * REACH["sign"],
                                 tall=True, half=0.4)
        for cone in cones:
            cones[cone] += _sees(camera, hidden, *cone, reach=share * dim * REACH["cone"],
                                 tall=False)
    return replace(
        scene,
        vehicles=tuple(one for one, count in vehicles.items() if count >= SEEN),
        people=tuple(one for one, count in people.items() if count >= SEEN),
        signs=tuple(one for one, count in signs.items() if count >= SEEN),
        cones=scene.cones if sum(count >= SEEN for count in cones.values()) >= 2 else (),
    )


def nearest_vehicle(scene: Scene) -> str:
    """Where the nearest vehicle is at the start: none, ahead, left, right."""
    camera = scene.ego.pose(0.0)
    spans = {one: _span(camera, one, 0.0) for one in scene.vehicles}
    found: list[tuple[float, str]] = []
    for one in scene.vehicles:
        if one.kind == "bicycle":
            continue
        x, z, _ = one.pose(0.0)
        others = [span for other, span in spans.items() if span and other is not one]
        if not _sees(camera, others, x, z, reach=REACH[one.kind], tall=SIZES[one.kind][1] > 2):
            continue
        right, ahead = to_camera(camera, x, z)
        side = "ahead" if one.role == "lead" else "left" if right < 0 else "right"
        found.append((math.hypot(right, ahead), side))
    return min(found)[1] if found else "none"
