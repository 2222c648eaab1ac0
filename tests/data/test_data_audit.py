import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_cases import CRACKED, REAL, SEVERITY, TABLE, look, needs_real_data, noise, recipe
from PIL import Image, ImageEnhance, ImageFilter

from recipe_kit.data.audit import audit
from recipe_kit.data.duplicates import Seen, exact_pairs, near_pairs
from recipe_kit.data.facts import digest, measure
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.splits import assign
from recipe_kit.errors import LeakageError
from recipe_kit.record.schemas import AuditResult, DataFacts, Sample
from recipe_kit.spec.recipe import Recipe

HEADER = "image,label,split,scene"
TAKES = {"train": {"floor": {"rows": "train"}}, "val": {"floor": {"rows": "val"}},
         "test": {"floor": {"rows": "test"}}}
COLUMNS = {"split": "split", "group": "scene"}


P, N, Z = 2 / 3, 3, 1.959963984540054
CENTER = (P + Z**2 / (2 * N)) / (1 + Z**2 / N)
HALF = Z * (P * (1 - P) / N + Z**2 / (4 * N**2)) ** 0.5 / (1 + Z**2 / N)
LOW, HIGH = CENTER - HALF, CENTER + HALF


def write(folder: Path, rows: Sequence[tuple[str, Image.Image | None, str]]) -> None:
    """Write a table and its pictures; without a picture, the file is empty."""
    lines = [HEADER]
    for name, picture, cells in rows:
        if picture is None:
            (folder / name).write_bytes(b"")
        else:
            picture.save(folder / name)
        lines.append(f"{name},{cells}")
    (folder / "labels.csv").write_text("\n".join(lines))


def run(folder: Path, **rules: Any) -> tuple[Recipe, tuple[Sample, ...], AuditResult]:
    spec = recipe({"floor": {**TABLE, "columns": COLUMNS, "license": "CC0", "credit": "Me"}},
                  TAKES, tasks={"crack": CRACKED}, audit=rules)
    samples = assign(load_samples(spec, recipe_dir=folder, cache=folder), spec)
    roots = media_roots(spec, recipe_dir=folder, cache=folder)
    return spec, samples, audit(samples, roots, spec)


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return Image.open(out)


def test_what_the_audit_tells(tmp_path: Path) -> None:
    shared = noise(7, side=96)
    write(tmp_path, [
        ("a.png", noise(1), "cracked,train,s1"), ("b.png", noise(2), "intact,train,s1"),
        ("c.png", shared, "cracked,train,s2"), ("d.png", shared, "cracked,val,s2"),
        ("e.jpg", jpeg(shared, 60), "intact,val,"),
        ("f.png", noise(3), "cracked,test,"), ("g.png", noise(4), "cracked,test,"),
        ("h.png", noise(5), "intact,test,"), ("i.png", None, "intact,test,"),
    ])
    spec, samples, found = run(tmp_path, unreadable="skip")
    # Duplicates of train and val are told of, but stop nothing.
    assert [pair.model_dump() for pair in found.duplicates] == [
        {"kind": "exact", "first": "floor/c.png", "second": "floor/d.png",
         "first_split": "train", "second_split": "val", "distance": 0},
        {"kind": "near", "first": "floor/c.png", "second": "floor/e.jpg",
         "first_split": "train", "second_split": "val", "distance": 0},
    ]
    assert found.model_dump(exclude={"duplicates", "majority"}) == {
        "exact_across_splits": 1, "near_across_splits": 1, "groups_across_splits": 1,
        "near_duplicate_distance": 2, "allowed_leakage": (),
        "unreadable": ({"sample": "floor/i.png", "path": "i.png",
                        "reason": "the picture is empty (0 bytes)"},),
        "balance": {"train": {"cracked": {"cracked": 2, "intact": 1}},
                    "val": {"cracked": {"cracked": 1, "intact": 1}},
                    "test": {"cracked": {"cracked": 2, "intact": 1}}},
    }
    majority = found.majority["crack"]
    assert (majority.value, majority.n, majority.method) == (
        2 / 3, 3, "majority of the test split, wilson")
    # Wilson's formula for 2 of 3, by hand.
    assert (majority.low, majority.high) == pytest.approx((LOW, HIGH), abs=1e-9)
    facts = measure(samples, media_roots(spec, recipe_dir=tmp_path, cache=tmp_path), found, spec)
    sizes = sum((tmp_path / name).stat().st_size for name in
                ("a.png", "b.png", "c.png", "d.png", "e.jpg", "f.png", "g.png", "h.png"))
    assert facts.model_dump(exclude={"audit", "digest"}) == {
        "splits": {"train": 3, "val": 2, "test": 3},
        "sources": {"floor": {
            "kind": "table", "samples": 8, "media_type": "image",
            "resolutions": {"48×48": 5, "96×96": 3}, "encodings": {"PNG": 7, "JPEG": 1},
            "bytes": sizes, "license": "CC0", "credit": "Me",
            "splits": {"train": 3, "val": 2, "test": 3},
            "labels": {"cracked": {"cracked": 5, "intact": 3}}, "categories": {},
            "annotation": "CSV, one row per picture: cracked", "fps": {}, "seconds": None,
                "parts": {}, "weights": {}, "formats": {},
        }},
    }
    assert DataFacts.model_validate_json(facts.model_dump_json()) == facts


