"""Edits of a published page, as a person with an editor would make them."""

import gzip
import hashlib
import random
import re
from pathlib import Path

from recipe_kit.page.files import page_files
from recipe_kit.record.store import read_record

# Where numbers of a page's files stand.
_PLACES = {
    ".md": rb"^\|.*\d.*$",
    ".json": rb'^ *(?:"[\w ]+": )?-?\d[\d.e-]*,?$',
    ".svg": rb"<text[^>]*>[^<]*\d[^<]*</text>",
    ".gz": rb'"(?:confidence|mass|latency_s|Yes|No|A|B|[1-5])":[\d.e-]+',
}
# No part of a name, an address or a digest.
_NUMBER = re.compile(rb"(?<![\w#./&-])\d+(?:\.\d+)?(?![\w/])")


def tamper(path: Path, seed: int) -> str:
    """Changes one digit of one number in a file; returns what was changed, for a message."""
    rng = random.Random(seed)
    packed = path.suffix == ".gz"
    content = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    places = list(re.finditer(_PLACES[path.suffix], content, re.MULTILINE))
    start, end = rng.choice(places).span()
    if path.suffix == ".svg":
        start = content.index(b">", start)
    digits = [
        at
        for number in _NUMBER.finditer(content, start, end)
        for at in range(*number.span())
        if content[at : at + 1].isdigit()
    ]
    at = rng.choice(digits)
    new = rng.choice([digit for digit in b"0123456789" if digit != content[at]])
    edited = content[:at] + bytes([new]) + content[at + 1 :]
    path.write_bytes(gzip.compress(edited, mtime=0) if packed else edited)
    return f"{path.name}: {content[start:end].decode()} at {at - start}: {chr(new)}"


def fix_sums(page: Path) -> None:
    """Writes the list of digests anew."""
    sums = page / "assets" / "SHA256SUMS"
    names = [line.split("  ")[1] for line in sums.read_text().splitlines()]
    digests = [hashlib.sha256((sums.parent / name).read_bytes()).hexdigest() for name in names]
    sums.write_text("".join(f"{one}  {name}\n" for one, name in zip(digests, names, strict=True)))


def render_again(page: Path) -> None:
    """Makes all files agree with the page's record."""
    record = read_record(page / "assets" / "record.json")
    for name, content in page_files(record, page / "assets").items():
        (page / name).write_bytes(content)
