"""Runs of a recipe that are killed (SIGKILL) at chosen moments, each in a process of its own.

    python killed_runs.py PROJECT:MOMENT...

A moment is a number (so many files opened for writing, renamed or removed, and so many steps of
progress), the name of a file (just before that file is put in place), or `end`. The imports are
done once; each run is a fork. Prints how each run ended: 0, or minus the signal.
"""

import os
import signal
import sys
import traceback
from pathlib import Path

from recipe_kit.page.render import render
from recipe_kit.run.execute import execute
from recipe_kit.run.layout import layout
from recipe_kit.run.report import Reporter
from recipe_kit.spec.load import load_recipe

WRITING = os.O_WRONLY | os.O_RDWR
RECIPE = Path("recipes/small.yaml")


class Killer:
    """Ends this process at a moment."""

    def __init__(self, moment: str) -> None:
        self.name = moment
        self.left = int(moment) if moment.isdigit() else -1
        self.root = str(Path.cwd())

    def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """An audit hook."""
        if event == "os.rename" and Path(str(arguments[1])).name == self.name:
            os.kill(os.getpid(), signal.SIGKILL)
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if (opened or event in ("os.rename", "os.remove", "os.mkdir")) and str(
            arguments[0]
        ).startswith(self.root):
            self.count()


class Counting(Reporter):
    """Progress counts as a moment."""

    killer: Killer

    def advance(self, text: str, done: float, total: float) -> None:
        super().advance(text, done, total)
        self.killer.count()


def run(moment: str) -> None:
    recipe = load_recipe(RECIPE)
    places = layout(recipe, RECIPE)
    report = Counting(places.run)
    report.killer = Killer(moment)
    sys.addaudithook(report.killer)
    record = execute(recipe, places, report)
    render(record, recipe, media=places.run.path / "media", out=places.page, recipe_path=RECIPE)


def in_a_fork(where_and_when: str) -> int:
    project, _, moment = where_and_when.rpartition(":")
    child = os.fork()
    if child == 0:
        try:
            os.chdir(project)
            run(moment)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    print(*map(in_a_fork, sys.argv[1:]))
