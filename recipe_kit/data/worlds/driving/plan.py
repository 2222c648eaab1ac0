"""Plan a clip: where it is, what the ego vehicle does and why; then who else is there."""

from dataclasses import replace

from recipe_kit.data.worlds.canvas import Rng, stream
from recipe_kit.data.worlds.driving.dice import moment, pick
from recipe_kit.data.worlds.driving.maneuvers import (
    Setting,
    Situation,
    at_junction,
    bend,
    braking,
    cruise,
    lane_change,
)
from recipe_kit.data.worlds.driving.motion import Course
from recipe_kit.data.worlds.driving.roadside import cones, people, signs
from recipe_kit.data.worlds.driving.scene import Look, Road, Scene
from recipe_kit.data.worlds.driving.sight import without_unseen
from recipe_kit.data.worlds.driving.traffic import vehicles
from recipe_kit.spec.worlds import DrivingKnobs

SPEEDS = {"city": (7.5, 10.0), "suburb": (7.0, 9.0), "countryside": (10.0, 13.0),
          "highway": (17.0, 22.0)}  # fmt: skip
"""m/s, from the slowest to the fastest."""


def plan(*, seed: int, index: int, knobs: DrivingKnobs, seconds: float = 4.0) -> Scene:
    """The plan of one clip; the same arguments give the same plan anywhere.

    Each part has its own random stream, so that turning one knob leaves the others' parts alone.

    Args:
        seed: Which of the endless sequences of clips, from 0.
        index: Which clip of the sequence, from 0.
        knobs: What may happen, and how often.
        seconds: How long the clip is; at least 2.
    """
    def part(number: int) -> Rng:
        return stream("driving", seed, index, number)

    # Knobs meet their dice in the order of the fields: a new knob goes to the end of the list.
    roll = dict(zip(DrivingKnobs.model_fields, part(0).random(64).tolist(), strict=False))
    has = {name: roll[name] < getattr(knobs, name) for name in DrivingKnobs.model_fields}
    where = ("city" if has["city"] else "suburb" if has["suburb"]
             else "highway" if has["highway"] else "countryside")
    setting = Setting(seconds, where, part(1).uniform(*SPEEDS[where]), has)
    road = _road(part(2), setting)
    situation = _situation(part(3), setting, road, roll, knobs)
    road, ego = situation.road, situation.ego
    look = Look((seed, index), has["texture"], has["lighting"], has["noise"], has["blur"])
    scene = Scene(
        seconds=seconds, surroundings=where,
        time="night" if has["night"] else "dusk" if has["dusk"] else "day",
        weather="rain" if has["rain"] else "fog" if has["fog"] else "snow" if has["snow"]
        else "clear",
        road=road, junction=situation.junction, crosswalk=situation.crosswalk, ego=ego,
        vehicles=(), people=(), signs=signs(part(4), setting, situation),
        cones=cones(part(5), setting, situation), look=look,
    )  # fmt: skip
    scene = replace(scene, vehicles=vehicles(part(6), setting, situation))
    busy = roll["pedestrian"] < knobs.pedestrian * (0.6 if where == "countryside" else 1.0)
    scene = replace(scene, people=people(part(7), scene, present=busy))
    return without_unseen(scene)


def _road(rng: Rng, setting: Setting) -> Road:
    """A straight road; bends come with the situation."""
    where, has = setting.where, setting.has
    ahead, oncoming = {
        "city": ((1, 1), (2, 2), (2, 0), (1, 1)),
        "suburb": ((1, 1), (1, 1), (1, 1), (1, 0)),
        "countryside": ((1, 1),) * 4,
        "highway": ((2, 0), (3, 0), (2, 0), (3, 0)),
    }[where][int(rng.integers(4))]
    lamps = pick(rng, {"city": {"left": 1, "right": 1, "both sides": 1},
                       "suburb": {"none": 2, "left": 1, "right": 1}}.get(where, {"none": 1}))
    line = pick(rng, {"solid": 1, "dashed": 1}) if oncoming else "none"
    town = where in ("city", "suburb")
    return Road(course=Course(), ahead=ahead, oncoming=oncoming, lamps=lamps, line=line,
                bend="none", parking=town and has["parked"] and not has["works"], walks=town)


def _situation(rng: Rng, setting: Setting, road: Road, roll: dict[str, float],
               knobs: DrivingKnobs) -> Situation:
    share = {"countryside": 0.5, "highway": 0.0}.get(setting.where, 1.0)
    if roll["junction"] < knobs.junction * share:
        return at_junction(rng, setting, road)
    if setting.has["bend"]:
        return bend(rng, setting, road)
    if road.ahead > 1 and setting.has["lane_change"]:
        return lane_change(rng, setting, road)
    if setting.has["brake"]:
        return braking(rng, setting, road)
    begins = moment(rng, setting.seconds) if setting.has["accelerate"] else -1.0
    return cruise(rng, setting, road, begins)
