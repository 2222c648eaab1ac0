"""Videos for the page: taken as they are or encoded anew, and many in a grid."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from recipe_kit.data.clips import CELL, GAP, grid_clip, page_clip
from recipe_kit.data.media import read_media
from recipe_kit.data.video import probe
from recipe_kit.data.worlds.driving.clip import write_clip
from recipe_kit.errors import DataError
from recipe_kit.spec.model import Video

EVERY = Video(fps=60.0, max_frames=768)


def plain(*grays: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Frames of one gray each."""
    values = np.array(grays, np.uint8)[:, None, None, None]
    return np.broadcast_to(values, (len(grays), height, width, 3)).copy()


def noise(frames: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), np.uint8)


def shown(tmp_path: Path, content: bytes) -> tuple[np.ndarray, tuple[float, ...]]:
    path = tmp_path / "shown.mp4"
    path.write_bytes(content)
    clip = read_media(path, "video", video=EVERY)
    return clip.frames_THWC, clip.seconds_T


def test_a_clip_that_plays_everywhere_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_clip(path, noise(4, 48, 64), fps=4)
    assert page_clip(path, limit_bytes=3_000_000, max_megapixels=64) == path.read_bytes()


def test_a_clip_that_is_too_large_is_encoded_smaller(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_clip(path, noise(8, 720, 1280), fps=4)
    limit = path.stat().st_size // 6
    frames, seconds = shown(tmp_path, page_clip(path, limit_bytes=limit, max_megapixels=64))
    assert (tmp_path / "shown.mp4").stat().st_size <= limit
    assert frames.shape == (8, 360, 640, 3)
    assert seconds == (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75)


def test_a_clip_that_cannot_be_small_enough_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_clip(path, noise(8, 48, 64), fps=4)
    with pytest.raises(DataError, match="bytes on the page at the lowest quality; 100 may be"):
        page_clip(path, limit_bytes=100, max_megapixels=64)


@pytest.mark.parametrize("kind", ["sound", "note", "codec", "pixels"])
def test_what_browsers_cannot_play_or_nobody_should_hear_is_encoded_anew(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        if kind == "note":
            container.metadata["comment"] = "52.1, 4.3"
        video = container.add_stream("mpeg4" if kind == "codec" else "libx264", rate=4)
        video.width, video.height = 64, 48
        video.pix_fmt = "yuv444p" if kind == "pixels" else "yuv420p"
        if kind == "sound":
            sound = container.add_stream("aac", rate=8000)
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 8000
            container.mux(sound.encode(silence))
            container.mux(sound.encode(None))
        for frame in plain(30, 90, 150, 210):
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode(None))
    content = page_clip(path, limit_bytes=3_000_000, max_megapixels=64)
    frames, _ = shown(tmp_path, content)
    assert frames.mean(axis=(1, 2, 3)) == pytest.approx([30, 90, 150, 210], abs=6)
    with av.open(str(tmp_path / "shown.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert "comment" not in container.metadata


def test_frames_are_shown_as_long_as_they_last(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=4)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for frame, time in zip(plain(30, 90, 210), (0, 750, 1000), strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    frames, seconds = shown(
        tmp_path, page_clip(path, limit_bytes=3_000_000, max_megapixels=64))
    # Two frames a second on average; the first is still shown at second 0.5.
    assert seconds == (0.0, 0.5, 1.0)
    assert frames.mean(axis=(1, 2, 3)) == pytest.approx([30, 30, 210], abs=6)


def test_a_folder_of_pictures_becomes_a_video(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    for number, frame in enumerate(plain(40, 200, height=31, width=45)):
        Image.fromarray(frame).save(folder / f"{number}.png")
    content = page_clip(folder, limit_bytes=3_000_000, max_megapixels=64)
    frames, seconds = shown(tmp_path, content)
    assert (frames.shape, seconds) == ((2, 32, 44, 3), (0.0, 1.0))


def test_a_grid_shows_every_clip_in_its_place(tmp_path: Path) -> None:
    paths = []
    for number, gray in enumerate((40, 90, 140, 190)):
        paths.append(tmp_path / f"{number}.mp4")
        # The first is short, and begins again; the last has another shape.
        frames = plain(*([gray] * (2 if number == 0 else 4)), width=96 if number == 3 else 64)
        write_clip(paths[-1], frames, fps=2)
    content = grid_clip(paths, columns=2, limit_bytes=4_000_000, max_megapixels=64)
    frames, seconds = shown(tmp_path, content)
    height = CELL * 48 // 64
    assert frames.shape == (4, 2 * (height + GAP), 2 * (CELL + GAP), 3)
    assert seconds == (0.0, 0.5, 1.0, 1.5)
    for frame in frames:
        middle = [frame[row, column].mean() for row in (height // 2, height * 3 // 2)
                  for column in (CELL // 2, CELL * 3 // 2)]
        assert middle == pytest.approx([40, 90, 140, 190], abs=6)


def test_a_grid_of_long_clips_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_clip(path, plain(*range(0, 200, 5), height=16, width=16), fps=2)
    content = grid_clip([path] * 4, columns=2, limit_bytes=4_000_000, max_megapixels=64)
    (tmp_path / "grid.mp4").write_bytes(content)
    assert probe(tmp_path / "grid.mp4").frames == 12
