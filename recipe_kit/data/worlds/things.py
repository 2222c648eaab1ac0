"""Objects that stand on a table: the primer's colored shapes, and simple everyday things.

Every object is drawn around its center, within about -1..1, y downward.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from recipe_kit.data.worlds.canvas import Color, Plane, Rng
from recipe_kit.data.worlds.primer import COLORS, OUTLINES, SHAPES

Points = NDArray[np.float64]

_TURNS = np.linspace(0, 2 * math.pi, 37)[:-1]
_CIRCLE = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)

REACH = 1.25
"""No object reaches farther than this from its center."""


class Pen:
    """Draws one object, at several times the picture's resolution."""

    def __init__(self, pixels: int, center: tuple[float, float], radius: float) -> None:
        """Start with nothing.

        Args:
            pixels: Width and height of the part of the picture that the object lies in.
            center: The object's center in that part, in pixels.
            radius: How many pixels the object's 1 is.
        """
        self.factor = max(2, min(8, round(150 / pixels)))
        # CMYK is Pillow's name for four bytes that it leaves alone; here: red, green, blue, ink.
        self.picture = Image.new("CMYK", (pixels * self.factor, pixels * self.factor))
        self._pen = ImageDraw.Draw(self.picture)
        self._center = np.array(center) * self.factor - 0.5
        self._scale = radius * self.factor
        self._turn = np.eye(2)

    def turn(self, angle: float, *, mirror: bool = False) -> None:
        """Turn all that is drawn from now on by an angle in radians."""
        c, s = math.cos(angle), math.sin(angle)
        flip = np.diag([-1.0 if mirror else 1.0, 1.0])
        self._turn = flip @ np.array([[c, s], [-s, c]])

    def _place(self, points: Points | Sequence[tuple[float, float]]) -> list[float]:
        placed = np.asarray(points) @ self._turn * self._scale + self._center
        return [float(value) for value in placed.ravel()]

    def polygon(self, points: Points | Sequence[tuple[float, float]], color: Color) -> None:
        """Fill a polygon."""
        self._pen.polygon(self._place(points), fill=_ink(color))

    def ellipse(self, x: float, y: float, rx: float, ry: float, color: Color) -> None:
        """Fill an ellipse."""
        self.polygon(_CIRCLE * (rx, ry) + (x, y), color)

    def line(
        self, points: Points | Sequence[tuple[float, float]], width: float, color: Color
    ) -> None:
        """Draw a line of even width."""
        wide = max(1, round(width * self._scale))
        self._pen.line(self._place(points), fill=_ink(color), width=wide, joint="curve")

    def round(self, x: float, y: float, rx: float, ry: float, color: Color) -> None:
        """Fill an ellipse that is shaded like a ball, lit from the upper left."""
        for step in range(6):
            smaller, lit = 1 - step * 0.17, 0.74 + 0.065 * step
            self.ellipse(x - 0.055 * step * rx, y - 0.06 * step * ry, rx * smaller, ry * smaller,
                         tone(color, lit))
        self.ellipse(x - 0.36 * rx, y - 0.42 * ry, rx * 0.15, ry * 0.12, mix(color, 0.65))

    def done(self) -> Plane:
        """What was drawn, at the picture's size: [pixels, pixels, 4], 0..255.

        Red, green and blue are multiplied by the fourth plane, the share that is covered.
        """
        return np.asarray(self.picture.reduce(self.factor), np.float32)

    def erase(self, x: float, y: float, r: float) -> None:
        """Cut a round hole."""
        self._pen.polygon(self._place(_CIRCLE * r + (x, y)), fill=(0, 0, 0, 0))


def _ink(color: Color) -> tuple[int, int, int, int]:
    red, green, blue = (min(255, max(0, round(value))) for value in color)
    return red, green, blue, 255


def tone(color: Color, share: float) -> Color:
    """A color made darker (under 1) or lighter."""
    return color[0] * share, color[1] * share, color[2] * share


def mix(color: Color, white: float) -> Color:
    """A color mixed with white, 0 (as it is) to 1 (white)."""
    red, green, blue = (value + (250 - value) * white for value in color)
    return red, green, blue


def _vary(rng: Rng, *colors: Color) -> Color:
    color = colors[int(rng.integers(len(colors)))]
    return tone(color, rng.uniform(0.9, 1.06))


