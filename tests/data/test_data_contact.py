import io
from pathlib import Path

import numpy as np
import pytest
from data_cases import REAL, TABLE, folder_of, needs_real_data, recipe
from PIL import Image

from recipe_kit.data.contact import contact_sheet, sheets
from recipe_kit.data.inspection import Look
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.splits import assign
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe

SIDE = {"type": "choice", "prompt": "Where?", "label": "cracked"}
HALVES = {"test": {"floor": {"rows": "test"}}, "train": {"floor": {"rows": "train"}}}
TAKEN = {**TABLE, "columns": {"split": "split", "category": "kind"}}


def made(tmp_path: Path, rows: dict[str, str], **more: object) -> dict[str, bytes]:
    folder_of(tmp_path, rows, header="image,label,split,kind")
    spec, samples, roots = divided(tmp_path, **more)
    return sheets(spec, samples, roots)


def divided(tmp_path: Path, **more: object) -> tuple[Recipe, tuple[Sample, ...], dict[str, Path]]:
    spec = recipe({"floor": TAKEN}, **{"splits": HALVES, **more})
    places = {"recipe_dir": tmp_path, "cache": tmp_path / "cache"}
    return spec, assign(load_samples(spec, **places), spec), media_roots(spec, **places)


def opened(sheet: bytes) -> Image.Image:
    return Image.open(io.BytesIO(sheet))


def test_a_sheet_for_each_value_of_training_samples(tmp_path: Path) -> None:
    rows = {f"{number}.png": f"{'cracked' if number < 13 else 'intact'},train,near"
            for number in range(15)}
    found = made(tmp_path, {**rows, "test.png": "intact,test,near"})
    assert list(found) == ["cracked", "intact"]
    # Twelve in rows of four; two beside each other.
    assert [opened(sheet).size for sheet in found.values()] == [(640, 481), (322, 163)]
    assert {opened(sheet).format for sheet in found.values()} == {"JPEG"}


def test_the_order_of_samples_and_their_places_change_no_byte(tmp_path: Path) -> None:
    rows = {f"{number}.png": "cracked,train,near" for number in range(20)}
    first = made(tmp_path, {**rows, "test.png": "intact,test,near"})
    spec, samples, roots = divided(tmp_path)
    assert sheets(spec, samples[::-1], roots) == first
    assert sheets(spec, samples[:3] + samples[-1:], roots) != first


def test_options_of_each_sample_go_by_category(tmp_path: Path) -> None:
    rows = {f"{number}.png": f"cracked,train,{'near' if number % 2 else 'far'}"
            for number in range(4)}
    found = made(tmp_path, {**rows, "t.png": "intact,test,near"}, tasks={"side": {
        **SIDE, "options": ["{cracked}", "other"]}})
    assert list(found) == ["far", "near"]


def test_a_letter_stands_for_its_option(tmp_path: Path) -> None:
    rows = {f"{number}.png": f"{'AB'[number % 2]},train,near" for number in range(4)}
    found = made(tmp_path, {**rows, "t.png": "A,test,near"}, tasks={"side": {
        **SIDE, "options": ["left", "right"]}})
    assert list(found) == ["left", "right"]


def test_without_training_the_test_samples_are_shown(tmp_path: Path) -> None:
    found = made(tmp_path, {"a.png": "cracked,test,near", "b.png": "cracked,test,near"},
                 splits={"test": {"floor": 1.0}})
    assert [opened(sheet).size for sheet in found.values()] == [(322, 163)]


def test_the_eight_most_frequent_values(tmp_path: Path) -> None:
    how = {"type": "scale", "prompt": "How?", "label": "cracked", "low": 0, "high": 9}
    rows = {f"{value}-{number}.png": f"{value},train,near"
            for value in range(10) for number in range(1 if value in (3, 5) else 2)}
    found = made(tmp_path, {**rows, "t.png": "1,test,near"}, tasks={"how": how})
    assert list(found) == ["0", "1", "2", "4", "6", "7", "8", "9"]


def test_the_same_picture_is_shown_once(tmp_path: Path) -> None:
    rows = {"a.png": "cracked,train,near", "b.png": "cracked,train,near",
            "t.png": "intact,test,near"}
    folder_of(tmp_path, rows, header="image,label,split,kind")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    spec, samples, roots = divided(tmp_path)
    assert opened(sheets(spec, samples, roots)["cracked"]).size == (163, 163)


def test_pictures_are_fitted_into_their_cells(tmp_path: Path) -> None:
    Image.new("RGB", (3000, 2), "red").save(tmp_path / "line.png")
    Image.new("RGB", (20, 10), "blue").save(tmp_path / "small.png")
    sheet = opened(contact_sheet([Look(tmp_path / "line.png", "image"),
                                  Look(tmp_path / "small.png", "image")]))
    pixels = np.asarray(sheet).astype(int)
    red, blue = pixels[4 + 77, 4 + 77], pixels[4 + 77, 163 + 77]
    assert red[0] > red[2] + 50 and blue[2] > blue[0] + 200
    # Above the picture there is paper.
    assert (pixels[20, 163 + 77] > 235).all()


def test_noise_too_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    looks = []
    for number in range(12):
        path = tmp_path / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (155, 155, 3), dtype=np.uint8)).save(path)
        looks.append(Look(path, "image"))
    assert len(contact_sheet(looks)) <= 150_000


def test_a_picture_that_is_gone(tmp_path: Path) -> None:
    rows = {"a.png": "cracked,train,near", "t.png": "intact,test,near"}
    folder_of(tmp_path, rows, header="image,label,split,kind")
    spec, samples, roots = divided(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match="there is no such file"):
        sheets(spec, samples, roots)


@needs_real_data
def test_real_pictures_and_the_middle_frames_of_clips() -> None:
    clips = sorted((REAL / "drive-clips" / "videos").iterdir(), key=lambda at: at.stat().st_size)
    pictures = sorted((REAL / "crack-concrete" / "images").iterdir())[:11]
    looks = [Look(clips[0], "video"), *(Look(path, "image") for path in pictures)]
    sheet = contact_sheet(looks)
    assert sheet == contact_sheet(looks)
    assert opened(sheet).size == (640, 481) and 10_000 < len(sheet) <= 150_000
