"""What each stage does: reads what earlier stages wrote, and writes its own folder."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from pydantic import BaseModel

from recipe_kit.benchmark.questions import build
from recipe_kit.data.audit import audit
from recipe_kit.data.facts import measure
from recipe_kit.data.sources import load_samples
from recipe_kit.data.splits import assign
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.load import LoadedModel
from recipe_kit.record.files import Appender, read_json, read_rows, write_json, write_rows
from recipe_kit.record.schemas import (
    GateResult,
    Prediction,
    Question,
    Sample,
    TrainingResult,
    Validation,
)
from recipe_kit.run.job import Job
from recipe_kit.run.outcome import compare_all
from recipe_kit.run.plan import Kind, Stage
from recipe_kit.score.gate import decide
from recipe_kit.score.metrics import score
from recipe_kit.train.checkpoint import load_tuned
from recipe_kit.train.examples import examples, training_samples, validation_questions
from recipe_kit.train.log import Step
from recipe_kit.train.loop import Accuracy, train


class Seconds(BaseModel):
    """How long a benchmark took to ask, over all attempts."""

    seconds: dict[str, float] = {}


def do_data(job: Job, stage: Stage) -> None:
    """Reads, splits and audits the samples, and freezes the questions."""
    recipe, folder = job.recipe, job.folder(stage)
    job.report.advance("reading samples", 0, 4)
    loaded = load_samples(
        recipe, recipe_dir=job.layout.recipe_path.parent, cache=job.layout.cache
    )
    job.report.advance("dividing them", 1, 4)
    samples = assign(loaded, recipe)
    job.report.advance("looking for duplicates", 2, 4)
    found = audit(samples, job.roots, recipe)
    job.report.advance("measuring", 3, 4)
    facts = measure(samples, job.roots, found, recipe)
    used = tuple(sample for sample in samples if sample.split)
    for name in recipe.benchmarks:
        write_rows(folder / f"questions-{name}.jsonl", build(name, recipe, used))
    write_rows(folder / "samples.jsonl", used)
    write_json(folder / "facts.json", facts)
    counts = ", ".join(f"{count} {split}" for split, count in facts.splits.items())
    job.report.note(f"{len(used)} samples: {counts}")


def do_zero_shot(job: Job, stage: Stage) -> None:
    """Asks the base model all questions."""
    _ask_all(job, job.folder(stage), job.load())


def do_gate(job: Job, stage: Stage) -> None:
    """Compares the zero-shot scores with the targets."""
    recipe = job.recipe
    questions = job.questions(recipe.gate.benchmark)
    predictions = job_predictions(job, job.plan.of("zero-shot"), recipe.gate.benchmark)
    scores = score(
        questions, predictions,
        bootstrap=recipe.evaluation.bootstrap, seed=recipe.evaluation.seed,
    )
    result = decide(recipe.gate, scores)
    write_json(job.folder(stage) / "gate.json", result)
    for target in result.targets:
        value = "undefined" if target.score.value is None else f"{target.score.value:.3f}"
        verdict = "met" if target.met else "missed"
        job.report.note(
            f"{target.task} {target.metric} {value}, {target.comparison} {target.threshold:g}: "
            f"{verdict}"
        )
    job.report.note(
        "the base model is enough: no fine-tuning" if result.enough else "fine-tuning is warranted"
    )


def gate_result(job: Job) -> GateResult:
    """What the gate decided."""
    return read_json(job.folder(job.plan.of("gate")) / "gate.json", GateResult)


def do_train(job: Job, stage: Stage) -> None:
    """Fine-tunes, choosing the checkpoint on the validation samples."""
    folder = job.folder(stage)
    blend = dict(stage.blend)
    first = _write_dataset(job, folder, blend)
    result = train(
        job.load(), job.recipe, job.samples,
        role=stage.role, blend=blend, read_media=job.read_media, folder=folder,
        validate=_validator(job), progress=lambda event: _show(job, event),
    )
    place = folder.relative_to(job.layout.run.path) / result.checkpoint
    result = result.model_copy(update={"checkpoint": place.as_posix(), "triple": first})
    write_json(folder / "training.json", result)
    job.report.note(f"{result.stopped}; the best checkpoint is after step {result.best_step}")


def training_result(job: Job, role: str) -> TrainingResult:
    """What a training did."""
    return read_json(job.folder(job.plan.of("train", role)) / "training.json", TrainingResult)


def do_again(job: Job, stage: Stage) -> None:
    """Asks the fine-tuned model the same questions."""
    checkpoint = job.layout.run.path / training_result(job, stage.role).checkpoint
    _ask_all(job, job.folder(stage), load_tuned(job.load(), checkpoint))


def do_comparison(job: Job, stage: Stage) -> None:
    """Scores everything, compares before and after, and picks the page's pictures."""
    roles = [] if gate_result(job).enough else list(job.plan.roles)
    stages = {"base": job.plan.of("zero-shot")} | {
        role: job.plan.of("re-evaluation", role) for role in roles
    }
    asked = {
        name: {role: job_predictions(job, done, name) for role, done in stages.items()}
        for name in job.recipe.benchmarks
    }
    seconds = {role: read_json(job.folder(one) / "seconds.json", Seconds).seconds
               for role, one in stages.items()}
    places = {role: job.folder(one).relative_to(job.layout.run.path).as_posix()
              for role, one in stages.items()}
    compare_all(job, job.folder(stage), asked, seconds, places)


