"""Runs a recipe: every stage that has not completed, then the record, then the page."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recipe_kit.benchmark.questions import digest as questions_digest
from recipe_kit.model.checkpoint import describe_model
from recipe_kit.record.files import digest, storage, write_json
from recipe_kit.record.schemas import (
    BenchmarkFacts,
    GateResult,
    ModelFacts,
    Record,
    StageEntry,
)
from recipe_kit.record.store import read_record
from recipe_kit.run.job import Job, device_name, read
from recipe_kit.run.layout import Layout
from recipe_kit.run.outcome import Outcome
from recipe_kit.run.plan import Stage, make_plan
from recipe_kit.run.provenance import provenance
from recipe_kit.run.report import Reporter, now
from recipe_kit.run.stages import DO, gate_result, training_result
from recipe_kit.spec.recipe import Recipe


@dataclass(frozen=True)
class Planned:
    """One line of `recipe plan`."""

    stage: Stage
    state: str  # "done", "to do", "if the gate asks for it", "not needed"
    begun: bool = False  # a stopped run left something that it goes on from


def planned(recipe: Recipe, places: Layout) -> tuple[Planned, ...]:
    """The stages of a recipe, and which of them would run."""
    plan = make_plan(recipe, recipe_dir=places.recipe_path.parent, cache=places.cache)
    gate = plan.of("gate")
    decided = places.run.manifest(gate.name, gate.fingerprint) is not None
    enough = decided and _enough(places, gate)
    lines = []
    for stage in plan.stages:
        folder = places.run.stage(stage.name, stage.fingerprint)
        optional = stage.kind in ("train", "re-evaluation")
        if places.run.manifest(stage.name, stage.fingerprint):
            state = "done"
        elif optional and enough:
            state = "not needed"
        elif optional and not decided:
            state = "if the gate asks for it"
        else:
            state = "to do"
        lines.append(Planned(stage, state, state != "done" and folder.exists()))
    return tuple(lines)


def _enough(places: Layout, gate: Stage) -> bool:
    return read(places.run.stage(gate.name, gate.fingerprint) / "gate.json", GateResult).enough


def execute(recipe: Recipe, places: Layout, report: Reporter) -> Record:
    """Runs what has not completed, and writes the record.

    Raises:
        RecipeError: A stage could not be done; what was done stays, and the same command goes on.
    """
    with places.run.lock():
        try:
            record = _execute(recipe, places, report)
        except KeyboardInterrupt:
            report.ended("interrupted")
            raise
        except Exception:
            report.ended("failed")
            raise
        report.ended("finished")
        return record


def _execute(recipe: Recipe, places: Layout, report: Reporter) -> Record:
    started = now()
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
    record = _record(job, tuple(done), started)
    _publish_media(job, record)
    write_json(places.run.record_path, record)
    return record


def _warranted(job: Job) -> Iterator[Stage]:
    """The stages in order; once the gate has decided, fine-tuning only if it is warranted."""
    for stage in job.plan.stages:
        if stage.kind in ("train", "re-evaluation") and gate_result(job).enough:
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


def _record(job: Job, done: tuple[StageEntry, ...], started: str) -> Record:
    recipe, plan = job.recipe, job.plan
    outcome = read(job.folder(plan.of("comparison")) / "outcome.json", Outcome)
    gate = gate_result(job)
    spec = recipe.model_dump(mode="json", by_alias=True)
    prose = ("prose", "title", "authors", "organization", "use_case", "resources")
    # A record that nothing new went into keeps its times.
    before = _earlier(job, done)
    return Record(
        slug=recipe.slug,
        title=recipe.title,
        recipe=job.layout.recipe_path.name,
        spec_digest=digest({key: value for key, value in spec.items() if key not in prose}),
        spec=spec,
        provenance=before.provenance if before else provenance(
            job.layout.root, device=device_name(job.device), started=started, finished=now()
        ),
        stages=done,
        model=_model_facts(recipe, outcome),
        data=job.facts,
        benchmarks={name: _benchmark(job, name) for name in recipe.benchmarks},
        gate=gate,
        evaluations=outcome.evaluations,
        training=() if gate.enough else tuple(training_result(job, role) for role in plan.roles),
        comparisons=outcome.comparisons,
        examples=outcome.examples,
    )


def _earlier(job: Job, done: tuple[StageEntry, ...]) -> Record | None:
    path = job.layout.run.record_path
    if not path.exists():
        return None
    record = read_record(path)
    return record if record.stages == done else None


def _model_facts(recipe: Recipe, outcome: Outcome) -> ModelFacts:
    card = describe_model(recipe.model.base, revision=recipe.model.revision)
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


def _benchmark(job: Job, name: str) -> BenchmarkFacts:
    questions = job.questions(name)
    tasks = job.recipe.benchmarks[name].tasks
    return BenchmarkFacts(
        name=name,
        digest=questions_digest(questions),
        questions=len(questions),
        samples=len({question.sample for question in questions}),
        tasks=tasks,
        primary=tasks[0],
        prompts={task: job.recipe.tasks[task].prompt for task in tasks},
    )


def _publish_media(job: Job, record: Record) -> None:
    """Copies the page's pictures to where the page looks for them; names tell their content."""
    made = job.folder(job.plan.of("comparison")) / "media"
    media = job.layout.run.path / "media"
    with storage(media):
        media.mkdir(parents=True, exist_ok=True)
        for name in {example.media for example in record.examples}:
            shutil.copyfile(made / name, media / name)
