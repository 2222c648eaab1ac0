"""Trainings of the small model on several processes, which are forks of this one.

    python several.py < CASES

Cases are a JSON list; every one is trained in turn, by so many processes (gloo, on the CPU), into
its folder. Prints how the processes of each case ended, as JSON.
"""

import json
import os
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TypedDict

HERE = Path(__file__).parent


class Case(TypedDict, total=False):
    """One training."""

    folder: str
    size: int
    local: int
    """Processes on each machine, as far as they know; all of them when not given."""
    full_disk: bool
    """The last process can write no more than 20,000 bytes into a file."""
    parts: bool
    """Do not train; note what part of each weight a process holds."""
    bfloat16: bool
    """The model's format."""
    train: dict[str, object]
    """The training section of its recipe."""
    samples: tuple[int, int]
    """For training, and for validation."""
    ctrl_c: int
    """The last process is sent SIGINT in the forward pass of this number, counted from 1."""
    crowded: int
    """The last process has no memory for more tokens in a forward pass than this."""


def several(cases: list[Case]) -> list[list[int]]:
    """Run cases; the exit codes of each one's processes."""
    done = subprocess.run(
        [sys.executable, __file__], input=json.dumps(cases), capture_output=True, text=True,
        check=False, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false",
             "PYTHONPATH": os.pathsep.join((str(HERE.parents[1]), str(HERE)))},
    )
    assert done.returncode == 0, done.stderr
    sys.stderr.write(done.stderr)
    codes: list[list[int]] = json.loads(done.stdout)
    return codes


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return int(found.getsockname()[1])


def in_forks(case: Case) -> list[int]:
    size = case.get("size", 2)
    local = case.get("local", size)
    port = free_port()
    children = []
    for rank in range(size):
        child = os.fork()
        if child == 0:
            os.environ |= {
                "RANK": str(rank), "LOCAL_RANK": str(rank % local), "WORLD_SIZE": str(size),
                "LOCAL_WORLD_SIZE": str(local), "MASTER_ADDR": "localhost",
                "MASTER_PORT": str(port),
            }
            try:
                one(case)
            except KeyboardInterrupt:
                os._exit(130)
            except BaseException as error:
                traceback.print_exc()
                Path(case["folder"], f"error-{rank}.txt").write_text(str(error))
                os._exit(1)
            os._exit(0)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def one(case: Case) -> None:
    """What each process of a case does."""
    world = join()
    folder, (count, val) = Path(case["folder"]), case.get("samples", (12, 4))
    loaded = small_model()
    if case.get("bfloat16"):
        loaded = replace(loaded, model=loaded.model.bfloat16(), dtype=torch.bfloat16)
    if case.get("parts"):
        placed = place(loaded, recipe(**case["train"]).train, world).named
        held = {name: [value.to_local().numel(), value.numel()] for name, value in placed}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"parts-{world.rank}.json").write_text(json.dumps(held))
        return
    last = world.rank == world.size - 1
    first = loaded.model.model.language_model.layers[0]
    if last and case.get("full_disk"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    if last and "crowded" in case:
        first.register_forward_pre_hook(
            lambda _, inputs: too_little(inputs[0].shape[0] * inputs[0].shape[1], case["crowded"])
        )
    if last and "ctrl_c" in case:
        moments = iter(range(1, 1000))

        def press(module: object, inputs: object) -> None:
            if next(moments) == case["ctrl_c"]:
                os.kill(os.getpid(), signal.SIGINT)

        first.register_forward_pre_hook(press)
    notes: list[str] = []
    result = run(
        folder, recipe(**case["train"]), samples(count, val=val), loaded=loaded, world=world,
        note=notes.append,
    )
    (folder / f"result-{world.rank}.json").write_text(result.model_dump_json())
    (folder / f"notes-{world.rank}.json").write_text(json.dumps(notes))


def too_little(tokens: int, most: int) -> None:
    if tokens > most:
        raise torch.OutOfMemoryError(f"no memory for {tokens} tokens")


if __name__ == "__main__":
    import resource
    import signal
    from dataclasses import replace

    import torch
    from small_model import recipe, samples, small_model
    from small_training import run

    from recipe_kit.model.world import join
    from recipe_kit.train.parallel import place

    print(json.dumps([in_forks(case) for case in json.load(sys.stdin)]))
