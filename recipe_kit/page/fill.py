"""Fills a profile's template: the page's Markdown."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from jinja2 import TemplateSyntaxError as SyntaxProblem

from recipe_kit.errors import PageError
from recipe_kit.page.context import context
from recipe_kit.page.lint import code_lines
from recipe_kit.page.markdown import Md, text
from recipe_kit.page.plot_kinds import Figure
from recipe_kit.page.study.context import context as study_context
from recipe_kit.record.schemas import Record
from recipe_kit.spec.recipe import Recipe


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
        made = study_context if recipe.profile == "benchmark-study" else context
        source = environment.get_template(name).render(made(record, recipe, prose, plots))
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