def _apple(pen: Pen, rng: Rng) -> None:
    skin = _vary(rng, (205, 30, 40), (205, 30, 40), (190, 25, 30), (130, 180, 50))
    pen.round(-0.3, 0.18, 0.58, 0.76, tone(skin, 0.96))
    pen.round(0.3, 0.18, 0.58, 0.76, skin)
    pen.round(0.0, 0.2, 0.76, 0.7, skin)
    pen.ellipse(0.0, -0.5, 0.26, 0.1, tone(skin, 0.6))
    pen.line([(0.0, -0.46), (0.03, -0.72), (0.14, -0.98)], 0.11, (95, 62, 35))
    leaf = [(0.08, -0.66), (0.28, -0.92), (0.62, -0.92), (0.46, -0.68), (0.24, -0.6)]
    pen.polygon(leaf, (75, 150, 50))


def _orange(pen: Pen, rng: Rng) -> None:
    peel = _vary(rng, (245, 140, 20), (240, 125, 15))
    pen.round(0.0, 0.08, 0.88, 0.86, peel)
    for x, y in rng.uniform(-0.5, 0.5, (12, 2)).tolist():
        pen.ellipse(x, y + 0.12, 0.035, 0.03, tone(peel, 0.84))
    pen.ellipse(0.0, -0.64, 0.12, 0.07, (90, 120, 40))
    pen.polygon([(0.0, -0.66), (0.16, -0.96), (0.56, -1.0), (0.44, -0.72)], (60, 140, 45))


def _arc(middle: float, rx: float, ry: float, first: float, last: float) -> Points:
    angles = np.radians(np.linspace(first, last, 19))
    return np.stack([np.cos(angles) * rx, middle + np.sin(angles) * ry], axis=1)


def _banana(pen: Pen, rng: Rng) -> None:
    peel = _vary(rng, (248, 215, 50), (240, 205, 40))
    pen.turn(rng.uniform(-0.3, 0.3), mirror=bool(rng.random() < 0.5))
    outer, inner = _arc(-0.5, 1.0, 1.02, 8, 172), _arc(-0.62, 1.04, 0.5, 172, 8)
    pen.polygon(np.concatenate([outer, inner]), tone(peel, 0.86))
    middle = _arc(-0.52, 1.02, 0.82, 165, 15)
    pen.polygon(np.concatenate([_arc(-0.61, 1.03, 0.52, 15, 165), middle]), peel)
    pen.line([(0.99, -0.36), (1.04, -0.62)], 0.16, (120, 95, 40))
    pen.ellipse(-0.99, -0.38, 0.09, 0.08, (85, 65, 35))


def _cup(pen: Pen, rng: Rng) -> None:
    clay = _vary(rng, (236, 232, 224), (90, 160, 200), (225, 120, 120), (110, 175, 140))
    pen.turn(0.0, mirror=bool(rng.random() < 0.5))
    handle = np.radians(np.linspace(-80, 80, 13))
    around = np.stack([0.46 + np.cos(handle) * 0.42, 0.1 + np.sin(handle) * 0.4], axis=1)
    pen.line(around, 0.17, tone(clay, 0.8))
    bottom = _arc(0.72, 0.46, 0.18, 0, 180)
    pen.polygon(np.concatenate([[(-0.72, -0.6), (0.6, -0.6)], bottom]), clay)
    pen.polygon([(0.24, -0.6), (0.6, -0.6), (0.46, 0.72), (0.22, 0.86)], tone(clay, 0.86))
    pen.polygon([(-0.6, -0.5), (-0.46, -0.5), (-0.32, 0.74), (-0.4, 0.74)], mix(clay, 0.5))
    pen.ellipse(-0.06, -0.6, 0.66, 0.22, mix(clay, 0.35))
    pen.ellipse(-0.06, -0.57, 0.54, 0.15, (80, 50, 30))


def _bottle(pen: Pen, rng: Rng) -> None:
    glass = _vary(rng, (25, 105, 60), (30, 90, 70), (105, 65, 30))
    body = [(-0.4, 0.94), (-0.4, -0.1), (-0.32, -0.34), (-0.15, -0.5), (-0.15, -0.86),
            (0.15, -0.86), (0.15, -0.5), (0.32, -0.34), (0.4, -0.1), (0.4, 0.94), (0.3, 1.0),
            (-0.3, 1.0)]
    pen.polygon(body, glass)
    pen.polygon([(0.2, -0.34), (0.32, -0.34), (0.4, -0.1), (0.4, 0.94), (0.22, 0.98)],
                tone(glass, 0.7))
    pen.polygon([(-0.32, -0.08), (-0.22, -0.2), (-0.22, 0.9), (-0.32, 0.9)], mix(glass, 0.4))
    pen.polygon([(-0.4, 0.12), (0.4, 0.12), (0.4, 0.64), (-0.4, 0.64)], (238, 230, 208))
    pen.polygon([(-0.4, 0.24), (0.4, 0.24), (0.4, 0.34), (-0.4, 0.34)], (190, 70, 55))
    pen.polygon([(-0.18, -1.0), (0.18, -1.0), (0.18, -0.78), (-0.18, -0.78)], (200, 170, 80))


