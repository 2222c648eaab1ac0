"""What people, cyclists, signs, lights and cones look like; all of them face the camera."""

import math

from recipe_kit.data.worlds.canvas import Color
from recipe_kit.data.worlds.driving.bodies import PAINT
from recipe_kit.data.worlds.driving.scene import Person, Sign
from recipe_kit.data.worlds.driving.solids import BOTH_SIDES, GLOWS, Builder, Solid

SKIN: Color = (224, 172, 138)
HAIR: Color = (62, 44, 32)
TROUSERS: Color = (48, 52, 78)
POLE: Color = (96, 98, 102)
LIGHTS: dict[str, Color] = {"red": (255, 30, 24), "green": (30, 235, 90)}


def _panel(make: Builder, x: tuple[float, float], y: tuple[float, float], color: Color,
           z: float = 0.0) -> None:
    make.rear(x, y, z, color, BOTH_SIDES)


def _leg(make: Builder, hip: float, foot: float, top: float, bottom: float, wide: float) -> None:
    make.face([(hip - wide, top, 0), (hip + wide, top, 0), (foot + wide, bottom, 0),
               (foot - wide, bottom, 0)], TROUSERS, BOTH_SIDES)


def person_solid(person: Person, t: float, *, aside: bool) -> Solid:
    """Somebody at a time; the legs follow the distance walked.

    Args:
        person: Who.
        t: The time, for the stride.
        aside: Walks across the view, so that the legs are seen to part.
    """
    tall = 0.68 if person.kind == "child" else 1.0
    make = Builder()
    make.part(0, 0)
    stride = math.sin(math.hypot(person.vx, person.vz) * t * 4.2 / tall) * (0.3 if aside else 0.13)
    for way in (-1, 1):
        _leg(make, way * 0.1 * tall, (way * 0.12 + way * stride) * tall, 0.85 * tall, 0, 0.1 * tall)
    clothes = PAINT[person.color]
    _panel(make, (-0.29 * tall, 0.29 * tall), (0.78 * tall, 1.46 * tall), clothes)
    if person.kind == "worker":
        _panel(make, (-0.29, 0.29), (1.0, 1.12), (250, 240, 90))
    if person.carries == "bag":
        _panel(make, (0.27 * tall, 0.56 * tall), (0.5 * tall, 0.9 * tall), (120, 70, 30))
    make.disc(0, 1.61 * tall, 0, (0.15 * tall + 0.02, 0.18 * tall), SKIN)
    cap = (250, 220, 40) if person.kind == "worker" else HAIR
    make.disc(0, 1.7 * tall, -0.01, (0.15 * tall + 0.02, 0.1 * tall), cap)
    if person.carries == "umbrella":
        _panel(make, (0.2, 0.24), (1.0 * tall, 2.1 * tall), POLE)
        y, dark = 1.86 * tall, (150, 40, 150)
        make.face([(-0.4, y + 0.42, -0.02), (0.4, y + 0.42, -0.02), (0.85, y, -0.02),
                   (-0.85, y, -0.02)], dark, BOTH_SIDES)
    return make.done()


def cyclist_solid(color: str, travelled: float, *, oncoming: bool, lit: bool) -> Solid:
    """Somebody on a bicycle, from behind or from the front."""
    make = Builder()
    make.part(0, 0)
    _panel(make, (-0.08, 0.08), (0, 0.72), (18, 18, 20))
    turn = math.sin(travelled * 1.1) * 0.14
    for way in (-1, 1):
        _leg(make, way * 0.12, way * 0.17, 1.0, 0.28 + way * turn, 0.09)
    _panel(make, (-0.42, 0.42), (1.02, 1.1), (40, 40, 44), 0.02)
    _panel(make, (-0.27, 0.27), (0.92, 1.5), PAINT[color])
    make.disc(0, 1.64, 0, (0.16, 0.18), SKIN if oncoming else HAIR)
    make.disc(0, 1.74, -0.01, (0.18, 0.1), (235, 235, 235))
    if lit:
        lamp = (255, 250, 220) if oncoming else (255, 40, 30)
        make.disc(0, 0.85, -0.05, (0.1, 0.1), lamp, GLOWS)
    return make.done()


