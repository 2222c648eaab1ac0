"""Files written whole or not at all, and files that only grow."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import BaseModel, ValidationError

from recipe_kit.errors import RecordError, StorageError

Row = TypeVar("Row", bound=BaseModel)


def digest(value: Any) -> str:
    """SHA-256 of a JSON-able value, independent of the order of its keys."""
    return hashlib.sha256(canonical(value)).hexdigest()


def canonical(value: Any) -> bytes:
    """A JSON-able value as JSON, the same for the same value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turns a failure to write into a `StorageError` that names the file and the cause.

    Raises:
        StorageError: The disk is full, or the folder cannot be written to.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            fix="Free some space or mend the folder's permissions, then run the command again; "
            "it goes on where it stopped.",
        ) from error


def write_atomic(path: Path, content: bytes | str) -> None:
    """Writes a file so that readers see the old content or the new, never a part.

    Raises:
        StorageError: The disk is full, or the folder cannot be written to.
    """
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which takes its place when the block ends without an error.

    Raises:
        StorageError: The disk is full, or the folder cannot be written to.
    """
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:  # Ctrl-C too: nothing half-written stays
            Path(name).unlink(missing_ok=True)
            raise


def write_json(path: Path, value: BaseModel | dict[str, Any]) -> None:
    """Writes a model or a mapping as indented JSON, whole or not at all."""
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    write_atomic(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def write_rows(path: Path, rows: Iterable[BaseModel]) -> None:
    """Writes models as JSON lines, whole or not at all."""
    with replacing(path) as file:
        for row in rows:
            file.write(row.model_dump_json().encode() + b"\n")


def read_json(path: Path, kind: type[Row]) -> Row:
    """Reads one JSON file of a completed stage.

    Raises:
        RecordError: The file is missing, or is not what it should be.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RecordError(
            "is missing or damaged", where=str(path),
            fix="Delete the folder it is in and run `recipe run` again.",
        ) from error


def read_rows(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    """Reads JSON lines.

    A last line without a line feed is what a killed process left; it is not read.

    Raises:
        RecordError: The file is missing, or a line is not what it should be.
    """
    return tuple(iter_rows(path, kind))


def iter_rows(path: Path, kind: type[Row]) -> Iterator[Row]:
    """The rows of `read_rows`, one after the other."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise RecordError(
            f"cannot be read: {error.strerror}", where=str(path),
            fix="Run `recipe run` again; the stage that writes this file will be repeated.",
        ) from error
    with file:
        for number, line in enumerate(file, start=1):
            if line.endswith(b"\n"):
                yield read_row(line, kind, path, number)


def read_row(line: bytes, kind: type[Row], path: Path, number: int) -> Row:
    """Reads one JSON line.

    Args:
        line: The line.
        kind: What it should be.
        path: Its file, for the message.
        number: Its number in it, counted from 1, for the message.

    Raises:
        RecordError: It is not what it should be.
    """
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"is not a {kind.__name__.lower()}: {place} {first['msg']}".rstrip(),
            where=f"{path}:{number}",
            fix="Delete the folder of this file and run `recipe run` again.",
        ) from error


class Appender:
    """Appends models to a JSON-lines file; each line is in the file when `append` returns.

    On opening, the torn last line that a killed process may have left is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                data = path.read_bytes()
                whole = data.rfind(b"\n") + 1
                if whole != len(data):
                    os.truncate(path, whole)
            # Unbuffered: a buffer would try again on closing to write what did not fit, and leave
            # the second half of a line whose first half was cut off.
            self._file = path.open("ab", buffering=0)

    def append(self, row: BaseModel | dict[str, Any]) -> None:
        """Appends one line.

        Raises:
            StorageError: The disk is full.
        """
        text = row.model_dump_json() if isinstance(row, BaseModel) else json.dumps(row)
        with storage(self.path):
            start = self._file.tell()
            try:
                line = memoryview(text.encode() + b"\n")
                while line:
                    line = line[self._file.write(line) :]
            except OSError:
                # Half a line may be on disk; the next opening cuts it off as well.
                self._file.truncate(start)
                raise

    def sync(self) -> None:
        """Makes sure that everything is on disk."""
        with storage(self.path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flushes to the disk and closes."""
        try:
            self.sync()
        finally:
            self._file.close()

    def __enter__(self) -> "Appender":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
