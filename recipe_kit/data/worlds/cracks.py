"""Cracks: their paths, their masks, and how severe they are.

Paths are in units of the picture's shorter side, from its upper left corner.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recipe_kit.data.worlds.canvas import Mask, Plane, Rng

HAIRLINE = 0.01
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

    mask: Plane
    chips: Plane | None
    """Where its edges have broken away (0..1), if they have."""
    width: float
    """Widest visible place, as a share of the picture's shorter side."""
    area: float
    """Share of the picture that is crack."""
    partial: bool
    angle: float
    """Direction in degrees, 0 (horizontal) to 180."""

    @property
    def severity(self) -> int:
        """How severe it is: 2 to 5."""
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


def _outline(rng: Rng, spine: Points, normal: Points, widths: Points) -> Points:
    """The polygon around a spine [n, 2] of these widths [n]: both edges wander by themselves."""
    count = len(spine)
    lean = np.clip(0.5 + 0.1 * _wander(rng, count, 8, 0.8), 0.1, 0.9)
    rough = 0.06 * widths * _wander(rng, count, max(8, count // 4), 1.0)
    left = spine + normal * (widths * lean + rough)[:, None]
    right = spine - normal * (widths * (1 - lean) - rough)[:, None]
    return np.concatenate([left, right[::-1]])


def _spine(
    rng: Rng, start: Points, end: Points, rough: float, bend: float
) -> tuple[Points, Points]:
    """A jagged path from start to end, and the normals of the smooth curve beneath it."""
    along = end - start
    length = math.hypot(along[0], along[1])
    count = max(8, min(160, round(length * 60)))
    t = np.linspace(0, 1, count)[:, None]
    across = np.array([-along[1], along[0]]) / length
    bow = 4 * bend * length * t * (1 - t)
    slope = 4 * bend * (1 - 2 * t)
    normal = (across - slope * along / length) / np.sqrt(1 + slope**2)
    jag = rough * _wander(rng, count, max(3, round(length * rng.uniform(2.5, 5))), 0.6)
    return start + along * t + across * bow + normal * jag[:, None], normal


def _ends(rng: Rng, size: tuple[float, float], partial: bool) -> tuple[Points, Points, Points]:
    """Where a crack starts and ends, and how its width tapers (8 values along it)."""
    w, h = size
    taper = np.ones(8)
    angle = rng.uniform(0, 2 * math.pi)
    if rng.random() < 0.35:  # cracks often run along the walls
        angle = rng.integers(4) * math.pi / 2 + rng.normal(0, 0.12)
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
    mask, chips = Mask(shape), Mask(shape, detail=128)
    start, end, taper = _ends(rng, size, partial)
    rough = 0.004 * 10 ** rng.random()
    spine, normal = _spine(rng, start, end, rough, rng.normal() * 0.05)
    visible = np.flatnonzero(((spine > 0) & (spine < np.array(size))).all(axis=1))
    if len(visible) < 2:
        return Crack(mask.done(), None, 0.0, 0.0, partial, 0.0)
    count = len(spine)
    swell = np.clip(1 + rng.uniform(0.1, 0.5) * _wander(rng, count, 5, 0.6), 0.3, 2.0)
    swell *= np.interp(np.linspace(0, 1, count), np.linspace(0, 1, 8), taper)
    widths = width * swell / max(0.05, float(swell[visible].max()))
    mask.polygon(_outline(rng, spine, normal, widths))
    chipped = width > HAIRLINE and rng.random() < 0.4
    if chipped:
        broken = np.clip(_wander(rng, count, 9, 0.7), 0, 2) * rng.uniform(0.3, 1.0)
        shifted = spine + normal * rng.uniform(-0.5, 0.5) * width
        chips.polygon(_outline(rng, shifted, normal, widths * 1.1 + min(width, 0.03) * broken))
    for _ in range(int(rng.choice(4, p=[0.6, 0.25, 0.1, 0.05]))):
        root = int(rng.choice(visible))
        turn = math.radians(rng.uniform(20, 75)) * rng.choice([-1, 1])
        heading = math.atan2(*(end - start)[::-1]) + turn
        tip = spine[root] + rng.uniform(0.2, 0.8) * np.array([math.cos(heading), math.sin(heading)])
        twig, across = _spine(rng, spine[root], tip, rough * 0.8, rng.normal() * 0.08)
        thin = np.linspace(1, 0.1, len(twig)) * width * rng.uniform(0.25, 0.7)
        mask.polygon(_outline(rng, twig, across, thin))
    done = mask.done()
    chord = spine[visible[-1]] - spine[visible[0]]
    area = float(np.rint(done * 255).sum(dtype=np.float64)) / 255 / done.size
    angle = math.degrees(math.atan2(chord[1], chord[0])) % 180
    widest = float(widths[visible].max())
    return Crack(done, chips.done() if chipped else None, widest, area, partial, angle)


def draw_crack(
    rng: Rng, shape: tuple[int, int], *, hairline: bool, thin: bool, partial: bool
) -> Crack:
    """A crack somebody could see.

    Args:
        rng: Where its form comes from.
        shape: Height and width of the picture in pixels.
        hairline: Narrower than `HAIRLINE`.
        thin: If no hairline, narrower than `THICK`.
        partial: Fading out inside the picture, or only cutting a corner of it.
    """
    # A line narrower than half a pixel cannot be seen.
    least = min(0.0095, max(0.005, 0.6 / min(shape)))
    low, high = (least, 0.0099) if hairline else (0.0105, 0.0245) if thin else (0.0255, 0.09)
    width = low * (high / low) ** rng.random()
    for _ in range(8):
        crack = _draw_once(rng, shape, width, partial)
        if crack.area >= SMALLEST_AREA:
            return crack
    return _draw_once(rng, shape, width, False)
