"""The author's prose: Jinja in a sandbox, with numbers of the record by name.

A misspelt name is an error that says where it stands in the YAML file and which name is near.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError

from recipe_kit.errors import PageError
from recipe_kit.page.lint import lint
from recipe_kit.page.markdown import Md
from recipe_kit.page.named import Node, Value
from recipe_kit.page.names import names, tree
from recipe_kit.page.sandbox import MISTAKES, explain, sandbox, template_line
from recipe_kit.record.schemas import Record
from recipe_kit.spec.document import read_document
from recipe_kit.spec.problems import suggest
from recipe_kit.spec.profiles import needs
from recipe_kit.spec.prose import Prose
from recipe_kit.spec.recipe import Recipe


def fill_prose(record: Record, recipe: Recipe, path: Path | None) -> dict[str, Md]:
    """The prose that the page of this record shows, with its numbers, by flat key.

    A part below another has both names: `lessons.0`, `common_issues.0.solution`,
    `gaps.category.near`.

    Args:
        record: What the run found out.
        recipe: For its prose and its profile.
        path: The recipe's file, so that errors tell its lines.

    Raises:
        PageError: A part is missing, a name is wrong, or it is nothing a page may hold.
    """
    where = str(path) if path else record.recipe
    shown = list(needs(recipe.profile, tuned=bool(record.training), enough=record.gate.enough))
    missing = [one for one in shown if one.required and not _flat(recipe.prose, one.part)]
    if missing:
        keys = ", ".join(f"prose.{one.part}" for one in missing)
        raise PageError(
            f"the page needs prose that the recipe does not have: {keys}",
            where=where, fix="write it in the recipe's YAML file.",
        )
    line_of = yaml_lines(path)
    _check_gaps(record, recipe.prose, where, line_of)
    done = render_prose(
        recipe.prose, tuple(one.part for one in shown), tree(record), names(record),
        recipe=where, line_of=line_of,
    )
    _check_markdown(done, where, line_of)
    return done


def setup_page(prose: Mapping[str, Md]) -> str | None:
    """The page beside the page that says what to install; None if the recipe has no words on it."""
    if "setup" not in prose:
        return None
    return f"# Setup and System Requirements\n\n{prose['setup']}\n"


def items(prose: Mapping[str, Md], part: str) -> list[Md]:
    """The points of a list, such as `lessons`, in order."""
    return list(below(prose, part).values())


def pairs(prose: Mapping[str, Md], part: str) -> list[tuple[Md, Md]]:
    """Issues and their solutions, in order; one whose issue or solution is empty is left out."""
    found = below(prose, part)
    return [
        (issue, found[f"{key[:-6]}.solution"])
        for key, issue in found.items()
        if key.endswith(".issue") and f"{key[:-6]}.solution" in found
    ]


def below(prose: Mapping[str, Md], part: str) -> dict[str, Md]:
    """What is below a part, by the rest of its key: `category.near` of `gaps`."""
    start = f"{part}."
    return {key[len(start):]: words for key, words in prose.items() if key.startswith(start)}


def render_prose(
    prose: Prose, used: tuple[str, ...], root: Node, known: dict[str, tuple[Value, str]],
    *, recipe: str, line_of: Callable[[str, int], int | None],
) -> dict[str, Md]:
    """Fills the numbers into the parts of the prose that a page uses.

    An item of a list or a mapping that comes out empty is left out: `{% if fine_tuned %}` around
    the whole of it makes a point that is only there in one ending.

    Args:
        prose: The author's words.
        used: The parts that this page shows; the others are not looked at.
        root: The names, nested.
        known: The names, flat: for the nearest known one.
        recipe: The recipe's file, for errors.
        line_of: From a flat key and a line in its text to the line of the file, where known.

    Raises:
        PageError: A name, a filter or the syntax is wrong; tells every one of them.
    """
    environment = sandbox()
    done: dict[str, Md] = {}
    problems: list[str] = []
    for key, source in (one for part in used for one in _flat(prose, part)):
        try:
            template = environment.from_string(source)
            words = Md(template.render(root.children).strip())
        except TemplateSyntaxError as error:
            problems.append(_where(recipe, key, error.lineno, line_of) + str(error.message))
        except MISTAKES as error:
            line = template_line(error.__traceback__)
            problems.append(_where(recipe, key, line, line_of) + explain(error, known))
        else:
            if words or "." not in key:
                done[key] = words
    if problems:
        raise PageError(
            "the prose cannot be filled:\n  " + "\n  ".join(problems),
            fix="correct those lines of the recipe.",
        )
    return done


def _flat(prose: Prose, part: str) -> list[tuple[str, str]]:
    """The texts of a part that are not blank, by flat key."""
    return [one for one in _walk(part, prose.model_dump()[part]) if one[1].strip()]


def _walk(key: str, node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield key, node
    elif isinstance(node, Mapping):
        for name, child in node.items():
            yield from _walk(f"{key}.{name}", child)
    elif isinstance(node, tuple | list):
        for at, child in enumerate(node):
            yield from _walk(f"{key}.{at}", child)


def _check_gaps(
    record: Record, prose: Prose, where: str, line_of: Callable[[str, int], int | None]
) -> None:
    """Words on a gap name a slice that was measured; whether it is a gap, the scores decide."""
    known = sorted({
        f"{dimension}.{value}"
        for evaluation in record.evaluations
        if evaluation.role == "base"
        for scores in evaluation.tasks.values()
        for dimension, values in scores.slices.items()
        for value in values
    })
    wrong = [name for name in prose.gaps if name not in known]
    if wrong:
        raise PageError(
            "prose on gaps that the record does not know:\n  " + "\n  ".join(
                f"{_where(where, f'gaps.{name}', 0, line_of)}there is no slice '{name}'. "
                f"{suggest(name, known)}" for name in wrong
            ),
            fix="name a slice as the page lists it.",
        )


def _check_markdown(
    done: dict[str, Md], where: str, line_of: Callable[[str, int], int | None]
) -> None:
    faults = []
    for key, source in done.items():
        for fault in lint(source, None):
            line = line_of(key, fault.line)
            place = f"{where}:{line}" if line else where
            faults.append(f"{place}: prose.{key}: {fault.what}; {fault.fix}")
    if faults:
        raise PageError(
            "the prose holds what the Cosmos Cookbook does not render:\n  " + "\n  ".join(faults)
        )


def _where(
    recipe: str, key: str, line: int, line_of: Callable[[str, int], int | None]
) -> str:
    found = line_of(key, line)
    place = f"{recipe}:{found}" if found else f"{recipe} (line {line} of it)" if line else recipe
    return f"{place}: prose.{key}: "


def yaml_lines(path: Path | None) -> Callable[[str, int], int | None]:
    """Finds the line of a recipe file that a line of its prose stands in.

    Only a literal block (`key: |`) keeps its lines; for another style it is the key's own line.
    Line 0 is the key's.
    """
    if path is None:
        return lambda key, line: None
    places = {
        ".".join(str(one) for one in keys[1:]): place
        for keys, place in read_document(path).places.items()
        if keys[:1] == ("prose",)
    }

    def find(key: str, line: int) -> int | None:
        place = places.get(key)
        if place is None:
            return None
        return place.key.line + 1 + (line if place.literal else 0)

    return find
