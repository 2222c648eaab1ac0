"""The fifty questions that are asked of driving clips, in six categories.

Every question is answered by one label. `options` says how each of its values reads; further
`decoys` are never right. Words in an option are true or false of the whole clip unless the
question says otherwise.
"""

from dataclasses import dataclass

from recipe_kit.data.worlds.driving.labels import Labels

CATEGORIES = {
    "Scene Description": 13,
    "Key Objects": 10,
    "Actions & Motion": 8,
    "Ego Vehicle Behavior": 7,
    "Characters & Interactions": 6,
    "Spatial & Temporal": 6,
}
"""Every category, and how many questions it has."""


@dataclass(frozen=True)
class PoolQuestion:
    """A question that may be asked of a clip."""

    name: str
    category: str
    text: str
    label: str
    """The label that answers it."""
    options: tuple[tuple[str, str], ...]
    """(value of the label, how it reads)."""
    decoys: tuple[str, ...] = ()
    """Options that are never right."""
    required: bool = False
    unless: tuple[str, ...] = ()
    """Values of the label for which the question has no clear answer."""

    def value(self, labels: Labels) -> str:
        """The label's value as the options name it; large numbers count as the largest option."""
        value = labels[self.label]
        if isinstance(value, int):
            return str(min(value, max(int(name) for name, _ in self.options)))
        return value

    def applies(self, labels: Labels) -> bool:
        """Has the question a clear answer for this clip."""
        return self.value(labels) not in self.unless


def _ask(category: str, name: str, text: str, label: str, options: dict[str, str], *decoys: str,
         required: bool = False, unless: tuple[str, ...] = ()) -> PoolQuestion:
    return PoolQuestion(name, category, text, label, tuple(options.items()), decoys, required,
                        unless)


_COLORS = {name: name.capitalize() for name in ("white", "black", "red", "blue", "yellow", "green")}
_COUNTS = {"0": "None", "1": "One", "2": "Two", "3": "Three or more"}
_KINDS = {"none": "There is none", "car": "A car", "truck": "A truck", "bus": "A bus"}
_WAYS = {"none": "Nobody crosses", "left to right": "From left to right",
         "right to left": "From right to left"}  # fmt: skip


def _scene() -> tuple[PoolQuestion, ...]:
    name = "Scene Description"
    return (
        _ask(name, "environment", "What kind of place does the ego vehicle drive through?",
             "environment", {"city": "A city street", "suburb": "A suburban residential street",
                             "highway": "A highway", "countryside": "A country road"}),
        _ask(name, "weather", "What is the weather like?", "weather",
             {"clear": "Clear and dry", "rain": "Rain", "fog": "Fog", "snow": "Snow"},
             required=True),
        _ask(name, "time_of_day", "What time of day is it?", "time_of_day",
             {"day": "Daytime", "dusk": "Dusk", "night": "Night"}, "It is inside a tunnel"),
        _ask(name, "lanes", "How many lanes does the road have, both directions together?",
             "lanes", {"1": "One", "2": "Two", "3": "Three", "4": "Four"}),
        _ask(name, "directions", "In which directions does the traffic of this road run?",
             "directions", {"one-way": "In the ego vehicle's direction only",
                            "two-way": "In both directions"},
             "It is closed to all traffic", "Only toward the ego vehicle"),
        _ask(name, "center_line", "What separates the two directions of traffic?", "center_line",
             {"none": "Nothing: it is a one-way road", "solid": "A solid yellow double line",
              "dashed": "A dashed yellow line"}, "A strip of grass"),
        _ask(name, "road_surface", "What is the condition of the road surface?", "road_surface",
             {"dry": "Dry", "wet": "Wet", "snow-covered": "Covered with snow"}, "Loose gravel"),
        _ask(name, "junction", "What kind of junction does the road lead to?", "junction",
             {"none": "None in view", "crossroads": "A crossroads",
              "T junction": "A T junction, where the road ends"}, "A roundabout"),
        _ask(name, "control", "What controls the traffic at a junction ahead?", "control",
             {"none": "Nothing, or there is no junction", "traffic lights": "Traffic lights",
              "stop sign": "A stop sign"}, "A railway barrier"),
        _ask(name, "crosswalk", "Where is a pedestrian crosswalk painted?", "crosswalk",
             {"none": "Nowhere in view", "at the junction": "At the junction",
              "on the road": "Across the road, away from any junction"},
             "On a bridge above the road"),
        _ask(name, "roadside", "What stands along the road?", "roadside",
             {"tall buildings": "Tall buildings", "houses and gardens": "Houses with gardens",
              "guard rails": "Guard rails", "fields and trees": "Fields with posts and trees"}),
        _ask(name, "lamps", "On which side of the road are street lamps?", "lamps",
             {"none": "There are none", "left": "On the left only", "right": "On the right only",
              "both sides": "On both sides"}),
        _ask(name, "works", "Which special zone does the ego vehicle pass?", "works",
             {"yes": "Road works", "no": "None"}, "A toll plaza", "A railway crossing"),
    )  # fmt: skip


