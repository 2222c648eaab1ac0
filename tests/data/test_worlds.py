import hashlib
import itertools

import numpy as np
import pytest

from recipe_kit.data.worlds import draw
from recipe_kit.data.worlds.cracks import HAIRLINE, SEVERITY_STEPS, severity
from recipe_kit.data.worlds.drawing import Drawing
from recipe_kit.errors import DataError
from recipe_kit.spec.base import Part
from recipe_kit.spec.worlds import (
    CLIP_WORLDS,
    WORLD_KNOBS,
    WORLD_LABELS,
    FloorsKnobs,
    PrimerKnobs,
)

PICTURE_WORLDS = sorted(set(WORLD_KNOBS) - set(CLIP_WORLDS))

PLAIN = FloorsKnobs(
    cracked=0, hairline=0, thin=0, partial=0, shadow=0, joints=0, stain=0, texture=0, lighting=0,
    noise=0, blur=0, debris=0,
)  # fmt: skip


def floor(index: int, knobs: FloorsKnobs | None = None, side: int = 64) -> Drawing:
    knobs = knobs or FloorsKnobs()
    return draw("floors", seed=5, index=index, width=side, height=side, knobs=knobs)


@pytest.fixture(scope="module")
def many() -> list[Drawing]:
    return [floor(index) for index in range(600)]


# These digests must not be changed: recipes name their pictures by seed and index only.
@pytest.mark.parametrize(
    ("world", "size", "digest"),
    [
        ("floors", (128, 128), "450edcde97694e0d"),
        ("floors", (97, 64), "971c8265e87c221f"),
        ("primer", (128, 128), "8f1eb2ba249508d3"),
    ],
)
def test_pictures_are_the_same_everywhere(
    world: str, size: tuple[int, int], digest: str
) -> None:
    sha = hashlib.sha256()
    for index in range(24):
        drawing = draw(
            world, seed=7, index=index, width=size[0], height=size[1], knobs=WORLD_KNOBS[world]()
        )
        sha.update(drawing.image.tobytes())
        sha.update(repr(sorted(drawing.labels.items())).encode())
    assert sha.hexdigest()[:16] == digest


@pytest.mark.parametrize("world", PICTURE_WORLDS)
def test_index_and_seed_choose_the_picture(world: str) -> None:
    def digest(seed: int, index: int) -> bytes:
        knobs = WORLD_KNOBS[world]()
        drawing = draw(world, seed=seed, index=index, width=48, height=48, knobs=knobs)
        return drawing.image.tobytes()

    places = list(itertools.product((0, 1), range(10)))
    assert len({digest(*place) for place in places}) == len(places)
    assert digest(1, 3) == digest(1, 3)


@pytest.mark.parametrize("world", PICTURE_WORLDS)
@pytest.mark.parametrize(
    "size", [(32, 32), (33, 47), (1024, 32), (64, 640), (1024, 1024), (227, 227)]
)
def test_any_size(world: str, size: tuple[int, int]) -> None:
    for index in range(3):
        image = draw(
            world, seed=1, index=index, width=size[0], height=size[1], knobs=WORLD_KNOBS[world]()
        ).image
        assert image.shape == (size[1], size[0], 3)
        assert image.dtype == np.uint8


@pytest.mark.parametrize(("share", "low", "high"), [(0, 0, 0), (0.5, 260, 340), (1, 600, 600)])
def test_share_of_cracked(share: float, low: int, high: int) -> None:
    knobs = PLAIN.model_copy(update={"cracked": share})
    cracked = sum(floor(i, knobs, 32).labels["cracked"] == "cracked" for i in range(600))
    assert low <= cracked <= high


def test_labels_are_consistent(many: list[Drawing]) -> None:
    for drawing in many:
        labels = drawing.labels
        cracked = labels["cracked"] == "cracked"
        assert cracked == (labels["severity"] != 1)
        assert labels["safe"] == ("No" if int(labels["severity"]) >= 3 else "Yes")
        for name in ("crack_quadrant", "crack_width", "crack_orientation"):
            assert cracked == (labels[name] != "none")
        assert labels["category"] in (("hazard", "ambiguous") if cracked else ("safe", "ambiguous"))
        if labels["surface"] == "tile":
            assert labels["joints"]


def test_floors_have_exactly_the_labels_and_values_the_spec_names(many: list[Drawing]) -> None:
    seen: dict[str, set[str]] = {}
    for drawing in many:
        for name, value in drawing.labels.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            seen.setdefault(name, set()).add(text)
    assert seen == {name: set(values) for name, values in WORLD_LABELS["floors"].items()}


def test_primer_has_only_labels_the_spec_names() -> None:
    seen: set[str] = set()
    for index in range(60):
        knobs = PrimerKnobs()
        seen |= draw("primer", seed=1, index=index, width=32, height=32, knobs=knobs).labels.keys()
    assert seen == set(WORLD_LABELS["primer"])


def test_a_plain_floor_is_one_color() -> None:
    for index in range(20):
        image = floor(index, PLAIN).image
        assert (image == image[0, 0]).all()


