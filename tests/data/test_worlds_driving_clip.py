from pathlib import Path

import numpy as np
import pytest
from driving_scenes import EMPTY

from recipe_kit.data.worlds.driving.clip import write_clip
from recipe_kit.data.worlds.driving.painter import draw_clip
from recipe_kit.errors import DataError


@pytest.mark.parametrize(("fps", "size"), [(4.0, (128, 80)), (29.97, (100, 60))])
def test_a_clip_is_written_and_read_back(
    tmp_path: Path, fps: float, size: tuple[int, int]
) -> None:
    pytest.importorskip("av", reason="writing videos needs PyAV")
    decord = pytest.importorskip("decord", reason="reading videos needs decord")
    frames = draw_clip(EMPTY, width=size[0], height=size[1], fps=4)
    write_clip(tmp_path / "a.mp4", frames, fps=fps)
    reader = decord.VideoReader(str(tmp_path / "a.mp4"), num_threads=1)
    assert len(reader) == 16
    assert reader.get_avg_fps() == pytest.approx(fps, rel=1e-4)
    starts = reader.get_frame_timestamp(range(16))[:, 0]
    assert starts == pytest.approx(np.arange(16) / fps, abs=1e-3)
    read = reader.get_batch(range(16)).asnumpy().astype(int)
    assert np.abs(read - frames).mean() < 5
    again = tmp_path / "b.mp4"
    write_clip(again, frames, fps=fps)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data == again.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"avc1" in data
    assert len(data) < 60_000


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 33, 48, 3), "clip.mp4: H.264 in yuv420p needs even sides, not 48 x 33\n"
         "  To mend it: draw the clip one pixel larger"),
        ((0, 32, 48, 3), "clip.mp4: cannot write uint8 of shape (0, 32, 48, 3) as a video\n"
         "  To mend it: pass uint8 frames [T, H, W, 3]"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError) as caught:
        write_clip(Path("clip.mp4"), np.zeros(shape, np.uint8), fps=4)
    assert str(caught.value) == message
