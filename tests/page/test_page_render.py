import re
import shlex
import subprocess
import sys
from pathlib import Path

import page_cases
import pytest
from page_reading import headings, read

from recipe_kit.errors import PageError, StorageError
from recipe_kit.page.render import render
from recipe_kit.paths import templates_dir
from recipe_kit.record.schemas import Record
from recipe_kit.record.store import read_record
from recipe_kit.record.words import worded


def test_pages_stay_small_and_hold_their_record(pages: Path, tuned: Record) -> None:
    assets = pages / "tuned" / "assets"
    kept = read_record(assets / "record.json")
    # What draws the plots is told by the page's own record.
    kept = kept.model_copy(update={"provenance": tuned.provenance})
    assert kept == worded(tuned, page_cases.recipe())
    assert sum(path.stat().st_size for path in assets.iterdir()) < 1_000_000


def test_every_picture_and_plot_is_shown(pages: Path) -> None:
    for folder in pages.iterdir():
        page = read(folder)
        shown = set(re.findall(r'(?:src="|\]\()assets/([^")]+)[")]', page))
        files = {path.name for path in (folder / "assets").iterdir()}
        assert shown == files - {"SHA256SUMS"}, folder.name
        assert all(re.findall(r'alt="([^"]*)"', page))


def test_the_same_record_gives_the_same_bytes(
    pages: Path, tuned: Record, media: Path, tmp_path: Path
) -> None:
    render(tuned, page_cases.recipe(), media=media, out=tmp_path)
    for path in (pages / "tuned").rglob("*"):
        if path.is_file():
            again = tmp_path / path.relative_to(pages / "tuned")
            assert again.read_bytes() == path.read_bytes(), path.name


