"""The review file: one line of JSON for each contradiction, decided by people.

A run adds the contradictions that the file lacks, and takes nothing out; a person writes the
decision, in an editor or in `recipe review`. Lines are never reordered.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, ValidationError

from recipe_kit.errors import DataError
from recipe_kit.record.files import digest, write_atomic
from recipe_kit.record.schemas.entry import Entry


class Decision(Entry):
    """A contradiction, and what was decided about it."""

    model_config = ConfigDict(strict=True)

    question: str  # id: "<benchmark>/<task>/<sample id>/<name in the pool>"
    sample: str
    asked: str  # the question's words
    options: tuple[str, ...]  # all that the question has, those that are shown first
    text_answer: str  # from the annotations; empty if nobody could tell
    vision_answer: str  # from the medium; empty if no answer could be read
    decision: Literal["", "keep", "correct", "remove"] = ""  # empty: not decided
    answer: str = ""  # the right option, where the decision is "correct"
    reason: str = ""
    by: str = ""  # who decided


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """The lines of a review file; none where there is no file.

    Raises:
        DataError: A line is not what it should be; the message names it.
    """
    return tuple(decision for _, decision in _lines(path))


def same_question(one: Decision, other: Decision) -> bool:
    """Whether two lines are about the same question, with the same answer from the annotations.

    What the model that sees the video said may be another answer now: that changes no truth.
    """
    return (
        (one.question, one.asked, one.text_answer)
        == (other.question, other.asked, other.text_answer)
        and set(one.options) == set(other.options)
    )


def add_undecided(path: Path, found: Sequence[Decision]) -> int:
    """Adds the contradictions that a review file lacks, below what is there.

    Args:
        path: The file.
        found: Contradictions that nobody has decided.

    Returns:
        How many were added.
    """
    with _alone(path):
        there: dict[str, list[Decision]] = {}
        for one in read_decisions(path):
            there.setdefault(one.question, []).append(one)
        new = [
            one for one in found
            if not any(same_question(other, one) for other in there.get(one.question, ()))
        ]
        if new:
            _write(path, [*_rows(path), *map(_line, new)])
    return len(new)


def record_decision(path: Path, decided: Decision) -> None:
    """Writes a decision into its line, or below the others; every other line stays as it is."""
    check_decision(decided, where=str(path))
    with _alone(path):
        rows = _rows(path)
        places = [number for number, one in _lines(path) if same_question(one, decided)]
        if places:
            rows[places[-1]] = _line(decided)
        else:
            rows.append(_line(decided))
        _write(path, rows)


def decisions_digest(decisions: Iterable[Decision]) -> str:
    """Digest of what was decided; empty where nothing was. Who did, and why, changes nothing."""
    made = [
        one.model_dump(mode="json", exclude={"reason", "by", "vision_answer"})
        for one in decisions if one.decision
    ]
    return digest(sorted(made, key=lambda one: json.dumps(one))) if made else ""


def check_decision(one: Decision, *, where: str) -> None:
    """Refuses a decision that cannot be followed.

    Raises:
        DataError: It has no reason, or its answer is none of the options.
    """
    if one.decision and not one.reason.strip():
        raise DataError(f"the decision '{one.decision}' has no reason", where=where,
                        fix="write why in 'reason'")
    if one.decision == "correct" and one.answer not in one.options:
        raise DataError(
            f"the right answer '{one.answer}' is none of the question's options", where=where,
            fix=f"write one of them in 'answer': {', '.join(one.options)}",
        )
    if one.decision == "keep" and not one.text_answer:
        raise DataError("there is no answer from the annotations that could be kept", where=where,
                        fix="write `correct` and the right answer, or `remove`")
    if one.decision in ("keep", "remove", "") and one.answer:
        said = f"the decision is '{one.decision}'" if one.decision else "nothing is decided"
        raise DataError(f"there is an answer, but {said}", where=where,
                        fix="write `correct`, or take 'answer' out")


def _lines(path: Path) -> list[tuple[int, Decision]]:
    """Index of each row that holds something, and what."""
    found = []
    for number, row in enumerate(_rows(path)):
        if not row.strip():
            continue
        where = f"{path}:{number + 1}"
        try:
            one = Decision.model_validate_json(row)
        except ValidationError as error:
            raise _damaged(error, where) from error
        check_decision(one, where=where)
        found.append((number, one))
    return found


def _damaged(error: ValidationError, where: str) -> DataError:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(Decision.model_fields)
        return DataError(f"unknown key '{place}'", where=where, fix=f"known: {known}")
    if first["type"] == "literal_error":
        return DataError(f"the decision is {json.dumps(first['input'])}", where=where,
                         fix='write "keep", "correct" or "remove", or "" while it is open')
    what = f"'{place}': {first['msg']}" if place else "is not a line of JSON"
    return DataError(what, where=where, fix="mend the line; `recipe review` writes it for you")


def _rows(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise DataError("is not UTF-8", where=str(path), fix="save the file as UTF-8") from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from error
    rows = text.replace("\r\n", "\n").split("\n")
    return rows[:-1] if rows[-1] == "" else rows


def _line(one: Decision) -> str:
    return json.dumps(one.model_dump(), ensure_ascii=False)


def _write(path: Path, rows: Sequence[str]) -> None:
    write_atomic(path, "".join(f"{row}\n" for row in rows))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keeps a run and a review from writing at the same time, which would lose a line."""
    # The folder, because the file itself is replaced by every writing.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
