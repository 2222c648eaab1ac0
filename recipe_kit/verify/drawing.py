"""Draws plots in another process, while this one scores the answers."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache

from recipe_kit.page.files import draw_plot
from recipe_kit.page.plot_kinds import Figure

_CODE = "import sys; sys.path[:] = {path!r}; from {module} import answer; answer()"


@contextmanager
def drawing(plots: Iterable[Figure], *, aside: bool) -> Iterator[Callable[[Figure], bytes]]:
    """Gives a function that returns each of the plots as an SVG file.

    Args:
        plots: Every plot that will be asked for.
        aside: Draw them in another process from now on, where there is a second core.
    """
    if not aside or os.cpu_count() == 1:
        yield draw_plot
        return
    code = _CODE.format(path=sys.path, module=__name__)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        try:
            assert other.stdin is not None
            pickle.dump(tuple(plots), other.stdin)
            other.stdin.close()

            @cache
            def drawn() -> dict[str, bytes]:
                assert other.stdout is not None
                found: dict[str, bytes] = pickle.load(other.stdout)
                return found

            yield lambda plot: drawn()[plot.file]
        finally:
            other.kill()


def answer() -> None:
    """The other process: plots come in, files go out."""
    plots: tuple[Figure, ...] = pickle.load(sys.stdin.buffer)
    pickle.dump({plot.file: draw_plot(plot) for plot in plots}, sys.stdout.buffer)
