"""Questions as a Hugging Face dataset on disk, with the columns of the VLMEvalKit table."""

import importlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recipe_kit.data.exchange.columns import IMAGE, JSON, OWN, questions_of, rows_of
from recipe_kit.data.exchange.question import ExchangeQuestion
from recipe_kit.errors import DataError, MissingPackageError
from recipe_kit.record.files import storage


def read_dataset(folder: Path) -> list[ExchangeQuestion]:
    """The questions of a dataset that `save_to_disk` wrote; of all its splits, where it has some.

    Raises:
        MissingPackageError: The `datasets` library is not installed.
        DataError: The folder holds no dataset, or a row is no question.
    """
    datasets = _library()
    try:
        loaded = datasets.load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise DataError(f"is no dataset on disk: {error}", where=str(folder),
                        fix="name the folder that `save_to_disk` wrote") from error
    parts = loaded if isinstance(loaded, datasets.DatasetDict) else {"": loaded}
    return [
        question
        for split, part in parts.items()
        for question in _questions(part, split, f"{folder}/{split}" if split else str(folder))
    ]


def write_dataset(folder: Path, questions: Sequence[ExchangeQuestion]) -> None:
    """Writes one dataset with a column `split`; the pictures are in it.

    Raises:
        MissingPackageError: The `datasets` library is not installed.
        DataError: There is no question.
        StorageError: The folder cannot be written.
    """
    datasets = _library()
    if not questions:
        raise DataError("there is no question to write", where=str(folder),
                        fix="read some questions first")
    columns, rows = rows_of(questions)
    table: dict[str, list[Any]] = {c: [row.get(c) for row in rows] for c in columns}
    features = {column: datasets.Value("string") for column in columns}
    if any(question.picture for question in questions):
        table[IMAGE] = [{"bytes": q.picture, "path": None} if q.picture else None
                        for q in questions]
        features[IMAGE] = datasets.Image()
    made = datasets.Dataset.from_dict(table, features=datasets.Features(features))
    with storage(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as partial:
            # In place at once: a folder that is there is complete.
            made.save_to_disk(f"{partial}/dataset")
            Path(partial, "dataset").replace(folder)


def _questions(part: Any, split: str, folder: str) -> list[ExchangeQuestion]:
    datasets = _library()
    names = {}
    for column, feature in part.features.items():
        if isinstance(feature, datasets.Image):
            # Not decoded: the file as it was, not a picture made of it.
            part = part.cast_column(column, datasets.Image(decode=False))
        elif isinstance(feature, datasets.ClassLabel):
            names[column] = feature.int2str
    rows, pictures, places = [], [], []
    for number, record in enumerate(part, start=1):
        where = f"{folder} (row {number})"
        record = {"index": str(number), "split": split} | record
        record |= {column: name(record[column]) for column, name in names.items()
                   if record[column] is not None}
        path, picture = _picture(record.pop(IMAGE, None), where)
        row = dict(_texts(record, where))
        if path and not row.get("image_path"):
            row["image_path"] = path
        rows.append(row)
        pictures.append(picture)
        places.append(where)
    return questions_of(rows, pictures, places)


def _picture(value: Any, where: str) -> tuple[str, bytes]:
    """Path and bytes of a picture, as far as it has them."""
    if value is None or isinstance(value, str):
        return value or "", b""
    if isinstance(value, dict) and value.keys() == {"bytes", "path"}:
        return value["path"] or "", value["bytes"] or b""
    raise DataError("the column 'image' holds no picture", where=where,
                    fix="cast it to datasets.Image(), or write the path of a file in it")


def _texts(record: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """The cells as texts; what is more than a text becomes JSON."""
    for column, value in record.items():
        if isinstance(value, str):
            yield column, value
        elif value is not None:
            try:
                text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise DataError(f"the column {column!r} cannot be kept: {error}", where=where,
                                fix="take the column out of the dataset") from error
            yield (column if column in OWN else column + JSON), text


def _library() -> Any:
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise MissingPackageError("Hugging Face datasets need the package datasets",
                             fix="pip install datasets") from error
    datasets.disable_progress_bars()  # they would run through the output of the command
    return datasets
