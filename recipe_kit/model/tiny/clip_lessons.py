"""Questions about clips of the `driving` world that the embedded model is trained on.

They are the model's own: no question of the benchmark's pool, and none of the world's captions.
The scene and its objects are taught in full, also with lettered options. Of motion, of the camera
car and of places in time it hears plain questions only, with short answers; what fine-tuning adds
is how a benchmark asks. Where an object stands, left or right, is never lettered, as with pictures.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from recipe_kit.data.worlds.drawing import Value
from recipe_kit.model.tiny.table_lessons import YES_NO, Lesson

Rng = np.random.Generator
Values = Mapping[str, tuple[str, ...]]
"""How each value of a label may read."""

PLACES: Values = {
    "city": ("City", "In a city", "A street in the city", "A city with tall houses"),
    "suburb": ("Suburb", "In a suburb", "A suburban street", "A residential area with gardens"),
    "highway": ("Highway", "On a highway", "A wide highway", "A highway with guard rails"),
    "countryside": ("Country", "In the country", "A road in the country", "Fields and trees"),
}
TIMES: Values = {
    "day": ("Day", "By day", "Daylight", "In the daytime"),
    "dusk": ("Dusk", "At dusk", "In the evening, at dusk"),
    "night": ("Night", "At night", "In the dark of the night"),
}
WEATHERS: Values = {
    "clear": ("Clear", "It is clear", "Clear weather", "Dry and clear"),
    "rain": ("Rain", "It rains", "Rainy weather", "Rain falls"),
    "fog": ("Fog", "It is foggy", "Foggy weather"),
    "snow": ("Snow", "It snows", "Snowy weather", "Snow falls"),
}
SURFACES: Values = {
    "dry": ("Dry", "A dry road", "It is dry"),
    "wet": ("Wet", "A wet road", "It is wet"),
    "snow-covered": ("Snow", "A road under snow", "Snow covers it"),
}
ROADSIDES: Values = {
    "tall buildings": ("Tall buildings", "High buildings"),
    "houses and gardens": ("Houses", "Houses and gardens", "Small houses"),
    "guard rails": ("Guard rails", "Rails"),
    "fields and trees": ("Fields", "Trees and fields", "Open fields"),
}
VEHICLES: Values = {
    "none": ("None", "No vehicle", "There is none", "Nothing"),
    "car": ("Car", "A car"),
    "truck": ("Truck", "A truck"),
    "bus": ("Bus", "A bus"),
}
COLORS: Values = {
    name: (name.capitalize(), name) for name in ("white", "black", "red", "blue", "yellow", "green")
}
LANES: Values = {"1": ("1", "One"), "2": ("2", "Two"), "3": ("3", "Three"), "4": ("4", "Four")}
CONTROLS: Values = {
    "none": ("Nothing", "No sign and no light"),
    "traffic lights": ("Traffic lights", "A traffic light"),
    "stop sign": ("A stop sign", "Stop sign"),
}
SIGNS: Values = {
    "none": ("None", "No sign", "There is none"),
    "stop": ("Stop sign", "A stop sign"),
    "speed limit": ("Speed limit", "A speed limit"),
    "warning": ("Warning sign", "A warning"),
    "direction": ("Direction sign", "A direction sign"),
}
LIGHTS: Values = {
    "none": ("None", "There is no light"),
    "red": ("Red", "It is red"),
    "green": ("Green", "It is green"),
    "red then green": ("Red, then green", "It changes to green"),
}
JUNCTIONS: Values = {
    "none": ("None", "There is none", "No junction"),
    "crossroads": ("Crossroads", "A crossroads", "Two roads cross"),
    "T junction": ("T junction", "A T junction", "The road ends"),
}
SPEEDS: Values = {
    "steady": ("Steady", "It drives steadily"),
    "accelerates": ("Faster", "It gets faster"),
    "slows down": ("Slower", "It gets slower"),
    "stops": ("Stops", "It comes to a stop"),
    "stands": ("Stands", "It stands still"),
}

LETTERED: tuple[tuple[str, Values, tuple[str, ...]], ...] = (
    ("environment", PLACES, ("Where was this filmed?", "What kind of area is this?",
                             "Which surroundings does the video show?")),
    ("time_of_day", TIMES, ("When was this filmed?", "Is it day, dusk or night?",
                            "What is the light of the video?")),
    ("weather", WEATHERS, ("How is the weather?", "What is the weather in the video?",
                           "Which weather does the video show?")),
    ("road_surface", SURFACES, ("How is the road?", "What does the road look like?",
                                "Which condition is the road in?")),
    ("roadside", ROADSIDES, ("What is beside the road?", "What lines the road?")),
    ("lead", VEHICLES, ("Which vehicle is in front of the camera car?",
                        "What drives ahead in the same lane?", "What is the vehicle in front?")),
    ("lead_color", COLORS, ("What color is the vehicle in front?",
                            "Which color has the vehicle ahead?")),
    ("lanes", LANES, ("How many lanes are there?", "Count the lanes of the road.")),
    ("control", CONTROLS, ("What rules the traffic at the junction?",
                           "Which sign or light is at the junction?")),
    ("oncoming_kind", VEHICLES, ("Which vehicle comes the other way?",
                                 "What comes toward the camera car?")),
)  # fmt: skip
"""Labels that are asked with lettered options: their values' names and the questions."""

