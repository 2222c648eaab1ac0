"""Asks a model all questions of a run, and goes on where an earlier attempt was stopped."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from recipe_kit.engine.base import Engine
from recipe_kit.record.files import Appender, read_rows
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.run.engines import engine_for, loaded_for
from recipe_kit.run.job import Job
from recipe_kit.run.judging import judged
from recipe_kit.run.plan import asked_blind
from recipe_kit.score.asked import Asked
from recipe_kit.spec.model import OtherModel

BLIND, VALIDATION = ".blind", ".val"
"""What the names of logs have before their ending: pictures blanked, or the validation samples."""


def ask_model(job: Job, folder: Path, model: OtherModel) -> None:
    """Asks a model as it is every benchmark, with and without pictures."""
    loaded = loaded_for(job, model)
    ask_all(job, folder, engine_for(job, model, loaded=loaded))
    ask_blind(job, folder, engine_for(job, model, loaded=loaded, blank=True))


def ask_all(job: Job, folder: Path, engine: Engine) -> None:
    """Logs an answer to every question of the benchmarks."""
    for name in job.recipe.benchmarks:
        ask_questions(job, name, engine, job.questions(name), folder / log_name(name))


def ask_blind(job: Job, folder: Path, engine: Engine) -> None:
    """Logs an answer without the picture to every question, where that is asked for."""
    for name in job.recipe.benchmarks:
        if asked_blind(job.recipe, name):
            # One order of the options is enough to see what the words alone give.
            once = tuple(question for question in job.questions(name) if question.rotation == 0)
            path = folder / log_name(name, BLIND)
            ask_questions(job, f"{name} blind", engine, once, path)


def ask_validation(job: Job, folder: Path, engine: Engine) -> None:
    """Logs an answer to every question that is asked of the validation samples."""
    for name, questions in job.validation_questions.items():
        path = folder / log_name(name, VALIDATION)
        ask_questions(job, f"{name} on validation", engine, questions, path)


def all_answered(job: Job, folder: Path, *, test: bool = True) -> bool:
    """Whether a folder has all answers to the benchmarks and on validation.

    Args:
        job: The run.
        folder: Where the answers are.
        test: Look at the benchmarks too, not only at validation.
    """
    wanted = {log_name(name, VALIDATION): q for name, q in job.validation_questions.items()}
    if test:
        wanted |= {log_name(name): job.questions(name) for name in job.recipe.benchmarks}
    return all(
        (folder / name).is_file() and len(read_rows(folder / name, Prediction)) == len(questions)
        for name, questions in wanted.items()
    )


def answers(job: Job, folder: Path, benchmark: str, *, blind: bool | None = None) -> Asked:
    """What was answered to a benchmark.

    Args:
        job: The run.
        folder: Where the answers are.
        benchmark: Its name.
        blind: Whether it was also asked without pictures; as the recipe says when not given.
    """
    seen = _logged(job, folder, log_name(benchmark))
    if not (asked_blind(job.recipe, benchmark) if blind is None else blind):
        return seen
    blank = _logged(job, folder, log_name(benchmark, BLIND))
    return Asked(seen.predictions, seen.place, blank.predictions, blank.place)


def validation_answers(job: Job, folder: Path, benchmark: str) -> Asked:
    """What was answered to a benchmark's questions on the validation samples."""
    return _logged(job, folder, log_name(benchmark, VALIDATION))


def log_name(benchmark: str, kind: str = "") -> str:
    """File name of a benchmark's predictions: `BLIND`, `VALIDATION`, or the usual ones."""
    return f"predictions-{benchmark}{kind}.jsonl"


def _logged(job: Job, folder: Path, name: str) -> Asked:
    place = folder.relative_to(job.layout.run.path) / name
    return Asked(read_rows(folder / name, Prediction), place.as_posix())


def ask_questions(
    job: Job, what: str, engine: Engine, questions: Sequence[Question], path: Path
) -> None:
    """Logs an answer to every question that the log has none to.

    Args:
        job: The run.
        what: What is asked, to show how far it is.
        engine: Asks the model.
        questions: The questions.
        path: The log.
    """
    with Appender(path) as log:
        done = {row.question for row in read_rows(path, Prediction)}
        left = left_to_ask(engine, questions, done, job.recipe.evaluation.batch_size)
        job.report.advance(f"{what}: answers", len(done), len(questions))
        for prediction in judged(job, left, engine.ask(left)):
            if prediction.question not in done:
                log.append(prediction)
                done.add(prediction.question)
                job.report.advance(f"{what}: answers", len(done), len(questions))


def left_to_ask(
    engine: Engine, questions: Sequence[Question], done: set[str], size: int
) -> tuple[Question, ...]:
    """The questions that a resumed run asks.

    A server is asked what it has not answered. In this process the last bits of a probability
    depend on what stands in a batch, and a resumed run is to end with the same record: a batch
    that a kill cut short is asked as a whole again.

    Args:
        engine: Asks them.
        questions: All questions.
        done: The ids of those that are answered.
        size: Media in a batch.
    """
    if not engine.batched:
        return tuple(question for question in questions if question.id not in done)
    media: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        media.setdefault((question.source, question.media), []).append(question)
    groups = iter(media.values())
    left: list[Question] = []
    while batch := [question for group in islice(groups, size) for question in group]:
        if any(question.id not in done for question in batch):
            left += batch
    return tuple(left)