def test_what_has_not_changed_is_not_written(
    tuned: Record, media: Path, tmp_path: Path
) -> None:
    recipe = page_cases.recipe()
    render(tuned, recipe, media=media, out=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    (tmp_path / "assets" / "stale.svg").write_text("x")
    render(tuned, recipe, media=None, out=tmp_path, redraw=False)
    (tmp_path / "assets").touch()
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert after == {path: time for path, time in before.items() if path.is_file()}


HOSTILE = "a|b <script>x()</script> *b* [l](u) {{ 7*7 }} {% raw %} `c` # \n\n!!! note"


def test_hostile_text_appears_as_text(tuned: Record, media: Path, tmp_path: Path) -> None:
    update = {"before": HOSTILE, "before_reasoning": HOSTILE, "category": HOSTILE}
    examples = tuple(one.model_copy(update=update) for one in tuned.examples)
    facts = tuned.data.sources["synthetic"]
    facts = facts.model_copy(update={"credit": HOSTILE, "categories": {HOSTILE: 3}})
    training = tuned.training[0].model_copy(
        update={"stopped": HOSTILE, "triple": {"prompt": HOSTILE + "\n```\n{{ 1 }}"}}
    )
    data = tuned.data.model_copy(update={"sources": {"synthetic": facts}})
    model = tuned.model.model_copy(update={"title": HOSTILE})
    record = tuned.model_copy(
        update={"examples": examples, "data": data, "training": (training,), "model": model}
    )
    recipe = page_cases.recipe().model_copy(
        update={"title": HOSTILE, "use_case": HOSTILE, "organization": HOSTILE}
    )
    render(record, recipe, media=media, out=tmp_path)
    page = read(tmp_path)
    outside = re.sub(r"^( *)(`{3,}).*?^\1\2$", "", page, flags=re.MULTILINE | re.DOTALL)
    assert "<script" not in outside
    assert "7*7" not in outside
    assert "\n!!!" not in outside
    assert outside.count("&lt;script&gt;x()&lt;/script&gt;") > 10
    assert headings(outside)[0].startswith("# a&#124;b &lt;script&gt;")


@pytest.mark.parametrize(
    ("prose", "message"),
    [
        ({"overview": None}, "the page needs prose that the recipe does not have: prose.overview"),
        ({"overview": "!!! note"}, "prose.overview: an admonition (`!!!`); write a block quote"),
        ({"overview": "[x](gone.md)"}, "a link to the missing file 'gone.md'"),
        ({"overview": "{{ floor.base.x }}"}, "the record has no 'floor.base.x'"),
    ],
)
def test_a_wrong_page_writes_nothing(
    tuned: Record, media: Path, tmp_path: Path, prose: dict[str, str | None], message: str
) -> None:
    recipe = page_cases.recipe()
    recipe = recipe.model_copy(update={"prose": recipe.prose.model_copy(update=prose)})
    with pytest.raises(PageError) as caught:
        render(tuned, recipe, media=media, out=tmp_path / "page")
    assert message in str(caught.value)
    assert not (tmp_path / "page").exists()


def test_prose_of_the_other_ending_is_not_filled(
    enough: Record, media: Path, tmp_path: Path
) -> None:
    recipe = page_cases.recipe()
    words = recipe.prose.model_copy(update={"why_it_matters": "{{ floor.tuned.accuracy }}"})
    render(enough, recipe.model_copy(update={"prose": words}), media=media, out=tmp_path)
    assert (tmp_path / "index.md").is_file()


def test_a_page_with_something_left_to_write_says_so(
    tuned: Record, spatial: Record, media: Path, tmp_path: Path
) -> None:
    begun = {"organization": "TBD"}
    for profile, record, recipe in (
        ("test-finetune-test", tuned, page_cases.recipe().model_copy(update=begun)),
        ("capability", spatial, page_cases.spatial().model_copy(update=begun)),
        ("post-training", spatial, page_cases.spatial("post-training").model_copy(update=begun)),
    ):
        out = tmp_path / profile
        render(record, recipe, media=media, out=out)
        page = (out / "index.md").read_text()
        assert page.startswith(f"# {recipe.title}\n\n> **Draft:** 1 place is left to write")


def test_commands_can_be_typed(tuned: Record, media: Path, tmp_path: Path) -> None:
    record = tuned.model_copy(update={"recipe": "floor's crack.yaml"})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    commands = re.findall(r"^recipe run (.*?)(?:  #.*)?$", read(tmp_path), flags=re.MULTILINE)
    assert {tuple(shlex.split(command)) for command in commands} == {
        ("recipes/floor's crack.yaml",)
    }


def test_a_missing_picture(tuned: Record, tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"the picture '\w+\.jpg' of the record's examples is"):
        render(tuned, page_cases.recipe(), media=tmp_path, out=tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_picture_that_leaves_the_folder(tuned: Record, media: Path, tmp_path: Path) -> None:
    example = tuned.examples[0].model_copy(update={"media": "../secret.jpg"})
    record = tuned.model_copy(update={"examples": (example,)})
    with pytest.raises(PageError, match="cannot be the name of a picture"):
        render(record, page_cases.recipe(), media=media, out=tmp_path / "page")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{{ nothing }}", "the template cannot be filled: 'nothing' is undefined"),
        ("{% if %}", "the template is wrong: Expected an expression, got 'end of statement block'"),
    ],
)
def test_a_template_error_tells_its_line(
    tuned: Record, media: Path, tmp_path: Path, line: str, message: str
) -> None:
    profile = tmp_path / "profiles" / "test-finetune-test.md.j2"
    profile.parent.mkdir()
    own = (templates_dir() / "profiles" / profile.name).read_text(encoding="utf-8").splitlines()
    at = own.index("## Overview")
    profile.write_text("\n".join([*own[:at], line, *own[at:]]), encoding="utf-8")
    with pytest.raises(PageError) as caught:
        render(tuned, page_cases.recipe(), media=media, out=tmp_path / "page", templates=tmp_path)
    assert str(caught.value) == (
        f"{profile}:{at + 1}: {message}\n  To mend it: correct that line of the template."
    )
    assert not (tmp_path / "page").exists()


def test_a_file_where_the_folder_should_be(tuned: Record, media: Path, tmp_path: Path) -> None:
    (tmp_path / "page").write_text("x")
    with pytest.raises(StorageError, match="cannot be written"):
        render(tuned, page_cases.recipe(), media=media, out=tmp_path / "page")


def test_rendering_imports_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, recipe_kit.page.render, recipe_kit.page.plots; "
        "print([name for name in ('torch', 'transformers', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=page_cases.ROOT)
    assert done.stdout == "[]\n"
