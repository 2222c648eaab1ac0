"""Texts that others wrote: UTF-8 and JSON, nothing looser."""

import json
from pathlib import Path
from typing import Any, NoReturn

from recipe_kit.errors import DataError


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        DataError: The file cannot be read, or is not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path),
                        fix="name a file that exists and that you may read") from error
    try:
        # A byte order mark, as spreadsheets write it, is no part of the first column's name.
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        guess = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "another encoding"
        raise DataError(f"is not UTF-8 but {guess}", where=f"{path}:{line}",
                        fix="save the file as UTF-8") from error


def parse_json(text: str) -> Any:
    """The value of a JSON text; `NaN` and infinities are none.

    Raises:
        ValueError: The text is not JSON.
        RecursionError: It is nested too deeply.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON number")

    return json.loads(text, parse_constant=refuse)
