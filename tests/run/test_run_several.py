"""A run that several processes share ends as one that a single process did."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import several_processes
from odd_server import completion, serve
from small_project import ENOUGH, Project, command, copy_project, findings, make_project

from recipe_kit.verify.page import verify

ALONE = os.environ | {"OMP_NUM_THREADS": "1"}
GATED = ("run", "recipes/small.yaml", "--set", ENOUGH)
LOGS = ("predictions-floor.jsonl", "predictions-floor.blind.jsonl")
WHEN = {"timestamp", "latency_s"}


def share(
    project: Project, processes: int, *arguments: str, killed: str = "-"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, several_processes.__file__, str(project.root), str(processes), killed,
         *arguments],
        env=ALONE, text=True, capture_output=True,
    )


def answers(project: Project, stage: str, name: str) -> list[dict[str, Any]]:
    """What a log has, without the times."""
    (log,) = project.run_folder.glob(f"{stage}/*/{name}")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return [{key: value for key, value in row.items() if key not in WHEN} for row in rows]


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two records differ; numbers may by 1e-5, and what was trained has its own digest."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return [at for key in one if key != "revision"
                for at in differences(one[key], other[key], f"{place}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [at for number, each in enumerate(one)
                for at in differences(each, other[number], f"{place}.{number}")]
    tolerated = pytest.approx(one, abs=1e-5, rel=1e-5) if isinstance(one, float) else one
    return [] if tolerated == other else [f"{place}: {one} {other}"]


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Five batches of pictures, asked with and without them by one process."""
    project = make_project(tmp_path_factory.mktemp("single") / "project")
    project.edit("count: 60", "count: 100")
    project.edit("evaluation: {", "evaluation: {blind: always, ")
    done = share(project, 1, *GATED)
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def unasked(single: Project, tmp_path: Path) -> Project:
    """The same before any question was asked."""
    return make_project(tmp_path / "project", single.recipe.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(("first", "killed", "then"), [
    (None, "-", 2), (2, "1:10", 1), (2, "0:37", 3), (1, "0:21", 2),
])
def test_killed_runs_are_gone_on_with_by_any_number_of_processes(
    single: Project, unasked: Project, first: int | None, killed: str, then: int
) -> None:
    if first:
        done = share(unasked, first, *GATED, killed=killed)
        assert done.returncode == 128 + signal.SIGKILL
        assert "Traceback" not in done.stderr
        (begun,) = unasked.run_folder.glob("zero-shot/*")
        assert not (begun / "manifest.json").exists()
        logged = sum(path.read_text().count("\n") for path in begun.iterdir())
        assert 10 <= logged < 160
    done = share(unasked, then, *GATED)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Wrote docs/recipes/small/index.md\n"
    for name in LOGS:
        found, expected = (answers(one, "zero-shot", name) for one in (unasked, single))
        assert [row["question"] for row in found] == [row["question"] for row in expected]
        assert [row["answer"] for row in found] == [row["answer"] for row in expected]
        assert differences(found, expected) == []
    assert differences(findings(unasked.record()), findings(single.record())) == []
    (stage,) = unasked.run_folder.glob("zero-shot/*")
    assert {path.name for path in stage.iterdir()} == {*LOGS, "manifest.json"}
    assert verify(unasked.page).findings == ()


@pytest.mark.slow
def test_two_processes_train_and_ask_every_checkpoint_as_one(
    studied: Project, tmp_path: Path
) -> None:
    project = copy_project(studied, tmp_path / "project")
    for stage in ("zero-shot", "zero-shot-again", "train", "re-evaluation", "comparison"):
        for path in (project.run_folder / stage).rglob("manifest.json"):
            path.unlink()
        for path in (project.run_folder / stage).rglob("predictions-*"):
            path.unlink()
    for path in (project.run_folder / "train").glob("*/*"):
        path.rename(tmp_path / path.name)
    done = share(project, 2, "run", "recipes/small.yaml")
    assert done.returncode == 0, done.stderr
    assert "the 8 samples of a step are accumulated on 2 processes" in done.stderr
    left = [path for path in project.run_folder.rglob("*") if ".part-" in path.name]
    assert left == []
    before, after = studied.record(), project.record()
    for one in (before, after):
        for training in one["training"]:
            del training["performance"], training["curve"]
    assert differences(findings(after), findings(before)) == []
    assert verify(project.page).findings == ()


def test_a_server_is_asked_by_one_process(project: Project) -> None:
    with serve({"reply": completion("No", model="far")}) as (url, script):
        done = share(
            project, 2, "infer", "recipes/small.yaml", "--model", "far",
            "--set", "data.sources.synthetic.count=10",
            "--set", f"model.compare.far={{base: far, endpoint: {{url: '{url}'}}}}",
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Wrote outputs/far/base/predictions-floor.jsonl: 8 answers\n")
    assert len(script.requests) == 8
    written = project.root / "outputs/far/base"
    assert {path.name for path in written.iterdir()} == {
        "asked-floor.txt", "predictions-floor.jsonl", "questions-floor.jsonl"
    }


@pytest.mark.slow
def test_a_failure_of_every_process_is_told_once(unasked: Project) -> None:
    assert share(unasked, 2, *GATED, killed="0:1").returncode == 128 + signal.SIGKILL
    for picture in unasked.root.glob("runs/.cache/worlds/*/*/*.png"):
        picture.write_bytes(b"no picture")
    done = share(unasked, 2, *GATED)
    assert done.returncode == 3
    told = done.stderr.split("▸ zero-shot\n")[1]
    assert told.startswith("Error: ") and told.count("Error") == 1 and "Traceback" not in told
    # What the first process alone does, such as taking the lock, ends all as well.
    with unasked.run_folder.joinpath("lock").open("a") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        done = share(unasked, 2, *GATED)
    assert done.returncode == 8
    assert done.stderr.count("Error") == 1 and "is working on this run" in done.stderr


@pytest.mark.slow
def test_processes_that_nobody_ends_see_that_one_is_gone(unasked: Project) -> None:
    done = subprocess.run(
        [sys.executable, several_processes.__file__, str(unasked.root), "3", "1:5", *GATED],
        env=ALONE | {"UNATTENDED": "1"}, text=True, capture_output=True,
    )
    assert done.returncode == 128 + signal.SIGKILL
    told = done.stderr.split("▸ zero-shot\n")[1]
    assert told.startswith("Error: process ") and told.count("Error") == 1
    assert " of 3 has lost the others" in told and "Traceback" not in told
    assert told.endswith(f"to go on: recipe run recipes/small.yaml --set '{ENOUGH}'\n")


PART = "zero-shot/*/predictions-floor.jsonl.part-1"


def begun(
    project: Project, *arguments: str, log: str = PART, size: int = 1
) -> "subprocess.Popen[str]":
    """A run that `recipe` shares out itself, as soon as so many bytes more are in a log."""
    before = logged(project, log)
    process = subprocess.Popen(
        command("run", "--nproc-per-node", "2", "recipes/small.yaml", *arguments),
        cwd=project.root, env=ALONE, text=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    end = time.monotonic() + 120
    while logged(project, log) < before + size:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return process


def logged(project: Project, log: str) -> int:
    """Bytes in the files of a log."""
    return sum(path.stat().st_size for path in project.run_folder.glob(log))


def workers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The processes that share the run, by their rank."""
    found = psutil.Process(process.pid).children()
    return sorted(
        (one for one in found if "RANK" in one.environ()), key=lambda one: one.environ()["RANK"]
    )


@pytest.mark.slow
def test_runs_that_are_started_with_one_command(project: Project) -> None:
    many = ("--set", "data.sources.synthetic.count=600", "--set", ENOUGH)
    again = (
        "recipe run --nproc-per-node 2 recipes/small.yaml --set data.sources.synthetic.count=600 "
        f"--set '{ENOUGH}'\n"
    )
    # One of the processes is killed.
    process = begun(project, *many)
    assert project("status").stdout.startswith("small: running (process ")
    workers = workers_of(process)
    workers[1].kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL
    assert errors.split("▸ zero-shot\n")[1] == (
        "Error: --nproc-per-node: process 1 of 2 was ended by SIGKILL, and the others with it\n"
        "  To mend it: If nobody did this, the machine ran out of memory: the system's log tells, "
        f"and fewer processes need less. What was done is kept; to go on: {again}"
    )
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    assert project("status").stdout.endswith(f"To go on: {again}")

    # Ctrl-C, which a terminal sends to the launcher; its processes hear it from there.
    process = begun(project, *many)
    workers = workers_of(process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.split("▸ zero-shot\n")[1] == f"\nStopped. To go on: {again}"
    assert psutil.wait_procs(workers, timeout=10)[1] == []

    # The launcher is killed, and cannot end its processes.
    process = begun(project, *many)
    workers = workers_of(process)
    process.kill()
    process.communicate()
    assert psutil.wait_procs(workers, timeout=20)[1] == []

    done = project("run", *many)
    assert done.exit_code == 0, done.output
    assert len(answers(project, "zero-shot", "predictions-floor.jsonl")) == 480


@pytest.mark.slow
def test_a_training_that_is_stopped_is_saved_once(project: Project) -> None:
    long = ("--set", "train.epochs=40", "--set", "train.checkpoint_every=50")
    process = begun(project, *long, log="train/*/log.jsonl", size=1000)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.count("Stopped. To go on: recipe run --nproc-per-node 2") == 1
    assert "Error" not in errors and "Traceback" not in errors
    (log,) = project.run_folder.glob("train/*/log.jsonl")
    last = json.loads(log.read_text().splitlines()[-1])["step"]
    saved = {path.name for path in log.parent.glob("checkpoints/*")}
    assert f"step-{last:06d}" in saved
    assert project("status").stdout.startswith("small: interrupted in train")
