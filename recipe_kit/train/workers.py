"""Processes that read examples ahead of a training."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import torch

from recipe_kit.data.processes import processes
from recipe_kit.train.plan import Item
from recipe_kit.train.reading import CACHE_BYTES, Reader, Ready, Unreadable

LARGE = 1_000_000
"""From so many bytes on, patches go through shared memory and not through a pipe."""

_READER: list[Reader] = []


def readers(reader: Reader, count: int) -> ProcessPoolExecutor:
    """A pool of so many processes for `read`; they share the room for pictures in memory."""
    # Tensors go through shared memory: importing torch has taught `multiprocessing` that.
    return processes(count, _prepare, replace(reader, room=CACHE_BYTES // count))


def read(item: Item) -> Ready | Unreadable:
    """`Reader.training` in a process of a pool."""
    found = _READER[0].training(item)
    if isinstance(found, Ready) and found.pixels_ND.nbytes < LARGE:
        # Each tensor in shared memory holds an open file, of which a process may not have many.
        return found._replace(pixels_ND=np.asarray(found.pixels_ND))
    return found


def _prepare(reader: Reader) -> None:
    torch.set_num_threads(1)
    _READER.append(reader)
