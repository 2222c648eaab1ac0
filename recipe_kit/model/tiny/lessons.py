"""Questions about the synthetic worlds that the embedded model is pre-trained on.

The direct questions of the floor-crack recipe (cracked, safe, hazard level) are asked of easy
floors only: no hairlines, no partial cracks, hardly any lookalikes. Of the harder floors the model
learns what can be seen on them, so a recipe finds it as a team finds a general model: it sees, but
it was never taught this domain's questions on this domain's pictures.
"""

from collections.abc import Mapping

import numpy as np

from recipe_kit.data.worlds.drawing import Value
from recipe_kit.spec.base import Part
from recipe_kit.spec.worlds import FloorsKnobs, PrimerKnobs

Lesson = tuple[str, str]
"""A prompt and its answer."""

YES_NO = " Yes or No."

EASY_FLOORS = FloorsKnobs(
    hairline=0.0, thin=0.2, partial=0.0, shadow=0.05, joints=0.0, stain=0.1, debris=0.05, noise=0.3, blur=0.2
)

# What is drawn: world, its knobs, and whether the direct questions are asked.
COURSES: dict[str, tuple[str, Part, bool]] = {
    "primer": ("primer", PrimerKnobs(), False),
    "easy floors": ("floors", EASY_FLOORS, True),
    "all floors": ("floors", FloorsKnobs(), False),
}

CRACKED = (
    "Is this floor cracked?" + YES_NO,
    "Is there a crack in this floor?" + YES_NO,
    "Does the floor show a crack?" + YES_NO,
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
    world, _, direct = COURSES[course]
    if world == "primer":
        return _primer(labels, rng)
    asked = _floor(labels)
    if direct:
        asked += 2 * _direct(labels, rng)
    return asked


def _yes(truth: object) -> str:
    return "Yes" if truth else "No"


def _direct(labels: Mapping[str, Value], rng: np.random.Generator) -> list[Lesson]:
    return [
        (str(rng.choice(CRACKED)), _yes(labels["cracked"] == "cracked")),
        (str(rng.choice(SAFE)), str(labels["safe"])),
        (str(rng.choice(SEVERITY)), str(labels["severity"])),
    ]


def _floor(labels: Mapping[str, Value]) -> list[Lesson]:
    return [
        ("What is the floor made of?", str(labels["surface"])),
        ("Are there joints between tiles or slabs?" + YES_NO, _yes(labels["joints"])),
        ("Is there a stain on the floor?" + YES_NO, _yes(labels["stain"])),
        ("Does a shadow fall on the floor?" + YES_NO, _yes(labels["shadow"])),
        ("Is anything lying on the floor?" + YES_NO, _yes(labels["debris"])),
        ("In which part of the picture is the crack?", str(labels["crack_quadrant"])),
        ("How wide is the crack?", str(labels["crack_width"])),
        ("Which way does the crack run?", str(labels["crack_orientation"])),
        ("Describe the floor.", describe(labels)),
        ("Describe the floor.", describe(labels)),
    ]


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
    asked: list[Lesson] = [("How many objects are there?", str(count))]
    for n, (shape, color) in enumerate(zip(shapes, colors, strict=True)):
        x, y = float(labels[f"x{n}"]), float(labels[f"y{n}"])
        asked.append((f"In which part of the picture is the {color} {shape}?", place_name(x, y)))
        asked.append((f"Is there a {color} {shape}?" + YES_NO, "Yes"))
        if shapes.count(shape) == 1:
            asked.append((f"What color is the {shape}?", color))
            asked.append(_choice(f"What color is the {shape}?", color, COLOR_NAMES, rng))
        if colors.count(color) == 1:
            asked.append((f"What shape is the {color} object?", shape))
    absent = (str(rng.choice(COLOR_NAMES)), str(rng.choice(SHAPE_NAMES)))
    if absent not in set(zip(colors, shapes, strict=True)):
        asked.append((f"Is there a {absent[0]} {absent[1]}?" + YES_NO, "No"))
        n = int(rng.integers(count))
        if colors[n] != absent[0] and (absent[0], shapes[n]) not in zip(
            colors, shapes, strict=True
        ):
            asked.append((f"Is there a {absent[0]} {shapes[n]}?" + YES_NO, "No"))
    return asked


COLOR_NAMES = ("red", "green", "blue", "yellow", "orange", "purple", "white", "black")
SHAPE_NAMES = ("circle", "square", "triangle", "star", "ring", "bar", "cross", "heart", "house")


def _choice(question: str, right: str, among: tuple[str, ...], rng: np.random.Generator) -> Lesson:
    """The same question with lettered options."""
    others = [word for word in among if word != right]
    options = [right, *rng.choice(others, int(rng.integers(1, 4)), replace=False).tolist()]
    rng.shuffle(options)
    lines = "".join(f"\n{letter}. {word}." for letter, word in zip("ABCD", options, strict=False))
    return (question + lines, "ABCD"[options.index(right)])
