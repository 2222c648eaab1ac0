"""Everything a newcomer or CI runs.

All sessions but `package` share one environment, `.venv`: torch is large, and a newcomer then
activates it once for the `recipe` command.
"""

import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.sessions = ["tests"]

ROOT = Path(__file__).parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")


def install(session: nox.Session, *extras: str) -> None:
    """Makes the shared environment and installs the project into it."""
    if not (VENV / "pyvenv.cfg").is_file():
        session.run(sys.executable, "-m", "venv", str(VENV), external=True)
    wanted = f".[{','.join(extras)}]" if extras else "."
    run(session, "python", "-m", "pip", "install", "-q", "-c", "constraints.txt", "-e", wanted)


def run(session: nox.Session, command: str, *arguments: str, **environment: str) -> None:
    """Runs a command of the shared environment."""
    shared_data = ROOT.parent / "shared" / "data"
    if "RECIPE_DATA" not in os.environ and shared_data.is_dir():
        environment["RECIPE_DATA"] = str(shared_data)
    environment["NO_MKDOCS_2_WARNING"] = "1"  # a notice about another product
    environment["PATH"] = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    session.run(str(BIN / command), *arguments, env=environment, external=True)


@nox.session(venv_backend="none")
def demo(session: nox.Session) -> None:
    """Run the floor-crack recipe on this machine and build the site."""
    install(session)
    run(session, "recipe", "run", "recipes/floor-crack.yaml")
    run(session, "mkdocs", "build", "--quiet", "--strict")
    page = ROOT / "site" / "recipes" / "floor-crack" / "index.html"
    session.log(f"The page: {page.as_uri()}")
    session.log(f"To preview the site: {(BIN / 'mkdocs').relative_to(ROOT)} serve")


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run the tests."""
    install(session, "test")
    # One torch thread in each of two processes: faster on two cores than two threads in one.
    parallel = ("-n", "2", "--dist", "worksteal")
    run(session, "pytest", "-q", *parallel, *session.posargs, OMP_NUM_THREADS="1")


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Check style and types."""
    install(session, "test", "lint")
    run(session, "ruff", "check", ".")
    run(session, "mypy")


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """Build the site, strictly."""
    install(session)
    run(session, "mkdocs", "build", "--strict")


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Measure the figures of the README; with `-- gpu`, those of a GPU."""
    install(session, "test")
    part = "gpu" if session.posargs[:1] == ["gpu"] else "figures"
    rest = session.posargs[part == "gpu" :]
    run(session, "python", "-m", f"tests.bench.{part}", *rest)


@nox.session(venv_backend="venv")
def package(session: nox.Session) -> None:
    """Build the wheel and use it without the sources."""
    session.install("build", "-c", "constraints.txt")
    out = Path(session.create_tmp()).resolve() / "dist"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "-m", "build", "--wheel", "--outdir", str(out), silent=True)
    wheel = next(out.glob("*.whl"))
    session.install("-c", "constraints.txt", str(wheel))
    session.chdir(out)
    session.run("recipe", "new", "from-wheel")
    session.run("recipe", "validate", "recipes/from-wheel.yaml")
    session.run("recipe", "plan", "recipes/from-wheel.yaml")
