"""Record + prose → a page's folder: `index.md`, and `assets/` with plots, pictures, the record.

Everything is made and checked before the first file is written. Files are then put in place one
by one, each whole: the assets, the page, and last the removal of what no page shows any more. A
process killed in between leaves a page that shows.
"""

import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from jinja2 import TemplateSyntaxError as SyntaxProblem

from recipe_kit.errors import PageError
from recipe_kit.page.context import context
from recipe_kit.page.figures import Figure, figures
from recipe_kit.page.lint import Fault, code_lines, lint, lint_files
from recipe_kit.page.markdown import Md, text
from recipe_kit.page.names import names, tree
from recipe_kit.page.prose import render_prose, yaml_lines
from recipe_kit.paths import templates_dir
from recipe_kit.record.files import storage, write_atomic
from recipe_kit.record.schemas import Record
from recipe_kit.spec.prose import REQUIRED_PROSE
from recipe_kit.spec.recipe import Recipe

_ONLY_ENOUGH = frozenset({"why_not_fine_tuned"})
_ONLY_TUNED = frozenset(
    {"training_data", "training", "validation", "comparison", "why_it_matters", "error_analysis"}
)


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
    prose = _prose(record, recipe, recipe_path)
    plots = figures(record)
    source = fill(record, recipe, prose, plots, templates or templates_dir())
    saved = (record.model_dump_json(indent=1) + "\n").encode()
    assets = out / "assets"
    same = not redraw and _content(assets / "record.json") == saved
    with TemporaryDirectory(prefix="recipe-page-") as temporary:
        made = Path(temporary)
        (made / "record.json").write_bytes(saved)
        _gather_media(record, media or assets, made, asked=media is not None)
        for plot in plots.values():
            old = _content(assets / plot.file) if same else None
            (made / plot.file).write_bytes(old or _draw(plot))
        _check(source, out, made)
        _publish(source, made, out)


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


def _prose(record: Record, recipe: Recipe, path: Path | None) -> dict[str, Md]:
    where = str(path) if path else record.recipe
    skipped = _ONLY_TUNED if not record.training else frozenset()
    skipped |= _ONLY_ENOUGH if not record.gate.enough else frozenset()
    used = tuple(part for part in type(recipe.prose).model_fields if part not in skipped)
    missing = [
        part
        for part in REQUIRED_PROSE[recipe.profile]
        if part in used and not (getattr(recipe.prose, part) or "").strip()
    ]
    if missing:
        keys = ", ".join(f"prose.{part}" for part in missing)
        raise PageError(
            f"the page needs prose that the recipe does not have: {keys}",
            where=where, fix="write it in the recipe's YAML file.",
        )
    line_of = yaml_lines(path)
    done = render_prose(
        recipe.prose, used, tree(record), names(record), recipe=where, line_of=line_of
    )
    _check_prose(done, where, line_of)
    return done


def _check_prose(
    done: dict[str, Md], where: str, line_of: Callable[[str, int], int | None]
) -> None:
    faults = []
    for part, source in done.items():
        for fault in lint(source, None):
            line = line_of(part, fault.line)
            place = f"{where}:{line}" if line else where
            faults.append(f"{place}: prose.{part}: {fault.what}; {fault.fix}")
    if faults:
        raise PageError(
            "the prose holds what the Cosmos Cookbook does not render:\n  " + "\n  ".join(faults)
        )


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _draw(plot: Figure) -> bytes:
    # matplotlib takes half a second to import: only when something is drawn.
    from recipe_kit.page.plots import draw

    return draw(plot)


def _gather_media(record: Record, folder: Path, made: Path, *, asked: bool) -> None:
    for name in dict.fromkeys(example.media for example in record.examples):
        if not re.fullmatch(r"[\w][\w.\-]*", name) or (made / name).exists():
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
        (made / name).write_bytes(content)


def _check(source: str, out: Path, made: Path) -> None:
    faults: list[Fault] = lint(source, out, made) + lint_files(made)
    if faults:
        raise PageError(
            "the page cannot be published:\n  " + "\n  ".join(map(str, faults)), where=str(out)
        )


def _publish(source: str, made: Path, out: Path) -> None:
    """Puts the files in place; a file whose bytes are the same is not touched."""
    assets = out / "assets"
    files = {path.name: path.read_bytes() for path in sorted(made.iterdir())}
    for name, content in files.items():
        if _content(assets / name) != content:
            write_atomic(assets / name, content)
    if _content(out / "index.md") != source.encode():
        write_atomic(out / "index.md", source)
    # What no page shows any more, and what a killed process left of the page.
    for stale in (*sorted(assets.iterdir()), *out.glob(".index.md.*")):
        if stale.name not in files and stale.is_file():
            with storage(stale):
                stale.unlink()
