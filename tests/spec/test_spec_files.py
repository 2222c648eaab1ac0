"""What is made from the models, what ships with them, and what loading costs."""

import json
import subprocess
import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel

from recipe_kit.data.worlds import draw, draw_clip
from recipe_kit.errors import SpecError
from recipe_kit.paths import templates_dir
from recipe_kit.spec.base import Part
from recipe_kit.spec.document import parse_value, read_document
from recipe_kit.spec.drafts import left_to_write
from recipe_kit.spec.examples import EXAMPLES
from recipe_kit.spec.load import load_recipe
from recipe_kit.spec.profiles import PROFILES
from recipe_kit.spec.prose import REQUIRED_PROSE, Prose
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.reference import parts, reference
from recipe_kit.spec.schema import EDITOR_COMMENT, schema_text
from recipe_kit.spec.starters import described, new_recipe, starters
from recipe_kit.spec.worlds import CLIP_WORLDS, WORLD_KNOBS, WORLD_LABELS

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [*sorted((ROOT / "recipes").glob("*.yaml")), *starters().values()]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_json_schema_is_current() -> None:
    path = ROOT / "recipes" / "spec.schema.json"
    assert path.read_text(encoding="utf-8") == schema_text(), (
        f"run `python -m recipe_kit.spec.schema {path.relative_to(ROOT)}`"
    )


