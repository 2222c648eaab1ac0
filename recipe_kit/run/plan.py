"""Which stages a recipe has, and the fingerprint of each.

A fingerprint covers a stage's name and version, the part of the spec it reads, the fingerprints of
the stages it builds on, the content of its data, and the model's revision. Paths, batch sizes and
retries are not in it: they do not change the result. A field that came into the spec later stays
out of it while it has its default, so that finished runs stay finished.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from recipe_kit.benchmark.review import decisions_digest, read_decisions
from recipe_kit.data import drawn
from recipe_kit.data.sources import load_samples
from recipe_kit.model.checkpoint import find_checkpoint
from recipe_kit.model.judges import find_judge, judge_revision
from recipe_kit.record.files import digest
from recipe_kit.spec.base import settled
from recipe_kit.spec.data import LATER_OF_WORLDS, WorldSource
from recipe_kit.spec.model import COMPARE, OtherModel, Video
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import Benchmark, OpenTask, Pool

Kind = Literal[
    "data", "answers", "benchmark", "zero-shot", "gate", "train", "re-evaluation", "comparison"
]

OPTIONAL: tuple[Kind, ...] = ("train", "re-evaluation")
"""The stages that run if the gate warrants fine-tuning."""

# Raised when the code of a stage changes what it finds out.
VERSIONS: dict[Kind, int] = {
    "data": 2, "answers": 1, "benchmark": 1, "zero-shot": 1, "gate": 1, "train": 1,
    "re-evaluation": 1, "comparison": 3,
}


@dataclass(frozen=True)
class Stage:
    """One step of a run."""

    kind: Kind
    name: str
    fingerprint: str
    role: str = ""
    """Of a training or its re-evaluation: "tuned", or the name of an ablation; of a zero-shot
    evaluation of another model than the one that is trained: "compare-" and its short name."""
    blend: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Plan:
    """The stages in the order they run; those from `train` to `re-evaluation` if warranted."""

    stages: tuple[Stage, ...]
    revision: str
    """Of the base model: the hub's commit, or the digest of the folder's files."""
    revisions: Mapping[tuple[str, str | None], str] = field(default_factory=dict)
    """The same of every model and judge of the recipe, by what the spec says: name and revision."""

    def of(self, kind: Kind, role: str = "") -> Stage:
        """The stage of a kind, and of a role where there are several."""
        return next(s for s in self.stages if s.kind == kind and s.role == role)

    @property
    def others(self) -> tuple[Stage, ...]:
        """The zero-shot evaluations of further models."""
        return tuple(stage for stage in self.stages if stage.kind == "zero-shot" and stage.role)

    @property
    def roles(self) -> tuple[str, ...]:
        """The trainings: "tuned", then the ablations."""
        return tuple(stage.role for stage in self.stages if stage.kind == "train")


def make_plan(recipe: Recipe, *, recipe_dir: Path, cache: Path) -> Plan:
    """The stages of a recipe.

    Raises:
        DataError: A table or a file of the recipe is wrong.
        ModelError: The model cannot be found.
    """
    tasks = _dump(recipe, "tasks")
    bench = [(name, _benchmark(benchmark)) for name, benchmark in recipe.benchmarks.items()]
    asking = recipe.evaluation.model_dump(
        mode="json", exclude={
            "batch_size", "device", "bootstrap", "seed", "blind", "checkpoints", "vision_cache_gb"
        },
    )
    blind = [name for name in recipe.benchmarks if asked_blind(recipe, name)]
    scoring = recipe.evaluation.model_dump(mode="json", include={"bootstrap", "seed"})
    model = recipe.model.model_dump(mode="json", include={"min_pixels", "max_pixels"})
    # Every reader gives the same pixels.
    video = recipe.model.video.model_copy(update={"reader": Video().reader})
    if video != Video():
        model["video"] = video.model_dump(mode="json", exclude={"reader"})
    revision = model_revision(recipe.model, recipe_dir)

    # What is asked and learned. The data stage reads more than that: a license, the audit's rules.
    asked = digest([
        tasks, bench, recipe.data.model_dump(mode="json", include={"splits", "seed", "stratify"}),
        recipe.data.audit.unreadable, _content(recipe, recipe_dir, cache),
    ])
    every = [_all_checkpoints(recipe)] if all_checkpoints(recipe) else []
    data = _stage("data", "data", asked, _described(recipe), *every)
    judges = _judges(recipe, recipe_dir)
    judging = sorted({f"{name} {found}" for (name, _), found in judges.items()})
    revisions = {**judges, (recipe.model.base, recipe.model.revision): revision}
    made = _construction(recipe, recipe_dir, revisions, [asked, model, asking])
    built = [stage.fingerprint for stage in made[-1:]]
    zero = _stage(
        "zero-shot", "zero-shot", asked, model, asking, revision,
        *filter(None, [blind, _server(recipe.model), judging]), *built,
    )
    others = []
    for name, other in recipe.model.compare.items():
        found = revisions[other.base, other.revision] = model_revision(other, recipe_dir)
        others.append(_stage(
            "zero-shot", f"zero-shot-{name}", asked, model, asking, found,
            *filter(None, [blind, _server(other), judging]), *built, role=f"{COMPARE}{name}",
        ))
    gate = _stage("gate", "gate", zero.fingerprint, _dump(recipe, "gate"), scoring)
    training = settled(
        recipe.train, "devices", "loss_per", "spike",
        exclude={"blend", "ablations", "checkpoint_every", "max_length", "workers"}, by_alias=True,
    )
    blends = {"tuned": recipe.train.blend} | {
        name: ablation.blend for name, ablation in recipe.train.ablations.items()
    }
    trainings = []
    for role, blend in blends.items() if recipe.train.method != "none" else ():
        suffix = "" if role == "tuned" else f"-{role}"
        kept = every if role == "tuned" else []
        train = _stage(
            "train", f"train{suffix}", asked, model, asking, revision, training, blend, *kept,
            role=role, blend=tuple(blend.items()),
        )
        again = _stage(
            "re-evaluation", f"re-evaluation{suffix}", zero.fingerprint, train.fingerprint, *kept,
            role=role,
        )
        trainings += [train, again]
    after = [stage.fingerprint for stage in (*others, *trainings)]
    comparison = _stage(
        "comparison", "comparison", data.fingerprint, gate.fingerprint, *after, scoring,
        *filter(None, [_dump(recipe, "success")]),
    )
    return Plan((data, *made, zero, *others, gate, *trainings, comparison), revision, revisions)


def outline(recipe: Recipe) -> tuple[tuple[Kind, str], ...]:
    """Kind and name of each stage, as `make_plan` lays them out, without looking at anything."""
    trained: list[tuple[Kind, str]] = [
        (kind, f"{kind}{suffix}")
        for suffix in ("", *(f"-{name}" for name in recipe.train.ablations))
        for kind in OPTIONAL
    ]
    built: list[tuple[Kind, str]] = [("answers", "answers"), ("benchmark", "benchmark")]
    others: list[tuple[Kind, str]] = [
        ("zero-shot", f"zero-shot-{name}") for name in recipe.model.compare
    ]
    return (
        ("data", "data"),
        *(built if answered_pools(recipe) else ()),
        ("zero-shot", "zero-shot"),
        *others,
        ("gate", "gate"),
        *(trained if recipe.train.method != "none" else ()),
        ("comparison", "comparison"),
    )


def answered_pools(recipe: Recipe) -> dict[str, Pool]:
    """The pools whose questions models answer too, by the name of their benchmark."""
    return {
        name: benchmark.pool for name, benchmark in recipe.benchmarks.items()
        if benchmark.pool and benchmark.pool.answered
    }


def review_path(recipe: Recipe, benchmark: str, recipe_dir: Path) -> Path:
    """The file of decisions on a benchmark's contradictions, beside the recipe."""
    pool = recipe.benchmarks[benchmark].pool
    named = pool.review if pool else None
    return recipe_dir / (named or f"{recipe.slug}-{benchmark}-review.jsonl")


