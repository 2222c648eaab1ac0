"""What a run would do; imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipe_kit.errors import ModelError, SpecError
from recipe_kit.model.gpus import gpu_named
from recipe_kit.record.files import read_json
from recipe_kit.record.schemas import GateResult
from recipe_kit.run.budget import Budget, budget
from recipe_kit.run.forecast import Schedule, forecast
from recipe_kit.run.layout import Layout
from recipe_kit.run.plan import OPTIONAL, Stage, find_model, make_plan, outline
from recipe_kit.run.sizes import sizes
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import OpenTask

Standing = Literal["done", "to do", "if the gate asks for it", "not needed"]

UNKNOWN = "?" * 16
"""The fingerprint of a stage that builds on what is not on this machine."""


@dataclass(frozen=True)
class Planned:
    """One line of `recipe plan`."""

    stage: Stage
    state: Standing
    begun: bool = False
    """A stopped run left something that it goes on from."""


def planned(recipe: Recipe, places: Layout) -> tuple[Planned, ...]:
    """The stages of a recipe, and which of them would run.

    Raises:
        DataError: A table or a file of the recipe is wrong.
        ModelError: The model cannot be found.
    """
    plan = make_plan(recipe, recipe_dir=places.recipe_path.parent, cache=places.cache)
    gate = plan.of("gate")
    decided = places.run.manifest(gate.name, gate.fingerprint) is not None
    enough = decided and _enough(places, gate)
    lines = []
    for stage in plan.stages:
        folder = places.run.stage(stage.name, stage.fingerprint)
        state: Standing = "to do"
        if stage.kind in OPTIONAL and enough:
            state = "not needed"
        elif places.run.manifest(stage.name, stage.fingerprint):
            state = "done"
        elif stage.kind in OPTIONAL and not decided:
            state = "if the gate asks for it"
        begun = state not in ("done", "not needed") and folder.exists()
        lines.append(Planned(stage, state, begun))
    return tuple(lines)


@dataclass(frozen=True)
class Survey:
    """All that `recipe plan` says."""

    stages: tuple[Planned, ...]
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    absent: tuple[str, ...]
    """What is not on this machine: fingerprints are not known then."""


def survey(
    recipe: Recipe, places: Layout, gpu: str | None = None, gpus: int | None = None,
    price: float | None = None,
) -> Survey:
    """What a run would do, and what it comes to.

    Args:
        recipe: The recipe.
        places: Where its files are.
        gpu: Name of the kind of GPU that memory, time and money are predicted for, if any.
        gpus: How many of them; as many as the training is meant for when not given.
        price: Dollars for an hour of one; a typical price when not given.

    Raises:
        SpecError: The GPU is not known, or not named though something is said of it.
        DataError: A table or a file of the recipe is wrong.
        ModelError: A model's folder is missing or wrong.
    """
    kind = gpu_named(gpu) if gpu is not None else None
    if kind is None and (gpus is not None or price is not None):
        raise SpecError(
            "how many GPUs, or what they cost, says nothing without their kind",
            where="--gpus" if price is None else "--price", fix="Name it, such as --gpu H200.",
        )
    recipe_dir = places.recipe_path.parent
    found = forecast(recipe, recipe_dir)
    absent = found.absent
    try:
        stages = unseen(recipe) if absent else planned(recipe, places)
    except ModelError as error:
        if not on_a_hub(recipe, recipe_dir):
            raise
        stages, absent = unseen(recipe), (f"{error.where}: {error.what}",)
    extra = Budget()
    if kind:
        schedule = Schedule(recipe, sizes(recipe, recipe_dir))
        extra = budget(recipe, recipe_dir, schedule, kind, gpus or recipe.train.devices, price)
    return Survey(
        stages, (*found.facts, *extra.facts), (*found.warnings, *extra.warnings), absent
    )


def unseen(recipe: Recipe) -> tuple[Planned, ...]:
    """The stages of a recipe whose data or model is not on this machine: all are to do."""
    return tuple(
        Planned(
            Stage(kind, name, UNKNOWN), "if the gate asks for it" if kind in OPTIONAL else "to do"
        )
        for kind, name in outline(recipe)
    )


def on_a_hub(recipe: Recipe, recipe_dir: Path) -> bool:
    """Whether a model of the recipe has to be fetched from a hub, which may be out of reach."""
    models = (recipe.model, *recipe.model.compare.values())
    bases = [find_model(model, recipe_dir) for model in models if model.endpoint is None]
    bases += [task.judge for task in recipe.tasks.values() if isinstance(task, OpenTask)]
    return any(base.count("/") == 1 and not Path(base).exists() for base in bases)


def _enough(places: Layout, gate: Stage) -> bool:
    folder = places.run.stage(gate.name, gate.fingerprint)
    return read_json(folder / "gate.json", GateResult).enough