PLAIN: tuple[tuple[str, Values, tuple[str, ...]], ...] = (
    *LETTERED,
    ("sign", SIGNS, ("Which traffic sign is beside the road?",)),
    ("light", LIGHTS, ("Which color has the traffic light?", "How is the traffic light?")),
    ("junction", JUNCTIONS, ("Which junction is ahead?", "Is there a junction, and which?")),
    ("ego_speed", SPEEDS, ("How fast does the camera car become?",
                           "What happens to the speed of the camera car?")),
)  # fmt: skip
"""Labels that are asked for in words; the shortest name is the answer."""

STATEMENTS = ("Which is true?", "What does the video show?", "Which of these is right?",
              "What can be seen in the video?")  # fmt: skip
SCENE = 5
"""So many of them can be told from any option alone."""
OWN_WORDS = ("Describe the video in a few words.", "What happens in this video?",
             "Describe the video.", "Describe what the camera car does and sees.")  # fmt: skip

DEEDS = {
    "straight": "goes straight", "left turn": "turns left", "right turn": "turns right",
    "left bend": "follows the road to the left", "right bend": "follows the road to the right",
    "left lane change": "moves one lane to the left",
    "right lane change": "moves one lane to the right",
    "stop": "comes to a stop", "wait": "waits", "move off": "starts to drive",
}  # fmt: skip


def clip_lessons(labels: Mapping[str, Value], rng: Rng) -> list[Lesson]:
    """Questions with answers about one clip."""
    found = [entry for entry in LETTERED if str(labels[entry[0]]) in entry[1]]
    asked = [
        lettered_four(_one(rng, questions), str(labels[label]), values, rng)
        for label, values, questions in (*found, *found)
    ]
    for label, values, _ in (found[int(rng.integers(SCENE))] for _ in range(4)):
        asked.append(lettered_four(_one(rng, STATEMENTS), str(labels[label]), values, rng))
    plain = [
        (_one(rng, questions), values[str(labels[label])][0].lower())
        for label, values, questions in PLAIN
        if str(labels[label]) in values
    ]
    facts = [(question + YES_NO, "Yes" if truth else "No") for question, truth in _facts(labels)]
    asked += _some(plain, 8, rng) + _some(facts, 10, rng) + _short(labels)
    return asked + [(question, describe_clip(labels)) for question in OWN_WORDS]


def _some(lessons: Sequence[Lesson], count: int, rng: Rng) -> list[Lesson]:
    return [lessons[place] for place in rng.permutation(len(lessons))[:count].tolist()]


def lettered_four(question: str, value: str, values: Values, rng: Rng) -> Lesson:
    """A question with the right option and up to three others, as `benchmark.prompts` writes it."""
    others = [name for name in values if name != value]
    most = min(3, len(others))
    count = most if rng.random() < 0.8 else int(rng.integers(1, most + 1))
    names = [value, *rng.permutation(others)[:count].tolist()]
    order = rng.permutation(len(names)).tolist()
    lines = "".join(
        f"\n{letter}. {_one(rng, values[names[place]])}"
        for letter, place in zip("ABCD", order, strict=False)
    )
    return question + lines, "ABCD"[order.index(0)]


