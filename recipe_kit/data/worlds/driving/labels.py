"""What is true of a clip, as labels read off its plan.

| label | values |
| --- | --- |
| `environment` | `city`, `suburb`, `highway`, `countryside` |
| `time_of_day` | `day`, `dusk`, `night` |
| `weather` | `clear`, `rain`, `fog`, `snow` |
| `road_surface` | `dry`, `wet`, `snow-covered` |
| `visibility` | what limits the view: `nothing`, `fog`, `darkness`, `rain or snow`, `several` |
| `lanes` | 1 to 4, both directions together |
| `directions` | `one-way`, `two-way` |
| `center_line` | `none`, `solid`, `dashed` |
| `road_direction` | `straight`, `left bend`, `right bend`, `ends` |
| `roadside` | `tall buildings`, `houses and gardens`, `guard rails`, `fields and trees` |
| `lamps` | `none`, `left`, `right`, `both sides` |
| `works` | orange cones: `yes`, `no` |
| `junction` | `none`, `crossroads`, `T junction` |
| `control` | `none`, `traffic lights`, `stop sign` |
| `light` | `none`, `red`, `green`, `red then green` |
| `crosswalk` | `none`, `at the junction`, `on the road` |
| `sign` | `none`, `stop`, `speed limit`, `warning`, `direction` |
| `lead`, `oncoming_kind` | `none`, `car`, `truck`, `bus` |
| `lead_color`, `parked_color`, `pedestrian_color` | `none` (or several), or a color |
| `lead_behavior` | `none`, `drives on`, `accelerates`, `brakes`, `stands` |
| `lead_gap` | `none`, `shrinks`, `grows`, `stays` |
| `parked`, `oncoming`, `moving`, `pedestrians` | numbers; `moving`: vehicles that move |
| `neighbor` | in the next lane: `none`, `overtakes`, `is passed`, `keeps pace` |
| `neighbor_side` | `none`, `left`, `right` |
| `crossing` | a vehicle on the other road: `none`, `left to right`, `right to left` |
| `emergency` | flashing lights: `none`, `ahead`, `oncoming` |
| `bus` | `none`, `ahead`, `oncoming`, `crossing`, `next lane`, `several` |
| `pedestrian_place` | `none`, `left`, `right`, `crossing` |
| `pedestrian_kind` | `none`, `adult`, `child`, `worker`, `mixed` |
| `pedestrian_action` | `none`, `walks`, `stands`, `crosses` |
| `pedestrian_carries` | `none` (nobody, or several people), `nothing`, `umbrella`, `bag` |
| `crossing_direction` | of pedestrians: `none`, `left to right`, `right to left` |
| `cyclist` | `none`, `ahead`, `oncoming` |
| `ego_maneuver` | `straight`, `left turn`, `right turn`, `left bend`, `right bend`, \
  `left lane change`, `right lane change`, `stop`, `wait`, `move off` |
| `ego_turn`, `ego_lane_change` | `none`, `left`, `right` |
| `ego_speed` | `steady`, `accelerates`, `slows down`, `stops`, `stands` |
| `ego_stop` | `does not stop`, `stops`, `stands`, `moves off` |
| `ego_reason` | `none`, `red light`, `stop sign`, `pedestrian`, `vehicle ahead`, `turn` |
| `ego_at_junction` | `no junction`, `straight`, `left turn`, `right turn`, `stops` |
| `begins` | the maneuver begins in the `first half`, the `second half`, `never` |
| `events` | first one thing, then another, in words |
| `start_state`, `end_state` | `moving`, `standing` |
| `nearest_vehicle` | at the start: `none`, `ahead`, `left`, `right` |
"""

import math

from recipe_kit.data.worlds.driving.scene import Ego, Scene, Vehicle
from recipe_kit.data.worlds.driving.sight import nearest_vehicle

Labels = dict[str, str | int]

