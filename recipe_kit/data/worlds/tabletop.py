"""The `tabletop` world: objects on a table, two of which a left/right question is about.

| label | values |
| --- | --- |
| `subject`, `object` | names of the two objects of the question, such as `red ring` or `apple` |
| `relation` | where the subject is, seen from the object: `left` or `right` |
| `subject_kind` | `shape` (a colored shape) or `thing` (an apple, a cup) |
| `category` | `near`: the two centers differ by under 17% of the width; `far` |
| `halves` | are they in the `same half` of the picture, or in `both halves` |
| `scene` | `sparse` (two or three objects) or `cluttered` (four or five) |
| `gap` | how far the two centers are apart from left to right, as a share of the width |
| `count` | number of objects |
| `name<n>`, `x<n>`, `y<n>`, `size<n>` | each object in no special order: its name, its center as \
  shares of width and height, its diameter as a share of the shorter side |

Which of the two is the subject is decided by a coin that nothing else depends on: neither names
nor sizes, heights, order or looks say anything about the answer. Where the subject is does, a
little: what stands far on the left has more to its right. Whoever looks at the subject only can
be right in three of four pictures (six of ten that are `near`), not in more.
"""

import math
from dataclasses import dataclass

import numpy as np

from recipe_kit.data.worlds.arrangement import Spot, arrange
from recipe_kit.data.worlds.canvas import Mask, Plane, Rng, develop, light, stream, tint
from recipe_kit.data.worlds.drawing import Drawing
from recipe_kit.data.worlds.tables import MATERIALS, paint_table
from recipe_kit.data.worlds.things import REACH, Pen, draw_thing
from recipe_kit.spec.worlds import TabletopKnobs


@dataclass(frozen=True)
class _Stamp:
    """A drawn object, ready to be laid over the picture."""

    left: int
    top: int
    pixels: Plane
    """As `Pen.done` gives them."""

    @property
    def covers(self) -> tuple[float, float, float]:
        """The object's left and right side and its bottom, in pixels of the picture."""
        solid = self.pixels[..., 3] >= self.pixels[..., 3].max() / 2
        columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
        return self.left + float(columns[0]), self.left + columns[-1] + 1.0, self.top + rows[-1] + 1

    def lay(self, picture: Plane) -> None:
        """Lay it over the picture, in place."""
        up, aside = max(0, -self.top), max(0, -self.left)
        inside = self.pixels[up : picture.shape[1] - self.top, aside : picture.shape[2] - self.left]
        top, left = self.top + up, self.left + aside
        under = picture[:, top : top + inside.shape[0], left : left + inside.shape[1]]
        under *= np.float32(1) - inside[..., 3] * np.float32(1 / 255)
        under += inside[..., :3].transpose(2, 0, 1)


def _stamp(rng: Rng, side: int, spot: Spot, name: str) -> _Stamp:
    x, y, r = spot.x * side, spot.y * side, spot.r * side
    half = math.ceil(r * REACH) + 1
    left, top = math.floor(x) - half, math.floor(y) - half
    pen = Pen(2 * half + 1, (x - left, y - top), r)
    draw_thing(pen, rng, name)
    return _Stamp(left, top, pen.done())


def _shadows(rng: Rng, picture: Plane, stamps: list[_Stamp], edge: float) -> None:
    """Every object's shadow on the table, all to the same side."""
    shape = (picture.shape[1], picture.shape[2])
    aside, flat, side = rng.uniform(-0.35, 0.35), rng.uniform(0.22, 0.34), min(shape)
    mask = Mask(shape, detail=128)
    for stamp in stamps:
        left, right, bottom = (pixels / side for pixels in stamp.covers)
        x, r = (left + right) / 2, (right - left) / 2
        deep = min(r, 0.1)
        mask.ellipse(x + aside * r, bottom - 0.12 * deep, r, deep * flat, 190)
        mask.ellipse(x, bottom - 0.05 * deep, r * 0.8, deep * 0.16)
    cast = mask.done(blur=0.012)
    cast[: round(edge * side)] = 0  # none on the wall
    share = rng.uniform(0.4, 0.6)
    tint(picture, cast, (share, share, share + 0.03))


def draw_tabletop(
    *, seed: int, index: int, shape: tuple[int, int], knobs: TabletopKnobs
) -> Drawing:
    """Objects on a table; see the module for the labels.

    Each part has its own random stream, so that turning one knob leaves the others' parts alone.
    """
    scene = arrange(seed, index, shape, knobs)
    side, edge = min(shape), scene.room.edge

    def part(number: int) -> Rng:
        return stream("tabletop", seed, index, number)

    dice = part(2)
    shares = (knobs.texture, knobs.lighting, knobs.noise, knobs.blur)
    textured, lit, noisy, blurred = (dice.random(4) < shares).tolist()
    material = MATERIALS[int(dice.integers(len(MATERIALS)))]
    picture = paint_table(dice, shape, edge=edge, material=material if textured else None)
    rng = part(3)
    stamps = [_stamp(rng, side, *one) for one in zip(scene.spots, scene.names, strict=True)]
    _shadows(rng, picture, stamps, edge)
    for _, stamp in sorted(zip(scene.spots, stamps, strict=True), key=lambda pair: pair[0].foot):
        stamp.lay(picture)
    if lit:
        light(part(4), picture)
    return Drawing(develop(part(5), picture, noisy=noisy, blurred=blurred), scene.labels)
