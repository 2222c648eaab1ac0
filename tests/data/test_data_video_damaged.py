"""Damaged videos: found in the data stage, listed, and never the end of the process."""

import random
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from data_cases import TABLE, recipe
from films import write_film
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe_kit.data.audit import audit
from recipe_kit.data.frames import FrameCache
from recipe_kit.data.inspection import Keep
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.splits import assign
from recipe_kit.data.video import probe, read_video
from recipe_kit.errors import DataError
from recipe_kit.spec.model import Video
from recipe_kit.spec.recipe import Recipe

FRAMES = 24
HEADER = 48
"""Bytes before the pictures of a file of `write_film`."""


def sound_only(path: Path, *, suffix_of: str = "mp4") -> bytes:
    with av.open(str(path), "w", format=suffix_of) as out:
        stream = out.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        silence.sample_rate = 8000
        for packet in (*stream.encode(silence), *stream.encode()):
            out.mux(packet)
    return path.read_bytes()


def moov(content: bytes) -> int:
    return content.rindex(b"moov") - 4


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda content: content[: int(len(content) * share)]


def flipped(begin: float, end: float, count: int) -> Callable[[bytes], bytes]:
    """Flips bits in a part of the pictures."""
    def change(content: bytes) -> bytes:
        changed, random_ = bytearray(content), random.Random(count)
        first, last = (HEADER + int(share * (moov(content) - HEADER)) for share in (begin, end))
        for _ in range(count):
            changed[random_.randrange(first, last)] ^= 1 << random_.randrange(8)
        return bytes(changed)

    return change


def filled(begin: float, end: float, value: int) -> Callable[[bytes], bytes]:
    """Overwrites a part of the pictures."""
    def change(content: bytes) -> bytes:
        first, last = (HEADER + int(share * (moov(content) - HEADER)) for share in (begin, end))
        return content[:first] + bytes([value]) * (last - first) + content[last:]

    return change


def renamed(box: bytes, other: bytes = b"free") -> Callable[[bytes], bytes]:
    """Calls the last box of a kind something else."""
    def change(content: bytes) -> bytes:
        place = content.rindex(box)
        return content[:place] + other + content[place + 4 :]

    return change


def entry(box: bytes, offset: int, value: int) -> Callable[[bytes], bytes]:
    """Overwrites four bytes of a table."""
    def change(content: bytes) -> bytes:
        place = content.rindex(box) + 4 + offset
        return content[:place] + value.to_bytes(4, "big") + content[place + 4 :]

    return change


def swapped(content: bytes) -> bytes:
    half = (HEADER + moov(content)) // 2
    return content[:HEADER] + content[half : moov(content)] + content[HEADER:half] \
        + content[moov(content) :]


