"""Processes that read examples ahead of a training.

They are started by a server process that has imported what they need (`forkserver`), so that they
are there in milliseconds and share their memory, and never inherit a GPU or a lock. They end with
the process that started them, however it ends, and leave Ctrl-C to it.
"""

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing.connection import wait

import numpy as np
import torch

from recipe_kit.train.plan import Item
from recipe_kit.train.reading import CACHE_BYTES, Reader, Ready, Unreadable

LARGE = 1_000_000
"""From so many bytes on, patches go through shared memory and not through a pipe."""

_READER: list[Reader] = []


def processes(reader: Reader, count: int) -> ProcessPoolExecutor:
    """A pool of so many processes for `read`; they share the room for pictures in memory."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    # Tensors go through shared memory: importing torch has taught `multiprocessing` that.
    return ProcessPoolExecutor(
        count, context, initializer=_start, initargs=(replace(reader, room=CACHE_BYTES // count),)
    )


def read(item: Item) -> Ready | Unreadable:
    """`Reader.training` in a process of a pool."""
    found = _READER[0].training(item)
    if isinstance(found, Ready) and found.pixels_ND.nbytes < LARGE:
        # Each tensor in shared memory holds an open file, of which a process may have but many.
        return found._replace(pixels_ND=np.asarray(found.pixels_ND))
    return found


def _start(reader: Reader) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _READER.append(reader)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    # The queue would wait for work that nobody sends any more.
    os._exit(1)
