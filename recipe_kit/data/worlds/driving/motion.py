"""How things move: speeds over time, and lines on the ground.

Meters and seconds; x to the right, z ahead at the start. A heading is in radians from z, growing
to the right.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

Pose = tuple[float, float, float]
"""x, z, heading."""


@dataclass(frozen=True)
class Speed:
    """A speed over time: straight lines between knots, even before the first and after the last."""

    knots: tuple[tuple[float, float], ...]
    """(second, m/s), in order of time."""

    def at(self, t: float) -> float:
        """The speed at a time, in m/s."""
        before = self.knots[0]
        for knot in self.knots:
            if t <= knot[0]:
                span = knot[0] - before[0]
                share = (t - before[0]) / span if span > 0 else 1.0
                return before[1] + share * (knot[1] - before[1])
            before = knot
        return before[1]

    def travelled(self, t: float) -> float:
        """The distance covered from second 0 to t, in meters; exact."""
        times = [0.0, *(knot[0] for knot in self.knots if 0 < knot[0] < t), t]
        return sum((b - a) * (self.at(a) + self.at(b)) / 2
                   for a, b in pairwise(times))

    def change(self, t: float) -> float:
        """The acceleration just after a time, in m/s²."""
        return (self.at(t + 0.02) - self.at(t)) / 0.02

    @property
    def last(self) -> float:
        """The speed in the end."""
        return self.knots[-1][1]


@dataclass(frozen=True)
class Course:
    """A line on the ground: straight pieces and arcs, from a pose; endless and straight after."""

    x: float = 0.0
    z: float = 0.0
    heading: float = 0.0
    pieces: tuple[tuple[float, float], ...] = ()
    """(length in meters, curvature in 1/m; > 0 bends to the right)."""

    @cached_property
    def _starts(self) -> tuple[tuple[float, Pose, float], ...]:
        at, pose = 0.0, (self.x, self.z, self.heading)
        starts = []
        for length, curvature in self.pieces:
            starts.append((at, pose, curvature))
            at, pose = at + length, _along(pose, length, curvature)
        return (*starts, (at, pose, 0.0))

    def pose(self, s: float, lateral: float = 0.0) -> Pose:
        """Where one is after s meters, `lateral` meters to the right of the line."""
        at, start, curvature = self._starts[0]
        if s < 0:
            curvature = 0.0
        for one in self._starts[1:]:
            if s < one[0]:
                break
            at, start, curvature = one
        x, z, heading = _along(start, s - at, curvature)
        return x + lateral * math.cos(heading), z - lateral * math.sin(heading), heading


def _along(pose: Pose, length: float, curvature: float) -> Pose:
    x, z, heading = pose
    if abs(curvature) < 1e-9:
        return x + length * math.sin(heading), z + length * math.cos(heading), heading
    after = heading + length * curvature
    return (x + (math.cos(heading) - math.cos(after)) / curvature,
            z + (math.sin(after) - math.sin(heading)) / curvature, after)