def sign_solid(sign: Sign) -> Solid:
    """A sign on its pole, somewhat larger than life, so that small pictures show it."""
    make = Builder()
    make.part(0, 0)
    if sign.kind == "direction":
        for x in (-1.1, 1.1):
            _panel(make, (x - 0.06, x + 0.06), (0, 4.4), POLE)
        _panel(make, (-1.9, 1.9), (2.5, 4.6), (240, 240, 240))
        _panel(make, (-1.8, 1.8), (2.6, 4.5), (10, 110, 60))
        for y, half in ((4.05, 1.1), (3.4, 1.3), (2.9, 0.8)):
            _panel(make, (-1.4, -1.4 + 2 * half), (y - 0.12, y + 0.12), (240, 240, 240))
        return make.done()
    _panel(make, (-0.06, 0.06), (0, 2.4), POLE)
    y = 2.6
    if sign.kind == "warning":
        for reach, color in ((0.78, (25, 25, 25)), (0.68, (250, 205, 20))):
            make.face([(0, y + reach, 0), (reach, y, 0), (0, y - reach, 0), (-reach, y, 0)],
                      color, BOTH_SIDES)
        _panel(make, (-0.09, 0.09), (y - 0.15, y + 0.4), (25, 25, 25))
        _panel(make, (-0.09, 0.09), (y - 0.4, y - 0.25), (25, 25, 25))
    elif sign.kind == "stop":
        for reach, color in ((0.74, (245, 245, 245)), (0.66, (205, 20, 25))):
            a = reach * 0.414
            _panel(make, (-reach, reach), (y - a, y + a), color)
            for way in (-1, 1):
                make.face([(-a, y + way * reach, 0), (a, y + way * reach, 0),
                           (reach, y + way * a, 0), (-reach, y + way * a, 0)], color, BOTH_SIDES)
        for x in (-0.42, -0.14, 0.14, 0.42):  # four letters
            _panel(make, (x - 0.09, x + 0.09), (y - 0.19, y + 0.19), (245, 245, 245))
    else:
        make.disc(0, y, 0, (0.66, 0.66), (205, 20, 25))
        make.disc(0, y, -0.01, (0.5, 0.5), (245, 245, 245))
        make.part(0, -0.05)  # a part's discs are drawn over its faces: the digits come after
        for x in (-0.2, 0.2):
            _panel(make, (x - 0.13, x + 0.13), (y - 0.24, y + 0.24), (25, 25, 25), -0.02)
    return make.done()


def light_solid(shows: str, arm: float) -> Solid:
    """A traffic light on a mast, hanging `arm` meters to the left of its foot."""
    make = Builder()
    make.part(0, 0)
    _panel(make, (-0.1, 0.1), (0, 5.9), POLE)
    _panel(make, (-arm, 0), (5.75, 5.95), POLE)
    for x, low in ((-arm, 4.2), (0.0, 2.6)):
        _panel(make, (x - 0.45, x + 0.45), (low, low + 1.75), (24, 26, 24))
        for lamp, y in (("red", low + 1.3), ("green", low + 0.45)):
            on = lamp == shows
            color = LIGHTS[lamp] if on else (58, 40, 38) if lamp == "red" else (36, 58, 44)
            make.disc(x, y, -0.02, (0.4, 0.4) if on else (0.3, 0.3), color, GLOWS * on)
    return make.done()


def cone_solid() -> Solid:
    """An orange cone with a white band."""
    make = Builder()
    make.part(0, 0)
    orange = PAINT["orange"]
    _panel(make, (-0.3, 0.3), (0, 0.1), orange)
    make.face([(-0.06, 0.95, 0), (0.06, 0.95, 0), (0.24, 0.1, 0), (-0.24, 0.1, 0)], orange,
              BOTH_SIDES)
    make.face([(-0.12, 0.66, 0), (0.12, 0.66, 0), (0.17, 0.42, 0), (-0.17, 0.42, 0)],
              (245, 245, 245), BOTH_SIDES)
    return make.done()
