"""Asks a model all questions of a run, and goes on where an earlier attempt was stopped."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.load import LoadedModel
from recipe_kit.record.files import Appender, read_rows
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.run.job import Job
from recipe_kit.run.plan import Stage, asked_blind
from recipe_kit.score.outcome import Asked


def ask_all(job: Job, folder: Path, loaded: LoadedModel) -> None:
    """Logs an answer to every question, and one without the picture where that is asked for."""
    evaluation, read_media = job.recipe.evaluation, job.read_media
    engine = LocalEngine(loaded, evaluation, read_media)
    blinded = LocalEngine(loaded, evaluation, read_media, blank=True)
    for name in job.recipe.benchmarks:
        questions = job.questions(name)
        _ask(job, name, engine, questions, folder / log_name(name))
        if asked_blind(job.recipe, name):
            # One order of the options is enough to see what the words alone give.
            once = tuple(question for question in questions if question.rotation == 0)
            _ask(job, f"{name} blind", blinded, once, folder / log_name(name, blind=True))


def answers(job: Job, stage: Stage, benchmark: str) -> Asked:
    """What a stage's model answered to a benchmark."""
    folder = job.folder(stage)
    place = folder.relative_to(job.layout.run.path)
    seen = log_name(benchmark)
    found = Asked(read_rows(folder / seen, Prediction), (place / seen).as_posix())
    if not asked_blind(job.recipe, benchmark):
        return found
    blind = log_name(benchmark, blind=True)
    return Asked(
        found.predictions, found.place,
        read_rows(folder / blind, Prediction), (place / blind).as_posix(),
    )


def log_name(benchmark: str, *, blind: bool = False) -> str:
    """File name of a benchmark's predictions."""
    return f"predictions-{benchmark}{'.blind' if blind else ''}.jsonl"


def _ask(
    job: Job, what: str, engine: LocalEngine, questions: Sequence[Question], path: Path
) -> None:
    with Appender(path) as log:
        done = {row.question for row in read_rows(path, Prediction)}
        left = _whole_batches(questions, done, job.recipe.evaluation.batch_size)
        job.report.advance(f"{what}: answers", len(done), len(questions))
        for prediction in engine.ask(left):
            if prediction.question not in done:
                log.append(prediction)
                done.add(prediction.question)
                job.report.advance(f"{what}: answers", len(done), len(questions))


def _whole_batches(
    questions: Sequence[Question], done: set[str], size: int
) -> tuple[Question, ...]:
    """The questions of every batch of media that is not fully answered.

    A batch that a kill cut short is asked as a whole again, because the last bits of a probability
    depend on what stands in the batch, and a resumed run is to end with the same record.
    """
    media: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        media.setdefault((question.source, question.media), []).append(question)
    groups = iter(media.values())
    left: list[Question] = []
    while batch := [question for group in islice(groups, size) for question in group]:
        if any(question.id not in done for question in batch):
            left += batch
    return tuple(left)
