"""In which order training samples come: a function of the seed and the epoch, nothing else.

So a resumed run needs only the number of steps done to go on with exactly the same samples, and
nothing is ever listed that is not needed: of a million samples, an epoch has no list of its order.
"""

import functools
import math
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from recipe_kit.errors import TrainError

Ints = npt.NDArray[np.int64]

TABLE = 65_536
"""Up to so many are shuffled by a table; more of them by a bijection that needs none."""

ROUNDS = 8
"""Of that bijection. Four give a permutation that cannot be told from a random one (Luby and
Rackoff, 1988) where the sides are large; here they may be of 257 values."""


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
    sizes: Mapping[str, int], per_epoch: Mapping[str, int], *, epoch: int, seed: int,
    start: int = 0, stop: int | None = None,
) -> list[tuple[str, int]]:
    """The samples of one epoch in order, as source and index, from one place to another.

    Each source is an endless line of shuffled passes through its samples, and an epoch takes the
    next ones from it. So no sample comes again before every other of its source has come, over
    epochs too: a source with less weight than size is seen whole over several epochs, one with
    more is repeated evenly. What was taken is then shuffled over the sources.

    Only the places that are asked for are computed, whatever comes before them.
    """
    names = [name for name, wanted in per_epoch.items() if wanted]
    ends = np.cumsum([per_epoch[name] for name in names])
    total = int(ends[-1])
    places = np.arange(start, total if stop is None else min(stop, total))
    taken = _shuffled(seed, "epoch", epoch, total, places)
    sources = np.searchsorted(ends, taken, side="right")
    indices = np.empty_like(taken)
    for number, name in enumerate(names):
        mine, wanted = sources == number, per_epoch[name]
        in_line = epoch * wanted + taken[mine] - (ends[number] - wanted)
        indices[mine] = _in_line(seed, name, sizes[name], in_line)
    return [(names[source], index) for source, index in
            zip(sources.tolist(), indices.tolist(), strict=True)]


def members(
    sizes: Mapping[str, int], per_epoch: Mapping[str, int], *, epoch: int, seed: int
) -> Iterator[tuple[str, Ints]]:
    """The samples of one epoch in no order: sources, each with some of its indices."""
    for name, wanted in per_epoch.items():
        for first in range(epoch * wanted, (epoch + 1) * wanted, TABLE):
            in_line = np.arange(first, min(first + TABLE, (epoch + 1) * wanted))
            yield name, _in_line(seed, name, sizes[name], in_line)


def _in_line(seed: int, name: str, size: int, places: Ints) -> Ints:
    """What stands at some places of a source's endless line of shuffled passes."""
    turns, within = np.divmod(places, size)
    found = np.empty_like(within)
    by_turn = np.argsort(turns, kind="stable")
    starts = np.flatnonzero(np.diff(turns[by_turn], prepend=-1))
    for own in np.split(by_turn, starts[1:]):
        if len(own):
            found[own] = _shuffled(seed, name, int(turns[own[0]]), size, within[own])
    return found


def _shuffled(seed: int, name: str, turn: int, size: int, places: Ints) -> Ints:
    """What stands at some places of a shuffled pass through `size` samples."""
    if size <= TABLE:
        return _table(seed, name, turn, size)[places].astype(np.int64)
    keys = _generator(seed, name, turn).integers(2**64, size=ROUNDS, dtype=np.uint64)
    found = _permuted(keys, size, places)
    # Its domain is a little larger than the pass. What falls outside is sent on until it comes
    # back, which it does, and to a place that no other comes to ("cycle walking").
    while len(outside := np.flatnonzero(found >= size)):
        found[outside] = _permuted(keys, size, found[outside])
    return found


@functools.lru_cache(maxsize=512)
def _table(seed: int, name: str, turn: int, size: int) -> npt.NDArray[np.uint16]:
    return _generator(seed, name, turn).permutation(size).astype(np.uint16)


def _permuted(keys: npt.NDArray[np.uint64], size: int, places: Ints) -> Ints:
    """A keyed bijection of the numbers below the least a * b from `size` on, a about b.

    Source: the generalized Feistel network of Black and Rogaway, "Ciphers with Arbitrary Finite
    Domains" (2002), with a hash in place of their cipher.
    """
    width = math.isqrt(size - 1) + 1
    height = -(-size // width)
    sides: list[Ints] = [*np.divmod(places, height)]
    for number, key in enumerate(keys):
        turned, other = number % 2, 1 - number % 2
        limit = np.uint64(height if turned else width)
        mixed = (sides[turned].astype(np.uint64) + _hash(sides[other], key)) % limit
        sides[turned] = mixed.astype(np.int64)
    return sides[0] * height + sides[1]


def _hash(values: Ints, key: np.uint64) -> npt.NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea and Flood, 2014), halved so that sums fit."""
    bits = values.astype(np.uint64) + np.full(1, key)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (bits ^ (bits >> np.uint64(31))) >> np.uint64(1)


def _generator(seed: int, name: str, turn: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode()), turn])