@pytest.mark.parametrize(
    ("seen", "tested", "kind"),
    [
        (noise(7, side=96), noise(7, side=96), "the same file"),
        (noise(7, side=96), noise(7, side=96).resize((64, 64)), "nearly the same picture"),
    ],
)
@pytest.mark.parametrize("split", ["train", "val"])
def test_a_tested_picture_that_is_trained_on_stops_the_run(
    tmp_path: Path, seen: Image.Image, tested: Image.Image, kind: str, split: str
) -> None:
    other = {"train": "val", "val": "train"}[split]
    write(tmp_path, [("a.png", seen, f"cracked,{split},"), ("b.png", tested, "cracked,test,"),
                     ("c.png", noise(1), f"intact,{other},")])
    with pytest.raises(LeakageError) as caught:
        run(tmp_path)
    assert str(caught.value) == (
        "data.splits: what is tested on is also trained or chosen on: 1 case\n"
        f"  floor/a.png ({split}) and floor/b.png (test): {kind}\n"
        "  To mend it: remove them, or give them a common group; if the leak is known and "
        "accepted, set data.audit.allow_leakage: [floor]"
    )
    found = run(tmp_path, allow_leakage=["floor"])[2]
    assert (found.allowed_leakage, len(found.duplicates)) == (("floor",), 1)


def test_a_group_that_a_table_parts_stops_the_run(tmp_path: Path) -> None:
    write(tmp_path, [(f"{split}.png", noise(number), f"cracked,{split},s1")
                     for number, split in enumerate(("train", "val", "test"))])
    with pytest.raises(LeakageError) as caught:
        run(tmp_path)
    assert caught.value.what == (
        "what is tested on is also trained or chosen on: 1 case\n"
        "  the group floor/s1 stands in test, train, val")
    assert run(tmp_path, allow_leakage=["floor"])[2].groups_across_splits == 1


def test_an_allowance_that_nothing_needed_is_not_told(tmp_path: Path) -> None:
    write(tmp_path, [(f"{split}.png", noise(number), f"cracked,{split},")
                     for number, split in enumerate(("train", "val", "test"))])
    assert run(tmp_path, allow_leakage=["floor"])[2].allowed_leakage == ()


def seen(pictures: Sequence[Image.Image], split: str) -> list[Seen]:
    return [Seen(f"{split}{number}", "floor", split, look(picture, f"{split}{number}"))
            for number, picture in enumerate(pictures)]


