"""What is left to write: found, placed, told, and shown under the page's title."""

from pathlib import Path

import page_cases
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.errors import SpecError
from recipe_kit.page.drafts import banner
from recipe_kit.page.lint import lint
from recipe_kit.page.publish import check_finished
from recipe_kit.spec.document import parse_document
from recipe_kit.spec.drafts import draft_problems, placeholders
from recipe_kit.spec.starters import starters


def found(text: str) -> list[str]:
    return [one.text for one in placeholders({"prose": {"overview": text}})]


@pytest.mark.parametrize(("text", "expected"), [
    ("The score is TBD.", ["TBD"]),
    ("Licence: _TBD_", ["_TBD_"]),
    ("TODO: write this", ["TODO"]),
    ("By [Name](LinkedIn URL) • [Name](URL)", ["[Name](LinkedIn URL)", "[Name](URL)"]),
    ("[Your Organization]", ["[Your Organization]"]),
    ("| [Metric 1] | [Score] | [+X%] |", ["[Metric 1]", "[Score]", "[+X%]"]),
    ("**Input type:** [image/video]", ["[image/video]"]),
    ("[Describe it (e.g., LoRA), see [this](http://a.b).]",
     ["[Describe it (e.g., LoRA), see [this](http://a.b).]"]),
    ("[Consider including:\n\n- Data sources\n- Data size]",
     ["[Consider including: - Data sources - Data size]"]),
    ("[" + "Describe the specific problem that you are addressing here in words.]",
     ["[Describe the specific problem that you are addressing here…"]),
    ("...", ["..."]),
    ("....", ["...."]),
    ("???", ["???"]),
    ("- ?", ["?"]),
    ("Accuracy: XXX", ["XXX"]),
    ("- one\n- ...\n  …  \n", ["...", "…"]),
    ("Made by Your Name at your company", ["Your Name", "your company"]),
    ("write: what the task is", ["write: what the task is"]),
    ("See https://www.example.com/page.", ["https://www.example.com/page."]),
    ("Lorem ipsum dolor", ["Lorem ipsum"]),
])
def test_a_placeholder_is_found(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize("text", [
    "A [link](https://nvidia.com), an ![image](a.png), a [reference][Link] and\n\n[Link]: http://a.b",
    "- [ ] open\n- [x] done",
    "An interval [0, 1], a set [A, B], a reference [1], [Smith et al., 2020] and [NVIDIA].",
    "it [the robot] drives on [sic]",
    "and so on ... to the end … of it",
    "```bash\n...\necho [Name] TODO\n```",
    "`TBD` and `[Name]` in code, {{ names['A'] }}",
    "The todo list, a to-do, and TODOs2, size XXXL",
    "Is it so? Yes.\nWhy?",
    "https://example-shop.com and https://example.company.io",
    "We write: nothing",
    "",
])
def test_what_is_no_placeholder(text: str) -> None:
    assert found(text) == []


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    for one in placeholders({"prose": {"overview": text}}):
        line = text.split("\n")[one.row]
        assert line[one.column :].startswith(one.text.split()[0].rstrip("…"))


RECIPE = """\
title: '[Domain/Task] with [Cosmos Model]'
profile: capability
authors:
  - {name: Ada, url: LinkedIn}
  - {name: "[Name]", url: "https://example.com/ada"}
organization: Your Organization
use_case: TBD
prose:
  overview: |
    All is said.
    But _TBD_ is not.
  lessons:
    - good
    - ...
  problem: >
    Folded
    text with [Words]
resources:
  - {name: x, url: "http://a.b", description: "[Description]"}
"""


def test_every_place_is_told_with_what_to_write() -> None:
    problems = draft_problems(parse_document(RECIPE, "x.yaml"))
    told = [
        f"{one.mark.line + 1}:{one.mark.column + 1}: {one.what} / {one.fix}"
        for one in problems
        if one.mark
    ]
    title = "Write the page's title: the domain or task, and the model."
    assert told == [
        f"1:9: '[Domain/Task]' in 'title' is left to write / {title}",
        f"1:28: '[Cosmos Model]' in 'title' is left to write / {title}",
        "5:13: '[Name]' in 'authors.1.name' is left to write / Write the author's name.",
        "5:28: 'https://example.com/ada' in 'authors.1.url' is left to write / "
        "Write a link to the author's profile, or remove it.",
        "6:15: 'Your Organization' in 'organization' is left to write / "
        "Write the organization of the authors.",
        "7:11: 'TBD' in 'use_case' is left to write / Write the use case in a few words.",
        "11:9: '_TBD_' in 'prose.overview' is left to write / Write: Describe the capability, the "
        "challenge, why post-training is needed, and your approach (e.g., LoRA, full "
        "fine-tuning, RL).",
        "14:7: '...' in 'prose.lessons.1' is left to write / "
        "Write: Each lesson: what worked, what to improve.",
        "17:15: '[Words]' in 'prose.problem' is left to write / "
        "Write: Describe the specific problem or task you're addressing.",
        "19:48: '[Description]' in 'resources.0.description' is left to write / "
        "Write the resource's name, link and description, or remove it.",
    ]


def test_publishing_is_refused_with_every_place(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    text = (page_cases.ROOT / "recipes" / "floor-crack.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("organization: recipe_kit", "organization: TBD"), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        check_finished(path, (), None)
    assert str(caught.value) == (
        f"{path}:7:15: 'TBD' in 'organization' is left to write\n"
        "   7 | organization: TBD\n"
        "     |               ^\n"
        "  Write the organization of the authors.\n"
        "\n"
        f"1 place keeps {path} from being published"
    )
    check_finished(path, ("organization=Example",), None)


def test_the_projects_recipes_are_finished() -> None:
    for path in sorted((page_cases.ROOT / "recipes").glob("*.yaml")):
        check_finished(path, (), None)


@pytest.mark.parametrize("name", starters())
def test_a_starter_is_a_draft(name: str) -> None:
    with pytest.raises(SpecError):
        check_finished(starters()[name], (), None)


def test_the_banner_names_the_keys() -> None:
    recipe = page_cases.recipe("floor-crack")
    assert banner(recipe) == ""
    one = recipe.model_copy(update={"organization": "TBD"})
    assert banner(one) == "> **Draft:** 1 place is left to write on this page: `organization`.\n"
    prose = recipe.prose.model_copy(update={
        "lessons": tuple("TBD" for _ in range(8)), "overview": "TBD and TODO",
    })
    many = banner(recipe.model_copy(update={"prose": prose}))
    assert many == (
        "> **Draft:** 10 places are left to write on this page: `prose.overview`, "
        "`prose.lessons.0`, `prose.lessons.1`, `prose.lessons.2`, `prose.lessons.3`, "
        "`prose.lessons.4` and 3 more.\n"
    )
    assert lint(many, None) == []
