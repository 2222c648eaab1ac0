"""Colored faces in space, gathered in parts that are drawn one after the other.

x to the right, y up, z ahead, in meters. A `Solid` is what a thing looks like in its own place;
`Solid.placed` puts it into the world.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recipe_kit.data.worlds.canvas import Color
from recipe_kit.data.worlds.driving.motion import Pose

Array = NDArray[np.float32]

BOTH_SIDES, GLOWS = 1, 2
"""Flags of faces: seen from behind too; gives light itself."""


def shaded(color: Color, share: float) -> Color:
    """A darker (share < 1) or lighter color."""
    red, green, blue = color
    return min(255.0, red * share), min(255.0, green * share), min(255.0, blue * share)


@dataclass(frozen=True)
class Solid:
    """Faces and discs; `part` says which belong together, `anchors` where each part stands."""

    faces: Array
    """[F, 4, 3] corners; a triangle has its last corner twice."""
    face_colors: Array
    """[F, 3] 0..255"""
    face_flags: NDArray[np.uint8]
    """[F]"""
    face_parts: NDArray[np.int32]
    """[F]"""
    discs: Array
    """[D, 5]: center, half width, half height; always turned to the camera."""
    disc_colors: Array
    """[D, 3]"""
    disc_flags: NDArray[np.uint8]
    """[D]"""
    disc_parts: NDArray[np.int32]
    """[D]"""
    anchors: Array
    """[P, 3]"""

    def placed(self, pose: Pose) -> "Solid":
        """Turned to a heading and moved to a place on the ground."""
        x, z, heading = pose
        turn = rotation(heading)
        shift = np.array([x, 0, z], np.float32)
        discs = self.discs.copy()
        discs[:, :3] = self.discs[:, :3] @ turn + shift
        return Solid(self.faces @ turn + shift, self.face_colors, self.face_flags, self.face_parts,
                     discs, self.disc_colors, self.disc_flags, self.disc_parts,
                     self.anchors @ turn + shift)


def rotation(heading: float) -> Array:
    """What turns row vectors [x, y, z] from facing z to facing `heading`."""
    cos, sin = math.cos(heading), math.sin(heading)
    return np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], np.float32)


def joined(solids: list[Solid]) -> Solid:
    """Several solids as one."""
    before = np.cumsum([0, *(len(one.anchors) for one in solids)])
    pairs = list(zip(solids, before, strict=False))
    return Solid(
        np.concatenate([one.faces for one in solids]),
        np.concatenate([one.face_colors for one in solids]),
        np.concatenate([one.face_flags for one in solids]),
        np.concatenate([one.face_parts + np.int32(at) for one, at in pairs]),
        np.concatenate([one.discs for one in solids]),
        np.concatenate([one.disc_colors for one in solids]),
        np.concatenate([one.disc_flags for one in solids]),
        np.concatenate([one.disc_parts + np.int32(at) for one, at in pairs]),
        np.concatenate([one.anchors for one in solids]),
    )


class Builder:
    """Gathers faces, part by part."""

    def __init__(self) -> None:
        self._faces: list[list[tuple[float, float, float]]] = []
        self._face_rows: list[tuple[Color, int, int]] = []
        self._discs: list[tuple[float, ...]] = []
        self._disc_rows: list[tuple[Color, int, int]] = []
        self._anchors: list[tuple[float, float, float]] = []

    def part(self, x: float, z: float, y: float = 0.0) -> None:
        """Begin a part that stands at a place; what is nearer to the camera is drawn later."""
        self._anchors.append((x, y, z))

    def face(self, corners: list[tuple[float, float, float]], color: Color, flags: int = 0) -> None:
        """A face of three or four corners, clockwise for who looks at its front."""
        self._faces.append(corners if len(corners) == 4 else [*corners, corners[-1]])
        self._face_rows.append((color, flags, len(self._anchors) - 1))

    def disc(self, x: float, y: float, z: float, half: tuple[float, float], color: Color,
             flags: int = 0) -> None:
        """An ellipse that always faces the camera."""
        self._discs.append((x, y, z, *half))
        self._disc_rows.append((color, flags, len(self._anchors) - 1))

    def box(self, x: tuple[float, float], y: tuple[float, float], z: tuple[float, float],
            color: Color) -> None:
        """A box: sides a little darker, the top lighter; nothing below."""
        (x0, x1), y1, (z0, z1) = x, y[1], z
        self.rear(x, y, z0, color)
        self.front(x, y, z1, color)
        self.side(x0, y, z, shaded(color, 0.72), -1)
        self.side(x1, y, z, shaded(color, 0.72), 1)
        self.face([(x0, y1, z1), (x1, y1, z1), (x1, y1, z0), (x0, y1, z0)], shaded(color, 1.18))

    def rear(self, x: tuple[float, float], y: tuple[float, float], z: float, color: Color,
             flags: int = 0) -> None:
        """A rectangle that is seen from smaller z."""
        (x0, x1), (y0, y1) = x, y
        self.face([(x0, y1, z), (x1, y1, z), (x1, y0, z), (x0, y0, z)], color, flags)

    def front(self, x: tuple[float, float], y: tuple[float, float], z: float, color: Color,
              flags: int = 0) -> None:
        """A rectangle that is seen from larger z."""
        self.rear((x[1], x[0]), y, z, color, flags)

    def side(self, x: float, y: tuple[float, float], z: tuple[float, float], color: Color,
             way: int, flags: int = 0) -> None:
        """A rectangle that is seen from smaller x (way -1) or from larger x (way 1)."""
        z0, z1 = z if way > 0 else (z[1], z[0])
        y0, y1 = y
        self.face([(x, y1, z0), (x, y1, z1), (x, y0, z1), (x, y0, z0)], color, flags)

    def done(self) -> Solid:
        """The solid."""
        def columns(rows: list[tuple[Color, int, int]]) -> tuple[Array, NDArray[np.uint8],
                                                                 NDArray[np.int32]]:
            return (np.array([row[0] for row in rows], np.float32).reshape(-1, 3),
                    np.array([row[1] for row in rows], np.uint8),
                    np.array([row[2] for row in rows], np.int32))

        return Solid(np.array(self._faces, np.float32).reshape(-1, 4, 3),
                     *columns(self._face_rows),
                     np.array(self._discs, np.float32).reshape(-1, 5), *columns(self._disc_rows),
                     np.array(self._anchors, np.float32).reshape(-1, 3))
