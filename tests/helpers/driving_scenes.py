"""Plans of the driving world written by hand, for its tests."""

from dataclasses import replace

from recipe_kit.data.worlds.driving.motion import Course, Speed
from recipe_kit.data.worlds.driving.scene import (
    LANE,
    Ego,
    Junction,
    Look,
    Person,
    Road,
    Scene,
    Vehicle,
)

STEADY = Speed(((0.0, 8.0),))
STANDS = Speed(((0.0, 0.0),))
PLAIN = Look((1, 0), textured=False, lit=False, noisy=False, blurred=False)

STREET = Road(course=Course(), ahead=1, oncoming=1, parking=False, walks=True, lamps="none",
              bend="none", line="dashed")

EMPTY = Scene(
    seconds=4.0, surroundings="suburb", time="day", weather="clear", road=STREET, junction=None,
    crosswalk=None, ego=Ego(Course(), LANE / 2, STEADY, "straight", "none", -1.0), vehicles=(),
    people=(), signs=(), cones=(), look=PLAIN,
)  # fmt: skip
"""A straight suburban street by day, and nobody there."""


def lead(kind: str = "car", color: str = "red", speed: Speed = STEADY) -> Vehicle:
    return Vehicle("lead", kind, color, Course(), 13.0, LANE / 2, speed)


RED_LIGHT = replace(
    EMPTY,
    surroundings="city", time="night", weather="rain",
    junction=Junction("crossroads", 30.0, "traffic lights", ((0.0, "red"),)),
    crosswalk=24.1,
    ego=Ego(Course(), LANE / 2, Speed(((0.0, 8.0), (1.0, 8.0), (3.0, 0.0))), "stop", "red light",
            1.0),
    vehicles=(Vehicle("crossing", "bus", "yellow", Course(1.7, 30.0, 1.5707963), -20.0, LANE / 2,
                      Speed(((0.0, 7.0),))),),
    people=(Person("crossing", "adult", "blue", "umbrella", -2.0, 24.0, 1.6, 0.0),),
)  # fmt: skip
"""It stops at a red light in a rainy night; a bus and a pedestrian cross from left to right."""
