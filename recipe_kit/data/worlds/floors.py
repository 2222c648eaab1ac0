"""The `floors` world: floors with and without cracks, seen from close above.

| label | values |
| --- | --- |
| `cracked` | `cracked`, `not cracked` |
| `severity` | 1 (no crack) to 5, from the drawn crack's width and area: `cracks.severity` |
| `safe` | may a robot drive over it: `No` from severity 3 on, else `Yes` |
| `category` | `hazard`: a clear crack; `safe`: clean; `ambiguous`: a hairline, a crack of which \
  little can be seen, or clean with something that looks like a crack |
| `crack_width` | `none`, `hairline` (under 1% of the shorter side), `thin` (under 2.5%), `thick` |
| `crack_quadrant` | `none`, `center`, `upper left`, ...: where the middle of the crack lies |
| `crack_orientation` | `none`, `horizontal`, `vertical`, `diagonal` |
| `surface` | `concrete`, `screed`, `render`, `painted`, `asphalt`, `tile` |
| `joints`, `stain`, `shadow`, `debris` | is there any |
"""

import math

import numpy as np

from recipe_kit.data.worlds import cracks, marks
from recipe_kit.data.worlds.canvas import (
    Plane,
    Rng,
    blend,
    develop,
    expose,
    light,
    noise,
    soften,
    stream,
    tint,
)
from recipe_kit.data.worlds.drawing import Drawing, Value
from recipe_kit.data.worlds.surfaces import SHARES, SURFACES, paint_surface
from recipe_kit.spec.worlds import FloorsKnobs

UNSAFE = 3
"""From this severity on a robot should not drive over the floor."""

VERY_PARTIAL = 0.006
"""A partial crack that covers less of the picture than this is ambiguous."""


def draw_floor(*, seed: int, index: int, shape: tuple[int, int], knobs: FloorsKnobs) -> Drawing:
    """One floor and its labels.

    Each part has its own random stream, so that turning one knob leaves the others' parts alone.
    """
    dice = stream("floors", seed, index, 0)
    # Knobs meet their dice in the order of the fields: a new knob goes to the end of the list.
    roll = dict(zip(FloorsKnobs.model_fields, dice.random(32).tolist(), strict=False))
    has = {name: roll[name] < getattr(knobs, name) for name in FloorsKnobs.model_fields}
    surface = str(dice.choice(SURFACES, p=SHARES))
    if has["joints"] and dice.random() < 0.5:
        surface = "tile"

    def part(number: int) -> Rng:
        return stream("floors", seed, index, number)

    picture = paint_surface(part(1), shape, surface, textured=has["texture"])
    alike = [
        has["joints"] and marks.joints(part(2), picture, surface),
        has["stain"] and marks.stains(part(3), picture),
    ]
    crack = None
    if has["cracked"]:
        rng = part(4)
        crack = cracks.draw_crack(
            rng, shape, hairline=has["hairline"], thin=has["thin"], partial=has["partial"]
        )
        paint_crack(rng, picture, crack)
    alike.append(has["debris"] and marks.debris(part(5), picture))
    alike.append(has["shadow"] and marks.shadows(part(6), picture))
    if has["lighting"]:
        light(part(7), picture)
    expose(picture, 70, 222)
    image = develop(part(8), picture, noisy=has["noise"], blurred=has["blur"])
    shown = {name: has[name] for name in ("joints", "stain", "shadow", "debris")}
    return Drawing(image, {**labels(crack, lookalike=any(alike)), "surface": surface, **shown})


