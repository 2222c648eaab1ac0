"""The `primer` world: simple colored shapes, for a model's first lessons in seeing."""

import math

import numpy as np
from numpy.typing import NDArray

from recipe_kit.data.worlds.canvas import (
    Mask,
    Plane,
    Rng,
    blend,
    develop,
    light,
    noise,
    octaves,
    soften,
    stream,
    tint,
)
from recipe_kit.data.worlds.drawing import Drawing, Value
from recipe_kit.spec.worlds import PrimerKnobs

COLORS: dict[str, tuple[float, float, float]] = {
    "red": (205, 35, 35), "green": (40, 150, 50), "blue": (40, 70, 210),
    "yellow": (240, 215, 40), "orange": (240, 130, 25), "purple": (130, 45, 165),
    "white": (248, 248, 248), "black": (18, 18, 18),
}
"""Colors of objects, by name."""

SHAPES = ("circle", "square", "triangle", "star", "ring", "bar", "cross", "heart", "house")
"""Shapes of objects."""


def _outline(shape: str) -> NDArray[np.float64]:
    """The polygon of a shape, within -1..1."""
    if shape == "square":
        return np.array([[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]])
    if shape == "triangle":
        return np.array([[0, -1], [0.95, 0.8], [-0.95, 0.8]])
    if shape == "bar":
        return np.array([[-1, -0.28], [1, -0.28], [1, 0.28], [-1, 0.28]])
    if shape == "house":
        return np.array([[0, -1], [0.95, -0.1], [0.7, -0.1], [0.7, 0.9], [-0.7, 0.9],
                         [-0.7, -0.1], [-0.95, -0.1]])
    if shape == "cross":
        a = 0.3
        return np.array([[-a, -1], [a, -1], [a, -a], [1, -a], [1, a], [a, a], [a, 1], [-a, 1],
                         [-a, a], [-1, a], [-1, -a], [-a, -a]])
    if shape == "star":
        turn = np.arange(10) * math.pi / 5 - math.pi / 2
        reach = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
        return np.stack([np.cos(turn) * reach, np.sin(turn) * reach], axis=1)
    if shape == "heart":
        t = np.linspace(0, 2 * math.pi, 40)
        x = np.sin(t) ** 3
        y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 17
        return np.stack([x, y], axis=1)
    t = np.linspace(0, 2 * math.pi, 40)
    return np.stack([np.cos(t), np.sin(t)], axis=1)


OUTLINES = {shape: _outline(shape) for shape in SHAPES}


def _background(rng: Rng, shape: tuple[int, int], *, textured: bool) -> Plane:
    level, warmth = rng.uniform(85, 170), rng.normal(0, 12)
    picture = np.empty((3, *shape), np.float32)
    color = np.array([level + warmth, level, level - warmth], np.float32)
    picture[:] = color[:, None, None]
    if textured:
        stretch = float(rng.choice([1.0, 1.0, 4.0, 0.25]))
        tone = octaves(rng, shape, rng.uniform(2, 10), 3, 0.7) * np.float32(rng.uniform(2, 12))
        tone += noise(rng, shape, rng.uniform(20, 60), stretch=stretch) * np.float32(
            rng.uniform(1, 8))
        picture += tone
    return picture


def _places(rng: Rng, count: int, size: tuple[float, float]) -> list[tuple[float, float, float]]:
    """Centers and radii of up to `count` objects that do not touch, in shorter sides."""
    placed: list[tuple[float, float, float]] = []
    for _ in range(40 * count):
        r = rng.uniform(0.07, 0.17)
        x, y = rng.uniform(r, size[0] - r), rng.uniform(r, size[1] - r)
        if all(math.hypot(x - a, y - b) > (r + c) * 1.1 for a, b, c in placed):
            placed.append((x, y, r))
            if len(placed) == count:
                break
    return placed


def draw_primer(*, seed: int, index: int, shape: tuple[int, int], knobs: PrimerKnobs) -> Drawing:
    """Shapes on a background; no two objects share both color and shape.

    Labels: `count`, and for each object n from 0 (from left to right): `shape<n>`, `color<n>`,
    `x<n>` and `y<n>` (center, as shares of width and height), `size<n>` (diameter, as a share of
    the shorter side).
    """
    rng = stream("primer", seed, index, 0)
    textured, lit, noisy, blurred = (
        bool(rng.random() < share)
        for share in (knobs.texture, knobs.lighting, knobs.noise, knobs.blur)
    )
    side = min(shape)
    size = (shape[1] / side, shape[0] / side)
    picture = _background(rng, shape, textured=textured)
    places = sorted(_places(rng, int(rng.integers(1, knobs.most + 1)), size))
    kinds = rng.choice(len(SHAPES) * len(COLORS), len(places), replace=False).tolist()
    labels: dict[str, Value] = {"count": len(places)}
    names = list(COLORS)
    for number, ((x, y, r), kind) in enumerate(zip(places, kinds, strict=True)):
        form, color = SHAPES[kind % len(SHAPES)], names[kind // len(SHAPES)]
        turn = math.radians(rng.uniform(-20, 20)) if rng.random() < knobs.tilt else 0.0
        if form == "bar" and rng.random() < 0.5:
            turn += math.pi / 2
        c, s = math.cos(turn), math.sin(turn)
        points = OUTLINES[form] * r @ np.array([[c, s], [-s, c]]) + (x, y)
        mask = Mask(shape, detail=384)
        mask.polygon(points)
        if form == "ring":
            mask.ellipse(x, y, r * 0.55, r * 0.55, 0)
        done = mask.done()
        if rng.random() < 0.4:
            tint(picture, soften(np.roll(done, max(1, side // 60), 0), 0.015), (0.6, 0.6, 0.6))
        jitter = rng.uniform(0.88, 1.08)
        red, green, blue = (min(255.0, value * jitter) for value in COLORS[color])
        blend(picture, done, (red, green, blue))
        labels |= {
            f"shape{number}": form, f"color{number}": color,
            f"x{number}": round(x / size[0], 4), f"y{number}": round(y / size[1], 4),
            f"size{number}": round(2 * r, 4),
        }
    if lit:
        light(rng, picture)
    return Drawing(develop(rng, picture, noisy=noisy, blurred=blurred), labels)
