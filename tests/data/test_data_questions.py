import json
from pathlib import Path
from typing import Any

import pytest
from data_cases import noise, recipe

from recipe_kit.data.exchange.formats import FORMATS
from recipe_kit.data.exchange.question import ExchangeQuestion
from recipe_kit.data.facts import digest
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.splits import assign
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample

SIDE = {"type": "choice", "prompt": "{question}", "label": "answer", "options": ["{A}", "{B}"]}
NAMES = {"vlmevalkit": "q.tsv", "llava": "q.json", "triples": "q.jsonl", "datasets": "folder"}


@pytest.fixture(autouse=True)
def _no_data_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECIPE_DATA", raising=False)


def png(tmp_path: Path, seed: int) -> bytes:
    noise(seed).save(tmp_path / "one.png")
    return (tmp_path / "one.png").read_bytes()


def question(name: str, **more: Any) -> ExchangeQuestion:
    return ExchangeQuestion.model_validate({
        "id": name, "question": "Where is it?", "options": {"A": "left", "B": "right"},
        "answer": "A", **more,
    })


def write(tmp_path: Path, format_: str, questions: list[ExchangeQuestion]) -> dict[str, Any]:
    path = tmp_path / NAMES[format_]
    FORMATS[format_].write(path, questions)
    return {"kind": "questions", "format": format_, "path": path.name}


def load(tmp_path: Path, source: dict[str, Any], **more: Any) -> tuple[Sample, ...]:
    spec = recipe({"q": source}, tasks={"side": SIDE}, **more)
    return load_samples(spec, recipe_dir=tmp_path, cache=tmp_path / "cache")


def refused(tmp_path: Path, source: dict[str, Any]) -> DataError:
    with pytest.raises(DataError) as caught:
        load(tmp_path, source)
    return caught.value


@pytest.mark.parametrize("format_", ["vlmevalkit", "llava", "triples", "datasets"])
def test_a_question_becomes_a_sample_with_its_texts_as_labels(
    tmp_path: Path, format_: str
) -> None:
    if format_ == "datasets":
        pytest.importorskip("datasets", reason="needs the package datasets")
    (tmp_path / "images").mkdir()
    noise(1).save(tmp_path / "images" / "a.png")
    source = write(tmp_path, format_, [question(
        "7", image_path="images/a.png", hint="Look.", category="near", l2_category="space",
        split="dev", extra={"subject": "cup", "distance": 2.0, "sure": True, "box": [1, 2]},
    )])
    (sample,) = load(tmp_path, source)
    assert sample.model_dump(exclude={"sha256"}) == {
        "id": "q/7", "source": "q", "media": "images/a.png", "media_type": "image",
        "labels": {"subject": "cup", "distance": 2, "sure": "true", "question": "Where is it?",
                   "hint": "Look.", "A": "left", "B": "right", "answer": "A", "category": "near",
                   "l2_category": "space"},
        "category": "near", "group": "q/images/a.png", "declared_split": "dev", "split": "",
        "prompt": None, "target": None, "width": 48, "height": 48, "part": "",
    }


@pytest.mark.parametrize("format_", ["vlmevalkit", "llava", "datasets"])
def test_pictures_in_the_file_are_written_to_the_cache_once(tmp_path: Path, format_: str) -> None:
    if format_ == "datasets":
        pytest.importorskip("datasets", reason="needs the package datasets")
    first, second = png(tmp_path, 1), png(tmp_path, 2)
    (tmp_path / "one.png").unlink()
    source = write(tmp_path, format_, [
        question("0", picture=first, image_path="elsewhere/0.png"),
        question("1", picture=first), question("2", picture=second),
    ])
    before = {path.name for path in tmp_path.iterdir()}
    samples = load(tmp_path, source)
    spec = recipe({"q": source}, tasks={"side": SIDE})
    root = media_roots(spec, recipe_dir=tmp_path, cache=tmp_path / "cache")["q"]
    assert root == tmp_path / "cache" / "questions"
    assert {path.name for path in tmp_path.iterdir()} == before | {"cache"}
    assert len(list(root.iterdir())) == 2
    assert [(root / sample.media).read_bytes() for sample in samples] == [first, first, second]
    assert [sample.media.split(".")[0] for sample in samples] == [s.sha256 for s in samples]
    # Questions about one picture are never parted.
    assert samples[0].group == samples[1].group != samples[2].group
    # A cache that was emptied, or cut short, is filled again.
    (root / samples[0].media).unlink()
    (root / samples[2].media).write_bytes(second[:50])
    load(tmp_path, source)
    assert [(root / sample.media).read_bytes() for sample in samples] == [first, first, second]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    first = load(tmp_path, write(tmp_path, "vlmevalkit",
                                 [question("0", picture=png(tmp_path, 1))]))
    again = load(tmp_path, write(tmp_path, "vlmevalkit",
                                 [question("0", picture=png(tmp_path, 1), answer="B")]))
    assert (first[0].labels["answer"], again[0].labels["answer"]) == ("A", "B")
    assert digest(first) != digest(again)


