import hashlib
import math
import time
from collections import Counter

import numpy as np
import pytest

from recipe_kit.data.worlds import draw
from recipe_kit.data.worlds.arrangement import FAR_FROM, NEAR_GAPS, Arrangement, arrange
from recipe_kit.data.worlds.drawing import Drawing, Value
from recipe_kit.data.worlds.things import ICONS, LOOK_ALIKE, SHAPE_NAMES
from recipe_kit.spec.worlds import TabletopKnobs

PLAIN = TabletopKnobs(
    clutter=0, overlap=0, icons=0, near=0, texture=0, lighting=0, noise=0, blur=0
)


def table(index: int, knobs: TabletopKnobs | None = None, side: int = 64) -> Drawing:
    knobs = knobs or TabletopKnobs()
    return draw("tabletop", seed=5, index=index, width=side, height=side, knobs=knobs)


def number_of(labels: dict[str, Value], name: object) -> int:
    (found,) = [n for n in range(int(labels["count"])) if labels[f"name{n}"] == name]
    return found


@pytest.fixture(scope="module")
def arrangements() -> list[Arrangement]:
    return [arrange(3, index, (128, 128), TabletopKnobs()) for index in range(4000)]


# These digests must not be changed: recipes name their pictures by seed and index only.
@pytest.mark.parametrize(
    ("size", "digest"), [((128, 128), "0e35788e0fb813a7"), ((97, 64), "41856b3ce59764c2")]
)
def test_pictures_are_the_same_everywhere(size: tuple[int, int], digest: str) -> None:
    sha = hashlib.sha256()
    knobs = TabletopKnobs(icons=0.5)
    for index in range(24):
        drawing = draw(
            "tabletop", seed=7, index=index, width=size[0], height=size[1], knobs=knobs)
        sha.update(drawing.image.tobytes())
        sha.update(repr(sorted(drawing.labels.items())).encode())
    assert sha.hexdigest()[:16] == digest


def test_the_labels_follow_from_where_the_objects_are(arrangements: list[Arrangement]) -> None:
    for arrangement in arrangements:
        labels = arrangement.labels
        count = int(labels["count"])
        names = [labels[f"name{n}"] for n in range(count)]
        assert 2 <= count == len(set(names)) <= 5
        subject, other = (float(labels[f"x{number_of(labels, labels[who])}"])
                          for who in ("subject", "object"))
        assert labels["relation"] == ("left" if subject < other else "right")
        assert float(labels["gap"]) == round(abs(subject - other), 4)
        assert float(labels["gap"]) >= NEAR_GAPS[0] - 1e-4
        assert labels["category"] == ("near" if abs(subject - other) < FAR_FROM else "far")
        assert labels["halves"] == (
            "both halves" if (subject < 0.5) != (other < 0.5) else "same half")
        assert labels["scene"] == ("cluttered" if count > 3 else "sparse")
        assert labels["subject_kind"] == ("thing" if labels["subject"] in ICONS else "shape")


# If a fact about a picture does not depend on the relation, chi-square of the table of both
# exceeds its degrees of freedom by four deviations about once in ten thousand times.
@pytest.mark.parametrize(
    "fact",
    ["nothing", "subject", "object", "place in the list", "subject before object", "subject lower",
     "subject larger", "size", "height", "count", "category", "halves", "kinds", "first name",
     "middle of both", "others on the left", "edge of the table"],
)
def test_nothing_but_their_places_tells_the_relation(
    arrangements: list[Arrangement], fact: str
) -> None:
    seen: Counter[tuple[object, str]] = Counter()
    for arrangement in arrangements:
        labels = arrangement.labels
        s, o = (number_of(labels, labels[who]) for who in ("subject", "object"))
        at = {key: float(value) for key, value in labels.items() if key[0] in "xys" and key[-1] in
              "01234"}
        left = sum(at[f"x{n}"] < 0.5 for n in range(int(labels["count"])) if n not in (s, o))
        value = {
            "nothing": 0,
            "subject": labels["subject"],
            "object": labels["object"],
            "place in the list": s,
            "subject before object": s < o,
            "subject lower": at[f"y{s}"] > at[f"y{o}"],
            "subject larger": at[f"size{s}"] > at[f"size{o}"],
            "size": round(at[f"size{s}"] * 40),
            "height": round(at[f"y{s}"] * 8),
            "count": labels["count"],
            "category": labels["category"],
            "halves": labels["halves"],
            "kinds": (labels["subject_kind"], labels["object"] in ICONS),
            "first name": labels["name0"],
            "middle of both": round((at[f"x{s}"] + at[f"x{o}"]) * 5),
            "others on the left": left,
            "edge of the table": round(arrangement.room.edge * 40),
        }[fact]
        seen[value, str(labels["relation"])] += 1
    values = {value for value, _ in seen}
    # Against a fair coin: each value has one degree of freedom, whatever its share.
    chi = sum((seen[v, "left"] - seen[v, "right"]) ** 2 / (seen[v, "left"] + seen[v, "right"])
              for v in values)
    assert chi < len(values) + 4 * math.sqrt(2 * len(values)) + 4


