"""Whatever is edited by hand on a published page is found, with its place."""

import gzip
import hashlib
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
from recipe_kit.page.files import draw_plot
from recipe_kit.page.plot_kinds import Figure
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


_DRAWN: dict[str, bytes] = {}


@pytest.fixture(autouse=True)
def equal_plots_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing is most of the time, and the same plots come again and again."""

    def draw(plot: Figure) -> bytes:
        key = repr(plot)
        if key not in _DRAWN:
            _DRAWN[key] = draw_plot(plot)
        return _DRAWN[key]

    monkeypatch.setattr("recipe_kit.verify.drawing.draw_plot", draw)


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
        assert changed != data[part]
        data[part] = changed
    tampered = Record.model_validate(data)
    again = rescored(tampered, read_archive((page / ANSWERS).parent))
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
        f"is {json.dumps(part[at])}, but the answers give {json.dumps(before)}"
    )


def test_what_is_edited_by_hand_is_told_with_its_place(page: Path) -> None:
    text = (page / "index.md").read_text()
    number = next(n for n, line in enumerate(text.split("\n"), start=1) if "About tables" in line)
    edit(page / "index.md", "About tables.", "About 100 tables.")
    edit(page / RECORD, '"use_case": "Left and right"', '"use_case": "Left and Right"')
    fix_sums(page)
    findings = list(map(str, verify(page).findings))
    typed = f"index.md:{number}: is “About 100 tables.”, but the record gives “About tables.”"
    assert typed in findings
    (row,) = (one for one in findings if "Left and right" in one)
    assert re.fullmatch(r"index\.md:\d+: is “.*Left and right.*”, .*“.*Left and Right.*”", row)
    assert len(findings) == 2


def test_a_word_of_a_plot_is_told(page: Path) -> None:
    edit(page / "assets" / "training-loss.svg", ">validation</text>", ">evaluation</text>")
    fix_sums(page)
    assert [str(one) for one in verify(page).findings] == [
        "assets/training-loss.svg: the plot says “evaluation”, but the record gives “validation”"
    ]


def test_a_line_of_a_plot_is_told(page: Path) -> None:
    plot = page / "assets" / "training-loss.svg"
    path = re.search(r'<path d="M ([\d.]+)', plot.read_text())
    assert path
    edit(plot, f"M {path[1]}", "M 1.5")
    fix_sums(page)
    (finding,) = verify(page).findings
    assert re.fullmatch(r"assets/training-loss\.svg:\d+: is “.*1\.5.*”, but .*", str(finding))


def test_plots_of_another_matplotlib_are_not_called_edited(page: Path) -> None:
    version = read_record(page / RECORD).provenance.packages["matplotlib"]
    edit(page / RECORD, f'"matplotlib": "{version}"', '"matplotlib": "3.1.4"')
    render_again(page)
    plot = page / "assets" / "training-loss.svg"
    drawn = plot.read_text()
    edit(plot, "<g id=", "<g  id=")
    fix_sums(page)
    report = verify(page)
    assert report.findings == ()
    assert [str(note) for note in report.notes] == [
        "assets/training-loss.svg: differs in its lines, not in what it says "
        f"(matplotlib 3.1.4 drew it; this is {version})"
    ]
    # What a plot says is compared all the same.
    plot.write_text(drawn.replace(">validation</text>", ">evaluation</text>"))
    fix_sums(page)
    assert places(page) == ["assets/training-loss.svg"]


def test_last_digits_of_another_machine_are_not_called_edited(page: Path) -> None:
    record = json.loads((page / RECORD).read_text())
    scores = record["evaluations"][0]["tasks"]["left_right"]["metrics"]["brier"]
    scores["value"] *= 1 + 1e-15
    path = f"{RECORD}: evaluations[0].tasks.left_right.metrics.brier.value"
    (page / RECORD).write_text(json.dumps(record))
    render_again(page)
    assert places(page) == [path]
    record["provenance"]["platform"] = "Another machine"
    (page / RECORD).write_text(json.dumps(record))
    render_again(page)
    report = verify(page)
    assert report.findings == ()
    assert [note.where for note in report.notes] == [path]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"answer":"A"', '"answer":"B"', "the answer is logged as B, but the text is read as A"),
        ('"answer":"A"', '"answer":null', "the answer is logged as None, but the text is read as"),
        ('"confidence":0.', '"confidence":0.0', "the confidence is 0.0"),
        ('"probabilities":{"A":', '"probabilities":{"C":', "has probabilities of C, B, not of A"),
    ],
)
def test_an_answer_that_does_not_follow_from_its_text(
    page: Path, old: str, new: str, what: str
) -> None:
    edit_answers(page, old, new)
    findings = verify(page).findings
    told = [one for one in findings if one.where.startswith(f"{ANSWERS} (base, ")]
    assert [one.what[: len(what)] for one in told] == [what]


def test_an_answer_to_no_question(page: Path) -> None:
    text = gzip.decompress((page / ANSWERS).read_bytes()).decode()
    last = text.rindex('{"question":"spatial/')
    edited = text[:last] + text[last:].replace("spatial/", "table/", 1)
    (page / ANSWERS).write_bytes(gzip.compress(edited.encode(), mtime=0))
    told = [one for one in verify(page).findings if one.where.startswith(f"{ANSWERS}, line")]
    # It has nothing in common with an answer that is there.
    assert [one.what for one in told] == ["is damaged: prompt Field required"]
    # The first answer to a question says everything itself.
    first = text.index('{"question":"spatial/')
    edited = text[:first] + text[first:].replace('"spatial/', '"table/')
    (page / ANSWERS).write_bytes(gzip.compress(edited.encode(), mtime=0))
    told = [one for one in verify(page).findings if one.where.startswith(f"{ANSWERS} (base, ")]
    assert {one.what for one in told} == {"answers no question of the page"}


def test_another_reference_is_another_benchmark(page: Path) -> None:
    question = gzip.decompress((page / ANSWERS).read_bytes()).decode()
    right = re.search(r'"reference":"([AB])"', question)
    assert right
    edit_answers(page, right[0], '"reference":"{}"'.format({"A": "B", "B": "A"}[right[1]]))
    found = places(page)
    assert f"{RECORD}: benchmarks.spatial.digest" in found
    assert f"{RECORD}: evaluations[0].tasks.left_right.metrics.accuracy.value" in found


@pytest.mark.parametrize(
    ("damage", "where", "what"),
    [
        (lambda page: (page / ANSWERS).unlink(), ANSWERS, "is missing"),
        (lambda page: (page / ANSWERS).write_bytes(b"no archive"), ANSWERS,
         "is damaged: Not a gzipped file (b'no')"),
        (lambda page: (page / ANSWERS).write_bytes(gzip.compress(b'{"format":9}\n')), ANSWERS,
         "is in a newer format"),
        (lambda page: (page / ANSWERS).write_bytes(gzip.compress(b"")), ANSWERS,
         "ends too early"),
        (lambda page: (page / RECORD).write_text("{"), RECORD, "cannot be read: Expecting"),
        (lambda page: edit(page / RECORD, '"left_right": {\n     "task"', '"x": {"task"'), RECORD,
         "does not hold together: KeyError('left_right')"),
        (lambda page: (page / "index.md").unlink(), "index.md",
         "is listed in SHA256SUMS, but is missing"),
        (lambda page: (page / "assets" / "more.svg").write_text("<svg/>"), "assets/more.svg",
         "is no file of the page: SHA256SUMS does not list it"),
        (lambda page: (page / "assets" / "SHA256SUMS").unlink(), "assets/SHA256SUMS",
         "is missing or cannot be read"),
        (lambda page: edit(page / "assets" / "SHA256SUMS", "  ", " "), "assets/SHA256SUMS:1",
         "is no line of digests"),
        (lambda page: shutil.copy(*sorted(page.glob("assets/*.jpg"))[:2]), "assets/",
         "is not the file that the run made"),
    ],
)
def test_what_is_missing_or_damaged(
    page: Path, damage: Callable[[Path], object], where: str, what: str
) -> None:
    damage(page)
    findings = verify(page).findings
    assert [1 for one in findings if one.where.startswith(where) and one.what.startswith(what)]


def test_a_page_without_answers(page: Path) -> None:
    edit(page / RECORD, '"version": 3', '"version": 1')
    with pytest.raises(VerifyError) as caught:
        verify(page)
    assert str(caught.value) == (
        f"{page}: was made before pages carried the answers they stand on\n"
        "  To mend it: Run its recipe again: recipe run recipes/small.yaml"
    )


def test_no_page(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"there is no page: assets/record\.json is missing"):
        verify(tmp_path)


def test_plots_drawn_in_another_process_are_the_same(chosen: Project) -> None:
    record = read_record(chosen.page / RECORD)
    plots = figures(record).values()
    with drawing(plots, aside=True) as draw:
        for plot in plots:
            assert draw(plot) == (chosen.page / "assets" / plot.file).read_bytes()


def test_a_list_of_digests_that_names_more(page: Path) -> None:
    sums = page / "assets" / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join([*lines, lines[0]]))
    file = lines[0].split("  ")[1].strip()
    assert [str(one) for one in verify(page).findings] == [
        f"assets/SHA256SUMS:{len(lines) + 1}: lists assets/{file} twice"
    ]
    (page / "assets" / "more.txt").write_text("x")
    sums.write_text("".join([*lines, f"{hashlib.sha256(b'x').hexdigest()}  more.txt\n"]))
    assert [str(one) for one in verify(page).findings] == [
        "assets/more.txt: is no file of the page, though SHA256SUMS lists it"
    ]


def test_the_title_is_the_specs(page: Path) -> None:
    title = read_record(page / RECORD).title
    edit(page / RECORD, f'"title": "{title}"', '"title": "Another"')
    fix_sums(page)
    assert places(page) == [f"{RECORD}: title"]


def test_what_cannot_be_seen_is_told(page: Path) -> None:
    text = (page / "index.md").read_bytes()
    (page / "index.md").write_bytes(text.replace(b"\n", b"\r\n", 1))
    fix_sums(page)
    title = text.decode().split("\n")[0]
    assert [str(one) for one in verify(page).findings] == [
        f"index.md:1: is “{title}\\r”, but the record gives “{title}”"
    ]


def test_an_edit_with_many_consequences_is_told_in_short(page: Path) -> None:
    (page / RECORD).write_text(json.dumps(json.loads((page / RECORD).read_text())))
    fix_sums(page)
    report = verify(page)
    told = str(report.error(page)).split("\n")
    assert told[0] == (
        f"{page}: differs from what its answers give in {len(report.findings)} places:"
    )
    assert told[21:] == [
        f"  {RECORD}: {len(report.findings) - 20} more",
        "  To mend it: Take back what was edited by hand, or render the page again.",
    ]