def job_predictions(job: Job, stage: Stage, benchmark: str) -> tuple[Prediction, ...]:
    """The predictions a stage logged for a benchmark."""
    return read_rows(job.folder(stage) / f"predictions-{benchmark}.jsonl", Prediction)


DO: dict[Kind, Callable[[Job, Stage], None]] = {
    "data": do_data,
    "zero-shot": do_zero_shot,
    "gate": do_gate,
    "train": do_train,
    "re-evaluation": do_again,
    "comparison": do_comparison,
}


def _ask_all(job: Job, folder: Path, loaded: LoadedModel) -> None:
    engine = LocalEngine(loaded, job.recipe.evaluation, job.read_media)
    times: dict[str, float] = {}
    for name in job.recipe.benchmarks:
        questions = job.questions(name)
        path = folder / f"predictions-{name}.jsonl"
        with Appender(path) as log:
            done = {row.question for row in read_rows(path, Prediction)}
            left = _whole_batches(questions, done, job.recipe.evaluation.batch_size)
            job.report.advance(f"{name}: answers", len(done), len(questions))
            for prediction in engine.ask(left):
                if prediction.question not in done:
                    log.append(prediction)
                    done.add(prediction.question)
                    job.report.advance(f"{name}: answers", len(done), len(questions))
        times[name] = round(sum(row.latency_s for row in read_rows(path, Prediction)), 3)
    write_json(folder / "seconds.json", Seconds(seconds=times))


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


def _validator(job: Job) -> Callable[[LoadedModel], Accuracy] | None:
    questions = validation_questions(job.recipe, job.samples)
    if not questions:
        return None
    right = {question.id: question.reference for question in questions}

    def validate(loaded: LoadedModel) -> Accuracy:
        engine = LocalEngine(loaded, job.recipe.evaluation, job.read_media)
        hits = sum(row.answer == right[row.question] for row in engine.ask(questions))
        return Accuracy(hits / len(questions), len(questions))

    return validate


def _write_dataset(job: Job, folder: Path, blend: dict[str, float]) -> dict[str, str]:
    """Writes the training triples, one file for each source; returns the first of them."""
    first: dict[str, str] = {}
    used = training_samples(job.recipe, job.samples, blend)
    for source in dict.fromkeys(sample.source for sample in used):
        rows = tuple(_triples(job, [sample for sample in used if sample.source == source]))
        write_rows(folder / "dataset" / f"{source}.jsonl", rows)
        first = first or (rows[0].model_dump() if rows else {})
    return first


class Triple(BaseModel):
    """One training example, as it is written to a dataset."""

    image_path: str
    prompt: str
    target: str


def _triples(job: Job, samples: Sequence[Sample]) -> Iterator[Triple]:
    for example in examples(job.recipe, samples):
        for prompt, target in example.pairs:
            yield Triple(image_path=example.sample.media, prompt=prompt, target=target)


def _show(job: Job, event: Step | Validation) -> None:
    if isinstance(event, Validation):
        job.report.note(
            f"step {event.step}: validation loss {event.val_loss:.3f}, "
            f"accuracy {event.val_accuracy:.1%}"
        )
        return
    loss = "skipped" if event.loss is None else f"loss {event.loss:.3f}"
    job.report.advance(
        f"training: {loss}, {event.samples_per_second:.0f} samples/s", event.step, event.steps
    )
