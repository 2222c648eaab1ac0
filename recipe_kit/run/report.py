"""How a run tells where it is: to the person who watches, and to `recipe status`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from recipe_kit.errors import StorageError
from recipe_kit.record.store import RunFolder

_EVERY = 0.5  # seconds between two notes for `recipe status`
_LINES_EVERY = 10.0  # seconds between two lines where there is no terminal


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Reporter:
    """Shows stages and progress, live on a terminal and as lines elsewhere.

    Args:
        folder: Of the run.
        console: Where it is shown; standard error when not given.
        overrides: Values that were set on the command line, `KEY=VALUE` each.
        processes: How many the command line asks for.
        silent: Show and note nothing: of several processes, the first one does.
    """

    def __init__(
        self, folder: RunFolder, console: Console | None = None, overrides: tuple[str, ...] = (),
        *, processes: int = 1, silent: bool = False,
    ) -> None:
        self.console = console or Console(stderr=True, highlight=False, quiet=silent)
        self._folder = folder
        self._overrides = overrides
        self._processes = processes
        self._silent = silent
        self._noted = 0.0
        self._lined = 0.0
        self._stage = ""
        self._progress: Progress | None = None
        self._bar: TaskID | None = None

    def cached(self, name: str) -> None:
        """A stage had completed before."""
        self.console.print(f"[green]✓[/] {name} [dim](done before)[/]")

    def note(self, text: str) -> None:
        """One line for the reader."""
        self.console.print(f"  {text}", markup=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Shows a stage from its beginning to its end."""
        self._stage = name
        self._status("running", "")
        started = time.monotonic()
        self.console.print(f"[bold]▸ {name}[/]")
        self._lined = time.monotonic()
        with Progress(
            TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(), console=self.console, transient=True,
            disable=not self.console.is_terminal,
        ) as progress:
            self._progress, self._bar = progress, None
            yield
        self._progress = None
        self.console.print(f"[green]✓[/] {name} [dim]({time.monotonic() - started:.1f} s)[/]")

    def advance(self, text: str, done: float, total: float) -> None:
        """Shows how far the stage is."""
        if self._progress is not None:
            if self._bar is None:
                self._bar = self._progress.add_task(text, total=total)
            self._progress.update(self._bar, description=text, completed=done, total=total)
        at = time.monotonic()
        if at - self._noted > _EVERY:
            self._noted = at
            self._status("running", f"{text} ({done:g} of {total:g})")
        if not self.console.is_terminal and at - self._lined > _LINES_EVERY:
            self._lined = at
            self.note(f"{text} ({done:g} of {total:g})")

    def ended(self, how: str) -> None:
        """Notes that the run ended, and how."""
        self._status(how, "")

    def _status(self, state: str, progress: str) -> None:
        if self._silent:
            return
        # A full disk is told by what has to be written, not by this note.
        with suppress(StorageError):
            self._folder.status(
                state=state, stage=self._stage, progress=progress, time=now(),
                overrides=self._overrides, processes=self._processes,
            )
