"""What a run would do; imports no torch."""

from dataclasses import dataclass
from typing import Literal

from recipe_kit.record.files import read_json
from recipe_kit.record.schemas import GateResult
from recipe_kit.run.layout import Layout
from recipe_kit.run.plan import OPTIONAL, Stage, make_plan
from recipe_kit.spec.recipe import Recipe

Standing = Literal["done", "to do", "if the gate asks for it", "not needed"]


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


def _enough(places: Layout, gate: Stage) -> bool:
    folder = places.run.stage(gate.name, gate.fingerprint)
    return read_json(folder / "gate.json", GateResult).enough
