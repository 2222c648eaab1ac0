"""Questions about the `tabletop` world that the embedded model is pre-trained on.

What is on the table, how many there are, what color, and where in the picture each object is: in
which of five columns and rows. Which of two objects is farther to the left is never asked, nor is
`left` or `right` ever an option: that is what the recipes about left and right teach.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from recipe_kit.data.worlds.drawing import Value
from recipe_kit.data.worlds.things import ICONS, LOOK_ALIKE, SHAPE_NAMES

Lesson = tuple[str, str]
"""A prompt and its answer."""

YES_NO = " Yes or No."
COLUMNS = 5
"""Columns, and rows, that a picture is cut into for questions about places."""


def lettered(question: str, right: str, wrong: Sequence[str], rng: np.random.Generator) -> Lesson:
    """The same question with lettered options; one in two with full stops after them."""
    count = int(rng.integers(1, min(3, len(wrong)) + 1))
    options = [right, *rng.choice(wrong, count, replace=False).tolist()]
    rng.shuffle(options)
    stop = "." if rng.random() < 0.5 else ""
    lines = "".join(
        f"\n{letter}. {word}{stop}" for letter, word in zip("ABCD", options, strict=False)
    )
    return (question + lines, "ABCD"[options.index(right)])


def band(share: float) -> str:
    """The number, from 1, of the column or row that a place is in."""
    return str(min(COLUMNS, int(share * COLUMNS) + 1))


def table_lessons(labels: Mapping[str, Value], rng: np.random.Generator) -> list[Lesson]:
    """Questions with answers about one table."""
    count = int(labels["count"])
    names = [str(labels[f"name{n}"]) for n in range(count)]
    x, y = ([float(labels[f"{axis}{n}"]) for n in range(count)] for axis in "xy")
    absent = _absent(names, rng)
    asked: list[Lesson] = [
        ("How many objects are there?", str(count)),
        lettered("Which of these objects is in the image?", str(rng.choice(names)), absent, rng),
        lettered("Which object is missing in the image?", absent[0], names, rng),
        (f"Are the {names[0]} and the {names[1]} both in the image?" + YES_NO, "Yes"),
        (f"Are the {names[-1]} and the {absent[1]} both in the image?" + YES_NO, "No"),
        (f"Are the {absent[0]} and the {names[0]} both in the image?" + YES_NO, "No"),
        (f"Is the {absent[2]} in the image?" + YES_NO, "No"),
    ]
    columns, rows = [band(share) for share in x], [band(share) for share in y]
    for name, column, row in zip(names, columns, rows, strict=True):
        where = f"What is the position of the {name} in the image?"
        asked += [
            (where, f"column {column}, row {row}"),
            (f"In which column is the {name}?", column),
            (f"In which row is the {name}?", row),
            lettered(f"In which column is the {name}?", column, _others(column, "12345"), rng),
            lettered(f"In which row is the {name}?", row, _others(row, "12345"), rng),
            (f"Is the {name} in the image?" + YES_NO, "Yes"),
        ]
        for kind, band_, bands in (("column", column, columns), ("row", row, rows)):
            elsewhere = [other for other, at in zip(names, bands, strict=True) if at != band_]
            if elsewhere:
                asked.append(lettered(f"What is in {kind} {band_}?", name, elsewhere, rng))
    return asked + _colors(names, rng)


def _others(value: str, among: Sequence[str]) -> list[str]:
    return [other for other in among if other != value]


def _absent(names: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Things that are not on the table, half of them of a shape or a color that is."""
    alike = {twin for name in names for twin in LOOK_ALIKE.get(name, ())}
    alike |= {thing for thing, twins in LOOK_ALIKE.items() if set(twins) & set(names)}
    free = [name for name in (*ICONS, *SHAPE_NAMES) if name not in alike and name not in names]
    words = {word for name in names for word in name.split()}
    close = [name for name in free if words & set(name.split())] or free
    found = [str(rng.choice(close if rng.random() < 0.5 else free)) for _ in range(8)]
    found = list(dict.fromkeys(found))
    return found if len(found) > 2 else [*found, *_others(found[0], free[:3])]


def _colors(names: Sequence[str], rng: np.random.Generator) -> list[Lesson]:
    colors = sorted({name.split()[0] for name in SHAPE_NAMES})
    split = [name.split() for name in names if " " in name]
    asked: list[Lesson] = []
    for color, shape in split:
        if sum(other == shape for _, other in split) == 1:
            which = f"What color is the {shape}?"
            asked += [(which, color), lettered(which, color, _others(color, colors), rng)]
    return asked
