"""The knobs of the `driving` world: what may happen in a clip, and how often."""

from typing import Annotated

from pydantic import Field

from recipe_kit.spec.base import Part

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class DrivingKnobs(Part):
    """Domain randomization of the `driving` world of short dash-cam clips.

    A knob is the probability that the thing happens in a clip where it can happen; how strong it
    is there is drawn at random. At 0 it never happens. What no one could see is taken out of the
    scene again, so that the share in the labels may be a little smaller.
    """

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
