"""Every saved checkpoint of a training, asked all questions."""

from collections.abc import Sequence
from pathlib import Path

from recipe_kit.benchmark.questions import build
from recipe_kit.record.schemas import Question, Sample
from recipe_kit.run.asking import (
    all_answered,
    answers,
    ask_all,
    ask_blind,
    ask_validation,
    validation_answers,
)
from recipe_kit.run.engines import engine_for
from recipe_kit.run.job import Job
from recipe_kit.run.plan import Stage, answered_pools
from recipe_kit.run.results import training_result
from recipe_kit.score.asked import Asked, Study
from recipe_kit.score.checkpoints import recommended
from recipe_kit.score.outcome import TUNED
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import Benchmark, ChoiceTask, Task
from recipe_kit.train.checkpoint import load_tuned, place, saved
from recipe_kit.train.examples import validation_samples


def validation_twins(
    recipe: Recipe, samples: Sequence[Sample]
) -> dict[str, tuple[Question, ...]]:
    """The questions of each benchmark, asked of the validation samples instead.

    A benchmark whose tasks no validation sample can be asked has no twin; nor has one of a pool
    whose answers are checked, since nobody has checked those about the validation samples.
    """
    chosen = validation_samples(recipe, samples)
    twins = {}
    for name, benchmark in recipe.benchmarks.items():
        if name in answered_pools(recipe):
            continue
        sources = benchmark.sources or tuple(recipe.data.sources)
        theirs = [sample for sample in chosen if sample.source in sources]
        tasks = tuple(
            task for task in benchmark.tasks
            if (benchmark.pool and theirs)
            or any(recipe.tasks[task].label in sample.labels for sample in theirs)
        )
        if tasks:
            twins[name] = build(name, _on_validation(recipe, name, benchmark, tasks), theirs)
    # Of a pool that a model answers, the labels may answer nothing.
    return {name: twin for name, twin in twins.items() if twin}


def _on_validation(
    recipe: Recipe, name: str, benchmark: Benchmark, tasks: tuple[str, ...]
) -> Recipe:
    twin = benchmark.model_copy(update={"split": "val", "tasks": tasks})
    return recipe.model_copy(update={
        "benchmarks": {name: twin},
        "tasks": {task: _asked_once(recipe.tasks[task]) for task in tasks},
        "success": {},  # is of the test samples
    })


def _asked_once(task: Task) -> Task:
    # Rotations would take several times as long for every checkpoint, and be no surer.
    return task.model_copy(update={"circular": False}) if isinstance(task, ChoiceTask) else task


def ask_checkpoints(job: Job, stage: Stage) -> None:
    """Asks every saved checkpoint, and the base model on validation; goes on where it stopped."""
    start = _folder(job, stage, 0)
    if job.validation_questions and not all_answered(job, start, test=False):
        ask_validation(job, start, engine_for(job, job.recipe.model))
    found = job.world.broadcast(_checkpoints(job) if job.world.first else {})
    for number, (step, checkpoint) in enumerate(found.items(), start=1):
        folder = _folder(job, stage, step)
        if all_answered(job, folder):
            continue
        job.report.note(f"checkpoint {number} of {len(found)}, after step {step}")
        _ask(job, folder, checkpoint)
    best = job.world.broadcast(_recommended(job, stage) if job.world.first else 0)
    job.report.note(f"the recommended checkpoint is after step {best}")
    loaded = load_tuned(job.load(), found[best])
    blind = engine_for(job, job.recipe.model, loaded=loaded, blank=True)
    ask_blind(job, _folder(job, stage, best), blind)


def _ask(job: Job, folder: Path, checkpoint: Path) -> None:
    """Asks one checkpoint, and forgets it: the memory may not be enough for two."""
    loaded = load_tuned(job.load(), checkpoint)
    engine = engine_for(job, job.recipe.model, loaded=loaded)
    ask_all(job, folder, engine)
    ask_validation(job, folder, engine)


def read_study(job: Job) -> Study:
    """What every checkpoint answered, the recommended one without pictures too."""
    stage = job.plan.of("re-evaluation", TUNED)
    return _study(job, stage, blind=_recommended(job, stage))


def _recommended(job: Job, stage: Stage) -> int:
    """Step of the checkpoint that is recommended, by what was answered so far."""
    return recommended(
        job.recipe, {name: job.questions(name) for name in job.recipe.benchmarks},
        _base(job), _study(job, stage, blind=None),
    ).step


def checkpoint_of(job: Job, step: int) -> Path:
    """Folder of the checkpoint after so many steps."""
    return place(_training_folder(job), step)


def _study(job: Job, stage: Stage, *, blind: int | None) -> Study:
    return Study(
        steps={
            step: {
                name: answers(
                    job, _folder(job, stage, step), name,
                    blind=None if step == blind else False,
                )
                for name in job.recipe.benchmarks
            }
            for step in _checkpoints(job)
        },
        questions=job.validation_questions,
        validation={
            step: {
                name: validation_answers(job, _folder(job, stage, step), name)
                for name in job.validation_questions
            }
            for step in (0, *_checkpoints(job))
        },
        epoch_samples=training_result(job, TUNED).epoch_samples,
    )


def _base(job: Job) -> dict[str, Asked]:
    folder = job.folder(job.plan.of("zero-shot"))
    return {name: answers(job, folder, name, blind=False) for name in job.recipe.benchmarks}


def _checkpoints(job: Job) -> dict[int, Path]:
    return saved(_training_folder(job))


def _training_folder(job: Job) -> Path:
    return job.folder(job.plan.of("train", TUNED)) / "checkpoints"


def _folder(job: Job, stage: Stage, step: int) -> Path:
    return place(job.folder(stage), step)
