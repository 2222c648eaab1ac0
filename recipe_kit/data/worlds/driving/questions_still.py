"""Questions that one good look answers: the scene, its objects, its people."""

from recipe_kit.data.worlds.driving.question import COLORS, COUNTS, KINDS, WAYS, PoolQuestion, ask


def scene_questions() -> tuple[PoolQuestion, ...]:
    """Scene Description: 13."""
    name = "Scene Description"
    return (
        ask(name, "environment", "What kind of place does the ego vehicle drive through?",
             "environment", {"city": "A city street", "suburb": "A suburban residential street",
                             "highway": "A highway", "countryside": "A country road"}),
        ask(name, "weather", "What is the weather like?", "weather",
             {"clear": "Clear and dry", "rain": "Rain", "fog": "Fog", "snow": "Snow"},
             required=True),
        ask(name, "time_of_day", "What time of day is it?", "time_of_day",
             {"day": "Daytime", "dusk": "Dusk", "night": "Night"}, "It is inside a tunnel"),
        ask(name, "lanes", "How many lanes does the road have, both directions together?",
             "lanes", {"1": "One", "2": "Two", "3": "Three", "4": "Four"}, usual="2"),
        ask(name, "directions", "In which directions does the traffic of this road run?",
             "directions", {"one-way": "In the ego vehicle's direction only",
                            "two-way": "In both directions"},
             "It is closed to all traffic", "Only toward the ego vehicle"),
        ask(name, "center_line", "What separates the two directions of traffic?", "center_line",
             {"none": "Nothing: it is a one-way road", "solid": "A solid yellow double line",
              "dashed": "A dashed yellow line"}, "A strip of grass"),
        ask(name, "road_surface", "What is the condition of the road surface?", "road_surface",
             {"dry": "Dry", "wet": "Wet", "snow-covered": "Covered with snow"}, "Loose gravel"),
        ask(name, "junction", "What kind of junction does the road lead to?", "junction",
             {"none": "None in view", "crossroads": "A crossroads",
              "T junction": "A T junction, where the road ends"}, "A roundabout", usual="none"),
        ask(name, "control", "What controls the traffic at a junction ahead?", "control",
             {"none": "Nothing, or there is no junction", "traffic lights": "Traffic lights",
              "stop sign": "A stop sign"}, "A railway barrier", usual="none"),
        ask(name, "crosswalk", "Where is a pedestrian crosswalk painted?", "crosswalk",
             {"none": "Nowhere in view", "at the junction": "At the junction",
              "on the road": "Across the road, away from any junction"},
             "On a bridge above the road", usual="none"),
        ask(name, "roadside", "What stands along the road?", "roadside",
             {"tall buildings": "Tall buildings", "houses and gardens": "Houses with gardens",
              "guard rails": "Guard rails", "fields and trees": "Fields with posts and trees"}),
        ask(name, "lamps", "On which side of the road are street lamps?", "lamps",
             {"none": "There are none", "left": "On the left only", "right": "On the right only",
              "both sides": "On both sides"}),
        ask(name, "works", "Which special zone does the ego vehicle pass?", "works",
             {"yes": "Road works", "no": "None"}, "A toll plaza", "A railway crossing", usual="no"),
    )  # fmt: skip


def object_questions() -> tuple[PoolQuestion, ...]:
    """Key Objects: 10."""
    name = "Key Objects"
    return (
        ask(name, "lead", "What kind of motor vehicle is ahead in the ego vehicle's lane when the "
             "clip begins?", "lead", KINDS, required=True),
        ask(name, "lead_color", "What color is the vehicle ahead in the ego vehicle's lane?",
             "lead_color", COLORS, unless=("none",)),
        ask(name, "light", "What does the traffic light ahead show?", "light",
             {"none": "There is no traffic light", "red": "Red all the time",
              "green": "Green all the time", "red then green": "First red, then green"},
             usual="none"),
        ask(name, "parked", "How many vehicles are parked on the right?", "parked", COUNTS,
             usual="0"),
        ask(name, "parked_color", "What color is the vehicle parked on the right?",
             "parked_color", COLORS, unless=("none",)),
        ask(name, "sign", "Which sign stands beside the road?", "sign",
             {"none": "None", "stop": "A stop sign", "speed limit": "A round speed limit sign",
              "warning": "A yellow warning sign", "direction": "A green direction sign"}),
        ask(name, "oncoming_kind", "What kind of motor vehicle comes toward the ego vehicle first?",
             "oncoming_kind", KINDS, usual="none"),
        ask(name, "emergency", "Where is a vehicle with flashing emergency lights?", "emergency",
             {"none": "There is none", "ahead": "Ahead, in the ego vehicle's lane",
              "oncoming": "Coming toward the ego vehicle"}, "Parked on the left", usual="none"),
        ask(name, "works_objects", "Which construction objects are on the road?", "works",
             {"yes": "Orange cones", "no": "None"}, "An excavator", "A red and white fence",
             usual="no"),
        ask(name, "bus", "Where is a bus?", "bus",
             {"none": "There is none", "ahead": "Ahead, in the ego vehicle's lane",
              "oncoming": "Coming toward the ego vehicle", "crossing": "On the crossing road",
              "next lane": "In the next lane, in the same direction"}, unless=("several",),
             usual="none"),
    )  # fmt: skip


def character_questions() -> tuple[PoolQuestion, ...]:
    """Characters & Interactions: 6."""
    name = "Characters & Interactions"
    return (
        ask(name, "pedestrian_place", "Where are people on foot?", "pedestrian_place",
             {"none": "There are none", "left": "Beside the road on the left",
              "right": "Beside the road on the right",
              "crossing": "On the road, crossing it"}, required=True),
        ask(name, "pedestrians", "How many people on foot are there?", "pedestrians", COUNTS),
        ask(name, "crossing_direction", "In which direction do people cross the road?",
             "crossing_direction", WAYS, "Along the middle of the road", usual="none"),
        ask(name, "cyclist", "Where is a cyclist?", "cyclist",
             {"none": "There is none", "ahead": "On the right, in the same direction",
              "oncoming": "Coming toward the ego vehicle"}, "Crossing the road ahead",
             usual="none"),
        ask(name, "pedestrian_kind", "Who is on foot?", "pedestrian_kind",
             {"none": "Nobody", "adult": "Adults only", "child": "Children only",
              "worker": "Road workers"}, unless=("mixed",)),
        ask(name, "pedestrian_carries", "What does the person on foot carry?",
             "pedestrian_carries", {"nothing": "Nothing", "umbrella": "An umbrella",
                                    "bag": "A bag"}, "A ladder", unless=("none",)),
    )  # fmt: skip
