"""Frames of videos and their times, from files of every kind."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from data_cases import REAL, needs_real_data
from films import number_of, with_edit, write_film
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from recipe_kit.data.media import probe, read_media
from recipe_kit.data.sampling import frame_numbers
from recipe_kit.data.video import look_at, middle_frame, read_video
from recipe_kit.errors import DataError
from recipe_kit.spec.model import Video

CLIPS = REAL / "drive-clips"
CODEC = {"h264": "H.264 (MP4)", "mpeg4": "MPEG-4 Part 2 (MP4)"}
OPEN = {"x264-params": "open-gop=1:bframes=3:scenecut=0"}


def shown(path: Path, **video: object) -> list[tuple[int, float]]:
    """The number that each frame shows, and its time."""
    clip = read_video(path, Video.model_validate(video))
    numbers = [number_of(frame) for frame in clip.frames_THWC]
    return list(zip(numbers, [round(second, 4) for second in clip.seconds_T], strict=True))


@pytest.mark.parametrize(
    ("total", "fps", "video", "numbers"),
    [
        (16, 4, {}, [0, 2, 4, 6, 9, 11, 13, 15]),
        (240, 30, {"nframes": 4}, [0, 80, 159, 239]),
        (3, 30, {"nframes": 8}, [0, 1, 2]),
        (1, 30, {}, [0]),
        (16, 4, {"fps": 1}, [0, 5, 10, 15]),
        (90, 30, {"fps": 2}, [0, 18, 36, 53, 71, 89]),
        (90, 30, {"fps": 0.1}, [0, 30, 59, 89]),  # min_frames is 4
        (90, 30, {"fps": 2, "max_frames": 5}, [0, 22, 44, 67, 89]),
        (2, 30, {"fps": 2}, [0, 1]),
    ],
)
def test_frames_are_chosen(
    total: int, fps: float, video: dict[str, object], numbers: list[int]
) -> None:
    assert frame_numbers(total, fps, Video.model_validate(video)) == numbers


@given(
    total=st.integers(1, 5000), rate=st.floats(0.2, 120), fps=st.none() | st.floats(0.1, 30),
    nframes=st.integers(1, 64),
)
@settings(deadline=None)  # the first one imports transformers
def test_frames_are_chosen_as_qwen_does(
    total: int, rate: float, fps: float | None, nframes: int
) -> None:
    module = pytest.importorskip(
        "transformers.models.qwen3_vl.video_processing_qwen3_vl", exc_type=ImportError)
    from transformers.video_utils import VideoMetadata

    processor = module.Qwen3VLVideoProcessor.__new__(module.Qwen3VLVideoProcessor)
    about = VideoMetadata(total_num_frames=total, fps=rate)
    video = Video(fps=fps) if fps else Video(nframes=nframes)
    wanted = {"fps": fps} if fps else {"num_frames": min(nframes, total)}
    found = processor.sample_frames(about, **wanted)
    assert frame_numbers(total, rate, video) == found.tolist()


@pytest.mark.parametrize(
    ("suffix", "codec", "encoding"),
    [
        ("mp4", "libx264", "H.264 (MP4)"),
        ("mov", "libx264", "H.264 (MOV)"),
        ("mkv", "libx264", "H.264 (MKV)"),
        ("ts", "libx264", "H.264 (TS)"),
        ("avi", "libx264", "H.264 (AVI)"),
        ("flv", "libx264", "H.264 (FLV)"),
        ("avi", "mjpeg", "Motion JPEG (AVI)"),
        ("mp4", "mpeg4", "MPEG-4 Part 2 (MP4)"),
        ("webm", "libvpx", "VP8 (WEBM)"),
        ("webm", "libvpx-vp9", "VP9 (WEBM)"),
    ],
)
def test_every_container_and_encoding(
    tmp_path: Path, suffix: str, codec: str, encoding: str
) -> None:
    path = write_film(tmp_path / f"a.{suffix}", 16, fps=4, codec=codec)
    facts = probe(path, media_type="video")
    assert (facts.width, facts.height, facts.frames, facts.fps) == (128, 96, 16, 4.0)
    assert facts.encoding == encoding
    assert facts.bytes == path.stat().st_size
    assert shown(path, nframes=4) == [(0, 0.0), (5, 1.25), (10, 2.5), (15, 3.75)]
    assert number_of(middle_frame(path)) == 8


def test_rates(tmp_path: Path) -> None:
    quick = write_film(tmp_path / "25.mp4", 50, fps=25)
    assert shown(quick, fps=2) == [(0, 0.0), (16, 0.64), (33, 1.32), (49, 1.96)]
    ntsc = write_film(tmp_path / "ntsc.mp4", 60, fps=Fraction(30000, 1001))
    assert shown(ntsc, nframes=3) == [(0, 0.0), (30, 1.001), (59, 1.9686)]


def test_a_variable_frame_rate(tmp_path: Path) -> None:
    times = [0, 40, 80, 500, 1000, 1040, 3000, 3040]
    path = write_film(tmp_path / "a.mp4", times_ms=times, fps=25)
    expected = [(number, time / 1000) for number, time in enumerate(times)]
    assert shown(path, nframes=8) == expected
    # Five of eight frames lie in the first 1.04 seconds, and are chosen by number, not by time.
    assert shown(path, nframes=3) == [expected[0], expected[4], expected[7]]
    matroska = write_film(tmp_path / "a.mkv", times_ms=times, fps=25)
    assert shown(matroska, nframes=8) == expected


def test_edit_lists(tmp_path: Path) -> None:
    plain = write_film(tmp_path / "a.mp4", 16, fps=4)
    with av.open(str(plain)) as container:
        unit = round(1 / container.streams.video[0].time_base)
    # H.264 that reorders frames shows its first one half a second after it is decoded, here.
    delay = unit // 2
    late = with_edit(plain, tmp_path / "late.mp4", (1500, -1), (4000, delay))
    assert shown(late, nframes=4) == [(0, 1.5), (5, 2.75), (10, 4.0), (15, 5.25)]
    cut = with_edit(plain, tmp_path / "cut.mp4", (1500, delay + 2 * unit))
    # What is cut away must be decoded, and is not shown.
    assert shown(cut, nframes=16) == [(8 + n, n / 4) for n in range(6)]
    assert probe(cut, media_type="video").frames == 6


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
@pytest.mark.parametrize("options", [{}, OPEN])
def test_only_what_is_needed_is_decoded_but_the_pixels_are_the_same(
    tmp_path: Path, suffix: str, options: dict[str, str]
) -> None:
    path = write_film(tmp_path / f"a.{suffix}", 100, fps=25, key_every=12, **options)
    with av.open(str(path)) as container:
        everything = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for count in (1, 2, 3, 7, 40, 100):
        video = Video(nframes=count)
        numbers = frame_numbers(100, 25, video)
        frames = read_video(path, video).frames_THWC
        assert (frames == np.stack([everything[number] for number in numbers])).all()


def turned(path: Path, out_path: Path) -> Path:
    with av.open(str(path)) as source, av.open(str(out_path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return out_path


def test_a_turned_video_is_seen_upright(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", 4)
    upright = turned(path, tmp_path / "turned.mp4")
    facts = probe(upright, media_type="video")
    assert (facts.width, facts.height) == (96, 128)
    frames = read_video(upright, Video(nframes=4)).frames_THWC
    plain = read_video(path, Video(nframes=4)).frames_THWC
    assert (frames == np.rot90(plain, axes=(1, 2))).all()


@pytest.mark.parametrize(
    "options",
    [
        {}, {"fps": 25}, {"times_ms": [0, 40, 80, 500, 1000, 1040, 3000, 3040]},
        {"key_every": 4}, {"width": 32}, {"width": 144}, {"codec": "mpeg4"},
    ],
)
def test_decord_gives_the_same_frames(tmp_path: Path, options: dict[str, Any]) -> None:
    pytest.importorskip("decord", reason="decord has no build for this machine")
    path = write_film(tmp_path / "a.mp4", 40, **options)
    for count in (1, 5, 40):
        mine, other = (
            read_video(path, Video(nframes=count, reader=reader)) for reader in ("pyav", "decord"))
        assert (mine.frames_THWC == other.frames_THWC).all()
        assert mine.seconds_T == other.seconds_T


def test_decord_gives_the_same_frames_of_what_it_misreads(tmp_path: Path) -> None:
    pytest.importorskip("decord", reason="decord has no build for this machine")
    plain = write_film(tmp_path / "a.mp4", 16, fps=4)
    with av.open(str(plain)) as container:
        unit = round(1 / container.streams.video[0].time_base)
    cut = with_edit(plain, tmp_path / "cut.mp4", (1500, unit // 2 + 2 * unit))
    for path in (cut, turned(plain, tmp_path / "turned.mp4")):
        mine, other = (read_video(path, Video(reader=reader)) for reader in ("pyav", "decord"))
        assert (mine.frames_THWC == other.frames_THWC).all()


@pytest.mark.parametrize("width", [32, 48, 96, 144])
def test_small_videos(tmp_path: Path, width: int) -> None:
    path = write_film(tmp_path / "a.mp4", 8, width=width)
    assert [number for number, _ in shown(path)] == list(range(8))


def test_frames_are_resized(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", 8)
    large = read_video(path, Video(nframes=3))
    small = read_video(path, Video(nframes=3), size_of=lambda height, width: (32, width // 2))
    assert small.frames_THWC.shape == (3, 32, 64, 3)
    assert small.seconds_T == large.seconds_T
    expected = Image.fromarray(large.frames_THWC[1]).resize((64, 32), Image.Resampling.BICUBIC)
    assert (small.frames_THWC[1] == np.asarray(expected)).all()


def test_one_look_tells_all(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", 16)
    look = look_at(path, Video(nframes=4))
    assert (look.facts.frames, look.facts.fps, look.facts.width) == (16, 4.0, 128)
    assert number_of(look.still) == 8
    assert [number_of(frame) for frame in look.clip.frames_THWC] == [0, 5, 10, 15]


def folder_of_pictures(folder: Path, count: int = 5) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (40, 30), (50 * number, 0, 0)).save(folder / f"{number:03}.png")
    return folder


def test_a_folder_of_pictures_is_a_video(tmp_path: Path) -> None:
    folder = folder_of_pictures(tmp_path / "clip")
    (folder / "notes.txt").write_text("not a picture")
    clip = read_media(folder, "video", video=Video(nframes=5))
    assert clip.frames_THWC[:, 0, 0, 0].tolist() == [0, 50, 100, 150, 200]
    assert clip.seconds_T == (0, 1, 2, 3, 4)
    facts = probe(folder, media_type="video")
    assert (facts.width, facts.height, facts.frames, facts.fps) == (40, 30, 5, 1.0)
    assert facts.encoding == "PNG pictures"
    assert facts.bytes == sum(file.stat().st_size for file in folder.glob("*.png"))
    (folder / "fps.txt").write_text("2\n")
    assert read_media(folder, "video", video=Video(fps=1)).seconds_T == (0, 0.5, 1.5, 2)


def test_bad_folders_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="the folder holds no pictures"):
        read_media(tmp_path / "empty", "video")
    folder = folder_of_pictures(tmp_path / "clip")
    (folder / "fps.txt").write_text("fast")
    with pytest.raises(DataError, match=r"fps\.txt: must hold one number"):
        read_media(folder, "video")
    (folder / "fps.txt").unlink()
    Image.new("RGB", (8, 8)).save(folder / "002.png")
    with pytest.raises(DataError, match="its frames are not all of one size"):
        read_media(folder, "video")
    (folder / "003.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"003\.png: the picture is empty"):
        read_media(folder, "video")


@needs_real_data
def test_every_real_clip_is_measured_and_read() -> None:
    rows = [json.loads(line) for line in (CLIPS / "clips.jsonl").read_text().splitlines()]
    assert len(rows) == 15
    for row in rows:
        path = CLIPS / row["video"]
        facts = probe(path, media_type="video")
        assert (facts.width, facts.height, facts.encoding) == (
            row["width"], row["height"], CODEC[row["codec"]])
        assert (facts.frames, facts.fps) == (row["frames"], row["fps"])
    path = CLIPS / min(rows, key=lambda row: row["width"] * row["height"] * row["frames"])["video"]
    decord = pytest.importorskip("decord", reason="decord has no build for this machine")
    reader = decord.VideoReader(str(path))
    numbers = frame_numbers(len(reader), 30, Video(nframes=16))
    clip = read_video(path, Video(nframes=16))
    assert (clip.frames_THWC == reader.get_batch(numbers).asnumpy()).all()
    times = reader.get_frame_timestamp(numbers)[:, 0]
    assert clip.seconds_T == pytest.approx(times.tolist(), abs=1e-4)


def test_the_grid_of_the_published_recipe() -> None:
    from recipe_kit.model.media import show
    from recipe_kit.model.pixels import Preprocess

    preprocess = Preprocess(min_pixels=16384, frame_max_pixels=360_000)
    frames = np.zeros((16, *preprocess.frame_size(1220, 1936), 3), np.uint8)
    shown_frames = show((frames, tuple(number / 4 for number in range(16))), preprocess)
    assert shown_frames.patches.grid == (8, 28, 46)
    assert preprocess.tokens_of(shown_frames.patches.grid) == 2576
    # Each pair stands at the middle of its two frames.
    assert shown_frames.medium.seconds == tuple(0.125 + number / 2 for number in range(8))
