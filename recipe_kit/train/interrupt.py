"""Ctrl-C at a moment when the weights are whole."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SETTLE_S = 5.0
"""Who stops many processes may tell each of them and their launcher too, which tells them again."""


@contextmanager
def held_back() -> Iterator[None]:
    """Delays the first Ctrl-C until the block has ended; a second one comes through at once.

    An optimizer that is stopped in the middle leaves some weights changed and some not.
    """
    with noted(signal.SIGINT, settle=0) as pressed:
        yield
    if pressed():
        raise KeyboardInterrupt


@contextmanager
def noted(
    *signals: signal.Signals, settle: float = SETTLE_S
) -> Iterator[Callable[[], bool]]:
    """Notes the first of these signals instead of obeying it; gives whether there was one.

    A process that stops alone leaves the others waiting, so they have to agree first.

    Args:
        signals: Which.
        settle: Seconds in which a further one is taken for the same.
    """
    caught = False
    first = 0.0
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set handlers, and only it is interrupted.
        yield lambda: caught
        return
    before = {number: signal.getsignal(number) for number in signals}

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal caught, first
        if not caught:
            caught, first = True, time.monotonic()
        if time.monotonic() - first >= settle:
            # The next one is obeyed at once.
            signal.signal(number, before[signal.Signals(number)])

    for number in signals:
        signal.signal(number, note)
    try:
        yield lambda: caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_signals() -> list[signal.Signals]:
    """What asks one of several processes to stop.

    SIGTERM only where torch's launcher passes it on: elsewhere it says that a process has died,
    and nothing can be agreed on any more.
    """
    passed_on = os.environ.get("TORCHELASTIC_SIGNALS_TO_HANDLE", "SIGTERM").split(",")
    return [signal.SIGINT, *([signal.SIGTERM] if "SIGTERM" in passed_on else [])]