CHANGES = {
    "re-encoded": lambda picture: jpeg(picture, 60),
    "smaller": lambda picture: picture.resize((70, 70), Image.Resampling.LANCZOS),
    "gray": lambda picture: picture.convert("L"),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.05),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(0.7)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_found(change: str) -> None:
    originals = [noise(number, side=96) for number in range(40)]
    copies = [CHANGES[change](picture) for picture in originals]
    pairs = {(pair.first.id, pair.second.id)
             for pair in near_pairs(seen(originals, "a"), seen(copies, "b"), 2)}
    assert pairs <= {(f"a{number}", f"b{number}") for number in range(40)}
    assert len(pairs) >= 38


def gradient(slope: float) -> Image.Image:
    column = np.linspace(90, 90 + slope, 96)[:, None].repeat(96, 1)
    return Image.fromarray(column.astype(np.uint8))


def test_pictures_without_detail_are_no_near_duplicates() -> None:
    smooth = seen([Image.new("L", (96, 96), level) for level in (80, 120)]
                  + [gradient(40), gradient(44)], "a")
    others = seen([Image.new("L", (96, 96), 160), gradient(48)], "b")
    # Their hashes do collide; only the missing detail tells that this says nothing.
    assert any((one.look.phash ^ other.look.phash).bit_count() <= 2
               for one in smooth for other in others)
    assert list(near_pairs(smooth, others, 2)) == []


def test_the_same_file_is_an_exact_pair_and_no_near_one() -> None:
    picture = noise(1)
    train = [Seen("a", "floor", "train", look(picture, "same"))]
    test = [Seen("b", "floor", "test", look(picture, "same"))]
    assert [(pair.first.id, pair.second.id) for pair in exact_pairs(train, test)] == [("a", "b")]
    assert list(near_pairs(train, test, 16)) == []


def test_the_digest_sees_content_but_not_order_or_place() -> None:
    rows = [Sample(id=f"floor/{name}", source="floor", media=f"{name}.png", sha256=name,
                   labels={"cracked": "cracked"}, split="test") for name in "ab"]
    moved = [row.model_copy(update={"media": f"elsewhere/{row.media}"}) for row in rows]
    other = [rows[0], rows[1].model_copy(update={"labels": {"cracked": "intact"}})]
    assert digest(rows) == digest(moved[::-1])
    assert digest(rows) != digest(other)


@needs_real_data
def test_the_real_photographs(tmp_path: Path) -> None:
    # One pair of crack-concrete is a picture and its re-encoded twin, looked at by eye; plain
    # concrete beside plain concrete is no false alarm.
    spec = recipe(
        {"concrete": {**TABLE, "path": "crack-concrete/labels.jsonl",
                      "columns": {"split": "split"}},
         "walls": {"kind": "table", "path": "crack-severity/labels.jsonl",
                   "labels": {"cracked": "label", "severity": "severity_derived"},
                   "columns": {"split": "split", "group": "source_file"}}},
        {"train": {"concrete": {"rows": "train"}, "walls": {"rows": "val"}},
         "test": {"concrete": {"rows": "test"}, "walls": {"rows": "test"}}},
        tasks={"crack": {**CRACKED, "answers": {"cracked": "Yes", "not cracked": "No"}},
               "how": SEVERITY},
        root=str(REAL), audit={"near_duplicate_distance": 8, "allow_leakage": ["concrete"]})
    samples = assign(load_samples(spec, recipe_dir=tmp_path, cache=tmp_path), spec)
    found = audit(samples, media_roots(spec, recipe_dir=tmp_path, cache=tmp_path), spec)
    assert [(pair.first, pair.second, pair.distance) for pair in found.duplicates] == [
        ("concrete/images/train_neg_02112.jpg", "concrete/images/test_neg_19254.jpg", 2)]
    assert found.groups_across_splits == 0
    assert {task: (metric.n, metric.value) for task, metric in found.majority.items()} == {
        "crack": (233, 126 / 233), "how": (113, 47 / 113)}