def _objects() -> tuple[PoolQuestion, ...]:
    name = "Key Objects"
    return (
        _ask(name, "lead", "What kind of vehicle is ahead of the ego vehicle in its lane when the "
             "clip begins?", "lead", _KINDS, required=True),
        _ask(name, "lead_color", "What color is the vehicle ahead in the ego vehicle's lane?",
             "lead_color", _COLORS, unless=("none",)),
        _ask(name, "light", "What does the traffic light ahead show?", "light",
             {"none": "There is no traffic light", "red": "Red all the time",
              "green": "Green all the time", "red then green": "First red, then green"}),
        _ask(name, "parked", "How many vehicles are parked on the right?", "parked", _COUNTS),
        _ask(name, "parked_color", "What color is the vehicle parked on the right?",
             "parked_color", _COLORS, unless=("none",)),
        _ask(name, "sign", "Which sign stands beside the road?", "sign",
             {"none": "None", "stop": "A stop sign", "speed limit": "A round speed limit sign",
              "warning": "A yellow warning sign", "direction": "A green direction sign"}),
        _ask(name, "oncoming_kind", "What kind of vehicle comes toward the ego vehicle first?",
             "oncoming_kind", _KINDS),
        _ask(name, "emergency", "Where is a vehicle with flashing emergency lights?", "emergency",
             {"none": "There is none", "ahead": "Ahead, in the ego vehicle's lane",
              "oncoming": "Coming toward the ego vehicle"}, "Parked on the left"),
        _ask(name, "works_objects", "Which construction objects are on the road?", "works",
             {"yes": "Orange cones", "no": "None"}, "An excavator", "A red and white fence"),
        _ask(name, "bus", "Where is a bus?", "bus",
             {"none": "There is none", "ahead": "Ahead, in the ego vehicle's lane",
              "oncoming": "Coming toward the ego vehicle", "crossing": "On the crossing road",
              "next lane": "In the next lane, in the same direction"}, unless=("several",)),
    )  # fmt: skip


def _motion() -> tuple[PoolQuestion, ...]:
    name = "Actions & Motion"
    return (
        _ask(name, "lead_behavior", "What does the vehicle ahead in the ego vehicle's lane do?",
             "lead_behavior", {"none": "There is no vehicle ahead", "brakes": "It brakes",
                               "drives on": "It drives on at a steady speed",
                               "accelerates": "It moves off or accelerates",
                               "stands": "It stands still all the time"}, required=True),
        _ask(name, "lead_gap", "How does the distance to the vehicle ahead change over the clip?",
             "lead_gap", {"none": "There is no vehicle ahead", "shrinks": "It becomes smaller",
                          "grows": "It becomes larger", "stays": "It stays about the same"}),
        _ask(name, "oncoming", "How many vehicles come toward the ego vehicle on its own road?",
             "oncoming", _COUNTS),
        _ask(name, "crossing", "How does a vehicle cross on the other road ahead?", "crossing",
             _WAYS | {"none": "No vehicle crosses"}, "It stands across the road"),
        _ask(name, "neighbor", "What does a vehicle in the next lane of the same direction do?",
             "neighbor", {"none": "There is no such vehicle",
                          "overtakes": "It overtakes the ego vehicle",
                          "is passed": "The ego vehicle passes it",
                          "keeps pace": "It keeps pace with the ego vehicle"}),
        _ask(name, "pedestrian_action", "What do the pedestrians do?", "pedestrian_action",
             {"none": "There are none", "walks": "They walk along the road",
              "stands": "They stand beside the road", "crosses": "They cross the road"}),
        _ask(name, "light_change", "How does the traffic light change during the clip?", "light",
             {"none": "There is no traffic light", "red": "It stays red",
              "green": "It stays green", "red then green": "It turns from red to green"}),
        _ask(name, "moving", "How many other vehicles, without bicycles, are moving?", "moving",
             _COUNTS),
    )  # fmt: skip


def _ego() -> tuple[PoolQuestion, ...]:
    name = "Ego Vehicle Behavior"
    return (
        _ask(name, "ego_maneuver", "What is the main maneuver of the ego vehicle?",
             "ego_maneuver",
             {"straight": "It drives straight on", "left turn": "It turns left at a junction",
              "right turn": "It turns right at a junction",
              "left bend": "It follows a bend to the left",
              "right bend": "It follows a bend to the right",
              "left lane change": "It changes to the lane on its left",
              "right lane change": "It changes to the lane on its right",
              "stop": "It drives and then stops", "wait": "It stands still all the time",
              "move off": "It stands and then moves off straight ahead"}, required=True),
        _ask(name, "ego_turn", "Does the ego vehicle turn at a junction?", "ego_turn",
             {"none": "No", "left": "Yes, to the left", "right": "Yes, to the right"},
             "Yes, it turns around"),
        _ask(name, "ego_speed", "How does the speed of the ego vehicle develop?", "ego_speed",
             {"steady": "It stays about the same", "accelerates": "It becomes faster",
              "slows down": "It becomes slower, without stopping",
              "stops": "It falls until the vehicle stands", "stands": "It is zero all the time"}),
        _ask(name, "ego_stop", "Does the ego vehicle stand still at any time?", "ego_stop",
             {"does not stop": "No, it always moves", "stops": "Yes, at the end",
              "moves off": "Yes, at the beginning", "stands": "Yes, all the time"}),
        _ask(name, "ego_lane_change", "Does the ego vehicle change its lane?", "ego_lane_change",
             {"none": "No", "left": "Yes, to the left", "right": "Yes, to the right"},
             "Yes, to the left and back again"),
        _ask(name, "ego_reason", "Why does the ego vehicle slow down, stop or stand?",
             "ego_reason",
             {"none": "For nothing and nobody in view", "red light": "For a red light",
              "stop sign": "For a stop sign", "pedestrian": "For pedestrians on a crosswalk",
              "vehicle ahead": "For the vehicle ahead", "turn": "For its turn"}),
        _ask(name, "ego_at_junction", "What does the ego vehicle do at the junction?",
             "ego_at_junction",
             {"no junction": "There is no junction", "straight": "It goes straight ahead",
              "left turn": "It turns left", "right turn": "It turns right",
              "stops": "It stops or stands before it"}),
    )  # fmt: skip