def _book(pen: Pen, rng: Rng) -> None:
    cover = _vary(rng, (125, 35, 50), (30, 60, 115), (25, 105, 105), (95, 60, 120))
    pen.turn(0.0, mirror=bool(rng.random() < 0.5))
    top = [(-0.62, -0.5), (0.98, -0.5), (0.62, 0.24), (-0.98, 0.24)]
    pen.polygon([(0.62, 0.24), (0.98, -0.5), (0.98, -0.16), (0.62, 0.58)], (225, 215, 190))
    pen.line([(0.65, 0.4), (0.97, -0.3)], 0.03, (180, 170, 145))
    pen.polygon([(-0.98, 0.24), (0.62, 0.24), (0.62, 0.58), (-0.98, 0.58)], (240, 232, 210))
    for y in (0.34, 0.42, 0.5):
        pen.line([(-0.9, y), (0.6, y)], 0.03, (196, 186, 160))
    under = [(-0.98, 0.56), (0.62, 0.56), (0.98, -0.18), (0.98, -0.08), (0.62, 0.68)]
    pen.polygon([*under, (-0.98, 0.68)], tone(cover, 0.75))
    pen.polygon(top, cover)
    pen.polygon([(-0.98, 0.24), (-0.62, -0.5), (-0.5, -0.5), (-0.86, 0.24), (-0.86, 0.66),
                 (-0.98, 0.66)], tone(cover, 0.7))
    pen.polygon([(-0.22, -0.3), (0.54, -0.3), (0.46, -0.12), (-0.3, -0.12)], (230, 195, 110))


def _box(pen: Pen, rng: Rng) -> None:
    card = _vary(rng, (196, 148, 96), (182, 134, 86))
    pen.turn(0.0, mirror=bool(rng.random() < 0.5))
    pen.polygon([(-0.9, -0.36), (0.44, -0.36), (0.44, 0.86), (-0.9, 0.86)], card)
    pen.polygon([(-0.9, -0.36), (-0.46, -0.84), (0.9, -0.84), (0.44, -0.36)], mix(card, 0.3))
    pen.polygon([(0.44, -0.36), (0.9, -0.84), (0.9, 0.4), (0.44, 0.86)], tone(card, 0.7))
    tape = (232, 214, 170)
    pen.polygon([(-0.34, -0.36), (0.12, -0.84), (0.32, -0.84), (-0.12, -0.36)], tape)
    pen.polygon([(-0.34, -0.36), (-0.12, -0.36), (-0.12, -0.04), (-0.34, -0.04)], tone(tape, 0.92))


def _ball(pen: Pen, rng: Rng) -> None:
    pen.turn(rng.uniform(-0.5, 0.5))
    pole = np.array([-0.18, -0.3])
    panels = ((215, 45, 45), (246, 246, 240), (45, 95, 205), (246, 246, 240), (245, 200, 40),
              (246, 246, 240))  # fmt: skip
    for number, color in enumerate(panels):
        rim = _CIRCLE[np.arange(number * 6, number * 6 + 7) % 36] * 0.92
        shade = 1.0 - 0.18 * max(0.0, float(rim[3, 0] + rim[3, 1]))
        pen.polygon(np.concatenate([[pole], rim]), tone(color, shade))
    pen.ellipse(float(pole[0]), float(pole[1]), 0.15, 0.13, (246, 246, 240))


def _pear(pen: Pen, rng: Rng) -> None:
    skin = _vary(rng, (190, 200, 70), (205, 200, 80), (165, 190, 65))
    neck = [(-0.3, -0.5), (0.3, -0.5), (0.42, -0.12), (0.64, 0.3), (-0.64, 0.3), (-0.42, -0.12)]
    pen.ellipse(0.0, -0.46, 0.32, 0.36, tone(skin, 0.84))
    pen.polygon(neck, tone(skin, 0.84))
    pen.round(0.0, 0.36, 0.66, 0.62, skin)
    pen.ellipse(-0.08, -0.42, 0.2, 0.26, tone(skin, 0.98))
    pen.polygon([(-0.26, -0.4), (0.1, -0.4), (0.2, 0.1), (-0.36, 0.1)], tone(skin, 0.98))
    pen.ellipse(-0.14, -0.48, 0.07, 0.12, mix(skin, 0.5))
    pen.line([(0.0, -0.78), (0.04, -0.9), (0.14, -1.04)], 0.11, (95, 65, 35))


