"""The gradient of one optimizer step, over all its batches and all processes."""

from collections.abc import Iterator

import numpy as np
import torch

from recipe_kit.model.memory import is_memory_error
from recipe_kit.model.world import World
from recipe_kit.spec.train import Train
from recipe_kit.train.feed import MicroBatch, Window
from recipe_kit.train.loss import loss_weight, summed
from recipe_kit.train.parallel import Divided, Whole


class TooLittleMemoryError(Exception):
    """The memory was not enough for a forward pass, of this process or of another."""


class AskedToStopError(Exception):
    """A process was asked to stop, and all of them know."""


def gradient(
    weights: Whole | Divided, spec: Train, window: Window, *, step: int, cut: int, world: World,
    stop: bool = False,
) -> tuple[float, float]:
    """Compute the gradient of a step, clipped; returns the mean loss and the norm before clipping.

    Both are the same on all processes, and follow from the step alone: neither how it is cut into
    batches nor how many processes there are matters.

    Args:
        weights: Get the gradient.
        spec: What is learned.
        window: The batches of this process.
        step: Steps done before.
        cut: Samples in a batch.
        world: The processes that compute it together.
        stop: Whether this process has been asked to stop.

    Raises:
        TooLittleMemoryError: Raised by all; gradients are empty again.
        AskedToStopError: Raised by all, before anything is computed.
    """
    weight = sum(loss_weight(spec, micro) for micro in window.batches)
    if world.size > 1:
        known = torch.tensor([weight, stop], dtype=torch.float64, device=weights.loaded.device)
        weight, asked = map(int, world.add(known).tolist())
        stop = asked > 0
    if stop:
        raise AskedToStopError
    total, failed = _backward(weights, spec, window, step, cut, weight, world)
    figures = weights.add_up(torch.stack([total, torch.full_like(total, failed)]))
    if figures[1] > 0:
        weights.clear()
        if weights.loaded.device.type == "cuda":
            torch.cuda.empty_cache()
        raise TooLittleMemoryError
    norm = weights.clip(spec.clip)
    return figures[0].item(), norm.item()


def _backward(
    weights: Whole | Divided, spec: Train, window: Window, step: int, cut: int, weight: int,
    world: World,
) -> tuple[torch.Tensor, bool]:
    """This process's part of the mean loss, and whether its memory was not enough."""
    weights.loaded.model.train()
    total = torch.zeros((), device=weights.loaded.device)
    passes = list(_passes(window, cut, world) if weights.divided else
                  ((micro, True) for micro in window.batches))
    try:
        for number, (micro, counts) in enumerate(passes):
            # Dropout follows from the batch's place in the step, so a resumed run repeats it
            # exactly, on any number of processes.
            torch.manual_seed(_seed(spec.seed, step, world.rank + number * world.size))
            weights.next_pass(last=number == len(passes) - 1)
            # The mean is over the whole window, so how it is cut into batches does not matter.
            loss = summed(spec, micro, weights.losses(micro)) / weight
            counted = loss if counts else loss * 0
            counted.backward()  # type: ignore[no-untyped-call] # torch ships it without types
            if counts:
                total += loss.detach()
    except (MemoryError, RuntimeError) as error:
        # Processes that put layers together for each other cannot go back to a common beginning.
        if weights.divided or not is_memory_error(error):
            raise
        return total, True
    return total, False


def _passes(window: Window, cut: int, world: World) -> Iterator[tuple[MicroBatch, bool]]:
    """As many batches on every process, filled up with some that do not count."""
    spare = window.batches[-1] if window.batches else None
    if window.samples <= cut * (world.size - 1):
        # Some processes have none; all of them know which.
        spare = world.broadcast(spare)
    for batch in window.batches:
        yield batch, True
    for _ in range(window.rounds - len(window.batches)):
        assert spare is not None, "the first process has a batch in every step"
        yield spare, False


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