ROADSIDE = {"city": "tall buildings", "suburb": "houses and gardens", "highway": "guard rails",
            "countryside": "fields and trees"}  # fmt: skip


def labels(scene: Scene) -> Labels:
    """All labels of a clip; see the module for their values."""
    return {**_place(scene), **_vehicles(scene), **_people(scene), **_ego(scene)}


def _place(scene: Scene) -> Labels:
    road, junction = scene.road, scene.junction
    limits = [name for name, holds in (
        ("fog", scene.weather == "fog"), ("darkness", scene.time == "night"),
        ("rain or snow", scene.weather in ("rain", "snow"))) if holds]  # fmt: skip
    shown = [color for _, color in junction.light] if junction else []
    ends = junction is not None and junction.kind == "T junction"
    return {
        "environment": scene.surroundings,
        "time_of_day": scene.time,
        "weather": scene.weather,
        "road_surface": {"rain": "wet", "snow": "snow-covered"}.get(scene.weather, "dry"),
        "visibility": "several" if len(limits) > 1 else limits[0] if limits else "nothing",
        "lanes": road.ahead + road.oncoming,
        "directions": "two-way" if road.oncoming else "one-way",
        "center_line": road.line,
        "road_direction": "ends" if ends else "straight" if road.bend == "none"
        else f"{road.bend} bend",
        "roadside": ROADSIDE[scene.surroundings],
        "lamps": road.lamps,
        "works": "yes" if scene.cones else "no",
        "junction": junction.kind if junction else "none",
        "control": junction.control if junction else "none",
        "light": " then ".join(shown) if shown else "none",
        "crosswalk": "none" if scene.crosswalk is None
        else "at the junction" if junction else "on the road",
        "sign": scene.signs[0].kind if scene.signs else "none",
    }  # fmt: skip


def lead_gap(scene: Scene, lead: Vehicle, t: float) -> float:
    """From the camera to the middle of the lead vehicle along the road, in meters."""
    return lead.start + lead.speed.travelled(t) - scene.ego.speed.travelled(t)


def _lead(scene: Scene, lead: Vehicle) -> Labels:
    first, last = lead.speed.at(0), lead.speed.at(scene.seconds)
    behavior = ("stands" if first == last == 0 else "brakes" if last < 0.85 * first
                else "accelerates" if last > 1.15 * first else "drives on")
    change = lead_gap(scene, lead, scene.seconds) - lead_gap(scene, lead, 0)
    return {
        "lead": lead.kind,
        "lead_color": lead.color,
        "lead_behavior": behavior,
        "lead_gap": "shrinks" if change < -2 else "grows" if change > 2 else "stays",
    }


def _vehicles(scene: Scene) -> Labels:
    def one(role: str) -> Vehicle | None:
        return next(iter(scene.of(role)), None)

    lead, neighbor, crossing, cyclist = (
        one(role) for role in ("lead", "neighbor", "crossing", "cyclist"))
    found: Labels = {"lead": "none", "lead_color": "none", "lead_behavior": "none",
                     "lead_gap": "none"}
    if lead:
        found |= _lead(scene, lead)
    parked, oncoming = scene.of("parked"), scene.of("oncoming")
    flashing = [other.role for other in scene.vehicles if other.emergency]
    moving = [other for other in scene.vehicles
              if other.kind != "bicycle" and other.speed.travelled(scene.seconds) > 0.5]
    places = {"lead": "ahead", "neighbor": "next lane"}
    buses = sorted({places.get(v.role, v.role) for v in scene.vehicles if v.kind == "bus"})
    return found | {
        "parked": len(parked),
        "parked_color": parked[0].color if len(parked) == 1 else "none",
        "oncoming": len(oncoming),
        "oncoming_kind": oncoming[0].kind if oncoming else "none",
        "moving": len(moving),
        "neighbor": _neighbor(scene, neighbor) if neighbor else "none",
        "neighbor_side": "none" if neighbor is None
        else "left" if neighbor.lateral < scene.ego.lateral else "right",
        "crossing": "none" if crossing is None
        else "left to right" if crossing.course.heading > 0 else "right to left",
        "emergency": {"lead": "ahead"}.get(flashing[0], flashing[0]) if flashing else "none",
        "bus": "several" if len(buses) > 1 else buses[0] if buses else "none",
        "cyclist": "none" if cyclist is None else "oncoming" if cyclist.backward else "ahead",
        "nearest_vehicle": nearest_vehicle(scene),
    }


