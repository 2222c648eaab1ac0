"""Every heading, table and code block of the documents that the profiles are made from."""

from pathlib import Path

import pytest
from page_reading import fences, headings, read, tables, within
from seed_headings import CAPABILITY, POST_TRAINING, TEST_FINETUNE_TEST

MODEL_TABLE = ("**Model**", "**Workload**", "**Use Case**")
SCORES_TABLE = ("Metric", "Baseline Score", "Notes")
RESULTS_TABLE = ("Metric", "Baseline", "Post-Trained", "Improvement")
DATA_TABLE = ("Image / Video", "Label", "Category")
METRIC_TABLE = ("Metric", "Description")
EPOCH_TABLE = ("Epoch", "Val Loss", "Val Accuracy")
COMPARE_TABLE = ("Metric", "Base Model", "Fine-Tuned Model")

# What the documents have in bold, at the start of a line or of a list item.
LABELS = {
    "post-training": "Learning Rate:, Next Steps:",
    "capability": (
        "Gap 1:, Target 1:, Target 2:, Input type:, Resolution:, Encoding:, Length:, FPS:, "
        "Caption/Annotation:, Sample contents:, Approach:, Rationale:, Learning Rate:, "
        "Batch Size:, Epochs/Steps:, Other Parameters:, Training Logs:, Common Issues:, "
        "Troubleshooting:, Input:, Baseline Output:, Post-Trained Output:, Analysis:, "
        "Achievement 1:, Achievement 2:, Lesson 1:, Lesson 2:"
    ),
}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("post-training", POST_TRAINING), ("capability", CAPABILITY),
        ("tuned", TEST_FINETUNE_TEST), ("real", TEST_FINETUNE_TEST),
    ],
)
def test_every_heading_of_the_document_is_on_its_page(
    pages: Path, name: str, wanted: list[str]
) -> None:
    found = headings(read(pages / name))
    assert [heading for heading in wanted if heading not in found] == []
    assert within(wanted, found)
    assert len(found) == len(set(found)) or name in ("tuned", "real")


@pytest.mark.parametrize(
    ("name", "gone", "kept"),
    [
        ("post-training-enough", {"## Methodology", "## Training"}, {"## Results"}),
        (
            "capability-enough",
            {heading for heading in CAPABILITY if "Step 5" in heading or "Step 6" in heading},
            {"## Result", "### Key Achievements"},
        ),
        (
            "enough", {"## PHASE 2 — Fine-Tune Training (Optional)", "### If Fine-Tuning Helped:"},
            {"### If Base Model Was Enough:"},
        ),
    ],
)
def test_a_page_without_training_says_so_and_stops(
    pages: Path, name: str, gone: set[str], kept: set[str]
) -> None:
    page = read(pages / name)
    assert not gone & set(headings(page))
    assert kept <= set(headings(page))
    assert "**Decision:** the base model is enough" in page


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("post-training", MODEL_TABLE), ("post-training", RESULTS_TABLE),
        ("capability", MODEL_TABLE), ("capability", SCORES_TABLE), ("capability", RESULTS_TABLE),
        ("capability-enough", SCORES_TABLE),
        ("tuned", DATA_TABLE), ("tuned", METRIC_TABLE), ("tuned", EPOCH_TABLE),
        ("tuned", COMPARE_TABLE), ("enough", DATA_TABLE), ("enough", METRIC_TABLE),
    ],
)
def test_tables_are_filled(pages: Path, name: str, columns: tuple[str, ...]) -> None:
    found = [rows for rows in tables(read(pages / name)) if within(list(columns), rows[0])]
    assert found
    for rows in found:
        kept = [at for at, head in enumerate(rows[0]) if head in columns]
        assert len(rows) > 2
        assert all(row[at] for row in rows for at in kept)


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        # Data preparation commands, configuration file, training commands.
        ("post-training", ["bash", "yaml", "bash"]),
        # Example question, configuration file, data loader, training commands, training logs.
        ("capability", ["text", "bash", "yaml", "python", "bash", "text"]),
        ("tuned", ["bash", "json", "json", "text", "yaml"]),
    ],
)
def test_code_blocks_stand_in_their_order(pages: Path, name: str, languages: list[str]) -> None:
    assert within(languages, fences(read(pages / name)))


@pytest.mark.parametrize("name", ["post-training", "capability"])
def test_what_the_document_has_in_bold_is_there(pages: Path, name: str) -> None:
    page = read(pages / name)
    assert [one for one in LABELS[name].split(", ") if f"**{one}**" not in page] == []


@pytest.mark.parametrize("name", ["post-training", "capability"])
def test_optional_parts_appear_when_given(pages: Path, name: str) -> None:
    page = read(pages / name)
    assert "- [Setup and System Requirements](setup.md)" in page
    assert "- **The process is killed.** Lower `train.batch_size`." in page
    assert "Watch the validation loss." in page
    assert (pages / name / "setup.md").is_file()


def test_optional_parts_leave_no_heading_behind(spatial, media: Path, tmp_path: Path) -> None:
    import page_cases

    from recipe_kit.page.render import render

    recipe = page_cases.spatial()
    left_out = {
        "setup": None, "monitoring": None, "common_issues": (), "troubleshooting": (),
        "parameters": {}, "gaps": {},
    }
    prose = recipe.prose.model_copy(update=left_out)
    recipe = recipe.model_copy(update={"prose": prose, "resources": ()})
    render(spatial, recipe, media=media, out=tmp_path)
    page = read(tmp_path)
    for gone in ("setup.md", "Common Issues", "Troubleshooting"):
        assert gone not in page
    assert not (tmp_path / "setup.md").exists()
    assert within(CAPABILITY, headings(page))
