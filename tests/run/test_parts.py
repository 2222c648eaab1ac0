"""How questions are dealt to processes, and their answers put into one log."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from recipe_kit.record.files import read_rows, write_rows
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.run.parts import batches_left, deal, logged, part_of, parts, put_together

HERE, SERVER = SimpleNamespace(batched=True), SimpleNamespace(batched=False)


def question(name: str) -> Question:
    """`a1` is the first question about the medium `a`."""
    return Question(
        id=name, benchmark="b", task="t", task_type="binary", sample=name[0], source="s",
        media=name[0], media_sha256="", prompt="p", choices=("Yes", "No"), reference="Yes",
    )


def answer(name: str, text: str = "Yes") -> Prediction:
    return Prediction(
        question=name, text=text, answer=text, probabilities={}, mass=1, confidence=1, prompt="p",
        model="m", revision="r", timestamp="", latency_s=0, digest="d",
    )


QUESTIONS = tuple(map(question, ("a1", "b1", "c1", "d1", "e1", "a2", "b2", "c2")))


def ids(found: list[list[Question]]) -> list[str]:
    return [" ".join(one.id for one in each) for each in found]


@pytest.mark.parametrize(("size", "processes", "shares"), [
    (8, 1, ["a1 a2 b1 b2 c1 c2 d1 e1"]),
    (2, 1, ["a1 a2 b1 b2 c1 c2 d1 e1"]),
    # Two whole batches, and the media of the one that is left over.
    (2, 2, ["a1 a2 b1 b2 e1", "c1 c2 d1"]),
    (1, 2, ["a1 a2 c1 c2 e1", "b1 b2 d1"]),
    # Fewer batches than processes.
    (4, 3, ["a1 a2 d1", "b1 b2 e1", "c1 c2"]),
    (8, 6, ["a1 a2", "b1 b2", "c1 c2", "d1", "e1", ""]),
])
def test_whole_batches_go_round(size: int, processes: int, shares: list[str]) -> None:
    assert ids(deal(batches_left(HERE, QUESTIONS, set(), size), processes)) == shares


@pytest.mark.parametrize(("engine", "done", "left"), [
    (HERE, "a1 a2 b1 b2", ["c1 c2 d1 e1"]),
    # A batch of which something is missing is asked as a whole.
    (HERE, "a1 a2 b1 c1 c2 d1", ["a1 a2 b1 b2 e1"]),
    (HERE, "a1 a2 b1 b2 c1 c2 d1 e1", [""]),
    (SERVER, "a1 b1 c1 d1", ["e1 a2 b2 c2"]),
])
def test_what_is_answered_is_not_asked_again(engine: object, done: str, left: list[str]) -> None:
    assert ids(deal(batches_left(engine, QUESTIONS, set(done.split()), 2), 1)) == left


def test_parts_become_the_log_that_one_process_writes(tmp_path: Path) -> None:
    log = tmp_path / "predictions-b.jsonl"
    write_rows(log, (answer("a1"),))
    write_rows(part_of(log, 0), tuple(map(answer, ("e1", "a2"))))
    write_rows(part_of(log, 10), (answer("c2"), answer("b1"), answer("a2", "No")))
    with part_of(log, 10).open("a") as file:
        file.write('{"question": "d1", "te')  # a process was killed
    assert sorted(logged(log)) == ["a1", "a2", "b1", "c2", "e1"]

    put_together(log, QUESTIONS)
    assert [row.question for row in read_rows(log, Prediction)] == ["a1", "a2", "b1", "c2", "e1"]
    assert logged(log)["a2"].text == "Yes"  # the first answer stays
    assert parts(log) == []


def test_without_parts_the_log_stays_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "predictions-b.jsonl"
    write_rows(log, (answer("e1"), answer("a1")))
    before = log.read_bytes()
    put_together(log, QUESTIONS)
    assert log.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["predictions-b.jsonl"]


@pytest.mark.parametrize("name", ["predictions-[b].jsonl", "predictions-b.jsonl"])
def test_the_parts_of_another_log_are_not_taken(tmp_path: Path, name: str) -> None:
    log = tmp_path / name
    for other in (tmp_path / "predictions-b.val.jsonl", tmp_path / "predictions-c.jsonl"):
        write_rows(part_of(other, 0), (answer("a1"),))
    write_rows(part_of(log, 2), (answer("b1"),))
    assert [path.name for path in parts(log)] == [f"{name}.part-2"]
    assert list(logged(log)) == ["b1"]
