"""Pictures that stand in two splits, as they are or nearly.

A near duplicate is found in two steps. The perceptual hash (64 bits, `imagehash.phash`) proposes
pairs; it sees the coarse shapes only, so pictures of plain walls or smooth floors can share it.
The fine detail of the two pictures then has to agree: the correlation of their 32×32 gray
thumbnails, each less its own local mean. Measured on the photographs of `crack-concrete`,
`crack-severity` and `spatial-left-right` and on drawn floors: 99 of 100 re-encoded (JPEG 30),
resized, brightened, grayed or blurred copies correlate above 0.6, different pictures whose hashes
are within 8 bits at most 0.26. A picture without any detail (an even color, a smooth gradient)
has no near duplicates, only exact ones.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from recipe_kit.data.memory import THUMB_SIDE, Inspection

MIN_CORRELATION = 0.5
WINDOW = 5
# Less detail than this, in gray levels, is mostly rounding.
MIN_DETAIL = 0.5
BLOCK = 4_000_000


@dataclass(frozen=True)
class Seen:
    """A sample that could be read, and what one look at its file found."""

    id: str
    source: str
    split: str
    look: Inspection


@dataclass(frozen=True)
class Pair:
    """Two samples of different splits whose pictures are the same, or nearly."""

    first: Seen
    second: Seen
    distance: int
    """Hamming distance of the perceptual hashes."""
    exact: bool
    """The files are the same, byte by byte."""


def exact_pairs(first: Sequence[Seen], second: Sequence[Seen]) -> Iterator[Pair]:
    """Find the files that stand in both lists."""
    by_digest: Mapping[str, list[Seen]] = defaultdict(list)
    for one in first:
        by_digest[one.look.sha256].append(one)
    for other in second:
        for one in by_digest.get(other.look.sha256, ()):
            yield Pair(one, other, 0, exact=True)


def near_pairs(first: Sequence[Seen], second: Sequence[Seen], distance: int) -> Iterator[Pair]:
    """Find pictures of two lists that look alike without being the same file.

    Args:
        first: Samples of one split.
        second: Samples of another split.
        distance: Largest Hamming distance of the perceptual hashes.
    """
    if not first or not second:
        return
    one, other = _hashes(first), _hashes(second)
    details: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    rows = max(1, BLOCK // len(second))
    for start in range(0, len(first), rows):
        apart = np.bitwise_count(one[start : start + rows, None] ^ other[None])
        i, j = np.nonzero(apart <= distance)
        if not i.size:
            continue
        if not details:  # most often there is no pair at all
            details[0] = _details(first), _details(second)
        for k in range(0, i.size, 10_000):
            part_i, part_j = i[k : k + 10_000], j[k : k + 10_000]
            alike = np.einsum("nd,nd->n", details[0][0][start + part_i], details[0][1][part_j])
            for a, b in zip(part_i[alike >= MIN_CORRELATION], part_j[alike >= MIN_CORRELATION],
                            strict=True):
                left, right = first[start + int(a)], second[int(b)]
                if left.look.sha256 != right.look.sha256:
                    yield Pair(left, right, int(apart[a, b]), exact=False)


def _hashes(seen: Sequence[Seen]) -> NDArray[np.uint64]:
    return np.array([one.look.phash for one in seen], dtype=np.uint64)


def _details(seen: Sequence[Seen]) -> NDArray[np.float32]:
    """Reduce thumbnails to unit vectors of their detail, so that a product is a correlation."""
    thumbs = np.frombuffer(b"".join(one.look.thumb for one in seen), dtype=np.uint8)
    gray = thumbs.reshape(-1, THUMB_SIDE, THUMB_SIDE).astype(np.float32)
    local = uniform_filter(gray, size=(1, WINDOW, WINDOW))
    edge = WINDOW // 2  # where the window leaves the picture, a mere gradient looks like detail
    detail = (gray - local)[:, edge:-edge, edge:-edge].reshape(len(seen), -1)
    detail -= detail.mean(axis=1, keepdims=True)
    spread = detail.std(axis=1, keepdims=True)
    length = np.linalg.norm(detail, axis=1, keepdims=True)
    return np.where(spread < MIN_DETAIL, 0.0, detail / np.maximum(length, 1e-6)).astype(np.float32)
