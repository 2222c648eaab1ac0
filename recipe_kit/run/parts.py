"""How questions are dealt to the processes of a run, and their answers put into one log.

With several processes each appends to a part of its own beside the log,
`predictions-X.jsonl.part-RANK`, and the first one puts the parts into the log when all is answered.
A run that was killed leaves parts, and any number of processes goes on from them.
"""

import glob
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from recipe_kit.engine.base import Engine
from recipe_kit.record.files import read_rows, storage, write_rows
from recipe_kit.record.schemas import Prediction, Question


def part_of(log: Path, rank: int) -> Path:
    """The part of a log that a process appends to."""
    return log.with_name(f"{log.name}.part-{rank}")


def parts(log: Path) -> list[Path]:
    """The parts of a log that are there."""
    return sorted(log.parent.glob(f"{glob.escape(log.name)}.part-*"))


def logged(log: Path) -> dict[str, Prediction]:
    """What is answered, by question, in a log and its parts."""
    rows: dict[str, Prediction] = {}
    for path in [log, *parts(log)]:
        for row in read_rows(path, Prediction) if path.exists() else ():
            # Two processes may have answered the same after a kill; the first answer stays.
            rows.setdefault(row.question, row)
    return rows


def put_together(log: Path, questions: Sequence[Question]) -> None:
    """Writes the log as one process would have, and removes its parts; without any, nothing."""
    found = parts(log)
    if not found:
        return
    rows = logged(log)
    in_order = (question.id for group in by_medium(questions) for question in group)
    write_rows(log, tuple(rows[one] for one in in_order if one in rows))
    with storage(log):
        for path in found:
            path.unlink()


def by_medium(questions: Sequence[Question]) -> list[list[Question]]:
    """The questions asked of each medium, in the order in which an engine asks them."""
    media: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        media.setdefault((question.source, question.media), []).append(question)
    return list(media.values())


Batch = list[list[Question]]
"""The questions about each medium of a batch."""


def batches_left(
    engine: Engine, questions: Sequence[Question], done: set[str], size: int
) -> list[Batch]:
    """The batches that a resumed run asks.

    A server is asked what it has not answered, all at once. In this process the last bits of a
    probability depend on what stands in a batch, and a resumed run is to end with the same record:
    a batch that a kill cut short is asked as a whole again.

    Args:
        engine: Asks them.
        questions: All questions.
        done: The ids of those that are answered.
        size: Media in a batch.
    """
    if not engine.batched:
        left = [question for question in questions if question.id not in done]
        return [[left]] if left else []
    groups = iter(by_medium(questions))
    every: Iterator[Batch] = iter(lambda: list(islice(groups, size)), [])
    return [
        batch for batch in every
        if any(question.id not in done for group in batch for question in group)
    ]


def deal(batches: Sequence[Batch], processes: int) -> list[list[Question]]:
    """The questions that each process asks.

    Whole batches go round, so that they are made up as one process makes them up. Where the last
    round has fewer batches than there are processes, their media go round instead.
    """
    whole = len(batches) - len(batches) % processes
    rounds: list[list[Question]] = [
        [question for group in batch for question in group] for batch in batches[:whole]
    ]
    rounds += [group for batch in batches[whole:] for group in batch]
    return [
        [question for one in rounds[rank::processes] for question in one]
        for rank in range(processes)
    ]
