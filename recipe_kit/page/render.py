"""Record + prose → a page's folder: `index.md`, and `assets/` with all that it stands on.

Everything is made and checked before the first file is written. Files are then put in place one
by one, each whole: the assets, the page, the list of digests, and last the removal of what no page
shows any more. A process killed in between leaves a page that shows.

The record that is published holds the author's words as well, so a page follows from its own
assets: `page_files` makes the same bytes from them anywhere.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from jinja2 import TemplateSyntaxError as SyntaxProblem
from pydantic import ValidationError

from recipe_kit.errors import PageError
from recipe_kit.page.about_curation import LOADER
from recipe_kit.page.context import context
from recipe_kit.page.figures import Figure, figures
from recipe_kit.page.lint import Fault, code_lines, lint, lint_files
from recipe_kit.page.markdown import Md, text
from recipe_kit.page.prose import fill_prose, setup_page
from recipe_kit.paths import templates_dir
from recipe_kit.record.archive import ARCHIVE
from recipe_kit.record.files import storage, write_atomic
from recipe_kit.record.schemas import Record
from recipe_kit.record.words import WORDS, recipe_of, worded
from recipe_kit.spec.recipe import Recipe

RECORD = "record.json"
SUMS = "SHA256SUMS"
PAGE = "index.md"
SETUP = "setup.md"
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
        return _content(assets / plot.file) or draw_plot(plot)

    files = page_files(
        record, media or assets, recipe_path=recipe_path, templates=templates,
        draw=kept if drawn else draw_plot, asked=media is not None,
    )
    _check(files, out)
    _publish(files, out)


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
    setup = setup_page(prose)
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


def fill(
    record: Record, recipe: Recipe, prose: dict[str, Md], plots: dict[str, Figure], templates: Path
) -> str:
    """The page's Markdown.

    Raises:
        PageError: The profile's template is missing or wrong.
    """
    folder = templates / "profiles"
    name = f"{recipe.profile}.md.j2"
    environment = Environment(
        loader=FileSystemLoader(folder), undefined=StrictUndefined, finalize=_finalize,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )
    try:
        source = environment.get_template(name).render(context(record, recipe, prose, plots))
    except SyntaxProblem as error:
        raise PageError(
            f"the template is wrong: {error.message}",
            where=f"{error.filename or folder / name}:{error.lineno}",
            fix="correct that line of the template.",
        ) from error
    except (TemplateError, TypeError, ValueError, AttributeError) as error:
        place = _template_place(error, folder)
        if place is None and not isinstance(error, TemplateError):
            raise  # a mistake of ours, not of the template
        raise PageError(
            f"the template cannot be filled: {error}",
            where=place or str(folder / name),
            fix="correct that line of the template.",
        ) from error
    return _tidy(source)


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Md) else text(value)


def _template_place(error: BaseException, folder: Path) -> str | None:
    """File and line of a template that an error came from; None if our own code raised it."""
    place, trace = None, error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        inside = Path(file).parent == folder
        place = f"{file}:{trace.tb_lineno}" if inside else place
        trace = trace.tb_next
    return place


def _tidy(source: str) -> str:
    """At most one blank line in a row, and no spaces at line ends; shown code stays as it is."""
    kept: list[str] = []
    for line, fenced in code_lines(source):
        plain = line if fenced else line.rstrip()
        if plain or fenced or (kept and kept[-1]):
            kept.append(plain)
    return "\n".join(kept).strip("\n") + "\n"


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _media(record: Record, folder: Path, *, asked: bool) -> dict[str, bytes]:
    """What the run made for the page: pictures and answers."""
    names = [example.media for example in record.examples] + [*record.contact_sheets.values()]
    if (folder / ARCHIVE).is_file():
        names.append(ARCHIVE)
    found = {}
    for name in dict.fromkeys(names):
        if not re.fullmatch(r"[\w][\w.\-]*", name) or name in (RECORD, SUMS):
            raise PageError(
                f"'{name}' cannot be the name of a picture on the page",
                where="record.json (examples)", fix="Run `recipe run` again.",
            )
        content = _content(folder / name)
        if content is None:
            raise PageError(
                f"the picture '{name}' of the record's examples is missing", where=str(folder),
                fix="Run `recipe run` again; what is cached is not repeated."
                if asked
                else "Render where the run's folder is, or bring the picture back.",
            )
        found[name] = content
    return found


def _check(files: Mapping[str, bytes], out: Path) -> None:
    # As files, since links are checked against files.
    with TemporaryDirectory(prefix="recipe-page-") as temporary:
        made = Path(temporary)
        (made / "assets").mkdir()
        for name, content in files.items():
            (made / name).write_bytes(content)
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
    for name, content in files.items():
        if _content(out / name) != content:
            write_atomic(out / name, content)
    # What no page shows any more, and what a killed process left of the page.
    left = (*out.glob(f".{PAGE}.*"), *out.glob(f".{SETUP}.*"), out / SETUP)
    for stale in (*sorted((out / "assets").iterdir()), *left):
        if stale.relative_to(out).as_posix() not in files and stale.is_file():
            with storage(stale):
                stale.unlink()
