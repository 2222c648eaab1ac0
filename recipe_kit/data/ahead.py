"""Reading ahead: the next files are read while the model works on the last ones."""

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def threads_of(cores: int, processes: int = 1) -> int:
    """Threads that read for one of several processes of a machine, by the cores they share."""
    return max(4, min(32, cores // processes))


THREADS = threads_of(
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
)
"""Threads of a process that reads media; more than the cores do no harm, since some wait."""

_READER = threading.local()


def reads_alone() -> bool:
    """Whether this thread may use all cores: it is none of those that read ahead together."""
    return not getattr(_READER, "among_others", False)


def among_others() -> None:
    """Note that this thread is one of several that read at once."""
    _READER.among_others = True


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, depth: int,
    pool: Executor | None = None,
) -> Generator[Result, None, None]:
    """Yields `function(item)` of every item in order, while the next `depth` are worked on.

    An exception is raised where its result would have been yielded. Close the generator when it is
    left before its end, so that its threads end too.

    Args:
        function: Called in the pool.
        items: What it is called with; taken one by one.
        depth: How many are worked on, or wait to be yielded.
        pool: Threads or processes, which the caller ends; `THREADS` of its own when not given.
    """
    rest = iter(items)
    # Pillow and NumPy release the interpreter's lock while they decode and copy.
    own = pool or ThreadPoolExecutor(
        THREADS, thread_name_prefix="ahead", initializer=among_others
    )
    waiting: deque[Future[Result]] = deque()
    try:
        waiting.extend(own.submit(function, item) for item in itertools.islice(rest, depth))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(own.submit(function, item) for item in itertools.islice(rest, 1))
            yield result
    finally:
        # Python before 3.11.4 may wait for ever for processes of which a single task was canceled:
        # who ends such a pool cancels all of them.
        if isinstance(own, ThreadPoolExecutor):
            for future in waiting:
                future.cancel()
        if pool is None:
            own.shutdown(cancel_futures=True)


def early(
    results: Iterator[Result], *, depth: int, stop: Callable[[], object]
) -> Generator[Result, None, None]:
    """Yields what an iterator does, while a thread works on its next `depth` results.

    Args:
        results: Is used by that thread alone.
        depth: How many results wait to be yielded.
        stop: Called when the generator is closed: ends what `results` may be waiting for.
    """

    def following(_: None) -> list[Result]:
        return list(itertools.islice(results, 1))

    with (
        ThreadPoolExecutor(1, thread_name_prefix="early") as thread,
        closing(ahead(following, itertools.repeat(None), depth=depth, pool=thread)) as turns,
    ):
        try:
            for found in turns:
                if not found:
                    return
                yield found[0]
        finally:
            stop()
