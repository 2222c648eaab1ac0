"""The knobs of the synthetic worlds: what may appear in a picture or a clip, and how often."""

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


class DrivingKnobs(Part):
    """Domain randomization of the `driving` world of short dash-cam clips.

    A knob is the probability that the thing happens in a clip where it can happen; how strong it
    is there is drawn at random. At 0 it never happens. What no one could see is taken out of the
    scene again, so that the share in the labels may be a little smaller.
    """

    # A new knob goes to the end: knobs meet their dice in this order.

    city: Share = 0.36
    """Share of clips in a city: tall buildings, lamps, traffic lights."""

    suburb: Share = 0.44
    """Share of the other clips in a suburb: houses, gardens, stop signs."""

    highway: Share = 0.5
    """Share of the rest on a highway (one direction, 2 or 3 lanes); the others on country roads."""

    night: Share = 0.25
    """Share of clips at night."""

    dusk: Share = 0.27
    """Share of the other clips at dusk; the rest are in daylight."""

    rain: Share = 0.22
    """Share of clips in the rain."""

    fog: Share = 0.2
    """Share of the clips without rain that are in fog."""

    snow: Share = 0.2
    """Share of the clips with neither that have snow falling and lying."""

    junction: Share = 0.5
    """Share of clips that reach a junction (on country roads half as many; on highways none)."""

    t_junction: Share = 0.35
    """Share of the junctions without traffic lights where the road ends; others are crossroads."""

    turn: Share = 0.45
    """Share of clips at a junction in which the ego vehicle turns left or right."""

    bend: Share = 0.35
    """Share of clips without junction in which the road bends left or right."""

    lane_change: Share = 0.45
    """Share of clips on a straight road of several lanes in which the ego vehicle changes lane."""

    brake: Share = 0.45
    """Share of the other clips in which the ego vehicle slows down or stops, for a reason."""

    accelerate: Share = 0.35
    """Share of the clips then left in which the ego vehicle accelerates."""

    lead: Share = 0.65
    """Share of clips with a vehicle ahead in the same lane, where there is room for one."""

    oncoming: Share = 0.8
    """Share of clips on two-way roads with one or two vehicles coming the other way."""

    neighbor: Share = 0.8
    """Share of clips on roads of several lanes with a vehicle in the next lane."""

    crossing: Share = 0.85
    """Share of clips that stand at a junction with a vehicle crossing ahead."""

    parked: Share = 0.8
    """Share of clips in cities and suburbs with one to four parked vehicles on the right."""

    pedestrian: Share = 0.95
    """Share of clips with one to three pedestrians (on country roads 60% as many)."""

    cyclist: Share = 0.6
    """Share of clips off the highway with a cyclist, where there is room for one."""

    sign: Share = 0.55
    """Share of clips away from junctions with a speed limit, warning or direction sign."""

    works: Share = 0.16
    """Share of clips with orange cones along the right of the road."""

    emergency: Share = 0.25
    """Share of the lead and oncoming vehicles that flash their emergency lights."""

    texture: Share = 0.9
    """Share of clips with patches and spots on the ground."""

    lighting: Share = 0.5
    """Share of clips with another exposure or color temperature."""

    noise: Share = 0.4
    """Share of clips with sensor noise."""

    blur: Share = 0.15
    """Share of clips slightly out of focus."""


WORLD_KNOBS: dict[str, type[Part]] = {
    "driving": DrivingKnobs,
    "floors": FloorsKnobs,
    "primer": PrimerKnobs,
    "tabletop": TabletopKnobs,
}
"""The knobs of every world, by the world's name."""

CLIP_WORLDS = ("driving",)
"""Worlds that draw clips; the others draw pictures."""

SHORTEST_CLIP = 2.0
"""Seconds that a clip of a world has at least: something must have time to happen."""

ANNOTATION_FORMATS = {"human_annotated": "human", "cv_annotated": "cv", "reason1_sft": "reasoning"}
"""From the name that a world's subdirectory may have to the format of its annotations."""

_YES_NO = ("Yes", "No")
_TRUTH = ("true", "false")
_COLORS = ("none", "white", "black", "red", "blue", "yellow", "green")
_SIDES = ("none", "left", "right")
_WAYS = ("none", "left to right", "right to left")
_KINDS = ("none", "car", "truck", "bus")

WORLD_LABELS: dict[str, dict[str, tuple[str, ...]]] = {
    "driving": {
        "environment": ("city", "suburb", "highway", "countryside"),
        "time_of_day": ("day", "dusk", "night"),
        "weather": ("clear", "rain", "fog", "snow"),
        "road_surface": ("dry", "wet", "snow-covered"),
        "visibility": ("nothing", "fog", "darkness", "rain or snow", "several"),
        "lanes": ("1", "2", "3", "4"),
        "directions": ("one-way", "two-way"),
        "center_line": ("none", "solid", "dashed"),
        "road_direction": ("straight", "left bend", "right bend", "ends"),
        "roadside": ("tall buildings", "houses and gardens", "guard rails", "fields and trees"),
        "lamps": ("none", "left", "right", "both sides"),
        "works": ("yes", "no"),
        "junction": ("none", "crossroads", "T junction"),
        "control": ("none", "traffic lights", "stop sign"),
        "light": ("none", "red", "green", "red then green"),
        "crosswalk": ("none", "at the junction", "on the road"),
        "sign": ("none", "stop", "speed limit", "warning", "direction"),
        "lead": _KINDS,
        "lead_color": _COLORS,
        "lead_behavior": ("none", "drives on", "accelerates", "brakes", "stands"),
        "lead_gap": ("none", "shrinks", "grows", "stays"),
        "parked": ("0", "1", "2", "3", "4"),
        "parked_color": _COLORS,
        "oncoming": ("0", "1", "2"),
        "oncoming_kind": _KINDS,
        "moving": (),
        "neighbor": ("none", "overtakes", "is passed", "keeps pace"),
        "neighbor_side": _SIDES,
        "crossing": _WAYS,
        "emergency": ("none", "ahead", "oncoming"),
        "bus": ("none", "ahead", "oncoming", "crossing", "next lane", "several"),
        "cyclist": ("none", "ahead", "oncoming"),
        "nearest_vehicle": ("none", "ahead", "left", "right"),
        "pedestrians": ("0", "1", "2", "3"),
        "pedestrian_place": (*_SIDES, "crossing"),
        "pedestrian_kind": ("none", "adult", "child", "worker", "mixed"),
        "pedestrian_action": ("none", "walks", "stands", "crosses"),
        "pedestrian_color": (*_COLORS, "orange"),
        "pedestrian_carries": ("none", "nothing", "umbrella", "bag"),
        "crossing_direction": _WAYS,
        "ego_maneuver": (
            "straight", "left turn", "right turn", "left bend", "right bend", "left lane change",
            "right lane change", "stop", "wait", "move off",
        ),
        "ego_turn": _SIDES,
        "ego_lane_change": _SIDES,
        "ego_speed": ("steady", "accelerates", "slows down", "stops", "stands"),
        "ego_stop": ("does not stop", "stops", "stands", "moves off"),
        "ego_reason": ("none", "red light", "stop sign", "pedestrian", "vehicle ahead", "turn"),
        "ego_at_junction": ("no junction", "straight", "left turn", "right turn", "stops"),
        "begins": ("first half", "second half", "never"),
        "events": (),
        "start_state": ("moving", "standing"),
        "end_state": ("moving", "standing"),
        "caption": (),
    },
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
