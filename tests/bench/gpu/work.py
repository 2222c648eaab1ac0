"""How many operations the work takes at least, counted by `recipe_kit.model.flops`.

Counted is what the answers need: every clip once through the vision tower, what its questions share
once through the text model, each question after that, and the head where an answer is read. Padding
does not count, nor what a program computes twice.
"""

from collections.abc import Sequence

from recipe_kit.model.flops import Work, asking, medium, sequences, training
from recipe_kit.model.shape import Shape
from recipe_kit.spec.train import Train


def clip(
    grid: tuple[int, int, int], shared: int, branches: Sequence[tuple[int, int]], *,
    seen: bool = False,
) -> Work:
    """One clip and what is asked of it.

    Args:
        grid: Patches of the clip along time, height and width.
        shared: Tokens that its questions share.
        branches: Further tokens of each, and how many of them the head is computed for.
        seen: Whether what the vision tower sees is held already.
    """
    return (Work() if seen else medium(*grid)) + sequences(shared, branches)


def answered(shape: Shape, work: Work) -> float:
    """Operations of asking."""
    return float(asking(shape, work).forward)


def taught(shape: Shape, work: Work, train: Train) -> tuple[float, float]:
    """Operations of a training: the model's own, and with what is computed again."""
    cost = training(shape, work, train)
    return float(cost.model), float(cost.whole)
