import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from recipe_kit.data.media import probe, read_image, read_media, thumbnail
from recipe_kit.errors import DataError


def save(tmp_path: Path, name: str, picture: Image.Image, **options: Any) -> Path:
    picture.save(tmp_path / name, **options)
    return tmp_path / name


def pixel(path: Path) -> list[int]:
    pixels = read_image(path)
    assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)
    return [int(value) for value in pixels[0, 0]]


def one(mode: str, color: Any) -> Image.Image:
    return Image.new(mode, (4, 2), color)


@pytest.mark.parametrize(
    ("name", "picture", "rgb"),
    [
        ("a.png", one("RGB", (10, 20, 30)), [10, 20, 30]),
        ("a.bmp", one("RGB", (10, 20, 30)), [10, 20, 30]),
        ("a.tiff", one("RGB", (10, 20, 30)), [10, 20, 30]),
        ("a.png", one("L", 77), [77, 77, 77]),
        ("a.png", one("1", 1), [255, 255, 255]),
        ("a.png", one("RGBA", (0, 0, 0, 0)), [255, 255, 255]),
        ("a.png", one("RGBA", (0, 0, 0, 51)), [204, 204, 204]),
        ("a.png", one("LA", (0, 0)), [255, 255, 255]),
        ("a.png", one("I;16", 65535), [255, 255, 255]),
        ("a.png", one("I;16", 257 * 5), [5, 5, 5]),
        ("a.tiff", one("I;16", 257 * 5), [5, 5, 5]),
        ("a.tiff", one("CMYK", (255, 0, 0, 0)), [0, 255, 255]),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(
    tmp_path: Path, name: str, picture: Image.Image, rgb: list[int]
) -> None:
    assert pixel(save(tmp_path, name, picture)) == rgb


def test_a_palette_with_a_transparent_color(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 2), 1)
    picture.putpalette([0, 0, 0, 9, 8, 7])
    assert pixel(save(tmp_path, "a.png", picture)) == [9, 8, 7]
    assert pixel(save(tmp_path, "b.png", picture, transparency=1)) == [255, 255, 255]


@pytest.mark.parametrize(("name", "encoding"), [("a.jpg", "JPEG"), ("a.webp", "WEBP"),
                                                ("a.png", "PNG"), ("a.tiff", "TIFF"),
                                                ("a.bmp", "BMP")])
def test_what_is_measured(tmp_path: Path, name: str, encoding: str) -> None:
    path = save(tmp_path, name, Image.new("RGB", (30, 20), "red"))
    facts = probe(path)
    assert (facts.media_type, facts.width, facts.height, facts.encoding, facts.frames) == (
        "image", 30, 20, encoding, 1)
    assert facts.bytes == path.stat().st_size


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tiff"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_the_exif_rotation_is_applied(tmp_path: Path, name: str, turn: int) -> None:
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :8] = 255  # a white corner, so that each turn is told from each other
    exif = Image.Exif()
    exif[0x0112] = turn
    path = save(tmp_path, name, Image.fromarray(stored), exif=exif)
    seen = read_image(path)
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0),
              5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}[turn]
    assert seen.shape == ((16, 32, 3) if turn < 5 else (32, 16, 3))
    assert seen[corner].min() > 200
    assert int((seen.max(2) > 127).sum()) == 64
    assert (probe(path).height, probe(path).width) == seen.shape[:2]


def huge_png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(
            ">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


GIF = b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\0;"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "there is no such file"),
        (b"", "the picture is empty (0 bytes)"),
        (b"hello", "is not a JPEG, PNG, WebP, BMP or TIFF picture"),
        (GIF, "is not a JPEG, PNG, WebP, BMP or TIFF picture"),
        # 100 megapixels by its header; there are no pixels to decode at all.
        (huge_png(), "the picture has 10000×10000 pixels (100.0 megapixels); at most 64 "
                     "megapixels are opened"),
    ],
)
@pytest.mark.parametrize("look", [read_image, probe])
def test_a_bad_picture(tmp_path: Path, look: Any, content: bytes | None, what: str) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        look(path)
    assert (caught.value.where, caught.value.what) == (str(path), what)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tiff", "a.bmp", "a.webp"])
def test_a_truncated_picture(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path, name, Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=f"^{path}: the picture is damaged: "):
        read_image(path)


def test_pixels_of_an_unknown_range(tmp_path: Path) -> None:
    path = save(tmp_path, "a.tiff", Image.new("F", (2, 2), 0.5))
    with pytest.raises(DataError, match="has 32-bit pixels, whose range is not known"):
        read_image(path)


def encoded() -> list[bytes]:
    picture = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    files = []
    for kind in ("JPEG", "PNG", "TIFF", "BMP", "WEBP"):
        out = io.BytesIO()
        picture.save(out, kind, exif=Image.Exif() if kind != "BMP" else b"")
        files.append(out.getvalue())
    return files


# Outside of tests these warnings are turned off where the reader is defined.
@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(deadline=None, max_examples=400)
@given(content=st.sampled_from(encoded()), data=st.data())
def test_a_damaged_picture_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(bytes(damaged))
    try:
        pixels = read_image(path, max_megapixels=0.01)
    except DataError as error:
        assert error.where == str(path)
    else:
        assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)


def test_a_picture_is_one_frame(tmp_path: Path) -> None:
    path = save(tmp_path, "a.png", Image.new("RGB", (30, 20), "red"))
    assert read_media(path, "image").frames_THWC.shape == (1, 20, 30, 3)


def test_a_thumbnail_is_small_and_always_the_same(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (100, 200, 3), dtype=np.uint8)
    path = save(tmp_path, "a.png", Image.fromarray(noise))
    small = thumbnail(path, 50)
    assert Image.open(io.BytesIO(small)).size == (50, 25)
    assert Image.open(io.BytesIO(thumbnail(path, 500))).size == (200, 100)
    assert thumbnail(path, 50) == small


def test_why_a_picture_cannot_be_read_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(DataError) as caught:
        read_media(tmp_path / "a.png", "image")
    assert caught.value.what == "the picture is damaged: Is a directory"
