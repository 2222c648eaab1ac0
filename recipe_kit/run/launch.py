"""A run by several processes: started together, and ended together with one message."""

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from uuid import uuid4

from recipe_kit.errors import EngineError, ModelError, RecipeError

if TYPE_CHECKING:
    from recipe_kit.model.world import World

INTERRUPTED = 130
SAVING_S = 600
"""Seconds that processes may take to save when they are told to stop."""
LOOK_EVERY_S = 2.0
GRACE_S = 10.0
"""Seconds until a process ends by itself when another one has failed, and nobody ends it."""
FAILED, STOPPED = ".failed-", ".stopped-"
"""How the names of empty files begin that the first process to fail, or to be stopped, leaves."""
OURS = "RECIPE_KIT_LAUNCHED"
"""Set in the environment of processes that `launch` started: it tells how they ended."""


def started() -> bool:
    """Whether this is one of several processes that torchrun, or `launch`, has started."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def first() -> bool:
    """Whether this is the only process, or the first of several."""
    return os.environ.get("RANK", "0") == "0" or not started()


def launch(arguments: Sequence[str], processes: int, *, go_on: str) -> int:
    """Starts a command in several processes on this machine, each with its GPU, and waits.

    Args:
        arguments: Of the `recipe` command.
        processes: How many.
        go_on: The command that goes on with the run.

    Returns:
        The exit code: that of the process that failed first, or 128 and the signal that ended it.

    Raises:
        ModelError: There are fewer GPUs.
    """
    import logging

    import torch
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    gpus = torch.cuda.device_count()
    if gpus and processes > gpus:
        raise ModelError(
            f"{processes} processes are asked for, and this machine has {_count(gpus, 'GPU')}",
            where="--nproc-per-node", fix=f"Write at most --nproc-per-node {gpus}.",
        )
    os.environ[OURS] = "1"
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SAVING_S))
    if not gpus:
        # Threads of several processes that share the cores wait for each other.
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // processes)))
    logging.disable()  # the launcher's own words, which would stand before what the run tells
    # Schedulers end a job with SIGTERM: it is saved as with Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, run_id=uuid4().hex,
        rdzv_backend="c10d", rdzv_endpoint="localhost:0", local_addr="localhost", max_restarts=0,
        signals_to_handle="SIGINT,SIGHUP,SIGQUIT",
    )
    try:
        elastic_launch(config, sys.executable)("-m", "recipe_kit", *arguments)
    except SignalException:
        return INTERRUPTED
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode >= 0:
            return int(failure.exitcode)
        told = EngineError(
            f"process {rank} of {processes} was ended by {_signal(-failure.exitcode)}, and the "
            "others with it",
            where="--nproc-per-node",
            fix="If nobody did this, the machine ran out of memory: the system's log tells, and "
            f"fewer processes need less. What was done is kept; to go on: {go_on}",
        )
        print(f"Error: {told}", file=sys.stderr)
        return 128 - int(failure.exitcode)
    return 0


@contextmanager
def together(folder: Path, *, go_on: str) -> Iterator["World"]:
    """Joins the processes of this run, and ends all of them when one fails.

    Of several processes, only the first to fail tells what happened; the exit code is that of its
    error.

    Args:
        folder: Of the run, shared by all processes.
        go_on: The command that goes on with the run.

    Raises:
        ModelError: The processes cannot be joined.
    """
    from torch import distributed

    from recipe_kit.model.world import join

    world = join()
    if world.size == 1:
        yield world
        return
    failed = folder / f"{FAILED}{world.broadcast(uuid4().hex)}"
    threading.Thread(target=_end_with_the_others, args=(failed,), daemon=True).start()
    try:
        yield world
    except BaseException as error:  # Ctrl-C too: the other processes wait for this one
        _end(_told(error, world, failed, go_on))
    world.barrier()
    distributed.destroy_process_group()


def _told(error: BaseException, world: "World", failed: Path, go_on: str) -> int:
    """Tells what happened, if no other process has; returns the exit code."""
    code = 1
    if isinstance(error, KeyboardInterrupt):
        code, text = INTERRUPTED, f"\nStopped. To go on: {go_on}"
        # Another name: the others have heard it too, and are not to be ended while they save.
        failed = failed.with_name(failed.name.replace(FAILED, STOPPED))
    elif isinstance(error, RecipeError):
        code, text = error.exit_code, f"Error: {error}"
    elif isinstance(error, SystemExit):
        return int(error.code or 0) if isinstance(error.code, int | None) else 1
    elif _is_lost(error):
        if OURS in os.environ:
            time.sleep(GRACE_S)  # `launch` ends this process at once, and tells which one was lost
        text = (
            f"Error: process {world.rank} of {world.size} has lost the others: one of them was "
            "ended from outside, or its machine ran out of memory\n"
            f"  To mend it: What was done is kept; to go on: {go_on}"
        )
    else:
        text = "".join(traceback.format_exception(error)).rstrip()
    if _is_first(failed):
        print(text, file=sys.stderr, flush=True)
        _write_for_torchrun(text)
    return code


def _write_for_torchrun(text: str) -> None:
    """Puts what happened where torchrun looks for it, to show it in its table of failures."""
    if place := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        facts = {"message": text, "extraInfo": {"timestamp": str(int(time.time()))}}
        with suppress(OSError):
            Path(place).write_text(json.dumps({"message": facts}), encoding="utf-8")


def _is_lost(error: BaseException) -> bool:
    """Whether an error comes of another process that is gone."""
    from torch import distributed

    said = str(error).lower()
    return isinstance(error, distributed.DistError) or (
        isinstance(error, RuntimeError)
        and any(word in said for word in ("gloo", "nccl", "closed by peer", "reset by peer"))
    )


def _is_first(failed: Path) -> bool:
    """Whether this process is the first to fail; from now on no other is."""
    try:
        failed.parent.mkdir(parents=True, exist_ok=True)
        with failed.open("x"):
            return True
    except FileExistsError:
        return False
    except OSError:
        return True  # a full disk: better told twice than not at all


def _end_with_the_others(failed: Path) -> None:
    """Ends this process after another one has failed, or when its launcher is gone."""
    parent = os.getppid()
    while True:
        time.sleep(LOOK_EVERY_S)
        if failed.exists():
            # Where a launcher sees the failure it ends this process before. Launchers of other
            # machines do not, and waiting for a lost GPU may take for ever.
            time.sleep(GRACE_S)
            os._exit(1)
        if os.getppid() != parent:
            os._exit(1)


def _end(code: int) -> None:
    """Ends this process at once: what waits for lost processes is not waited for."""
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
