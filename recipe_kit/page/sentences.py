"""Numbers that stand in a text outside code and Jinja, each with the sentence around it."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from recipe_kit.spec.drafts import blank

Unit = Literal["percent", "points", "decimal", "p"]

# What holds digits and is no number of a sentence.
_NO_NUMBER = re.compile(
    r"\]\([^)\s]*(?:\s+\"[^\"]*\")?\)|<[^>\n]+>|\bhttps?://\S+|\bwww\.\S+"  # links, HTML
    r"|\b\d{4}-\d\d(?:-\d\d)?\b|\b(?:arXiv|doi|DOI):?\s*\S+"  # dates, papers
    r"|\bv\d[\w.]*|\b\d+\.\d+\.\d[\w.]*"  # versions
    r"|^[ \t]*\d+[.)](?=\s)|\[\d+\]",  # list numbers, references
    re.MULTILINE,
)
_NUMBER = re.compile(
    r"(?<![\w.,/^$#])(?P<p>p(?:-value)?\s*(?:=|≈|of|is|was)\s*)?"
    r"(?P<sign>[+−-](?=\d))?(?P<digits>\d+(?:\.(?P<decimals>\d+))?)"
    r"(?P<unit>\s?%|\s?percent\b(?!age point)|\s?(?:percentage[ -])?points?\b|\s?pp\b)?"
    r"(?!\w|[/^]|\.\d|,\d)",
)
_TO = re.compile(  # `81.0–88.6%`, `0.41–0.52`, `+8.1 to +16.4 points`
    r"(?P<joint>\s*[–-]\s*|\s+(?:to|and)\s+)[+−-]?(?P<digits>\d+(?:\.\d+)?)"
    r"(?P<unit>\s?(?:%|percent\b|(?:percentage )?points\b))?"
)
_END = re.compile(
    r"(?<=[.!?;])[\"”)*_]*\s+(?=[\"“(*_`{\[]*[A-Z{`])|\n[ \t]*\n"
    r"|\n(?=[ \t]*(?:[-*+|#>]|\d+[.)])\s?)"  # a list item, a table row, a heading
)

LONGEST = 300
"""How far from a number its sentence may reach, in characters."""


@dataclass(frozen=True)
class Typed:
    """A number as the author typed it."""

    start: int
    """Where it begins in the text."""
    text: str
    """As it stands there: `97.1%`."""
    value: float
    """A share for a percentage and for points, so 0.971 for `97.1%`."""
    digits: int
    """Decimals as it was written."""
    unit: Unit
    signed: bool
    sentence: str
    """The sentence, without Jinja; with its heading row, in a table."""
    at: int
    """Where it begins in the sentence."""
    high: str = ""
    """Digits of the upper end, where it is the lower end of a range."""

    @property
    def bare(self) -> str:
        """The digits alone: `97.1`."""
        found = re.search(r"\d+(?:\.\d+)?", self.text)
        return found[0] if found else ""

    @property
    def before(self) -> str:
        """The sentence up to the number."""
        return self.sentence[: self.at]

    @property
    def after(self) -> str:
        """The sentence behind the number."""
        return self.sentence[self.at + len(self.text) :]


def typed_numbers(text: str) -> Iterator[Typed]:
    """Percentages, points and decimals that were typed into Markdown.

    Whole numbers without a unit, dates, versions, list numbers, links and code are left out.

    Args:
        text: Markdown with Jinja.
    """
    plain = _NO_NUMBER.sub(_spaces, blank(text))
    shown = blank(text, spans=False)  # what a code span holds tells what a number is about
    borders = [(one.start(), one.end()) for one in _END.finditer(shown)]
    passed = 0  # the end of the range that was read last
    for found in _NUMBER.finditer(plain):
        upper = _upper(found, plain)
        unit = _unit(found, upper)
        if unit is None or found.start() < passed:
            continue
        passed = upper.end() if upper else passed
        start = found.start("sign") if found["sign"] else found.start("digits")
        written = plain[start : found.end()]
        sentence, at = _sentence(shown, borders, start)
        scale = 100 if unit in ("percent", "points") else 1
        negative = -1 if found["sign"] in ("−", "-") else 1
        yield Typed(
            start, written, negative * float(found["digits"]) / scale,
            len(found["decimals"] or ""), unit, bool(found["sign"]), sentence, at,
            upper["digits"] if upper else "",
        )


def _upper(found: re.Match[str], text: str) -> re.Match[str] | None:
    """The upper end, if a number is the lower end of a range; `from X to Y` is a change."""
    upper = _TO.match(text, found.end())
    if upper is None:
        return None
    if upper["joint"].strip() in ("–", "-"):
        return upper if upper["unit"] or found["decimals"] else None
    before = text[: found.start()].rstrip().lower()
    return upper if upper["unit"] and not found["unit"] and not before.endswith("from") else None


def _unit(found: re.Match[str], upper: re.Match[str] | None) -> Unit | None:
    unit = (found["unit"] or (upper["unit"] if upper else "") or "").strip()
    if found["p"]:
        return "p"
    if unit in ("%", "percent"):
        return "percent"
    if unit:
        return "points"
    return "decimal" if found["decimals"] and abs(float(found["digits"])) <= 1 else None


def _spaces(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def _sentence(text: str, borders: list[tuple[int, int]], at: int) -> tuple[str, int]:
    """The sentence that a place is in, and where in it that is."""
    after = bisect_right(borders, (at, len(text)))
    start = max(borders[after - 1][1] if after else 0, at - LONGEST)
    end = min(borders[after][0] if after < len(borders) else len(text), at + LONGEST)
    sentence, inside = text[start:end], at - start
    if sentence.lstrip().startswith("|"):
        head = _heading(text, start, sentence.count("|", 0, inside))
        return head + sentence, len(head) + inside
    return sentence, inside


def _heading(text: str, start: int, column: int) -> str:
    """The heading of a column in the table that a row stands in; empty in the heading row."""
    first = ""
    for row in reversed(text[:start].split("\n")[:-1]):
        if not row.lstrip().startswith("|"):
            break
        first = row
    cells = first.split("|")
    return f"{cells[column].strip()} " if column < len(cells) else ""
