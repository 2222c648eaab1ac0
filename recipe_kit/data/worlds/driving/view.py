"""The camera: how places become pixels, and where things of a plan are in the picture."""

import math

from recipe_kit.data.worlds.driving.motion import Pose
from recipe_kit.data.worlds.driving.scene import SIZES, Person, Scene, Vehicle

FOCAL = 0.87
"""Focal length in widths of the picture: 60 degrees from left to right."""

HORIZON = 0.44
"""Where the horizon is, in heights of the picture from the top."""

EYE = 1.45
"""The camera's height in meters."""

Box = dict[str, float]
"""x1, y1, x2, y2 in pixels from the upper left corner."""


def to_camera(camera: Pose, x: float, z: float) -> tuple[float, float]:
    """A place seen from the camera: meters to the right, meters ahead."""
    dx, dz = x - camera[0], z - camera[1]
    sin, cos = math.sin(camera[2]), math.cos(camera[2])
    return dx * cos - dz * sin, dx * sin + dz * cos


def box(scene: Scene, thing: Vehicle | Person, t: float, *, width: int, height: int) -> Box | None:
    """The frame around a vehicle or a person at a time; None where it is not in the picture.

    Args:
        scene: The plan.
        thing: One of its vehicles or people.
        t: The time in seconds.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
    """
    camera = scene.ego.pose(t)
    if isinstance(thing, Person):
        x, z = thing.at(t)
        tall = 1.3 if thing.kind == "child" else 1.8
        places, turn = [(x - 0.3, z), (x + 0.3, z)], None
    else:
        x, z, turn = thing.pose(t)
        wide, tall, long = SIZES[thing.kind]
        sin, cos = math.sin(turn), math.cos(turn)
        places = [(x + a * wide / 2 * cos + b * long / 2 * sin,
                   z - a * wide / 2 * sin + b * long / 2 * cos)
                  for a in (-1, 1) for b in (-1, 1)]  # fmt: skip
    seen = [to_camera(camera, *place) for place in places]
    if any(ahead < 0.5 for _, ahead in seen):
        return None
    focal = FOCAL * width
    across = [width / 2 + focal * right / ahead for right, ahead in seen]
    down = [HORIZON * height + focal * (EYE - up) / ahead for _, ahead in seen for up in (0, tall)]
    corners = (max(0.0, min(across)), max(0.0, min(down)),
               min(float(width), max(across)), min(float(height), max(down)))  # fmt: skip
    if corners[2] - corners[0] < 1 or corners[3] - corners[1] < 1:
        return None
    return {name: round(value, 2)
            for name, value in zip(("x1", "y1", "x2", "y2"), corners, strict=True)}
