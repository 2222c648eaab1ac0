"""What a check of a page finds, and how two files differ."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import unescape
from itertools import zip_longest
from typing import Any

NEAR = 1e-9
"""Relative difference up to which two sums differ by the order of their parts at most."""
_SHOWN = 60  # characters of a line
_BEFORE = 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TEXT = re.compile(rb"<text\b[^>]*>(.*?)</text>", re.DOTALL)
_NOTHING = object()


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    where: str
    """File of the page, with the line or the path in the JSON."""
    what: str
    near: bool = False
    """Two numbers that differ in their last digits only."""
    excuse: str = ""
    """Why it need not be anyone's edit."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" ({self.excuse})" if self.excuse else "")


def json_differences(found: Any, right: Any, where: str = "") -> Iterator[Finding]:
    """Every place where two JSON values differ; `where` is the path, such as `gate.enough`."""
    if isinstance(found, dict) and isinstance(right, dict):
        for key in dict.fromkeys((*found, *right)):
            name = key if _NAME.fullmatch(key) else f"[{key!r}]"
            path = f"{where}{'' if name.startswith('[') or not where else '.'}{name}"
            yield from json_differences(
                found.get(key, _NOTHING), right.get(key, _NOTHING), path
            )
    elif isinstance(found, list) and isinstance(right, list):
        for at, (one, other) in enumerate(zip_longest(found, right, fillvalue=_NOTHING)):
            yield from json_differences(one, other, f"{where}[{at}]")
    elif type(found) is not type(right) or found != right:
        near = isinstance(found, float) and isinstance(right, float) and math.isclose(
            found, right, rel_tol=NEAR, abs_tol=NEAR
        )
        yield Finding(where, f"is {_shown(found)}, but the answers give {_shown(right)}", near)


def file_differences(name: str, found: bytes, right: bytes) -> Iterator[Finding]:
    """Every place where a file differs from what the record gives.

    Args:
        name: The file, as it is told.
        found: Its content.
        right: What the content should be; not the same.
    """
    if name.endswith(".svg"):
        said = list(_changes(svg_texts(found), svg_texts(right)))
        for _, one, other in said:
            yield Finding(name, f"the plot says {_told(one)}, but the record gives {_told(other)}")
        if said:
            return
    try:
        lines = found.decode().split("\n"), right.decode().split("\n")
    except UnicodeDecodeError:
        yield Finding(name, "is another file than the record gives")
        return
    for number, one, other in _changes(*lines):
        where = f"{name}:{number}"
        if one is None:
            yield Finding(where, f"lacks the line {_told(other)}")
        elif other is None:
            yield Finding(where, f"has a line that the record does not give: {_told(one)}")
        else:
            at = next(at for at, (a, b) in enumerate(zip_longest(one, other)) if a != b)
            yield Finding(where, f"is {_told(one, at)}, but the record gives {_told(other, at)}")


def _changes(
    found: Sequence[str], right: Sequence[str]
) -> Iterator[tuple[int, str | None, str | None]]:
    """Lines that differ, with their number; None where one of both has no such line."""
    matcher = SequenceMatcher(None, found, right, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind != "equal":
            pairs = zip_longest(found[start:end], right[other_start:other_end])
            for number, (one, other) in enumerate(pairs, start=start + 1):
                yield number, one, other


def svg_texts(svg: bytes) -> list[str]:
    """What a plot says, in the order it is drawn."""
    return [unescape(text.decode(errors="replace")).strip() for text in _TEXT.findall(svg)]


def _told(line: str | None, at: int = 0) -> str:
    """A line, or the part of a long one around a place."""
    if line is None:
        return "nothing"
    start = max(0, at - _BEFORE) if len(line) > _SHOWN else 0
    # What cannot be seen is told: a carriage return as `\\r`.
    part = "".join(
        one if one.isprintable() else ascii(one)[1:-1] for one in line[start : start + _SHOWN]
    )
    return f"“{'…' if start else ''}{part}{'…' if start + _SHOWN < len(line) else ''}”"


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "missing"
    if isinstance(value, dict | list):
        return f"{'a list of' if isinstance(value, list) else 'a part of'} {len(value)} entries"
    if isinstance(value, str):
        return _told(value)
    return json.dumps(value)