def asked_blind(recipe: Recipe, benchmark: str) -> bool:
    """Whether a benchmark is asked once more with the pictures blanked."""
    if recipe.evaluation.blind != "auto":
        return recipe.evaluation.blind == "always"
    return any(recipe.tasks[task].type == "choice" for task in recipe.benchmarks[benchmark].tasks)


def all_checkpoints(recipe: Recipe) -> bool:
    """Whether every saved checkpoint is asked, not only the best one."""
    return recipe.evaluation.checkpoints == "all" and recipe.train.method != "none"


def _all_checkpoints(recipe: Recipe) -> Any:
    """What asking every checkpoint depends on, beside what asking the best one does."""
    train = recipe.train
    return ["all checkpoints", train.checkpoint_every, train.validate_.max_samples, train.seed]


def _benchmark(benchmark: Benchmark) -> Any:
    """What a benchmark asks; of a pool what is in its file, not where it is or who reviews it."""
    dumped = settled(benchmark, "pool", exclude={"slices"})
    if benchmark.pool:
        dumped["pool"] = [
            settled(benchmark.pool, exclude={"path", "text", "vision", "review", "undecided"}),
            [one.model_dump(mode="json") for one in benchmark.pool.questions],
        ]
    return dumped


def _construction(
    recipe: Recipe, recipe_dir: Path, revisions: dict[tuple[str, str | None], str],
    reads: list[Any],
) -> tuple[Stage, ...]:
    """The stages in which models answer the questions of pools, and people decide.

    Two, so that a decision does not have the models asked again.
    """
    pools = answered_pools(recipe)
    if not pools:
        return ()
    answerers: list[Any] = []
    for name, pool in pools.items():
        for model in (pool.text, pool.vision):
            found = None
            if model is not None:
                found = revisions[model.base, model.revision] = model_revision(model, recipe_dir)
            answerers.append([name, model and model.base, found, model and _server(model)])
    answers = _stage("answers", "answers", *reads, answerers)
    decided = [
        [name, pool.undecided, decisions_digest(read_decisions(review_path(
            recipe, name, recipe_dir)))]
        for name, pool in pools.items()
    ]
    return answers, _stage("benchmark", "benchmark", answers.fingerprint, decided)


