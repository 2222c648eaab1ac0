"""Runs a recipe: every stage that has not completed, then the record, then the page."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipe_kit.data.exchange.training import LOADER
from recipe_kit.errors import RecordError
from recipe_kit.model.checkpoint import describe_model, find_checkpoint
from recipe_kit.record.archive import ARCHIVE
from recipe_kit.record.files import read_json, storage, write_atomic, write_json
from recipe_kit.record.schemas import ModelFacts, Record, StageEntry
from recipe_kit.record.store import read_record
from recipe_kit.record.words import spec_digest
from recipe_kit.run.job import Job, device_name
from recipe_kit.run.layout import Layout
from recipe_kit.run.pictures import Pictures
from recipe_kit.run.plan import OPTIONAL, Stage, find_model, make_plan
from recipe_kit.run.provenance import provenance
from recipe_kit.run.report import Reporter, now
from recipe_kit.run.stages import DO, gate_result, training_result
from recipe_kit.score.outcome import Outcome
from recipe_kit.spec.recipe import Recipe


def execute(recipe: Recipe, places: Layout, report: Reporter) -> Record:
    """Runs what has not completed, and writes the record.

    Raises:
        RecipeError: A stage could not be done; what was done stays, and the same command goes on.
    """
    with places.run.lock():
        places.run.sweep()
        try:
            record = _execute(recipe, places, report)
        except KeyboardInterrupt:
            report.ended("interrupted")
            raise
        except Exception:  # only to note it for `recipe status`; the error goes on as it is
            report.ended("failed")
            raise
        report.ended("finished")
        return record


def _execute(recipe: Recipe, places: Layout, report: Reporter) -> Record:
    started = now()
    # First of all, so that nobody waits for hours to hear that the record cannot be replaced.
    before = _earlier(places)
    plan = make_plan(recipe, recipe_dir=places.recipe_path.parent, cache=places.cache)
    job = Job(recipe, places, plan, report)
    done: list[StageEntry] = []
    for stage in _warranted(job):
        entry = places.run.manifest(stage.name, stage.fingerprint)
        if entry:
            report.cached(stage.name)
        else:
            entry = _do(job, stage)
        done.append(entry)
    record = _record(job, tuple(done), started, before)
    _publish(job)
    write_json(places.run.record_path, record)
    return record


def _warranted(job: Job) -> Iterator[Stage]:
    """The stages in order; once the gate has decided, fine-tuning only if it is warranted."""
    for stage in job.plan.stages:
        if stage.kind in OPTIONAL and gate_result(job).enough:
            continue
        yield stage


def _do(job: Job, stage: Stage) -> StageEntry:
    started = time.monotonic()
    with job.report.stage(stage.name):
        DO[stage.kind](job, stage)
    entry = StageEntry(
        name=stage.name, fingerprint=stage.fingerprint,
        seconds=round(time.monotonic() - started, 3), finished=now(),
    )
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
            job.layout.root, device=device_name(job.device), started=started, finished=now()
        ),
        stages=done,
        model=_model_facts(job, outcome),
        data=job.facts,
        benchmarks=outcome.benchmarks,
        gate=outcome.gate,
        evaluations=outcome.evaluations,
        training=tuple(training_result(job, role) for role in roles),
        comparisons=outcome.comparisons,
        examples=outcome.examples,
        gaps=outcome.gaps,
        criteria=outcome.criteria,
        contact_sheets=pictures.contact_sheets,
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
    for part, key in (("model", "base"), ("data", "root")):
        if spec[part][key] and Path(spec[part][key]).is_absolute():
            spec[part][key] = Path(spec[part][key]).name
    return spec


def _without_place(override: str) -> str:
    """A value of the command line as it is published: of a folder on this machine, its name."""
    key, _, value = override.partition("=")
    return f"{key}={Path(value).name}" if Path(value).is_absolute() else override


def _model_facts(job: Job, outcome: Outcome) -> ModelFacts:
    recipe = job.recipe
    base = find_model(recipe.model, job.layout.recipe_path.parent)
    # The local copy: at the end of a long run, the hub need not be reached once more.
    card = describe_model(str(find_checkpoint(base, revision=job.plan.revision).folder))
    embedded = recipe.model.base == "tiny"
    name = Path(recipe.model.base).name
    return ModelFacts(
        name=name,
        title=recipe.model.title or ("recipe_kit's embedded tiny model" if embedded else name),
        revision=outcome.evaluations[0].revision,
        parameters=card.parameters,
        architecture=card.architecture,
        license=card.license,
        embedded=embedded,
    )


def _files(job: Job) -> dict[str, Path]:
    """What the run made for the page: pictures and answers."""
    made = job.folder(job.plan.of("comparison"))
    pictures = read_json(made / "pictures.json", Pictures)
    files = {name: made / "media" / name for name in pictures.files}
    files[ARCHIVE] = made / ARCHIVE
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
