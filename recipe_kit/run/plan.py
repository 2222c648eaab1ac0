"""Which stages a recipe has, and the fingerprint of each.

A fingerprint covers a stage's name and version, the part of the spec it reads, the fingerprints of
the stages it builds on, the content of its data, and the model's revision. Paths, batch sizes and
retries are not in it: they do not change the result. A field that came into the spec later stays
out of it while it has its default, so that finished runs stay finished.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recipe_kit.data import drawn
from recipe_kit.data.sources import load_samples
from recipe_kit.model.checkpoint import find_checkpoint
from recipe_kit.record.files import digest
from recipe_kit.spec.base import settled
from recipe_kit.spec.data import LATER_OF_WORLDS, WorldSource
from recipe_kit.spec.model import Model
from recipe_kit.spec.recipe import Recipe

Kind = Literal["data", "zero-shot", "gate", "train", "re-evaluation", "comparison"]

OPTIONAL: tuple[Kind, ...] = ("train", "re-evaluation")
"""The stages that run if the gate warrants fine-tuning."""

# Raised when the code of a stage changes what it finds out.
VERSIONS: dict[Kind, int] = {
    "data": 2, "zero-shot": 1, "gate": 1, "train": 1, "re-evaluation": 1, "comparison": 2,
}


@dataclass(frozen=True)
class Stage:
    """One step of a run."""

    kind: Kind
    name: str
    fingerprint: str
    role: str = ""  # of a training or its re-evaluation: "tuned", or the name of an ablation
    blend: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Plan:
    """The stages in the order they run; those from `train` to `re-evaluation` if warranted."""

    stages: tuple[Stage, ...]
    revision: str
    """Of the base model: the hub's commit, or the digest of the folder's files."""

    def of(self, kind: Kind, role: str = "") -> Stage:
        """The stage of a kind, and of a role where there are several."""
        return next(s for s in self.stages if s.kind == kind and s.role == role)

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
    bench = [
        (name, settled(benchmark, "pool", exclude={"slices"}))
        for name, benchmark in recipe.benchmarks.items()
    ]
    asking = recipe.evaluation.model_dump(
        mode="json", exclude={"batch_size", "device", "bootstrap", "seed", "blind", "checkpoints"}
    )
    blind = [name for name in recipe.benchmarks if asked_blind(recipe, name)]
    scoring = recipe.evaluation.model_dump(mode="json", include={"bootstrap", "seed"})
    model = recipe.model.model_dump(mode="json", include={"min_pixels", "max_pixels"})
    revision = model_revision(recipe.model, recipe_dir)

    # What is asked and learned. The data stage reads more than that: a license, the audit's rules.
    asked = digest([
        tasks, bench, recipe.data.model_dump(mode="json", include={"splits", "seed", "stratify"}),
        recipe.data.audit.unreadable, _content(recipe, recipe_dir, cache),
    ])
    data = _stage("data", "data", asked, _described(recipe))
    zero = _stage("zero-shot", "zero-shot", asked, model, asking, revision, *filter(None, [blind]))
    gate = _stage("gate", "gate", zero.fingerprint, _dump(recipe, "gate"), scoring)
    training = settled(
        recipe.train, "max_length", "devices",
        exclude={"blend", "ablations", "checkpoint_every"}, by_alias=True,
    )
    blends = {"tuned": recipe.train.blend} | {
        name: ablation.blend for name, ablation in recipe.train.ablations.items()
    }
    trainings = []
    for role, blend in blends.items():
        suffix = "" if role == "tuned" else f"-{role}"
        train = _stage(
            "train", f"train{suffix}", asked, model, asking, revision, training, blend,
            role=role, blend=tuple(blend.items()),
        )
        again = _stage(
            "re-evaluation", f"re-evaluation{suffix}", zero.fingerprint, train.fingerprint,
            role=role,
        )
        trainings += [train, again]
    after = [stage.fingerprint for stage in trainings]
    comparison = _stage(
        "comparison", "comparison", data.fingerprint, gate.fingerprint, *after, scoring,
        *filter(None, [_dump(recipe, "success")]),
    )
    return Plan((data, zero, gate, *trainings, comparison), revision)


def asked_blind(recipe: Recipe, benchmark: str) -> bool:
    """Whether a benchmark is asked once more with the pictures blanked."""
    if recipe.evaluation.blind != "auto":
        return recipe.evaluation.blind == "always"
    return any(recipe.tasks[task].type == "choice" for task in recipe.benchmarks[benchmark].tasks)


def find_model(model: Model, recipe_dir: Path) -> str:
    """`tiny`, a hub name, or a folder: one beside the recipe goes before the current folder's."""
    beside = recipe_dir / model.base
    return str(beside) if model.base != "tiny" and beside.is_dir() else model.base


def model_revision(model: Model, recipe_dir: Path) -> str:
    """The hub's commit, or the digest of the model's files."""
    base = find_model(model, recipe_dir)
    # Without weights: a plan of a hub's model downloads nothing large.
    return find_checkpoint(base, revision=model.revision, weights=False).revision()


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

        # Without tasks: whether a label exists is checked over all sources, in the data stage.
        data = recipe.data.model_copy(update={"sources": tables, "stratify": None})
        alone = recipe.model_copy(update={"data": data, "tasks": {}})
        samples = load_samples(alone, recipe_dir=recipe_dir, cache=cache)
        found.append(facts.digest(samples))
    return found
