"""Files, overrides, what loading returns, and that no text makes it raise anything else."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe_kit.errors import SpecError
from recipe_kit.spec.document import MAX_BYTES, parse_document
from recipe_kit.spec.load import check_document, load_recipe, slug_of
from recipe_kit.spec.overrides import override
from recipe_kit.spec.problems import show

Problems = Callable[..., str]


def load(path: Path | str, *overrides: str) -> str:
    with pytest.raises(SpecError) as caught:
        load_recipe(path, overrides)
    return str(caught.value)


def test_what_is_loaded_is_typed_and_frozen(valid: Path) -> None:
    recipe = load_recipe(valid)
    assert recipe.slug == "my-floors"
    assert recipe.train.epochs == 1.0
    assert recipe.tasks["cracked"].prompt == "Is this floor cracked?"
    assert recipe.data.splits.test["real"].model_dump() == {"rows": "test", "share": 1.0}
    with pytest.raises(ValueError, match="frozen"):
        recipe.title = "Walls"  # type: ignore[misc] # that is the point


def test_the_knobs_of_a_world_are_written_out(valid: Path) -> None:
    recipe = load_recipe(valid, ["data.sources.drawn.randomize.shadow=0.9"])
    knobs = recipe.data.sources["drawn"].model_dump()["randomize"]
    assert knobs["shadow"] == 0.9
    assert {"cracked", "joints", "texture"} < set(knobs)


def test_keys_are_text_as_written(valid: Path) -> None:
    mapped = 'data.sources.real.labels.severity={column: level, map: {1: 1, 02: 2, no: 3}}'
    recipe = load_recipe(valid, [mapped])
    severity = recipe.data.sources["real"].model_dump()["labels"]["severity"]
    assert severity == {"column": "level", "map": {"1": 1, "02": 2, "no": 3}}


def test_a_table_of_videos_needs_no_null_for_image(valid: Path) -> None:
    recipe = load_recipe(valid, ["data.sources.real.columns={video: clip, split: split}"])
    columns = recipe.data.sources["real"].model_dump()["columns"]
    assert (columns["image"], columns["video"]) == (None, "clip")


def test_a_group_may_be_several_columns(valid: Path) -> None:
    recipe = load_recipe(
        valid, ["data.sources.real.columns={image: file, group: [left, right], split: split}"]
    )
    assert recipe.data.sources["real"].model_dump()["columns"]["group"] == ("left", "right")


@pytest.mark.parametrize(("name", "slug"), [
    ("floor-crack", "floor-crack"), ("My_Floors (2)", "my-floors-2"), ("__", "recipe"),
    ("Straße", "stra-e"),
])
def test_slug_of(name: str, slug: str) -> None:
    assert slug_of(name) == slug


# Overrides


@pytest.mark.parametrize(("text", "expected"), [
    ("train.epoch=1", """
        --set train.epoch=1: unknown key 'epoch' in 'train'
          Did you mean 'epochs'?

        1 problem in floor.yaml
    """),
    ("train.epochs=0", """
        --set train.epochs=0: 'train.epochs' must be a number above 0, but is 0

        1 problem in floor.yaml
    """),
    ("gate.benchmark=flor", """
        --set gate.benchmark=flor: there is no benchmark 'flor'
          Did you mean 'floor'?

        1 problem in floor.yaml
    """),
    ("model={bse: tiny}", """
        --set model={bse: tiny}: unknown key 'bse' in 'model'
          Did you mean 'base'?

        1 problem in floor.yaml
    """),
    ("train.epochs", """
        --set train.epochs: this is not KEY=VALUE
          To mend it: Write it like --set train.epochs=1.
    """),
    ("train..epochs=1", """
        --set train..epochs=1: this is not KEY=VALUE
          To mend it: Write it like --set train.epochs=1.
    """),
    ("authors.1.name=Bo", """
        --set authors.1.name=Bo: 'authors' is a list of 1, it has no item '1'
          To mend it: Items count from 0.
    """),
    ("title.text=Bo", """
        --set title.text=Bo: 'title' is a value, it has no keys
    """),
    ("title='Bo", """
        --set title='Bo: the value is not YAML
          To mend it: Quote the value as YAML wants it.
    """),
    ("title=!!set {a}", """
        --set title=!!set {a}: the tag '!!set' is not allowed
          To mend it: Quote the value as YAML wants it.
    """),
])
def test_override_error_text(problems: Problems, text: str, expected: str) -> None:
    assert problems(overrides=(text,)) == inspect.cleandoc(expected)


def test_overrides_reach_lists_and_keys_that_are_not_there(valid: Path) -> None:
    recipe = load_recipe(valid, [
        "authors.0.name=Bo", "train.lora.rank=4", "train.validate.every=20", "title=a=b",
        "train.lora.rank=8",
    ])
    assert recipe.authors[0].name == "Bo"
    assert (recipe.train.lora.rank, recipe.train.validate_.every) == (8, 20)
    assert recipe.title == "a=b"


def test_an_override_mends_what_is_wrong_in_the_file(problems: Problems) -> None:
    edits = ("  epochs: 1\n", "  epochs: 1\n  epochs: many\n")
    assert problems(edits, overrides=("train={epochs: 2}",)) == "valid"


# Files


def test_a_file_that_is_not_there(valid: Path) -> None:
    assert load("my_flors.yaml") == (
        "my_flors.yaml: there is no such file\n  To mend it: Did you mean 'My_Floors.yaml'?"
    )
    assert load(valid / "x.yaml").startswith(f"{valid / 'x.yaml'}: there is no such file")


def test_a_folder(tmp_path: Path) -> None:
    assert load(tmp_path) == (
        f"{tmp_path}: this is a folder, not a file\n  To mend it: Name the YAML file itself."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission(valid: Path) -> None:
    valid.chmod(0)
    assert load(valid) == f"{valid}: the file cannot be read (Permission denied)"


def test_a_path_that_cannot_be_one() -> None:
    assert load("a\0b") == "a\0b: the file cannot be read (embedded null byte)"
    assert "the file cannot be read (File name too long)" in load("x" * 5000)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert load(path).startswith(f"{path}: the file is empty")


def test_not_a_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text("\n- schema: 1\n", encoding="utf-8")
    assert load("x.yaml") == inspect.cleandoc("""
        x.yaml:2:1: a recipe is a mapping of keys to values
           2 | - schema: 1
             | ^
          Begin with `schema: 1`; `recipe new NAME --starter floor-safety` writes a whole recipe.
    """)


def test_not_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_bytes(b"schema: 1\ntitle: Stra\xdfe\n")
    assert load("x.yaml") == (
        "x.yaml:2:12: this character is not UTF-8\n  To mend it: Save the file as UTF-8."
    )


def test_a_byte_order_mark_and_windows_line_ends(valid: Path) -> None:
    text = valid.read_bytes()
    valid.write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    assert load_recipe(valid).title == "Floors"
    valid.write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n").replace(b"epochs", b"epoch"))
    assert f"{valid}:43:3: unknown key 'epoch'" in load(valid)


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: " + "x" * MAX_BYTES, encoding="utf-8")
    assert load(path).startswith(f"{path}: the file is larger than 256 KiB")


def test_an_alias_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    Path("x.yaml").write_text("\n".join(lines), encoding="utf-8")
    assert "the file has more than 20000 values, aliases included" in load("x.yaml")


@pytest.mark.parametrize("text", [
    "a: &a [*a]", "a: " + "[" * 2000, "a: " + "[" * 40 + "]" * 40, "a: &a {b: *a}",
])
def test_endless_nesting(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert "this is nested more than 32 levels deep" in load(path)


def test_aliases_may_be_used(valid: Path) -> None:
    text = valid.read_text(encoding="utf-8").replace("{blend: {drawn: 1}}", "{blend: *b}")
    text = text.replace("blend: {drawn: 1, real: 2}", "blend: &b {drawn: 1}")
    valid.write_text(text, encoding="utf-8")
    assert load_recipe(valid).train.ablations["drawn_only"].blend == {"drawn": 1}


def test_an_anchor_may_be_defined_again(valid: Path) -> None:
    recipe = load_recipe(valid, ["resources=[{name: &a x, url: &a y}, {name: *a, url: z}]"])
    assert recipe.resources[1].name == "y"


# Any text


def try_text(text: str, *overrides: str) -> None:
    """Loads a text; anything but a SpecError or a recipe is a failure."""
    try:
        document = override(parse_document(text, "x.yaml"), overrides)
        recipe, problems = check_document(document, slug="x")
    except SpecError as error:
        assert str(error)
    else:
        assert (recipe is None) <= bool(problems)
        assert show(document, problems).count("x.yaml:") >= len(set(problems)) - len(overrides)


YAML_TEXT = st.text(alphabet="abk:-[]{}&*!|>'\"%@#,?~<=. \n\t01\\u\x85\u2028é😀\x00\r", max_size=60)
SCALARS = st.sampled_from([
    "1", "-1", "1e999", ".nan", "null", "''", "x", "[]", "{}", "[1, {a: b}]", "!!int x",
    "!!float x", "2020-01-01", "0x1f", "0o9", "9" * 5000, "&a [*a]", "*b", "|\n", "? [x]", "!a b",
    "!!null x",
    "{{ x }}", '"{{ x"', '"\\ud83d"', '"\\U00110000"', "<<", "{<<: 1}", "%a", "true", "1_0",
    "_1", "+",
])


@settings(max_examples=300, deadline=None)
@given(YAML_TEXT)
def test_any_text_is_refused_with_a_spec_error(text: str) -> None:
    try_text(text)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_damage_to_a_recipe_is_a_spec_error_or_none(data: st.DataObject, recipe: str) -> None:
    start = data.draw(st.integers(0, len(recipe)))
    end = data.draw(st.integers(start, min(len(recipe), start + 40)))
    try_text(recipe[:start] + data.draw(YAML_TEXT | SCALARS) + recipe[end:])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_value_in_any_place_is_a_spec_error_or_none(data: st.DataObject, recipe: str) -> None:
    lines = recipe.splitlines()
    row = data.draw(st.sampled_from([n for n, line in enumerate(lines) if ":" in line]))
    lines[row] = lines[row].partition(":")[0] + ": " + data.draw(SCALARS)
    try_text("\n".join(lines))


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet="abtrain.epochs0123=[]{}:'!", max_size=30) | SCALARS)
def test_any_override_is_a_spec_error_or_none(text: str, recipe: str) -> None:
    try_text(recipe, text)
    try_text(recipe, f"train.epochs={text}")
