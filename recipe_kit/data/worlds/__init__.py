"""Synthetic worlds: pictures drawn from a seed, with labels that are true by construction."""

from recipe_kit.data.worlds.drawing import Drawing
from recipe_kit.data.worlds.floors import draw_floor
from recipe_kit.data.worlds.primer import draw_primer
from recipe_kit.data.worlds.tabletop import draw_tabletop
from recipe_kit.errors import DataError
from recipe_kit.spec.base import Part
from recipe_kit.spec.worlds import WORLD_KNOBS, FloorsKnobs, PrimerKnobs, TabletopKnobs

__all__ = ["SIDE_LIMITS", "Drawing", "draw"]

SIDE_LIMITS = (32, 1024)
"""Smallest and largest width or height of a drawn picture, in pixels."""


def draw(world: str, *, seed: int, index: int, width: int, height: int, knobs: Part) -> Drawing:
    """Draw picture number `index` of a world; the same arguments give the same pixels anywhere.

    Args:
        world: A key of `WORLD_KNOBS`.
        seed: Which of the endless sequences of pictures, from 0.
        index: Which picture of the sequence, from 0.
        width: In pixels.
        height: In pixels.
        knobs: The world's own knobs.

    Raises:
        DataError: There is no such world, the knobs are another world's, or a number is out of
            range.
    """
    where = f"world {world!r}"
    if world not in WORLD_KNOBS:
        raise DataError("there is no such world", where=where,
                        fix=f"use one of: {', '.join(sorted(WORLD_KNOBS))}")
    low, high = SIDE_LIMITS
    if not (low <= width <= high and low <= height <= high):
        raise DataError(f"cannot draw a picture of {width} x {height} pixels", where=where,
                        fix=f"choose a width and a height from {low} to {high}")
    if seed < 0 or index < 0:
        raise DataError("seed and index start at 0", where=where,
                        fix=f"choose other numbers than {seed} and {index}")
    shape = (height, width)
    if isinstance(knobs, FloorsKnobs) and world == "floors":
        return draw_floor(seed=seed, index=index, shape=shape, knobs=knobs)
    if isinstance(knobs, PrimerKnobs) and world == "primer":
        return draw_primer(seed=seed, index=index, shape=shape, knobs=knobs)
    if isinstance(knobs, TabletopKnobs) and world == "tabletop":
        return draw_tabletop(seed=seed, index=index, shape=shape, knobs=knobs)
    raise DataError(f"{type(knobs).__name__} are not its knobs", where=where,
                    fix=f"pass {WORLD_KNOBS[world].__name__}")