MUTILATIONS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "the video is empty (0 bytes)"),
    "one byte": (lambda _: b"\0", ""),
    "text": (lambda _: b"This is no video.\n" * 200, ""),
    "html": (lambda _: b"<!DOCTYPE html><html><body>404 Not Found</body></html>", ""),
    "zeros": (lambda content: bytes(len(content)), ""),
    "noise": (lambda _: random.Random(0).randbytes(20_000), ""),
    "git lfs pointer": (
        lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64, ""),
    "only the first box": (lambda content: content[:32], ""),
    "a quarter": (cut(0.25), ""),
    "a half": (cut(0.5), ""),
    "nine tenths": (cut(0.9), ""),
    "all but a table's end": (lambda content: content[: moov(content) + 700], ""),
    "without moov": (lambda content: content[: moov(content)], ""),
    "moov alone": (lambda content: content[moov(content) :], "is cut off"),
    "moov by another name": (renamed(b"moov", b"junk"), ""),
    "no sample description": (renamed(b"stsd"), ""),
    "no sample sizes": (renamed(b"stsz"), ""),
    "no places": (renamed(b"stco"), ""),
    "no media": (renamed(b"mdia"), ""),
    "places beyond the end": (entry(b"stco", 8, 2**31), "is cut off"),
    "sizes of four gigabytes": (entry(b"stsz", 4, 2**32 - 16), ""),
    "zero frames": (entry(b"stsz", 8, 0), ""),
    "no codec settings": (renamed(b"avcC"), ""),
    "a codec that nobody knows": (renamed(b"avc1", b"xyz1"), ""),
    "pictures of zeros": (filled(0, 1, 0), ""),
    "pictures of ones": (filled(0, 1, 255), ""),
    "a hole in the middle": (filled(0.4, 0.7, 0), ""),
    "the last frames of zeros": (filled(0.9, 1, 0), ""),
    "a header before noise": (filled(0.02, 1, 0x5A), ""),
    "many bits flipped": (flipped(0, 1, 400), ""),
    "bits flipped in the middle": (flipped(0.5, 0.7, 60), ""),
    "bits flipped at the end": (flipped(0.7, 1, 60), ""),
    "halves swapped": (swapped, ""),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mutilated videos, sound ones, and their table."""
    folder = tmp_path_factory.mktemp("films")
    good = write_film(folder / "good.mp4", FRAMES, fps=8)
    content = good.read_bytes()
    files = {name: change(content) for name, (change, _) in MUTILATIONS.items()}
    files["sound only"] = sound_only(folder / "sound.mp4")
    flowing = write_film(
        folder / "flowing.mp4", FRAMES, fps=8, container={"movflags": "faststart"})
    files["cut off, with its header first"] = flowing.read_bytes()[:-2000]
    flowing.unlink()
    (folder / "sound.mp4").unlink()
    for number, content in enumerate(files.values()):
        (folder / f"bad {number}.mp4").write_bytes(content)
    rows = [f"bad {number}.mp4,cracked" for number in range(len(files))]
    rows += ["missing.mp4,cracked", "folder.mp4,cracked", "good.mp4,intact"]
    (folder / "folder.mp4").mkdir()
    (folder / "labels.csv").write_text("\n".join(["video,label", *rows, ""]))
    (folder / "names.txt").write_text("\n".join([*files, "missing", "a folder"]))
    return folder


def spec(unreadable: str, **video: object) -> Recipe:
    made = recipe(
        {"films": {**TABLE, "columns": {"video": "video"}}}, audit={"unreadable": unreadable})
    model = made.model.model_copy(update={"video": Video.model_validate(video)})
    return made.model_copy(update={"model": model})


def test_thirty_damaged_files_are_listed(folder: Path, tmp_path: Path) -> None:
    asked = spec("skip")
    cache = FrameCache(tmp_path / "frames", 10**9)
    places = {"recipe_dir": folder, "cache": tmp_path}
    samples = assign(
        load_samples(asked, **places, keep=Keep(cache, lambda height, width: (32, 64))), asked)
    found = audit(samples, media_roots(asked, **places), asked)
    names = (folder / "names.txt").read_text().splitlines()
    assert len(names) >= 35
    reasons = dict(zip(names, [file.reason for file in found.unreadable], strict=True))
    assert [sample.media for sample in samples if sample.split] == ["good.mp4"]
    for name, (_, reason) in MUTILATIONS.items():
        assert reason in reasons[name]
    assert reasons["missing"] == "there is no such file"
    assert reasons["a folder"] == "the folder holds no pictures"
    assert reasons["sound only"] == "has no pictures, only sound or other data"
    assert all(reason and "\n" not in reason and "/" not in reason for reason in reasons.values())
    # Only the sound one's frames were kept, and all of them.
    assert cache.size()[0] == 1


def test_damaged_files_stop_a_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_samples(spec("stop"), recipe_dir=folder, cache=tmp_path)
    names = (folder / "names.txt").read_text().splitlines()
    assert caught.value.what.startswith(f"{len(names)} files cannot be read")
    assert "bad 0.mp4: the video is empty (0 bytes)" in caught.value.what
    assert caught.value.what.endswith(f"and {len(names) - 20} more")


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "libx264"), ("webm", "libvpx")])
def test_a_matroska_file_that_is_cut_off_is_found(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    good = write_film(tmp_path / f"a.{suffix}", 40, key_every=8, codec=codec)
    assert probe(good).frames == 40
    content = good.read_bytes()
    for length in (len(content) // 2, len(content) - 1):
        good.write_bytes(content[:length])
        with pytest.raises(DataError, match="it is cut off"):
            probe(good)


def test_a_live_matroska_stream_has_no_end(tmp_path: Path) -> None:
    live = write_film(tmp_path / "a.mkv", 16, container={"live": "1"})
    assert probe(live).frames == 16


def test_only_what_is_shown_must_be_sound(tmp_path: Path) -> None:
    """A clip with a damaged end serves where only its beginning is taken, and nowhere else."""
    good = write_film(tmp_path / "a.mp4", FRAMES, fps=8, key_every=4, bf="0")
    content = filled(0.9, 1, 0)(good.read_bytes())
    good.write_bytes(content)
    (tmp_path / "labels.csv").write_text("video,label\na.mp4,intact\n")
    places = {"recipe_dir": tmp_path, "cache": tmp_path}
    (read,) = load_samples(spec("skip", nframes=1), **places)
    (refused,) = load_samples(spec("skip", nframes=8), **places)
    assert read.sha256
    assert not refused.sha256


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_no_file_breaks_the_reader(folder: Path, data: st.DataObject) -> None:
    changed = bytearray((folder / "good.mp4").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place : place + 4] = data.draw(st.binary(min_size=1, max_size=8))
    path = folder / "changed.mp4"
    path.write_bytes(changed)
    try:
        clip = read_video(path, Video())
    except DataError as error:
        assert "\n" not in error.what
    else:
        assert clip.frames_THWC.dtype == np.uint8
        assert len(clip.frames_THWC) == len(clip.seconds_T) <= 8
