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


def read_objects(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a JSON list, or of a `.jsonl` file, each with its place.

    Raises:
        DataError: The file cannot be read or is not JSON, or an item is no object.
    """
    text = read_text(path)
    if path.suffix.lower() == ".jsonl":
        # Not splitlines(): it also breaks at characters that may stand inside a JSON string.
        lines = enumerate(text.split("\n"), start=1)
        items = [(f"{path}:{n}", _parse(path, line, n)) for n, line in lines if line.strip()]
    else:
        values = _parse(path, text, 0) if text.strip() else []
        if not isinstance(values, list):
            raise DataError("holds no list", where=str(path),
                            fix="write [{...}, {...}], or one object per line in a .jsonl file")
        items = [(f"{path} (item {n})", value) for n, value in enumerate(values, start=1)]
    for where, value in items:
        if not isinstance(value, dict):
            raise DataError(f"is no object {{...}} but {json.dumps(value)[:40]}", where=where,
                            fix="write one object, with names and values")
    return items


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        DataError: The file cannot be read, is not JSON, or holds something else.
    """
    value = _parse(path, read_text(path), 0)
    if not isinstance(value, dict):
        raise DataError(f"is no object {{...}} but {json.dumps(value)[:40]}", where=str(path),
                        fix="write one object, with names and values")
    return value


def _parse(path: Path, text: str, line: int) -> Any:
    """The value of one line, or of the whole file where the line is 0."""
    fix = "mend this line" if line else "mend the file"
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        raise DataError(f"is not JSON: {error.msg}", fix="mend this line",
                        where=f"{path}:{line or error.lineno}:{error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON that can be read: {error}", fix=fix,
                        where=f"{path}:{line}" if line else str(path)) from error
