"""Asks a model all questions of a run, and goes on where an earlier attempt was stopped."""

from collections.abc import Sequence
from pathlib import Path

from recipe_kit.engine.base import Engine
from recipe_kit.record.files import Appender, read_rows
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.run.engines import engine_for, loaded_for
from recipe_kit.run.job import Job
from recipe_kit.run.judging import judged
from recipe_kit.run.parts import batches_left, deal, logged, part_of, parts, put_together
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
    """Whether a folder has all answers to the benchmarks and on validation; the first one looks.

    Args:
        job: The run.
        folder: Where the answers are.
        test: Look at the benchmarks too, not only at validation.
    """
    return job.world.broadcast(job.world.first and _all_answered(job, folder, test))


def _all_answered(job: Job, folder: Path, test: bool) -> bool:
    wanted = {log_name(name, VALIDATION): q for name, q in job.validation_questions.items()}
    if test:
        wanted |= {log_name(name): job.questions(name) for name in job.recipe.benchmarks}
    return all(
        (folder / name).is_file() and not parts(folder / name)
        and len(read_rows(folder / name, Prediction)) == len(questions)
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
    """Logs an answer to every question that the log has none to; every process asks its share.

    A server is asked by the first process alone: how many requests it bears is a setting of its
    own, and does not grow with the processes here.

    Args:
        job: The run.
        what: What is asked, to show how far it is.
        engine: Asks the model.
        questions: The questions.
        path: The log.
    """
    world = job.world
    # Where files are shared by several machines, the first one alone sees them as they are.
    done, shares = world.broadcast(
        _shared_out(job, engine, questions, path) if world.first else (set(), [])
    )
    by_id = {question.id: question for question in questions}
    mine = [by_id[one] for one in shares[world.rank]]
    begun, own = len(done), 0
    with Appender(path if world.size == 1 else part_of(path, world.rank)) as log:
        job.report.advance(f"{what}: answers", begun, len(questions))
        for prediction in judged(job, mine, engine.ask(mine)) if mine else ():
            own += 1
            if prediction.question not in done:
                log.append(prediction)
                done.add(prediction.question)
                # The others are about as far as this one.
                far = len(done) if world.size == 1 else (
                    begun + (len(questions) - begun) * own // len(mine)
                )
                job.report.advance(f"{what}: answers", far, len(questions))
    world.barrier()
    if world.first:
        put_together(path, questions)
    world.barrier()


def _shared_out(
    job: Job, engine: Engine, questions: Sequence[Question], path: Path
) -> tuple[set[str], list[list[str]]]:
    """The ids of the questions that are answered, and of those that each process asks."""
    done = set(logged(path))
    left = batches_left(engine, questions, done, job.recipe.evaluation.batch_size)
    shares = deal(left, job.world.size if engine.batched else 1)
    shares += [[] for _ in range(job.world.size - len(shares))]
    return done, [[question.id for question in share] for share in shares]
