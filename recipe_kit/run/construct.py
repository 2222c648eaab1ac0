"""Makes benchmarks of pools: models answer, people decide on contradictions, the rest is frozen."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, Lock
from typing import NamedTuple

from recipe_kit.benchmark.construct import (
    LABELS,
    Pair,
    compare_answers,
    construction,
    freeze,
    from_annotations,
    undecided,
)
from recipe_kit.benchmark.questions import digest
from recipe_kit.benchmark.review import add_undecided
from recipe_kit.errors import DataError, RecordError
from recipe_kit.record.files import Appender, read_json, read_rows, write_json, write_rows
from recipe_kit.record.schemas import Construction, Prediction, Question, Sample
from recipe_kit.record.schemas.entry import Entry
from recipe_kit.run.answered import TEXT, VISION, answers_name, drawn_pairs, read_answers
from recipe_kit.run.engines import engine_for
from recipe_kit.run.job import Job, questions_name
from recipe_kit.run.parts import batches_left, deal
from recipe_kit.run.plan import Stage, answered_pools, review_path
from recipe_kit.spec.model import OtherModel
from recipe_kit.spec.tasks import Pool

_MOST_TOLD = 10  # decisions about questions that have changed


class Built(Entry):
    """How a benchmark was made, and the digest of its questions when they were frozen."""

    construction: Construction
    frozen: str


class _Asking(NamedTuple):
    """Questions for one model."""

    model: OtherModel
    text_only: bool
    questions: tuple[Question, ...]
    log: Path


def do_answers(job: Job, stage: Stage) -> None:
    """Asks the models that answer the questions of pools, from the annotations and the media."""
    for name, pool in answered_pools(job.recipe).items():
        drawn, questions = drawn_pairs(job.recipe, name, job.samples)
        untold = tuple(
            from_annotations(question, sample)
            for (sample, one), question in zip(drawn, questions, strict=True) if not one.right
        )
        logs = {kind: job.folder(stage) / answers_name(kind, name) for kind in (TEXT, VISION)}
        asked = []
        if pool.text and untold:
            asked.append(_Asking(pool.text, True, untold, logs[TEXT]))
        if pool.vision:
            asked.append(_Asking(pool.vision, False, questions, logs[VISION]))
        _ask(job, name, asked)


def do_benchmark(job: Job, stage: Stage) -> None:
    """Freezes the benchmarks that models answered too; stops where people have to decide first."""
    open_: list[str] = []
    for name, pool in answered_pools(job.recipe).items():
        path = review_path(job.recipe, name, job.layout.recipe_path.parent)
        pairs = read_answers(
            job.recipe, name, job.samples, job.folder(job.plan.of("answers"))
        ).pairs(path)
        _tell_outdated(job, pairs)
        left = [pair for pair in pairs if pair.standing == "undecided"]
        add_undecided(path, [undecided(pair) for pair in left])
        if left and pool.undecided == "stop":
            open_.append(f"{len(left)} of {len(pairs)} in {name} ({path})")
            continue
        questions = freeze(name, job.recipe, job.samples, pairs)
        if not questions:
            raise DataError(
                f"none of the {len(pairs)} questions that were drawn is left",
                where=f"benchmarks.{name}.pool", fix="see why in the review file",
            )
        write_rows(job.folder(stage) / questions_name(name), questions)
        built = _write(
            job.folder(stage), name, pool, pairs, questions,
            text=_called(pool.text) if any(not p.drawn.right for p in pairs) else LABELS,
            vision=_called(pool.vision),
        )
        job.report.note(
            f"{name}: {built.agreed} verified, {built.kept} kept, {built.corrected} corrected, "
            f"{built.removed} removed, {built.undecided} undecided and left out"
        )
    if open_:
        raise DataError(
            f"answers contradict each other, and nobody has decided: {'; '.join(open_)}",
            where="benchmarks",
            fix=f"`recipe review {job.layout.recipe_path}` shows each with its frames and records "
            "your decision, then run again; or write `undecided: remove` to leave them out",
        )


def write_labeled(
    job: Job, folder: Path, name: str, samples: Sequence[Sample], questions: Sequence[Question]
) -> None:
    """Writes how a benchmark was made whose pool the labels alone answer."""
    pool = job.recipe.benchmarks[name].pool
    if pool is not None:
        drawn, asked = drawn_pairs(job.recipe, name, samples)
        pairs = compare_answers(pool, drawn, asked, {}, {}, ())
        _write(folder, name, pool, pairs, questions, text=LABELS, vision="")


def built(job: Job) -> dict[str, Built]:
    """How each benchmark of a pool was made.

    Raises:
        RecordError: The questions are no longer those that were frozen.
    """
    found = {}
    for name, benchmark in job.recipe.benchmarks.items():
        if benchmark.pool is None:
            continue
        stage = job.plan.of("benchmark" if benchmark.pool.answered else "data")
        one = read_json(job.folder(stage) / _built(name), Built)
        if digest(job.questions(name)) != one.frozen:
            raise RecordError(
                "was changed after it was frozen",
                where=str(job.folder(stage) / questions_name(name)),
                fix="Delete the folder it is in and run `recipe run` again.",
            )
        found[name] = one
    return found


def _write(
    folder: Path, name: str, pool: Pool, pairs: Sequence[Pair], questions: Sequence[Question],
    *, text: str, vision: str,
) -> Construction:
    made = construction(pool, pairs, questions, text=text, vision=vision)
    write_json(folder / _built(name), Built(construction=made, frozen=digest(questions)))
    return made


def _tell_outdated(job: Job, pairs: Sequence[Pair]) -> None:
    outdated = [(pair, pair.outdated) for pair in pairs if pair.outdated]
    for pair, decision in outdated[:_MOST_TOLD]:
        job.report.note(
            f"{pair.id}: the question has changed since '{decision.decision}' was decided; it is "
            "to be decided again"
        )
    if len(outdated) > _MOST_TOLD:
        job.report.note(f"and {len(outdated) - _MOST_TOLD} more")


def _ask(job: Job, name: str, asked: Sequence[_Asking]) -> None:
    """Asks every model: servers at the same time, models in this process one after another."""
    total = sum(len(one.questions) for one in asked)
    stop, lock, done = Event(), Lock(), 0

    def told(more: int) -> None:
        nonlocal done
        with lock:
            done += more
            job.report.advance(f"{name}: answers", done, total)

    here = [one for one in asked if one.model.endpoint is None]
    servers = [[one] for one in asked if one.model.endpoint is not None]
    lines = [line for line in (here, *servers) if line]
    if len(lines) == 1:
        _ask_line(job, lines[0], told, stop)
        return
    with ThreadPoolExecutor(max(1, len(lines)), thread_name_prefix="answers") as workers:
        try:
            running = [workers.submit(_ask_line, job, line, told, stop) for line in lines]
            finished, _ = wait(running, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()  # whatever ended this ends the others, after the answer they wait for
    for one in (*finished, *running):
        one.result()


def _ask_line(
    job: Job, line: Sequence[_Asking], told: Callable[[int], None], stop: Event
) -> None:
    for one in line:
        engine = engine_for(job, one.model, text_only=one.text_only)
        with Appender(one.log) as log:
            done = {row.question for row in read_rows(one.log, Prediction)}
            told(len(done))
            size = job.recipe.evaluation.batch_size
            (left,) = deal(batches_left(engine, one.questions, done, size), 1)
            for prediction in engine.ask(left):
                if prediction.question not in done:
                    log.append(prediction)
                    done.add(prediction.question)
                    told(1)
                if stop.is_set():
                    return


def _called(model: OtherModel | None) -> str:
    """A model's name for the page; of a folder on this machine, only its own."""
    if model is None:
        return ""
    if model.title:
        return model.title
    if model.base == "tiny" and model.endpoint is None:
        return "recipe_kit's embedded tiny model"
    return Path(model.base).name if Path(model.base).is_absolute() else model.base


def _built(benchmark: str) -> str:
    return f"construction-{benchmark}.json"
