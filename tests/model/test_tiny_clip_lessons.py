"""What the embedded model is taught about clips: its own words, true, and no benchmark's."""

from importlib.resources import files

import numpy as np
import pytest
from ruamel.yaml import YAML

from recipe_kit.data.worlds.driving.captions import caption
from recipe_kit.data.worlds.driving.labels import labels
from recipe_kit.data.worlds.driving.plan import plan
from recipe_kit.model.tiny.clip_lessons import (
    COLORS,
    DEEDS,
    LETTERED,
    TIMES,
    clip_lessons,
    describe_clip,
    lettered_four,
)
from recipe_kit.model.tiny.clips import KNOBS, draw_frames, frame_times, times_of

POOL = files("recipe_kit") / "benchmark/pools/driving.yaml"
SCENES = [plan(seed=11, index=index, knobs=KNOBS) for index in range(60)]
TRUTH = {
    "environment": "suburb", "time_of_day": "dusk", "weather": "snow", "lead": "bus",
    "lead_color": "red", "lead_behavior": "brakes", "light": "none", "junction": "T junction",
    "ego_maneuver": "left turn", "start_state": "standing", "oncoming": 0, "parked": 2,
    "pedestrians": 1, "cyclist": "ahead",
}  # fmt: skip


def test_no_question_of_the_pool_and_no_caption_is_taught():
    pool = YAML(typ="safe").load(POOL.read_text("utf-8"))
    forbidden = {entry["question"] for entry in pool["questions"]}
    rng = np.random.default_rng(0)
    for scene in SCENES:
        for prompt, answer in clip_lessons(labels(scene), rng):
            assert prompt.split("\n")[0] not in forbidden
            assert answer != caption(scene)


def test_lettered_answers_are_true_and_never_tell_a_side():
    by_question = {q: label for label, _, questions in LETTERED for q in questions}
    rng = np.random.default_rng(1)
    asked = set()
    for scene in SCENES:
        truth = labels(scene)
        for prompt, answer in clip_lessons(truth, rng):
            question, *lines = prompt.split("\n")
            options = dict(line.split(". ", 1) for line in lines)
            assert not {"left", "right"} & set(" ".join(options.values()).lower().split())
            if options and question in by_question:
                label = by_question[question]
                asked.add(label)
                values = dict(next(v for name, v, _ in LETTERED if name == label))
                right = [letter for letter, text in options.items()
                         if text in values[str(truth[label])]]  # fmt: skip
                assert right == [answer], prompt
    assert asked == {label for label, _, _ in LETTERED}


def test_options_come_in_any_order_and_number():
    prompts = [lettered_four("When?", "dusk", TIMES, np.random.default_rng(n)) for n in range(40)]
    assert {letter for _, letter in prompts} == {"A", "B", "C"}
    assert {prompt.count("\n") for prompt, _ in prompts} == {2, 3}
    four, _ = lettered_four("Which?", "red", COLORS, np.random.default_rng(0))
    assert [line[:3] for line in four.split("\n")[1:]] == ["A. ", "B. ", "C. ", "D. "]


def test_every_maneuver_of_the_world_has_its_words():
    assert {str(labels(scene)["ego_maneuver"]) for scene in SCENES} <= set(DEEDS)


def test_a_clip_is_described_in_short_sentences():
    assert describe_clip(TRUTH) == (
        "In a suburb at dusk, snow. The camera car waits and turns left. A red bus is in front. "
        "There is a T junction. There is parked vehicles, people on foot, a cyclist."
    )


@pytest.mark.parametrize(
    ("count", "times", "steps"),
    [
        (4, [0.0, 1.25, 2.5, 3.75], (0.625, 3.125)),
        (8, [0.0, 0.5, 1.0, 1.5, 2.25, 2.75, 3.25, 3.75], (0.25, 1.25, 2.5, 3.5)),
    ],
)
def test_frames_stand_at_their_true_times(count, times, steps):
    assert frame_times(count) == times
    assert times_of(count) == steps


def test_frames_are_those_of_the_whole_clip():
    frames, truth = draw_frames(11, 4, 64, 96, 4, np.random.default_rng(0))
    assert frames.shape == (4, 64, 96, 3) and frames.dtype == np.uint8
    assert truth == labels(SCENES[4])
    again, _ = draw_frames(11, 4, 64, 96, 4, np.random.default_rng(3))
    assert np.abs(frames.astype(int) - again).mean() < 12
