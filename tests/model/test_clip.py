"""Clips are shown as Qwen3-VL's own processor shows them: choice, size, patches, times, tokens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from films import write_film
from PIL import Image
from small_model import TOKENIZER

from recipe_kit.data.video import read_video
from recipe_kit.model.media import show
from recipe_kit.model.pixels import Preprocess, normalize, smart_resize
from recipe_kit.model.prompt import encode, render
from recipe_kit.spec.model import Video

PROMPT = "Is this floor cracked?"
PREPROCESS = Preprocess(min_pixels=4096, frame_max_pixels=20_000)


def qwen_processor(frames: int) -> Any:
    """transformers' own, which needs torchvision; its limits are those of all frames together."""
    pytest.importorskip("torchvision", reason="torchvision is not installed", exc_type=ImportError)
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    size = {"shortest_edge": 4096 * frames, "longest_edge": 20_000 * frames}
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(), tokenizer=TOKENIZER,
        video_processor=Qwen3VLVideoProcessor(size=size, cap_pixels_per_frame=False),
        chat_template=TOKENIZER.chat_template,
    )


@pytest.mark.parametrize(
    ("fps", "count", "video"),
    [(4, 16, {"nframes": 8}), (25, 50, {"fps": 2}), (30, 45, {"fps": 4}), (4, 16, {"nframes": 2})],
)
def test_a_clip_is_shown_as_qwens_processor_shows_it(
    tmp_path: Path, fps: int, count: int, video: dict[str, float]
) -> None:
    path = write_film(tmp_path / "a.mp4", count, fps=fps, height=120, width=200)
    clip = read_video(path, Video.model_validate(video))
    processor = qwen_processor(len(clip.frames_THWC))
    everything = read_video(path, Video(nframes=count)).frames_THWC
    messages = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": PROMPT}]}]
    found = processor(
        text=[processor.apply_chat_template(messages, add_generation_prompt=True)],
        videos=[torch.from_numpy(everything).permute(0, 3, 1, 2)],
        video_metadata=[{"total_num_frames": count, "fps": fps, "duration": count / fps}],
        do_sample_frames=True, return_tensors="pt",
        **({"num_frames": video["nframes"], "fps": None} if "nframes" in video else video),
    )
    shown = show(clip, PREPROCESS)
    assert [shown.patches.grid] == [tuple(grid) for grid in found["video_grid_thw"].tolist()]
    ids = encode(TOKENIZER, PROMPT, [shown.medium]).ids_L
    assert ids.tolist() == found["input_ids"][0].tolist()
    mine = normalize(shown.patches.values, PREPROCESS)
    # torchvision rounds its bicubic filter another way than PIL: one or two levels in 255.
    levels = np.abs(mine - found["pixel_values_videos"].numpy()) * 127.5
    assert levels.max() < 2.5
    assert (levels > 0.5).mean() < 0.02


@pytest.mark.parametrize(
    ("fps", "count", "video", "text"),
    [
        (4, 16, {"nframes": 4}, ["<0.6 seconds>", "<3.1 seconds>"]),
        (25, 50, {"fps": 2}, ["<0.3 seconds>", "<1.6 seconds>"]),
        (4, 16, {"nframes": 3}, ["<1.0 seconds>", "<3.8 seconds>"]),
        (4, 16, {"nframes": 1}, ["<0.0 seconds>"]),
    ],
)
def test_the_times_of_a_clip(
    tmp_path: Path, fps: int, count: int, video: dict[str, float], text: list[str]
) -> None:
    """What the processor of transformers 5.23 writes; of one frame it takes none."""
    path = write_film(tmp_path / "a.mp4", count, fps=fps)
    shown = show(read_video(path, Video.model_validate(video)), PREPROCESS)
    vision = "<|vision_start|><|video_pad|><|vision_end|>"
    steps = "".join(f"{time}{vision}" for time in text)
    rendered = render(TOKENIZER, PROMPT, [shown.medium])
    assert f"<|vision_start|>{steps}<|vision_end|>{PROMPT}" in rendered


def test_the_times_are_those_of_the_file(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", times_ms=[0, 40, 80, 500, 1000, 5000], fps=25)
    shown = show(read_video(path, Video(nframes=6)), PREPROCESS)
    assert shown.medium.seconds == pytest.approx((0.02, 0.29, 3.0))


@pytest.mark.parametrize(
    ("height", "width", "frames", "most", "grid", "tokens"),
    [
        (1220, 1936, 16, 360_000, (8, 28, 46), 2576),
        (720, 1280, 16, 65_536, (8, 12, 20), 480),
        (1080, 1920, 7, 360_000, (4, 28, 50), 1400),
        (96, 128, 8, 12_288, (4, 6, 8), 48),
        (640, 1024, 1, 360_000, (1, 28, 46), 322),
    ],
)
def test_the_grid_of_a_clip(
    height: int, width: int, frames: int, most: int, grid: tuple[int, int, int], tokens: int
) -> None:
    """As Qwen3-VL's video processor cuts it, where its limits are `frames` times these."""
    preprocess = Preprocess(min_pixels=4096, frame_max_pixels=most)
    pixels = np.zeros((frames, *preprocess.frame_size(height, width), 3), np.uint8)
    shown = show((pixels, tuple(map(float, range(frames)))), preprocess)
    assert shown.patches.grid == grid
    assert preprocess.tokens_of(shown.patches.grid) == tokens


@pytest.mark.parametrize("frames", [2, 4, 16])
@pytest.mark.parametrize("shape", [(1220, 1936), (720, 1280), (96, 128), (333, 77), (50, 900)])
def test_frames_are_sized_as_qwen_does(frames: int, shape: tuple[int, int]) -> None:
    module = pytest.importorskip("transformers.models.qwen3_vl.video_processing_qwen3_vl")
    for least, most in ((4096, 20_000), (16_384, 65_536), (16_384, 360_000)):
        expected = module.smart_resize(
            num_frames=frames, height=shape[0], width=shape[1], factor=32,
            min_pixels=least * frames, max_pixels=most * frames)
        assert smart_resize(*shape, 32, least, most) == expected


def test_pixels_of_frames_that_are_stored() -> None:
    """Rows of the patches, as transformers cut them out of these frames (no resizing)."""
    frames = np.zeros((4, 64, 64, 3), np.uint8)
    for number in range(4):
        frames[number] = np.asarray(Image.linear_gradient("L").resize((64, 64)))[..., None] // 2
        frames[number, :, :, 1] += 10 * number
    shown = show((frames, (0.0, 1.0, 2.0, 3.0)), Preprocess(min_pixels=4096, max_pixels=4096))
    assert shown.patches.grid == (2, 4, 4)
    values = shown.patches.values.astype(int)
    # A patch holds red of two frames, then green, then blue, 256 values each.
    assert values[0, ::256].tolist() == [1, 1, 1, 11, 1, 1]
    assert values[21, ::256].tolist() == [1, 1, 21, 31, 1, 1]
    assert values.sum() == 3389952
