"""The plan of a clip: everything that is true of it, and no pixel.

Meters and seconds; x to the right, z ahead at the start, y up. A heading is in radians from z,
growing to the right. Traffic keeps to the right.
"""

import math
from dataclasses import dataclass

from recipe_kit.data.worlds.driving.motion import Course, Pose, Speed

LANE = 3.4
"""Width of a lane."""

PARKING = 2.5
"""Width of the strip for parked vehicles."""

WALK = 2.4
"""Width of a sidewalk."""

COLORS = ("white", "black", "red", "blue", "yellow", "green")

SIZES = {
    "car": (1.9, 1.5, 4.3),
    "truck": (2.4, 3.2, 7.5),
    "bus": (2.5, 3.1, 10.0),
    "bicycle": (0.6, 1.75, 1.7),
}
"""Width, height and length of every kind of vehicle."""

YAW = 0.6
"""Share of a lane change's angle that the camera turns by; the rest is the vehicle's lean."""


@dataclass(frozen=True)
class Road:
    """The road that the clip begins on."""

    course: Course
    """The line between the two directions; on one-way roads the left edge."""
    ahead: int
    """Lanes in the ego vehicle's direction."""
    oncoming: int
    """Lanes in the other direction."""
    parking: bool
    """Is there a strip for parked vehicles on the right."""
    walks: bool
    """Are there sidewalks."""
    lamps: str
    """Street lamps: none, left, right, both sides."""
    bend: str
    """none, left, right."""
    line: str
    """Between the directions: solid, dashed, or none on one-way roads."""

    @property
    def left(self) -> float:
        """The left edge, to the right of `course`."""
        return -self.oncoming * LANE

    @property
    def right(self) -> float:
        """The right edge of the lanes, without the parking strip."""
        return self.ahead * LANE

    @property
    def curb(self) -> float:
        """Where the road ends on the right."""
        return self.right + PARKING * self.parking


@dataclass(frozen=True)
class Junction:
    """Where another road of two lanes meets; the first road is straight up to here."""

    kind: str
    """crossroads, T junction."""
    z: float
    """Of the other road's middle."""
    control: str
    """none, traffic lights, stop sign."""
    light: tuple[tuple[float, str], ...] = ()
    """(second, red or green): the light from then on; empty without traffic lights."""

    def light_at(self, t: float) -> str:
        """What the traffic light shows at a time."""
        return [color for since, color in self.light if since <= t][-1]

    @property
    def stop_line(self) -> float:
        """Z of the stop line."""
        return self.z - LANE - 5.0

    @property
    def lines_end(self) -> float:
        """The z up to which the first road has lines."""
        return self.z - LANE - 1.0 if self.control == "none" else self.stop_line


@dataclass(frozen=True)
class Ego:
    """The vehicle with the camera."""

    course: Course
    lateral: float
    """To the right of its course; the lane at the start."""
    speed: Speed
    maneuver: str
    """straight, left turn, right turn, left bend, right bend, left lane change, right lane change,
    stop, wait, move off."""
    reason: str
    """Why it slows down, stops or stands: none, red light, stop sign, pedestrian, vehicle ahead,
    turn."""
    begins: float
    """When what the maneuver names begins, or the change of speed; -1 when nothing changes."""
    drift: tuple[float, float, float] = (0.0, 1.0, 0.0)
    """A lane change: from second, to second, meters to the right."""

    def pose(self, t: float) -> Pose:
        """Where the camera is at a time, and where it looks."""
        since, until, far = self.drift
        u = min(1.0, max(0.0, (t - since) / (until - since)))
        x, z, heading = self.course.pose(
            self.speed.travelled(t), self.lateral + far * u * u * (3 - 2 * u))
        aside = far * 6 * u * (1 - u) / (until - since)
        return x, z, heading + YAW * math.atan2(aside, max(self.speed.at(t), 3.0))


@dataclass(frozen=True)
class Vehicle:
    """A vehicle on a course, or a cyclist."""

    role: str
    """lead, neighbor, oncoming, crossing, parked, cyclist."""
    kind: str
    """A key of `SIZES`."""
    color: str
    course: Course
    start: float
    """Meters along its course at second 0."""
    lateral: float
    speed: Speed
    backward: bool = False
    """It drives against the direction of its course."""
    emergency: bool = False

    def pose(self, t: float) -> Pose:
        """Where its middle is at a time, and where it faces."""
        sign = -1 if self.backward else 1
        x, z, heading = self.course.pose(
            self.start + sign * self.speed.travelled(t), self.lateral)
        return x, z, heading + math.pi * self.backward

    def brakes(self, t: float) -> bool:
        """Are its brake lights on."""
        return self.role != "parked" and (self.speed.at(t) < 0.2 or self.speed.change(t) < -0.5)


@dataclass(frozen=True)
class Person:
    """Somebody on foot, walking evenly or standing."""

    role: str
    """left, right (of the road, beside it), crossing."""
    kind: str
    """adult, child, worker."""
    color: str
    """Of the clothes."""
    carries: str
    """nothing, umbrella, bag."""
    x: float
    z: float
    vx: float
    vz: float

    def at(self, t: float) -> tuple[float, float]:
        """X and z at a time."""
        return self.x + self.vx * t, self.z + self.vz * t


@dataclass(frozen=True)
class Sign:
    """A sign on a pole, facing the traffic."""

    kind: str
    """stop, speed limit, warning, direction."""
    x: float
    z: float
    heading: float = 0.0


@dataclass(frozen=True)
class Look:
    """What is decided about the picture itself."""

    seed: tuple[int, int]
    """Of the scenery, the rain and the noise."""
    textured: bool
    lit: bool
    noisy: bool
    blurred: bool


@dataclass(frozen=True)
class Scene:
    """The plan of one clip."""

    seconds: float
    surroundings: str
    """city, suburb, highway, countryside."""
    time: str
    """day, dusk, night."""
    weather: str
    """clear, rain, fog, snow."""
    road: Road
    junction: Junction | None
    crosswalk: float | None
    """z of the middle of a crosswalk."""
    ego: Ego
    vehicles: tuple[Vehicle, ...]
    people: tuple[Person, ...]
    signs: tuple[Sign, ...]
    cones: tuple[tuple[float, float], ...]
    """x and z of every orange cone."""
    look: Look

    def of(self, role: str) -> tuple[Vehicle, ...]:
        """The vehicles in a role."""
        return tuple(one for one in self.vehicles if one.role == role)
