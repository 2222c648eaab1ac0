"""Pages whose records were made by an earlier version."""

import json
import shutil
from pathlib import Path

import pytest
from small_project import Project
from tampering import fix_sums

from recipe_kit.record.schemas import VERSION
from recipe_kit.record.store import read_record
from recipe_kit.record.words import recipe_of, worded
from recipe_kit.verify.page import verify

RECORD = "assets/record.json"


@pytest.fixture
def page(chosen: Project, tmp_path: Path) -> Path:
    """A copy of a page that the run made, to be changed."""
    shutil.copytree(chosen.page, tmp_path / "small")
    return tmp_path / "small"


LATER = (
    "models", "model_choice", "checkpoints", "best", "overfitting", "recommendation",
    "annotations", "training_grid",
)


def test_a_page_of_the_version_before(page: Path) -> None:
    """Its record lacks what came later, and is not called edited for it."""
    data = json.loads((page / RECORD).read_text())
    assert not any(data.pop(name) for name in LATER)
    data["version"] = 2
    (page / RECORD).write_text(json.dumps(data, indent=1) + "\n")
    fix_sums(page)
    assert verify(page).findings == ()
    data["gate"]["targets"][0]["score"]["value"] += 0.01
    (page / RECORD).write_text(json.dumps(data, indent=1) + "\n")
    fix_sums(page)
    places = [finding.where for finding in verify(page).findings]
    assert f"{RECORD}: gate.targets[0].score.value" in places


def test_a_record_is_published_in_this_version(page: Path) -> None:
    record = read_record(page / RECORD)
    recipe = recipe_of(record)
    old = record.model_copy(update={"version": 2})
    assert worded(old, recipe).version == VERSION == 3
    assert worded(record.model_copy(update={"version": 1}), recipe).version == 1
