"""Reading ahead: the next files are read while the model works on the last ones."""

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, depth: int, threads: int = 4
) -> Generator[Result, None, None]:
    """Yields `function(item)` of every item in order, while threads work on the next `depth`.

    An exception is raised where its result would have been yielded. Close the generator when it is
    left before its end, so that its threads end too.
    """
    rest = iter(items)
    # Pillow and NumPy release the interpreter's lock while they decode and copy.
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    try:
        waiting: deque[Future[Result]] = deque(
            pool.submit(function, item) for item in itertools.islice(rest, depth)
        )
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in itertools.islice(rest, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)
