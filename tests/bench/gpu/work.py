"""How many operations the work takes at least: matrix products and attention, nothing twice.

One multiplication and one addition count as two. Counted is what the answer needs: every clip once
through the vision tower, what its questions share once through the text model, each question after
that, and the head where an answer is read.
"""

from tests.bench.gpu.real import Size


def vision(size: Size) -> float:
    """One clip through the vision tower."""
    steps, height, width = size.grid
    step = height * width
    wide, hidden = size.vision_width, size.vision_hidden
    layer = 2 * (4 * wide * wide + 2 * wide * hidden) + 4 * step * wide
    merger = 2 * (16 * wide * wide + 4 * wide * size.width) * (1 + len(size.deepstack))
    return steps * step * (size.vision_layers * layer + 2 * 1536 * wide + merger / 4)


def text(size: Size, tokens: int, before: int = 0) -> float:
    """So many tokens through the layers of the text model, after others that they see.

    Args:
        size: The model.
        tokens: How many.
        before: Tokens that all of them see.
    """
    heads = size.head * size.heads
    keys = 2 * size.head * size.key_heads
    products = 2 * size.width * (2 * heads + keys + 3 * size.hidden)
    seen = before + (tokens + 1) / 2
    return size.layers * tokens * (products + 4 * heads * seen)


def head(size: Size, positions: int) -> float:
    """The head, at so many positions."""
    return 2.0 * size.width * size.words * positions


def video(size: Size, shared: int, branches: list[int], *, seen: bool = False) -> float:
    """All questions of one clip, each answered by one token.

    Args:
        size: The model.
        shared: Tokens that its questions share.
        branches: Further tokens of each.
        seen: Whether what the vision tower sees is held already.
    """
    return (
        (0.0 if seen else vision(size))
        + text(size, shared)
        + sum(text(size, length, shared) + head(size, 1) for length in branches)
    )


def training(
    size: Size, shared: int, branches: list[int], answers: int, *, full: bool, again: bool,
    seen: bool = False,
) -> float:
    """One clip with its questions forward and backward, the vision tower frozen.

    Args:
        size: The model.
        shared: Tokens that its questions share.
        branches: Further tokens of each.
        answers: Answer tokens.
        full: Whether gradients of the weights are computed too, which is as much as the forward
            pass; those of adapters are too small to count.
        again: Whether the forward pass of the layers is computed twice.
        seen: Whether what the vision tower sees is held already.
    """
    layers = text(size, shared) + sum(text(size, length, shared) for length in branches)
    passes = 2 + full + again
    return (0.0 if seen else vision(size)) + passes * layers + (2 + full) * head(size, answers)
