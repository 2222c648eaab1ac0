"""Record + prose → a page's folder: `index.md`, and `assets/` with all that it stands on.

Everything is made and checked before the first file is written. Files are then put in place one
by one, each whole: the assets, the page, the list of digests, and last the removal of what no page
shows any more. A process killed in between leaves a page that shows.

The record that is published holds the author's words as well, so a page follows from its own
assets.
"""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from recipe_kit.errors import PageError
from recipe_kit.page.files import PAGE, RECORD, SETUP, content, draw_plot, page_files
from recipe_kit.page.lint import Fault, lint, lint_files
from recipe_kit.page.plot_kinds import Figure
from recipe_kit.record.files import storage, write_atomic
from recipe_kit.record.schemas import Record
from recipe_kit.record.words import WORDS, worded
from recipe_kit.spec.recipe import Recipe

DRAWN_BY = "matplotlib"


def render(
    record: Record, recipe: Recipe, *, media: Path | None, out: Path,
    recipe_path: Path | None = None, templates: Path | None = None, redraw: bool = True,
) -> None:
    """Writes a recipe's page.

    Args:
        record: What the run found out.
        recipe: For its prose, title, authors and links; numbers come from the record alone.
        media: Folder with the examples' pictures; None keeps those that the page has.
        out: The page's folder, `docs/recipes/<slug>`.
        recipe_path: The recipe's file, so that errors in the prose tell its lines.
        templates: Folder of the profiles; the toolkit's own when not given.
        redraw: Draw every plot again; otherwise only if the record has changed since.

    Raises:
        PageError: A name, a template, a link or a file is wrong; nothing is written.
        StorageError: The folder cannot be written to.
    """
    assets = out / "assets"
    before = None if redraw else _published(assets / RECORD)
    drawn = before is not None and _numbers(before) == _numbers(record)
    by = before.provenance.packages.get(DRAWN_BY, "") if before and drawn else version(DRAWN_BY)
    record = _drawn_by(worded(record, recipe), by)

    def kept(plot: Figure) -> bytes:
        return content(assets / plot.file) or draw_plot(plot)

    files = page_files(
        record, media or assets, recipe_path=recipe_path, templates=templates,
        draw=kept if drawn else draw_plot, asked=media is not None,
    )
    _check(files, out)
    _publish(files, out)


def _published(path: Path) -> Record | None:
    """The record that a page has; None if there is none that can be read."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _numbers(record: Record) -> Record:
    """The record without what can change while its plots stay the same."""
    spec = {key: value for key, value in record.spec.items() if key not in WORDS}
    return _drawn_by(record.model_copy(update={"title": "", "spec": spec}), "")


def _drawn_by(record: Record, number: str) -> Record:
    """The record with the version that draws its plots, which need not be the run's."""
    packages = {**record.provenance.packages, DRAWN_BY: number}
    provenance = record.provenance.model_copy(update={"packages": packages})
    return record.model_copy(update={"provenance": provenance})


def _check(files: Mapping[str, bytes], out: Path) -> None:
    # As files, since links are checked against files.
    with TemporaryDirectory(prefix="recipe-page-") as temporary:
        made = Path(temporary)
        (made / "assets").mkdir()
        for name, new in files.items():
            (made / name).write_bytes(new)
        faults: list[Fault] = lint_files(made)
        for name in (PAGE, SETUP):
            if name in files:
                faults += lint(files[name].decode(), out, made)
    if faults:
        raise PageError(
            "the page cannot be published:\n  " + "\n  ".join(map(str, faults)), where=str(out)
        )


def _publish(files: Mapping[str, bytes], out: Path) -> None:
    """Puts the files in place; a file whose bytes are the same is not touched."""
    for name, new in files.items():
        if content(out / name) != new:
            write_atomic(out / name, new)
    # What no page shows any more, and what a killed process left of the page.
    left = (*out.glob(f".{PAGE}.*"), *out.glob(f".{SETUP}.*"), out / SETUP)
    for stale in (*sorted((out / "assets").iterdir()), *left):
        if stale.relative_to(out).as_posix() not in files and stale.is_file():
            with storage(stale):
                stale.unlink()
