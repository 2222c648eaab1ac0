"""Checks that a page uses only what the Cosmos Cookbook's MkDocs set-up renders."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from os.path import normpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

MAX_BYTES = 10_000_000

# Construct → what to write in its place.
_FORBIDDEN: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("an admonition (`!!!`)", re.compile(r"^\s*!!!\s"), "write a block quote (`> **Note:** ...`)"),
    ("content tabs (`===`)", re.compile(r'^\s*===[!+]?\s+"'), "write one part after the other"),
    ("an attribute list", re.compile(r"\{:?\s*[.#][\w-]+[^}]*\}|\{:[^}]*\}"), "leave it out"),
    ("a footnote", re.compile(r"\[\^[^\]]+\]"), "write a link or a numbered reference"),
    ("a snippet (`--8<--`)", re.compile(r"-{1,}8<-{1,}"), "write the text itself"),
)
_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*(\S*)")
_LINK = re.compile(r"(?<!\\)\]\(\s*<?([^()\s>]*(?:\([^()\s]*\)[^()\s>]*)*)")
_FOLD = re.compile(r'^(\s*)\?\?\?(\+?)\s*(\S*)')
# Elements that pages write; scripts, frames and forms are not among them.
_TAGS = re.compile(
    r"a|b|blockquote|br|code|d[dlt]|details|div|em|fig(caption|ure)|h[1-6]|hr|i|img|kbd|li|mark|[ou]l|p|"
    r"pre|small|source|span|strong|su[bp]|summary|table|tbody|t[dhr]|thead|u|video"
)


@dataclass(frozen=True)
class Fault:
    """Something a page must not hold."""

    line: int
    what: str
    fix: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}; {self.fix}"


def lint(page: str, folder: Path | None, made: Path | None = None) -> list[Fault]:
    """Every fault of a page's Markdown.

    Args:
        page: The Markdown.
        folder: Folder of the page, that links are relative to; None leaves links unchecked.
        made: Where the page's own files are, if they are not in `folder` yet.
    """
    faults: list[Fault] = []
    if page.startswith("---\n"):
        faults.append(Fault(1, "front matter", "leave it out"))
    before = ""
    for number, line, fenced in _lines(page):
        if fenced:
            if fenced == "mermaid":
                faults.append(Fault(number, "a mermaid diagram", "show a picture"))
        else:
            faults += _line_faults(number, line, before, folder, made)
        before = line
    return faults


def lint_files(folder: Path) -> list[Fault]:
    """Files of a page that are too large for the cookbook."""
    return [
        Fault(0, f"{path.name} has {path.stat().st_size:,} bytes", "keep files under 10 MB")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.stat().st_size >= MAX_BYTES
    ]


def code_lines(page: str) -> Iterator[tuple[str, bool]]:
    """Every line of a page, and whether it is part of a fenced block."""
    return ((line, bool(fenced)) for _, line, fenced in _lines(page))


def _lines(page: str) -> Iterator[tuple[int, str, str]]:
    """Number, text, and the fence's language (`text` when it names none) inside a fence."""
    marks, language = "", ""
    for number, line in enumerate(page.split("\n"), start=1):
        found = _FENCE.match(line)
        if marks:
            yield number, line, language
            closing = line.strip()
            if found and set(closing) == {marks[0]} and len(closing) >= len(marks):
                marks = ""
        elif found:
            marks, language = found[2], found[3] or "text"
            yield number, line, language
        else:
            yield number, line, ""


def _line_faults(
    number: int, line: str, before: str, folder: Path | None, made: Path | None
) -> Iterator[Fault]:
    bare = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", line)  # code spans show anything as it is
    for what, pattern, fix in _FORBIDDEN:
        if pattern.search(bare):
            yield Fault(number, what, fix)
    fold = _FOLD.match(bare)
    if fold and (not fold[2] or fold[3] != "code"):
        yield Fault(number, "a fold other than `???+ code`", 'write `???+ code "Title"`')
    if re.search(r"\{\{|\{%", bare) and not re.match(r"\s*<!-- \{% (end)?raw %\} -->$", bare):
        yield Fault(number, "Jinja (`{{` or `{%`)", "put it between {% raw %} and {% endraw %}")
    # A table is only seen after a blank line.
    if re.match(r"\s*\|?\s*:?-{3,}", bare) and "|" in bare and not before.strip().count("|"):
        yield Fault(number, "a table without a heading row", "write the heading row above it")
    for target in _LINK.findall(bare):
        yield from _target_fault(number, target, folder, made)
    yield from _html_faults(number, bare, folder, made)


def _html_faults(
    number: int, line: str, folder: Path | None, made: Path | None
) -> Iterator[Fault]:
    reader = _Reader()
    reader.feed(re.sub(r"<(https?://[^>\s]+|[^>\s@]+@[^>\s]+)>", "", line))
    reader.close()
    for tag, attributes in reader.tags:
        if not _TAGS.fullmatch(tag):
            yield Fault(number, f"the HTML element <{tag}>", "write Markdown")
        for name, value in attributes:
            if name.startswith("on"):
                yield Fault(number, f"the HTML attribute {name}", "leave it out")
            if name in ("src", "href", "poster") and value:
                yield from _target_fault(number, value, folder, made)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))


def _target_fault(
    number: int, target: str, folder: Path | None, made: Path | None
) -> Iterator[Fault]:
    parts = urlsplit(target)
    if parts.scheme in ("http", "https", "mailto"):
        return
    if parts.scheme or parts.netloc:
        yield Fault(number, f"a link to '{target}'", "link to http(s), mailto or a file")
        return
    if folder is None or not parts.path:
        return
    path = unquote(parts.path)
    if path.startswith("/"):
        yield Fault(number, f"the absolute link '{target}'", "link relative to the page")
        return
    inside = path.removeprefix("./")
    # What lies in the page's assets now may be gone when these files are in place.
    there = made if made is not None and inside.startswith("assets/") else folder
    # Without `..`: the page's own folder need not be there yet.
    places = [Path(normpath(one / path)) for one in (there, made) if one is not None]
    if not any(one.exists() for one in places):
        yield Fault(number, f"a link to the missing file '{path}'", "add the file or mend the link")