def _plate(pen: Pen, rng: Rng) -> None:
    ring = _vary(rng, (70, 110, 180), (190, 80, 70), (80, 140, 110))
    pen.ellipse(0.0, 0.08, 1.08, 0.52, (178, 176, 172))
    pen.ellipse(0.0, 0.0, 1.08, 0.52, (240, 240, 238))
    pen.ellipse(0.0, 0.0, 0.98, 0.46, ring)
    pen.ellipse(0.0, 0.0, 0.9, 0.42, (240, 240, 238))
    pen.ellipse(0.0, 0.02, 0.66, 0.29, (196, 196, 198))
    pen.ellipse(0.0, 0.05, 0.63, 0.26, (228, 228, 228))


def _bowl(pen: Pen, rng: Rng) -> None:
    clay = _vary(rng, (70, 150, 165), (205, 110, 75), (120, 130, 180))
    pen.ellipse(0.0, 0.66, 0.42, 0.14, tone(clay, 0.6))
    pen.polygon(_arc(-0.3, 1.0, 1.0, 0, 180), clay)
    right = np.concatenate([_arc(-0.3, 1.0, 1.0, 0, 80), _arc(-0.3, 0.55, 0.96, 80, 0)])
    pen.polygon(right, tone(clay, 0.82))
    pen.line(_arc(-0.2, 0.95, 0.62, 150, 30), 0.08, (240, 236, 226))
    pen.ellipse(0.0, -0.3, 1.0, 0.32, mix(clay, 0.45))
    pen.ellipse(0.0, -0.26, 0.88, 0.24, tone(clay, 0.62))


def _spoon(pen: Pen, rng: Rng) -> None:
    steel = _vary(rng, (176, 182, 190), (192, 194, 198))
    pen.turn(rng.uniform(-0.7, 0.7), mirror=bool(rng.random() < 0.5))
    pen.line([(-0.3, 0.0), (1.05, 0.0)], 0.15, tone(steel, 0.75))
    pen.line([(-0.3, -0.02), (1.03, -0.03)], 0.08, mix(steel, 0.4))
    pen.ellipse(1.02, 0.0, 0.13, 0.11, tone(steel, 0.85))
    pen.ellipse(-0.68, 0.0, 0.46, 0.31, tone(steel, 0.72))
    pen.ellipse(-0.7, -0.02, 0.4, 0.25, steel)
    pen.ellipse(-0.74, 0.04, 0.27, 0.14, tone(steel, 0.82))
    pen.ellipse(-0.82, -0.1, 0.14, 0.06, mix(steel, 0.8))


ICONS: dict[str, Callable[[Pen, Rng], None]] = {
    "apple": _apple, "orange": _orange, "banana": _banana, "cup": _cup, "bottle": _bottle,
    "book": _book, "box": _box, "ball": _ball, "pear": _pear, "plate": _plate, "bowl": _bowl,
    "spoon": _spoon,
}  # fmt: skip
"""How everyday things are drawn, by name."""

SHAPE_NAMES = tuple(f"{color} {shape}" for shape in SHAPES for color in COLORS)
"""Names of the colored shapes: `red ring`."""

LOOK_ALIKE = {"orange": ("orange circle",), "apple": ("red circle",), "plate": ("white circle",)}
"""Shapes that are not shown together with a thing that could be called the same."""


def pick_names(rng: Rng, count: int, icons: float) -> list[str]:
    """Names of `count` objects, all different and none to be taken for another's."""
    names: list[str] = []
    barred: set[str] = set()
    while len(names) < count:
        among = tuple(ICONS) if rng.random() < icons else SHAPE_NAMES
        name = among[int(rng.integers(len(among)))]
        if name not in barred and barred.isdisjoint(LOOK_ALIKE.get(name, ())):
            names.append(name)
            barred |= {name, *LOOK_ALIKE.get(name, ())}
    return names


def draw_thing(pen: Pen, rng: Rng, name: str) -> None:
    """Draw an object by its name."""
    if name in ICONS:
        ICONS[name](pen, rng)
        return
    color_name, shape = name.split()
    color = tone(COLORS[color_name], rng.uniform(0.9, 1.06))
    upright = shape == "bar" and rng.random() < 0.5
    pen.turn(rng.uniform(-0.14, 0.14) + (math.pi / 2 if upright else 0.0))
    # The side of a thick shape, seen a little from above: darker, and lighter where it is black.
    side = mix(color, 0.25) if color_name == "black" else tone(color, 0.68)
    for step in (3, 2, 1):
        back = (step * 0.035, 0.0) if upright else (step * 0.02, step * -0.035)
        pen.polygon(OUTLINES[shape] + back, side)
    pen.polygon(OUTLINES[shape], color)
    if shape == "ring":
        pen.erase(0.0, 0.0, 0.55)
