"""A plan in the three JSON formats that driving data sets come in, and its caption.

- `human`: what a person writes into a form: conditions, rules, critical objects, an analysis;
- `cv`: what an automatic labeler makes of one event: reasoning and effect on the ego vehicle;
- `reasoning`: what a model is taught to say, with `<think>` before the answer.
"""

from typing import Any

from recipe_kit.data.worlds.driving.captions import (
    PLACES,
    WEATHERS,
    beside,
    caption,
    deeds,
    road,
    sentence,
    vehicles,
)
from recipe_kit.data.worlds.driving.labels import Labels, labels
from recipe_kit.data.worlds.driving.scene import Person, Scene, Vehicle
from recipe_kit.data.worlds.driving.view import box

Json = dict[str, Any]

WEATHER = {"clear": "Clear", "rain": "Rain", "fog": "Fog", "snow": "Snow"}
LIGHTING = {"day": "Daytime", "dusk": "Dusk (low light)", "night": "Night (artificial light)"}
SURFACE = {"dry": "Dry asphalt", "wet": "Wet asphalt", "snow-covered": "Snow-covered asphalt"}
ROADS = {
    "city": "Urban street - multi-story buildings, traffic lights and sidewalks.",
    "suburb": "Local street - low-speed, residential.",
    "highway": "Highway - several lanes in one direction, no junctions.",
    "countryside": "Rural road - one lane in each direction, open land.",
}
OBJECTS = {"car": "Vehicles - Cars", "truck": "Vehicles - Trucks", "bus": "Vehicles - Buses",
           "bicycle": "VRUs - Cyclists"}  # fmt: skip
SIGNS = {"stop": "A stop sign.", "speed limit": "A speed limit sign.",
         "warning": "A warning sign.", "direction": "A direction sign."}  # fmt: skip


def difficulty(scene: Scene) -> int:
    """How much attention the clip asks of a driver, from 1 to 5."""
    found = labels(scene)
    points = (scene.time == "night", scene.weather != "clear",
              found["pedestrian_place"] == "crossing", scene.junction is not None,
              scene.ego.reason == "vehicle ahead", bool(scene.cones),
              "lane change" in scene.ego.maneuver)  # fmt: skip
    return min(5, 1 + sum(points))


def critical(scene: Scene) -> list[tuple[Vehicle | Person, str]]:
    """What the ego vehicle must heed, each with the reason."""
    yields = "The pedestrian crosses in front of the ego vehicle, which must yield."
    behind = "The ego vehicle comes up behind the cyclist and must keep its distance."
    return [
        *((lead, f"The ego vehicle follows the {lead.color} {lead.kind}, and thus it is a "
                 "critical object.") for lead in scene.of("lead")),
        *((person, yields) for person in scene.people if person.role == "crossing"),
        *((other, behind) for other in scene.of("cyclist") if not other.backward),
    ]  # fmt: skip


def human(scene: Scene, *, width: int = 128, height: int = 80) -> Json:
    """The clip as a person annotates it; boxes are in pixels of a picture of this size."""
    found = labels(scene)
    junction = scene.junction
    interactive = []
    if scene.of("lead"):
        interactive.append("Vehicle following")
    if found["pedestrian_place"] == "crossing":
        interactive.append("Yield to VRUs")
    alone = [name for name, holds in (
        ("Turn left", found["ego_turn"] == "left"), ("Turn right", found["ego_turn"] == "right"),
        ("Lane change left", found["ego_lane_change"] == "left"),
        ("Lane change right", found["ego_lane_change"] == "right"),
        ("Stop at a red light", found["ego_reason"] == "red light"),
        ("Stop at a stop sign", found["ego_reason"] == "stop sign")) if holds]  # fmt: skip
    objects = []
    for thing, why in critical(scene):
        times = (second for second in range(int(scene.seconds), -1, -1)
                 if box(scene, thing, second, width=width, height=height))
        second = next(times, None)
        if second is not None:
            objects.append({
                "box": box(scene, thing, second, width=width, height=height),
                "box_time": second,
                "critical_reasoning": why,
                "object_type": "VRUs - Pedestrians" if isinstance(thing, Person)
                else OBJECTS[thing.kind],
            })  # fmt: skip
    return {
        "weather": WEATHER[scene.weather],
        "lighting": LIGHTING[scene.time],
        "road_conditions": SURFACE[str(found["road_surface"])],
        "traffic_light": _light(found),
        "traffic_sign": SIGNS.get(str(found["sign"]), "No traffic sign is visible."),
        "additional_traffic_rules": None if found["crosswalk"] == "none"
        else f"Pedestrian crosswalk markings are visible {found['crosswalk']}.",
        "road_type": ROADS[scene.surroundings],
        "junction_type": _junction(found),
        "lane_type": _lanes(scene),
        "additional_map_rules": "Parking line markings are visible on the right side of the road."
        if scene.road.parking else None,
        "interactive_expanded_metaaction": interactive or None,
        "noninteractive_expanded_metaaction": alone or None,
        "safety_analysis": caption(scene),
        "driving_difficulty": difficulty(scene),
        "rule_violation": "False",
        "interesting_scenario": str(bool(interactive or alone or junction)),
        "critical_object": objects,
    }  # fmt: skip


def _light(found: Labels) -> str:
    return {"none": "No traffic light is visible.", "red": "The traffic light is red.",
            "green": "The traffic light is green.",
            "red then green": "The traffic light turns from red to green."}[str(found["light"])]


