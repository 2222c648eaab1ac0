"""Pieces of cookbook-safe Markdown, and the escaping of text that came from data or models.

`Md` marks text that is Markdown already. Everything else that reaches a page goes through
`text`, which writes every character that Markdown, HTML or Jinja could act on as an HTML entity:
an entity means the same in a paragraph, in a table cell and in raw HTML.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

_SPECIAL = re.compile(
    r"[&<>\"'`*\[\]|{}\\~^$@]"
    r"|(?<![^\W_])_|_(?![^\W_])|=(?==)|(?<==)=|\+(?=\+)|(?<=\+)\+"  # emphasis, marks, keys
    r"|:(?=[A-Za-z+/])|(?<=www)\.|!(?=\[)"  # emoji, bare links, pictures
)
# Control and bidirectional characters would be invisible, or would reorder what is read.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_START = re.compile(r"^(#|[+\-=](?=[\s+\-=]|$)|\d+(?=[.)](?:\s|$)))")
_PLAIN_CODE = re.compile(r"[\w./:,+=-]+(?: [\w./:,+=-]+)*")
_JINJA = re.compile(r"\{[{%#]")
_ENDRAW = re.compile(r"\{%(?=[-+]?\s*endraw)")


class Md(str):
    """Text that is Markdown already; anything else is escaped on its way to a page."""

    __slots__ = ()


def _entity(match: re.Match[str]) -> str:
    named = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
    return named.get(match.group(), "".join(f"&#{ord(char)};" for char in match.group()))


def clean(value: str) -> str:
    """Replaces characters that cannot be seen, or cannot be written as UTF-8, by U+FFFD."""
    return _SURROGATE.sub("\ufffd", _INVISIBLE.sub("\ufffd", value.replace("\r\n", "\n")))


def text(value: object) -> Md:
    """One line of text that appears as it is, whatever Markdown or HTML it holds."""
    if isinstance(value, Md):
        return value
    line = " ".join(clean(str(value)).split())
    line = _SPECIAL.sub(_entity, line)
    return Md(_LINE_START.sub(lambda found: f"&#{ord(found[1][0])};{found[1][1:]}", line))


def lines(value: object) -> Md:
    """Text of several lines, kept apart by `<br>`."""
    return Md("<br>".join(text(line) for line in clean(str(value)).strip().split("\n")))


def code(value: object) -> Md:
    """A short piece of code inside a line of Markdown."""
    plain = str(value)
    if _PLAIN_CODE.fullmatch(plain):
        return Md(f"`{plain}`")
    return Md(f"<code>{text(value)}</code>")


def link(label: object, url: str) -> Md:
    """A Markdown link; the label is escaped, and so is whatever could end the address early."""
    return Md(f"[{text(label)}]({quote(clean(url), safe=':/?#@!$&+,;=%~.-_')})")


def table(headers: Sequence[object], rows: Iterable[Sequence[object]], align: str = "") -> Md:
    """A pipe table, with the blank lines around it that every Markdown dialect wants.

    Args:
        headers: One heading for each column.
        rows: Cells, escaped unless they are `Md`.
        align: One letter for each column: `l` (the default), `r` or `c`.
    """
    marks = {"l": "---", "r": "---:", "c": ":---:"}
    rule = [marks[letter] for letter in align.ljust(len(headers), "l")]
    body = [[text(cell).replace("\n", " ") for cell in row] for row in rows]
    if not body:
        return Md("")
    every = [[str(text(head)) for head in headers], rule, *body]
    return Md("\n".join(f"| {' | '.join(cells)} |" for cells in every) + "\n")


def bullets(items: Iterable[object]) -> Md:
    """A bullet list."""
    return Md("".join(f"- {text(item)}\n" for item in items))


def fence(source: str, language: str = "", title: str = "") -> Md:
    """A fenced block that its content cannot leave, and that Jinja (mkdocs-macros) leaves alone."""
    body = clean(source).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", body)), default=2)
    marks = "`" * (longest + 1)
    name = re.sub(r'["\n{}]', "", title)
    head = language + (f' title="{name}"' if name else "")
    return _raw(f"{marks}{head}\n{body}\n{marks}\n")


def fold(title: str, source: str, language: str) -> Md:
    """A fenced block in an unfolded `???+ code` block."""
    inner = fence(source, language)
    opening, body, closing = _raw_parts(inner)
    indented = "\n".join(f"    {line}" if line else "" for line in body.rstrip("\n").split("\n"))
    name = re.sub(r'["\n{}]', "", title)
    return Md(f'{opening}???+ code "{name}"\n\n{indented}\n{closing}')


def _raw(block: str) -> Md:
    if not _JINJA.search(block):
        return Md(block)
    # As HTML comments the marks are invisible on a site without mkdocs-macros, too. A word joiner
    # keeps the block from ending the raw part itself.
    body = _ENDRAW.sub("{\u2060%", block)
    return Md(f"<!-- {{% raw %}} -->\n\n{body}\n<!-- {{% endraw %}} -->\n")


def _raw_parts(block: str) -> tuple[str, str, str]:
    opening, closing = "<!-- {% raw %} -->\n\n", "\n<!-- {% endraw %} -->\n"
    if block.startswith(opening):
        return opening, block.removeprefix(opening).removesuffix(closing), closing
    return "", block, ""


def as_json(value: Mapping[str, Any]) -> str:
    """JSON as a page shows it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def image(file: str, alt: str, width: int) -> Md:
    """A picture or plot in `assets/`, as wide as `width` CSS pixels where there is room."""
    return Md(f'<img src="assets/{quote(file)}" alt="{text(alt)}" width="{width}">')


def media(file: str, alt: str, width: int) -> Md:
    """A picture, or a video with its controls."""
    if file.lower().endswith((".mp4", ".webm")):
        return Md(
            f'<video controls muted width="{width}" title="{text(alt)}">'
            f'<source src="assets/{quote(file)}" type="video/{file.rsplit(".", 1)[1].lower()}">'
            "</video>"
        )
    return image(file, alt, width)
