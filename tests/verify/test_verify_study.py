"""Whatever is edited by hand about checkpoints and further models is found."""

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_project import Project
from tampering import render_again

from recipe_kit.errors import RecordError
from recipe_kit.record.archive import ARCHIVE, read_archive
from recipe_kit.record.schemas import Record
from recipe_kit.record.store import read_record
from recipe_kit.verify.page import verify
from recipe_kit.verify.scores import rescored

RECORD = "assets/record.json"
ANSWERS = f"assets/{ARCHIVE}"
PARTS = ("checkpoints", "best", "overfitting", "recommendation", "model_choice")


@pytest.fixture
def page(studied: Project, tmp_path: Path) -> Path:
    """A copy of a page that the run made, to be changed."""
    shutil.copytree(studied.page, tmp_path / "small")
    return tmp_path / "small"


def test_a_page_as_the_run_made_it(page: Path) -> None:
    report = verify(page)
    assert report.findings == report.notes == ()
    # 48 questions, and 24 on validation.
    assert report.questions == 72
    # Base and other model with and without pictures, four checkpoints, one without pictures, and
    # five times validation.
    assert report.predictions == 48 * (2 + 2 + 4 + 1) + 24 * 5


PATHS = [
    "checkpoints[2].test.floor.cracked.metrics.accuracy.value",
    "checkpoints[0].test.floor.severity.metrics.mae.value",
    "checkpoints[3].validation.floor.cracked.metrics.accuracy.low",
    "checkpoints[1].test.floor.cracked.against_base.accuracy.after",
    "checkpoints[1].step",
    "checkpoints[4].samples_seen",
    "checkpoints[4].epoch",
    "best[0].value",
    "best[1].difference.after",
    "best[0].steps[0]",
    "recommendation.step",
    "recommendation.candidates[1].balance",
    "training[0].best_step",
    "model_choice.differences.floor.cracked.accuracy.compare-again.after",
]


def part_of(data: Any, path: str) -> tuple[Any, Any]:
    """What holds a value, and its key there."""
    keys: list[Any] = [int(key) if key.isdigit() else key for key in re.findall(r"[\w-]+", path)]
    if "differences" in keys:
        keys = ["model_choice", "differences", "floor.cracked.accuracy", *keys[-2:]]
    for key in keys[:-1]:
        data = data[key]
    return data, keys[-1]


@pytest.mark.parametrize("path", PATHS)
def test_a_number_changed_with_everything_made_to_agree_is_found(page: Path, path: str) -> None:
    data = json.loads((page / RECORD).read_text())
    part, key = part_of(data, path)
    before = part[key]
    part[key] = round(before - 0.01, 4) if isinstance(before, float) else before + 1
    (page / RECORD).write_text(json.dumps(data))
    render_again(page)
    told = [one.what for one in verify(page).findings]
    assert f"is {json.dumps(part[key])}, but the answers give {json.dumps(before)}" in told


@pytest.mark.parametrize(
    ("path", "new"),
    [
        ("recommendation.rule", "By taste."),
        ("recommendation.split", "test"),
        ("recommendation.candidates[0].eligible", None),
        ("checkpoints[1].revision", "0" * 64),
        ("model_choice.chosen", "compare-again"),
        ("model_choice.reasons[0]", "It is the best by far."),
        ("models.compare-again.revision", "0" * 64),
        ("best", []),
    ],
)
def test_words_and_decisions_that_do_not_follow_are_found(
    page: Path, path: str, new: Any
) -> None:
    data = json.loads((page / RECORD).read_text())
    part, key = part_of(data, path)
    part[key] = not part[key] if new is None else new
    (page / RECORD).write_text(json.dumps(data))
    render_again(page)
    told = [one.where for one in verify(page).findings]
    assert any(one.startswith(f"{RECORD}: {path}") for one in told), told


def test_no_number_is_taken_from_the_record(page: Path) -> None:
    record = read_record(page / RECORD)
    data = json.loads((page / RECORD).read_text())
    for part in PARTS:
        data[part] = changed(data[part])
    again = rescored(Record.model_validate(data), read_archive((page / ANSWERS).parent))
    assert {part: getattr(again, part) for part in PARTS} == {
        part: getattr(record, part) for part in PARTS
    }


def changed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: changed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [changed(one) for one in value]
    return value + 1 if isinstance(value, int | float) and value is not True else value


@pytest.mark.parametrize(
    ("section", "who"),
    [
        ('"step":4,', "step 4"), ('"step":0,"validation":true', "step 0 on validation"),
        ('"step":6,"validation":true', "step 6 on validation"),
        ('"role":"compare-again",', "compare-again"),
    ],
)
def test_an_answer_that_does_not_follow_from_its_text(
    page: Path, section: str, who: str
) -> None:
    path = page / ANSWERS
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    start = next(at for at, line in enumerate(lines) if section in line and '"rows"' in line)
    at = next(
        at for at in range(start + 1, len(lines)) if re.search(r'"answer":"(Yes|No)"', lines[at])
    )
    answer = json.loads(lines[at])["answer"]
    other = {"Yes": "No", "No": "Yes"}[answer]
    lines[at] = lines[at].replace(f'"answer":"{answer}"', f'"answer":"{other}"')
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    told = [one.what for one in verify(page).findings if one.where.startswith(f"{ANSWERS} ({who},")]
    assert told == [f"the answer is logged as {other}, but the text is read as {answer}"]


def test_a_checkpoint_that_was_taken_out_is_missed(page: Path) -> None:
    """The worst one, say, after which the curve looks better."""
    path = page / ANSWERS
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    kept: list[str] = []
    skip = 0
    for line in lines:
        if skip:
            skip -= 1
            continue
        if '"step":4,' in line and '"rows":' in line:
            skip = json.loads(line)["rows"]
            continue
        kept.append(line)
    path.write_bytes(gzip.compress("\n".join(kept).encode(), mtime=0))
    places = [one.where for one in verify(page).findings]
    assert any(one.startswith(f"{RECORD}: checkpoints[3]") for one in places)


def test_without_the_checkpoints_answers_nothing_is_scored(page: Path) -> None:
    data = json.loads((page / RECORD).read_text())
    archive = read_archive((page / ANSWERS).parent)
    assert data["checkpoints"]
    assert archive.steps
    empty = type(archive)(archive.questions, archive.predictions, archive.blind)
    with pytest.raises(RecordError, match="lacks the answers of the checkpoints"):
        rescored(read_record(page / RECORD), empty)
