"""The bare floor: concrete, screed, asphalt, tile, painted or rough render."""

import math

import numpy as np

from recipe_kit.data.worlds.canvas import Color, Mask, Plane, Rng, grain, noise, octaves

SURFACES = ("concrete", "screed", "render", "painted", "asphalt")
"""Surfaces without joints; `tile` comes with joints only."""

SHARES = (0.4, 0.2, 0.18, 0.1, 0.12)


def base_color(rng: Rng, surface: str) -> Color:
    """The surface's mean color, 0..255."""
    if surface == "asphalt":
        level, warmth, green = rng.uniform(65, 135), rng.normal(0, 3), rng.normal(0, 1)
    elif surface in ("painted", "tile"):
        level, warmth, green = rng.uniform(100, 225), rng.normal(0, 18), rng.normal(0, 7)
    else:
        level = 225 - 130 * rng.random() ** 1.5
        warmth, green = rng.normal(5, 6), rng.normal(0.5, 1.5)
    return (level + warmth, level + green, level - warmth * 1.2)


def _relief(height: Plane, angle: float, depth: float) -> Plane:
    """Light falling from `angle` on a bumpy surface: brighter slopes and darker ones."""
    down = np.zeros_like(height)
    across = np.zeros_like(height)
    down[1:] = height[1:] - height[:-1]
    across[:, 1:] = height[:, 1:] - height[:, :-1]
    down *= np.float32(depth * math.sin(angle))
    across *= np.float32(depth * math.cos(angle))
    return down + across


def _pores(rng: Rng, shape: tuple[int, int]) -> Plane:
    """Small dark holes and light grains: a field to add to the tone."""
    field = np.zeros(shape, np.float32)
    for sign, most in ((-1.0, 26), (0.6, 8)):
        count = int(rng.integers(0, most))
        if not count:
            continue
        mask = Mask(shape, detail=256)
        spots = rng.random((count, 5)).tolist()
        for x, y, size, flat, depth in spots:
            r = 0.003 + 0.013 * size**3
            mask.ellipse(x * shape[1] / min(shape), y * shape[0] / min(shape),
                         r * (0.6 + flat), r * (1.4 - 0.8 * flat), round(60 + 195 * depth))
        field += mask.done() * np.float32(sign * rng.uniform(0.1, 0.45))
    return field


def _grime(rng: Rng, shape: tuple[int, int]) -> Plane:
    """Dirt that clings to the roughness: broken dark patches, sometimes running down."""
    where = octaves(rng, shape, rng.uniform(1.5, 5), 3, 0.7)
    stretch = 1.0 if rng.random() < 0.6 else 0.12
    fine = noise(rng, shape, rng.uniform(25, 60), stretch=stretch)
    fine += np.float32(0.6) * grain(rng, shape)
    amount = np.clip(where * np.float32(0.5) + np.float32(rng.uniform(0, 0.6)), 0, 1.2)
    amount *= np.clip(fine + np.float32(0.4), 0, 2)
    field: Plane = np.float32(-rng.uniform(0.08, 0.32)) * amount
    return field


def _aggregate(rng: Rng, shape: tuple[int, int]) -> Plane:
    """Stones of different tones that show at the surface."""
    stones = noise(rng, shape, rng.uniform(45, 100)) * np.float32(1.4)
    dark = noise(rng, shape, rng.uniform(25, 60)) * np.float32(2.2)
    strength = rng.uniform(0.05, 0.17)
    field: Plane = np.float32(strength) * np.clip(stones, -1, 1)
    field -= np.float32(strength) * np.clip(dark - np.float32(2), 0, 1.5)
    return field


def _peeled(rng: Rng, shape: tuple[int, int]) -> Plane:
    """Coating that has come off in places, with a lit and a shaded edge."""
    edge = octaves(rng, shape, rng.uniform(1.5, 5), 4, 0.6)
    coat = np.clip((edge - np.float32(rng.uniform(0.3, 1.4))) * np.float32(7), 0, 1)
    rough = np.float32(0.7) + np.float32(0.3) * noise(rng, shape, 35)
    share = rng.uniform(-0.4, -0.1) if rng.random() < 0.7 else rng.uniform(0.08, 0.2)
    field: Plane = np.float32(share) * coat * rough
    field += _relief(coat, rng.uniform(0, 2 * math.pi), rng.uniform(0.1, 0.7))
    return field


