"""One token after the other, beside attention over everything that each answer has seen."""

import numpy as np
import pytest
import torch

from recipe_kit.model.cache import GAP, ROOM, Cache, Recorder, _runs

HEADS, KEY_HEADS, SIZE, SCALE = 6, 2, 16, 0.25
BRANCHES = [[0, 20, 60, 5], [0, 20, 65, 9], [20, 20, 74, 1], [40, 20, 75, 7], [0, 20, 82, 3]]
"""Three prefixes of 20 tokens in one row; the first has three answers, not in order."""
ROWS = [[0, 11, 11, 4], [30, 11, 41, 19], [60, 11, 71, 2], [90, 11, 101, 8]]
"""Four rows of 30 tokens, each with a prefix of its own."""
BARE = [[0, 0, 0, 12], [12, 0, 12, 30]]
"""Two sequences that show nothing."""


def unattended(query, *_: object) -> torch.Tensor:
    return query.transpose(1, 2)


def recorded(tokens: int, seed: int, rows: int = 1) -> tuple[Recorder, list[torch.Tensor]]:
    """Two layers of keys and values, and the same as [layer, key or value][T, G, K]."""
    generator = torch.Generator().manual_seed(seed)
    recorder, kept = Recorder(), []
    for layer in range(2):
        query = torch.randn(rows, HEADS, tokens // rows, SIZE, generator=generator)
        # As a model makes them: heads are the second axis, but not in memory.
        shape = rows, tokens // rows, KEY_HEADS, SIZE
        key, value = (torch.randn(shape, generator=generator).transpose(1, 2) for _ in range(2))
        recorder.watching(unattended)(query, key, value, SCALE, layer)
        kept.append([x.transpose(1, 2).flatten(0, 1) for x in (key, value)])
    return recorder, kept


class Plain:
    """All keys and values of each answer in a list of its own."""

    def __init__(self, parts: list[tuple[list[torch.Tensor], list[list[int]]]]) -> None:
        self.layers: list[list[list[torch.Tensor]]] = [[], []]
        for kept, spans in parts:
            for start, size, own, more in spans:
                at = [*range(start, start + size), *range(own, own + more)]
                for layer in range(2):
                    self.layers[layer].append([x[at] for x in kept[layer]])

    def attend(self, query, key, value, layer):
        outs = []
        for row, tensors in enumerate(self.layers[layer]):
            for number, new in enumerate((key, value)):
                tensors[number] = torch.cat([tensors[number], new[row].transpose(0, 1)])
            keys, values = (
                x.transpose(0, 1).repeat_interleave(HEADS // KEY_HEADS, 0) for x in tensors
            )
            weights = (query[row] @ keys.transpose(1, 2) * SCALE).softmax(-1)
            outs.append((weights @ values).transpose(0, 1))
        return torch.stack(outs)

    def keep(self, rows):
        self.layers = [[each[row] for row in rows] for each in self.layers]


def go_on(cache: Cache, plain: Plain, steps: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        cache.extend()
        for layer in range(2):
            query = torch.randn(len(cache), HEADS, 1, SIZE, generator=generator)
            key, value = torch.randn(2, len(cache), KEY_HEADS, 1, SIZE, generator=generator)
            found = cache.attend(query, key, value, SCALE, layer)
            expected = plain.attend(query, key, value, layer)
            torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("spans", "tokens", "rows"),
    [(BRANCHES, 90, 1), (ROWS, 120, 4), (BARE, 42, 1)],
    ids=["branches", "rows", "bare"],
)
def test_answers_see_their_prefix_and_themselves(spans, tokens, rows) -> None:
    recorder, kept = recorded(tokens, 0, rows)
    cache = Cache([recorder.take(np.asarray(spans))], 5)
    plain = Plain([(kept, spans)])
    go_on(cache, plain, 7, 1)  # more than there was room for
    assert len(cache) == len(spans)


def test_parts_go_on_together_until_they_end() -> None:
    (first, kept), (second, more) = recorded(90, 0), recorded(120, 1, rows=4)
    cache = Cache([first.take(np.asarray(BRANCHES)), second.take(np.asarray(ROWS))], 1000)
    plain = Plain([(kept, BRANCHES), (more, ROWS)])
    for turn, rows in enumerate(([0, 1, 3, 4, 5, 7, 8], [0, 2, 4, 6], [2, 3], [1])):
        go_on(cache, plain, 3, turn)
        cache.keep(rows)
        plain.keep(rows)
        assert len(cache) == len(rows)
    go_on(cache, plain, ROOM, 9)


def test_a_prefix_is_never_copied() -> None:
    recorder, kept = recorded(90, 0)
    cache = Cache([recorder.take(np.asarray(BRANCHES))])
    cache.keep([0, 3])
    pointers = {x.untyped_storage().data_ptr() for layer in kept for x in layer}
    held = [x for prefixes in cache._prefixes for layer in prefixes.layers for x in layer]
    assert {x.untyped_storage().data_ptr() for x in held} == pointers
    assert sum(x.shape[0] for x in held) == 2 * 2 * 2  # not the one between them


@pytest.mark.parametrize(
    ("families", "runs"),
    [
        ([(5, 0), (5, 5), (5, 10)], [(5, [0, 5, 10], 5)]),
        ([(5, 0), (5, 10)], [(5, [0, 10], 10)]),
        ([(5, 0), (5, 10), (5, 25)], [(5, [0, 5, 10, 15, 20, 25], 5)]),
        ([(5, 0), (5, 5), (5, 10 + 5 * GAP)], [(5, [0, 5], 5), (5, [10 + 5 * GAP], 5)]),
        ([(5, 0), (5, 90), (5, 180)], [(5, [0, 90, 180], 90)]),
        ([(3, 50), (5, 0)], [(3, [50], 3), (5, [0], 5)]),
    ],
)
def test_prefixes_at_one_distance_are_looked_at_together(families, runs) -> None:
    assert _runs(families) == runs


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_on_a_gpu_as_on_a_cpu(dtype) -> None:
    recorder, kept = recorded(90, 0)
    cache = Cache([recorder.take(np.asarray(BRANCHES))], 9)
    there = Recorder()
    for key, value in kept:
        moved = [x[None].transpose(1, 2).to("cuda", dtype) for x in (key, value)]
        query = torch.zeros(1, HEADS, 90, SIZE, device="cuda", dtype=dtype)
        there.watching(unattended)(query, *moved, SCALE, 0)
    other = Cache([there.take(np.asarray(BRANCHES))], 9)
    for _ in range(4):
        cache.extend()
        other.extend()
        for layer in range(2):
            query = torch.randn(5, HEADS, 1, SIZE)
            key, value = torch.randn(2, 5, KEY_HEADS, 1, SIZE)
            expected = cache.attend(query, key, value, SCALE, layer)
            moved = [x.to("cuda", dtype) for x in (query, key, value)]
            found = other.attend(*moved, SCALE, layer)
            close = 1e-5 if dtype == torch.float32 else 0.05
            torch.testing.assert_close(found.float().cpu(), expected, atol=close, rtol=close)
