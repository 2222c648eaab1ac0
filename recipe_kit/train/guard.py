"""Which steps are taken, and what ends a training that cannot go on.

No step is taken whose loss or gradient is no number, or far off all before it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from recipe_kit.errors import TrainError
from recipe_kit.model.memory import is_memory_error

BAD_STEPS = 3
"""So many steps in a row without a usable gradient end the training."""

WINDOW = 128
"""Good steps that the next one is compared with."""

ENOUGH = 64
"""Good steps before which nothing is a spike: too few to know their spread."""

MEMORY = 1024
"""Steps whose spikes the next one is compared with too."""


def fault(
    rows: Sequence[Mapping[str, Any]], loss: float, gradient_norm: float, spike: float | None
) -> str:
    """Why a step must not be taken; empty when nothing is wrong with it.

    A spike has a loss and a gradient norm that both lie more than `spike` standard deviations above
    their means over the last good steps. Source: OLMo 2's training (arXiv:2501.00656), which skips
    a step when either does. Both are asked for here, because short trainings on few samples are
    noisy, and a batch of hard samples that the model can learn from is not to be lost.

    Earlier spikes, but those just before, are among what a step is compared with, as they are in
    OLMo's: else rare batches of a harder kind would be skipped as often as they come, and never be
    learned. With 6 deviations, of spikes of one size four in `MEMORY` steps are skipped.

    Args:
        rows: The log of all steps before, so that a resumed training decides the same; a step
            that was skipped has no loss, and if it was a spike, `found` has its loss and norm.
        loss: Of this step.
        gradient_norm: Of this step, before clipping.
        spike: Standard deviations; None when there are no spikes.
    """
    if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
        return "no number"
    if spike is None:
        return ""
    # Fewer than `BAD_STEPS` in a row are bad, so there is a window of good ones among them.
    recent = list(rows[-MEMORY:])
    good = [_figures(row) for row in recent if row["loss"] is not None][-WINDOW:]
    if len(good) < ENOUGH:
        return ""
    while recent[-1]["loss"] is None:
        recent.pop()
    before = good + [row["found"] for row in recent if "found" in row]
    limits = np.mean(before, 0) + spike * np.std(before, 0)
    if not ((loss, gradient_norm) > limits).all():
        return ""
    return "spike"


def _figures(row: Mapping[str, Any]) -> tuple[float, float]:
    return row["loss"], row["gradient_norm"]


def diverged(why: str, step: int, learning_rate: float, saved: Path | None) -> TrainError:
    """What ends a training after several bad steps, or a validation that is no number.

    Args:
        why: What was wrong with the last step, as `fault` says it.
        step: Steps done.
        learning_rate: Of the recipe.
        saved: The last checkpoint, if there is one.
    """
    last = f"the last good checkpoint is {saved}" if saved else "no checkpoint yet"
    if why == "spike":
        return TrainError(
            f"loss and gradient are far above those before for {BAD_STEPS} steps in a row, the "
            f"last of them step {step}; {last}",
            where="train.spike",
            fix=f"Lower train.learning_rate: it is {learning_rate:g}; try a third of that. Or set "
            "train.spike: null, which takes such steps.",
        )
    return TrainError(
        f"the loss is no number at step {step}; {last}",
        where="train.learning_rate",
        fix=f"Lower it: it is {learning_rate:g}; try a third of that.",
    )


@contextmanager
def clear_memory_errors() -> Iterator[None]:
    """Says what to change where the memory is not enough."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
        raise TrainError(
            "the memory is not enough for this training",
            where="train.batch_size",
            fix="Make train.batch_size smaller and train.accumulate larger by the same factor, "
            "set train.gradient_checkpointing: true, or make model.max_pixels smaller.",
        ) from error
