"""Whatever is edited by hand on a published page is found, with its place."""

import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_project import Project
from tampering import fix_sums, render_again, tamper

from recipe_kit.errors import RecordError, VerifyError
from recipe_kit.page.figures import figures
from recipe_kit.page.render import draw_plot
from recipe_kit.record.archive import ARCHIVE, read_archive
from recipe_kit.record.schemas import Record
from recipe_kit.record.store import read_record
from recipe_kit.verify.drawing import drawing
from recipe_kit.verify.page import verify
from recipe_kit.verify.scores import rescored

RECORD = "assets/record.json"
ANSWERS = f"assets/{ARCHIVE}"
# Whatever follows from questions and answers.
SCORED = ("benchmarks", "gate", "evaluations", "comparisons", "examples", "gaps", "criteria")


@pytest.fixture
def page(chosen: Project, tmp_path: Path) -> Path:
    """A copy of a page that the run made, to be changed."""
    shutil.copytree(chosen.page, tmp_path / "small")
    return tmp_path / "small"


def places(page: Path) -> list[str]:
    return [finding.where for finding in verify(page).findings]


def edit_answers(page: Path, old: str, new: str) -> None:
    path = page / ANSWERS
    text = gzip.decompress(path.read_bytes()).decode()
    assert old in text
    path.write_bytes(gzip.compress(text.replace(old, new, 1).encode(), mtime=0))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_page_as_the_run_made_it(finished: Project, chosen: Project) -> None:
    for project, asked, answered in ((finished, 48, 96), (chosen, 48, 144)):
        report = verify(project.page)
        assert report.findings == report.notes == ()
        assert (report.questions, report.predictions) == (asked, answered)
        assert report.files == sum(path.is_file() for path in project.page.rglob("*"))


def test_the_digests_are_what_sha256sum_reads(chosen: Project) -> None:
    assets = chosen.page / "assets"
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=assets, check=True,
        capture_output=True, text=True,
    )
    assert done.stdout == done.stderr == ""
    listed = {line.split("  ")[1] for line in (assets / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in assets.iterdir()} - {"SHA256SUMS"} | {"../index.md"}


KINDS = ("index.md", RECORD, "assets/*.svg", ANSWERS)


@pytest.mark.parametrize("seed", range(20))
def test_a_digit_changed_anywhere_is_found(page: Path, seed: int) -> None:
    files = sorted(page.glob(KINDS[seed % len(KINDS)]))
    file = files[seed % len(files)]
    what = tamper(file, seed)
    name = file.relative_to(page).as_posix()
    assert any(place.startswith(name) for place in places(page)), what


@pytest.mark.parametrize("kind", ["index.md", "assets/*.svg", ANSWERS])
@pytest.mark.parametrize("seed", range(20, 22))
def test_a_digit_changed_together_with_its_digest_is_found(
    page: Path, kind: str, seed: int
) -> None:
    files = sorted(page.glob(kind))
    file = files[seed % len(files)]
    what = tamper(file, seed)
    fix_sums(page)
    name = file.relative_to(page).as_posix()
    assert any(place.startswith(name) for place in places(page)), what


def numbers(value: Any, change: Callable[[Any], Any]) -> Any:
    """A part of a record with each of its numbers changed."""
    if isinstance(value, dict):
        return {key: numbers(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [numbers(one, change) for one in value]
    return change(value) if isinstance(value, int | float) and value is not True else value


def test_no_number_that_follows_from_the_answers_is_taken_from_the_record(page: Path) -> None:
    """So none can be changed without being found, whatever else is made to agree with it."""
    record = read_record(page / RECORD)
    data = json.loads((page / RECORD).read_text())
    for part in SCORED:
        changed = numbers(data[part], lambda value: value + 1)
        assert changed != data[part] or part == "gaps"
        data[part] = changed
    tampered = Record.model_validate(data)
    again = rescored(tampered, read_archive(page / ANSWERS))
    assert {part: getattr(again, part) for part in SCORED} == {
        part: getattr(record, part) for part in SCORED
    }


CONSISTENT = [
    "evaluations[1].tasks.left_right.metrics.accuracy.value",
    "evaluations[0].tasks.left_right.metrics.accuracy.low",
    "evaluations[0].tasks.left_right.confusion.counts[0][1]",
    "evaluations[0].tasks.left_right.baselines.blind.value",
    "comparisons[0].tasks.left_right.fixed",
    "comparisons[0].checkpoints",
    "gate.targets[0].score.value",
    "criteria[0].before.value",
    "examples[0].before_confidence",
    "benchmarks.spatial.questions",
]


@pytest.mark.parametrize("path", CONSISTENT)
def test_a_number_changed_with_everything_made_to_agree_is_found(page: Path, path: str) -> None:
    data = json.loads((page / RECORD).read_text())
    *inside, last = re.findall(r"[\w-]+", path)
    part = data
    for key in inside:
        part = part[int(key) if key.isdigit() else key]
    at: Any = int(last) if last.isdigit() else last
    before = part[at]
    if path.startswith("examples"):
        part = next(one for one in data["examples"] if one["kind"] != "sample")
        path = f"examples[{data['examples'].index(part)}].before_confidence"
        before = part[at]
    part[at] = round(before - 0.01, 4) if isinstance(before, float) else before + 1
    (page / RECORD).write_text(json.dumps(data))
    render_again(page)
    (finding,) = (one for one in verify(page).findings if one.where == f"{RECORD}: {path}")
    assert finding.what == (
        f"is {json.dumps(part[at])}, but should be {json.dumps(before)} "
        "(scored again from the answers)"
    )
