"""The ground of a scene: sidewalks, roads, lines, crosswalks, patches; drawn in this order."""

import math
from itertools import pairwise

from recipe_kit.data.worlds.canvas import Color, Rng
from recipe_kit.data.worlds.driving.motion import Course
from recipe_kit.data.worlds.driving.scene import LANE, WALK, Scene
from recipe_kit.data.worlds.driving.solids import BOTH_SIDES, Builder, Solid, shaded

FAR = 130.0
"""Up to here a road is drawn, in meters."""

BEHIND = -12.0
WHITE: Color = (238, 238, 232)
YELLOW: Color = (240, 190, 40)

TERRAIN: dict[str, Color] = {
    "city": (128, 124, 116),
    "suburb": (96, 138, 66),
    "countryside": (132, 146, 62),
    "highway": (112, 132, 72),
}
ASPHALT: dict[str, Color] = {
    "clear": (92, 92, 96), "rain": (58, 60, 68), "fog": (96, 97, 100), "snow": (172, 176, 184),
}  # fmt: skip
PAVING: Color = (164, 158, 148)
SNOW: Color = (232, 236, 242)


def terrain(scene: Scene) -> Color:
    """The color of the land."""
    return SNOW if scene.weather == "snow" else TERRAIN[scene.surroundings]


class Ground:
    """Lays strips along courses."""

    def __init__(self) -> None:
        self.make = Builder()
        self.make.part(0, 0)

    def strip(self, course: Course, lateral: tuple[float, float], along: tuple[float, float],
              color: Color, step: float = 0.0) -> None:
        """A strip between two laterals, from s to s, in pieces of `step` where the course bends."""
        start, end = along
        cuts = [start]
        if course.pieces and any(curvature for _, curvature in course.pieces):
            step = step or 4.0
            while cuts[-1] + step < end:
                cuts.append(cuts[-1] + step)
        cuts.append(end)
        for a, b in pairwise(cuts):
            corners = []
            for s, aside in ((b, lateral[0]), (b, lateral[1]), (a, lateral[1]), (a, lateral[0])):
                x, z, _ = course.pose(s, aside)
                corners.append((x, 0.0, z))
            self.make.face(corners, color, BOTH_SIDES)

    def dashes(self, course: Course, lateral: float, along: tuple[float, float], color: Color,
               dash: tuple[float, float]) -> None:
        """A broken line: (length of a dash, from dash to dash)."""
        s = along[0]
        while s + dash[0] <= along[1]:
            self.strip(course, (lateral - 0.09, lateral + 0.09), (s, s + dash[0]), color, dash[0])
            s += dash[1]

    def line(self, course: Course, lateral: float, along: tuple[float, float],
             color: Color) -> None:
        """A solid line."""
        self.strip(course, (lateral - 0.09, lateral + 0.09), along, color)


def _openings(scene: Scene) -> tuple[tuple[float, float], ...]:
    """The stretches of the first road that have lines: all but the junction."""
    junction = scene.junction
    if junction is None:
        return ((BEHIND, FAR),)
    before = (BEHIND, junction.lines_end)
    beyond = (junction.z + LANE + 5.0, FAR)
    return (before,) if junction.kind == "T junction" else (before, beyond)


def ground_solid(scene: Scene, rng: Rng) -> Solid:
    """All of the ground, in the order in which it is drawn."""
    lay, road, junction = Ground(), scene.road, scene.junction
    asphalt, course = ASPHALT[scene.weather], road.course
    cross = Course(0.0, junction.z, math.pi / 2) if junction else None
    end = junction.z if junction and junction.kind == "T junction" else FAR
    paving = shaded(SNOW, 0.93) if scene.weather == "snow" else PAVING
    if road.walks:
        lay.strip(course, (road.left - WALK, road.curb + WALK), (BEHIND, end), paving)
        lay.strip(course, (road.left - 0.18, road.curb + 0.18), (BEHIND, end), shaded(paving, 0.8))
    if cross:
        if road.walks:
            lay.strip(cross, (-LANE - WALK, LANE + WALK), (-90, 90), paving)
        lay.strip(cross, (-LANE, LANE), (-90, 90), asphalt)
    if road.parking:
        lay.strip(course, (road.right, road.curb), (BEHIND, end), shaded(asphalt, 1.12))
    shoulder = 0.0 if road.walks else 0.7
    lay.strip(course, (road.left - shoulder, road.right + shoulder), (BEHIND, end), asphalt)
    if scene.look.textured:
        _patches(lay, scene, rng, asphalt)
    if scene.weather == "snow":
        for lane in range(-road.oncoming, road.ahead):
            for aside in (0.9, 2.2):
                wheel = lane * LANE + aside
                lay.strip(course, (wheel, wheel + 0.35), (BEHIND, end), (132, 136, 144))
    _lines(lay, scene, cross)
    return lay.make.done()


