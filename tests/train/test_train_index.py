"""The index of a training's samples, and the plan that is made of it."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_model import CRACKED, recipe, samples

from recipe_kit.errors import DataError, RecordError
from recipe_kit.record.files import write_rows
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train import index as index_module
from recipe_kit.train import indexing, order, plan
from recipe_kit.train.examples import examples
from recipe_kit.train.index import Index, open_index
from recipe_kit.train.indexing import CHECK, NAME, make_index
from recipe_kit.train.plan import Plan, make_plan


def ids(made: Plan, *steps: int) -> list[list[str]]:
    return [[item.example.sample.id for item in made.items(step)] for step in steps]


def test_a_plan_is_what_it_always_was() -> None:
    """Checkpoints of before name it by this digest: these values must not be changed."""
    made = make_plan(recipe(batch_size=4, accumulate=2, epochs=2), samples(19, val=3), {})
    assert made.digest == "4570b7a80cad2036d418604e644d124d8403039ef76c31c903eed1235b0bc04f"
    assert (made.steps, made.questions_in_epoch()) == (6, 38)
    assert made.triple() == {"image_path": "14.png", "prompt": CRACKED, "target": "No"}
    assert ids(made, 0, 2, 5) == [
        ["table/14", "table/7", "table/4", "table/11", "table/8", "table/10", "table/6",
         "table/16"],
        ["table/18", "table/3", "table/2"],
        ["table/3", "table/9", "table/10"],
    ]


def test_a_plan_of_a_blend_is_what_it_always_was() -> None:
    spec = recipe(sources=("drawn", "real"), batch_size=5, max_samples=14, seed=3,
                  validate={"max_samples": 2})
    every = (*samples(30, val=5, source="drawn"), *samples(10, source="real"))
    made = make_plan(spec, every, {"drawn": 0.7, "real": 0.3})
    assert made.digest == "b3c615bc2862cff6633c1496d1304c791bd8d923bdb60d85a2b1f18e21d5510d"
    assert (made.per_epoch, made.steps) == ({"drawn": 10, "real": 4}, 9)
    assert {name: len(own) for name, own in made.sources.items()} == {"drawn": 9, "real": 5}
    assert ids(made, 0, 2, 5) == [
        ["drawn/5", "real/6", "drawn/6", "drawn/19", "drawn/26"],
        ["drawn/23", "drawn/19", "drawn/14", "drawn/20"],
        ["real/6", "drawn/6", "real/0", "drawn/26"],
    ]
    assert [example.sample.id for example in made.val] == ["drawn/30", "drawn/31"]
    assert made.questions_in_epoch() == 28


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.builds(
    Sample, id=TEXTS, source=st.sampled_from(["a", "b"]), media=TEXTS, sha256=TEXTS,
    split=st.sampled_from(["train", "val", "test", ""]), part=TEXTS,
    labels=st.fixed_dictionaries({}, optional={
        "cracked": st.sampled_from(["Yes", "No"]), "severity": st.integers(1, 5)}),
    prompt=st.none() | TEXTS, target=st.none() | TEXTS, width=st.integers(0, 9),
), max_size=12, unique_by=lambda sample: sample.id))
def test_what_is_read_of_an_index_is_what_was_put_in(every: list[Sample]) -> None:
    used = sorted((s for s in every if s.split in ("train", "val")), key=lambda s: s.id)
    spec, index = recipe(), Index.of(recipe(), every)
    assert len(index) == len(used)
    assert [index.sample(row) for row in range(len(index))] == used
    taught = [row for row in range(len(index)) if index.questions[row]]
    assert tuple(index.example(row) for row in taught) == examples(spec, used)
    for sample in used:
        found = index.find(sample.source, sample.media)
        assert found is not None
        assert (found.source, found.media) == (sample.source, sample.media)
    assert index.find("c", "") is None
    assert [s for split in ("train", "val") for s in index.samples(split)] == [
        *(s for s in used if s.split == "train"), *(s for s in used if s.split == "val")
    ]


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches, several blocks, several processes, of few samples."""
    monkeypatch.setattr(index_module, "ROWS", 7)
    monkeypatch.setattr(indexing, "ROWS", 7)
    monkeypatch.setattr(indexing, "BLOCK", 1_000)
    monkeypatch.setattr(indexing, "CORES", 2)


