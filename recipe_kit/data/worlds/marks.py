"""What may lie on a floor without being a crack: joints, stains, shadows, debris.

Every function draws in place and says whether the result looks like a crack.
"""

import math

import numpy as np
from numpy.typing import NDArray

from recipe_kit.data.worlds.canvas import (
    Color,
    Mask,
    Plane,
    Rng,
    along,
    blend,
    distance,
    grain,
    noise,
    octaves,
    soften,
    tint,
)

Points = NDArray[np.float64]


def _size(shape: tuple[int, int]) -> tuple[float, float]:
    return shape[1] / min(shape), shape[0] / min(shape)


def _shape(picture: Plane) -> tuple[int, int]:
    return picture.shape[1], picture.shape[2]


def _straight(shape: tuple[int, int], angle: float, at: float) -> Points:
    """A straight line across the whole picture: its direction, and its distance from the middle."""
    w, h = _size(shape)
    way = np.array([math.cos(angle), math.sin(angle)])
    middle = np.array([w / 2, h / 2]) + at * np.array([-way[1], way[0]])
    return np.stack([middle - 2 * max(w, h) * way, middle + 2 * max(w, h) * way])


def joints(rng: Rng, picture: Plane, surface: str) -> bool:
    """Joints between tiles or slabs: straight, of even width, dark or light."""
    shape = _shape(picture)
    tiled = surface == "tile" or rng.random() < 0.2
    angle = rng.choice([0, math.pi / 2]) + rng.normal(0, 0.08 if rng.random() < 0.5 else 0.5)
    width = rng.uniform(0.006, 0.025)
    mask = Mask(shape)
    drawn = 0
    spacing = rng.uniform(0.25, 0.7) if tiled else rng.uniform(0.5, 1.6)
    turns = (0.0, math.pi / 2) if tiled or rng.random() < 0.3 else (0.0,)
    reach = max(_size(shape)) * 0.75
    for turn in turns:
        gap = spacing * (rng.uniform(0.6, 1.6) if turn else 1.0)
        first = rng.uniform(-0.5, 0.5) * min(gap, 0.8)
        if surface == "tile" and rng.random() < 0.8:
            tones = np.float32(rng.uniform(0, 0.06)) * rng.normal(size=64).astype(np.float32)
            w, h = _size(shape)
            far = along(shape, angle + turn + math.pi / 2)
            middle = w / 2 * math.cos(angle + turn + math.pi / 2)
            middle += h / 2 * math.sin(angle + turn + math.pi / 2)
            which = np.floor((far - np.float32(middle + first)) / np.float32(gap))
            picture *= np.float32(1) + tones[which.astype(int) % 64]
        for step in range(-math.ceil(reach / gap), math.ceil(reach / gap) + 1):
            if abs(first + step * gap) < reach and (tiled or step == 0 or rng.random() < 0.6):
                mask.line(_straight(shape, angle + turn, first + step * gap), width)
                drawn += 1
    line = mask.done()
    rim = np.clip(soften(line, 0.012) - line, 0, 1)
    worn = line * (np.float32(0.9) + np.float32(0.12) * grain(rng, shape))
    dark = rng.random() < 0.75
    share = rng.uniform(0.25, 0.75) if dark else rng.uniform(1.08, 1.4)
    tint(picture, worn, (share, share, share))
    edge = rng.uniform(0.85, 1.15)
    tint(picture, rim, (edge, edge, edge))
    return bool(dark and drawn <= 3)


def stains(rng: Rng, picture: Plane) -> bool:
    """Stains: soft blobs, rings, or long streaks that look like cracks."""
    shape = _shape(picture)
    w, h = _size(shape)
    color = (
        (0.6, 0.58, 0.55), (0.72, 0.6, 0.45), (0.8, 0.72, 0.62), (0.5, 0.5, 0.5),
        (1.15, 1.15, 1.15), (0.75, 0.8, 0.72),
    )[int(rng.integers(6))]
    kind = rng.random()
    if kind < 0.25:  # a streak
        x = rng.uniform(0.1, 0.9) * w
        lean = rng.normal(0, 0.15)
        wave = 0.04 * noise(rng, (shape[0], 1), 4)
        upright = rng.random() < 0.7
        far = along(shape, lean) if upright else along(shape, lean + math.pi / 2)
        if upright:
            far = far + wave
        narrow = rng.uniform(0.01, 0.06)
        mask = np.clip(1 - np.abs(far - np.float32(x)) / np.float32(narrow), 0, 1)
        mask *= np.clip(octaves(rng, shape, 3, 3, 0.7) * np.float32(0.5) + np.float32(0.5), 0, 1)
        tint(picture, mask * np.float32(rng.uniform(0.4, 1)), color)
        return bool(narrow < 0.035)
    rough = octaves(rng, shape, rng.uniform(3, 6), 4, 0.6) * np.float32(rng.uniform(0.04, 0.12))
    for _ in range(int(rng.integers(1, 4))):
        size = rng.uniform(0.08, 0.35)
        far = distance(shape, rng.random() * w, rng.random() * h, rng.uniform(0.6, 1.6)) + rough
        soft = rng.uniform(0.01, 0.15)
        if kind < 0.4:  # a ring
            far = np.abs(far - np.float32(size)) + np.float32(size - 0.02)
        mask = np.clip((np.float32(size) - far) / np.float32(soft), 0, 1)
        tint(picture, mask * np.float32(rng.uniform(0.3, 0.95)), color)
    return False


