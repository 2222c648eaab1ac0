"""Runs a recipe: every stage that has not completed, then the record, then the page."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from recipe_kit.data.exchange.training import LOADER
from recipe_kit.errors import RecordError
from recipe_kit.model.checkpoint import describe_model, find_checkpoint
from recipe_kit.model.world import World
from recipe_kit.record.archive import archive_files
from recipe_kit.record.files import read_json, storage, write_atomic, write_json
from recipe_kit.record.schemas import ModelFacts, Record, StageEntry, TrainingResult
from recipe_kit.record.store import read_record
from recipe_kit.record.words import spec_digest
from recipe_kit.run.checkpoints import checkpoint_of
from recipe_kit.run.job import Job, device_name
from recipe_kit.run.layout import Layout
from recipe_kit.run.pictures import Pictures
from recipe_kit.run.plan import OPTIONAL, Kind, Plan, Stage, find_model, make_plan
from recipe_kit.run.provenance import provenance
from recipe_kit.run.report import Reporter, now
from recipe_kit.run.results import gate_result, training_result
from recipe_kit.run.stages import DO
from recipe_kit.score.examples import with_videos
from recipe_kit.score.outcome import TUNED, Outcome
from recipe_kit.spec.model import COMPARE, OtherModel
from recipe_kit.spec.recipe import Recipe

SHARED: tuple[Kind, ...] = ("zero-shot", "train", "re-evaluation")
"""The stages that all processes of a run work on; the others are done by the first one."""


def execute(
    recipe: Recipe, places: Layout, report: Reporter, world: World | None = None
) -> Record | None:
    """Runs what has not completed, and writes the record.

    Args:
        recipe: The recipe.
        places: Its places; all processes share them.
        report: Told how far it is.
        world: The processes of the run; all call this.

    Returns:
        The record; None in all processes but the first.

    Raises:
        RecipeError: A stage could not be done; what was done stays, and the same command goes on.
    """
    world = world or World()
    with places.run.lock() if world.first else nullcontext():
        if world.first:
            places.run.sweep()
        try:
            record = _execute(recipe, places, report, world)
        except KeyboardInterrupt:
            report.ended("interrupted")
            raise
        except Exception:  # only to note it for `recipe status`; the error goes on as it is
            report.ended("failed")
            raise
        report.ended("finished")
        return record


def _execute(
    recipe: Recipe, places: Layout, report: Reporter, world: World
) -> Record | None:
    started = now()
    # First of all, so that nobody waits for hours to hear that the record cannot be replaced.
    before = _earlier(places) if world.first else None
    job = Job(recipe, places, planned(recipe, places, world), report, world)
    done: list[StageEntry] = []
    for stage in _warranted(job):
        entry = _entry(job, stage)
        if entry:
            report.cached(stage.name)
        else:
            entry = _do(job, stage)
        done.append(entry)
    if not world.first:
        return None
    record = _record(job, tuple(done), started, before)
    _publish(job)
    write_json(places.run.record_path, record)
    return record


def planned(recipe: Recipe, places: Layout, world: World) -> Plan:
    """The plan, made by the first process for all: files and branches may change meanwhile."""
    return world.broadcast(
        make_plan(recipe, recipe_dir=places.recipe_path.parent, cache=places.cache)
        if world.first else Plan((), "")
    )


def freeze_questions(job: Job) -> None:
    """Does what a run does before any model of the recipe is asked, as far as it is not done."""
    for stage in job.plan.stages:
        if stage.kind == "zero-shot":
            return
        if _entry(job, stage) is None:
            _do(job, stage)


def _entry(job: Job, stage: Stage) -> StageEntry | None:
    """What a stage left when it completed, as the first process sees it."""
    return job.world.broadcast(
        job.layout.run.manifest(stage.name, stage.fingerprint) if job.world.first else None
    )


def _warranted(job: Job) -> Iterator[Stage]:
    """The stages in order; once the gate has decided, fine-tuning only if it is warranted."""
    for stage in job.plan.stages:
        if stage.kind in OPTIONAL and job.world.broadcast(
            job.world.first and gate_result(job).enough
        ):
            continue
        yield stage


def _do(job: Job, stage: Stage) -> StageEntry:
    started = time.monotonic()
    with job.report.stage(stage.name):
        if job.world.first or stage.kind in SHARED:
            DO[stage.kind](job, stage)
        job.world.barrier()
    entry = StageEntry(
        name=stage.name, fingerprint=stage.fingerprint,
        seconds=round(time.monotonic() - started, 3), finished=now(),
    )
    if job.world.first:
        job.layout.run.complete(entry)
    return entry


def _record(
    job: Job, done: tuple[StageEntry, ...], started: str, before: Record | None
) -> Record:
    recipe, plan = job.recipe, job.plan
    scored = job.folder(plan.of("comparison"))
    outcome = read_json(scored / "outcome.json", Outcome)
    pictures = read_json(scored / "pictures.json", Pictures)
    roles = () if outcome.gate.enough else plan.roles
    spec = _without_places(recipe.model_dump(mode="json", by_alias=True))
    revisions = {one.role: one.revision for one in outcome.evaluations}
    # A record that nothing new went into keeps its times.
    same = before if before and before.stages == done else None
    return Record(
        slug=recipe.slug,
        title=recipe.title,
        recipe=job.layout.recipe_path.name,
        overrides=tuple(_without_place(override) for override in job.layout.overrides),
        spec_digest=spec_digest(spec),
        spec=spec,
        provenance=same.provenance if same else provenance(
            job.layout.root, device=device_name(job.device, job.world.size), started=started,
            finished=now(),
        ),
        stages=done,
        model=_model_facts(job, recipe.model, outcome.evaluations[0].revision),
        data=job.facts,
        benchmarks=outcome.benchmarks,
        gate=outcome.gate,
        evaluations=outcome.evaluations,
        training=tuple(_trained(job, role, outcome) for role in roles),
        comparisons=outcome.comparisons,
        examples=with_videos(outcome.examples, pictures.files),
        gaps=outcome.gaps,
        criteria=outcome.criteria,
        models={
            f"{COMPARE}{name}": _model_facts(job, other, revisions[f"{COMPARE}{name}"])
            for name, other in recipe.model.compare.items()
        },
        model_choice=outcome.model_choice,
        checkpoints=outcome.checkpoints,
        best=outcome.best,
        overfitting=outcome.overfitting,
        recommendation=outcome.recommendation,
        contact_sheets=pictures.contact_sheets,
        annotations=pictures.annotations,
        training_grid=pictures.training_grid,
        loader=LOADER if roles else "",
        media={
            name: hashlib.sha256(file.read_bytes()).hexdigest()
            for name, file in _files(job).items()
        },
    )


def _earlier(places: Layout) -> Record | None:
    """The record of the run before this one, which this one will replace."""
    path = places.run.record_path
    if not path.exists():
        return None
    record = read_record(path)
    if record.recipe != places.recipe_path.name:
        raise RecordError(
            f"is the record of another recipe, {record.recipe}", where=str(path),
            fix=f"Give {places.recipe_path.name} a slug of its own (`slug: ...`), or, if it is "
            "the same recipe under a new name, delete that record.",
        )
    return record


def _without_places(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec as it is published: of a folder on this machine, only its name."""
    models = (spec["model"], *spec["model"]["compare"].values())
    for part, key in ((spec["data"], "root"), *((model, "base") for model in models)):
        if part[key] and Path(part[key]).is_absolute():
            part[key] = Path(part[key]).name
    for model in models:
        if model["endpoint"]:
            # Its path tells what kind of server it is; its host is nobody else's concern.
            path = urlsplit(model["endpoint"]["url"]).path
            model["endpoint"]["url"] = f"http://localhost{path}"
    return spec


