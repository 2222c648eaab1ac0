"""Processes that work for this one: they never outlive it, and leave Ctrl-C to it.

They are forked from a server process that has imported what they need (`forkserver`), so that they
are there in milliseconds and share their memory, and never inherit a GPU or a lock.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait

from recipe_kit.data.ahead import among_others

PRELOAD = ["recipe_kit.train.workers", "transformers.tokenization_utils_tokenizers"]
"""The server keeps what it has imported at its start, so it imports what any of them needs."""


def processes(
    count: int, prepare: Callable[..., None] | None = None, *args: object
) -> ProcessPoolExecutor:
    """A pool of processes, each of which first calls `prepare(*args)`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    return ProcessPoolExecutor(count, context, initializer=_start, initargs=(prepare, args))


def _start(prepare: Callable[..., None] | None, args: tuple[object, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    among_others()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare:
        prepare(*args)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    # Its queue would wait for ever for work that nobody sends any more.
    os._exit(1)
