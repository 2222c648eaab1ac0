"""Where the objects of a tabletop picture stand, what they are, and which two are asked about.

No pixel is drawn here, and nothing depends on the size of the picture but its proportions.
"""

import math
from dataclasses import dataclass

from recipe_kit.data.worlds.canvas import Rng, stream
from recipe_kit.data.worlds.drawing import Value
from recipe_kit.data.worlds.things import ICONS, pick_names
from recipe_kit.spec.worlds import TabletopKnobs

NEAR_GAPS = (0.08, 0.15)
"""Horizontal distance of the two centers in hard pictures, as a share of the width."""

FAR_GAPS = (0.19, 0.36)
"""The same in the other pictures."""

FAR_FROM = 0.17
"""From this distance on the two are far apart."""

APART = 1.1
"""Objects that do not overlap are farther apart than the sum of their radii times this."""


@dataclass(frozen=True)
class Spot:
    """Where an object stands, in units of the picture's shorter side."""

    x: float
    y: float
    r: float

    @property
    def foot(self) -> float:
        """How far down the picture it stands: those farther down are in front."""
        return self.y + self.r


@dataclass(frozen=True)
class Room:
    """The picture, in units of its shorter side."""

    width: float
    height: float
    edge: float
    """How far down the table's back edge is."""

    def upright(self, rng: Rng) -> tuple[float, float]:
        """The center's y and the radius of an object somewhere from back to front."""
        foot = rng.uniform(self.edge + 0.12, self.height - 0.05)
        depth = (foot - self.edge) / (self.height - self.edge)
        r = rng.uniform(0.085, 0.15) * (0.85 + 0.25 * depth)
        return max(foot - r, r + 0.02), r

    def spot(self, rng: Rng) -> Spot:
        """An object anywhere on the table."""
        y, r = self.upright(rng)
        return Spot(rng.uniform(r + 0.02, self.width - r - 0.02), y, r)

    def pair(self, rng: Rng, gap: float) -> list[Spot]:
        """Two objects that do not touch, the left one first."""
        while True:  # about half of all tries fit
            (left_y, left_r), (right_y, right_r) = self.upright(rng), self.upright(rng)
            apart = math.hypot(gap, left_y - right_y) > APART * (left_r + right_r)
            low, high = left_r + 0.02, self.width - right_r - 0.02 - gap
            low, high = max(low, right_r + 0.02 - gap), min(high, self.width - left_r - 0.02)
            if apart and low < high:
                x = rng.uniform(low, high)
                return [Spot(x, left_y, left_r), Spot(x + gap, right_y, right_r)]

    def behind(self, rng: Rng, front: Spot) -> Spot | None:
        """An object partly hidden by another, if there is room for it."""
        y, r = self.upright(rng)
        touch = rng.uniform(0.72, 0.92) * (r + front.r)
        angle = rng.uniform(-0.4, math.pi + 0.4)
        x, y = front.x + touch * math.cos(angle), front.y - touch * math.sin(angle)
        inside = r + 0.02 < x < self.width - r - 0.02 and y > r + 0.02
        on_table = self.edge + 0.12 < y + r < front.foot - 0.02
        return Spot(x, y, r) if inside and on_table else None


def _apart(one: Spot, others: list[Spot]) -> bool:
    return all(math.hypot(one.x - o.x, one.y - o.y) > APART * (one.r + o.r) for o in others)


def _more(rng: Rng, room: Room, spots: list[Spot], *, hidden: bool) -> list[Spot]:
    """One more object that is not asked about, where there is room for it."""
    for attempt in range(60):
        if hidden and attempt < 30:
            front = spots[int(rng.integers(len(spots)))]
            one = room.behind(rng, front)
            others = [other for other in spots if other is not front]
        else:
            one, others = room.spot(rng), spots
        if one and _apart(one, others):
            return [*spots, one]
    return spots


@dataclass(frozen=True)
class Arrangement:
    """A table with its objects; the first two are asked about, the left one first."""

    room: Room
    spots: tuple[Spot, ...]
    names: tuple[str, ...]
    order: tuple[int, ...]
    """In which order the labels list the objects."""
    subject_left: bool
    """The left one is the subject; otherwise it is the object."""

    @property
    def labels(self) -> dict[str, Value]:
        """What is true of the picture, by name; `tabletop` says what each label means."""
        subject, other = (0, 1) if self.subject_left else (1, 0)
        # As the labels give them, so that whoever computes from the labels finds the same.
        left, right = (round(spot.x / self.room.width, 4) for spot in self.spots[:2])
        labels: dict[str, Value] = {
            "relation": "left" if self.subject_left else "right",
            "subject": self.names[subject],
            "object": self.names[other],
            "subject_kind": "thing" if self.names[subject] in ICONS else "shape",
            "category": "near" if right - left < FAR_FROM else "far",
            "halves": "both halves" if left < 0.5 <= right else "same half",
            "scene": "cluttered" if len(self.spots) > 3 else "sparse",
            "gap": round(right - left, 4),
            "count": len(self.spots),
        }
        for number, which in enumerate(self.order):
            spot = self.spots[which]
            labels |= {
                f"name{number}": self.names[which],
                f"x{number}": round(spot.x / self.room.width, 4),
                f"y{number}": round(spot.y / self.room.height, 4),
                f"size{number}": round(2 * spot.r, 4),
            }
        return labels


def arrange(seed: int, index: int, shape: tuple[int, int], knobs: TabletopKnobs) -> Arrangement:
    """Lay the table for one picture.

    Args:
        seed: Which sequence of pictures.
        index: Which picture of it.
        shape: Height and width in pixels; only their proportion matters.
        knobs: `clutter`, `overlap`, `icons` and `near` matter here.
    """
    dice = stream("tabletop", seed, index, 0)
    near, cluttered = (dice.random(2) < (knobs.near, knobs.clutter)).tolist()
    subject_left, one_more = (dice.random(2) < 0.5).tolist()
    hidden = (dice.random(3) < knobs.overlap).tolist()
    gap = dice.uniform(*(NEAR_GAPS if near else FAR_GAPS))
    side = min(shape)
    height = shape[0] / side
    room = Room(shape[1] / side, height, dice.uniform(0.12, 0.3) * height)
    spots = room.pair(dice, gap * room.width)
    for number in range(2 * cluttered + one_more):
        spots = _more(dice, room, spots, hidden=hidden[number])
    rng = stream("tabletop", seed, index, 1)
    order = rng.permutation(len(spots)).tolist()
    names = pick_names(rng, len(spots), knobs.icons)
    return Arrangement(room, tuple(spots), tuple(names), tuple(order), subject_left)