def _smooth_path(rng: Rng, shape: tuple[int, int]) -> Points:
    """A smooth curve across the picture, as a cable lies."""
    ends = _straight(shape, rng.uniform(0, math.pi), rng.uniform(-0.3, 0.3))
    t = np.linspace(0.2, 0.8, 48)[:, None]
    way = ends[1] - ends[0]
    across = np.array([-way[1], way[0]]) / math.hypot(way[0], way[1])
    wave = rng.uniform(0.03, 0.15) * np.sin(t * rng.uniform(8, 25) + rng.uniform(0, 6))
    wave += rng.uniform(-0.3, 0.3) * (t - 0.5) ** 2 * 8
    path: Points = ends[0] + way * t + across * wave
    return path


def shadows(rng: Rng, picture: Plane) -> bool:
    """Shadows: of an edge, of poles and rails, of cables, or a soft blob."""
    shape = _shape(picture)
    w, h = _size(shape)
    mask = Mask(shape, detail=256)
    blur = 0.001 + 0.03 * rng.random() ** 2
    kind = rng.random()
    thin = False
    if kind < 0.3:  # the edge of something large
        angle = rng.uniform(0, 2 * math.pi)
        line = _straight(shape, angle, rng.uniform(-0.3, 0.3))
        off = 3 * np.array([-math.sin(angle), math.cos(angle)])
        mask.polygon(np.concatenate([line, line[::-1] + off]))
    elif kind < 0.6:  # poles, rails
        angle, width = rng.uniform(0, math.pi), rng.uniform(0.015, 0.14)
        gap, at = width * rng.uniform(2, 5), rng.uniform(-0.4, 0.4)
        for step in range(int(rng.choice([1, 1, 1, 2, 5]))):
            mask.line(_straight(shape, angle + rng.normal(0, 0.01), at + step * gap), width)
        thin = width < 0.06
    elif kind < 0.85:  # cables
        width = rng.uniform(0.012, 0.045)
        for _ in range(int(rng.choice([1, 1, 2]))):
            mask.line(_smooth_path(rng, shape), width)
        thin = True
    else:
        blur = rng.uniform(0.03, 0.1)
        x, y = rng.random() * w, rng.random() * h
        mask.ellipse(x, y, rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.5))
    cast = mask.done(blur=blur)
    share = rng.uniform(0.4, 0.8)
    cool = rng.uniform(0, 0.05)
    tint(picture, cast, (share - cool, share, share + cool))
    return bool(thin)


def debris(rng: Rng, picture: Plane) -> bool:
    """Things lying about: pebbles, leaves, paper, crumbs, or a twig that looks like a crack."""
    shape = _shape(picture)
    w, h = _size(shape)
    kind = int(rng.choice(5, p=[0.25, 0.25, 0.2, 0.15, 0.15]))
    mask = Mask(shape, detail=256)
    color: Color
    if kind == 0:  # pebbles
        gray = rng.uniform(60, 210)
        color = (gray, gray * 0.97, gray * 0.92)
        for x, y, rx, ry in rng.random((int(rng.integers(1, 7)), 4)).tolist():
            mask.ellipse(x * w, y * h, 0.008 + 0.03 * rx, 0.008 + 0.03 * ry)
    elif kind == 1:  # crumbs
        gray = rng.uniform(30, 220)
        color = (gray, gray, gray * 0.95)
        for x, y, r in rng.random((int(rng.integers(10, 40)), 3)).tolist():
            mask.ellipse(x * w, y * h, 0.003 + 0.006 * r, 0.003 + 0.006 * r)
    elif kind == 2:  # leaves
        color = (rng.uniform(90, 190), rng.uniform(80, 150), rng.uniform(20, 60))
        t = np.linspace(0, math.pi, 10)
        for x, y, size, turn in rng.random((int(rng.integers(1, 4)), 4)).tolist():
            half = np.stack([np.cos(t), 0.35 * np.sin(t) ** 1.5], axis=1)
            leaf = np.concatenate([half, half[::-1] * (1, -1)]) * (0.04 + 0.07 * size)
            c, s = math.cos(turn * 6.28), math.sin(turn * 6.28)
            mask.polygon(leaf @ np.array([[c, s], [-s, c]]) + (x * w, y * h))
    elif kind == 3:  # paper
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * rng.uniform(0.03, 0.09)
        corners = corners + rng.normal(0, 0.015, (4, 2)) + rng.random(2) * (w, h)
        gray = rng.uniform(180, 245)
        color = (gray, gray, gray * 0.98)
        mask.polygon(corners)
    else:  # a twig or a wire
        color = (rng.uniform(40, 130), rng.uniform(30, 90), rng.uniform(20, 60))
        start = np.array([rng.uniform(0.1, 0.6) * w, rng.uniform(0.1, 0.6) * h])
        turn, bow = rng.uniform(-0.6, 2.2), rng.uniform(-0.3, 0.3)
        t = np.linspace(0, rng.uniform(0.25, 0.6), 16)
        way = np.stack([np.cos(turn + bow * t * 4) * t, np.sin(turn + bow * t * 4) * t], axis=1)
        mask.line(start + way, rng.uniform(0.008, 0.018))
    thing = mask.done()
    shift = max(1, round(0.008 * min(shape)))
    cast = soften(np.roll(thing, (shift, shift), (0, 1)), 0.006)
    tint(picture, cast, (0.65, 0.65, 0.67))
    shade = np.float32(0.95) + np.float32(0.05) * noise(rng, shape, 20)
    blend(picture, np.clip(thing * shade, 0, 1), color)
    return kind == 4