def _brushed(rng: Rng, shape: tuple[int, int]) -> Plane:
    """Ridges of a broom or a trowel."""
    stretch = rng.uniform(6, 20) if rng.random() < 0.5 else 1 / rng.uniform(6, 20)
    ridges = noise(rng, shape, rng.uniform(8, 22), stretch=stretch)
    angle = rng.uniform(0, 2 * math.pi)
    return _relief(np.abs(ridges), angle, rng.uniform(0.05, 0.35)) * np.float32(0.7)


def _bumpy(rng: Rng, shape: tuple[int, int]) -> Plane:
    """Coarse render: deep bumps of several sizes, with shadows beside them."""
    cells = rng.uniform(10, 35)
    bumps = noise(rng, shape, cells) + np.float32(0.7) * noise(rng, shape, cells * 2)
    bumps = np.maximum(bumps, np.float32(rng.uniform(-1.0, 0.3)))
    depth = rng.uniform(0.1, 0.3) * min(shape) / 128
    return np.clip(_relief(bumps, rng.uniform(0, 2 * math.pi), depth), -0.5, 0.35)


CHARACTERS = (_grime, _aggregate, _peeled, _brushed, _bumpy)
"""What makes some floors look like a crack's broken edge without being one."""


def _tone(rng: Rng, shape: tuple[int, int], surface: str) -> Plane:
    """How much lighter or darker than its mean color the floor is at each pixel; 0 is the mean."""
    smooth = {"tile": 0.35, "painted": 0.5, "screed": 0.7, "render": 1.2, "asphalt": 1.2}
    rough = smooth.get(surface, 1.0) * rng.uniform(0.4, 1.5)
    tone = np.float32(0.022 * rough) * octaves(rng, shape, rng.uniform(2, 4), 4, 0.7)
    fine = rng.uniform(24, 90)
    bumps = noise(rng, shape, fine, stretch=float(rng.choice([1.0] * 8 + [3.0, 0.33])))
    bumps += np.float32(0.6) * noise(rng, shape, fine / 2.2)
    deep = (0.05 if surface == "render" else 0.02) * rng.uniform(0.3, 1.6) * rough
    scale = min(shape) / 128 * 64 / fine
    tone += _relief(bumps, rng.uniform(0, 2 * math.pi), deep * max(0.6, scale))
    speckle = 0.065 if surface == "asphalt" else 0.014
    tone += grain(rng, shape) * np.float32(speckle * rough * rng.uniform(0.4, 1.2))
    if surface != "tile" or rng.random() < 0.3:
        tone += _pores(rng, shape)
    if rng.random() < 0.2 * rough:  # mottled: two tones with a broken edge
        patches = octaves(rng, shape, rng.uniform(2, 8), 4, 0.75)
        tone += np.float32(rng.uniform(-0.2, 0.12)) * np.clip(patches, 0, 1.2)
    if surface != "tile" and rng.random() < 0.5:
        tone += CHARACTERS[int(rng.integers(len(CHARACTERS)))](rng, shape)
    return tone


def paint_surface(rng: Rng, shape: tuple[int, int], surface: str, *, textured: bool) -> Plane:
    """The bare floor [3, height, width], 0..255.

    Args:
        rng: Where its look comes from.
        shape: Height and width in pixels.
        surface: One of `SURFACES`, or "tile".
        textured: Rough; otherwise of one even color.
    """
    color = base_color(rng, surface)
    picture = np.empty((3, *shape), np.float32)
    if not textured:
        picture[:] = np.array(color, np.float32)[:, None, None]
        return picture
    tone = np.maximum(_tone(rng, shape, surface) + np.float32(1), np.float32(0.15))
    hue = noise(rng, shape, rng.uniform(2, 5)) * np.float32(rng.uniform(0, 2.5))
    np.multiply(tone, np.array(color, np.float32)[:, None, None], out=picture)
    picture[0] += hue
    picture[2] -= hue
    return picture
