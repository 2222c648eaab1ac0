import json
from pathlib import Path

import numpy as np
import pytest
from data_cases import REAL, needs_real_data
from hypothesis import given, settings
from hypothesis import strategies as st

from recipe_kit.data.codec import codec_of
from recipe_kit.data.media import probe, read_media
from recipe_kit.errors import DataError

CLIPS = REAL / "drive-clips"
CODEC = {"h264": "H.264 (MP4)", "mpeg4": "MPEG-4 Part 2 (MP4)"}


@needs_real_data
def test_every_real_clip_is_measured_and_read() -> None:
    rows = [json.loads(line) for line in (CLIPS / "clips.jsonl").read_text().splitlines()]
    small = [row for row in rows if row["width"] * row["frames"] <= 1280 * 80]
    assert len(small) >= 3
    for row in small:
        path = CLIPS / row["video"]
        facts = probe(path, media_type="video")
        assert (facts.media_type, facts.width, facts.height, facts.encoding) == (
            "video", row["width"], row["height"], CODEC[row["codec"]])
        assert facts.fps == pytest.approx(row["fps"], rel=0.01)
        frames = read_media(path, "video", frames=3)
        assert (frames.dtype, frames.shape) == (np.uint8, (3, row["height"], row["width"], 3))
        assert np.abs(frames[0].astype(int) - frames[2]).mean() > 1  # not thrice the same frame


@needs_real_data
def test_frames_are_evenly_spaced() -> None:
    path = min((CLIPS / "videos").iterdir(), key=lambda clip: clip.stat().st_size)
    total = probe(path, media_type="video").frames
    everything = read_media(path, "video", frames=total)
    assert len(everything) == total
    three = read_media(path, "video", frames=3)
    assert (three == everything[[total // 6, total // 2, total * 5 // 6]]).all()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "there is no such file"),
        (b"", "the video is empty (0 bytes)"),
        (b"no video", "the video cannot be decoded: "),
    ],
)
def test_a_bad_video(tmp_path: Path, content: bytes | None, what: str) -> None:
    path = tmp_path / "a.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{path}: ") as caught:
        read_media(path, "video")
    assert caught.value.what.startswith(what)
    assert "\n" not in caught.value.what


@needs_real_data
def test_every_clip_tells_its_encoding() -> None:
    rows = [json.loads(line) for line in (CLIPS / "clips.jsonl").read_text().splitlines()]
    found = {row["video"]: codec_of(CLIPS / row["video"]) for row in rows}
    assert found == {row["video"]: CODEC[row["codec"]].removesuffix(" (MP4)") for row in rows}


@given(content=st.binary(max_size=64) | st.binary(max_size=9).map(b"\0\0\0\1moov".__add__),
       inside=st.sampled_from([b"", b"moov", b"trak", b"mdia"]))
@settings(deadline=None)
def test_no_file_breaks_the_reading_of_its_encoding(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, inside: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    for kind in (inside, b"moov") if inside else ():
        content = (8 + len(content)).to_bytes(4, "big") + kind + content
    path.write_bytes(content)
    assert codec_of(path) == ""
