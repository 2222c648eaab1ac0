"""What one look at a file found, remembered from one run to the next.

A file is looked at again when its size or one of its times has changed. The memory is a small
SQLite file in the cache, so runs at the same time may share it. It may be lost at any moment:
then files are looked at anew.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from recipe_kit.data.media import MediaFacts

THUMB_SIDE = 32
Key = tuple[str, str, int, int, int]
"""Place, kind, size, and the times of the last change of the content and of any kind."""

FILE = "looks-2.sqlite"  # the number rises when an inspection finds other things
TABLE = """CREATE TABLE IF NOT EXISTS looks (
    path TEXT, media_type TEXT, size INTEGER, mtime INTEGER, ctime INTEGER,
    sha256 TEXT, facts TEXT, phash BLOB, thumb BLOB, PRIMARY KEY (path, media_type))"""
SELECT = """SELECT sha256, facts, phash, thumb FROM looks
    WHERE path = ? AND media_type = ? AND size = ? AND mtime = ? AND ctime = ?"""


@dataclass(frozen=True)
class Inspection:
    """What one look at a file found."""

    sha256: str
    facts: MediaFacts
    phash: int
    """64-bit perceptual hash (imagehash.phash)."""
    thumb: bytes
    """Gray values of the picture at THUMB_SIDE × THUMB_SIDE pixels, row by row."""


def recall(cache: Path, keys: Iterable[Key]) -> dict[Key, Inspection]:
    """Look up files in the memory; those that are not in it are left out."""
    found: dict[Key, Inspection] = {}
    # A memory that is missing, damaged or locked is no memory, and no error.
    with contextlib.suppress(sqlite3.Error, ValueError, TypeError):
        if not (cache / FILE).is_file():
            return found
        with contextlib.closing(sqlite3.connect(cache / FILE)) as database:
            for key in keys:
                row = database.execute(SELECT, key).fetchone()
                if row is not None:
                    sha256, facts, phash, thumb = row
                    found[key] = Inspection(sha256, MediaFacts(**json.loads(facts)),
                                            int.from_bytes(phash, "big"), thumb)
    return found


def keep(cache: Path, seen: Mapping[Key, Inspection]) -> None:
    """Add what was found to the memory, if it can be written."""
    if not seen:
        return
    rows = [
        (*key, one.sha256, json.dumps(asdict(one.facts)), one.phash.to_bytes(8, "big"), one.thumb)
        for key, one in seen.items()
    ]
    with contextlib.suppress(sqlite3.Error, OSError):
        cache.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(cache / FILE)) as database, database:
            database.execute(TABLE)
            database.executemany(
                "INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
