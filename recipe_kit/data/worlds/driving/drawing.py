"""One clip of the `driving` world with everything that is known of it."""

from typing import Any

from recipe_kit.data.worlds.drawing import ClipDrawing
from recipe_kit.data.worlds.driving.annotations import cv, human, reasoning
from recipe_kit.data.worlds.driving.captions import caption
from recipe_kit.data.worlds.driving.labels import labels
from recipe_kit.data.worlds.driving.painter import draw_clip
from recipe_kit.data.worlds.driving.plan import plan
from recipe_kit.data.worlds.driving.scene import Scene
from recipe_kit.spec.worlds import DrivingKnobs


def draw_driving(*, seed: int, index: int, shape: tuple[int, int], seconds: float, fps: float,
                 knobs: DrivingKnobs) -> ClipDrawing:
    """Plan and draw a clip; `shape` is height and width in pixels."""
    height, width = shape
    scene = plan(seed=seed, index=index, knobs=knobs, seconds=seconds)
    return ClipDrawing(
        frames=draw_clip(scene, width=width, height=height, fps=fps),
        labels={**labels(scene), "caption": caption(scene)},
        annotations=annotations(scene, width=width, height=height, fps=fps),
    )


def annotations(scene: Scene, *, width: int, height: int, fps: float) -> dict[str, dict[str, Any]]:
    """The annotation of a clip in each of the three formats."""
    return {"human": human(scene, width=width, height=height), "cv": cv(scene, fps=fps),
            "reasoning": reasoning(scene)}
