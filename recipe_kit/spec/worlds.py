"""The knobs of the synthetic worlds: what may appear in a picture, and how often."""

from typing import Annotated

from pydantic import Field

from recipe_kit.spec.base import Part

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class FloorsKnobs(Part):
    """Domain randomization of the `floors` world.

    A knob is the probability that the thing appears in a picture; how strong it is there is drawn
    at random. At 0 the thing never appears.
    """

    cracked: Share = 0.5
    """Share of pictures with a crack."""

    hairline: Share = 0.12
    """Share of cracks that are hairlines (narrower than 1% of the picture's shorter side)."""

    thin: Share = 0.45
    """Share of the other cracks that are thin (1% to 2.5%); the rest are thick (up to 9%)."""

    partial: Share = 0.25
    """Share of cracks that fade out inside the picture or only cut a corner of it."""

    shadow: Share = 0.3
    """Share of pictures with a shadow: an edge, poles, cables or a blob."""

    joints: Share = 0.22
    """Share of pictures with joints: tiles, parallel joints or a single one."""

    stain: Share = 0.3
    """Share of pictures with stains: blobs, streaks or rings."""

    texture: Share = 0.95
    """Share of pictures with a rough base texture; the others have an even color."""

    lighting: Share = 0.7
    """Share of pictures with uneven light, other exposure or another color temperature."""

    noise: Share = 0.5
    """Share of pictures with sensor noise."""

    blur: Share = 0.3
    """Share of pictures that are slightly out of focus."""

    debris: Share = 0.2
    """Share of pictures with things lying on the floor: pebbles, leaves, twigs, paper."""


class PrimerKnobs(Part):
    """Domain randomization of the `primer` world of simple colored shapes."""

    most: Annotated[int, Field(ge=1, le=5)] = 5
    """The largest number of objects in a picture."""

    tilt: Share = 0.5
    """Share of objects that are rotated by a random angle (up to 20 degrees)."""

    texture: Share = 0.9
    """Share of pictures with a textured background; the others have an even color."""

    lighting: Share = 0.4
    """Share of pictures with uneven light."""

    noise: Share = 0.4
    """Share of pictures with sensor noise."""

    blur: Share = 0.15
    """Share of pictures that are slightly out of focus."""


class TabletopKnobs(Part):
    """Domain randomization of the `tabletop` world: objects on a table, left and right."""

    clutter: Share = 0.5
    """Share of pictures with four or five objects; the others have two or three."""

    overlap: Share = 0.3
    """Share of the objects not asked about that stand partly hidden behind another one."""

    icons: Share = 0.3
    """Share of objects that are everyday things (an apple, a cup); the others are shapes."""

    near: Share = 0.3
    """Share of hard pictures, where the two objects differ little from left to right."""

    texture: Share = 0.9
    """Share of pictures with a table of wood, cloth or stone; the others have an even color."""

    lighting: Share = 0.4
    """Share of pictures with uneven light."""

    noise: Share = 0.3
    """Share of pictures with sensor noise."""

    blur: Share = 0.1
    """Share of pictures that are slightly out of focus."""


WORLD_KNOBS: dict[str, type[Part]] = {
    "floors": FloorsKnobs,
    "primer": PrimerKnobs,
    "tabletop": TabletopKnobs,
}
"""The knobs of every world, by the world's name."""

_YES_NO = ("Yes", "No")
_TRUTH = ("true", "false")

WORLD_LABELS: dict[str, dict[str, tuple[str, ...]]] = {
    "floors": {
        "cracked": ("cracked", "not cracked"),
        "safe": _YES_NO,
        "severity": ("1", "2", "3", "4", "5"),
        "category": ("hazard", "safe", "ambiguous"),
        "crack_quadrant": (
            "none", "center", "upper left", "upper right", "lower left", "lower right",
        ),
        "crack_width": ("none", "hairline", "thin", "thick"),
        "crack_orientation": ("none", "horizontal", "vertical", "diagonal"),
        "surface": ("concrete", "screed", "render", "painted", "asphalt", "tile"),
        "joints": _TRUTH,
        "stain": _TRUTH,
        "shadow": _TRUTH,
        "debris": _TRUTH,
    },
    "primer": {
        "count": ("1", "2", "3", "4", "5"),
        **{
            f"{name}{number}": ()
            for number in range(5)
            for name in ("shape", "color", "x", "y", "size")
        },
    },
    "tabletop": {
        "relation": ("left", "right"),
        "subject": (),
        "object": (),
        "subject_kind": ("shape", "thing"),
        "category": ("near", "far"),
        "halves": ("same half", "both halves"),
        "scene": ("sparse", "cluttered"),
        "gap": (),
        "count": ("2", "3", "4", "5"),
        **{f"{name}{number}": () for number in range(5) for name in ("name", "x", "y", "size")},
    },
}
"""The labels of every world and their values as text; no values where they are open."""
