"""Problems of a spec: what is wrong, where, and how to mend it; and how they are printed."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | float | bool | None"
"""What a YAML file holds, before it is typed. Every key is text."""

Keys = tuple[str | int, ...]
"""The way from the top of the file to a value: `("train", "lora", "rank")`."""

WIDTH = 100
"""Longest piece of a line that is shown, in characters."""

MOST_ROWS = 100
"""How far into a folded text a word is looked for, in lines."""

# Colors and cursor moves in a file must not reach the terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Mark:
    """A place in the file; both numbers count from 0."""

    line: int
    column: int


@dataclass(frozen=True)
class Place:
    """Where a key and its value stand."""

    key: Mark
    value: Mark
    literal: bool = False  # a block scalar that keeps its lines (`|`)
    override: str = ""  # "train.epochs=1", when the value comes from the command line


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    keys: Keys
    what: str
    fix: str = ""
    at: Literal["key", "value"] = "value"
    line: int | None = None  # line within a literal block scalar, from 0
    mark: Mark | None = None  # where it stands, when the keys cannot tell


@dataclass(frozen=True)
class Document:
    """A YAML file: what it holds, and where in it everything stands."""

    name: str
    lines: tuple[str, ...]
    data: Plain
    places: dict[Keys, Place]
    problems: tuple[Problem, ...] = ()


def dotted(keys: Keys) -> str:
    """The keys as `--set` takes them: `train.lora.rank`."""
    return ".".join(str(key) for key in keys)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, if any is."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def listed(names: Iterable[str], *, last: str = "and") -> str:
    """Names in words: `'a', 'b' and 'c'`."""
    quoted = [f"'{name}'" for name in names]
    return f" {last} ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)


def suggest(name: str, known: Sequence[str], *, kind: str = "") -> str:
    """`Did you mean 'x'?`, or the known names when none is like it."""
    near = nearest(name, known)
    if near is not None:
        return f"Did you mean '{near}'?"
    return f"Known{' ' + kind if kind else ''}: {', '.join(known)}."


def printable(text: str) -> str:
    """The text with control characters made harmless."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\t", " "))


def show(document: Document, problems: Iterable[Problem]) -> str:
    """All problems, sorted by where they stand, each with its line and a caret."""
    placed = sorted(((*_locate(document, one), one) for one in set(problems)), key=_order)
    blocks = [_block(document, mark, override, one) for mark, override, one in placed]
    return "\n\n".join(blocks)


def mark_in(document: Document, keys: Keys, row: int, word: str) -> Mark | None:
    """Where a word of a text stands in the file; the text's beginning where that is not clear.

    Args:
        document: The file.
        keys: The text's keys.
        row: Line of the text that the word is in, from 0.
        word: The word, without spaces.
    """
    place = document.places.get(keys)
    if place is None or place.override:
        return None
    first = place.value.line + 1 + row if place.literal else place.value.line
    rows = range(first, first + 1 if place.literal else first + 1 + MOST_ROWS)
    for line in rows:
        text = document.lines[line] if line < len(document.lines) else ""
        start = place.value.column if line == place.value.line else 0
        if (column := text.find(word, start)) >= 0:
            return Mark(line, column)
    return place.value


def _order(placed: tuple[Mark, str, Problem]) -> tuple[bool, int, int, str]:
    mark, override, problem = placed
    return bool(override), mark.line, mark.column, problem.what


def _locate(document: Document, problem: Problem) -> tuple[Mark, str]:
    """Where a problem stands: its own place, or that of the nearest key above it."""
    if problem.mark is not None:
        return problem.mark, ""
    for length in range(len(problem.keys), -1, -1):
        place = document.places.get(problem.keys[:length])
        if place is None:
            continue
        whole = length == len(problem.keys)
        if whole and problem.line is not None and place.literal:
            row = min(place.value.line + 1 + problem.line, len(document.lines) - 1)
            text = document.lines[row]
            return Mark(row, len(text) - len(text.lstrip())), place.override
        mark = place.value if whole and problem.at == "value" else place.key
        return mark, place.override
    return Mark(0, 0), ""


def _block(document: Document, mark: Mark, override: str, problem: Problem) -> str:
    fix = f"\n  {printable(problem.fix)}" if problem.fix else ""
    what = printable(problem.what)
    if override:
        return f"--set {printable(override)}: {what}{fix}"
    head = f"{document.name}:{mark.line + 1}:{mark.column + 1}: {what}"
    line = document.lines[mark.line] if mark.line < len(document.lines) else ""
    start = max(0, mark.column - WIDTH + 20)
    piece, gutter = line[start : start + WIDTH], f"{mark.line + 1:>4} | "
    column = mark.column - start
    pointer = " " * (len(gutter) - 2) + "| " + " " * column + "^"
    return f"{head}\n{gutter}{printable(piece)}\n{pointer}{fix}"