def test_where_the_subject_is_alone_does_not_do(arrangements: list[Arrangement]) -> None:
    right: dict[str, list[bool]] = {"near": [], "far": []}
    for arrangement in arrangements:
        labels = arrangement.labels
        x = float(labels[f"x{number_of(labels, labels['subject'])}"])
        right[str(labels["category"])].append((x < 0.5) == (labels["relation"] == "left"))
    assert np.mean(right["near"]) < 0.65
    assert np.mean(right["near"] + right["far"]) < 0.78


def test_no_two_objects_can_be_taken_for_each_other() -> None:
    knobs = TabletopKnobs(icons=0.5, clutter=1)
    shown = set()
    for index in range(3000):
        names = set(arrange(1, index, (64, 64), knobs).names)
        shown |= names
        for thing, alike in LOOK_ALIKE.items():
            assert thing not in names or names.isdisjoint(alike)
    assert shown == {*ICONS, *SHAPE_NAMES}


@pytest.mark.parametrize("size", [(64, 64), (200, 80), (80, 200)])
def test_shapes_are_where_the_labels_say(size: tuple[int, int]) -> None:
    dominant = {"red": (0, 1), "green": (1, 0), "blue": (2, 0), "yellow": (0, 2)}
    seen = 0
    for index in range(100):
        drawing = draw(
            "tabletop", seed=2, index=index, width=size[0], height=size[1], knobs=PLAIN)
        labels = drawing.labels
        for n in range(int(labels["count"])):
            color, shape = str(labels[f"name{n}"]).split()
            if color not in dominant or shape == "ring":
                continue
            x, y = float(labels[f"x{n}"]), float(labels[f"y{n}"])
            pixel = drawing.image[int(y * size[1]), int(x * size[0])].astype(int)
            more, less = dominant[color]
            assert pixel[more] > pixel[less] + 50
            seen += 1
    assert seen > 80


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (1024, 32), (32, 1024), (640, 480)])
def test_every_object_is_inside(size: tuple[int, int]) -> None:
    width, height = size
    side = min(size)
    for index in range(200):
        labels = arrange(4, index, (height, width), TabletopKnobs()).labels
        for n in range(int(labels["count"])):
            x, y, r = (float(labels[f"{name}{n}"]) for name in ("x", "y", "size"))
            assert r / 2 * side <= x * width <= width - r / 2 * side
            assert r / 2 * side <= y * height <= height - r / 2 * side


@pytest.mark.parametrize("name", ICONS)
def test_every_thing_is_drawn(name: str) -> None:
    knobs = PLAIN.model_copy(update={"icons": 1.0})
    shown = 0
    for index in range(60):
        drawing = table(index, knobs)
        labels = drawing.labels
        for n in range(int(labels["count"])):
            if labels[f"name{n}"] != name:
                continue
            x, y, r = (float(labels[f"{key}{n}"]) for key in ("x", "y", "size"))
            reach = round(r / 2 * 64)
            part = drawing.image[round(y * 64) - reach : round(y * 64) + reach,
                                 round(x * 64) - reach : round(x * 64) + reach].astype(int)
            # Not one even color, as the table is.
            assert np.ptp(part.reshape(-1, 3), axis=0).max() > 60
            shown += 1
    assert shown >= 3


@pytest.mark.parametrize(
    ("knob", "label", "value", "least", "most"),
    [("near", "category", "near", 200, 200), ("icons", "subject_kind", "thing", 200, 200),
     ("clutter", "scene", "cluttered", 190, 200), ("overlap", "scene", "cluttered", 0, 0)],
)
def test_knobs_of_the_arrangement(
    knob: str, label: str, value: str, least: int, most: int
) -> None:
    knobs = PLAIN.model_copy(update={knob: 1.0})
    plain = [arrange(1, index, (64, 64), PLAIN).labels[label] for index in range(200)]
    changed = [arrange(1, index, (64, 64), knobs).labels[label] for index in range(200)]
    assert plain.count(value) == 0
    assert least <= changed.count(value) <= most


def test_only_objects_that_are_not_asked_about_are_hidden() -> None:
    def touching(knobs: TabletopKnobs) -> int:
        pairs = 0
        for index in range(400):
            spots = arrange(6, index, (64, 64), knobs).spots
            for number, back in enumerate(spots):
                for front in spots[:number]:
                    apart = math.hypot(back.x - front.x, back.y - front.y)
                    if apart < back.r + front.r:
                        assert number >= 2
                        assert back.foot < front.foot
                        assert apart > 0.7 * (back.r + front.r)
                        pairs += 1
        return pairs

    assert touching(TabletopKnobs(overlap=0, clutter=1)) == 0
    assert touching(TabletopKnobs(overlap=1, clutter=1)) > 400


@pytest.mark.parametrize("knob", ["texture", "lighting", "noise", "blur"])
def test_knobs_of_the_look_leave_the_objects_alone(knob: str) -> None:
    changed = PLAIN.model_copy(update={knob: 1.0})
    for index in range(20):
        one, other = table(index, PLAIN, 256), table(index, changed, 256)
        assert one.labels == other.labels
        assert not np.array_equal(one.image, other.image)


def test_drawing_takes_few_milliseconds() -> None:
    table(0, side=128)
    start = time.process_time()
    for index in range(100):
        table(index, side=128)
    # Generous, for a slow machine; about three milliseconds in practice.
    assert (time.process_time() - start) / 100 < 0.03
