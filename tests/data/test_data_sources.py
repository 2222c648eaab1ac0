import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_cases import CRACKED, REAL, SEVERITY, TABLE, folder_of, needs_real_data, noise, recipe

from recipe_kit.data.places import media_name
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.worlds.driving.clip import write_clip
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample


@pytest.fixture(autouse=True)
def _no_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECIPE_DATA", raising=False)


def load(tmp_path: Path, source: dict[str, Any] | None = None, **more: Any) -> tuple[Sample, ...]:
    spec = recipe({"floor": {**TABLE, **(source or {})}}, **more)
    return load_samples(spec, recipe_dir=tmp_path, cache=tmp_path / "cache")


def refused(tmp_path: Path, source: dict[str, Any] | None = None, **more: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        load(tmp_path, source, **more)
    return caught.value


def test_a_table_of_pictures(tmp_path: Path) -> None:
    folder_of(tmp_path, {
        "images/a.png": "bad,4,roof,s1,train,r1",
        "images/b.png": "good,,,,test,r2",
    }, header="image,state,score,kind,scene,part,name")
    table = {
        "labels": {"cracked": {"column": "state", "map": {"bad": "cracked", "good": "intact"}},
                   "severity": "score"},
        "columns": {"category": {"column": "kind", "map": {"roof": "hazard"}}, "group": "scene",
                    "split": "part", "id": "name"},
    }
    first, second = load(tmp_path, table, tasks={"crack": CRACKED, "how": SEVERITY})
    assert first.model_dump(exclude={"sha256"}) == {
        "id": "floor/r1", "source": "floor", "media": "images/a.png", "media_type": "image",
        "labels": {"cracked": "cracked", "severity": "4"}, "category": "hazard",
        "group": "floor/s1", "declared_split": "train", "split": "", "prompt": None,
        "target": None, "width": 48, "height": 48, "part": "",
    }
    # An empty cell is a label, a category or a group that the sample lacks.
    assert (second.labels, second.category, second.group) == (
        {"cracked": "intact"}, "", "floor/r2")
    assert len(first.sha256) == 64 and first.sha256 != second.sha256


def test_several_columns_make_a_group_in_any_order(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.png": "cracked,cup,apple", "b.png": "cracked,apple,cup",
                         "c.png": "cracked,cup,", "d.png": "cracked,,"},
              header="image,label,subject,object")
    source = {"columns": {"group": ["subject", "object"]}}
    assert [one.group for one in load(tmp_path, source)] == [
        "floor/apple + cup", "floor/apple + cup", "floor/cup", "floor/d.png"]
    error = refused(tmp_path, {"columns": {"group": ["subject", "objekt"]}})
    assert error.where == "data.sources.floor.columns.group.1"


def test_json_values_become_plain(tmp_path: Path) -> None:
    noise(1).save(tmp_path / "a.png")
    row = {"image": "./a.png", "label": True, "severity": 3.0}
    (tmp_path / "labels.json").write_text(json.dumps([row]))
    tasks = {"crack": {**CRACKED, "answers": {"true": "Yes", "false": "No"}}, "how": SEVERITY}
    (one,) = load(tmp_path, {"path": "labels.json",
                             "labels": {"cracked": "label", "severity": "severity"}}, tasks=tasks)
    assert (one.labels, one.media) == ({"cracked": "true", "severity": 3}, "a.png")


def test_paths_are_looked_up_under_the_data_root_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, here = tmp_path / "root", tmp_path / "here"
    folder_of(root / "set", {"a.png": "cracked"})
    folder_of(here / "set", {"b.png": "cracked", "c.png": "intact"})
    table = {"floor": {**TABLE, "path": "set/labels.csv"}}
    monkeypatch.setenv("RECIPE_DATA", str(root))
    assert media_roots(recipe(table), recipe_dir=here, cache=tmp_path) == {"floor": root / "set"}
    monkeypatch.setenv("RECIPE_DATA", str(tmp_path))
    assert media_roots(recipe(table), recipe_dir=here, cache=tmp_path) == {"floor": here / "set"}
    # data.root counts before the variable, and is relative to the recipe's folder.
    spec = recipe(table, root="../root")
    assert media_roots(spec, recipe_dir=here, cache=tmp_path) == {"floor": here / "../root/set"}


