"""The `recipe` command in several processes that share a run, as torchrun starts them.

    python several_processes.py FOLDER PROCESSES RANK:ANSWERS ARGUMENT...

The process RANK is killed (SIGKILL) when it has logged so many answers; `-` for nobody. The
imports are done once; each process is a fork. When one ends badly the others are ended, as
torchrun does, unless UNATTENDED is set in the environment. Ends with the exit code of the one that
failed first, 128 and more for a signal.
"""

import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from recipe_kit.cli import main
from recipe_kit.page import render
from recipe_kit.record.files import Appender
from recipe_kit.record.schemas import Prediction
from recipe_kit.run import execute, infer

IMPORTED = (render, execute, infer)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("localhost", 0))
        return int(one.getsockname()[1])


def killed_after(answers: int) -> None:
    """This process is killed when it has logged so many answers."""
    append = Appender.append
    left = answers

    def count(log: Appender, row: object) -> None:
        nonlocal left
        append(log, row)
        left -= isinstance(row, Prediction)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Appender.append = count


def in_a_fork(rank: int, environment: dict[str, str], answers: int, arguments: list[str]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        os.environ |= environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        if answers:
            killed_after(answers)
        main(arguments, prog_name="recipe")
    except SystemExit as ended:
        sys.stderr.flush()
        os._exit(int(ended.code or 0))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def share(processes: int, killed: str, arguments: list[str]) -> int:
    victim, _, answers = killed.partition(":")
    environment = {
        "WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "localhost", "MASTER_PORT": str(free_port()),
    }
    unattended = "UNATTENDED" in os.environ
    if not unattended:
        environment["RECIPE_KIT_LAUNCHED"] = "1"
    running = {
        in_a_fork(rank, environment, int(answers) if str(rank) == victim else 0, arguments)
        for rank in range(processes)
    }
    worst = 0
    while running:
        child, status = os.wait()
        running.remove(child)
        code = os.waitstatus_to_exitcode(status)
        if code and not worst:
            worst = code if code > 0 else 128 - code
            for one in () if unattended else running:
                os.kill(one, signal.SIGTERM)
    return worst


if __name__ == "__main__":
    os.chdir(Path(sys.argv[1]))
    sys.exit(share(int(sys.argv[2]), sys.argv[3], sys.argv[4:]))
