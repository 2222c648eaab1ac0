"""The learning rate of a step, the best of several validations, and when to stop; all pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Scores(NamedTuple):
    """What one validation found."""

    accuracy: float
    loss: float


def learning_rate(
    step: int, steps: int, *, peak: float, warmup: float, final: float
) -> float:
    """The learning rate of one step: a straight rise, then half a cosine.

    Args:
        step: The step, counted from 0.
        steps: Steps altogether.
        peak: Largest learning rate.
        warmup: Share of the steps in which it rises.
        final: Where the cosine ends at the last step, as a share of the peak.
    """
    rising = round(warmup * steps)
    if step < rising:
        return peak * (step + 1) / rising
    # The first step after the rise has the peak, the last step the final rate.
    progress = (step - rising) / max(1, steps - 1 - rising)
    return peak * (final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2)


def best(validations: Sequence[Scores]) -> int:
    """Index of the best validation: highest accuracy, then lowest loss, then earliest.

    Where there is nothing to be right or wrong about, all accuracies are 0, and the loss decides.
    """
    return max(
        range(len(validations)),
        key=lambda index: (validations[index].accuracy, -validations[index].loss, -index),
    )


def plateaued(validations: Sequence[Scores], *, patience: int, min_delta: float) -> bool:
    """Whether the last `patience` validations brought neither better accuracy nor lower loss.

    Better is better than everything before by more than `min_delta`.
    """
    accuracy, loss, idle = -math.inf, math.inf, 0
    for scores in validations:
        better = scores.accuracy > accuracy + min_delta or scores.loss < loss - min_delta
        idle = 0 if better else idle + 1
        accuracy, loss = max(accuracy, scores.accuracy), min(loss, scores.loss)
    return idle >= patience
