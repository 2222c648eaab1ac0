"""Questions as columns, for formats that are tables.

A cell of a table is a text or it is empty. Extra columns that hold more than that (numbers, lists,
empty texts) are written as JSON under a name that ends in `:json`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from recipe_kit.data.exchange.question import (
    LETTERS,
    ExchangeQuestion,
    escaped,
    make_question,
    unescaped,
)
from recipe_kit.data.text import parse_json

JSON = ":json"
FIELDS = {
    "index": "id", "image_path": "image_path", "video": "video_path", "question": "question",
    "hint": "hint", "answer": "answer", "category": "category", "l2-category": "l2_category",
    "split": "split",
}  # fmt: skip
"""From a table's column to the field."""
IMAGE = "image"
OWN = frozenset({*FIELDS, IMAGE, *LETTERS})
ORDER = (
    "index", IMAGE, "image_path", "video", "question", "hint", *LETTERS, "answer", "category",
    "l2-category", "split",
)  # fmt: skip
_ALWAYS = ("index", "question", "answer")


def rows_of(questions: Sequence[ExchangeQuestion]) -> tuple[list[str], list[dict[str, str]]]:
    """The columns that are needed, and a row of texts for each question; without the pictures."""
    extras = [escaped(question.extra, OWN) for question in questions]
    names = dict.fromkeys(name for extra in extras for name in extra)
    plain = {name for name in names if _is_plain(name, extras)}
    rows = []
    for question, extra in zip(questions, extras, strict=True):
        row = {column: getattr(question, field) for column, field in FIELDS.items()}
        row |= question.options
        for name, value in extra.items():
            row[name if name in plain else name + JSON] = (
                str(value) if name in plain else json.dumps(value, ensure_ascii=False)
            )
        rows.append(row)
    filled = {column for row in rows for column, text in row.items() if text}
    columns = [column for column in ORDER if column in filled or column in _ALWAYS]
    columns += [name if name in plain else name + JSON for name in names]
    return columns, rows


def questions_of(
    rows: Sequence[Mapping[str, str]], pictures: Sequence[bytes], places: Sequence[str]
) -> list[ExchangeQuestion]:
    """The questions of a table's rows.

    Args:
        rows: From column to text; empty cells may be left out.
        pictures: The picture of each row, empty where there is none.
        places: Where each row stands, for messages.

    Raises:
        DataError: A row is no question.
    """
    columns = dict.fromkeys(column for row in rows for column in row if column not in OWN)
    decoded = {column: _decoded(column, rows) for column in columns}
    questions = []
    for number, (row, picture, where) in enumerate(zip(rows, pictures, places, strict=True)):
        extra = {
            name: values[number] for name, values in decoded.values() if number in values
        }
        values: dict[str, Any] = {
            field: row[column] for column, field in FIELDS.items() if column in row
        }
        options = {letter: row[letter] for letter in LETTERS if row.get(letter)}
        questions.append(make_question(
            where, {**values, "options": options, "extra": extra, "picture": picture}
        ))
    return questions


def _is_plain(name: str, extras: Sequence[Mapping[str, JsonValue]]) -> bool:
    values = (extra[name] for extra in extras if name in extra)
    return not name.endswith(JSON) and all(isinstance(value, str) and value for value in values)


def _decoded(
    column: str, rows: Sequence[Mapping[str, str]]
) -> tuple[str, dict[int, JsonValue]]:
    """An extra column's name and its filled cells; as JSON where all of them are."""
    cells = {number: row[column] for number, row in enumerate(rows) if row.get(column)}
    if column.endswith(JSON):
        try:
            values = {number: parse_json(cell) for number, cell in cells.items()}
        except (ValueError, RecursionError):
            pass  # somebody's own column with such a name
        else:
            return unescaped(column.removesuffix(JSON)), values
    return unescaped(column), dict(cells)
