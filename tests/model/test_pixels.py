import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
    Qwen2VLImageProcessorPil,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
    smart_resize as reference_resize,
)

from recipe_kit.errors import DataError, ModelError
from recipe_kit.model.pixels import Grid, Preprocess, cut, normalize, smart_resize


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.sampled_from([28, 32]),
    st.sampled_from([(3136, 12845056), (65536, 16777216), (16384, 16384)]),
)
def test_sizes_are_those_of_transformers(height, width, factor, area):
    if max(height, width) / min(height, width) > 200:
        with pytest.raises(DataError):
            smart_resize(height, width, factor, *area)
    else:
        expected = reference_resize(height, width, factor, *area)
        assert smart_resize(height, width, factor, *area) == expected


@pytest.mark.parametrize("size", [(128, 128), (90, 140), (333, 64), (7, 9)])
@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(min_pixels=16384, max_pixels=16384),
        Preprocess(
            patch_size=14,
            min_pixels=3136,
            max_pixels=50176,
            mean=(0.48, 0.46, 0.41),
            std=(0.27, 0.26, 0.28),
        ),
    ],
    ids=["tiny", "other"],
)
def test_patches_are_those_of_transformers(size, preprocess):
    frames = noise(1, *size, 3)
    processor = Qwen2VLImageProcessorPil(
        patch_size=preprocess.patch_size,
        min_pixels=preprocess.min_pixels,
        max_pixels=preprocess.max_pixels,
        image_mean=list(preprocess.mean),
        image_std=list(preprocess.std),
    )
    expected = processor(Image.fromarray(frames[0]), return_tensors="np")
    patches = cut(frames, preprocess)
    assert patches.grid == tuple(expected["image_grid_thw"][0])
    np.testing.assert_array_equal(normalize(patches.values, preprocess), expected["pixel_values"])


def test_patches_run_through_the_blocks_that_are_merged():
    frames = np.zeros((1, 32, 64, 3), np.uint8)
    for number in range(8):
        row, column = divmod(number, 4)
        frames[0, row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] = number
    patches = cut(frames, Preprocess(min_pixels=1024, max_pixels=4096))
    assert patches.grid == Grid(1, 2, 4)
    assert patches.values.shape == (8, 3 * 2 * 16 * 16)
    assert patches.values[:, 0].tolist() == [0, 1, 4, 5, 2, 3, 6, 7]


def test_a_clip_repeats_its_last_frame_to_fill_the_last_step():
    frames = np.stack([np.full((32, 32, 3), number, np.uint8) for number in range(3)])
    patches = cut(frames, Preprocess(min_pixels=1024, max_pixels=1024))
    assert patches.grid == Grid(2, 2, 2)
    by_step = patches.values.reshape(2, 4, 3, 2, 256)
    assert by_step[:, 0, 0, :, 0].tolist() == [[0, 1], [2, 2]]


@pytest.mark.parametrize(
    "frames",
    [np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 4), np.uint8), np.zeros((1, 4, 4, 3))],
)
def test_other_arrays_are_refused(frames):
    with pytest.raises(DataError, match=r"frames must be uint8 \[T, H, W, 3\]"):
        cut(frames, Preprocess())


def test_an_empty_picture_is_refused():
    with pytest.raises(DataError) as error:
        cut(np.zeros((1, 0, 5, 3), np.uint8), Preprocess())
    assert str(error.value) == (
        "a picture of 5 x 0 pixels cannot be shown to the model\n"
        "  To mend it: crop it so that no side is empty or more than 200 times the other"
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, Preprocess()),
        (
            {"size": {"shortest_edge": 4096, "longest_edge": 8192}, "image_mean": [0, 0.1, 0.2]},
            Preprocess(min_pixels=4096, max_pixels=8192, mean=(0.0, 0.1, 0.2)),
        ),
        (
            {"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "merge_size": 2},
            Preprocess(min_pixels=3136, max_pixels=12845056, patch_size=14),
        ),
    ],
)
def test_settings_are_read_from_either_form_of_the_file(config, expected):
    assert Preprocess.from_config(config) == expected


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"patch_size": "16"}, "patch_size must be a positive whole number, not '16'"),
        ({"merge_size": 0}, "merge_size must be a positive whole number, not 0"),
        ({"image_std": [0.5]}, "image_std must be three numbers, not [0.5]"),
    ],
)
def test_bad_settings_are_refused(config, message):
    with pytest.raises(ModelError) as error:
        Preprocess.from_config(config)
    assert str(error.value) == message


def test_the_digest_changes_with_every_setting():
    # Pinned: a change makes every earlier run's predictions look incomparable.
    assert Preprocess().digest() == "f1229d7b365bec96"
    assert Preprocess(max_pixels=65536).digest() != Preprocess().digest()
