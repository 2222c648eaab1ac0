"""One model, or one checkpoint of it, asked one benchmark; nothing else of a run is needed."""

import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from recipe_kit.benchmark.questions import digest
from recipe_kit.data.places import nearest
from recipe_kit.errors import ModelError, RecordError, SpecError
from recipe_kit.model.world import World
from recipe_kit.record.files import read_rows, write_atomic, write_rows
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.run.asking import ask_questions, log_name
from recipe_kit.run.engines import engine_for
from recipe_kit.run.execute import freeze_questions, planned
from recipe_kit.run.job import Job, questions_name
from recipe_kit.run.layout import Layout
from recipe_kit.run.parts import logged
from recipe_kit.run.report import Reporter
from recipe_kit.score.metrics import score
from recipe_kit.spec.model import COMPARE, OtherModel
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import headline
from recipe_kit.train.checkpoint import load_tuned, place

BASE = "base"


@dataclass(frozen=True)
class Inferred:
    """What was asked, where the answers are, and how good they are."""

    path: Path
    answers: int
    scores: dict[str, tuple[str, float | None]]
    """From the task to its headline metric."""


def infer(
    recipe: Recipe, places: Layout, report: Reporter, *,
    model: str, checkpoint: str, benchmark: str, out: Path, world: World | None = None,
) -> Inferred | None:
    """Asks a model a benchmark, and goes on where an earlier attempt was stopped.

    The answers are in `<out>/<model>/<checkpoint>/predictions-<benchmark>.jsonl`, the questions
    beside them.

    Args:
        recipe: The recipe, whose benchmark it is.
        places: Its places.
        report: Told how far it is.
        model: `base`, or another model of the recipe by its short name, its name or its title.
        checkpoint: Steps of the recipe's own training, or a checkpoint's folder; empty for the
            model as it is.
        benchmark: The benchmark; the recipe's first when empty.
        out: Folder of all answers.
        world: The processes that share the questions; all call this.

    Returns:
        None in all processes but the first.

    Raises:
        SpecError: The recipe has no such model or benchmark.
        ModelError: There is no such checkpoint.
        RecipeError: Whatever a run of the recipe can meet.
    """
    name = _known(benchmark or next(iter(recipe.benchmarks)), recipe.benchmarks, "benchmark")
    role, asked = _model(recipe, model)
    world = world or World()
    with places.run.lock() if world.first else nullcontext():
        job = Job(recipe, places, planned(recipe, places, world), report, world)
        freeze_questions(job)
        folder, called = _checkpoint(job, asked, checkpoint)
        here = out / slug(asked.title or asked.base) / called
        questions = job.questions(name)
        with report.stage(f"infer {name}"):
            log = here / log_name(name)
            loaded = None if asked.endpoint else job.load(asked)
            if loaded and folder:
                loaded = load_tuned(loaded, folder)
            way = here / f"asked-{name}.txt"
            fingerprint = job.plan.of("zero-shot", role).fingerprint
            if world.first:
                _belongs(here / questions_name(name), questions, log,
                         loaded.revision if loaded else None, way, fingerprint)
                write_atomic(way, f"{fingerprint}\n")
                write_rows(here / questions_name(name), questions)
            ask_questions(job, name, engine_for(job, asked, loaded=loaded), questions, log)
    if not world.first:
        return None
    found = read_rows(log, Prediction)
    return Inferred(log, len(found), _scores(recipe, job, name, found))


def slug(name: str) -> str:
    """A model's name as a folder's: `nvidia/Cosmos-Reason2-8B` is `Cosmos-Reason2-8B`."""
    return re.sub(r"[^\w.-]+", "-", Path(name).name).strip("-.") or "model"


def _belongs(
    before: Path, questions: tuple[Question, ...], log: Path, revision: str | None,
    way: Path, fingerprint: str,
) -> None:
    """See that the answers that are there already are of this model, to these questions.

    Args:
        before: The questions that are there.
        questions: Those that are to be asked.
        log: The answers that are there.
        revision: Of the model; None where a server has it.
        way: What the model was shown, and how it was asked: the fingerprint of that.
        fingerprint: The same of what is to be done.
    """
    same = not before.exists() or (
        digest(read_rows(before, Question)) == digest(questions)
        and way.exists() and way.read_text(encoding="utf-8").strip() == fingerprint
    )
    found = logged(log).values()
    if not same or (revision and any(one.revision != revision for one in found)):
        raise RecordError(
            "here are answers to other questions, of other weights, or with other settings",
            where=str(log.parent),
            fix="Remove this folder, or write to another one with --out.",
        )


def _scores(
    recipe: Recipe, job: Job, name: str, found: tuple[Prediction, ...]
) -> dict[str, tuple[str, float | None]]:
    scored = score(
        job.questions(name), found,
        bootstrap=recipe.evaluation.bootstrap, seed=recipe.evaluation.seed,
    )
    return {
        task: (metric, one.metrics[metric].value)
        for task, one in scored.items()
        for metric in [headline(one.task_type)]
    }


def _model(recipe: Recipe, wanted: str) -> tuple[str, OtherModel]:
    """The role of a model in the plan, and the model."""
    known: dict[str, tuple[str, OtherModel]] = {BASE: ("", recipe.model)}
    known |= {name: (f"{COMPARE}{name}", one) for name, one in recipe.model.compare.items()}
    by_name = {
        alias: (role, one) for role, one in known.values()
        for alias in (one.base, Path(one.base).name, one.title) if alias
    }
    return (by_name | known)[_known(wanted or BASE, by_name | known, "model")]


def _known(wanted: str, known: Mapping[str, object], what: str) -> str:
    if wanted not in known:
        raise SpecError(f"the recipe has no {what} {wanted!r}; {nearest(wanted, known)}")
    return wanted


def _checkpoint(job: Job, model: OtherModel, wanted: str) -> tuple[Path | None, str]:
    """The folder of a checkpoint, and what its answers go by."""
    if not wanted:
        return None, BASE
    if model.endpoint:
        raise ModelError("a model behind a server has no checkpoints here", where=wanted,
                         fix="Leave --checkpoint out, or name a model with weights.")
    folder = Path(wanted)
    if wanted.isdigit():
        trained = job.folder(job.plan.of("train", "tuned")) if job.plan.roles else Path()
        folder = place(trained / "checkpoints", int(wanted))
    if not folder.is_dir():
        raise ModelError("there is no such checkpoint", where=str(folder),
                         fix="Name the steps of one that the training kept, or its folder.")
    return folder, slug(folder.name)
