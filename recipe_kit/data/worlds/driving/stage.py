"""The things of a plan as solids: what stands, what moves, and the shadows below."""

import math

from recipe_kit.data.worlds.driving.bodies import vehicle_solid
from recipe_kit.data.worlds.driving.figures import (
    cone_solid,
    cyclist_solid,
    light_solid,
    person_solid,
    sign_solid,
)
from recipe_kit.data.worlds.driving.motion import Pose
from recipe_kit.data.worlds.driving.scene import LANE, SIZES, Scene
from recipe_kit.data.worlds.driving.solids import BOTH_SIDES, Builder, Solid, joined

FLASHES = 3.0
"""How often in a second emergency lights change."""


def standing(scene: Scene) -> Solid:
    """Signs and cones."""
    make = Builder()  # never empty, so that it can always be joined
    make.part(0, -1000.0)
    from_plan = [sign_solid(one).placed((one.x, one.z, one.heading)) for one in scene.signs]
    from_plan += [cone_solid().placed((x, z, 0.0)) for x, z in scene.cones]
    return joined([make.done(), *from_plan])


def _shows(camera: Pose, pose: Pose) -> str:
    """Which end of a vehicle the camera sees."""
    x, z, heading = pose
    dx, dz = x - camera[0], z - camera[1]
    along = (dx * math.sin(heading) + dz * math.cos(heading)) / max(math.hypot(dx, dz), 0.1)
    return "rear" if along > 0.3 else "front" if along < -0.3 else "side"


def movers(scene: Scene, t: float) -> list[Solid]:
    """Vehicles, people and traffic lights at a time; people turn to the camera."""
    camera = scene.ego.pose(t)
    lit = scene.time != "day" or scene.weather in ("rain", "fog")
    found = []
    for one in scene.vehicles:
        pose = one.pose(t)
        if one.kind == "bicycle":
            solid = cyclist_solid(one.color, one.speed.travelled(t), oncoming=one.backward, lit=lit)
            found.append(solid.placed((pose[0], pose[1], camera[2])))
            continue
        flash = 1 + int(t * FLASHES * 2) % 2 if one.emergency else 0
        moves = one.role != "parked"
        found.append(vehicle_solid(one.kind, one.color, brakes=one.brakes(t), lit=lit and moves,
                                   flash=flash, shows=_shows(camera, pose)).placed(pose))
    for person in scene.people:
        x, z = person.at(t)
        solid = person_solid(person, t, aside=person.role == "crossing")
        found.append(solid.placed((x, z, camera[2])))
    junction = scene.junction
    if junction and junction.control == "traffic lights":
        x = scene.road.right + 0.9
        solid = light_solid(junction.light_at(t), x - (scene.road.right - LANE / 2))
        found.append(solid.placed((x, junction.z + LANE + 1.0, 0.0)))
    return found


def shadows(scene: Scene, t: float) -> list[Solid]:
    """Dark ground below vehicles and people."""
    make = Builder()
    make.part(0, 0)
    shade = (40, 40, 44) if scene.weather != "snow" else (112, 116, 126)
    for one in scene.vehicles:
        width, _, length = SIZES[one.kind]
        spot = Builder()
        spot.part(0, 0)
        w, h = width / 2 + 0.15, length / 2 + 0.15
        spot.face([(-w, 0, h), (w, 0, h), (w, 0, -h), (-w, 0, -h)], shade, BOTH_SIDES)
        make_placed = spot.done().placed(one.pose(t))
        for corners in make_placed.faces.tolist():
            make.face([(p[0], p[1], p[2]) for p in corners], shade, BOTH_SIDES)
    for person in scene.people:
        x, z = person.at(t)
        make.face([(x - 0.35, 0, z + 0.2), (x + 0.35, 0, z + 0.2), (x + 0.35, 0, z - 0.2),
                   (x - 0.35, 0, z - 0.2)], shade, BOTH_SIDES)
    return [make.done()]