@pytest.mark.parametrize("knob", [name for name in FloorsKnobs.model_fields if name != "cracked"])
def test_a_knob_adds_what_it_names_and_nothing_else(knob: str) -> None:
    base = PLAIN
    if knob in ("hairline", "thin", "partial", "blur"):  # seen on a crack only
        base = PLAIN.model_copy(update={"cracked": 1.0})
    changed = base.model_copy(update={knob: 1.0})
    different = sum(
        not np.array_equal(floor(i, base).image, floor(i, changed).image) for i in range(20)
    )
    assert different >= 18
    if knob in ("joints", "stain", "shadow", "debris"):
        shown = [floor(i, changed).labels.items() for i in range(20)]
        names = {name for labels in shown for name, value in labels if value is True}
        assert names == {knob}
    if knob in ("shadow", "stain", "debris", "lighting", "noise"):
        # The crack is the same with it and without it.
        cracked = {"cracked": 1.0, knob: 1.0}
        for i in range(10):
            with_it = floor(i, PLAIN.model_copy(update=cracked)).labels["severity"]
            assert with_it == floor(i, PLAIN.model_copy(update={"cracked": 1.0})).labels["severity"]


@pytest.mark.parametrize(
    ("hairline", "thin", "expected"),
    [(1, 0, {"hairline"}), (1, 1, {"hairline"}), (0, 1, {"thin"}), (0, 0, {"thick"})],
)
def test_width_knobs(hairline: int, thin: int, expected: set[str]) -> None:
    knobs = PLAIN.model_copy(update={"cracked": 1.0, "hairline": hairline, "thin": thin})
    assert {floor(i, knobs).labels["crack_width"] for i in range(100)} == expected


def test_a_crack_is_darker_than_the_floor() -> None:
    knobs = PLAIN.model_copy(update={"cracked": 1.0})
    for index in range(60):
        image = floor(index, knobs, 128).image.astype(float).mean(axis=2)
        assert image.min() < 0.75 * np.median(image)


def test_severity_grows_with_the_crack_that_is_drawn() -> None:
    knobs = PLAIN.model_copy(update={"cracked": 1.0, "thin": 0.5})
    dark: dict[object, list[float]] = {}
    for index in range(200):
        drawing = floor(index, knobs, 128)
        image = drawing.image.astype(float).mean(axis=2)
        share = float((image < 0.6 * np.median(image)).mean())
        dark.setdefault(drawing.labels["severity"], []).append(share)
    means = [float(np.mean(dark[level])) for level in (2, 3, 4, 5)]
    assert means == sorted(means)


@pytest.mark.parametrize(
    ("width", "area", "expected"),
    [
        (0.0, 0.0, 1), (0.005, 0.002, 2), (HAIRLINE, 0.01, 2), (0.02, 0.016, 3),
        (0.03, 0.03, 4), (0.06, 0.05, 5), (0.15, 0.2, 5),
    ],
)  # fmt: skip
def test_severity(width: float, area: float, expected: int) -> None:
    assert severity(width, area) == expected


def test_severity_never_falls_when_a_crack_grows() -> None:
    areas = np.linspace(0, 0.2, 200).tolist()
    assert [severity(0.02, a) for a in areas] == sorted(severity(0.02, a) for a in areas)
    assert [severity(a, 0.02) for a in areas] == sorted(severity(a, 0.02) for a in areas)
    assert list(SEVERITY_STEPS) == sorted(SEVERITY_STEPS)


@pytest.mark.parametrize("size", [(64, 64), (200, 80)])
def test_primer_objects_are_where_the_labels_say(size: tuple[int, int]) -> None:
    knobs = PrimerKnobs(texture=0, lighting=0, noise=0, blur=0)
    dominant = {"red": (0, 1), "green": (1, 0), "blue": (2, 0), "yellow": (0, 2)}
    seen = 0
    for index in range(80):
        drawing = draw(
            "primer", seed=2, index=index, width=size[0], height=size[1], knobs=knobs
        )
        labels = drawing.labels
        count = int(labels["count"])
        assert 1 <= count <= 5
        assert [float(labels[f"x{n}"]) for n in range(count)] == sorted(
            float(labels[f"x{n}"]) for n in range(count)
        )
        assert len({(labels[f"shape{n}"], labels[f"color{n}"]) for n in range(count)}) == count
        for n in range(count):
            color = str(labels[f"color{n}"])
            if color not in dominant or labels[f"shape{n}"] == "ring":
                continue
            x, y = float(labels[f"x{n}"]), float(labels[f"y{n}"])
            pixel = drawing.image[int(y * size[1]), int(x * size[0])].astype(int)
            more, less = dominant[color]
            assert pixel[more] > pixel[less] + 60
            seen += 1
    assert seen > 50


def test_primer_most_limits_the_count() -> None:
    knobs = PrimerKnobs(most=2)
    counts = {
        draw("primer", seed=3, index=i, width=32, height=32, knobs=knobs).labels["count"]
        for i in range(40)
    }
    assert counts == {1, 2}


@pytest.mark.parametrize(
    ("world", "knobs", "size", "seed", "message"),
    [
        ("moon", PrimerKnobs(), (64, 64), 0,
         "world 'moon': there is no such world\n"
         "  To mend it: use one of: floors, primer, tabletop"),
        ("floors", PrimerKnobs(), (64, 64), 0,
         "world 'floors': PrimerKnobs are not its knobs\n  To mend it: pass FloorsKnobs"),
        ("floors", FloorsKnobs(), (16, 64), 0,
         "world 'floors': cannot draw a picture of 16 x 64 pixels\n"
         "  To mend it: choose a width and a height from 32 to 1024"),
        ("primer", PrimerKnobs(), (64, 64), -1,
         "world 'primer': seed and index start at 0\n"
         "  To mend it: choose other numbers than -1 and 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn(
    world: str, knobs: Part, size: tuple[int, int], seed: int, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        draw(world, seed=seed, index=0, width=size[0], height=size[1], knobs=knobs)
    assert str(caught.value) == message
