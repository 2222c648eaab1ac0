"""Say in plain sentences what a plan holds."""

import zlib

from recipe_kit.data.worlds.driving.labels import Labels, labels
from recipe_kit.data.worlds.driving.scene import Scene

PLACES = {"city": "city street", "suburb": "suburban street", "highway": "highway",
          "countryside": "country road"}  # fmt: skip
TIMES = {"day": "in daylight", "dusk": "at dusk", "night": "at night"}
WEATHERS = {
    "clear": ("The weather is clear and the road is dry.", "It is clear, and the road is dry."),
    "rain": ("It is raining and the road is wet.", "Rain falls on a wet road."),
    "fog": ("It is foggy and the view is short.", "Fog limits the view ahead."),
    "snow": ("It is snowing and the road is covered with snow.",
             "Snow is falling, and snow lies on the road."),
}  # fmt: skip
REASONS = {"red light": "for a red light", "stop sign": "at a stop sign",
           "pedestrian": "for people on a crosswalk", "vehicle ahead": "behind the vehicle ahead"}
NUMBERS = ("no", "one", "two", "three", "four")


def listed(things: list[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"


def sentence(words: str) -> str:
    """With a capital first letter and a full stop."""
    return f"{words[0].upper()}{words[1:]}."


def caption(scene: Scene) -> str:
    """Two to five sentences about a clip; the same plan always gives the same words."""
    found = labels(scene)
    way = zlib.crc32(f"caption {scene.look.seed}".encode()) % 2
    sentences = [maneuver(found, way), WEATHERS[scene.weather][way], road(found),
                 vehicles(scene, found, way), beside(scene, found)]  # fmt: skip
    return " ".join(one for one in sentences if one)


def maneuver(found: Labels, way: int) -> str:
    """Where the ego vehicle drives, what it does and why."""
    lanes = "single-lane" if found["lanes"] == 1 else f"{NUMBERS[int(found['lanes'])]}-lane"
    where = f"on a {lanes} {PLACES[str(found['environment'])]} {TIMES[str(found['time_of_day'])]}"
    does = deeds(found)
    if way:
        return sentence(f"{where}, the ego vehicle {does}")
    return sentence(f"the ego vehicle {where} {does}")


def deeds(found: Labels) -> str:
    """What the ego vehicle does, with the reason, in words that fit after 'The ego vehicle'."""
    does, why = str(found["events"]), REASONS.get(str(found["ego_reason"]))
    if why and found["start_state"] == "standing":
        return does.replace("stands", f"stands {why}", 1)
    return f"{does} {why}" if why else does


def road(found: Labels) -> str:
    """The junction or the crosswalk; empty on an open road."""
    if found["junction"] == "none":
        if found["crosswalk"] == "on the road":
            return "A crosswalk is painted across the road."
        return ""
    kind = f"a {found['junction']}" if found["junction"] == "T junction" else "a crossroads"
    lights = {"red": "the traffic light stays red", "green": "the traffic light is green",
              "red then green": "the traffic light turns from red to green"}
    if found["control"] == "traffic lights":
        return sentence(f"the road leads to {kind}, where {lights[str(found['light'])]}")
    if found["control"] == "stop sign":
        return sentence(f"the road leads to {kind} with a stop sign")
    return sentence(f"the road leads to {kind} without signs or lights")


def _count(number: int, one: str, many: str) -> str:
    return f"a {one}" if number == 1 else f"{NUMBERS[number]} {many}"


def vehicles(scene: Scene, found: Labels, way: int) -> str:
    """The other vehicles; empty where there are none."""
    things = []
    for lead in scene.of("lead"):
        flashing = " with flashing lights" if lead.emergency else ""
        does = {"drives on": "drives ahead", "brakes": "ahead brakes", "stands": "stands ahead",
                "accelerates": "ahead drives faster and faster"}[str(found["lead_behavior"])]
        if found["lead_behavior"] == "accelerates" and found["start_state"] == "standing":
            does = "ahead moves off"
        things.append(f"a {lead.color} {lead.kind}{flashing} {does}")
    for other in scene.of("neighbor"):
        side = found["neighbor_side"]
        does = {"overtakes": f"overtakes on the {side}", "is passed": f"is passed on the {side}",
                "keeps pace": f"keeps pace on the {side}"}[str(found["neighbor"])]
        things.append(f"a {other.color} {other.kind} {does}")
    oncoming = scene.of("oncoming")
    if len(oncoming) == 1:
        flashing = " with flashing lights" if oncoming[0].emergency else ""
        things.append(f"a {oncoming[0].color} {oncoming[0].kind}{flashing} comes the other way")
    elif oncoming:
        things.append(f"{NUMBERS[len(oncoming)]} vehicles come the other way")
    things += [f"a {other.color} {other.kind} crosses from {found['crossing']}"
               for other in scene.of("crossing")]
    parked = scene.of("parked")
    if len(parked) == 1:
        things.append(f"a {parked[0].color} {parked[0].kind} is parked on the right")
    elif parked:
        things.append(f"{NUMBERS[len(parked)]} vehicles are parked on the right")
    if not things:
        return "There are no cars, trucks or buses around." if way else ""
    return sentence(listed(things))


def beside(scene: Scene, found: Labels) -> str:
    """People, cyclists, cones and signs; empty where there are none."""
    things = []
    if scene.people:
        number, kind = len(scene.people), str(found["pedestrian_kind"])
        one, many = {"adult": ("pedestrian", "pedestrians"), "child": ("child", "children"),
                     "worker": ("road worker", "road workers"),
                     "mixed": ("pedestrian", "adults and children")}[kind]
        who, s = _count(number, one, many), "s" if number == 1 else ""
        if kind == "mixed" and number == 2:
            who = "an adult and a child"
        carries = str(found["pedestrian_carries"])
        if carries in ("umbrella", "bag"):
            who += " with an umbrella" if carries == "umbrella" else " with a bag"
        place = f"on the {found['pedestrian_place']} side of the road"
        things.append({
            "crosses": f"{who} cross{'es' * (number == 1)} from {found['crossing_direction']}",
            "walks": f"{who} walk{s} {place}", "stands": f"{who} stand{s} {place}",
        }[str(found["pedestrian_action"])])  # fmt: skip
    if found["cyclist"] != "none":
        things.append("a cyclist rides ahead on the right" if found["cyclist"] == "ahead"
                      else "a cyclist comes the other way")
    if scene.cones:
        things.append("orange cones mark road works on the right")
    if found["sign"] in ("speed limit", "warning", "direction"):
        kind = {"warning": "yellow warning"}.get(str(found["sign"]), str(found["sign"]))
        things.append(f"a {kind} sign stands beside the road")
    return sentence(listed(things)) if things else ""