def test_the_reference_is_current() -> None:
    path = ROOT / "docs" / "reference" / "spec.md"
    assert path.read_text(encoding="utf-8") == reference(), (
        f"run `python -m recipe_kit.spec.reference {path.relative_to(ROOT)}`"
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_is_valid(path: Path, validator: Any) -> None:
    load_recipe(path)
    assert [error.message for error in validator.iter_errors(read_document(path).data)] == []
    assert path.read_text(encoding="utf-8").startswith(EDITOR_COMMENT + "\n")


@pytest.mark.parametrize(("keys", "value"), [
    (("titel",), "Floors"), (("train", "epochs"), "three"), (("gate", "targets"), []),
    (("data", "sources", "synthetic", "randomize", "shadw"), 0.5),
    (("data", "sources", "synthetic", "kind"), "wrld"), (("tasks", "cracked", "hazard"), "yes"),
    (("train", "validate", "every"), "epoc"),
])
def test_the_json_schema_refuses(keys: tuple[str, ...], value: object, validator: Any) -> None:
    data = read_document(ROOT / "recipes" / "floor-crack.yaml").data
    assert validator.is_valid(data)
    node: Any = data
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = value
    assert not validator.is_valid(data)


def test_every_part_is_in_the_reference_with_an_example() -> None:
    def below(kind: type[BaseModel]) -> set[type[BaseModel]]:
        found, left = set(), [kind]
        while left:
            one = left.pop()
            left += get_args(one)
            if isinstance(one, type) and issubclass(one, BaseModel) and one not in found:
                found.add(one)
                left += [info.annotation for info in one.model_fields.values()]
        return found

    listed = {part for _, part in parts()}
    assert listed == below(Recipe) | set(WORLD_KNOBS.values())
    assert listed == set(EXAMPLES)


@pytest.mark.parametrize("part", EXAMPLES, ids=lambda part: part.__name__)
def test_an_example_of_the_reference_is_valid(part: type[Part], tmp_path: Path) -> None:
    text = cleandoc(EXAMPLES[part])
    part.model_validate_json(json.dumps(parse_value(text)), strict=True)
    if part is Recipe:
        path = tmp_path / "x.yaml"
        path.write_text(text, encoding="utf-8")
        load_recipe(path)


@pytest.mark.parametrize("part", EXAMPLES, ids=lambda part: part.__name__)
def test_every_key_has_a_docstring(part: type[Part]) -> None:
    assert part.__doc__
    for name, info in part.model_fields.items():
        assert info.description and info.description.endswith("."), name


def test_required_prose_is_prose() -> None:
    for keys in REQUIRED_PROSE.values():
        assert set(keys) <= set(Prose.model_fields)


@pytest.mark.parametrize("world", WORLD_KNOBS)
def test_the_labels_of_a_world_are_those_it_draws(world: str) -> None:
    known = WORLD_LABELS[world]
    for index in range(40):
        knobs = WORLD_KNOBS[world]()
        drawing = draw_clip(
            world, seed=5, index=index, width=32, height=32, seconds=4, fps=0.25, knobs=knobs
        ) if world in CLIP_WORLDS else draw(
            world, seed=5, index=index, width=64, height=64, knobs=knobs)
        for name, value in drawing.labels.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            assert name in known
            assert not known[name] or text in known[name], name


# Starters


def test_a_new_recipe_is_valid_and_has_its_schema(tmp_path: Path) -> None:
    path = new_recipe("my-floors", "floor-safety", tmp_path / "recipes")
    recipe = load_recipe(path)
    assert (path.name, recipe.slug, recipe.title) == ("my-floors.yaml", "my-floors", "My Floors")
    schema = (tmp_path / "recipes" / "spec.schema.json").read_text(encoding="utf-8")
    assert schema == schema_text()


@pytest.mark.parametrize("starter", starters())
def test_every_starter_makes_a_valid_recipe(starter: str, tmp_path: Path) -> None:
    path = new_recipe("left-and-right", starter, tmp_path)
    recipe = load_recipe(path)
    assert (recipe.slug, recipe.title) == ("left-and-right", "Left And Right")
    assert recipe.model.base == "tiny"
    assert left_to_write(recipe)


@pytest.mark.parametrize("starter", ["av", "capability", "post-training", "spatial"])
def test_a_starter_asks_in_the_words_of_its_profile(starter: str) -> None:
    recipe = load_recipe(starters()[starter])
    for need in PROFILES[recipe.profile]:
        written = getattr(recipe.prose, need.part)
        if need.required and isinstance(written, str):
            assert written.startswith(f"[{need.help}]\n"), need.part
        elif need.required:
            assert written[0].startswith("["), need.part


def test_starters_are_described_in_a_line() -> None:
    assert described() == {
        "av": "Driving videos: captions and multiple choice, with every checkpoint evaluated.",
        "capability": "A capability: benchmark, zero-shot, gaps, data, post-training, "
        "re-evaluation.",
        "floor-safety": "Test, fine-tune if the base model is not good enough, test again.",
        "post-training": "A post-training recipe: a problem, a method, data, training, results.",
        "spatial": "Left and right: a capability that robots need to follow instructions, as "
        "multiple choice.",
    }


def test_a_new_recipe_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        new_recipe("mine", "floor-safety", tmp_path)
    assert str(caught.value) == (
        f"{path}: the recipe exists already\n"
        "  To mend it: Take another name, or remove the file."
    )
    assert path.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(("name", "starter", "expected"), [
    ("My Floors", "floor-safety", "'My Floors' cannot be a recipe's name\n"
     "  To mend it: Use lowercase letters, digits and single hyphens."),
    ("../up", "floor-safety", "'../up' cannot be a recipe's name\n"
     "  To mend it: Use lowercase letters, digits and single hyphens."),
    ("mine", "floor-safty", "there is no starter 'floor-safty'\n"
     "  To mend it: Did you mean 'floor-safety'?"),
    ("mine", "cooking", "there is no starter 'cooking'\n"
     "  To mend it: Known: av, capability, floor-safety, post-training, spatial."),
])
def test_new_recipe_error_text(name: str, starter: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        new_recipe(name, starter, tmp_path)
    assert str(caught.value) == expected
    assert list(tmp_path.iterdir()) == []


def test_the_templates_are_found_in_a_checkout() -> None:
    assert templates_dir() == ROOT / "templates"


# Cost


def test_loading_imports_nothing_heavy() -> None:
    code = "import sys, recipe_kit.spec.load; print(*sorted(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    heavy = {"torch", "transformers", "numpy", "jinja2", "jsonschema", "matplotlib", "PIL"}
    assert heavy & set(found) == set()
