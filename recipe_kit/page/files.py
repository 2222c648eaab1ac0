"""Every file of a page, made from its record and the media folder alone.

Rendering writes them, and verifying compares them with what is published.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from recipe_kit.errors import PageError
from recipe_kit.page.about_curation import LOADER
from recipe_kit.page.figures import figures
from recipe_kit.page.fill import fill
from recipe_kit.page.plot_kinds import Figure
from recipe_kit.page.prose import fill_prose, setup_page
from recipe_kit.paths import templates_dir
from recipe_kit.record.archive import archive_files
from recipe_kit.record.schemas import Record
from recipe_kit.record.words import recipe_of

PAGE = "index.md"
SETUP = "setup.md"
RECORD = "record.json"
SUMS = "SHA256SUMS"


def draw_plot(plot: Figure) -> bytes:
    """A plot as an SVG file."""
    # matplotlib takes half a second to import: only when something is drawn.
    from recipe_kit.page.plots import draw

    return draw(plot)


def page_files(
    record: Record, media: Path, *, recipe_path: Path | None = None,
    templates: Path | None = None, draw: Callable[[Figure], bytes] = draw_plot,
    asked: bool = False,
) -> dict[str, bytes]:
    """Every file of a page, by its path in the page's folder, in the order they are to be written.

    Args:
        record: The record with the author's words in its spec.
        media: Folder with the pictures and the answers; of the run, or of the page.
        recipe_path: The recipe's file, so that errors in the prose tell its lines.
        templates: Folder of the profiles; the toolkit's own when not given.
        draw: Draws a plot.
        asked: The media folder is the run's.

    Raises:
        PageError: A name, a template or a picture is wrong.
    """
    recipe = recipe_of(record)
    prose = fill_prose(record, recipe, recipe_path)
    plots = figures(record)
    source = fill(record, recipe, prose, plots, templates or templates_dir())
    made = _media(record, media, asked=asked)
    made |= {plot.file: draw(plot) for plot in plots.values()}
    if record.loader:
        made[LOADER] = (templates_dir() / LOADER).read_bytes()
    files = {f"assets/{name}": content for name, content in sorted(made.items())}
    # A study has a section for its set-up.
    setup = None if recipe.profile == "benchmark-study" else setup_page(prose)
    files |= {PAGE: source.encode()} | ({SETUP: setup.encode()} if setup else {})
    # After the plots: whoever finds this record in place need not draw its plots again.
    files[f"assets/{RECORD}"] = (record.model_dump_json(indent=1) + "\n").encode()
    files[f"assets/{SUMS}"] = _sums(files)
    return files


def _sums(files: Mapping[str, bytes]) -> bytes:
    """What `sha256sum -c` reads in the folder of the assets."""
    names = {
        name: name.removeprefix("assets/") if name.startswith("assets/") else f"../{name}"
        for name in files
    }
    return "".join(
        f"{hashlib.sha256(files[name]).hexdigest()}  {shown}\n"
        for name, shown in sorted(names.items())
    ).encode()


def _media(record: Record, folder: Path, *, asked: bool) -> dict[str, bytes]:
    """What the run made for the page: pictures and answers."""
    names = shown_media(record)
    names += archive_files(folder)
    found = {}
    for name in dict.fromkeys(names):
        if not re.fullmatch(r"[\w][\w.\-]*", name) or name in (RECORD, SUMS):
            raise PageError(
                f"'{name}' cannot be the name of a picture on the page",
                where="record.json (examples)", fix="Run `recipe run` again.",
            )
        picture = content(folder / name)
        if picture is None:
            raise PageError(
                f"the picture '{name}' of the record's examples is missing", where=str(folder),
                fix="Run `recipe run` again; what is cached is not repeated."
                if asked
                else "Render where the run's folder is, or bring the picture back.",
            )
        found[name] = picture
    return found


def shown_media(record: Record) -> list[str]:
    """File names of the pictures and videos that the page shows."""
    told = [one for one in record.examples if one.kind != "sample"]
    if record.spec.get("profile") == "benchmark-study":
        found = [one.video or one.media for one in told]
        found += [*(one.video for one in record.annotations), record.training_grid]
    else:
        found = [*(one.media for one in record.examples), *(one.video for one in told)]
        found += record.contact_sheets.values()
    return [name for name in found if name]


def content(path: Path) -> bytes | None:
    """What is in a file; None if there is none."""
    return path.read_bytes() if path.is_file() else None