def _junction(found: Labels) -> str:
    if found["junction"] != "none":
        names = {"crossroads": "Four-way intersection", "T junction": "T intersection"}
        return f"{names[str(found['junction'])]} - {_control(found)}"
    if found["road_direction"] != "straight":
        return f"Curved segment - the road bends to the {str(found['road_direction']).split()[0]}"
    return "Straight segment - uninterrupted roadway with no intersections or turns"


def _control(found: Labels) -> str:
    return {"none": "uncontrolled", "traffic lights": "controlled by traffic lights",
            "stop sign": "controlled by a stop sign"}[str(found["control"])]


def _lanes(scene: Scene) -> str:
    ahead, oncoming = scene.road.ahead, scene.road.oncoming
    number = {1: "A single lane", 2: "Two lanes", 3: "Three lanes"}[ahead]
    return f"{number} in each direction." if oncoming else f"{number}, one direction."


def causes(scene: Scene) -> list[str]:
    """What explains the ego vehicle's behavior, most important first; whole sentences."""
    found, ego = labels(scene), scene.ego
    why = {
        "red light": "The traffic light ahead is red, so the ego vehicle must stand before it.",
        "stop sign": "A stop sign orders the ego vehicle to stand at the junction.",
        "pedestrian": "People are crossing on the crosswalk ahead, so the ego vehicle must yield.",
        "vehicle ahead": f"The {found['lead_color']} {found['lead']} ahead brakes, so the ego "
                         "vehicle must brake too.",
        "turn": "The turn ahead calls for a lower speed.",
    }  # fmt: skip
    sentences = [why[ego.reason]] if ego.reason in why else []
    if found["light"] == "red then green":
        sentences.append("Then the light turns green and the way is free.")
    elif found["light"] == "green":
        sentences.append("The traffic light is green, so the way is free.")
    if found["ego_turn"] != "none":
        sentences.append(f"The route leads to the {found['ego_turn']} at the "
                         f"{found['junction']}.")
    if "bend" in ego.maneuver:
        sentences.append(f"The road bends to the {ego.maneuver.split()[0]}, and the ego vehicle "
                         "follows it.")
    if found["ego_lane_change"] != "none":
        sentences.append(f"The lane on the {found['ego_lane_change']} is free to change to.")
    if not sentences:
        sentences.append("The way ahead is free, so nothing calls for another behavior.")
    return sentences


EFFECTS = {"steady": "Keeping its speed", "accelerates": "Accelerating",
           "slows down": "Decelerating", "stops": "Decelerating to a stop",
           "stands": "Standing still"}  # fmt: skip


def cv(scene: Scene, *, fps: float = 4.0) -> Json:
    """The clip's main event as an automatic labeler describes it; frames at `fps`."""
    found, start = labels(scene), max(0.0, scene.ego.begins)
    notes = [note for note in (vehicles(scene, found, 0), beside(scene, found)) if note]
    side = scene.ego.maneuver.split()[0]
    effect = EFFECTS[str(found["ego_speed"])]
    if "turn" in scene.ego.maneuver:
        effect += f" and turning {side}"
    elif "bend" in scene.ego.maneuver:
        effect += f" and following the bend to the {side}"
    elif "lane" in scene.ego.maneuver:
        effect += f" and changing to the lane on the {side}"
    reason = " ".join([*causes(scene), *notes])
    return {
        "event_start_frame": int(start * fps),
        "event_start_timestamp": round(start * 1_000_000),
        "final_content": {
            "ego_behavior_schema": {
                "ego_behavior_reasoning": f"The ego vehicle {found['events']}. {reason}",
                "effect_on_ego_behavior": f"{effect}.",
                "difficulty_score": difficulty(scene),
            }
        },
    }


def _first_person(found: Labels) -> str:
    """The events told by the driver."""
    words = deeds(found)
    for third, first in (("drives", "drive"), ("stands", "stand"), ("stops", "stop"),
                         ("turns", "turn"), ("follows", "follow"), ("changes", "change"),
                         ("keeps its", "keep my"), ("on its", "on my"), ("moves", "move"),
                         ("accelerates", "accelerate"), ("slows", "slow")):  # fmt: skip
        words = words.replace(third, first)
    return f"I {words}."


def reasoning(scene: Scene) -> Json:
    """The clip as a reasoning model is taught to describe it.

    Returns:
        `response` in the form of the published data (its key 'difficulity' is spelled so there),
        and `target`: the thoughts between `<think>` and `</think>`, then the description.
    """
    found = labels(scene)
    story = [f"I am driving on a {PLACES[scene.surroundings]}.", _first_person(found),
             WEATHERS[scene.weather][0], road(found), vehicles(scene, found, 0),
             beside(scene, found)]  # fmt: skip
    description = " ".join(one for one in story if one)
    hard = [name for name, holds in (
        ("it is night", scene.time == "night"), ("it is raining", scene.weather == "rain"),
        ("it is foggy", scene.weather == "fog"), ("it is snowing", scene.weather == "snow"),
        ("people cross the road", found["pedestrian_place"] == "crossing"),
        ("there are road works", bool(scene.cones)),
        ("I come to a junction", scene.junction is not None)) if holds]  # fmt: skip
    notice = []
    if scene.ego.begins >= 0:
        key = f"Between time {scene.ego.begins:.2f}s and {scene.seconds:.2f}s"
        notice.append({key: " ".join(causes(scene)[:2])})
    thoughts = " ".join([*causes(scene), f"So the ego vehicle {found['events']}."])
    return {
        "response": {
            "description": description,
            "driving difficulity explanation": sentence(" and ".join(hard)) if hard
            else "Nothing makes driving difficult.",
            "notice": notice,
        },
        "target": f"<think>\n{thoughts}\n</think>\n\n{description}",
    }  # fmt: skip
