"""Training examples as JSON triples: `image_path` or `video_path`, `prompt`, `target`."""

from collections import Counter
from pathlib import Path
from typing import Literal

from recipe_kit.data.places import media_name, nearest
from recipe_kit.data.rows import Problem, RowError, raise_problems
from recipe_kit.data.table import Row, read_table
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample

KEYS = ("image_path", "prompt", "target")
VIDEO = "video_path"
"""The key that stands for `image_path` where the medium is a video."""


def samples_of_triples(name: str, path: Path) -> list[Sample]:
    """Read triples; each becomes a sample, and those of one picture form a group.

    Args:
        name: The source's name.
        path: A JSON list or a JSONL file of objects with the three keys (`video_path` in place of
            `image_path` for videos); other keys are not read.

    Raises:
        DataError: A key is missing, or rows cannot be used.
    """
    if path.suffix.lower() not in (".json", ".jsonl"):
        raise DataError(f"triples come as .json or .jsonl, not as {path.suffix!r}",
                        where=str(path), fix="use `kind: table` for tables")
    columns, rows = read_table(path)
    for key in KEYS:
        if key not in columns and not (key == "image_path" and VIDEO in columns):
            raise DataError(f"no triple has the key {key!r}; {nearest(key, columns)}",
                            where=str(path), fix=f"write {', '.join(KEYS)} in each triple")
    samples, problems = [], []
    asked: dict[tuple[str, str], str] = {}
    times: Counter[str] = Counter()
    for row in rows:
        try:
            kind, named = _medium(row)
            prompt, target = (_text(row, key) for key in KEYS[1:])
            try:
                media = media_name(named)
            except ValueError as error:
                raise RowError(f"the path {named!r} {error}") from error
            if (media, prompt) in asked:
                what = "video" if kind == "video" else "picture"
                raise RowError(f"asks the same question of the same {what} as "
                               f"{asked[media, prompt]}")
        except RowError as error:
            problems.append(Problem(row.where, str(error)))
            continue
        asked[media, prompt] = row.where
        times[media] += 1
        samples.append(Sample(
            id=f"{name}/{media}#{times[media]}", source=name, media=media, media_type=kind,
            group=f"{name}/{media}", prompt=prompt, target=target,
        ))
    raise_problems(problems, f"correct these triples of data.sources.{name}")
    return samples


def _medium(row: Row) -> tuple[Literal["image", "video"], str]:
    if row.cells.get(VIDEO) in (None, ""):
        return "image", _text(row, KEYS[0])
    if row.cells.get(KEYS[0]) not in (None, ""):
        raise RowError("names a picture and a video")
    return "video", _text(row, VIDEO)


def _text(row: Row, key: str) -> str:
    value = row.cells.get(key)
    if isinstance(value, str) and value.strip():
        return value
    raise RowError(f"{key!r} is empty" if value in (None, "") or isinstance(value, str)
                   else f"{key!r} is no text but {value!r}"[:80])
