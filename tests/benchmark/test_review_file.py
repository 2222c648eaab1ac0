"""The review file: what a run adds, what a person writes, and what is never lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipe_kit.benchmark.review import (
    Decision,
    add_undecided,
    decisions_digest,
    read_decisions,
    record_decision,
)
from recipe_kit.errors import DataError


def line(name: str = "weather", **changed: Any) -> Decision:
    values: dict[str, Any] = {
        "question": f"av/vqa/drive/1/{name}", "sample": "drive/1", "asked": "What is it?",
        "options": ("Rain", "Fog"), "text_answer": "Rain", "vision_answer": "Fog",
    }
    return Decision(**values | changed)


KEPT = line(decision="keep", reason="Drops on the glass.", by="Ada")


def test_a_run_adds_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    assert read_decisions(path) == ()
    assert add_undecided(path, [line(), line("cars")]) == 2
    assert add_undecided(path, [line("cars"), line(), line("light")]) == 1
    assert [one.question.rsplit("/", 1)[1] for one in read_decisions(path)] == [
        "weather", "cars", "light",
    ]  # fmt: skip


def test_what_a_person_wrote_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    written = json.dumps(KEPT.model_dump(), indent=None, separators=(",", ":")).replace(
        "Ada", "Ad\\u00e4"
    )
    path.write_text(f"{written}\n\n{json.dumps(line('cars').model_dump())}")
    add_undecided(path, [line("light")])
    rows = path.read_text().split("\n")
    assert rows[:2] == [written, ""]
    assert len(rows) == 5
    assert rows[-1] == ""
    decided = line("cars", decision="remove", reason="Cannot be seen.", by="Bo")
    record_decision(path, decided)
    assert path.read_text().split("\n")[:2] == [written, ""]
    assert [one.decision for one in read_decisions(path)] == ["keep", "remove", ""]


def test_a_decision_may_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    record_decision(path, KEPT)
    record_decision(path, line("cars", decision="remove", reason="Dark.", by="Ada"))
    changed = line(decision="correct", answer="Fog", reason="It is fog.", by="Bo")
    record_decision(path, changed)
    assert read_decisions(path)[0] == changed
    assert len(read_decisions(path)) == 2


def test_a_changed_question_gets_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    record_decision(path, KEPT)
    now = line(text_answer="Fog", vision_answer="Rain")
    assert add_undecided(path, [now]) == 1
    assert read_decisions(path) == (KEPT, now)


def test_another_answer_of_the_model_does_not_undo_a_decision(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    record_decision(path, KEPT)
    assert add_undecided(path, [line(vision_answer="")]) == 0


def test_a_run_and_a_review_do_not_lose_each_others_lines(tmp_path: Path) -> None:
    path = tmp_path / "review.jsonl"
    names = [f"q{number}" for number in range(30)]
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda name: add_undecided(path, [line(name)]), names))
        list(workers.map(
            lambda name: record_decision(
                path, line(name, decision="keep", reason="Seen.", by="Ada")
            ), names,
        ))
    assert sorted(one.question for one in read_decisions(path)) == sorted(
        line(name).question for name in names
    )
    assert {one.decision for one in read_decisions(path)} == {"keep"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "review.jsonl:2: is not a line of JSON\n"
         "  To mend it: mend the line; `recipe review` writes it for you"),
        ('{"question": 3}', "review.jsonl:2: 'question': Input should be a valid string\n"
         "  To mend it: mend the line; `recipe review` writes it for you"),
        (line().model_dump() | {"note": ""}, "review.jsonl:2: unknown key 'note'\n"
         "  To mend it: known: question, sample, asked, options, text_answer, vision_answer, "
         "decision, answer, reason, by"),
        (line().model_dump() | {"decision": "yes"}, 'review.jsonl:2: the decision is "yes"\n'
         '  To mend it: write "keep", "correct" or "remove", or "" while it is open'),
        (line().model_dump() | {"decision": "keep"},
         "review.jsonl:2: the decision 'keep' has no reason\n  To mend it: write why in 'reason'"),
        (line().model_dump() | {"decision": "correct", "reason": "R", "answer": "Snow"},
         "review.jsonl:2: the right answer 'Snow' is none of the question's options\n"
         "  To mend it: write one of them in 'answer': Rain, Fog"),
        (line().model_dump() | {"decision": "keep", "reason": "R", "text_answer": ""},
         "review.jsonl:2: there is no answer from the annotations that could be kept\n"
         "  To mend it: write `correct` and the right answer, or `remove`"),
        (line().model_dump() | {"decision": "remove", "reason": "R", "answer": "Fog"},
         "review.jsonl:2: there is an answer, but the decision is 'remove'\n"
         "  To mend it: write `correct`, or take 'answer' out"),
        (line().model_dump() | {"answer": "Fog"},
         "review.jsonl:2: there is an answer, but nothing is decided\n"
         "  To mend it: write `correct`, or take 'answer' out"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_line(tmp_path: Path, row: str | dict[str, Any], message: str) -> None:
    path = tmp_path / "review.jsonl"
    text = row if isinstance(row, str) else json.dumps(row)
    path.write_text(f"{json.dumps(KEPT.model_dump())}\n{text}\n")
    with pytest.raises(DataError) as caught:
        read_decisions(path)
    assert str(caught.value).replace(f"{tmp_path}/", "") == message
    before = path.read_bytes()
    with pytest.raises(DataError):
        add_undecided(path, [line("light")])
    assert path.read_bytes() == before


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_any_words_come_back_as_they_were(tmp_path_factory: Any, reason: str, by: str) -> None:
    path = tmp_path_factory.mktemp("review") / "review.jsonl"
    decided = line(decision="remove", reason=f"R{reason}", by=by)
    record_decision(path, decided)
    record_decision(path, line("cars", decision="remove", reason="R", by=by))
    assert read_decisions(path)[0] == decided


def test_who_decided_and_why_changes_nothing_that_was_found_out() -> None:
    assert decisions_digest([line()]) == ""
    assert decisions_digest([KEPT]) == decisions_digest(
        [line("cars"), KEPT.model_copy(update={"reason": "R", "by": "Bo"})]
    )
    removed = line(decision="remove", reason="R", by="Bo")
    assert decisions_digest([KEPT]) != decisions_digest([removed])
