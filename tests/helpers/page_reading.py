"""A rendered page, taken apart for the page's tests."""

import re
from pathlib import Path


def read(folder: Path) -> str:
    """The page in a folder."""
    return (folder / "index.md").read_text(encoding="utf-8")


def headings(page: str) -> list[str]:
    """Every heading with its marks (`## Overview`), in order; shown code holds none."""
    outside = re.sub(r"^( *)(`{3,}).*?^\1\2$", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ +.*$", outside, flags=re.MULTILINE)


def tables(page: str) -> list[list[list[str]]]:
    """Every pipe table: its rows of cells, the first of which is the heading."""
    found = re.findall(r"(?:^\|.*\|\n)+", page, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in block.splitlines()]
        for block in found
    ]


def fences(page: str) -> list[str]:
    """The language of every fenced block, in order."""
    every = re.findall(r"^ *`{3,}(\w*)", page, flags=re.MULTILINE)
    return every[::2]


def within(wanted: list[str], found: list[str]) -> bool:
    """Whether the wanted items occur in this order."""
    rest = iter(found)
    return all(item in rest for item in wanted)
