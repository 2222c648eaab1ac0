"""The cache of decoded frames: found again, bounded, never half-written, never wrong."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from films import number_of, write_film
from PIL import Image

from recipe_kit.data.clip import Clip
from recipe_kit.data.frames import ROOM_LEFT, FrameCache, frames_key, read_clip
from recipe_kit.model.pixels import Preprocess
from recipe_kit.spec.model import Video

VIDEO = Video(nframes=4)


def halved(height: int, width: int) -> tuple[int, int]:
    return height // 2, width // 2


def clip(number: int, *, size: int = 100) -> Clip:
    return Clip(np.full((2, 1, size, 3), number, np.uint8), (0.0, 0.1 + number))


def never() -> Clip:
    raise AssertionError("read although it is in the cache")


def same(first: Clip, second: Clip) -> bool:
    return first.seconds_T == second.seconds_T and bool(
        (first.frames_THWC == second.frames_THWC).all())


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_is_found_again_by_any_process(tmp_path: Path) -> None:
    FrameCache(tmp_path, 10_000).keep("abc", clip(7))
    assert same(FrameCache(tmp_path, 10_000).get("abc", never), clip(7))
    assert len(entries(tmp_path)) == 1
    assert FrameCache(tmp_path, 10_000).size() == (1, entries(tmp_path)[0].stat().st_size)


@pytest.mark.parametrize("place", [0, 3, 9, 14, 40, -1])
def test_a_damaged_entry_is_read_anew(tmp_path: Path, place: int) -> None:
    cache = FrameCache(tmp_path, 10_000)
    cache.keep("abc", clip(7))
    (path,) = entries(tmp_path)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert same(cache.get("abc", lambda: clip(7)), clip(7))
    assert same(cache.get("abc", never), clip(7))


@pytest.mark.parametrize("length", [0, 5, 16, 60, 500])
def test_an_entry_that_is_cut_off_is_read_anew(tmp_path: Path, length: int) -> None:
    cache = FrameCache(tmp_path, 10_000)
    cache.keep("abc", clip(7))
    (path,) = entries(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    assert same(cache.get("abc", lambda: clip(7)), clip(7))


def test_the_longest_unused_are_removed(tmp_path: Path) -> None:
    cache = FrameCache(tmp_path, 5 * 700)
    for number in range(4):
        cache.keep(f"{number}0", clip(number))
        os.utime(tmp_path / f"{number}0" / f"{number}0.frames", (number, number))
    cache.get("00", never)  # and is the newest now
    cache.keep("40", clip(4))
    cache.keep("50", clip(5))
    kept = {path.stem for path in entries(tmp_path)}
    assert {"00", "40", "50"} <= kept
    assert "10" not in kept
    count, size = cache.size()
    assert (count, size) == (len(kept), sum(path.stat().st_size for path in entries(tmp_path)))
    assert size <= 5 * 700


def test_the_limit_holds_whatever_is_kept(tmp_path: Path) -> None:
    limit = 20_000
    cache = FrameCache(tmp_path, limit)
    generator = np.random.default_rng(0)
    for number in range(60):
        cache.keep(f"{number:03}", clip(number % 7, size=int(generator.integers(1, 1500))))
        assert cache.size()[1] <= limit
    assert cache.size()[1] >= limit * ROOM_LEFT - 9100  # no more was removed than had to be


def test_a_limit_of_zero_keeps_nothing(tmp_path: Path) -> None:
    cache = FrameCache(tmp_path / "none", 0)
    assert same(cache.get("abc", lambda: clip(1)), clip(1))
    assert not (tmp_path / "none").exists()


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = FrameCache(tmp_path / "file", 10_000)
    assert same(cache.get("abc", lambda: clip(1)), clip(1))


def test_many_threads_share_a_cache(tmp_path: Path) -> None:
    cache = FrameCache(tmp_path, 20 * 700)
    wrong = []

    def work(first: int) -> None:
        for step in range(60):
            number = (first + step) % 30
            found = cache.get(f"{number:02}", lambda number=number: clip(number))
            if not same(found, clip(number)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(7 * number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert cache.size()[1] <= 20 * 700
    assert not list(tmp_path.rglob("*.part"))


def test_a_process_that_dies_leaves_no_half_entry(tmp_path: Path) -> None:
    # Killed between the writing and the renaming, which is the only moment it could.
    code = f"""
import os
from pathlib import Path
import numpy as np
from recipe_kit.data.clip import Clip
from recipe_kit.data.frames import FrameCache
Path.replace = lambda self, other: os._exit(9)
FrameCache(Path({str(tmp_path)!r}), 10_000).keep("abc", Clip(np.zeros((1, 1, 1, 3), np.uint8)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    cache = FrameCache(tmp_path, 10_000)
    assert cache.size() == (0, 0)
    assert same(cache.get("abc", lambda: clip(1)), clip(1))
    (left,) = tmp_path.rglob("*.part")
    os.utime(left, (0, 0))
    small = FrameCache(tmp_path, 1000)
    small.keep("def", clip(2))
    small.keep("ghi", clip(3))  # makes room
    assert [path.stem for path in entries(tmp_path)] == ["ghi"]


def test_a_key_stands_for_content_choice_and_size(tmp_path: Path) -> None:
    def key(sha256: str = "a", size: tuple[int, int] = (48, 64), **video: object) -> str:
        return frames_key(sha256, Video.model_validate(video), size)

    keys = [
        key(), key("b"), key(nframes=4), key(fps=2), key(fps=2, max_frames=9),
        key(size=(96, 128)),
    ]
    assert len(set(keys)) == len(keys)
    # What does not change the frames does not change the key.
    assert key() == key(nframes=8) == key(nframes=8, min_frames=2, max_pixels=2048)


def test_a_video_is_decoded_once(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", 16)
    cache = FrameCache(tmp_path / "frames", 10**6)
    read = {
        "video": VIDEO, "size_of": halved, "shape": (96, 128), "cache": cache, "sha256": "x",
        "max_megapixels": 1.0}
    first = read_clip(path, "video", **read)
    path.unlink()
    second = read_clip(path, "video", **read)
    assert same(first, second)
    assert [number_of(frame) for frame in second.frames_THWC] == [0, 5, 10, 15]
    assert second.seconds_T == (0.0, 1.25, 2.5, 3.75)
    assert second.frames_THWC.shape == (4, 48, 64, 3)


def test_other_limits_are_other_entries_where_they_give_other_sizes(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", 4, height=64, width=64)
    cache = FrameCache(tmp_path / "frames", 10**6)
    sides = []
    for least in (4096, 8192):
        clip = read_clip(
            path, "video", video=VIDEO, size_of=Preprocess(min_pixels=least).frame_size,
            shape=(64, 64), cache=cache, sha256="x", max_megapixels=1.0)
        sides.append(clip.frames_THWC.shape[1:3])
    assert sides == [(64, 64), (96, 96)]


def test_pictures_are_read_as_they_are(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    cache = FrameCache(tmp_path / "frames", 10**6)
    found = read_clip(
        tmp_path / "a.png", "image", video=VIDEO, size_of=halved, shape=(20, 30), cache=cache,
        sha256="x", max_megapixels=1.0)
    assert (found.frames_THWC.shape, found.seconds_T) == ((1, 20, 30, 3), ())
    assert cache.size() == (0, 0)