def test_splits_go_by_what_the_file_declares(tmp_path: Path) -> None:
    source = write(tmp_path, "vlmevalkit", [
        question(str(number), picture=png(tmp_path, number), split="test" if number < 2 else "dev")
        for number in range(6)
    ])
    spec = recipe(
        {"q": source}, {"test": {"q": {"rows": "test"}}, "train": {"q": {"rows": "dev"}}},
        tasks={"side": SIDE},
    )
    samples = assign(load_samples(spec, recipe_dir=tmp_path, cache=tmp_path / "cache"), spec)
    assert [sample.split for sample in samples] == ["test"] * 2 + ["train"] * 4


def test_group_exclude_and_videos(tmp_path: Path) -> None:
    rows = [question(name, image_path=f"{name}.png", extra={"scene": "s"}) for name in "ab"]
    source = write(tmp_path, "llava", rows)
    for name in "ab":
        noise(ord(name)).save(tmp_path / f"{name}.png")
    (left,) = load(tmp_path, {**source, "group": "scene", "exclude": ["a"]})
    assert (left.id, left.group) == ("q/b", "q/s")
    error = refused(tmp_path, {**source, "exclude": ["c"]})
    assert (error.where, error.what) == (
        "data.sources.q.exclude",
        f"{tmp_path / 'q.json'} has no row with the id 'c'; known: 'a', 'b'")
    error = refused(tmp_path, {**source, "group": "scenes"})
    assert error.where == "data.sources.q.group"
    assert error.what.startswith("no question has the label 'scenes'; did you mean 'scene'?")
    error = refused(tmp_path, write(tmp_path, "llava", [question("v", video_path="v.mp4")]))
    assert error.what == f"1 file cannot be read\n  {tmp_path / 'v.mp4'}: there is no such file"


def test_a_conversation_is_several_questions_of_one_group(tmp_path: Path) -> None:
    noise(1).save(tmp_path / "a.png")
    turns = ["<image>\nWhere?", "left", "And what?", "a cup"]
    (tmp_path / "talk.json").write_text(json.dumps([{
        "id": "t", "image": "a.png", "conversations": [
            {"from": ("human", "gpt")[number % 2], "value": text}
            for number, text in enumerate(turns)],
    }]))
    source = {"kind": "questions", "format": "llava", "path": "talk.json"}
    spec = recipe({"q": source}, tasks={"none": {**SIDE, "label": "nothing"}})
    samples = load_samples(spec, recipe_dir=tmp_path, cache=tmp_path / "cache")
    assert [(s.id, s.group, s.labels["question"], s.labels["answer"]) for s in samples] == [
        ("q/t", "q/a.png", "Where?", "left"), ("q/t#2", "q/a.png", "And what?", "a cup")]


@pytest.mark.parametrize(("rows", "what"), [
    ([question("0")], "has no picture and no video"),
    ([question("0", image_path="a.png", video_path="v.mp4")], "has a picture and a video"),
    ([question("0", image_path="../a.png")], "the path '../a.png' leaves the media folder"),
    ([question("0", image_path="a.png"), question("0", image_path="b.png")],
     "another question has the same id"),
])
def test_a_question_that_cannot_be_used(
    tmp_path: Path, rows: list[ExchangeQuestion], what: str
) -> None:
    error = refused(tmp_path, write(tmp_path, "llava", rows))
    assert (error.where, error.what, error.fix) == (
        f"{tmp_path / 'q.json'}, question '0'", what,
        "correct these questions, or what the spec says in data.sources.q")


def test_pictures_are_all_in_the_file_or_none(tmp_path: Path) -> None:
    error = refused(tmp_path, write(tmp_path, "vlmevalkit", [
        question("0", picture=png(tmp_path, 1)), question("1", image_path="one.png")]))
    assert (error.where, error.what) == (
        str(tmp_path / "q.tsv"),
        "some questions hold their picture and others do not, such as '1'")


def test_a_file_without_questions_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text("[]")
    source = {"kind": "questions", "path": "q.json"}
    assert refused(tmp_path, {**source, "format": "llava"}).what == "holds no question"
    assert refused(tmp_path, {**source, "format": "datasets"}).what == "is no folder"
