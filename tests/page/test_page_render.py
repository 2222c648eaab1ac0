import re
import shlex
import subprocess
import sys
from pathlib import Path

import page_cases
import pytest

from recipe_kit.errors import PageError, StorageError
from recipe_kit.page.numbers import pct
from recipe_kit.page.render import render
from recipe_kit.page.words import answer
from recipe_kit.paths import templates_dir
from recipe_kit.record.schemas import Metric, Record
from recipe_kit.record.store import read_record

# The headings and tables of the document that the profile is made from, in its order.
TEST_HEADINGS = """TEST → FINE-TUNE → TEST Workflow
✓ PHASE 1 — Baseline Testing (No Fine-Tuning)
1. Prepare Evaluation Dataset
2. Define Evaluation Prompts
Severity classification:
3. Run Inference with Base Model
Log outputs:
4. Evaluation Metrics""".splitlines()
TUNE_HEADINGS = """PHASE 2 — Fine-Tune Training (Optional)
1. Select Training Data
2. Fine-Tune Execution
3. Training Validation
PHASE 3 — Post-Fine-Tuning Testing
1. Run Inference with Fine-Tuned Model
2. Compare Metrics""".splitlines()
DECIDE = "Decide and Document"
ENOUGH, HELPED = "If Base Model Was Enough:", "If Fine-Tuning Helped:"
DATA_TABLE = ("Image / Video", "Label", "Category")
METRIC_TABLE = ("Metric", "Description")
EPOCH_TABLE = ("Epoch", "Val Loss", "Val Accuracy")
COMPARE_TABLE = ("Metric", "Base Model", "Fine-Tuned Model")


@pytest.fixture(scope="module")
def pages(tuned: Record, enough: Record, real: Record, media: Path, tmp_path_factory) -> Path:
    """The three pages."""
    out = tmp_path_factory.mktemp("docs") / "recipes"
    render(tuned, page_cases.recipe(), media=media, out=out / "tuned")
    render(enough, page_cases.recipe(), media=media, out=out / "enough")
    render(real, page_cases.recipe("floor-crack-real"), media=media, out=out / "real")
    return out


def read(folder: Path) -> str:
    return (folder / "index.md").read_text(encoding="utf-8")


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ +(.*)$", page, flags=re.MULTILINE)


def tables(page: str) -> list[list[list[str]]]:
    """Every pipe table: its rows of cells."""
    found = re.findall(r"(?:^\|.*\|\n)+", page, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()]
        for block in found
    ]


def within(wanted: list[str], found: list[str]) -> bool:
    """Whether the wanted items occur in this order."""
    rest = iter(found)
    return all(item in rest for item in wanted)


@pytest.mark.parametrize("name", ["tuned", "real"])
def test_headings_with_fine_tuning(pages: Path, name: str) -> None:
    wanted = [*TEST_HEADINGS, *TUNE_HEADINGS, DECIDE, ENOUGH, HELPED]
    assert within(wanted, headings(read(pages / name)))


def test_headings_without_fine_tuning(pages: Path) -> None:
    found = headings(read(pages / "enough"))
    assert within([*TEST_HEADINGS, DECIDE, ENOUGH], found)
    assert not {*TUNE_HEADINGS, HELPED} & set(found)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("tuned", DATA_TABLE), ("tuned", METRIC_TABLE), ("tuned", EPOCH_TABLE),
        ("tuned", COMPARE_TABLE), ("enough", DATA_TABLE), ("enough", METRIC_TABLE),
    ],
)
def test_tables_are_filled(pages: Path, name: str, columns: tuple[str, ...]) -> None:
    found = [rows for rows in tables(read(pages / name)) if set(columns) <= set(rows[0])]
    assert found
    for rows in found:
        kept = [at for at, head in enumerate(rows[0]) if head in columns]
        assert len(rows) > 3
        assert all(row[at] for row in rows for at in kept)


def test_pages_stay_small_and_hold_their_record(pages: Path, tuned: Record) -> None:
    assets = pages / "tuned" / "assets"
    assert read_record(assets / "record.json") == tuned
    assert sum(path.stat().st_size for path in assets.iterdir()) < 1_000_000


