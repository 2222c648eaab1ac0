"""What the embedded model is taught about tables: true, readable, and never left or right."""

import numpy as np
import pytest

from recipe_kit.data.worlds import draw
from recipe_kit.model.tiny.lessons import COURSES, lessons
from recipe_kit.model.tiny.table_lessons import band, lettered, table_lessons

TABLE = {
    "count": 2,
    "name0": "red ring", "x0": 0.1, "y0": 0.7,
    "name1": "apple", "x1": 0.55, "y1": 0.99,
}  # fmt: skip


@pytest.mark.parametrize(
    ("share", "number"), [(0.0, "1"), (0.199, "1"), (0.2, "2"), (0.55, "3"), (1.0, "5")]
)
def test_a_place_is_in_one_of_five_bands(share, number):
    assert band(share) == number


def test_a_table_is_asked_about_by_column_and_row():
    asked = dict(table_lessons(TABLE, np.random.default_rng(0)))
    assert asked["How many objects are there?"] == "2"
    assert asked["What is the position of the red ring in the image?"] == "column 1, row 4"
    assert asked["What is the position of the apple in the image?"] == "column 3, row 5"
    assert asked["Are the red ring and the apple both in the image? Yes or No."] == "Yes"
    assert asked["What color is the ring?"] == "red"


def test_the_letter_is_that_of_the_right_option():
    for seed in range(20):
        prompt, letter = lettered("Q?", "yes", ["no", "maybe"], np.random.default_rng(seed))
        lines = dict(line.split(". ", 1) for line in prompt.split("\n")[1:])
        assert lines[letter].rstrip(".") == "yes"
        assert len(lines) in (2, 3)


def test_left_and_right_are_never_options_and_absent_things_are_absent():
    world, knobs = COURSES["tables"]
    rng = np.random.default_rng(0)
    for index in range(30):
        labels = draw(world, seed=3, index=index, width=64, height=64, knobs=knobs).labels
        shown = {labels[f"name{n}"] for n in range(int(labels["count"]))}
        for prompt, answer in lessons("tables", labels, rng):
            question, *lines = prompt.split("\n")
            options = dict(line.rstrip(".").split(". ", 1) for line in lines)
            assert not {"left", "right"} & set(prompt.replace(".", " ").split())
            if question == "Which of these objects is in the image?":
                assert [letter for letter, name in options.items() if name in shown] == [answer]
            if question == "Which object is missing in the image?":
                assert [letter for letter, name in options.items() if name not in shown] == [answer]
