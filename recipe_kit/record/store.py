"""A run's folder: stages, their manifests, the lock, and the record.

runs/<slug>/
lock                     held by the process that works on the run
status.json              what that process is doing, for `recipe status`
record.json              written at the end
<stage>/<fingerprint>/   manifest.json is written last: its existence means
that the stage completed
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from recipe_kit.errors import BusyError, RecordError
from recipe_kit.record.files import storage, write_atomic, write_json
from recipe_kit.record.schemas import VERSION, Record, StageEntry

MANIFEST = "manifest.json"
_TRIES = 4


class RunFolder:
    """The folder of one run."""

    def __init__(self, root: Path, slug: str) -> None:
        self.path = root / slug
        self.slug = slug

    def stage(self, name: str, fingerprint: str) -> Path:
        """Folder of a stage."""
        return self.path / name / fingerprint[:16]

    def manifest(self, name: str, fingerprint: str) -> StageEntry | None:
        """The manifest of a completed stage; None when it has not completed."""
        path = self.stage(name, fingerprint) / MANIFEST
        if not path.exists():
            return None
        try:
            return StageEntry.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise RecordError(
                "is not a manifest of this version", where=str(path),
                fix="Delete the folder it is in and run `recipe run` again.",
            ) from error

    def complete(self, entry: StageEntry) -> None:
        """Marks a stage as completed; called when all its other files are written."""
        write_json(self.stage(entry.name, entry.fingerprint) / MANIFEST, entry)

    def status(self, **facts: Any) -> None:
        """Notes what the run is doing."""
        write_atomic(self.path / "status.json", json.dumps(facts) + "\n")

    def read_status(self) -> dict[str, Any]:
        """What the run was last doing; empty when it has not started."""
        try:
            facts: dict[str, Any] = json.loads((self.path / "status.json").read_text())
        except (OSError, ValueError):
            return {}
        return facts

    def holder(self) -> int | None:
        """Process that holds the lock; None when nobody works on the run."""
        path = self.path / "lock"
        if not path.exists():
            return None
        with path.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else 0
        return None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for this process; the lock ends with the process, however it ends.

        Raises:
            BusyError: Another process holds it.
        """
        path = self.path / "lock"
        with storage(path):
            self.path.mkdir(parents=True, exist_ok=True)
            file = path.open("a+")
        with file:
            if not _locked(file):
                file.seek(0)
                raise BusyError(
                    f"another process ({file.read().strip() or 'unknown'}) is working on this run",
                    where=str(self.path),
                    fix="Wait until it ends (`recipe status` shows where it is), or stop it.",
                )
            with storage(path):
                file.truncate(0)
                file.write(f"{os.getpid()}\n")
                file.flush()
            yield

    def sweep(self) -> None:
        """Removes the unfinished files of killed processes; for the holder of the lock."""
        for path in sorted(self.path.rglob(".*")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    @property
    def record_path(self) -> Path:
        """Where the record is."""
        return self.path / "record.json"


def _locked(file: IO[str]) -> bool:
    # `recipe status` holds the lock for an instant to see whether it is free.
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return True
    return False


def read_record(path: Path) -> Record:
    """Reads a record.

    Raises:
        RecordError: It is missing, damaged, or written by a newer version.
    """
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RecordError(
            "there is no record", where=str(path), fix="Run `recipe run` first.",
        ) from error
    except (OSError, ValueError) as error:
        raise RecordError(
            f"cannot be read: {error}", where=str(path),
            fix="Delete it and run `recipe run` again; what is cached is not repeated.",
        ) from error
    version = data.get("version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise RecordError(
            f"has version {version}; this recipe_kit reads up to version {VERSION}",
            where=str(path), fix="Install a newer recipe_kit.",
        )
    try:
        return Record.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"is damaged: {place}: {first['msg']}", where=str(path),
            fix="Delete it and run `recipe run` again; what is cached is not repeated.",
        ) from error