def _server(model: OtherModel) -> Any:
    """How a server is asked, as far as that changes its answers; None for a model in this process.

    Where the server is, and how patiently it is asked, may change while a run goes on.
    """
    if model.endpoint is None:
        return None
    patience = {"url", "api_key", "media", "concurrency", "timeout_s", "retries"}
    return settled(model.endpoint, exclude=patience)


def find_model(model: OtherModel, recipe_dir: Path) -> str:
    """`tiny`, a hub name, or a folder: one beside the recipe goes before the current folder's."""
    beside = recipe_dir / model.base
    return str(beside) if model.base != "tiny" and beside.is_dir() else model.base


def model_revision(model: OtherModel, recipe_dir: Path) -> str:
    """The hub's commit, or the digest of the model's files; of a server's model, its name there."""
    if model.endpoint:
        return model.revision or model.endpoint.model or model.base
    base = find_model(model, recipe_dir)
    # Without weights: a plan of a hub's model downloads nothing large.
    return find_checkpoint(base, revision=model.revision, weights=False).revision()


def _judges(recipe: Recipe, recipe_dir: Path) -> dict[tuple[str, str | None], str]:
    """The revisions of the classifiers that judge open answers, by what the spec says of them."""
    asked = {name for benchmark in recipe.benchmarks.values() for name in benchmark.tasks}
    tasks = [recipe.tasks[name] for name in sorted(asked)]
    named = {(t.judge, t.judge_revision) for t in tasks if isinstance(t, OpenTask)}
    # Without weights: a plan downloads nothing large.
    return {
        (name, revision): judge_revision(
            find_judge(name, revision=revision, recipe_dir=recipe_dir, weights=False)
        )
        for name, revision in named
    }


def _stage(
    kind: Kind, name: str, *reads: Any, role: str = "", blend: tuple[tuple[str, float], ...] = ()
) -> Stage:
    return Stage(kind, name, digest([name, VERSIONS[kind], *reads]), role, blend)


def _dump(recipe: Recipe, part: str) -> Any:
    # Field by field, in the author's order: which task or benchmark comes first has a meaning.
    dumped = recipe.model_dump(mode="json", include={part})[part]
    return list(dumped.items()) if isinstance(dumped, dict) else dumped


def _described(recipe: Recipe) -> Any:
    """What the data stage reads beside the samples; not the places they lie at."""
    places = {"path", "media"}
    sources = {name: settled(one, *LATER_OF_WORLDS) for name, one in recipe.data.sources.items()}
    slices = [[name, *one.slices] for name, one in recipe.benchmarks.items() if one.slices]
    return [recipe.data.audit.model_dump(mode="json")] + [
        [name, sorted((key, value) for key, value in source.items() if key not in places)]
        for name, source in sources.items()
    ] + slices


def _content(recipe: Recipe, recipe_dir: Path, cache: Path) -> list[str]:
    """What the sources hold; a world's pictures follow from its spec and need not be drawn."""
    worlds = {
        name: source
        for name, source in recipe.data.sources.items()
        if isinstance(source, WorldSource)
    }
    found = [
        f"{name} {source.count} {drawn.world_folder(source, cache).name}"
        for name, source in worlds.items()
    ]
    tables = {n: s for n, s in recipe.data.sources.items() if n not in worlds}
    if tables:
        from recipe_kit.data import facts  # half a second of imports
        from recipe_kit.run.shown import keep_frames  # which finds the model as this module does

        # Without tasks: whether a label exists is checked over all sources, in the data stage.
        data = recipe.data.model_copy(update={"sources": tables, "stratify": None})
        alone = recipe.model_copy(update={"data": data, "tasks": {}})
        samples = load_samples(
            alone, recipe_dir=recipe_dir, cache=cache,
            keep=keep_frames(recipe, recipe_dir=recipe_dir, cache=cache),
        )
        found.append(facts.digest(samples))
    return found
