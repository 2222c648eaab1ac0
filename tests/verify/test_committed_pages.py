"""The pages in `docs/recipes`: each is what its answers give, and has every heading of its seed."""

import shutil
from pathlib import Path

import pytest
from page_reading import headings, read, within
from seed_headings import HEADINGS, wanted
from tampering import tamper

from recipe_kit.record.store import read_record
from recipe_kit.verify.page import verify

DOCS = Path(__file__).parents[2] / "docs" / "recipes"
PAGES = sorted(path.parent for path in DOCS.glob("*/index.md"))
KINDS = ("index.md", "assets/record.json", "assets/*.svg", "assets/predictions.jsonl.gz")


def profile_of(page: Path) -> str:
    return str(read_record(page / "assets" / "record.json").spec["profile"])


def test_every_profile_has_a_page() -> None:
    assert {profile_of(page) for page in PAGES} >= set(HEADINGS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_what_its_answers_give(page: Path) -> None:
    assert verify(page).findings == ()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_every_heading_of_its_document(page: Path) -> None:
    trained = bool(read_record(page / "assets" / "record.json").training)
    right, found = wanted(profile_of(page), trained=trained), headings(read(page))
    assert [heading for heading in right if heading not in found] == []
    assert within(right, found)


@pytest.mark.parametrize("seed", range(20))
def test_a_digit_changed_on_a_page_is_found(tmp_path: Path, seed: int) -> None:
    page = tmp_path / "page"
    shutil.copytree(PAGES[seed % len(PAGES)], page)
    # A page of a recipe that trains nothing has no plot.
    kinds = [kind for kind in KINDS if any(page.glob(kind))]
    files = sorted(page.glob(kinds[(seed // len(PAGES)) % len(kinds)]))
    file = files[seed % len(files)]
    what = tamper(file, seed)
    name = file.relative_to(page).as_posix()
    assert any(name in str(finding) for finding in verify(page).findings), what
