"""What each stage does: reads what earlier stages wrote, and writes its own folder."""

from collections.abc import Callable, Mapping, Sequence

from recipe_kit.benchmark.questions import build
from recipe_kit.data.audit import audit
from recipe_kit.data.facts import measure
from recipe_kit.data.sources import load_samples
from recipe_kit.data.splits import assign
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.seen import GIGABYTE
from recipe_kit.record.archive import Archive, write_archive
from recipe_kit.record.files import write_json, write_rows
from recipe_kit.record.schemas import Question, Validation
from recipe_kit.run.asking import answers, ask_all, ask_blind, ask_model
from recipe_kit.run.checkpoints import ask_checkpoints, read_study, validation_twins
from recipe_kit.run.construct import built, do_answers, do_benchmark, write_labeled
from recipe_kit.run.dataset import write_dataset
from recipe_kit.run.engines import engine_for
from recipe_kit.run.forecast import busy
from recipe_kit.run.job import Job, questions_name
from recipe_kit.run.measured import told, with_prediction
from recipe_kit.run.parts import batches_left, deal
from recipe_kit.run.pictures import write_pictures
from recipe_kit.run.plan import Kind, Stage, all_checkpoints, answered_pools
from recipe_kit.run.results import gate_result, training_result
from recipe_kit.run.shown import keep_frames
from recipe_kit.score.asked import Asked, Study
from recipe_kit.score.gate import decide
from recipe_kit.score.metrics import score
from recipe_kit.score.outcome import BASE, TUNED, outcome, tried
from recipe_kit.spec.model import COMPARE
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.checkpoint import load_tuned
from recipe_kit.train.examples import validation_questions
from recipe_kit.train.index import Index, open_index
from recipe_kit.train.indexing import NAME as INDEX
from recipe_kit.train.indexing import make_index
from recipe_kit.train.log import Step
from recipe_kit.train.loop import Accuracy, train


def do_data(job: Job, stage: Stage) -> None:
    """Reads, splits and audits the samples, and freezes the questions."""
    recipe, folder = job.recipe, job.folder(stage)
    job.report.advance("reading samples", 0, 4)
    loaded = load_samples(
        recipe, recipe_dir=job.layout.recipe_path.parent, cache=job.layout.cache,
        keep=keep_frames(
            recipe, recipe_dir=job.layout.recipe_path.parent, cache=job.layout.cache
        ),
    )
    job.report.advance("dividing them", 1, 4)
    samples = assign(loaded, recipe)
    job.report.advance("looking for duplicates", 2, 4)
    found = audit(samples, job.roots, recipe)
    job.report.advance("measuring", 3, 4)
    facts = measure(samples, job.roots, found, recipe)
    used = tuple(sample for sample in samples if sample.split)
    for name in recipe.benchmarks:
        if name not in answered_pools(recipe):  # those are frozen when models have answered too
            questions = build(name, recipe, used)
            write_rows(folder / questions_name(name), questions)
            write_labeled(job, folder, name, used, questions)
    if all_checkpoints(recipe):
        for name, twin in validation_twins(recipe, used).items():
            write_rows(folder / questions_name(name, validation=True), twin)
    write_rows(folder / "samples.jsonl", used)
    write_json(folder / "facts.json", facts)
    counts = ", ".join(f"{count} {split}" for split, count in facts.splits.items())
    job.report.note(f"{len(used)} samples: {counts}")
    if any(sample.media_type == "video" for sample in used):
        clips, size = job.frames.size()
        job.report.note(
            f"decoded frames of {clips} clips are kept: {size / 1e6:,.0f} MB of at most "
            f"{recipe.data.frame_cache_gb:g} GB"
        )


def do_zero_shot(job: Job, stage: Stage) -> None:
    """Asks the base model, or one that it is compared with, all questions."""
    compared = job.recipe.model.compare
    model = compared[stage.role.removeprefix(COMPARE)] if stage.role else job.recipe.model
    ask_model(job, job.folder(stage), model)


