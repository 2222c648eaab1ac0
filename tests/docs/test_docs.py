"""The guide agrees with the code: its YAML, its commands, its names, its links."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from recipe_kit.cli import main
from recipe_kit.errors import RecipeError
from recipe_kit.model.checkpoint import describe_model
from recipe_kit.page.sandbox import FILTERS
from recipe_kit.spec.examples import EXAMPLES
from recipe_kit.spec.load import load_recipe
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import TASK_METRICS
from recipe_kit.spec.worlds import WORLD_KNOBS, WORLD_LABELS

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
] + sorted(
    path
    for path in ROOT.glob("docs/**/*.md")
    # Generated pages have tests of their own.
    if path.relative_to(ROOT).parts[1] not in ("recipes", "reference")
)
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# `recipe run FILE`, in a code span or at the start of a line of a console block.
COMMAND = re.compile(r"(?:`|^)recipe ([a-z]+)([^`\n#]*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def fences(language: str) -> Iterator[Any]:
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            if found[1] == language and "title=" not in found[2]:
                line = text.count("\n", 0, found.start()) + 1
                yield pytest.param(found[3], id=f"{name_of(path)}:{line}")


def merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}
    return above


def write_recipe(text: str, folder: Path) -> Path:
    """A whole recipe as it is; a part of one on top of the smallest whole recipe."""
    path = folder / "recipe.yaml"
    if text.startswith("schema: 1"):
        path.write_text(text, encoding="utf-8")
        return path
    yaml = YAML(typ="safe", pure=True)
    whole = merged(yaml.load(dedent(EXAMPLES[Recipe])), yaml.load(text))
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


@pytest.mark.parametrize("text", list(fences("yaml")))
def test_yaml_is_a_valid_recipe_or_part_of_one(text: str, tmp_path: Path) -> None:
    load_recipe(write_recipe(text, tmp_path))


def test_a_part_with_a_wrong_key_would_be_found(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="unknown key 'epoch'"):
        load_recipe(write_recipe("train: {epoch: 1}\n", tmp_path))


@pytest.mark.parametrize("text", list(fences("json")))
def test_json_is_json(text: str) -> None:
    json.loads(text)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_commands_and_their_options_exist(path: Path) -> None:
    for name, rest in COMMAND.findall(path.read_text(encoding="utf-8")):
        assert name in main.commands, f"recipe {name}"
        options = {
            option
            for parameter in main.commands[name].params
            if isinstance(parameter, click.Option)
            for option in parameter.opts
        }
        used = set(re.findall(r"(?<!\S)--[a-z-]+", rest))
        assert used <= options, f"recipe {name}{rest}"


def test_the_readme_lists_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(main.commands) == set(re.findall(r"^\| `recipe (\w+)", text, re.MULTILINE))


def test_the_readme_begins_with_the_two_commands_and_the_picture() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    wanted = ["pip install nox && nox -s demo", "nox -s tests", "recipe new", "recipe validate",
              "recipe plan", "recipe run", "mkdocs serve", "docs/assets/page.png"]
    places = [text.index(one) for one in wanted]
    assert places == sorted(places)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_to_files(path: Path) -> None:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    missing = [
        target
        for target in LINK.findall(text)
        if not target.startswith(("https://", "#"))
        and not (path.parent / target.partition("#")[0]).is_file()
    ]
    assert missing == []


def table(page: str, heading: str) -> list[str]:
    """The code spans in the first column of the table below a heading."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    below = text.split(heading, 1)[1]
    rows = re.split(r"\n(?!\|)", below.split("\n| ---", 1)[1])[0].splitlines()[1:]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]


@pytest.mark.parametrize("kind", ["binary", "scale", "choice"])
def test_the_metrics_page_lists_every_metric(kind: str) -> None:
    listed = table("concepts/metrics.md", f"### Metrics of a `{kind}` task")
    assert sorted(listed) == sorted(TASK_METRICS[kind])


@pytest.mark.parametrize(
    ("world", "heading"), [("floors", "## Options"), ("driving", "## The driving world")]
)
def test_the_knobs_page_lists_every_knob_with_its_default(world: str, heading: str) -> None:
    knobs = WORLD_KNOBS[world].model_fields
    assert table("how-to/domain-randomization.md", heading) == list(knobs)
    text = (ROOT / "docs/how-to/domain-randomization.md").read_text(encoding="utf-8")
    for name, field in knobs.items():
        assert f"| `{name}` | {field.default:g} |" in text
    for label in WORLD_LABELS["floors"]:
        assert f"`{label}`" in text


def test_the_prose_page_lists_every_filter() -> None:
    assert sorted(table("how-to/prose.md", "### Filters")) == sorted(FILTERS)


def test_the_errors_page_lists_every_exit_code() -> None:
    text = (ROOT / "docs/how-to/errors.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert listed == {0, 130} | codes(RecipeError)


def test_the_embedded_model_is_as_large_as_the_guide_says() -> None:
    tiny = describe_model("tiny")
    facts = (ROOT / "docs/concepts/embedded-model.md").read_text(encoding="utf-8")
    assert f"| parameters | {tiny.parameters / 1e6:.1f} million |" in facts
    assert "under 16 MB" in facts and tiny.bytes < 16_000_000
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"a demonstration model of {tiny.parameters / 1e6:.0f} million parameters" in readme


def codes(error: type[RecipeError]) -> set[int]:
    return {error.exit_code}.union(*(codes(kind) for kind in error.__subclasses__()))
