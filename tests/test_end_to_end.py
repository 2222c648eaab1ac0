"""Whole runs, from the recipe to the page."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import markdown
import pytest
from PIL import Image
from small_project import ENOUGH, SEVERITY, WORLD, Project, command, findings, make_project

from recipe_kit.page.lint import lint, lint_files
from recipe_kit.record.files import read_rows
from recipe_kit.record.schemas import Prediction, Question, Record
from recipe_kit.score.metrics import score

# Those of mkdocs.yml that pages use.
EXTENSIONS = ["tables", "md_in_html", "pymdownx.superfences", "pymdownx.details"]


def check_page(project: Project) -> str:
    """The page, after what holds for every page was checked."""
    page = (project.page / "index.md").read_text()
    assets = project.page / "assets"
    assert lint(page, project.page) == []
    assert lint_files(assets) == []
    record = Record.model_validate_json((assets / "record.json").read_bytes())
    for example in record.examples:
        assert f"assets/{example.media}" in page
        with Image.open(assets / example.media) as picture:
            assert picture.size == (64, 64)
    # Nothing names a place of this machine, and nothing unfinished is left.
    for text in (page, (assets / "record.json").read_text()):
        assert str(project.root) not in text
        assert str(Path.home()) not in text
    left = [path for path in project.root.rglob(".*") if path.name != ".cache"]
    assert left == []
    return page


def test_a_run_that_fine_tunes_ends_in_a_page(finished: Project) -> None:
    page = check_page(finished)
    record = Record.model_validate(finished.record())
    assert [stage.name for stage in record.stages] == [
        "data", "zero-shot", "gate", "train", "re-evaluation", "comparison",
    ]
    assert not record.gate.enough
    assert [one.role for one in record.evaluations] == ["base", "tuned"]
    base, tuned = record.evaluations
    assert base.questions_digest == tuned.questions_digest
    assert base.predictions_digest == tuned.predictions_digest
    assert base.revision != tuned.revision == record.training[0].revision
    assert record.data.splits == {"train": 24, "val": 12, "test": 24}
    assert record.training[0].steps == 6
    assert record.training[0].triple.keys() == {"image_path", "prompt", "target"}
    assert "It went to" in page
    assert "The base model is enough." not in page
    assert json.loads((finished.page / "assets" / "record.json").read_text()) == finished.record()


def test_scores_follow_from_the_logged_predictions_alone(finished: Project) -> None:
    record = Record.model_validate(finished.record())
    folder = finished.run_folder
    (asked,) = folder.glob("data/*/questions-floor.jsonl")
    questions = tuple(map(Question.model_validate_json, asked.read_text().splitlines()))
    assert len(questions) == 48
    for evaluation in record.evaluations:
        lines = (folder / evaluation.predictions).read_text().splitlines()
        predictions = tuple(map(Prediction.model_validate_json, lines))
        assert {row.question for row in predictions} == {row.id for row in questions}
        assert score(questions, predictions, bootstrap=100, seed=0) == evaluation.tasks


def test_a_run_of_choice_questions(chosen: Project) -> None:
    """Each order of the options is asked once, and the first of them without the picture, too."""
    page = check_page(chosen)
    assert "It went to" in page
    record = Record.model_validate(chosen.record())
    folder = chosen.run_folder
    base, tuned = record.evaluations
    for evaluation in (base, tuned):
        seen = read_rows(folder / evaluation.predictions, Prediction)
        blind = read_rows(folder / evaluation.blind_predictions, Prediction)
        assert (len(seen), len(blind)) == (48, 24)
        assert {row.question for row in blind} < {row.question for row in seen}
        assert {row.digest for row in seen}.isdisjoint({row.digest for row in blind})
        assert {"chance", "blind"} <= evaluation.tasks["left_right"].baselines.keys()
    assert record.comparisons[0].checkpoints == len(record.training[0].validations) == 2
    assert not record.comparisons[0].chosen_here
    assert [one.name for one in record.criteria] == ["left_right"]
    assert set(base.tasks["left_right"].slices) >= {"category", "scene"}
    # The gate asks for more than the criterion.
    assert {(gap.bar, gap.threshold) for gap in record.gaps} == {("target", 1.0)}
    assert record.contact_sheets.keys() == {"left", "right"}
    for file, sha256 in record.media.items():
        content = (chosen.page / "assets" / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256


def test_the_loader_loads_the_training_data(finished: Project, chosen: Project) -> None:
    for project, conversations in ((finished, 48), (chosen, 24)):
        (data,) = project.run_folder.glob("train/*/dataset/*/train.json")
        (media,) = project.root.glob("runs/.cache/worlds/*")
        loader = project.page / "assets" / project.record()["loader"]
        done = subprocess.run(
            [sys.executable, "-I", str(loader), str(data), "--media", str(media)],
            capture_output=True, text=True, check=True, cwd=project.root.parent,
        )
        assert done.stdout.endswith(f"{conversations} conversations, all loaded\n")
        assert (data.parent / loader.name).read_bytes() == loader.read_bytes()


def test_a_page_is_verified_where_the_run_is_not(chosen: Project, tmp_path: Path) -> None:
    shutil.copytree(chosen.page, tmp_path / "small")
    ran = subprocess.run(
        command("verify", "small"), cwd=tmp_path, text=True, capture_output=True, check=True
    )
    assert re.fullmatch(
        r"small is what its answers give: 48 questions, 144 answers, \d+ files, \d+\.\d s\n",
        ran.stdout,
    )
    page = tmp_path / "small" / "index.md"
    page.write_text(page.read_text().replace("About tables.", "About 100 tables."))
    refused = subprocess.run(
        command("verify", "small"), cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert refused.returncode == 6
    number = page.read_text().split("\n").index("About 100 tables.") + 1
    assert re.fullmatch(
        r"Error: small: differs from what its answers give in 2 places:\n"
        r"  index\.md: was changed: its sha256 is not the one in assets/SHA256SUMS:\d+\n"
        rf"  index\.md:{number}: is “About 100 tables\.”, but the record gives “About tables\.”\n"
        r"  To mend it: Take back what was edited by hand, or render the page again\.\n",
        refused.stderr,
    )


def test_a_page_on_what_to_install(done: Project) -> None:
    done.edit("prose:\n", "prose:\n  setup: Install *everything*.\n")
    assert done("render").exit_code == 0
    setup = done.page / "setup.md"
    assert setup.read_text().endswith("\n\nInstall *everything*.\n")
    check_page(done)
    assert done("verify").exit_code == 0
    setup.write_text("Install nothing.\n")
    refused = done("verify")
    assert refused.exit_code == 6
    assert "  setup.md: was changed" in refused.stderr
    assert "  setup.md:1: is “Install nothing.”, but the record gives “# Setup" in refused.stderr
    done.edit("  setup: Install *everything*.\n", "")
    assert done("render").exit_code == 0
    assert not setup.exists()
    assert done("verify").exit_code == 0


def test_a_base_model_that_is_enough_is_not_fine_tuned(done: Project) -> None:
    before = done.record()
    result = done("run", "--set", ENOUGH)
    assert result.exit_code == 0, result.output
    assert "✓ zero-shot (done before)\n" in result.stderr
    assert "the base model is enough: no fine-tuning\n" in result.stderr
    assert "train" not in result.stderr
    record = Record.model_validate(done.record())
    assert [stage.name for stage in record.stages] == ["data", "zero-shot", "gate", "comparison"]
    assert record.gate.enough
    assert record.training == record.comparisons == ()
    assert [one.role for one in record.evaluations] == ["base"]
    page = check_page(done)
    assert "The base model is enough." in page
    assert "It went to" not in page
    # The scores stand beside their thresholds.
    value = record.evaluations[0].tasks["cracked"].metrics["accuracy"].value
    assert value is not None
    assert f"| `cracked` | Accuracy | ≥ 0.0% | {100 * value:.1f}% |" in page
    # The other ending is still there, and nothing of it is run again.
    again = done("run")
    assert again.exit_code == 0, again.output
    assert again.stderr.count("(done before)") == 6
    assert findings(done.record()) == findings(before)


def test_a_run_that_finds_everything_done_changes_nothing(done: Project) -> None:
    def files() -> dict[Path, tuple[bytes, int]]:
        return {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in done.page.rglob("*") if path.is_file()
        }

    before, record = files(), done.record()
    result = done("run")
    assert result.stderr.splitlines() == [
        f"✓ {name} (done before)"
        for name in ("data", "zero-shot", "gate", "train", "re-evaluation", "comparison")
    ]
    assert result.stdout == "Wrote docs/recipes/small/index.md\n"
    assert done.record() == record
    assert files() == before


def test_values_of_the_command_line_stand_on_the_page(done: Project) -> None:
    changed = ("--set", ENOUGH, "--set", "gate.decide_by=interval")
    assert done("run", *changed).exit_code == 0
    assert done.record()["overrides"] == list(changed[1::2])
    page = (done.page / "index.md").read_text()
    assert f"recipe run recipes/small.yaml --set '{ENOUGH}' --set gate.decide_by=interval" in page
    assert "the values that were set on the command line" in page


def test_every_quotable_number_is_listed(finished: Project) -> None:
    listed = finished("names")
    assert listed.exit_code == 0, listed.output
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in listed.stdout.splitlines()}
    scores = finished.record()["evaluations"][0]["tasks"]["cracked"]["metrics"]
    assert rows["floor.base.cracked.accuracy.n"][0] == str(scores["accuracy"]["n"])
    assert all(definition for _, definition in rows.values())


def test_a_page_is_rendered_again_from_its_record_alone(done: Project) -> None:
    shutil.rmtree(done.root / "runs")
    done.edit("About floors.", "About *other* floors.")
    result = done("render")
    assert (result.exit_code, result.stdout) == (0, "Wrote docs/recipes/small/index.md\n")
    assert "About *other* floors." in check_page(done)


def test_markup_in_labels_categories_and_names_is_text_on_the_page(
    finished: Project, tmp_path: Path
) -> None:
    """The hostile values go through a table, the model, the record and the page."""
    hostile = ["<script>alert(1)</script>", "a | b **c** `d`", "{{ 7 * 7 }} ![x](y)"]
    data = tmp_path / "project" / "recipes"
    project = make_project(tmp_path / "project")
    project.edit(WORLD, "{kind: table, path: t.csv, columns: {category: kind}, labels: {c: c}, "
                 f"license: '{hostile[0]}'}}")
    project.edit("label: cracked", "label: c")
    project.edit('{cracked: "Yes", not cracked: "No"}', '{"<b>y</b>": "Yes", "*n*": "No"}')
    project.edit(SEVERITY, "")
    project.edit("[cracked, severity]", "[cracked]")
    project.edit("task: severity", "task: cracked")
    project.edit("Small Floors", "'Floors <img src=x onerror=alert(1)> | *x*'")
    pictures = sorted((finished.root / "runs" / ".cache").rglob("*.png"))[:30]
    rows = []
    for number, picture in enumerate(pictures):
        shutil.copy(picture, data / f"{number}.png")
        label = "<b>y</b>" if number % 2 else "*n*"
        rows.append(f'{number}.png,{label},"{hostile[number % 3]}"')
    (data / "t.csv").write_text("image,c,kind\n" + "\n".join(rows) + "\n")
    result = project("run", "--set", ENOUGH)
    assert result.exit_code == 0, result.output
    page = check_page(project)
    html = markdown.markdown(page, extensions=EXTENSIONS)
    assert not re.search(r"<script|<img[^>]*onerror|<b>y</b>|<em>n</em>|<strong>c</strong>", html)
    cells = {unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<td.*?</td>", html)}
    assert cells >= {*hostile, "<b>y</b>", "*n*"}
    heading = re.sub(r"<[^>]*>", "", html.split("</h1>")[0])
    assert unescape(heading) == "Floors <img src=x onerror=alert(1)> | *x*"


def test_validation_samples_need_not_have_the_label_of_every_task(
    finished: Project, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project")
    table = "{kind: table, path: t.csv, labels: {cracked: label}}"
    project.edit(WORLD, f"{WORLD}\n    plain: {table}")
    project.edit("val: {synthetic: 0.2}", "val: {plain: 1.0}")
    project.edit("epochs: 2", "epochs: 1")
    rows = ["image,label"]
    for number, drawn in enumerate(sorted(finished.root.glob("runs/.cache/**/*.png"))[:6]):
        with Image.open(drawn) as picture:
            picture.rotate(90).save(project.recipe.parent / f"{number}.png")
        rows.append(f"{number}.png,{'cracked' if number % 2 else 'not cracked'}")
    (project.recipe.parent / "t.csv").write_text("\n".join(rows) + "\n")
    result = project("run")
    assert result.exit_code == 0, result.output
    (validation,) = Record.model_validate(project.record()).training[0].validations
    assert validation.val_n == 6


@pytest.mark.slow
def test_the_starter_runs_as_it_is(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    new = project.command("new", "small-two")
    assert (new.exit_code, new.stdout) == (0, (
        "Wrote recipes/small-two.yaml. Lines marked 'write:' and what stands in [brackets] are "
        "yours to fill in.\n"
        "Next: recipe validate recipes/small-two.yaml\n"
    ))
    path = "recipes/small-two.yaml"
    valid = project.command("validate", path)
    assert valid.stdout == (
        f"{path} is valid: 2 tasks, 1 benchmark\n"
        f"5 places left to write: `recipe validate --publish {path}` lists them\n"
    )
    small = (
        "--set", "data.sources.synthetic.count=60", "--set", "data.sources.synthetic.width=64",
        "--set", "data.sources.synthetic.height=64", "--set", "evaluation.bootstrap=100",
    )
    plan = project.command("plan", path, *small)
    assert plan.stdout.splitlines()[0].endswith("  to do")
    run = project.command("run", path, *small)
    assert run.exit_code == 0, run.output
    page = (project.root / "docs" / "recipes" / "small-two" / "index.md").read_text()
    assert lint(page, project.root / "docs" / "recipes" / "small-two") == []
    assert page.startswith("# Small Two\n")