def _without_place(override: str) -> str:
    """A value of the command line as it is published: of a folder on this machine, its name."""
    key, _, value = override.partition("=")
    return f"{key}={Path(value).name}" if Path(value).is_absolute() else override


def _model_facts(job: Job, model: OtherModel, revision: str) -> ModelFacts:
    embedded = model.base == "tiny" and model.endpoint is None
    name = (model.endpoint and model.endpoint.model) or Path(model.base).name
    if model.endpoint:
        # What a server has loaded can be asked, not looked at.
        return ModelFacts(name=name, title=model.shown, revision=revision)
    base = find_model(model, job.layout.recipe_path.parent)
    # The local copy: at the end of a long run, the hub need not be reached once more.
    commit = job.plan.revisions[model.base, model.revision]
    card = describe_model(str(find_checkpoint(base, revision=commit).folder))
    return ModelFacts(
        name=name,
        title=model.shown,
        revision=revision,
        parameters=card.parameters,
        architecture=card.architecture,
        license=card.license,
        embedded=embedded,
    )


def _trained(job: Job, role: str, outcome: Outcome) -> TrainingResult:
    """What a training did; where every checkpoint was asked, its result is the recommended one."""
    found = training_result(job, role)
    if outcome.recommendation is None or role != TUNED:
        return found
    step = outcome.recommendation.step
    folder = checkpoint_of(job, step)
    return found.model_copy(update={
        "best_step": step,
        "checkpoint": folder.relative_to(job.layout.run.path).as_posix(),
        "revision": next(one.revision for one in outcome.checkpoints if one.step == step),
    })


def _files(job: Job) -> dict[str, Path]:
    """What the run made for the page: pictures and answers."""
    made = job.folder(job.plan.of("comparison"))
    pictures = read_json(made / "pictures.json", Pictures)
    files = {name: made / "media" / name for name in pictures.files}
    files |= {name: made / name for name in archive_files(made)}
    return files


def _publish(job: Job) -> None:
    """Puts the page's files, and nothing else, where the page looks for them."""
    media, files = job.layout.run.path / "media", _files(job)
    for name, file in files.items():
        write_atomic(media / name, file.read_bytes())
    with storage(media):
        for file in media.iterdir():
            if file.name not in files:
                file.unlink()
