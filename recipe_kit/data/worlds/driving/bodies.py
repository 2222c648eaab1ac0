"""What vehicles look like: a car, a truck, a bus, with their lights."""

from functools import lru_cache

from recipe_kit.data.worlds.canvas import Color
from recipe_kit.data.worlds.driving.scene import SIZES
from recipe_kit.data.worlds.driving.solids import GLOWS, Builder, Solid, shaded

PAINT: dict[str, Color] = {
    "white": (238, 238, 236),
    "black": (34, 34, 38),
    "red": (205, 28, 30),
    "blue": (30, 72, 200),
    "yellow": (240, 200, 20),
    "green": (28, 140, 60),
    "orange": (250, 120, 20),
}
"""The colors that labels name."""

GLASS: Color = (52, 66, 80)
TIRE: Color = (20, 20, 22)
TAIL: Color = (150, 20, 20)
BRAKE: Color = (255, 40, 30)
HEAD: Color = (245, 240, 215)
UNDER: Color = (30, 30, 32)
FLASHES: tuple[Color, Color] = ((60, 110, 255), (255, 50, 50))


@lru_cache(maxsize=512)
def vehicle_solid(kind: str, color: str, *, brakes: bool, lit: bool, flash: int,
                  shows: str) -> Solid:
    """A vehicle that faces z, its middle at 0.

    Args:
        kind: car, truck or bus.
        color: A key of `PAINT`.
        brakes: Are the brake lights on.
        lit: Are its lights on.
        flash: Emergency lights: 0 none, 1 and 2 in turn.
        shows: What of it the camera sees: rear, front, or side; lights shine that way only.
    """
    make = Builder()
    width, height, length = SIZES[kind]
    w, back, nose = width / 2, -length / 2, length / 2
    paint = PAINT[color]
    if kind == "car":
        _car(make, w, height, (back, nose), paint)
    elif kind == "truck":
        _truck(make, w, height, (back, nose), paint)
    else:
        _bus(make, w, height, (back, nose), paint)
    low, size = (0.55, 0.26) if kind == "car" else (0.75, 0.34)
    for aside in (-1, 1):
        x0, x1 = sorted((aside * w, aside * (w - 0.42)))
        tail = BRAKE if brakes or lit else TAIL
        make.rear((x0, x1), (low, low + size), back - 0.03, tail, GLOWS * (brakes or lit))
        make.front((x0, x1), (low, low + size * 0.9), nose + 0.03, HEAD, GLOWS * lit)
        middle = (x0 + x1) / 2
        if brakes and shows == "rear":
            make.disc(middle, low + size / 2, back - 0.08, (0.34, 0.24), BRAKE, GLOWS)
        if lit and shows == "front":
            make.disc(middle, low + size / 2, nose + 0.08, (0.24, 0.24), (255, 250, 225), GLOWS)
        if lit and shows == "rear":
            make.disc(middle, low + size / 2, back - 0.08, (0.12, 0.1), BRAKE, GLOWS)
    make.rear((-0.28, 0.28), (low - 0.12, low + 0.06), back - 0.03, (225, 225, 215))
    if flash:
        make.part(0, 0)
        for aside, lamp in ((-1, FLASHES[flash - 1]), (1, FLASHES[2 - flash])):
            make.disc(aside * w * 0.5, height + 0.12, 0, (0.42, 0.26), lamp, GLOWS)
    return make.done()


def _wheels(make: Builder, w: float, ends: tuple[float, float], size: float) -> None:
    back, nose = ends
    for z in (back + 0.9, nose - 0.9):
        for way in (-1, 1):
            make.side(way * (w + 0.02), (0, size), (z - size / 2, z + size / 2), TIRE, way)
    for aside in (-1, 1):
        x = tuple(sorted((aside * w, aside * (w - 0.3))))
        make.rear((x[0], x[1]), (0, 0.4), back + 0.15, TIRE)
        make.front((x[0], x[1]), (0, 0.4), nose - 0.15, TIRE)


def _car(make: Builder, w: float, height: float, ends: tuple[float, float], paint: Color) -> None:
    back, nose = ends
    make.part(0, 0)
    make.box((-w, w), (0.25, 0.92), ends, paint)
    _wheels(make, w, ends, 0.62)
    c = w * 0.82
    z0, z1, roof = back + 0.35, nose - 1.35, height
    make.box((-c, c), (0.92, roof), (z0, z1), paint)
    make.rear((-c + 0.1, c - 0.1), (0.98, roof - 0.1), z0 - 0.02, GLASS)
    make.front((-c + 0.1, c - 0.1), (0.98, roof - 0.1), z1 + 0.02, shaded(GLASS, 1.25))
    for way in (-1, 1):
        make.side(way * (c + 0.02), (0.98, roof - 0.1), (z0 + 0.15, z1 - 0.15), GLASS, way)


def _truck(make: Builder, w: float, height: float, ends: tuple[float, float],
           paint: Color) -> None:
    back, nose = ends
    split = nose - 1.9
    make.part(0, nose - 0.9)
    make.box((-w, w), (0.5, 2.5), (split, nose), shaded(paint, 0.9))
    make.front((-w + 0.15, w - 0.15), (1.45, 2.3), nose + 0.02, GLASS)
    for way in (-1, 1):
        make.side(way * (w + 0.02), (1.5, 2.2), (nose - 1.4, nose - 0.3), GLASS, way)
    _wheels(make, w, (split - 0.9, nose), 0.95)
    make.part(0, (back + split) / 2)
    make.box((-w, w), (0.35, 0.9), (back, split), UNDER)
    _wheels(make, w, (back, split), 0.95)
    make.box((-w, w), (0.9, height), (back, split - 0.1), paint)
    seam = shaded(paint, 0.6)
    make.rear((-0.05, 0.05), (1.0, height - 0.1), back - 0.02, seam)
    make.rear((-w, w), (height - 0.12, height), back - 0.02, seam)
    make.rear((-w, w), (0.35, 0.7), back - 0.01, UNDER)


def _bus(make: Builder, w: float, height: float, ends: tuple[float, float], paint: Color) -> None:
    back, nose = ends
    make.part(0, 0)
    make.box((-w, w), (0.35, height), ends, paint)
    _wheels(make, w, ends, 0.95)
    make.rear((-w + 0.2, w - 0.2), (1.6, 2.65), back - 0.02, GLASS)
    make.rear((-w, w), (0.35, 0.62), back - 0.01, UNDER)
    make.front((-w + 0.12, w - 0.12), (1.05, 2.6), nose + 0.02, GLASS)
    make.front((-0.8, 0.8), (2.7, 2.98), nose + 0.02, (250, 190, 60))
    for way in (-1, 1):
        for number in range(6):
            z = back + 0.5 + number * 1.55
            make.side(way * (w + 0.02), (1.5, 2.6), (z, z + 1.3), GLASS, way)
