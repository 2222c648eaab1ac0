"""Synthetic worlds: pictures and clips drawn from a seed; labels are true by construction."""

from collections.abc import Collection

from recipe_kit.data.worlds.drawing import ClipDrawing, Drawing
from recipe_kit.data.worlds.driving.drawing import draw_driving
from recipe_kit.data.worlds.floors import draw_floor
from recipe_kit.data.worlds.primer import draw_primer
from recipe_kit.data.worlds.tabletop import draw_tabletop
from recipe_kit.errors import DataError
from recipe_kit.spec.base import Part
from recipe_kit.spec.worlds import (
    CLIP_WORLDS,
    SHORTEST_CLIP,
    WORLD_KNOBS,
    DrivingKnobs,
    FloorsKnobs,
    PrimerKnobs,
    TabletopKnobs,
)

__all__ = ["SIDE_LIMITS", "ClipDrawing", "Drawing", "draw", "draw_clip"]

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
        DataError: No world of pictures has this name, the knobs are another world's, or a number
            is out of range.
    """
    where = f"world {world!r}"
    _check(world, [name for name in WORLD_KNOBS if name not in CLIP_WORLDS], seed, index, width,
           height)
    shape = (height, width)
    if isinstance(knobs, FloorsKnobs) and world == "floors":
        return draw_floor(seed=seed, index=index, shape=shape, knobs=knobs)
    if isinstance(knobs, PrimerKnobs) and world == "primer":
        return draw_primer(seed=seed, index=index, shape=shape, knobs=knobs)
    if isinstance(knobs, TabletopKnobs) and world == "tabletop":
        return draw_tabletop(seed=seed, index=index, shape=shape, knobs=knobs)
    raise DataError(f"{type(knobs).__name__} are not its knobs", where=where,
                    fix=f"pass {WORLD_KNOBS[world].__name__}")


def draw_clip(world: str, *, seed: int, index: int, width: int, height: int, seconds: float,
              fps: float, knobs: Part) -> ClipDrawing:
    """Draw clip number `index` of a world; the same arguments give the same pixels anywhere.

    Args:
        world: One of `CLIP_WORLDS`.
        seed: Which of the endless sequences of clips, from 0.
        index: Which clip of the sequence, from 0.
        width: In pixels; even, as videos are.
        height: In pixels; even.
        seconds: Length of the clip.
        fps: Frames per second.
        knobs: The world's own knobs.

    Raises:
        DataError: No world of clips has this name, the knobs are another world's, or a number is
            out of range.
    """
    where = f"world {world!r}"
    _check(world, CLIP_WORLDS, seed, index, width, height)
    if width % 2 or height % 2:
        raise DataError(f"cannot write a video of {width} x {height} pixels", where=where,
                        fix="choose an even width and height")
    if seconds < SHORTEST_CLIP or fps <= 0:
        raise DataError(f"cannot draw {seconds:g} s at {fps:g} frames per second", where=where,
                        fix=f"choose at least {SHORTEST_CLIP:g} seconds, and some frames")
    if isinstance(knobs, DrivingKnobs):
        return draw_driving(seed=seed, index=index, shape=(height, width), seconds=seconds,
                            fps=fps, knobs=knobs)
    raise DataError(f"{type(knobs).__name__} are not its knobs", where=where,
                    fix=f"pass {WORLD_KNOBS[world].__name__}")


def _check(world: str, known: Collection[str], seed: int, index: int, width: int,
           height: int) -> None:
    where = f"world {world!r}"
    if world not in known:
        raise DataError("there is no such world", where=where,
                        fix=f"use one of: {', '.join(sorted(known))}")
    low, high = SIDE_LIMITS
    if not (low <= width <= high and low <= height <= high):
        raise DataError(f"cannot draw a picture of {width} x {height} pixels", where=where,
                        fix=f"choose a width and a height from {low} to {high}")
    if seed < 0 or index < 0:
        raise DataError("seed and index start at 0", where=where,
                        fix=f"choose other numbers than {seed} and {index}")
