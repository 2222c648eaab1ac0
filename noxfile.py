"""Everything a newcomer or CI runs, in one environment: `.venv`."""

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
# One environment for all: torch is large, and `. .venv/bin/activate` then gives the recipe command.
shared = nox.session(venv_location=".venv")


def install(session: nox.Session, *extras: str) -> None:
    wanted = f".[{','.join(extras)}]" if extras else "."
    session.install("-c", "constraints.txt", "-e", wanted)
    shared_data = ROOT.parent / "shared" / "data"
    if "RECIPE_DATA" not in os.environ and shared_data.is_dir():
        session.env["RECIPE_DATA"] = str(shared_data)


@shared
def demo(session: nox.Session) -> None:
    """Run the floor-crack recipe on this machine and build the site."""
    install(session)
    session.run("recipe", "run", "recipes/floor-crack.yaml")
    session.run("mkdocs", "build", "--quiet", "--strict")
    page = ROOT / "site" / "recipes" / "floor-crack" / "index.html"
    session.log(f"The page: {page.as_uri()}")
    session.log("To preview the site: .venv/bin/mkdocs serve")


@shared
def tests(session: nox.Session) -> None:
    """Run the tests."""
    install(session, "test")
    # One torch thread for each of two processes: faster on two cores than two threads in one.
    session.run(
        "pytest", "-q", "-n", "2", "--dist", "worksteal", *session.posargs,
        env={"OMP_NUM_THREADS": "1"},
    )


@shared
def lint(session: nox.Session) -> None:
    """Check style and types."""
    install(session, "test", "lint")
    session.run("ruff", "check", ".")
    session.run("mypy")


@shared
def docs(session: nox.Session) -> None:
    """Build the site, strictly."""
    install(session)
    session.run("mkdocs", "build", "--strict")


@shared
def bench(session: nox.Session) -> None:
    """Measure the figures of the README."""
    install(session, "test")
    session.run("python", "-m", "tests.bench.figures", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel and use it without the sources."""
    session.install("build", "-c", "constraints.txt")
    out = Path(session.create_tmp()) / "dist"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "-m", "build", "--wheel", "--outdir", str(out), silent=True)
    wheel = next(out.glob("*.whl"))
    session.install("-c", "constraints.txt", str(wheel))
    session.chdir(session.create_tmp())
    shutil.rmtree("recipes", ignore_errors=True)
    session.run("recipe", "new", "from-wheel")
    session.run("recipe", "validate", "recipes/from-wheel.yaml")
    session.run("recipe", "plan", "recipes/from-wheel.yaml")
