"""Files that only grow, and files that are whole or absent."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from recipe_kit.errors import RecordError, StorageError
from recipe_kit.record.files import Appender, digest, read_json, read_rows, write_atomic, write_rows


class Row(BaseModel):
    name: str


def rows(path: Path) -> list[str]:
    return [row.name for row in read_rows(path, Row)]


def append(path: Path, names: list[str]) -> None:
    with Appender(path) as log:
        for name in names:
            log.append(Row(name=name))


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@given(st.lists(st.text(max_size=8), max_size=6), st.text(max_size=8), st.data())
def test_a_torn_line_is_cut_off_wherever_the_process_was_killed(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], last: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("torn") / "rows.jsonl"
    append(path, names)
    whole = path.stat().st_size
    append(path, [last])
    kept = data.draw(st.integers(whole, path.stat().st_size - 1))
    with path.open("r+b") as file:
        file.truncate(kept)
    assert rows(path) == names
    append(path, ["new"])
    assert rows(path) == [*names, "new"]


@given(st.lists(st.text(), max_size=10))
def test_rows_are_read_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_rows(path, tuple(Row(name=name) for name in names))
    assert rows(path) == names
    assert path.read_bytes().count(b"\n") == len(names)


@pytest.mark.parametrize("room", [0, 1, 5, 13])
def test_a_line_that_does_not_fit_on_the_disk_leaves_no_trace(tmp_path: Path, room: int) -> None:
    path = tmp_path / "rows.jsonl"
    append(path, ["one"])
    log = Appender(path)
    with full_disk(path.stat().st_size + room), pytest.raises(StorageError) as caught:
        log.append(Row(name="two"))
    assert caught.value.where == str(path)
    assert caught.value.what == "cannot be written: File too large"
    assert rows(path) == ["one"]
    # There is room again: nothing of the line that failed comes back.
    log.append(Row(name="three"))
    log.close()
    assert rows(path) == ["one", "three"]


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")
    with full_disk(10), pytest.raises(StorageError, match="cannot be written: File too large"):
        write_atomic(path, "x" * 100_000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"Not a directory|File exists"):
        write_atomic(tmp_path / "file" / "inside", "y")


def test_a_damaged_line_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"name": "a"}\n{"name": 1}\n{"name": "c"}\n')
    with pytest.raises(RecordError) as caught:
        read_rows(path, Row)
    assert str(caught.value) == (
        f"{path}:2: is not a row: name Input should be a valid string\n"
        "  To mend it: Delete the folder of this file and run `recipe run` again."
    )


def test_what_is_missing_or_damaged_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "row.json"
    with pytest.raises(RecordError, match="is missing or damaged"):
        read_json(path, Row)
    with pytest.raises(RecordError, match="cannot be read: No such file"):
        read_rows(path, Row)
    path.write_text('{"name": ')
    with pytest.raises(RecordError, match="is missing or damaged"):
        read_json(path, Row)


def test_a_digest_follows_from_the_content_alone() -> None:
    assert digest({"a": 1, "b": ["ü", None]}) == digest({"b": ["ü", None], "a": 1})
    # Pinned: fingerprints of finished runs are made of these.
    assert digest({"a": 1, "b": ["ü", None]}) == (
        "6654610c3d754d598f758029b4381c665c8306c4c5541b8195826e3639ed1338"
    )