def written(folder: Path, every: tuple[Sample, ...]) -> Path:
    write_rows(folder / "samples.jsonl", every)
    return folder / "samples.jsonl"


@pytest.mark.parametrize("few", [0, 1000], ids=["processes", "one process"])
def test_an_index_in_a_file_is_the_one_in_memory(
    small_batches: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, few: int
) -> None:
    monkeypatch.setattr(indexing, "FEW", few)
    every = (*samples(40, val=10, source="b"), *samples(30, source="a"))
    spec = recipe(sources=("a", "b"), batch_size=4)
    told: list[tuple[int, int]] = []
    assert make_index(spec, written(tmp_path, every), tmp_path,
                      progress=lambda *done: told.append(done))
    assert len(told) > 8
    assert told[-1] == (len(told), len(told))
    one, other = open_index(tmp_path / NAME), Index.of(spec, every)
    rows = range(len(other))
    assert [one.example(row) for row in rows] == [other.example(row) for row in rows]
    assert make_plan(spec, one, {}).digest == make_plan(spec, other, {}).digest
    assert one.digest(np.arange(5, 60, 3)) == other.digest(np.arange(5, 60, 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, CHECK, "samples.jsonl"]


def test_an_index_is_written_once(tmp_path: Path) -> None:
    path = written(tmp_path, samples(9))
    assert make_index(recipe(), path, tmp_path)
    before = (tmp_path / NAME).stat().st_mtime_ns
    assert not make_index(recipe(epochs=9), path, tmp_path)
    assert (tmp_path / NAME).stat().st_mtime_ns == before
    # Other samples, other questions, or a file that is not whole: anew.
    assert make_index(recipe(tasks=["cracked"]), path, tmp_path)
    assert make_index(recipe(tasks=["cracked"]), written(tmp_path, samples(8)), tmp_path)
    content = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(content[:-100])
    with pytest.raises(RecordError, match="is missing or damaged"):
        open_index(tmp_path / NAME)
    assert make_index(recipe(tasks=["cracked"]), path, tmp_path)
    assert (tmp_path / NAME).read_bytes() == content


@pytest.mark.parametrize("place", [0.01, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", [NAME, CHECK])
def test_a_damaged_index_is_written_anew(tmp_path: Path, name: str, place: float) -> None:
    """Arrow itself notices few of such damages."""
    path = written(tmp_path, samples(200))
    make_index(recipe(), path, tmp_path)
    before = {one: (tmp_path / one).read_bytes() for one in (NAME, CHECK)}
    spoiled = bytearray(before[name])
    at = int(place * len(spoiled))
    spoiled[at : at + 8] = b"\x00\xff" * 4
    (tmp_path / name).write_bytes(spoiled)
    assert make_index(recipe(), path, tmp_path)
    assert {one: (tmp_path / one).read_bytes() for one in (NAME, CHECK)} == before
    assert not make_index(recipe(), path, tmp_path)


@pytest.mark.parametrize("spoil", [
    lambda lines: lines.__setitem__(20, b'{"id": 3}\n'),
    lambda lines: lines.__setitem__(20, b"{\n"),
])  # fmt: skip
def test_a_line_that_is_no_sample_is_named(
    small_batches: None, tmp_path: Path, spoil: Callable[[list[bytes]], Any]
) -> None:
    path = written(tmp_path, samples(60))
    lines = path.read_bytes().splitlines(keepends=True)
    spoil(lines)
    path.write_bytes(b"".join(lines))
    with pytest.raises(RecordError) as caught:
        make_index(recipe(), path, tmp_path)
    assert caught.value.where == f"{path}:21"
    assert [one.name for one in tmp_path.iterdir()] == ["samples.jsonl"]


def test_a_label_that_no_task_knows_is_named_by_a_process(
    small_batches: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(indexing, "FEW", 0)
    wrong = Sample(id="x", source="table", media="x", labels={"cracked": "Maybe"}, split="train")
    path = written(tmp_path, (*samples(30), wrong))
    with pytest.raises(DataError) as caught:
        make_index(recipe(), path, tmp_path)
    assert caught.value.where == "sample 'x'"
    assert [one.name for one in tmp_path.iterdir()] == ["samples.jsonl"]


def test_what_a_killed_process_left_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, samples(5))
    path.write_bytes(path.read_bytes() + samples(6)[5].model_dump_json().encode()[:-9])
    make_index(recipe(), path, tmp_path)
    assert len(open_index(tmp_path / NAME)) == 5


@pytest.mark.parametrize("in_file", [False, True])
def test_an_index_can_be_sent_to_another_process(tmp_path: Path, in_file: bool) -> None:
    index = Index.of(recipe(), samples(5))
    if in_file:
        make_index(recipe(), written(tmp_path, samples(5)), tmp_path)
        index = open_index(tmp_path / NAME)
    sent = pickle.dumps(index.find)
    assert len(sent) < 1_000 or not in_file
    assert pickle.loads(sent)("table", "3.png") == samples(5)[3]


def keyed(monkeypatch: pytest.MonkeyPatch, least: int) -> None:
    """More samples than `least` are many."""
    monkeypatch.setattr(order, "TABLE", least)
    monkeypatch.setattr(plan, "TABLE", least)


def test_the_digest_of_many_depends_on_what_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    keyed(monkeypatch, 10)

    def named(spec: Recipe, every: tuple[Sample, ...]) -> str:
        return make_plan(spec, every, {}).digest

    first = named(recipe(), samples(20, val=2))
    assert named(recipe(), samples(20, val=2)[::-1]) == first
    assert named(recipe(workers=3, checkpoint_every=1), samples(20, val=2)) == first
    others = {
        named(recipe(), samples(20, val=3)), named(recipe(), samples(21, val=2)),
        named(recipe(learning_rate=1e-3), samples(20, val=2)),
        named(recipe(tasks=["cracked"]), samples(20, val=2)),
        named(recipe(), (*samples(19, val=2),
                         samples(20)[19].model_copy(update={"id": "x", "sha256": "other"}))),
    }
    assert len({first, *others}) == 6
    assert all(len(digest) == 64 for digest in (first, *others))


def test_an_epoch_of_many_has_every_sample_once(monkeypatch: pytest.MonkeyPatch) -> None:
    keyed(monkeypatch, 10)
    made = make_plan(recipe(batch_size=8, epochs=2), samples(50), {})
    for epoch in range(2):
        steps = range(epoch * made.steps_per_epoch, (epoch + 1) * made.steps_per_epoch)
        seen = [name for step in ids(made, *steps) for name in step]
        assert sorted(seen) == sorted(sample.id for sample in samples(50))
    assert ids(made, 0) != ids(made, made.steps_per_epoch)
    assert made.questions_in_epoch() == 100


def test_a_step_is_for_all_devices() -> None:
    made = make_plan(recipe(batch_size=2, accumulate=3, devices=4), samples(50), {})
    assert (made.per_step, made.steps_per_epoch) == (24, 3)
    assert [len(step) for step in ids(made, 0, 1, 2)] == [24, 24, 2]


def test_a_stand_in_is_of_the_same_source_and_of_its_place() -> None:
    every = (*samples(40, source="a"), *samples(40, source="b"))
    made = make_plan(recipe(sources=("a", "b"), batch_size=8), every, {})
    items = [item for step in range(made.steps) for item in made.items(step)]
    others = [made.instead(item, 0) for item in items]
    assert others == [made.instead(item, 0) for item in items]
    assert [one.example.sample.source for one in others] == [item.source for item in items]
    assert {one.position for one in others} == set(range(80))
    assert len({one.example.sample.id for one in others}) > 30
    assert others != [made.instead(item, 1) for item in items]
