"""Table tops of wood, cloth or stone, and the wall behind them."""

import numpy as np

from recipe_kit.data.worlds.canvas import Color, Plane, Rng, along, grain, noise, octaves

MATERIALS = ("wood", "cloth", "stone")

_WOODS: tuple[Color, ...] = (
    (168, 126, 84), (140, 98, 62), (188, 156, 114), (112, 80, 58), (160, 140, 120),
)  # fmt: skip
_CLOTHS: tuple[Color, ...] = (
    (176, 170, 160), (120, 136, 156), (150, 116, 112), (124, 140, 118), (150, 144, 168),
)  # fmt: skip
_STONES: tuple[Color, ...] = (
    (150, 148, 146), (112, 114, 118), (176, 170, 160), (130, 124, 116),
)  # fmt: skip
_EVEN = (*_WOODS, *_CLOTHS, *_STONES)


def _band(at: Plane, width: float, soft: float) -> Plane:
    """1 within `width` around every whole number, 0 between, with soft edges."""
    off = np.abs(at - np.floor(at) - np.float32(0.5))  # 0.5 at whole numbers
    band: Plane = np.clip((off - np.float32(0.5 - width)) * np.float32(1 / soft), 0, 1)
    return band


def _seen(rng: Rng, shape: tuple[int, int]) -> tuple[Plane, Plane]:
    """Where each pixel lies on the table: to the side and away, one unit near the viewer."""
    x, y = along(shape, 0.0), along(shape, np.pi / 2)
    side = min(shape)
    eye = np.float32(rng.uniform(0.5, 1.2))  # how far above the picture the lines would meet
    near = np.float32(shape[0] / side) + eye
    depth = near / (y + eye)
    across = (x - np.float32(shape[1] / side * rng.uniform(0.35, 0.65))) * depth
    return across, depth * near


def _wood(rng: Rng, shape: tuple[int, int]) -> Plane:
    across, away = _seen(rng, shape)
    lengthwise = rng.random() < 0.5
    boards = (across if lengthwise else away) * np.float32(rng.uniform(2.0, 4.0)) + np.float32(
        rng.random())
    tones = rng.uniform(-0.09, 0.09, 64).astype(np.float32)
    tone: Plane = tones[np.floor(boards).astype(np.int64) % 64]
    stretch = 1 / 14 if lengthwise else 14.0
    fibers = noise(rng, shape, rng.uniform(9, 20), stretch=stretch)
    fibers += np.float32(0.6) * noise(rng, shape, rng.uniform(30, 50), stretch=stretch)
    tone += fibers * np.float32(rng.uniform(0.02, 0.06))
    tone -= _band(boards, 0.03, 0.03) * np.float32(rng.uniform(0.15, 0.4))
    return tone


def _cloth(rng: Rng, shape: tuple[int, int]) -> Plane:
    across, away = _seen(rng, shape)
    folds = noise(rng, shape, rng.uniform(2, 5)) * np.float32(0.05)
    tone: Plane = folds + grain(rng, shape) * np.float32(0.018)
    kind, cells = rng.random(), np.float32(rng.uniform(3, 7))
    strength = np.float32(rng.uniform(0.07, 0.18))
    if kind < 0.75:  # stripes; with others across them, checks
        tone += _band(across * cells + folds, 0.25, 0.06) * strength
    if kind < 0.5:
        tone += _band(away * cells + folds, 0.25, 0.06) * strength
    return tone


def _stone(rng: Rng, shape: tuple[int, int]) -> Plane:
    clouds = octaves(rng, shape, rng.uniform(2, 5), 3, 0.65)
    tone: Plane = clouds * np.float32(rng.uniform(0.02, 0.05))
    if rng.random() < 0.5:  # marble
        veins = octaves(rng, shape, rng.uniform(2, 4), 3, 0.6)
        tone += np.clip(1 - np.abs(veins) * np.float32(9), 0, 1) * np.float32(
            rng.choice([-0.16, 0.14]))
    else:  # granite
        tone += noise(rng, shape, rng.uniform(40, 70)) * np.float32(0.06)
        tone += grain(rng, shape) * np.float32(0.05)
    return tone


def _fill(shape: tuple[int, int], color: Color) -> Plane:
    picture = np.empty((3, *shape), np.float32)
    picture[:] = np.array(color, np.float32)[:, None, None]
    return picture


def paint_table(
    rng: Rng, shape: tuple[int, int], *, edge: float, material: str | None
) -> Plane:
    """A table and the wall behind it [3, height, width], 0..255.

    Args:
        rng: Where its look comes from.
        shape: Height and width in pixels.
        edge: How far down the table's back edge is, in units of the shorter side.
        material: One of `MATERIALS`; none for an even color.
    """
    line = max(1, round(edge * min(shape)))
    level, warmth = rng.uniform(120, 205), rng.normal(0, 10)
    picture = _fill(shape, (level + warmth, level, level - warmth))
    colors = {"wood": _WOODS, "cloth": _CLOTHS, "stone": _STONES}.get(material or "", _EVEN)
    color = np.array(colors[int(rng.integers(len(colors)))]) * rng.uniform(0.85, 1.1)
    color = np.minimum(color, 205)  # white things must stand out
    below = (shape[0] - line, shape[1])
    top = picture[:, line:]
    top[:] = color.astype(np.float32)[:, None, None]
    if material:
        patterns = {"wood": _wood, "cloth": _cloth, "stone": _stone}
        top *= np.float32(1) + patterns[material](rng, below)
        picture[:, :line] += noise(rng, (line, shape[1]), rng.uniform(2, 5)) * np.float32(4)
    rows = max(1, round(0.012 * min(shape)))
    picture[:, max(0, line - 2 * rows) : line] *= np.float32(0.82)  # the wall is darker down there
    top[:, :rows] *= np.float32(1.14)  # and the table's edge catches the light
    return picture