def test_every_picture_and_plot_is_shown(pages: Path) -> None:
    for folder in pages.iterdir():
        page = read(folder)
        shown = set(re.findall(r'src="assets/([^"]+)"', page))
        files = {path.name for path in (folder / "assets").iterdir()}
        assert shown == files - {"record.json"}
        assert all(re.findall(r'alt="([^"]*)"', page))


def test_examples_have_prompt_answers_and_confidences(pages: Path, tuned: Record) -> None:
    page = read(pages / "tuned")
    for example in tuned.examples:
        if example.kind == "sample":
            continue
        shown = next(
            line for line in page.splitlines()
            if line.startswith("<figure") and example.media in line
        )
        assert example.prompt in shown
        assert f"{example.before} ({example.before_confidence:.0%})" in shown
        assert f"{example.after} ({example.after_confidence:.0%})" in shown


@pytest.mark.parametrize("name", ["tuned", "real"])
def test_every_regression_is_stated(pages: Path, name: str, request) -> None:
    record: Record = request.getfixturevalue(name)
    stated = [line for line in read(pages / name).splitlines() if line.startswith("- `")]
    count = 0
    for comparison in record.comparisons:
        for item in comparison.regressions:
            count += 1
            assert any(
                line.startswith(f"- `{item.task}`, {item.where}: ") and f"n = {item.n}" in line
                for line in stated
            ), item
    assert count > 0


def test_no_regressions_is_stated(tuned: Record, media: Path, tmp_path: Path) -> None:
    comparison = tuned.comparisons[0].model_copy(update={"regressions": ()})
    record = tuned.model_copy(update={"comparisons": (comparison,)})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    page = read(tmp_path)
    assert "None: no task got worse overall, in any category or in any source." in page
    assert "What fine-tuning made worse" not in page


@pytest.mark.parametrize(
    ("better", "words"),
    [
        (True, "It did: the headline accuracy rose beyond noise."),
        (False, "It did **not** help: the headline accuracy fell, beyond noise."),
        (None, "It did **not** measurably help: the change of the headline accuracy is within"),
    ],
)
def test_the_ending_is_honest(
    tuned: Record, media: Path, tmp_path: Path, better: bool | None, words: str
) -> None:
    comparison = tuned.comparisons[0]
    task = comparison.tasks["cracked"]
    accuracy = task.differences["accuracy"].model_copy(update={"better": better})
    task = task.model_copy(update={"differences": {**task.differences, "accuracy": accuracy}})
    comparison = comparison.model_copy(update={"tasks": {**comparison.tasks, "cracked": task}})
    record = tuned.model_copy(update={"comparisons": (comparison,)})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    assert words in read(tmp_path)


def test_tests_that_disagree_are_told_together(tuned: Record, media: Path, tmp_path) -> None:
    # Questions of one group are alike: McNemar's test is sure where the grouped interval is not.
    comparison = tuned.comparisons[0]
    task = comparison.tasks["cracked"]
    accuracy = task.differences["accuracy"].model_copy(update={"better": None, "low": -0.01})
    task = task.model_copy(update={
        "differences": {**task.differences, "accuracy": accuracy}, "mcnemar_p": 0.03,
    })
    comparison = comparison.model_copy(update={"tasks": {**comparison.tasks, "cracked": task}})
    record = tuned.model_copy(update={"comparisons": (comparison,)})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    assert (
        "McNemar's exact test: p = 0.030, but the interval of the difference holds zero. The "
        "change in accuracy is not beyond noise."
    ) in read(tmp_path)


def test_what_is_not_held_out_is_said(tuned: Record, media: Path, tmp_path: Path) -> None:
    audit = tuned.data.audit.model_copy(update={"allowed_leakage": ("synthetic",)})
    spec = {**tuned.spec, "benchmarks": {"floor": {"split": "val"}}}
    record = tuned.model_copy(update={
        "data": tuned.data.model_copy(update={"audit": audit}), "spec": spec,
    })
    render(tuned, page_cases.recipe(), media=media, out=tmp_path / "clean")
    render(record, page_cases.recipe(), media=media, out=tmp_path / "leaking")
    for said in (
        "that share nothing with the test set, save for the known leakage that the audit lists,",
        "- The benchmark `floor` asks the **validation** samples.",
    ):
        assert said not in read(tmp_path / "clean")
        assert said in read(tmp_path / "leaking")


