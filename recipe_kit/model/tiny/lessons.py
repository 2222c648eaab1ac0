"""Questions about the synthetic worlds that the embedded model is pre-trained on.

Whether a surface is cracked at all is asked of plain floors only, where it is beyond doubt: no
crack, or a bad one. Of the other floors the model learns what a crack looks like (how wide, where,
which way it runs) and whether the floor is badly cracked. Whether a robot may drive over a floor,
and how dangerous it is, is asked of easy floors only. So a recipe finds the model as a team finds a
general one: it sees, but its idea of a cracked floor leaves many fine cracks out. No answer is
wrong on purpose. Tables have their own questions, in `table_lessons`.
"""

from collections.abc import Mapping

import numpy as np

from recipe_kit.data.worlds.drawing import Value
from recipe_kit.model.tiny.table_lessons import YES_NO, Lesson, lettered, table_lessons
from recipe_kit.spec.base import Part
from recipe_kit.spec.worlds import FloorsKnobs, PrimerKnobs, TabletopKnobs

EASY_FLOORS = FloorsKnobs(
    hairline=0.0,
    thin=0.2,
    partial=0.0,
    shadow=0.05,
    joints=0.0,
    stain=0.1,
    debris=0.05,
    noise=0.3,
    blur=0.2,
)
ALL_FLOORS = FloorsKnobs(
    hairline=0.15, partial=0.3, shadow=0.35, joints=0.3, stain=0.35, debris=0.25
)

COURSES: dict[str, tuple[str, Part]] = {
    "primer": ("primer", PrimerKnobs()),
    "plain floors": ("floors", EASY_FLOORS),
    "easy floors": ("floors", EASY_FLOORS),
    "all floors": ("floors", ALL_FLOORS),
    "tables": ("tabletop", TabletopKnobs(icons=0.5)),
}
"""What is drawn: the world and its knobs."""

BADLY = 4
"""From this severity on a floor is called badly cracked."""

CRACKED = "Is this surface cracked?" + YES_NO
HARM = (
    *(
        f"Is this {what} {how} cracked?" + YES_NO
        for what in ("floor", "surface")
        for how in ("badly", "seriously", "heavily", "severely", "deeply")
    ),
    "Is this floor cracked badly?" + YES_NO,
    "Is there a bad crack in this floor?" + YES_NO,
)
SAFE = (
    "Is this surface safe for robot traversal?" + YES_NO,
    "Can a robot drive over this floor safely?" + YES_NO,
)
SEVERITY = (
    "How would you rate the hazard level of this surface from 1 (safe) to 5 (dangerous)?",
    "Rate the danger of this floor from 1 to 5.",
)


def lessons(course: str, labels: Mapping[str, Value], rng: np.random.Generator) -> list[Lesson]:
    """Questions with answers about one picture of a course."""
    if course == "primer":
        return _primer(labels, rng)
    if course == "tables":
        return table_lessons(labels, rng)
    harm = _yes(int(labels["severity"]) >= BADLY)
    if course == "plain floors":
        beyond_doubt = harm == "Yes" or labels["cracked"] != "cracked"
        return [(CRACKED if beyond_doubt else HARM[0], harm)]
    asked = _floor(labels)
    asked += [(str(question), harm) for question in rng.choice(HARM, 2)]
    if course == "easy floors":
        asked += [(question, str(labels["safe"])) for question in SAFE]
        asked += [(question, str(labels["severity"])) for question in SEVERITY]
    return asked


def _yes(truth: object) -> str:
    return "Yes" if truth else "No"


def _floor(labels: Mapping[str, Value]) -> list[Lesson]:
    seen = [
        ("What is the floor made of?", str(labels["surface"])),
        ("Are there joints between tiles or slabs?" + YES_NO, _yes(labels["joints"])),
        ("Is there a stain on the floor?" + YES_NO, _yes(labels["stain"])),
        ("Does a shadow fall on the floor?" + YES_NO, _yes(labels["shadow"])),
        ("Is anything lying on the floor?" + YES_NO, _yes(labels["debris"])),
    ]
    crack = [
        ("In which part of the picture is the crack?", str(labels["crack_quadrant"])),
        ("How wide is the crack?", str(labels["crack_width"])),
        ("Which way does the crack run?", str(labels["crack_orientation"])),
        ("Describe the floor.", describe(labels)),
    ]
    return [*seen, *crack, *crack]


def describe(labels: Mapping[str, Value]) -> str:
    """A floor in one sentence."""
    names = {"joints": "joints", "stain": "a stain", "shadow": "a shadow", "debris": "debris"}
    things = [words for key, words in names.items() if labels[key]]
    if labels["crack_width"] != "none":
        run = f"{labels['crack_width']} {labels['crack_orientation']}"
        place = str(labels["crack_quadrant"])
        things.append(f"a {run} crack in the {place}")
    return f"{labels['surface']} floor with {', '.join(things) or 'nothing on it'}."


def place_name(x: float, y: float) -> str:
    """Quarter of the picture that a point lies in."""
    return f"{'upper' if y < 0.5 else 'lower'} {'left' if x < 0.5 else 'right'}"


def _primer(labels: Mapping[str, Value], rng: np.random.Generator) -> list[Lesson]:
    count = int(labels["count"])
    shapes = [str(labels[f"shape{n}"]) for n in range(count)]
    colors = [str(labels[f"color{n}"]) for n in range(count)]
    shown = set(zip(colors, shapes, strict=True))
    asked: list[Lesson] = [("How many objects are there?", str(count))]
    for n, (shape, color) in enumerate(zip(shapes, colors, strict=True)):
        place = place_name(float(labels[f"x{n}"]), float(labels[f"y{n}"]))
        where = f"In which part of the picture is the {color} {shape}?"
        asked.append((where, place))
        asked.append((f"Is there a {color} {shape}?" + YES_NO, "Yes"))
        other = str(rng.choice(COLOR_NAMES))
        if (other, shape) not in shown:
            asked.append((f"Is there a {other} {shape}?" + YES_NO, "No"))
        if shapes.count(shape) == 1:
            which = f"What color is the {shape}?"
            asked += [(which, color), lettered(which, color, _but(color, COLOR_NAMES), rng)]
        if colors.count(color) == 1:
            which = f"What shape is the {color} object?"
            asked += [(which, shape), lettered(which, shape, _but(shape, SHAPE_NAMES), rng)]
    return asked


COLOR_NAMES = ("red", "green", "blue", "yellow", "orange", "purple", "white", "black")
SHAPE_NAMES = ("circle", "square", "triangle", "star", "ring", "bar", "cross", "heart", "house")


def _but(word: str, among: tuple[str, ...]) -> list[str]:
    return [other for other in among if other != word]
