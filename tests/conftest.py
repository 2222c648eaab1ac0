import os
import shutil
import signal
from pathlib import Path

import pytest
from small_project import CHOICE, Project, copy_project, make_project

from recipe_kit.model.checkpoint import TINY

# Started in the background by a shell, tests inherit that Ctrl-C is ignored, and so would the
# programs that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real photographs; the test is skipped where there is none."""
    folder = Path(os.environ.get("RECIPE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real photographs here: RECIPE_DATA is not set")
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose recipe has run, with fine-tuning; to be looked at, not to be changed."""
    project = make_project(tmp_path_factory.mktemp("finished") / "project")
    done = project("run")
    assert done.exit_code == 0, done.output
    return project


@pytest.fixture(scope="session")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with a recipe of multiple choice."""
    project = make_project(tmp_path_factory.mktemp("chosen") / "project", CHOICE)
    done = project("run")
    assert done.exit_code == 0, done.output
    return project


@pytest.fixture(scope="session")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with every checkpoint asked, and with a second model beside the base model."""
    project = make_project(tmp_path_factory.mktemp("studied") / "project")
    project.edit("checkpoint_every: 1", "checkpoint_every: 2")
    project.edit("evaluation: {", "evaluation: {checkpoints: all, blind: always, ")
    project.edit("max_pixels: 1024}", "max_pixels: 1024, compare: {again: {base: again}}}")
    shutil.copytree(TINY, project.root / "recipes" / "again")
    done = project("run")
    assert done.exit_code == 0, done.output
    return project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that nothing has been run in."""
    return make_project(tmp_path / "project")


@pytest.fixture
def done(finished: Project, tmp_path: Path) -> Project:
    """A copy of the project whose recipe has run, to be changed."""
    return copy_project(finished, tmp_path / "project")
