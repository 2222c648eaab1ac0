"""The job file for Slurm is what its page shows, and does what the page says."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from small_project import ENOUGH, Project

from recipe_kit.cli import main

PLACE = Path(__file__).parents[2] / "docs" / "how-to"
JOB = PLACE / "several-gpus.sbatch"
# As Slurm: its own options left out, a task on this machine.
SRUN = """\
#!/bin/bash
while [[ $1 == --* ]]; do shift; done
echo $$ > srun.pid
exec "$@"
"""
SCONTROL = '#!/bin/bash\n[ "$1" = show ] && echo localhost || echo "$@" > requeued\n'
SCANCEL = '#!/bin/bash\nkill -INT "$(cat srun.pid)"\n'


def test_the_page_shows_the_file() -> None:
    page = (PLACE / "several-gpus.md").read_text()
    assert f'```bash title="several-gpus.sbatch"\n{JOB.read_text()}```\n' in page


def test_the_file_is_bash_with_a_command_that_exists() -> None:
    subprocess.run(["bash", "-n", JOB], check=True)
    words = JOB.read_text().split("-m recipe_kit ")[1].split()
    assert words[:3] == ["run", '"$@"', "&"]
    command = main.commands["run"]
    assert isinstance(command, click.Command)
    given = command.make_context("run", ["recipes/my-recipe.yaml", "--set", "train.epochs=1"])
    assert given.params["overrides"] == ("train.epochs=1",)


def submitted(project: Project, *arguments: str) -> "subprocess.Popen[str]":
    tools = project.root / "bin"
    tools.mkdir(exist_ok=True)
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL), ("scancel", SCANCEL)):
        (tools / name).write_text(text)
        (tools / name).chmod(stat.S_IRWXU)
    slurm = {
        "SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NODELIST": "here", "SLURM_JOB_NUM_NODES": "1",
        "SLURM_GPUS_ON_NODE": "2", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PLACE.parents[1]),
        # With torchrun, whether or not this environment has been activated.
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.Popen(
        ["bash", JOB, "recipes/small.yaml", "--set", ENOUGH, *arguments], cwd=project.root,
        env=os.environ | slurm, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


@pytest.mark.slow
def test_the_job_runs_a_recipe(project: Project) -> None:
    job = submitted(project)
    output, errors = job.communicate(timeout=300)
    assert job.returncode == 0, errors
    assert output == "Wrote docs/recipes/small/index.md\n"
    assert not (project.root / "requeued").exists()


@pytest.mark.slow
def test_before_its_time_is_over_the_job_is_stopped_and_queued_again(project: Project) -> None:
    job = submitted(project, "--set", "data.sources.synthetic.count=600")
    end = time.monotonic() + 120
    while not any(
        path.stat().st_size for path in project.run_folder.glob("zero-shot/*/*.part-1")
    ):
        assert job.poll() is None, job.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    job.send_signal(signal.SIGUSR1)
    _, errors = job.communicate(timeout=60)
    assert errors.count("Stopped. To go on: recipe run recipes/small.yaml --set") == 1
    assert (project.root / "requeued").read_text() == f"requeue {os.getpid()}\n"
    assert project("status").stdout.startswith("small: interrupted in zero-shot")
