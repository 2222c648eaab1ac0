"""How large pictures and frames are shown: the checkpoint's settings with the spec's limits."""

import functools
from dataclasses import replace
from pathlib import Path

from recipe_kit.data.frames import GIGABYTE, FrameCache
from recipe_kit.data.inspection import Keep
from recipe_kit.model.checkpoint import find_checkpoint, load_preprocess
from recipe_kit.model.pixels import Preprocess
from recipe_kit.run.plan import find_model
from recipe_kit.spec.model import Model
from recipe_kit.spec.recipe import Recipe


def limited(preprocess: Preprocess, model: Model) -> Preprocess:
    """A checkpoint's settings with the limits that the spec sets."""
    return replace(
        preprocess, min_pixels=model.min_pixels, max_pixels=model.max_pixels,
        frame_min_pixels=model.video.min_pixels, frame_max_pixels=model.video.max_pixels,
    )


def preprocess_of(recipe: Recipe, *, recipe_dir: Path) -> Preprocess:
    """The base model's settings, without its weights; Qwen3-VL's where a server has it.

    Raises:
        ModelError: The model cannot be found.
    """
    model = recipe.model
    if model.endpoint is not None:
        return limited(Preprocess(), model)
    base = find_model(model, recipe_dir)
    folder = find_checkpoint(base, revision=model.revision, weights=False).folder
    return limited(load_preprocess(folder), model)


def keep_frames(recipe: Recipe, *, recipe_dir: Path, cache: Path) -> Keep:
    """Where frames go that are decoded when the files are looked at; pictures need no model."""
    preprocess = functools.cache(lambda: preprocess_of(recipe, recipe_dir=recipe_dir))
    return Keep(
        frame_cache(recipe, cache), lambda height, width: preprocess().frame_size(height, width)
    )


def frame_cache(recipe: Recipe, cache: Path) -> FrameCache:
    """The folder of decoded frames that all runs share, as large as the spec lets it be."""
    return FrameCache(cache / "frames", int(recipe.data.frame_cache_gb * GIGABYTE))
