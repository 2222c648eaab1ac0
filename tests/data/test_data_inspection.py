import hashlib
import os
from pathlib import Path

import imagehash
import pytest
from data_cases import noise
from PIL import Image

from recipe_kit.data import inspection
from recipe_kit.data.inspection import Look, inspect_all
from recipe_kit.data.media import MediaFacts
from recipe_kit.data.memory import FILE, Inspection, keep, recall
from recipe_kit.errors import DataError


def test_one_look(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise(1).save(path)
    (found,) = inspect_all([Look(path, "image")], 1)
    assert isinstance(found, Inspection)
    content = path.read_bytes()
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.facts == MediaFacts("image", 48, 48, "PNG", len(content))
    assert f"{found.phash:016x}" == str(imagehash.phash(Image.open(path)))
    assert len(found.thumb) == 32 * 32


def test_a_changed_file_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"  # the same size whatever the picture
    digests = []
    for number in (1, 2):
        noise(number).save(path)
        os.utime(path, ns=(0, 0))  # not even the time of the change tells
        (found,) = inspect_all([Look(path, "image")], 1, cache=tmp_path)
        assert isinstance(found, Inspection)
        assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        digests.append(found.sha256)
    assert digests[0] != digests[1]


def test_the_next_run_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [Look(tmp_path / f"{number}.png", "image") for number in range(3)]
    for number, look in enumerate(looks):
        noise(number).save(look.path)
    first = inspect_all(looks, 1, cache=tmp_path)
    monkeypatch.setattr(inspection, "_seen", {})  # as in another process
    monkeypatch.setattr(inspection, "_inspect", None)  # any look would fail
    assert inspect_all(looks, 1, cache=tmp_path) == first


def test_the_limit_holds_for_remembered_pictures_too(tmp_path: Path) -> None:
    look = Look(tmp_path / "a.png", "image")
    noise(1).save(look.path)
    assert isinstance(inspect_all([look], 1, cache=tmp_path)[0], Inspection)
    refused = inspect_all([look], 0.001, cache=tmp_path)[0]
    assert isinstance(refused, DataError)
    assert "at most 0.001 megapixels are opened" in refused.what


@pytest.mark.parametrize("content", [b"", b"no database, but long enough to look at it" * 50])
def test_a_damaged_memory_is_no_memory(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    key = ("a", "image", 1, 2, 3)
    assert recall(tmp_path, [key]) == {}
    keep(tmp_path, {key: Inspection("x", MediaFacts("image", 1, 1, "PNG", 1), 2**64 - 1, b"")})
    assert len(recall(tmp_path, [key])) == (content == b"")


def test_a_folder_that_cannot_be_written_is_no_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    key = ("a", "image", 1, 2, 3)
    keep(tmp_path / "file" / "cache",
         {key: Inspection("x", MediaFacts("image", 1, 1, "PNG", 1), 0, b"")})
    assert recall(tmp_path / "file" / "cache", [key]) == {}
