"""What stands around a road: buildings, houses, trees, lamps, rails and hills.

Mere decoration, but for the surroundings and the lamps, which are in the plan.
"""

import math
from collections.abc import Callable

from recipe_kit.data.worlds.canvas import Color, Rng
from recipe_kit.data.worlds.driving.figures import POLE
from recipe_kit.data.worlds.driving.ground import FAR, terrain
from recipe_kit.data.worlds.driving.motion import Course
from recipe_kit.data.worlds.driving.scene import LANE, WALK, Scene
from recipe_kit.data.worlds.driving.solids import BOTH_SIDES, GLOWS, Builder, Solid, joined, shaded

_Kind = Callable[[Scene, Rng, float], Solid]
"""Builds one thing of a row; the last number is its share of the row, in meters."""

WALLS: tuple[Color, ...] = ((176, 140, 116), (150, 96, 80), (186, 178, 164), (140, 146, 156),
                            (204, 190, 150), (120, 108, 104))  # fmt: skip
ROOFS: tuple[Color, ...] = ((140, 62, 48), (92, 70, 62), (78, 82, 92))
LEAVES: tuple[Color, ...] = ((52, 104, 44), (66, 122, 50), (40, 88, 48), (92, 120, 44))
LIT: Color = (255, 214, 120)
PANE: Color = (66, 80, 98)


def scenery_solid(scene: Scene, rng: Rng) -> Solid:
    """Everything that stands still and is in no annotation."""
    found = [_hills(scene, rng)]
    where = scene.surroundings
    if where == "city":
        found += _row(scene, rng, _tower, (11.0, 17.0), WALK + 1.2)
    elif where == "suburb":
        found += _row(scene, rng, _house, (13.0, 17.0), WALK + 5.0)
        found += _row(scene, rng, _tree, (12.0, 22.0), WALK + 2.4)
    else:
        found += _row(scene, rng, _tree, (9.0, 26.0) if where == "countryside" else (10.0, 20.0),
                      5.0, spread=9.0)
    if where == "highway":
        found.append(_rails(scene))
    if where == "countryside":
        found.append(_fence(scene))
    return joined([*found, *_lamps(scene)])


def _spots(scene: Scene) -> list[tuple[Course, float, tuple[float, float], int]]:
    """Where rows may stand: (course, lateral of the edge, from s to s, side)."""
    road, junction = scene.road, scene.junction
    if junction is None:
        return [(road.course, edge, (3.0, FAR * 0.8), way)
                for edge, way in ((road.left, -1), (road.curb, 1))]
    corner = junction.z - LANE - 5.0
    spots = [(road.course, edge, (-2.0, corner), way)
             for edge, way in ((road.left, -1), (road.curb, 1))]
    wide = max(-road.left, road.curb) + 7.0
    other = Course(0.0, junction.z, math.pi / 2)
    ends = ((-70.0, -wide), (wide, 70.0))
    spots += [(other, LANE, along, 1) for along in ends]
    if junction.kind == "T junction":
        spots.append((other, -LANE, (-70.0, 70.0), -1))
    else:
        spots += [(other, -LANE, along, -1) for along in ends]
        spots += [(road.course, edge, (junction.z + LANE + 20, FAR * 0.75), way)
                  for edge, way in ((road.left, -1), (road.curb, 1))]
    return spots


def _row(scene: Scene, rng: Rng, kind: _Kind, steps: tuple[float, float], away: float,
         spread: float = 0.0) -> list[Solid]:
    found = []
    for course, edge, (s, end), way in _spots(scene):
        s += rng.uniform(0, 4.0)
        while True:
            step = rng.uniform(*steps)
            if s + step > end:
                break
            lateral = edge + way * (away + rng.uniform(0, spread) if spread else away)
            x, z, heading = course.pose(s + step / 2, lateral)
            # Things are made facing the road on their left: turned around on the other side.
            turned = heading if way > 0 else heading + math.pi
            found.append(kind(scene, rng, step).placed((x, z, turned)))
            s += step
    return found


def _windows(make: Builder, rng: Rng, scene: Scene, x: float, along: tuple[float, float],
             floors: int) -> None:
    """On the side to the road (smaller x) and on both ends."""
    lit = {"night": 0.45, "dusk": 0.3}.get(scene.time, 0.0)
    z0, z1 = along
    columns = max(2, round((z1 - z0) / 3.6))
    glow = rng.random((floors, columns + 4)) < lit
    for floor in range(floors):
        y = (1.0 + 3.2 * floor, 2.7 + 3.2 * floor)
        for column in range(columns):
            z = z0 + (z1 - z0) * (column + 0.25) / columns
            on = bool(glow[floor, column])
            make.side(x - 0.03, y, (z, z + (z1 - z0) * 0.5 / columns), LIT if on else PANE, -1,
                      GLOWS * on)
        for column in range(2):
            on = bool(glow[floor, columns + column])
            left = x + 1.2 + 4.0 * column
            make.rear((left, left + 2.2), y, z0 - 0.03, LIT if on else PANE, GLOWS * on)
            on = bool(glow[floor, columns + 2 + column])
            make.front((left, left + 2.2), y, z1 + 0.03, LIT if on else PANE, GLOWS * on)