def _lines(lay: Ground, scene: Scene, cross: Course | None) -> None:
    road, course, junction = scene.road, scene.road.course, scene.junction
    dash = (4.0, 10.0) if scene.surroundings == "highway" else (2.4, 6.0)
    for along in _openings(scene):
        for lane in range(-road.oncoming + 1, road.ahead):
            if lane:
                lay.dashes(course, lane * LANE, along, WHITE, dash)
        if road.line == "solid":
            lay.line(course, -0.14, along, YELLOW)
            lay.line(course, 0.14, along, YELLOW)
        elif road.line == "dashed":
            lay.dashes(course, 0.0, along, YELLOW, dash)
        for edge in (road.left, road.right):
            if not road.walks or (road.parking and edge > 0):
                lay.line(course, edge, along, WHITE)
    if road.parking:
        last = junction.stop_line if junction else 90.0
        s = BEHIND
        while s < last:
            lay.strip(course, (road.right, road.curb), (s, s + 0.12), WHITE, 0.2)
            s += 6.5
    if cross:
        gap = max(-road.left, road.right) + 4.0
        for along in ((-80.0, -gap), (gap, 80.0)):
            lay.dashes(cross, 0.0, along, YELLOW, (2.4, 6.0))
    if junction and junction.control != "none":
        z = junction.stop_line
        lay.strip(course, (0.1, road.right - 0.1), (z - 0.25, z + 0.25), WHITE)
    if scene.crosswalk is not None:
        x = road.left + 0.3
        while x + 0.5 < road.right:
            z = scene.crosswalk
            lay.strip(course, (x, x + 0.55), (z - 1.4, z + 1.4), WHITE)
            x += 1.1


def _patches(lay: Ground, scene: Scene, rng: Rng, asphalt: Color) -> None:
    """Repairs and spots on the road, tufts or slabs beside it: what shows the motion."""
    road, course, land = scene.road, scene.road.course, terrain(scene)
    shares = rng.uniform(0.8, 1.13, 64)
    places = rng.random((64, 3))
    for number in range(22):
        s = BEHIND + (FAR * 0.7 - BEHIND) * float(places[number, 0])
        if scene.junction and s > scene.junction.stop_line - 2:
            continue
        aside = road.left + (road.right - road.left - 1.0) * float(places[number, 1])
        long = 0.6 + 2.4 * float(places[number, 2])
        lay.strip(course, (aside, aside + 0.9), (s, s + long), shaded(asphalt, shares[number]), 3.0)
    if road.walks:
        s = BEHIND
        while s < 60 and not (scene.junction and s > scene.junction.stop_line):
            for edge, way in ((road.left, -1), (road.curb, 1)):
                a, b = sorted((edge + way * 0.2, edge + way * WALK))
                lay.strip(course, (a, b), (s, s + 0.15), shaded(PAVING, 0.78), 0.3)
            s += 3.0
    for number in range(22, 64):
        s = BEHIND + (FAR * 0.8 - BEHIND) * float(places[number, 0])
        way = 1 if number % 2 else -1
        outer = road.left if way < 0 else road.curb
        aside = outer + way * (WALK * road.walks + 1.0 + 14 * float(places[number, 1]))
        if scene.junction and s > scene.junction.z - LANE - 3:
            continue
        size = 0.7 + 2.0 * float(places[number, 2])
        lay.strip(course, (aside, aside + size), (s, s + size), shaded(land, shares[number]), 4.0)