def do_gate(job: Job, stage: Stage) -> None:
    """Compares the zero-shot scores with the targets."""
    recipe = job.recipe
    questions = job.questions(recipe.gate.benchmark)
    log = answers(job, job.folder(job.plan.of("zero-shot")), recipe.gate.benchmark)
    scores = score(
        questions, log.predictions, blind=log.blind or None,
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
    untrained = "; this recipe does none" if recipe.train.method == "none" else ""
    job.report.note(
        "the base model is enough: no fine-tuning" if result.enough
        else f"fine-tuning is warranted{untrained}"
    )


def do_train(job: Job, stage: Stage) -> None:
    """Fine-tunes, choosing the checkpoint on the validation samples."""
    folder = job.folder(stage)
    blend = dict(stage.blend)
    first: dict[str, str] = {}
    if job.world.first:
        anew = make_index(
            job.recipe, job.samples_path, folder,
            progress=lambda done, of: job.report.advance("indexing samples", done, of),
        )
        first = write_dataset(
            job.recipe, open_index(folder / INDEX), folder / "dataset", blend, anew=anew
        )
    job.world.barrier()
    index = open_index(folder / INDEX)
    _tell_devices(job)
    result = train(
        job.load(), _with_memory_left(job), index,
        role=stage.role, blend=blend, read_media=job.media_reader(index.find), folder=folder,
        validate=_validator(job, index), progress=lambda event: _show(job, event),
        note=job.report.note, keep_all=studied(job, stage.role), world=job.world,
    )
    if not job.world.first:
        return
    place = folder.relative_to(job.layout.run.path) / result.checkpoint
    speed = with_prediction(
        result.performance, job.recipe, job.layout.recipe_path.parent, blend
    )
    result = result.model_copy(update={
        "checkpoint": place.as_posix(), "triple": first, "performance": speed,
    })
    write_json(folder / "training.json", result)
    job.report.note(f"{result.stopped}; the best checkpoint is after step {result.best_step}")
    if speed:
        job.report.note(told(speed))


def _tell_devices(job: Job) -> None:
    """Notes that a step's samples go through other processes than the recipe is written for."""
    spec, size = job.recipe.train, job.world.size
    if spec.devices != size:
        samples = spec.batch_size * spec.accumulate * spec.devices
        job.report.note(
            f"train.devices is {spec.devices}: the {samples} samples of a step are accumulated on "
            + (f"{size} processes" if size > 1 else "one process")
        )
    if (share := busy(spec, size)) < 1:
        job.report.note(
            f"the processes are idle for {1 - share:.0%} of a step, whose forward passes of "
            f"{spec.batch_size} samples they take in turn: a smaller train.batch_size with a "
            "larger train.devices or train.accumulate gives all of them work"
        )


def _with_memory_left(job: Job) -> Recipe:
    """The recipe, with the memory for what vision towers saw that evaluation has left."""
    evaluation = job.recipe.evaluation
    held = job.seen.bytes / GIGABYTE * job.world.local_size if job.seen else 0
    left = max(0.0, evaluation.vision_cache_gb - held)
    asking = evaluation.model_copy(update={"vision_cache_gb": job.world.broadcast(left)})
    return job.recipe.model_copy(update={"evaluation": asking})


def do_again(job: Job, stage: Stage) -> None:
    """Asks the fine-tuned model the same questions, or every checkpoint of it."""
    if studied(job, stage.role):
        ask_checkpoints(job, stage)
        return
    checkpoint = job.layout.run.path / training_result(job, stage.role).checkpoint
    model, loaded = job.recipe.model, load_tuned(job.load(), checkpoint)
    ask_all(job, job.folder(stage), engine_for(job, model, loaded=loaded))
    ask_blind(job, job.folder(stage), engine_for(job, model, loaded=loaded, blank=True))


def studied(job: Job, role: str) -> bool:
    """Whether every checkpoint of a training is asked; ablations are asked their best one."""
    return role == TUNED and all_checkpoints(job.recipe)


def do_comparison(job: Job, stage: Stage) -> None:
    """Scores everything, compares before and after, and makes the page's pictures."""
    recipe, folder = job.recipe, job.folder(stage)
    roles = [] if gate_result(job).enough else list(job.plan.roles)
    study = read_study(job) if TUNED in roles and studied(job, TUNED) else None
    stages = {BASE: job.plan.of("zero-shot")} | {
        role: job.plan.of("re-evaluation", role)
        for role in roles if study is None or role != TUNED
    } | {other.role: other for other in job.plan.others}
    questions = {name: job.questions(name) for name in recipe.benchmarks}
    asked = {
        role: {name: answers(job, job.folder(done), name) for name in questions}
        for role, done in stages.items()
    }
    checkpoints = {role: tried(training_result(job, role)) for role in roles}
    found = outcome(
        recipe, questions, asked, checkpoints, study=study,
        constructions={name: one.construction for name, one in built(job).items()},
        progress=job.report.advance,
    )
    write_archive(folder, archived(questions, asked, study))
    write_pictures(job, folder, found.examples)
    write_json(folder / "outcome.json", found)


def archived(
    questions: Mapping[str, Sequence[Question]],
    asked: Mapping[str, Mapping[str, Asked]],
    study: Study | None,
) -> Archive:
    """All questions and answers of a run."""
    logs = {(role, name): log for role, each in asked.items() for name, log in each.items()}
    steps = study.steps if study else {}
    validation = study.validation if study else {}
    return Archive(
        questions=questions,
        predictions={key: log.predictions for key, log in logs.items()},
        blind={key: log.blind for key, log in logs.items() if log.blind} | {
            (TUNED, name): log.blind
            for each in steps.values() for name, log in each.items() if log.blind
        },
        steps={
            (step, name): log.predictions
            for step, each in steps.items() for name, log in each.items()
        },
        validation_questions=study.questions if study else {},
        validation={
            (step, name): log.predictions
            for step, each in validation.items() for name, log in each.items()
        },
    )


DO: dict[Kind, Callable[[Job, Stage], None]] = {
    "data": do_data,
    "answers": do_answers,
    "benchmark": do_benchmark,
    "zero-shot": do_zero_shot,
    "gate": do_gate,
    "train": do_train,
    "re-evaluation": do_again,
    "comparison": do_comparison,
}


def _validator(job: Job, index: Index) -> Callable[[LoadedModel], Accuracy] | None:
    samples = tuple(index.samples("val"))
    if not samples:
        return None
    questions = validation_questions(job.recipe, samples)
    right = {question.id: question.reference for question in questions}

    def validate(loaded: LoadedModel) -> Accuracy:
        engine = LocalEngine(loaded, job.recipe.evaluation, job.read_media, seen=job.seen)
        batches = batches_left(engine, questions, set(), job.recipe.evaluation.batch_size)
        mine = deal(batches, job.world.size)[job.world.rank]
        hits = sum(job.world.gather(
            sum(row.answer == right[row.question] for row in engine.ask(mine))
        ))
        # Nothing of what is learned may have right answers; then the loss decides.
        return Accuracy(hits / max(1, len(questions)), len(questions))

    return validate


def _show(job: Job, event: Step | Validation) -> None:
    if isinstance(event, Validation):
        accuracy = f", accuracy {event.val_accuracy:.1%}" if event.val_n else ""
        job.report.note(f"step {event.step}: validation loss {event.val_loss:.3f}{accuracy}")
        return
    loss = "skipped" if event.loss is None else f"loss {event.loss:.3f}"
    job.report.advance(
        f"training: {loss}, {event.samples_per_second:.0f} samples/s", event.step, event.steps
    )