def _tower(scene: Scene, rng: Rng, step: float) -> Solid:
    make, floors = Builder(), int(rng.integers(2, 6))
    wall = WALLS[int(rng.integers(len(WALLS)))]
    half = step / 2 - 0.4
    make.part(0, 0)
    make.box((0, 9), (0, 3.2 * floors + 1.0), (-half, half), wall)
    if scene.weather == "snow":
        top = 3.2 * floors + 1.0
        make.side(-0.02, (top - 0.4, top), (-half, half), (240, 242, 246), -1)
    _windows(make, rng, scene, 0, (-half, half), floors)
    return make.done()


def _house(scene: Scene, rng: Rng, step: float) -> Solid:
    make = Builder()
    wall = shaded(WALLS[int(rng.integers(len(WALLS)))], 1.15)
    roof = ROOFS[int(rng.integers(len(ROOFS)))]
    if scene.weather == "snow":
        roof = (236, 240, 246)
    half, deep, high = min(step / 2 - 1.5, 5.0), 7.0, 3.4
    make.part(0, 0)
    make.box((0, deep), (0, high), (-half, half), wall)
    _windows(make, rng, scene, 0, (-half, half), 1)
    make.side(-0.04, (0, 2.3), (-0.6, 0.6), shaded(roof, 0.8), -1)
    top, over = high + 2.6, 0.5
    for z, way in ((-half, -1), (half, 1)):
        gable = [(0.0, high, z), (deep / 2, top, z), (deep, high, z)]
        make.face(gable if way < 0 else gable[::-1], wall)
    make.face([(-over, high - 0.3, half + over), (deep / 2, top, half + over),
               (deep / 2, top, -half - over), (-over, high - 0.3, -half - over)], roof, BOTH_SIDES)
    return make.done()


def _tree(scene: Scene, rng: Rng, step: float) -> Solid:
    make = Builder()
    tall, leaves = rng.uniform(0.75, 1.25), LEAVES[int(rng.integers(len(LEAVES)))]
    if scene.weather == "snow":
        leaves = (206, 214, 218)
    make.part(0, 0)
    make.rear((-0.17, 0.17), (0, 2.4 * tall), 0, (86, 64, 44), BOTH_SIDES)
    for x, y, size, share in ((-0.7, 3.1, 1.3, 0.85), (0.7, 3.3, 1.3, 0.92), (0, 4.3, 1.5, 1.08)):
        make.disc(x * tall, y * tall, 0, (size * tall, size * tall), shaded(leaves, share))
    return make.done()


def _rails(scene: Scene) -> Solid:
    make, road = Builder(), scene.road
    for lateral in (road.left - 1.2, road.right + 1.4):
        s = -4.0
        while s < FAR * 0.8:
            (x0, z0, _), (x1, z1, _) = (road.course.pose(a, lateral) for a in (s, s + 5.0))
            make.part((x0 + x1) / 2, (z0 + z1) / 2)
            make.face([(x0, 0.85, z0), (x1, 0.85, z1), (x1, 0.5, z1), (x0, 0.5, z0)],
                      (176, 180, 184), BOTH_SIDES)
            make.rear((x0 - 0.08, x0 + 0.08), (0, 0.8), z0, POLE, BOTH_SIDES)
            s += 5.0
    return make.done()


def _fence(scene: Scene) -> Solid:
    make, road = Builder(), scene.road
    last = scene.junction.z - LANE - 4 if scene.junction else FAR * 0.7
    for lateral in (road.left - 2.6, road.right + 2.8):
        s = 0.0
        while s < last:
            x, z, _ = road.course.pose(s, lateral)
            make.part(x, z)
            make.rear((x - 0.09, x + 0.09), (0, 1.15), z, (236, 232, 222), BOTH_SIDES)
            s += 5.0
    return make.done()


def _lamps(scene: Scene) -> list[Solid]:
    road, found = scene.road, []
    gap = (scene.junction.z - LANE - 2, scene.junction.z + LANE + 4) if scene.junction else (0, 0)
    sides = {"left": (-1,), "right": (1,), "both sides": (-1, 1)}.get(road.lamps, ())
    lit = scene.time != "day"
    for way in sides:
        lateral = road.left - 0.6 if way < 0 else road.curb + 0.6
        for s in (6.0 + 15.0 * number for number in range(6)):
            if gap[0] < s < gap[1]:
                continue
            make = Builder()
            make.part(0, 0)
            make.rear((-0.1, 0.1), (0, 6.0), 0, POLE, BOTH_SIDES)
            make.rear((min(0, -way * 1.5), max(0, -way * 1.5)), (5.9, 6.05), 0, POLE, BOTH_SIDES)
            color = (255, 226, 150) if lit else (210, 210, 205)
            make.disc(-way * 1.5, 5.85, 0, (0.45, 0.22), color, GLOWS * lit)
            found.append(make.done().placed(road.course.pose(s, lateral)))
    return found


def _hills(scene: Scene, rng: Rng) -> Solid:
    """A ring of hills, far away, so that a turn shows."""
    make = Builder()
    make.part(0, 900.0)
    land = terrain(scene)
    color = shaded(land, 0.75)
    heights = rng.uniform(6, 30 if scene.surroundings in ("countryside", "highway") else 12, 33)
    for number in range(32):
        a, b = (2 * math.pi * (number + step) / 32 for step in (0, 1))
        left, right = float(heights[number]), float(heights[(number + 1) % 32])
        make.face([(300 * math.sin(a), left, 300 * math.cos(a)),
                   (300 * math.sin(b), right, 300 * math.cos(b)),
                   (300 * math.sin(b), -2, 300 * math.cos(b)),
                   (300 * math.sin(a), -2, 300 * math.cos(a))], color, BOTH_SIDES)
    return make.done()
