"""Questions as LLaVA writes them: a picture or a video, and a conversation about it.

Each turn of a longer conversation is a question of its own; its `turn_of` names the first one.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from recipe_kit.data.exchange.objects import (
    COMMON,
    check_parts,
    prompt_of,
    rest_of,
    text_at,
    values_of,
    write_objects,
)
from recipe_kit.data.exchange.question import ExchangeQuestion, make_question
from recipe_kit.data.text import read_objects
from recipe_kit.errors import DataError

_OWN = COMMON | {"image", "video", "conversations"}
_SPEAKERS = ("human", "gpt")
_TURN_OF = "turn_of"


def read_llava(path: Path) -> list[ExchangeQuestion]:
    """The questions of a JSON list or a `.jsonl` file; entries without an id are counted.

    Raises:
        DataError: The file cannot be read, or an item is no conversation.
    """
    items = enumerate(read_objects(path), start=1)
    return [q for number, (where, entry) in items for q in _questions(entry, number, where)]


def write_llava(path: Path, questions: Iterable[ExchangeQuestion]) -> None:
    """Writes conversations; what LLaVA has no key for stands beside its keys.

    Raises:
        StorageError: The file cannot be written.
    """
    write_objects(path, _entries(questions))


def _entries(questions: Iterable[ExchangeQuestion]) -> Iterator[dict[str, Any]]:
    entry: dict[str, Any] = {}
    together: list[ExchangeQuestion] = []
    for question in questions:
        # After a question without an answer nothing can be said.
        if together and together[-1].answer and question.extra.get(_TURN_OF) == together[0].id:
            longer = {**entry, "conversations":
                      [*entry["conversations"], *_turns(question.question, question.answer)]}
            # Only what reads back as it is may be joined to the conversation before.
            if list(_questions(longer, 0, "")) == [*together, question]:
                entry = longer
                together.append(question)
                continue
        if together:
            yield entry
        entry, together = _entry(question), [question]
    if together:
        yield entry


def _entry(question: ExchangeQuestion) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": question.id}
    if question.image_path:
        entry["image"] = question.image_path
    if question.video_path:
        entry["video"] = question.video_path
    prompt = prompt_of(question)
    rest = rest_of(question, prompt, _OWN)
    lead = _lead(entry | rest)
    # A text that says itself where its picture belongs is left alone.
    said = prompt if lead and lead.strip() in prompt else lead + prompt
    if _asked(said, lead) != question.question:
        rest = rest_of(question, "", _OWN)
    return entry | {"conversations": _turns(said, question.answer)} | rest


def _questions(entry: dict[str, Any], number: int, where: str) -> Iterator[ExchangeQuestion]:
    turns = _said(entry, where)
    name = str(entry["id"]) if isinstance(entry.get("id"), int) else text_at(entry, "id", where)
    name = name or str(number)
    asked = _asked(turns[0], _lead(entry))
    values = values_of(entry, asked, _OWN, where) | {
        "id": name,
        "image_path": text_at(entry, "image", where),
        "video_path": text_at(entry, "video", where),
        "answer": turns[1] if len(turns) > 1 else "",
    }
    yield check_parts(make_question(where, values), (asked, turns[0]), where)
    later = {key: values[key] for key in values if key not in ("hint", "options")}
    for turn in range(2, len(turns), 2):
        later |= {
            "id": f"{name}#{turn // 2 + 1}", "question": turns[turn],
            "answer": turns[turn + 1] if turn + 1 < len(turns) else "",
            "extra": {_TURN_OF: name},
        }  # fmt: skip
        yield make_question(f"{where}, turn {turn + 1}", later)


def _said(entry: dict[str, Any], where: str) -> list[str]:
    """What human and model say in turn."""
    turns = entry.get("conversations")
    if not isinstance(turns, list) or not turns:
        raise DataError("has no list 'conversations'", where=where,
                        fix='write "conversations": [{"from": "human", "value": "..."}, ...]')
    for number, turn in enumerate(turns):
        speaker = _SPEAKERS[number % 2]
        if not (isinstance(turn, dict) and turn.keys() == {"from", "value"}
                and turn["from"] == speaker and isinstance(turn["value"], str)):
            raise DataError(
                f"turn {number + 1} is {json.dumps(turn)[:60]}", where=where,
                fix=f'write {{"from": "{speaker}", "value": "..."}}; human and gpt take turns',
            )
    return [turn["value"] for turn in turns]


def _turns(said: str, answer: str) -> list[dict[str, str]]:
    texts = (said, answer) if answer else (said,)
    return [{"from": who, "value": text} for who, text in zip(_SPEAKERS, texts, strict=False)]


def _lead(entry: dict[str, Any]) -> str:
    """What stands before the first text of an entry with a picture or a video."""
    if entry.get("image") or entry.get("picture"):
        return "<image>\n"
    return "<video>\n" if entry.get("video") else ""


def _asked(said: str, lead: str) -> str:
    return said.removeprefix(lead)
