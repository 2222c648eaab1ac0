"""Cracks: their paths, their masks, and how severe they are.

Paths are in units of the picture's shorter side, from its upper left corner.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recipe_kit.data.worlds.canvas import Mask, Plane, Rng

HAIRLINE = 0.008
"""Cracks narrower than this share of the shorter side are hairlines."""

THICK = 0.025
"""Cracks wider than this share of the shorter side are thick."""

SEVERITY_STEPS = (1.3, 2.05, 3.1)
"""Scores above which a crack's severity is 3, 4 and 5."""

SMALLEST_AREA = 0.0015
"""A crack covering less of the picture than this is drawn again: nobody could see it."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Crack:
    """A drawn crack: its mask (0..1), and what is true of it."""

    mask_HW: Plane
    width: float
    """Widest visible place, as a share of the picture's shorter side."""
    area: float
    """Share of the picture that is crack."""
    partial: bool
    angle: float
    """Direction in degrees, 0 (horizontal) to 180."""

    @property
    def severity(self) -> int:
        return severity(self.width, self.area)


def severity(width: float, area: float) -> int:
    """How severe a crack is: 1 (none) to 5, from its width and area.

    The score is 0.5 * width / 0.012 + 0.5 * area / 0.015, as for the masks of the `crack-severity`
    photographs; the steps are the limits between that set's quartiles.

    Args:
        width: The widest place, as a share of the picture's shorter side.
        area: The share of the picture that is crack.
    """
    if area <= 0:
        return 1
    score = 0.5 * width / 0.012 + 0.5 * area / 0.015
    return 2 + sum(score > step for step in SEVERITY_STEPS)


def _wander(rng: Rng, count: int, knots: int, fall: float) -> Points:
    """A jagged curve of `count` values and deviation about 1: broken lines of several lengths."""
    at = np.linspace(0, 1, count)
    total = np.zeros(count)
    strength = 1.0
    while knots < count:
        total += strength * np.interp(at, np.linspace(0, 1, knots), rng.normal(size=knots))
        knots, strength = knots * 2, strength * fall
    return total


def _outline(rng: Rng, spine: Points, normal: Points, width: float, taper: Points) -> Points:
    """The polygon around a spine [n, 2]: both edges wander by themselves."""
    count = len(spine)
    swell = np.clip(1 + 0.35 * _wander(rng, count, 4, 0.6), 0.35, 2.0)
    shares = [np.clip(0.5 + 0.12 * _wander(rng, count, 12, 0.9), 0.15, 0.9) for _ in range(2)]
    edges = [spine + normal * (sign * width * swell * taper * share)[:, None]
             for sign, share in zip((1, -1), shares, strict=True)]
    return np.concatenate([edges[0], edges[1][::-1]])


def _spine(rng: Rng, start: Points, end: Points, rough: float, bend: float) -> tuple[Points, Points]:
    """A jagged path from start to end, and the normals of the smooth curve beneath it."""
    along = end - start
    length = math.hypot(along[0], along[1])
    count = max(8, min(160, round(length * 70)))
    t = np.linspace(0, 1, count)[:, None]
    across = np.array([-along[1], along[0]]) / length
    bow = 4 * bend * length * t * (1 - t)
    slope = 4 * bend * (1 - 2 * t)
    normal = (across - slope * along / length) / np.sqrt(1 + slope**2)
    jag = rough * length * _wander(rng, count, max(3, round(length * 5)), 0.55)
    return start + along * t + across * bow + normal * jag[:, None], normal


def _ends(rng: Rng, size: tuple[float, float], partial: bool) -> tuple[Points, Points, Points]:
    """Where a crack starts and ends, and how its width tapers (8 values along it)."""
    w, h = size
    taper = np.ones(8)
    angle = rng.uniform(0, 2 * math.pi)
    step = np.array([math.cos(angle), math.sin(angle)])
    reach = math.hypot(w, h)
    if partial and rng.random() < 0.4:  # cuts a corner or runs close to a side
        corner = np.array([rng.choice([0.0, w]), rng.choice([0.0, h])])
        inward = np.array([w / 2, h / 2]) - corner
        middle = corner + inward * rng.uniform(0.25, 0.5)
        lean = rng.uniform(-0.5, 0.5)
        step = np.array([-inward[1], inward[0]]) + lean * inward
        step /= math.hypot(step[0], step[1])
        return middle - step * reach, middle + step * reach, taper
    middle = np.array([w * rng.uniform(0.2, 0.8), h * rng.uniform(0.2, 0.8)])
    if partial:  # fades out inside
        taper = np.array([0.0, 0.25, 0.5, 0.75, 0.9, 1, 1, 1])
        return middle - step * rng.uniform(0.0, 0.15), middle + step * reach, taper
    return middle - step * reach, middle + step * reach, taper


def _draw_once(rng: Rng, shape: tuple[int, int], width: float, partial: bool) -> Crack:
    side = min(shape)
    size = (shape[1] / side, shape[0] / side)
    mask = Mask(shape)
    start, end, taper8 = _ends(rng, size, partial)
    rough, bend = rng.uniform(0.008, 0.035), rng.normal() * 0.06
    spine, normal = _spine(rng, start, end, rough, bend)
    taper = np.interp(np.linspace(0, 1, len(spine)), np.linspace(0, 1, 8), taper8)
    outline = _outline(rng, spine, normal, width, taper)
    mask.polygon(outline)
    inside = ((spine > 0) & (spine < np.array(size))).all(axis=1)
    visible = np.flatnonzero(inside)
    if len(visible) < 2:
        return Crack(mask.done(), 0.0, 0.0, partial, 0.0)
    count = len(spine)
    widths = np.hypot(*(outline[:count] - outline[count:][::-1]).T)
    for _ in range(int(rng.choice(4, p=[0.55, 0.27, 0.12, 0.06]))):
        root = int(rng.choice(visible))
        turn = math.radians(rng.uniform(20, 75)) * rng.choice([-1, 1])
        heading = math.atan2(*(end - start)[::-1]) + turn
        tip = spine[root] + rng.uniform(0.2, 0.8) * np.array([math.cos(heading), math.sin(heading)])
        twig, across = _spine(rng, spine[root], tip, rough * 1.2, rng.normal() * 0.08)
        thin = np.linspace(1, 0.1, len(twig))
        mask.polygon(_outline(rng, twig, across, width * rng.uniform(0.3, 0.7), thin))
    done = mask.done()
    chord = spine[visible[-1]] - spine[visible[0]]
    area = float(np.rint(done * 255).sum(dtype=np.float64)) / 255 / done.size
    angle = math.degrees(math.atan2(chord[1], chord[0])) % 180
    return Crack(done, float(widths[visible].max()), area, partial, angle)


def draw_crack(rng: Rng, shape: tuple[int, int], *, hairline: bool, partial: bool) -> Crack:
    """A crack somebody could see.

    Args:
        rng: Where its form comes from.
        shape: Height and width of the picture in pixels.
        hairline: Narrower than `HAIRLINE`.
        partial: Fading out inside the picture, or only cutting a corner of it.
    """
    low, high = (0.0035, 0.0055) if hairline else (0.009, 0.075)
    width = low * (high / low) ** rng.random()
    for _ in range(8):
        crack = _draw_once(rng, shape, width, partial)
        if crack.area >= SMALLEST_AREA:
            return crack
    return _draw_once(rng, shape, max(width, 0.01), False)