def test_a_missing_table_names_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECIPE_DATA", str(tmp_path / "root"))
    error = refused(tmp_path)
    assert (error.where, error.what, error.fix) == (
        "data.sources.floor.path",
        f"there is no labels.csv in {tmp_path / 'root'} (RECIPE_DATA), nor in {tmp_path} "
        "(the recipe's folder)",
        "correct data.sources.floor.path, or the environment variable RECIPE_DATA",
    )


def test_a_misspelt_table_or_media_folder(tmp_path: Path) -> None:
    folder_of(tmp_path, {"images/a.png": "cracked"})
    assert refused(tmp_path, {"path": "lables.csv"}).fix == "did you mean labels.csv?"
    error = refused(tmp_path, {"media": "image"})
    assert (error.where, error.fix) == ("data.sources.floor.media", "did you mean images?")


@pytest.mark.parametrize(
    ("source", "where", "what"),
    [
        ({"labels": {"cracked": "labell"}}, "data.sources.floor.labels.cracked",
         "has no column 'labell'; did you mean 'label'? known: 'image', 'label'"),
        ({"columns": {"image": "Image"}}, "data.sources.floor.columns.image",
         "has no column 'Image'; did you mean 'image'? known: 'image', 'label'"),
        ({"columns": {"group": "x"}}, "data.sources.floor.columns.group",
         "has no column 'x'; known: 'image', 'label'"),
    ],
)
def test_a_wrong_column(tmp_path: Path, source: dict[str, Any], where: str, what: str) -> None:
    folder_of(tmp_path, {"a.png": "cracked"})
    error = refused(tmp_path, source)
    assert (error.where, error.what) == (where, f"{tmp_path / 'labels.csv'} {what}")


