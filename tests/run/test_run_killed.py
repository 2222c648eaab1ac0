"""A run that is killed goes on, and ends as one that nobody disturbed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import killed_runs
import psutil
import pytest
from small_project import CHOICE, Project, command, findings, make_project

from recipe_kit.verify.page import verify

# One thread: sums of several threads end in other bits from run to run.
ALONE = os.environ | {"OMP_NUM_THREADS": "1"}


def run(*moments: tuple[Project, str]) -> list[int]:
    done = subprocess.run(
        [sys.executable, killed_runs.__file__, *(f"{one.root}:{when}" for one, when in moments)],
        env=ALONE, text=True, capture_output=True, check=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return [int(code) for code in done.stdout.split()]


@pytest.mark.slow
def test_a_killed_run_ends_as_one_that_nobody_disturbed(tmp_path: Path) -> None:
    names = ("undisturbed", "named", "counted")
    undisturbed, named, counted = (make_project(tmp_path / name, CHOICE) for name in names)
    # Just before a file is put in place, in several stages.
    files = ("facts.json", "gate.json", "training.json", "pictures.json", "record.json", "index.md")
    # Ever later: while drawing, between two answers, between two steps, in checkpoints.
    counts = [str(30 * number + 5) for number in range(1, 6)]
    codes = run(
        (undisturbed, "end"),
        *((named, file) for file in files), (named, "end"),
        *((counted, count) for count in counts), (counted, "end"),
    )
    assert codes == [0] + [-9] * len(files) + [0] + [-9] * len(counts) + [0]

    for project in (named, counted):
        assert findings(project.record()) == findings(undisturbed.record())
        assert files_of(project) == files_of(undisturbed)
        for count, pattern in ((48, "spatial.jsonl"), (24, "spatial.blind.jsonl")):
            logs = list(project.run_folder.glob(f"*/*/predictions-{pattern}"))
            assert len(logs) == 2
            for log in logs:
                asked = [json.loads(line)["question"] for line in log.read_text().splitlines()]
                assert len(asked) == len(set(asked)) == count
        assert verify(project.page).findings == ()


def files_of(project: Project) -> set[str]:
    """Every file of a project, without the cache and what TensorBoard names by the time."""
    every = (path.relative_to(project.root) for path in project.root.rglob("*") if path.is_file())
    return {str(path) for path in every if not {".cache", "tensorboard"} & set(path.parts)}


@contextmanager
def drawing(project: Project) -> Iterator[subprocess.Popen[str]]:
    """A run that draws pictures in several processes, for as long as it takes."""
    process = subprocess.Popen(
        command("run", "recipes/small.yaml", "--set", "data.sources.synthetic.count=5000"),
        cwd=project.root, env=ALONE, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while not list(project.root.glob("runs/.cache/worlds/*/partial-*")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_stopping_a_run_leaves_no_process_behind(project: Project) -> None:
    with drawing(project) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        assert workers

        # Meanwhile it is told to be running, and nobody else may run it.
        shown = project("status")
        assert shown.stdout.startswith(f"small: running (process {process.pid}), data reading")
        second = project("run")
        assert second.exit_code == 8
        assert second.stderr == (
            f"Error: {project.run_folder}: another process ({process.pid}) is working on this run\n"
            "  To mend it: Wait until it ends (`recipe status` shows where it is), or stop it.\n"
        )

        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert output == ""
        assert errors == (
            "▸ data\n\nStopped. To go on: "
            "recipe run recipes/small.yaml --set data.sources.synthetic.count=5000\n"
        )
        assert psutil.wait_procs(workers, timeout=10)[1] == []
    assert project("status").stdout.startswith("small: interrupted in data. To go on: recipe run")

    with drawing(project) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        assert psutil.wait_procs(workers, timeout=10)[1] == []
    assert project("status").stdout.startswith("small: killed in data reading samples (0 of 4)")
