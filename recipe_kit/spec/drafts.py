"""What is left to write in a recipe: `TBD`, `[Name]`, `...`, and other placeholders."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from recipe_kit.spec.problems import Document, Keys, Plain, Problem, dotted, mark_in
from recipe_kit.spec.profiles import help_for
from recipe_kit.spec.query import value
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.rules.prose import texts_below

_WRITTEN = ("title", "authors", "organization", "use_case", "prose", "resources")
"""Keys that hold the author's words."""

_FENCE = r"^(?P<fence> *(`{3,}|~{3,})).*?(?:^(?P=fence)|\Z)"
_SPAN = r"(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"
_JINJA = r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}"
_FLAGS = re.MULTILINE | re.DOTALL
_CODE = re.compile(f"{_FENCE}|{_SPAN}|{_JINJA}", _FLAGS)
_BLOCKS = re.compile(f"{_FENCE}|{_JINJA}", _FLAGS)

_FOUND = re.compile(
    r"(?<![A-Za-z0-9])(?P<mark>_?(?:TBD|TBC|TBA|TODO|FIXME|XXX)_?)(?![A-Za-z0-9])"
    r"|(?P<whose>\b[Yy]our (?:[Nn]ame|[Oo]rganization|[Cc]ompany|[Tt]eam)\b)"
    r"|(?P<write>^[ \t]*(?:[-*] +)?[Ww]rite:[^\n]*)"
    r"|(?P<link>https?://(?:www\.)?example\.(?:com|org|net)\b[^\s)>]*)"
    r"|(?P<lorem>\b[Ll]orem ipsum\b)"
    r"|(?P<address>\[[^\[\]\n]*\]\((?:LinkedIn )?URL\))"
    r"|^[ \t]*(?:[-*+] +|\d+\. +)?(?P<dots>\.{3,}|…|\?+)[ \t]*$"
    r"|(?<![\\!\]\w])\[(?P<bracket>[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)\]"
    r"(?![(\[:])",
    re.MULTILINE,
)
_INSTRUCTION = re.compile(
    r"[A-Z][^\W\d_]*\b|e\.g\.|[+−-]?X%|(?:image/video|image|language|for videos)$"
)
"""How a bracket that asks for words begins; `[sic]`, `[1]` and `[the robot]` do not."""
_CITATION = re.compile(r"\b(?:19|20)\d\d[a-z]?$|^[A-Z]\s*,|^[A-Z]+\d*$")
SHOWN = 60
"""Longest piece of a placeholder that is shown, in characters."""


@dataclass(frozen=True)
class Placeholder:
    """A place where something is left to write."""

    keys: Keys
    text: str
    """What stands there now, in one line, shortened."""
    row: int
    """Line within the text, from 0."""
    column: int
    """Column within that line, from 0."""
    advice: str
    """What to write."""


def placeholders(data: Plain) -> tuple[Placeholder, ...]:
    """Every placeholder in the author's words, in the order of the file.

    Args:
        data: A recipe as plain data.
    """
    profile = str(value(data, "profile", "test-finetune-test"))
    return tuple(
        Placeholder(keys, _short(found), text.count("\n", 0, at),
                    at - (text.rfind("\n", 0, at) + 1), _advice(profile, keys))
        for name in _WRITTEN
        for keys, text in texts_below(value(data, name), (name,))
        for at, found in _in_text(text)
    )


def left_to_write(recipe: Recipe) -> tuple[Placeholder, ...]:
    """The placeholders of a recipe, in the order of its keys."""
    return placeholders(recipe.model_dump(mode="json", by_alias=True))


def draft_problems(document: Document) -> list[Problem]:
    """The placeholders of a recipe's file, as problems with their places."""
    return [
        Problem(one.keys, f"'{one.text}' in '{dotted(one.keys)}' is left to write", one.advice,
                mark=mark_in(document, one.keys, one.row, one.text.removesuffix("…").split()[0]))
        for one in placeholders(document.data)
    ]


def _in_text(text: str) -> Iterator[tuple[int, str]]:
    for found in _FOUND.finditer(blank(text)):
        inside = found["bracket"]
        if inside is not None and not _asks(inside.strip()):
            continue
        start, end = found.span("dots" if found["dots"] else 0)
        start = end - len(text[start:end].lstrip())
        yield start, text[start:end].rstrip()


def blank(text: str, *, spans: bool = True) -> str:
    """The text with spaces for fenced code, Jinja and code spans, so the rest keeps its place.

    Args:
        text: Markdown with Jinja.
        spans: Blank code spans too.
    """
    pattern = _CODE if spans else _BLOCKS
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def _asks(inside: str) -> bool:
    return bool(_INSTRUCTION.match(inside)) and not _CITATION.search(inside)


def _short(found: str) -> str:
    line = " ".join(found.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1].rstrip() + "…"


_OF_KEY = {
    "title": "Write the page's title: the domain or task, and the model.",
    "organization": "Write the organization of the authors.",
    "use_case": "Write the use case in a few words.",
}


def _advice(profile: str, keys: Keys) -> str:
    top = str(keys[0])
    if top == "prose":
        words = help_for(profile, str(keys[1])) if len(keys) > 1 else ""
        return f"Write: {words}" if words else "Write it, or remove it."
    if top == "authors":
        if keys[-1] == "url":
            return "Write a link to the author's profile, or remove it."
        return "Write the author's name."
    if top == "resources":
        return "Write the resource's name, link and description, or remove it."
    return _OF_KEY.get(top, "Write it.")