def test_unknown_labels_are_told_with_their_lines(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.png": "cracked", "b.png": "Cracked", "c.png": "", "d.png": "wet"})
    table = tmp_path / "labels.csv"
    assert str(refused(tmp_path)) == (
        f"{table}:3: the label 'cracked' is 'Cracked', which the task 'crack' has no answer for; "
        "did you mean 'cracked'? known: 'cracked', 'intact'\n"
        f"  {table}:5: the label 'cracked' is 'wet', which the task 'crack' has no answer for; "
        "known: 'cracked', 'intact'\n"
        "  To mend it: correct these rows, or what the spec says of their columns in "
        "data.sources.floor"
    )


def test_a_value_that_the_map_does_not_know(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.png": "bda"})
    column = {"column": "label", "map": {"bad": "cracked", "good": "intact"}}
    assert refused(tmp_path, {"labels": {"cracked": column}}).what == (
        "the column 'label' holds 'bda', which its map does not know; "
        "did you mean 'bad'? known: 'bad', 'good'")


def test_a_point_outside_the_scale(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.png": "6"})
    assert refused(tmp_path, {"labels": {"severity": "label"}}, tasks={"how": SEVERITY}).what == (
        "the label 'severity' is '6', which the task 'how' has no answer for; "
        "known: '1', '2', '3', '4', '5'")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("../a.png", "the path '../a.png' leaves the media folder"),
        ("x/../../a.png", "the path 'x/../../a.png' leaves the media folder"),
        ("..\\a.png", "the path '..\\\\a.png' leaves the media folder"),
        ("/etc/passwd", "the path '/etc/passwd' is absolute; media paths are relative to the "
                        "media folder"),
        ("C:\\a.png", "the path 'C:\\\\a.png' is absolute; media paths are relative to the "
                      "media folder"),
        (".", "the path '.' names no file"),
        ("", "'image' is empty"),
    ],
)
def test_a_path_that_leaves_the_media_folder(tmp_path: Path, path: str, what: str) -> None:
    (tmp_path / "labels.csv").write_text(f"image,label\n{path},cracked\n")
    error = refused(tmp_path)
    assert (error.where, error.what) == (f"{tmp_path / 'labels.csv'}:2", what)


def test_a_link_that_leaves_the_media_folder(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", {"a.png": "cracked"})
    (tmp_path / "in" / "a.png").rename(tmp_path / "out.png")
    (tmp_path / "in" / "a.png").symlink_to(tmp_path / "out.png")
    error = refused(tmp_path, {"path": "in/labels.csv"})
    assert (error.where, error.what) == (
        str(tmp_path / "in"), "a.png is a link that leaves the media folder")
    # A media folder that is itself a link is fine.
    (tmp_path / "in" / "a.png").unlink()
    (tmp_path / "out.png").rename(tmp_path / "in" / "a.png")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    assert len(load(tmp_path, {"path": "link/labels.csv"})) == 1


def test_duplicate_ids(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.png": "cracked,1", "b.png": "cracked,2", "c.png": "intact,1"},
              header="image,label,number")
    table = tmp_path / "labels.csv"
    error = refused(tmp_path, {"columns": {"id": "number"}})
    assert (error.where, error.what) == (f"{table}:4", f"the id '1' stands already in {table}:2")
    with table.open("a") as file:
        file.write("./a.png,cracked,3\n")
    error = refused(tmp_path)
    assert error.what == f"the id 'a.png' stands already in {table}:2"


def test_excluded_rows(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.png": "cracked", "b.png": "cracked", "c.png": "intact"})
    kept = load(tmp_path, {"exclude": ["b.png"]})
    assert [sample.id for sample in kept] == ["floor/a.png", "floor/c.png"]
    error = refused(tmp_path, {"exclude": ["d.png"]})
    assert error.where == "data.sources.floor.exclude"
    assert error.what == (f"{tmp_path / 'labels.csv'} has no row with the id 'd.png'; "
                          "did you mean 'c.png'? known: 'a.png', 'b.png', 'c.png'")


def test_a_nested_cell(tmp_path: Path) -> None:
    (tmp_path / "labels.jsonl").write_text('{"image": "a.png", "label": ["cracked"]}\n')
    assert refused(tmp_path, {"path": "labels.jsonl"}).what == (
        "the column 'label' holds a list, not one value; name one inside it, such as 'label.0'")


def test_a_label_reaches_into_a_cell(tmp_path: Path) -> None:
    noise(1).save(tmp_path / "a.png")
    row = {"image": "a.png", "label": "cracked", "options": {"A": "left", "B": ""}, "box": [0.5, 2]}
    (tmp_path / "labels.jsonl").write_text(json.dumps(row))
    labels = {"cracked": "label", "a": "options.A", "x": "box.0", "width": "box.1"}
    table = {"path": "labels.jsonl", "labels": labels}
    (one,) = load(tmp_path, table)
    assert one.labels == {"cracked": "cracked", "a": "left", "x": 0.5, "width": 2}
    error = refused(tmp_path, {**table, "labels": {**labels, "c": "options.a"}})
    assert (error.where, error.what, error.fix) == (
        "data.sources.floor.labels.c",
        f"{tmp_path / 'labels.jsonl'} has no column 'options.a'; did you mean 'options.A'? known: "
        "'image', 'label', 'options.A', 'options.B', 'box.0', 'box.1'",
        "name a column of the table")


def test_unreadable_files_are_listed_all_at_once(tmp_path: Path) -> None:
    folder_of(tmp_path, {f"{name}.png": "cracked" for name in "abcde"})
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.png").write_bytes(b"no picture")
    (tmp_path / "d.png").unlink()
    (tmp_path / "e.png").write_bytes((tmp_path / "e.png").read_bytes()[:300])
    assert str(refused(tmp_path)) == (
        "data.sources: 4 files cannot be read\n"
        f"  {tmp_path / 'b.png'}: the picture is empty (0 bytes)\n"
        f"  {tmp_path / 'c.png'}: is not a JPEG, PNG, WebP, BMP or TIFF picture\n"
        f"  {tmp_path / 'd.png'}: there is no such file\n"
        f"  {tmp_path / 'e.png'}: the picture is damaged: image file is truncated\n"
        "  To mend it: mend or remove them, or set data.audit.unreadable: skip"
    )
    samples = load(tmp_path, audit={"unreadable": "skip"})
    assert [bool(one.sha256) for one in samples] == [True, False, False, False, False]


def test_triples_are_accepted_as_they_are(tmp_path: Path) -> None:
    folder_of(tmp_path, {"floor_crack1.jpg": "cracked"})
    triples = [
        {"image_path": "floor_crack1.jpg", "prompt": "Is this floor cracked? Yes or No.",
         "target": "Yes"},
        {"image_path": "floor_crack1.jpg", "prompt": "Is it safe?", "target": "No", "note": 1},
    ]
    (tmp_path / "list.json").write_text(json.dumps(triples))
    (tmp_path / "lines.jsonl").write_text("\n".join(map(json.dumps, triples)))
    for name in ("list.json", "lines.jsonl"):
        spec = recipe({"floor": TABLE, "extra": {"kind": "triples", "path": name}})
        samples = load_samples(spec, recipe_dir=tmp_path, cache=tmp_path / "cache")
        assert [(one.id, one.prompt, one.target, one.group, one.labels) for one in samples[1:]] == [
            ("extra/floor_crack1.jpg#1", "Is this floor cracked? Yes or No.", "Yes",
             "extra/floor_crack1.jpg", {}),
            ("extra/floor_crack1.jpg#2", "Is it safe?", "No", "extra/floor_crack1.jpg", {}),
        ]


def test_triples_of_videos(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", np.zeros((2, 32, 32, 3), np.uint8), fps=1)
    noise(0).save(tmp_path / "b.png")
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, [
        {"video_path": "a.mp4", "prompt": "What happens?", "target": "Nothing."},
        {"image_path": "b.png", "prompt": "What is it?", "target": "Noise."}])))
    spec = recipe({"extra": {"kind": "triples", "path": "t.jsonl"}})
    found = load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    assert [(one.id, one.media_type, one.target) for one in found] == [
        ("extra/a.mp4#1", "video", "Nothing."), ("extra/b.png#1", "image", "Noise.")]


@pytest.mark.parametrize(
    ("name", "triples", "where", "what"),
    [
        ("t.json", [{"image": "a.png", "prompt": "p", "target": "t"}], "",
         "no triple has the key 'image_path'; did you mean 'image'? known: 'image', 'prompt', "
         "'target'"),
        ("t.json", [{"image_path": "a.png", "prompt": "p", "target": "t"},
                    {"image_path": "a.png", "prompt": "q", "target": ""}], " (item 2)",
         "'target' is empty"),
        ("t.json", [{"image_path": "a.png", "prompt": "p", "target": 5}], " (item 1)",
         "'target' is no text but 5"),
        ("t.json", [{"image_path": "../a.png", "prompt": "p", "target": "t"}], " (item 1)",
         "the path '../a.png' leaves the media folder"),
        ("t.json", [{"image_path": "a.png", "video_path": "a.mp4", "prompt": "p", "target": "t"}],
         " (item 1)", "names a picture and a video"),
        ("t.csv", [], "", "triples come as .json or .jsonl, not as '.csv'"),
    ],
)
def test_bad_triples(
    tmp_path: Path, name: str, triples: list[dict[str, Any]], where: str, what: str
) -> None:
    (tmp_path / name).write_text(json.dumps(triples))
    spec = recipe({"extra": {"kind": "triples", "path": name}})
    with pytest.raises(DataError) as caught:
        load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    assert (caught.value.where, caught.value.what) == (f"{tmp_path / name}{where}", what)


def test_the_same_question_twice(tmp_path: Path) -> None:
    triple = {"image_path": "a.png", "prompt": "p", "target": "t"}
    path = tmp_path / "t.json"
    path.write_text(json.dumps([triple, {**triple, "target": "u"}]))
    spec = recipe({"extra": {"kind": "triples", "path": "t.json"}})
    with pytest.raises(DataError) as caught:
        load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    assert caught.value.what == (
        f"asks the same question of the same picture as {path} (item 1)")


@pytest.mark.parametrize(
    ("path", "name"), [("a/./b.png", "a/b.png"), ("a\\b.png", "a/b.png"), ("a//b", "a/b")]
)
def test_media_paths_have_one_form(path: str, name: str) -> None:
    assert media_name(path) == name


@needs_real_data
def test_the_real_tables(tmp_path: Path) -> None:
    answers = {"cracked": "Yes", "not cracked": "No"}
    spec = recipe(
        {"concrete": {**TABLE, "path": "crack-concrete/labels.jsonl",
                      "columns": {"split": "split"}},
         "walls": {"kind": "table", "path": "crack-severity/labels.jsonl",
                   "labels": {"cracked": "label", "severity": "severity_derived"},
                   "columns": {"split": "split", "group": "source_file"}}},
        tasks={"crack": {**CRACKED, "answers": answers}, "how": SEVERITY}, root=str(REAL))
    samples = load_samples(spec, recipe_dir=tmp_path, cache=tmp_path)
    assert len(samples) == 846
    assert samples[0].model_dump(exclude={"sha256"}, exclude_defaults=True) == {
        "id": "concrete/images/train_pos_00052.jpg", "source": "concrete",
        "media": "images/train_pos_00052.jpg", "labels": {"cracked": "cracked"},
        "group": "concrete/images/train_pos_00052.jpg", "declared_split": "train",
        "width": 227, "height": 227,
    }
    assert len({one.group for one in samples if one.source == "walls"}) == 173