def test_a_target_missed_by_its_interval_says_so(tuned: Record, media: Path, tmp_path) -> None:
    score = Metric(value=0.93, n=480, low=0.8996, high=0.95, method="wilson")
    target = tuned.gate.targets[0].model_copy(update={"score": score, "met": False})
    gate = tuned.gate.model_copy(update={"targets": (target,), "decide_by": "interval"})
    record = tuned.model_copy(update={"gate": gate})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    assert (
        "It was not: accuracy on `cracked` was 89.96% (the lower end of its 95% interval), and "
        "at least 90.0% was asked for."
    ) in read(tmp_path)


def test_the_embedded_model_is_named(pages: Path, tuned: Record, media: Path, tmp_path) -> None:
    page = read(pages / "tuned")
    assert "It is **not** Cosmos Reason 2." in page[:1500]
    note = "*Scores of recipe_kit's small embedded demonstration model, not of Cosmos Reason 2.*"
    lines = page.splitlines()
    for at, line in enumerate(lines):
        if re.match(r"\| (Metric \||Task \||Epoch|Training \| Trained|Accuracy on)", line):
            assert note in lines[at - 2], line
    other = tuned.model.model_copy(update={"embedded": False, "title": "Cosmos Reason 2 2B"})
    record = tuned.model_copy(update={"model": other})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    assert "embedded demonstration" not in read(tmp_path)


def test_ablations_stand_beside_zero_shot_and_main(pages: Path, real: Record) -> None:
    (rows,) = [rows for rows in tables(read(pages / "real")) if rows[0][0] == "Training"
               and rows[0][1] == "Trained on"]
    assert [row[0] for row in rows[2:]] == ["Zero-shot", "`synthetic_only`", "Main training"]
    tuned = next(one for one in real.evaluations if one.role == "tuned")
    assert rows[-1][2].startswith(pct(tuned.tasks["cracked"].metrics["accuracy"].value))


def test_the_gate_is_shown_with_its_scores(pages: Path) -> None:
    for name, decision in (
        ("tuned", "**Decision:** the base model is not enough; it is fine-tuned"),
        ("enough", "**Decision:** the base model is enough; no fine-tuning"),
    ):
        page = read(pages / name)
        assert decision in page
        assert ["`cracked`", "Accuracy", "≥ 90.0%"] in [row[:3] for t in tables(page) for row in t]


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
    assert headings(outside)[0].startswith("a&#124;b &lt;script&gt;")


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


@pytest.mark.parametrize(
    ("given", "read", "shown"),
    [
        ("Yes", "Yes", "Yes (92%)"),
        ("yes.", "Yes", "Yes (92%)"),
        ("Rating: 3/5", "3", "3 (92%), from “Rating: 3/5”"),
        ("a crack", None, "unreadable: “a crack”"),
        ("", None, "unreadable: nothing was said"),
        ("no" * 400, None, f"unreadable: “{'no' * 150} …”"),
    ],
)
def test_an_answer_is_shown_as_it_was_read(given: str, read: str | None, shown: str) -> None:
    assert answer(given, read, 0.92) == shown


def test_a_doubtful_answer_is_judged_as_it_was_scored(
    tuned: Record, media: Path, tmp_path: Path
) -> None:
    chosen = next(one for one in tuned.examples if one.kind == "least confident")
    told = {
        "reference": "Yes", "before": "The answer is Yes", "before_answer": "Yes",
        "before_confidence": 0.51, "after": "Yes and No", "after_answer": None,
        "after_confidence": 0.5,
    }
    record = tuned.model_copy(update={"examples": (chosen.model_copy(update=told),)})
    render(record, page_cases.recipe(), media=media, out=tmp_path)
    page = read(tmp_path)
    assert "Base: ✓ Yes (51%), from “The answer is Yes”" in page
    assert "Fine-tuned: ✗ unreadable: “Yes and No”" in page


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