def _one(rng: Rng, among: Sequence[str]) -> str:
    return among[int(rng.integers(len(among)))]


def _facts(labels: Mapping[str, Value]) -> list[tuple[str, bool]]:
    """Questions for yes or no."""

    def told(label: str) -> bool:
        return labels[label] not in ("none", 0)

    asked = [
        ("Is it raining?", labels["weather"] == "rain"),
        ("Is there fog?", labels["weather"] == "fog"),
        ("Is it dark?", labels["time_of_day"] == "night"),
        ("Is this a one-way road?", labels["directions"] == "one-way"),
        ("Is there a junction ahead?", told("junction")),
        ("Is there a crosswalk?", told("crosswalk")),
        ("Are there street lamps?", told("lamps")),
        ("Are there orange cones?", labels["works"] == "yes"),
        ("Are there traffic lights?", told("light")),
        ("Is there a traffic sign?", told("sign")),
        ("Is a vehicle in front in the same lane?", told("lead")),
        ("Are vehicles parked beside the road?", told("parked")),
        ("Is there oncoming traffic?", told("oncoming")),
        ("Is a vehicle in the next lane?", told("neighbor")),
        ("Does a vehicle cross ahead?", told("crossing")),
        ("Do emergency lights flash?", told("emergency")),
        ("Is there a bus?", told("bus")),
        ("Are there people on foot?", told("pedestrians")),
        ("Does anybody cross the road?", labels["pedestrian_action"] == "crosses"),
        ("Is there a cyclist?", told("cyclist")),
        ("Does the camera car turn at a junction?", told("ego_turn")),
        ("Does the camera car change lanes?", told("ego_lane_change")),
        ("Does the camera car move at first?", labels["start_state"] == "moving"),
        ("Does the camera car stand at the end?", labels["end_state"] == "standing"),
        ("Does the road bend?", "bend" in str(labels["road_direction"])),
    ]
    if told("lead"):
        asked += [
            ("Does the vehicle in front brake?", labels["lead_behavior"] == "brakes"),
            ("Does the vehicle in front come closer?", labels["lead_gap"] == "shrinks"),
        ]
    return asked


def _short(labels: Mapping[str, Value]) -> list[Lesson]:
    """Questions for a word or a number."""
    asked = [
        ("What does the camera car do?", DEEDS[str(labels["ego_maneuver"])]),
        ("How many people are on foot?", str(labels["pedestrians"])),
        ("How many vehicles are parked?", str(labels["parked"])),
    ]
    if labels["ego_maneuver"] != "straight":
        asked.append(("What does the car with the camera do?", DEEDS[str(labels["ego_maneuver"])]))
    if labels["lead"] != "none":
        asked.append(("How does the vehicle in front move?", str(labels["lead_behavior"])))
    if labels["pedestrian_place"] in ("left", "right"):
        asked.append(("On which side are people?", f"the {labels['pedestrian_place']} side"))
    if labels["center_line"] != "none":
        asked.append(("Which line is in the middle of the road?", str(labels["center_line"])))
    if labels["parked_color"] != "none":
        asked.append(("What color is the parked vehicle?", str(labels["parked_color"])))
    return asked


def describe_clip(labels: Mapping[str, Value]) -> str:
    """A clip in a few short sentences, in another style than the world's captions."""
    where = PLACES[str(labels["environment"])][1]
    told = [f"{where} {TIMES[str(labels['time_of_day'])][1].lower()}, {labels['weather']}."]
    stands = labels["start_state"] == "standing" and "turn" in str(labels["ego_maneuver"])
    told.append(f"The camera car {'waits and ' * stands}{DEEDS[str(labels['ego_maneuver'])]}.")
    if labels["lead"] != "none":
        told.append(f"A {labels['lead_color']} {labels['lead']} is in front.")
    if labels["light"] != "none":
        told.append(f"The traffic light is {labels['light']}.")
    elif labels["junction"] != "none":
        told.append(f"There is a {labels['junction']}.")
    others = [
        words
        for label, words in (("oncoming", "oncoming traffic"), ("parked", "parked vehicles"),
                             ("pedestrians", "people on foot"))
        if labels[label]
    ]  # fmt: skip
    if labels["cyclist"] != "none":
        others.append("a cyclist")
    if others:
        told.append(f"There is {', '.join(others)}.")
    return " ".join(told)
