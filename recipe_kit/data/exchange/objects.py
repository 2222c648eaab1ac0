"""Questions as JSON objects, for formats in which a model is told one text and says another.

The text holds all that is asked: hint, question, options. Where it holds more than the question,
the parts stand beside it under `question`, `hint` and `options`, and have to make the same text.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recipe_kit.data.exchange.question import (
    ExchangeQuestion,
    base64_of,
    escaped,
    picture_of,
    unescaped,
)
from recipe_kit.errors import DataError
from recipe_kit.record.files import replacing

_PARTS = ("question", "hint", "options")
_FLAT = {"category": "category", "l2-category": "l2_category", "split": "split"}
COMMON = frozenset({"id", "picture", *_PARTS, *_FLAT})
"""Keys that mean the same in all of these formats."""


def write_objects(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """Writes a JSON list, or one object per line where the name ends in `.jsonl`.

    Raises:
        StorageError: The file cannot be written.
    """
    lines = path.suffix.lower() == ".jsonl"
    with replacing(path) as file:
        between = b"" if lines else b"[\n "
        for value in objects:
            if lines:
                text = json.dumps(value, ensure_ascii=False) + "\n"
            else:
                # One deeper than it would stand alone; line feeds of its texts are escaped.
                text = json.dumps(value, ensure_ascii=False, indent=1).replace("\n", "\n ")
            file.write(between + text.encode())
            between = b"" if lines else b",\n "
        if not lines:
            file.write(b"\n]\n" if between == b",\n " else b"[]\n")


def prompt_of(question: ExchangeQuestion) -> str:
    """All that is asked, in one text: hint, question, and a line for each option."""
    lines = [question.hint] if question.hint else []
    lines.append(question.question)
    lines += [f"{letter}. {text}" for letter, text in question.options.items()]
    return "\n".join(lines)


def rest_of(question: ExchangeQuestion, read: str, own: frozenset[str]) -> dict[str, Any]:
    """The keys that stand beside the text.

    Args:
        question: The question.
        read: What a reader who knows nothing else takes the text's question to be.
        own: The keys that the format gives a meaning.
    """
    rest: dict[str, Any] = {}
    if read != question.question:
        rest = {part: getattr(question, part) for part in _PARTS if getattr(question, part)}
    rest |= {key: getattr(question, field) for key, field in _FLAT.items()}
    rest["picture"] = base64_of(question.picture)
    return {key: value for key, value in rest.items() if value} | escaped(question.extra, own)


def values_of(
    entry: Mapping[str, Any], asked: str, own: frozenset[str], where: str
) -> dict[str, Any]:
    """What the common keys of an object say: fields of `ExchangeQuestion`.

    Args:
        entry: The object.
        asked: The text, without what the format adds to it.
        own: The keys that the format gives a meaning.
        where: The object's place.

    Raises:
        DataError: A key is not what it should be, or the parts do not make the text.
    """
    picture = text_at(entry, "picture", where)
    values: dict[str, Any] = {field: text_at(entry, key, where) for key, field in _FLAT.items()}
    values |= {"question": asked, "picture": picture_of(picture, where)}
    parted = "question" in entry
    if parted:
        options = entry.get("options", {})
        if not isinstance(options, dict):
            raise DataError("'options' is no object", where=where,
                            fix='write "options": {"A": "...", "B": "..."}')
        values |= {part: text_at(entry, part, where) for part in ("question", "hint")}
        values["options"] = dict(sorted(options.items()))
    named = own if parted else own - set(_PARTS)
    values["extra"] = {unescaped(key): v for key, v in entry.items() if key not in named}
    return values


def check_parts(
    question: ExchangeQuestion, texts: Sequence[str], where: str
) -> ExchangeQuestion:
    """The question, when its parts make one of the texts that may be what is asked.

    Raises:
        DataError: They make another one: one of the two was edited.
    """
    if prompt_of(question) not in texts:
        raise DataError(
            f"'question', 'hint' and 'options' make {prompt_of(question)!r}, "
            f"and the text asks {texts[0]!r}", where=where,
            fix="write the same in both, or take 'question', 'hint' and 'options' out",
        )
    return question


def text_at(entry: Mapping[str, Any], key: str, where: str) -> str:
    """A key's text; empty when the key is missing.

    Raises:
        DataError: The value is no text.
    """
    value = entry.get(key, "")
    if isinstance(value, str):
        return value
    raise DataError(f"{key!r} is no text but {json.dumps(value)[:40]}", where=where,
                    fix=f"write {key!r} as one text")
