"""Rules about worlds of clips, and about the subdirectories of annotated sources."""

from collections.abc import Iterator

from recipe_kit.spec.problems import Plain, Problem
from recipe_kit.spec.query import find, mapping, number, texts, unknown, value
from recipe_kit.spec.worlds import ANNOTATION_FORMATS, CLIP_WORLDS, SHORTEST_CLIP, WORLD_KNOBS

OF_CLIPS = ("seconds", "fps", "subdirectories", "weights")
"""Keys that worlds of pictures have no use for."""


def clips(data: Plain) -> Iterator[Problem]:
    """Length, rate and subdirectories are of clips, whose sides are even."""
    for keys, source in find(data, "data.sources.*"):
        world = value(source, "world")
        if value(source, "kind") != "world" or world not in WORLD_KNOBS:
            continue
        if world not in CLIP_WORLDS:
            for key in OF_CLIPS:
                if isinstance(source, dict) and key in source:
                    yield Problem((*keys, key), f"'{key}' is for clips, and '{world}' draws "
                                  "pictures", "Remove the key.", at="key")
            continue
        for side in ("width", "height"):
            pixels = number(value(source, side))
            if pixels is not None and pixels % 2:
                yield Problem((*keys, side), f"a video's {side} is even, and {pixels:g} is odd",
                              f"Write {pixels + 1:g}.")
        seconds = number(value(source, "seconds"))
        if seconds is not None and seconds < SHORTEST_CLIP:
            yield Problem((*keys, "seconds"), f"{seconds:g} s are too short for anything to happen",
                          f"Write {SHORTEST_CLIP:g} or more.")


def subdirectories(data: Plain) -> Iterator[Problem]:
    """Each subdirectory is named once, has a known format, and one weight if any has."""
    for keys, source in find(data, "data.sources.*"):
        kind, names = value(source, "kind"), [name for _, name in texts(source, "subdirectories.*")]
        for place, name in texts(source, "subdirectories.*"):
            if names.index(name) != place[-1]:
                yield Problem((*keys, *place), f"the subdirectory '{name}' is named twice",
                              "Name it once; give it more weight to draw it more often.")
            elif kind == "world" and name not in ANNOTATION_FORMATS:
                yield unknown((*keys, *place), "format of annotations", name,
                              list(ANNOTATION_FORMATS))
        weights = value(source, "weights")
        if isinstance(weights, list) and len(weights) not in (0, len(names)):
            many = "weight" if len(weights) == 1 else "weights"
            parts = "subdirectory" if len(names) == 1 else "subdirectories"
            yield Problem((*keys, "weights"), f"{len(weights)} {many} for {len(names)} {parts}",
                          "Give one weight for each subdirectory, in their order, or none.")
        if kind != "annotations":
            continue
        for name in mapping(source, "counts"):
            if name not in names:
                yield unknown((*keys, "counts", name), "subdirectory", name, names, key=True)
        for key in ("prompts", "targets"):
            for name in mapping(source, key):
                if name not in ANNOTATION_FORMATS.values():
                    yield unknown((*keys, key, name), "format of annotations", name,
                                  list(ANNOTATION_FORMATS.values()), key=True)


CLIP_RULES = (clips, subdirectories)