def paint_crack(rng: Rng, picture: Plane, crack: cracks.Crack) -> None:
    """Darken the floor where the crack is: depth, dirt around it, and broken edges."""
    mask = crack.mask
    shape = (mask.shape[0], mask.shape[1])
    fine = crack.width < cracks.HAIRLINE
    wide = min(0.02, 0.25 * crack.width + 0.002)
    floor = float(np.median(picture[1, ::8, ::8]))
    if rng.random() < 0.5:  # dirt or moisture around it
        dirt = rng.uniform(0.7, 0.95)
        halo = np.clip(soften(mask, rng.uniform(1, 4) * wide) * np.float32(1.6), 0, 1)
        tint(picture, halo, (dirt, dirt * 0.99, dirt * 0.96))
    if crack.chips is not None:  # the broken edge: rough, lighter or darker than the floor
        share = rng.uniform(0.55, 1.35)
        rough = np.clip(np.float32(0.8) + np.float32(0.25) * noise(rng, shape, 40), 0, 1.3)
        tint(picture, crack.chips * rough, (share * 1.02, share, share * 0.96))
    if not fine and rng.random() < 0.6:  # light rim on the side that faces the light
        down, across = rng.integers(-1, 2, 2).tolist()
        step = max(1, round(0.5 * wide * min(shape)))
        rim = np.roll(soften(mask, 0.4 * wide), (down * step, across * step), (0, 1)) - mask
        rim *= np.clip(np.float32(0.5) + noise(rng, shape, 14), 0, 1.5)
        glow = rng.uniform(1.1, 1.6)
        tint(picture, np.clip(rim, 0, 1), (glow, glow, glow * 0.98))
    depth = rng.uniform(0.5, 0.85) if fine else 0.98 - 0.4 * rng.random() ** 2
    level = floor * (0.05 + 0.4 * rng.random() ** 2)
    warm = rng.uniform(-0.06, 0.2) * level
    inner = mask * np.float32(depth)
    if not fine:  # the walls catch some light, and rubble lies within
        inner *= np.float32(0.8) + np.float32(0.2) * soften(mask, 0.3 * crack.width)
        rubble = np.float32(rng.uniform(0, 0.12)) * noise(rng, shape, 45)
        inner *= np.clip(np.float32(1) - np.abs(rubble), 0.5, 1)
    if crack.width < 0.03 and rng.random() < 0.3:  # closed in places
        inner *= np.clip(np.float32(0.85) + np.float32(0.4) * noise(rng, shape, 7), 0.3, 1)
    blend(picture, inner, (level + warm, level, level - warm * 0.7))


def labels(crack: cracks.Crack | None, *, lookalike: bool) -> dict[str, Value]:
    """What is true of a floor with this crack (or none)."""
    if crack is None:
        return {
            "cracked": "not cracked", "safe": "Yes", "severity": 1,
            "category": "ambiguous" if lookalike else "safe",
            "crack_quadrant": "none", "crack_width": "none", "crack_orientation": "none",
        }
    faint = crack.width < cracks.HAIRLINE or (crack.partial and crack.area < VERY_PARTIAL)
    return {
        "cracked": "cracked",
        "safe": "No" if crack.severity >= UNSAFE else "Yes",
        "severity": crack.severity,
        "category": "ambiguous" if faint else "hazard",
        "crack_quadrant": quadrant(crack.mask),
        "crack_width": _width_name(crack.width),
        "crack_orientation": _orientation(crack.angle),
    }


def quadrant(mask: Plane) -> str:
    """Where the middle of the crack lies: "upper left", ..., or "center"."""
    weights = np.rint(mask * 255).astype(np.int64)
    total = int(weights.sum())
    height, width = weights.shape
    x = float(weights.sum(axis=0) @ np.arange(width)) / total / width
    y = float(weights.sum(axis=1) @ np.arange(height)) / total / height
    if math.hypot(x - 0.5, y - 0.5) < 0.08:
        return "center"
    return f"{'upper' if y < 0.5 else 'lower'} {'left' if x < 0.5 else 'right'}"


def _width_name(width: float) -> str:
    if width < cracks.HAIRLINE:
        return "hairline"
    return "thin" if width < cracks.THICK else "thick"


def _orientation(angle: float) -> str:
    if angle < 25 or angle > 155:
        return "horizontal"
    return "vertical" if 65 < angle < 115 else "diagonal"
