"""LingoQA in the layout its authors publish, with questions and pictures of our own."""

import json
from pathlib import Path
from typing import Any

import pytest
from data_cases import noise, recipe

from recipe_kit.benchmark.questions import build
from recipe_kit.data.exchange.lingoqa import read_lingoqa
from recipe_kit.data.sources import load_samples
from recipe_kit.data.splits import assign
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample

OPEN = {"type": "open", "judge": "judge", "more_labels": ["answer_2"]}


def rows(segments: int = 2, questions: int = 5) -> list[dict[str, Any]]:
    """Two answers to each question, five frames in each segment; the answers lie apart."""
    return [
        {
            "question_id": f"q{segment}-{number}", "segment_id": f"s{segment}",
            "images": [f"images/val/s{segment}/{frame}.jpg" for frame in range(5)],
            "question": f"What is {number} ahead, and why? ", "answer": answer.format(number),
        }
        for answer in ("Number {}, a van.", "a van")
        for segment in range(segments)
        for number in range(questions)
    ]


def write(path: Path, table: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        arrow = pytest.importorskip("pyarrow", reason="needs the package pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet", reason="needs the package pyarrow")
        parquet.write_table(arrow.Table.from_pylist(table), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(table))
    else:
        lines = [",".join(table[0])]
        for row in table:
            images = "[" + " ".join(f"'{image}'" for image in row["images"]) + "]"  # as pandas does
            cells = [str(value) for value in (row | {"images": images}).values()]
            lines.append(",".join(f'"{cell}"' for cell in cells))
        path.write_text("\n".join(lines) + "\n")
    return path


def pictures(folder: Path, segments: int = 2) -> None:
    for segment in range(segments):
        place = folder / f"images/val/s{segment}"
        place.mkdir(parents=True)
        for frame in range(5):
            noise(10 * segment + frame).save(place / f"{frame}.jpg")


@pytest.mark.parametrize("name", ["val.parquet", "val.csv", "val.json"])
def test_answers_are_gathered_by_question(tmp_path: Path, name: str) -> None:
    found = read_lingoqa(write(tmp_path / name, rows()))
    assert len(found) == 10
    question = found[3]
    # Cells of a CSV lose the space at their end, as everywhere.
    assert question.question.rstrip() == "What is 3 ahead, and why?"
    assert question.model_dump(exclude_defaults=True, exclude={"question"}) == {
        "id": "q0-3", "video_path": "images/val/s0", "answer": "Number 3, a van.",
        "extra": {"segment_id": "s0", "answer_2": "a van"},
    }


def test_the_question_is_kept_to_the_last_space(tmp_path: Path) -> None:
    (found, *_) = read_lingoqa(write(tmp_path / "val.parquet", rows()))
    assert found.question == "What is 0 ahead, and why? "


def test_a_question_becomes_a_sample_about_its_segment(tmp_path: Path) -> None:
    samples = load(tmp_path)
    assert len(samples) == 10
    assert samples[7].model_copy(update={"sha256": ""}) == Sample(
        id="lingo/q1-2", source="lingo", media="images/val/s1", media_type="video",
        labels={"question": "What is 2 ahead, and why? ", "answer": "Number 2, a van.",
                "answer_2": "a van", "segment_id": "s1"},
        group="lingo/images/val/s1", width=48, height=48,
    )
    assert len({sample.sha256 for sample in samples}) == 2


def test_it_is_asked_with_both_references_and_the_bare_question(tmp_path: Path) -> None:
    spec = lingo_recipe()
    question = build("floor", spec, assign(load(tmp_path), spec))[0]
    assert (question.reference, question.more_references, question.bare, question.group) == (
        "Number 0, a van.", ("a van",), "What is 0 ahead, and why? ", "lingo/images/val/s0",
    )


def lingo_recipe() -> Any:
    source = {"kind": "questions", "format": "lingoqa", "path": "val.parquet"}
    return recipe({"lingo": source}, tasks={"lingo": OPEN})


def load(tmp_path: Path) -> tuple[Sample, ...]:
    pictures(tmp_path)
    write(tmp_path / "val.parquet", rows())
    return load_samples(lingo_recipe(), recipe_dir=tmp_path, cache=tmp_path / "cache")


@pytest.mark.parametrize(("change", "message"), [
    ({"question": "Another?"}, "the question 'q0-0' is another one than in"),
    ({"answer": ""}, "has no 'answer'; its columns: question_id, segment_id, images, question"),
    ({"images": []}, "has no 'images'"),
    ({"images": ["a/0.jpg", "b/1.jpg"]}, "lie in one folder of their own, not in a, b"),
    ({"images": ["0.jpg"]}, r"lie in one folder of their own, not in \."),
])
def test_a_row_that_cannot_be_used(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    table = rows()
    table[10] |= change
    with pytest.raises(DataError, match=message) as caught:
        read_lingoqa(write(tmp_path / "val.json", table))
    assert "item 11" in caught.value.where


def test_a_parquet_file_that_is_none(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the package pyarrow")
    (tmp_path / "val.parquet").write_text("question_id,answer")
    with pytest.raises(DataError, match="is no Parquet table: "):
        read_lingoqa(tmp_path / "val.parquet")
