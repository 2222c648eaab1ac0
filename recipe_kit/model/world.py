"""The processes that share a run: one, or those that torchrun or Slurm started.

Every process calls the same methods in the same order. With one process they do nothing.
"""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

from recipe_kit.errors import ModelError

T = TypeVar("T")

PATIENCE = timedelta(hours=24)
"""How long a process waits for the others: the first one reads all data while they wait."""


@dataclass(frozen=True, slots=True)
class World:
    """This process among those that share the work."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Its number on its machine, and so its GPU."""
    local_size: int = 1
    """Processes on its machine."""

    @property
    def first(self) -> bool:
        """Whether this process does what only one may do."""
        return self.rank == 0

    def barrier(self) -> None:
        """Waits for all processes."""
        self.gather(None)

    def broadcast(self, value: T) -> T:
        """What the first process has, given to all."""
        if self.size == 1:
            return value
        held = [value]
        distributed.broadcast_object_list(held, device=torch.device("cpu"))
        return held[0]

    def gather(self, value: T) -> list[T]:
        """What every process has, given to all, in the order of their ranks."""
        if self.size == 1:
            return [value]
        held: list[T | None] = [None] * self.size
        distributed.all_gather_object(held, value, group=_words())
        return held  # type: ignore[return-value]  # every place has been filled

    def add(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor


def join() -> World:
    """This process's place among those that were started together (RANK, WORLD_SIZE, ...).

    Raises:
        ModelError: the variables contradict each other, or there are more processes than GPUs.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return World()
    try:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        local = int(os.environ["LOCAL_RANK"])
        local_size = int(os.environ.get("LOCAL_WORLD_SIZE", size))
    except (KeyError, ValueError) as error:
        raise ModelError(
            f"WORLD_SIZE is set, and {error} is not as torchrun sets it", where="environment",
            fix="Start with `recipe run --nproc-per-node N` or `torchrun`, or unset WORLD_SIZE.",
        ) from error
    gpus = torch.cuda.device_count()
    if gpus:
        if local >= gpus:
            raise ModelError(
                f"process {local} of this machine has no GPU: there are {gpus}",
                where="--nproc-per-node", fix=f"Start {gpus} processes on each machine.",
            )
        torch.cuda.set_device(local)
    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
    return World(rank, size, local, local_size)


_GROUPS: dict[str, distributed.ProcessGroup] = {}


def _words() -> distributed.ProcessGroup:
    """A group for objects: on CPU, so that gathering them does not wait for a GPU."""
    if "gloo" not in _GROUPS:
        _GROUPS["gloo"] = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return _GROUPS["gloo"]
