"""In which order training samples come: a function of the seed and the epoch, nothing else.

So a resumed run needs only the number of steps done to go on with exactly the same samples.
"""

import zlib
from collections.abc import Mapping

import numpy as np

from recipe_kit.errors import TrainError


def counts(sizes: Mapping[str, int], blend: Mapping[str, float], total: int) -> dict[str, int]:
    """How many of an epoch's `total` samples come from each source.

    Args:
        sizes: Training samples of each source.
        blend: Weight of each source; in proportion to their sizes when empty.
        total: Samples in an epoch.

    Raises:
        TrainError: no source has a weight, or one that has a weight has no samples.
    """
    weights = dict(blend) if blend else {name: float(size) for name, size in sizes.items()}
    empty = [name for name, weight in weights.items() if weight > 0 and not sizes.get(name)]
    if empty:
        raise TrainError(
            f"the source '{empty[0]}' has a weight but no training samples",
            where="train.blend",
            fix="Give it a share in data.splits.train (and room in train.max_samples), or take "
            f"'{empty[0]}' out of the blend.",
        )
    whole = sum(weights.values())
    if whole <= 0:
        raise TrainError(
            "there is nothing to train on",
            where="train.blend" if blend else "data.splits.train",
            fix="Give at least one source of the training split a weight above 0.",
        )
    exact = {name: total * weight / whole for name, weight in weights.items()}
    found = {name: int(share) for name, share in exact.items()}
    # The largest remainders get what rounding down left over.
    by_remainder = sorted(exact, key=lambda name: (found[name] - exact[name], name))
    for name in by_remainder[: total - sum(found.values())]:
        found[name] += 1
    return found


def draw(
    sizes: Mapping[str, int], per_epoch: Mapping[str, int], *, epoch: int, seed: int
) -> list[tuple[str, int]]:
    """The samples of one epoch in order, as source and index.

    Each source is an endless line of shuffled passes through its samples, and an epoch takes the
    next ones from it. So no sample comes again before every other of its source has come, over
    epochs too: a source with less weight than size is seen whole over several epochs, one with
    more is repeated evenly. What was taken is then shuffled over the sources.
    """
    drawn = []
    for name, wanted in per_epoch.items():
        if not wanted:
            continue
        size, start = sizes[name], epoch * wanted
        passes = range(start // size, (start + wanted - 1) // size + 1)
        line = np.concatenate([_generator(seed, name, turn).permutation(size) for turn in passes])
        offset = start - passes[0] * size
        drawn += [(name, int(index)) for index in line[offset : offset + wanted]]
    shuffled = _generator(seed, "epoch", epoch).permutation(len(drawn))
    return [drawn[index] for index in shuffled]


def _generator(seed: int, name: str, turn: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode()), turn])