def _neighbor(scene: Scene, neighbor: Vehicle) -> str:
    change = lead_gap(scene, neighbor, scene.seconds) - lead_gap(scene, neighbor, 0)
    return "overtakes" if change > 6 else "is passed" if change < -6 else "keeps pace"


def _people(scene: Scene) -> Labels:
    people = scene.people
    if not people:
        return {"pedestrians": 0, **dict.fromkeys((
            "pedestrian_place", "pedestrian_kind", "pedestrian_action", "pedestrian_color",
            "pedestrian_carries", "crossing_direction"), "none")}  # fmt: skip
    kinds = {one.kind for one in people}
    first = people[0]
    moves = math.hypot(first.vx, first.vz) > 0.1
    return {
        "pedestrians": len(people),
        "pedestrian_place": first.role,
        "pedestrian_kind": first.kind if len(kinds) == 1 else "mixed",
        "pedestrian_action": "crosses" if first.role == "crossing"
        else "walks" if moves else "stands",
        "pedestrian_color": first.color if len(people) == 1 else "none",
        "pedestrian_carries": first.carries if len(people) == 1 else "none",
        "crossing_direction": "none" if first.role != "crossing"
        else "left to right" if first.vx > 0 else "right to left",
    }


def _speed(ego: Ego, seconds: float) -> str:
    first, last = ego.speed.at(0), ego.speed.at(seconds)
    if last == 0:
        return "stands" if first == 0 else "stops"
    return "slows down" if last < 0.85 * first else "accelerates" if last > 1.15 * first \
        else "steady"


def events(ego: Ego, speed: str) -> str:
    """What happens first and what then, in words that fit after 'The ego vehicle'."""
    side = ego.maneuver.split()[0]
    before = "stands" if ego.speed.at(0) == 0 else "drives straight on"
    if "turn" in ego.maneuver:
        return f"first {before}, then turns {side}"
    if "bend" in ego.maneuver:
        return f"first drives straight on, then follows a bend to the {side}"
    if "lane" in ego.maneuver:
        return f"first keeps its lane, then changes to the lane on its {side}"
    return {
        "steady": "drives straight on at a steady speed all the time",
        "accelerates": "first stands, then moves off straight ahead"
        if before == "stands" else "first drives slowly, then accelerates",
        "slows down": "first drives on, then slows down without stopping",
        "stops": "first drives on, then stops",
        "stands": "stands all the time",
    }[speed]


def _ego(scene: Scene) -> Labels:
    ego, seconds = scene.ego, scene.seconds
    side = ego.maneuver.split()[0]
    speed = _speed(ego, seconds)
    starts, stands = ego.speed.at(0) == 0, ego.speed.at(seconds) == 0
    turns = "turn" in ego.maneuver
    return {
        "ego_maneuver": ego.maneuver,
        "ego_turn": side if turns else "none",
        "ego_lane_change": side if "lane change" in ego.maneuver else "none",
        "ego_speed": speed,
        "ego_stop": "stands" if starts and stands else "stops" if stands
        else "moves off" if starts else "does not stop",
        "ego_reason": ego.reason,
        "ego_at_junction": "no junction" if scene.junction is None else ego.maneuver if turns
        else "stops" if stands else "straight",
        "begins": "never" if ego.begins < 0
        else "first half" if ego.begins < seconds / 2 else "second half",
        "events": events(ego, speed),
        "start_state": "standing" if starts else "moving",
        "end_state": "standing" if stands else "moving",
    }  # fmt: skip
