import json
from pathlib import Path
from typing import Any

import pytest
from data_cases import REAL, SEVERITY, TABLE, folder_of, needs_real_data, noise, recipe

from recipe_kit.data.audit import audit
from recipe_kit.data.exchange.question import ExchangeQuestion
from recipe_kit.data.exchange.tsv import write_tsv
from recipe_kit.data.facts import measure
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.splits import assign
from recipe_kit.record.schemas import SourceFacts

SIDE = {"type": "choice", "prompt": "{question}", "label": "answer", "options": ["{A}", "{B}"]}


def facts(folder: Path, cache: Path, source: dict[str, Any], **more: Any) -> SourceFacts:
    spec = recipe({"one": source}, **more)
    places = {"recipe_dir": folder, "cache": cache}
    samples = assign(load_samples(spec, **places), spec)
    roots = media_roots(spec, **places)
    return measure(samples, roots, audit(samples, roots, spec), spec).sources["one"]


@pytest.fixture(autouse=True)
def _no_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECIPE_DATA", raising=False)


def test_a_table_is_annotated_row_by_row(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.png": "cracked"})
    found = facts(tmp_path, tmp_path, TABLE)
    assert (found.annotation, found.fps, found.seconds) == (
        "CSV, one row per picture: cracked", {}, None)


def test_a_world_draws_its_labels(tmp_path: Path) -> None:
    world = {"kind": "world", "world": "floors", "count": 2, "seed": 1, "width": 32, "height": 32}
    found = facts(tmp_path, tmp_path, world, tasks={"how": SEVERITY})
    assert found.annotation.startswith("labels drawn with each picture: cracked, ")
    assert "severity" in found.annotation


def test_a_file_that_several_questions_are_asked_about_counts_once(tmp_path: Path) -> None:
    noise(1).save(tmp_path / "a.png")
    picture = (tmp_path / "a.png").read_bytes()
    write_tsv(tmp_path / "q.tsv", [
        ExchangeQuestion(id=str(number), question=f"Where is {number}?", picture=picture,
                         options={"A": "left", "B": "right"}, answer="AB"[number % 2],
                         category="near" if number else "far")
        for number in range(3)
    ])
    source = {"kind": "questions", "format": "vlmevalkit", "path": "q.tsv", "license": "CC0"}
    found = facts(tmp_path, tmp_path / "cache", source, tasks={"side": SIDE})
    assert found == SourceFacts(
        kind="questions", samples=3, media_type="image", resolutions={"48×48": 1},
        encodings={"PNG": 1}, bytes=len(picture), license="CC0", splits={"test": 3},
        labels={"A": {"left": 3}, "B": {"right": 3}, "answer": {"A": 2, "B": 1},
                "category": {"far": 1, "near": 2},
                "question": {f"Where is {number}?": 1 for number in range(3)}},
        categories={"far": 1, "near": 2},
        annotation="VLMEvalKit TSV: question, A, B, answer, category",
    )


@needs_real_data
def test_clips_have_rates_and_lengths(tmp_path: Path) -> None:
    clips = [json.loads(line)
             for line in (REAL / "drive-clips" / "clips.jsonl").read_text().splitlines()]
    short = [row for row in clips if row["duration_s"] <= 3.1 and row["width"] <= 1280]
    (tmp_path / "clips.jsonl").write_text("".join(
        json.dumps({"video": row["video"], "view": "yes"}) + "\n" for row in short))
    source = {"kind": "table", "path": str(tmp_path / "clips.jsonl"),
              "media": str(REAL.resolve() / "drive-clips"),
              "columns": {"video": "video"}, "labels": {"view": "view"}}
    tasks = {"view": {"type": "binary", "prompt": "?", "label": "view",
                      "answers": {"yes": "Yes", "no": "No"}}}
    found = facts(tmp_path, tmp_path / "cache", source, tasks=tasks)
    assert found.annotation == "JSONL, one row per video: view"
    assert found.media_type == "video"
    rates = sorted(row["fps"] for row in short)
    assert found.fps == {"30": rates.count(30.0), "25": rates.count(25.0)}
    lengths = [row["duration_s"] for row in short]
    assert found.seconds == pytest.approx(
        (min(lengths), sum(lengths) / len(lengths), max(lengths)), abs=0.01)


def test_captions_and_many_values_are_no_classes(tmp_path: Path) -> None:
    rows = {f"{number}.png": f"{'yes' if number % 2 else 'no'},{number},{'A long road. ' * 7}"
            for number in range(21)}
    folder_of(tmp_path, rows, header="image,wet,number,caption")
    table = {**TABLE, "labels": {name: name for name in ("wet", "number", "caption")}}
    wet = {"type": "choice", "prompt": "Wet?", "label": "wet", "options": ["yes", "no"]}
    assert facts(tmp_path, tmp_path, table, tasks={"wet": wet}).labels == {
        "wet": {"no": 11, "yes": 10}}


def test_a_world_of_clips_is_measured_as_videos(tmp_path: Path) -> None:
    world = {"kind": "world", "world": "driving", "count": 3, "width": 48, "height": 32,
             "seconds": 3, "fps": 2, "subdirectories": ["cv_annotated", "human_annotated"],
             "weights": [1, 3]}
    place = {"type": "choice", "prompt": "Where?", "label": "environment",
             "options": ["city", "suburb", "highway", "countryside"]}
    found = facts(tmp_path, tmp_path, world, tasks={"place": place})
    assert (found.kind, found.media_type, found.resolutions, found.encodings) == (
        "world", "video", {"48×32": 3}, {"H.264 (MP4)": 3})
    assert (found.fps, found.seconds) == ({"2": 3}, (3.0, 3.0, 3.0))
    assert (found.parts, found.weights, found.formats) == (
        {"cv_annotated": 2, "human_annotated": 1},
        {"cv_annotated": 0.25, "human_annotated": 0.75},
        {"cv_annotated": "cv", "human_annotated": "human"})
    assert found.annotation.startswith("labels drawn with each clip: ")
    # Labels of the world only: what the annotations add is theirs.
    assert "event_start_frame" not in found.annotation
