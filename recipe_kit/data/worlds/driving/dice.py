"""How the plans of the `driving` world roll dice."""

from collections.abc import Mapping

from recipe_kit.data.worlds.canvas import Rng


def pick(rng: Rng, weights: Mapping[str, float]) -> str:
    """One of the names, as often as its weight says."""
    at = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return next(reversed(list(weights)))


def moment(rng: Rng, seconds: float, *, latest: float = 0.62) -> float:
    """When something begins: clearly in the first half of the clip, or in the second."""
    if rng.random() < 0.62:
        return rng.uniform(0.08, 0.38) * seconds
    return rng.uniform(min(0.56, latest - 0.02), latest) * seconds
