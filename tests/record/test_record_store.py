"""A run's folder: manifests, the lock, the record."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_project import Project

from recipe_kit.errors import BusyError, RecordError
from recipe_kit.record.schemas import VERSION, StageEntry
from recipe_kit.record.store import RunFolder, read_record

ENTRY = StageEntry(name="data", fingerprint="f" * 64, seconds=1.5, finished="2026-01-02T03:04:05Z")


def test_a_stage_is_complete_when_its_manifest_is_there(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "small")
    assert folder.manifest("data", ENTRY.fingerprint) is None
    folder.complete(ENTRY)
    assert folder.manifest("data", ENTRY.fingerprint) == ENTRY
    assert folder.manifest("data", "e" * 64) is None


def test_a_manifest_of_another_version(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "small")
    folder.complete(ENTRY)
    path = tmp_path / "small" / "data" / ("f" * 16) / "manifest.json"
    path.write_text('{"name": "data", "digest": "x"}')
    with pytest.raises(RecordError) as caught:
        folder.manifest("data", ENTRY.fingerprint)
    assert str(caught.value) == (
        f"{path}: is not a manifest of this version\n"
        "  To mend it: Delete the folder it is in and run `recipe run` again."
    )


def test_one_process_holds_a_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "small")
    assert folder.holder() is None
    holding = (
        "import sys, pathlib; from recipe_kit.record.store import RunFolder\n"
        f"with RunFolder(pathlib.Path({str(tmp_path)!r}), 'small').lock():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    assert folder.holder() == other.pid
    with pytest.raises(BusyError, match=f"another process \\({other.pid}\\)"), folder.lock():
        pass
    # The lock ends with its process, however that ends.
    other.kill()
    other.communicate()
    assert folder.holder() is None
    with folder.lock():
        assert folder.holder() is not None


def test_unfinished_files_are_swept_away(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "small")
    folder.complete(ENTRY)
    stage = folder.stage("data", ENTRY.fingerprint)
    (stage / ".facts.json.abc").write_text("{")
    (stage / "checkpoints" / ".step-000001.xyz").mkdir(parents=True)
    (stage / "checkpoints" / ".step-000001.xyz" / "model").write_text("x")
    folder.sweep()
    assert sorted(path.name for path in stage.rglob("*")) == ["checkpoints", "manifest.json"]


def test_a_status_that_is_damaged_is_none(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "small")
    assert folder.read_status() == {}
    folder.path.mkdir()
    (folder.path / "status.json").write_text("{")
    assert folder.read_status() == {}
    folder.status(state="running", stage="data")
    assert folder.read_status() == {"state": "running", "stage": "data"}


def test_a_record_is_read_back(finished: Project) -> None:
    record = read_record(finished.run_folder / "record.json")
    assert record.version == VERSION
    assert json.loads(record.model_dump_json()) == finished.record()


@pytest.mark.parametrize(
    ("content", "what", "fix"),
    [
        (None, "there is no record", "Run `recipe run` first."),
        ("{", "cannot be read: Expecting", "Delete it and run `recipe run` again"),
        ("[]", "is damaged: ", "Delete it and run `recipe run` again"),
        ('{"version": 1}', "is damaged: slug: Field required", "Delete it and run `recipe run`"),
        ('{"version": 4, "news": 1}', "has version 4; this recipe_kit reads up to version 3",
         "Install a newer recipe_kit."),
        (b"\xff\xfe", "cannot be read: ", "Delete it and run `recipe run` again"),
    ],
)
def test_a_record_that_cannot_be_read(
    tmp_path: Path, content: str | bytes | None, what: str, fix: str
) -> None:
    path = tmp_path / "record.json"
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert caught.value.where == str(path)
    assert caught.value.what.startswith(what)
    assert caught.value.fix.startswith(fix)
