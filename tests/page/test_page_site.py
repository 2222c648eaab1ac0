import re
import shutil
import subprocess
import sys
from pathlib import Path

import page_cases
import pytest

from recipe_kit.page.listing import listing, navigation
from recipe_kit.page.render import render
from recipe_kit.record.schemas import Record


@pytest.fixture
def project(tuned: Record, media: Path, tmp_path: Path) -> Path:
    """A project with the real site settings, one recipe, and its finished run."""
    root = page_cases.ROOT
    shutil.copy(root / "mkdocs.yml", tmp_path)
    (tmp_path / "recipe_kit" / "page").mkdir(parents=True)
    shutil.copy(root / "recipe_kit" / "page" / "hook.py", tmp_path / "recipe_kit" / "page")
    shutil.copytree(root / "docs" / "stylesheets", tmp_path / "docs" / "stylesheets")
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[Recipes](recipes/index.md)\n")
    (tmp_path / "recipes").mkdir()
    shutil.copy(root / "recipes" / "floor-crack.yaml", tmp_path / "recipes")
    shutil.copytree(media, tmp_path / "runs" / "floor-crack" / "media")
    (tmp_path / "runs" / "floor-crack" / "record.json").write_text(tuned.model_dump_json())
    return tmp_path


def build(project: Path) -> subprocess.CompletedProcess[str]:
    code = (
        f"import sys; sys.path[:0] = [{str(page_cases.ROOT)!r}]; "
        "from mkdocs.__main__ import cli; cli(['build', '--strict'])"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=project, text=True,
                          capture_output=True, check=False)


def test_the_strict_build_renders_and_lists_the_recipe(project: Path) -> None:
    done = build(project)
    assert done.returncode == 0, done.stderr
    page = (project / "site" / "recipes" / "floor-crack" / "index.html").read_text()
    # Every table and picture became one: no Markdown is left over.
    assert "| ---" not in page
    assert page.count("<table>") > 15
    assert '<details class="code" open="open">' in page
    assert not re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="https?:', page)
    listed = (project / "site" / "recipes" / "index.html").read_text()
    assert '<a href="floor-crack/">Floor Crack Safety' in listed

    # New prose is rendered again; the plots are not even touched.
    recipe = project / "recipes" / "floor-crack.yaml"
    recipe.write_text(recipe.read_text().replace("A mobile robot", "A walking robot"))
    assets = project / "docs" / "recipes" / "floor-crack" / "assets"
    before = {path: path.stat().st_mtime_ns for path in assets.glob("*.svg")}
    assert build(project).returncode == 0
    assert "A walking robot" in (assets.parent / "index.md").read_text()
    assert {path: path.stat().st_mtime_ns for path in assets.glob("*.svg")} == before

    # A misspelt name fails the strict build, says where, and leaves the page as it was.
    recipe.write_text(recipe.read_text().replace("A walking robot", "A {{ floor.bse }} robot"))
    lines = recipe.read_text().splitlines()
    line = next(at for at, words in enumerate(lines, start=1) if "floor.bse" in words)
    done = build(project)
    assert done.returncode == 1
    assert f"floor-crack.yaml:{line}: prose.overview: the record has no 'floor.bse'" in done.stderr
    assert "A walking robot" in (assets.parent / "index.md").read_text()


def test_a_page_is_rendered_again_without_its_run(project: Path, tuned: Record, media) -> None:
    render(tuned, page_cases.recipe(), media=media, out=project / "docs/recipes/floor-crack")
    shutil.rmtree(project / "runs")
    done = build(project)
    assert done.returncode == 0, done.stderr


def test_listing(tuned: Record, enough: Record) -> None:
    base = tuned.comparisons[0].tasks["cracked"].differences["accuracy"]
    page = listing({"floor-crack": tuned, "other": enough})
    assert page.startswith("# Recipes\n")
    assert "| [Floor Crack Safety with a Tiny Qwen3-VL Model](floor-crack/index.md) |" in page
    assert f"accuracy on `cracked`: {base.before:.1%} → **{base.after:.1%}**" in page
    assert "(other/index.md)" in page
    assert "**, base model was enough |" in page


def test_an_empty_listing() -> None:
    assert "No recipe has been run yet" in listing({})


def test_navigation_holds_what_there_is(tmp_path: Path) -> None:
    for file in (
        "index.md", "tutorial.md", "how-to/b.md", "how-to/a.md", "recipes/index.md",
        "recipes/floor/index.md", "reference/spec.md", "design/index.md", "design/a.md",
    ):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# x\n")
    assert navigation(tmp_path) == [
        {"Home": "index.md"},
        {"Tutorial": "tutorial.md"},
        {"How-to": ["how-to/a.md", "how-to/b.md"]},
        {"Recipes": ["recipes/index.md", "recipes/floor/index.md"]},
        {"Spec reference": "reference/spec.md"},
        {"Design": ["design/index.md", "design/a.md"]},
    ]