def _characters() -> tuple[PoolQuestion, ...]:
    name = "Characters & Interactions"
    return (
        _ask(name, "pedestrian_place", "Where are people on foot?", "pedestrian_place",
             {"none": "There are none", "left": "Beside the road on the left",
              "right": "Beside the road on the right",
              "crossing": "On the road, crossing it"}, required=True),
        _ask(name, "pedestrians", "How many people on foot are there?", "pedestrians", _COUNTS),
        _ask(name, "crossing_direction", "In which direction do people cross the road?",
             "crossing_direction", _WAYS, "Along the middle of the road"),
        _ask(name, "cyclist", "Where is a cyclist?", "cyclist",
             {"none": "There is none", "ahead": "On the right, in the same direction",
              "oncoming": "Coming toward the ego vehicle"}, "Crossing the road ahead"),
        _ask(name, "pedestrian_kind", "Who is on foot?", "pedestrian_kind",
             {"none": "Nobody", "adult": "Adults only", "child": "Children only",
              "worker": "Road workers"}, unless=("mixed",)),
        _ask(name, "pedestrian_carries", "What does the person on foot carry?",
             "pedestrian_carries", {"nothing": "Nothing", "umbrella": "An umbrella",
                                    "bag": "A bag"}, "A ladder", unless=("none",)),
    )  # fmt: skip


def _space() -> tuple[PoolQuestion, ...]:
    name = "Spatial & Temporal"
    sides = ("left", "right")
    return (
        _ask(name, "nearest_vehicle", "Where is the nearest vehicle when the clip begins?",
             "nearest_vehicle", {"none": "There is none in view", "ahead": "Straight ahead",
                                 "left": "On the left", "right": "On the right"}, required=True),
        _ask(name, "road_direction", "How does the road run?", "road_direction",
             {"straight": "Straight on", "left bend": "It bends to the left",
              "right bend": "It bends to the right", "ends": "It ends at a T junction"}),
        _ask(name, "visibility", "What limits the view ahead most?", "visibility",
             {"nothing": "Nothing: one can see far", "fog": "Fog", "darkness": "Darkness",
              "rain or snow": "Falling rain or snow"}, unless=("several",)),
        _ask(name, "events", "In which order do things happen to the ego vehicle?", "events",
             {"drives straight on at a steady speed all the time":
              "It drives straight on at a steady speed all the time",
              "first drives slowly, then accelerates": "First it drives slowly, then it accelerates",
              "first drives on, then slows down without stopping":
              "First it drives on, then it slows down without stopping",
              "first drives on, then stops": "First it drives on, then it stops",
              "stands all the time": "It stands all the time",
              "first stands, then moves off straight ahead":
              "First it stands, then it moves off straight ahead",
              **{f"first stands, then turns {side}": f"First it stands, then it turns {side}"
                 for side in sides},
              **{f"first drives straight on, then turns {side}":
                 f"First it drives straight on, then it turns {side}" for side in sides},
              **{f"first drives straight on, then follows a bend to the {side}":
                 f"First it drives straight on, then it follows a bend to the {side}"
                 for side in sides},
              **{f"first keeps its lane, then changes to the lane on its {side}":
                 f"First it keeps its lane, then it changes to the lane on its {side}"
                 for side in sides}}),
        _ask(name, "begins", "In which half of the clip does the ego vehicle begin to turn, steer "
             "or change its speed?", "begins",
             {"never": "It never does", "first half": "In the first half",
              "second half": "In the second half"}, "It did so before the clip began"),
        _ask(name, "end_state", "Is the ego vehicle moving when the clip ends?", "end_state",
             {"moving": "Yes, forward", "standing": "No, it stands"}, "Yes, backward",
             "No, it is parked among other cars"),
    )  # fmt: skip


POOL: tuple[PoolQuestion, ...] = (
    *_scene(), *_objects(), *_motion(), *_ego(), *_characters(), *_space())  # fmt: skip
"""All fifty."""
