"""What every world draws with: random streams, noise fields, masks, light and camera.

Pictures must be the same on every machine, so pixels only pass through operations whose result
does not depend on the order of summing or on the processor: elementwise + - * / in float32, sums
of whole numbers, and Pillow's integer filters. Sines and the like only set coordinates.

A `Plane` is [height, width]; a picture being drawn is [3, height, width], 0..255.
"""

import math
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Plane = NDArray[np.float32]
Rng = np.random.Generator
Color = tuple[float, float, float]


def stream(world: str, seed: int, index: int, part: int) -> Rng:
    """The random numbers of one part of one picture, independent of all other parts."""
    return np.random.Generator(np.random.PCG64([zlib.crc32(world.encode()), seed, index, part]))


@lru_cache(maxsize=512)
def _spline(length: int, cells: int, of: int) -> Plane:
    """Quadratic B-spline weights in 256ths, [length, taps]: `cells` cells over `of` pixels."""
    at = (np.arange(length) + 0.5) * cells / of
    first = np.floor(at).astype(int)
    u = at - first
    left = np.rint(128 * (1 - u) ** 2).astype(int)
    right = np.rint(128 * u**2).astype(int)
    weights = np.zeros((length, int(first[-1]) + 3), np.float32)
    rows = np.arange(length)
    weights[rows, first] = left
    weights[rows, first + 1] = 256 - left - right
    weights[rows, first + 2] = right
    return weights


def noise(rng: Rng, shape: tuple[int, int], cells: float, *, stretch: float = 1.0) -> Plane:
    """Smooth noise of mean 0 and deviation about 1, with `cells` bumps along the longer side.

    Args:
        rng: Where the bumps come from.
        shape: Height and width in pixels.
        cells: How many bumps stand side by side.
        stretch: How many times longer the bumps are in x than in y.
    """
    height, width = shape
    longer = max(shape)
    cells_y = max(1, min(longer, round(cells * math.sqrt(stretch))))
    cells_x = max(1, min(longer, round(cells / math.sqrt(stretch))))
    down, across = _spline(height, cells_y, longer), _spline(width, cells_x, longer)
    grid = rng.integers(-127, 128, (down.shape[1], across.shape[1]), dtype=np.int8)
    # At most 256 * 256 * 127 < 2**24: float32 holds every partial sum exactly, in any order.
    field: Plane = down @ grid.astype(np.float32) @ across.T
    field *= np.float32(1 / (256 * 256 * 127 * 0.32))
    return field


def octaves(rng: Rng, shape: tuple[int, int], cells: float, count: int, fall: float) -> Plane:
    """A sum of `count` noises, each twice as fine and `fall` times as strong as the last."""
    total = noise(rng, shape, cells)
    for step in range(1, count):
        total += np.float32(fall**step) * noise(rng, shape, cells * 2**step)
    return total


def grain(rng: Rng, shape: tuple[int, int]) -> Plane:
    """Noise of every pixel by itself, mean 0 and deviation 1 (triangular)."""
    bytes_ = rng.integers(0, 256, (2, *shape), dtype=np.uint8)
    total: Plane = bytes_[0].astype(np.float32) + bytes_[1]
    total -= np.float32(255.0)
    total *= np.float32(1 / 104.5)
    return total


class Mask:
    """A black plane to draw white things on, at several times the picture's resolution.

    Coordinates are in units of the picture's shorter side, from its upper left corner.
    """

    def __init__(self, shape: tuple[int, int], *, detail: int = 512) -> None:
        self.shape = shape
        self.factor = max(1, min(8, round(detail / max(shape))))
        self.unit = min(shape) * self.factor
        self.picture = Image.new("L", (shape[1] * self.factor, shape[0] * self.factor))
        self.pen = ImageDraw.Draw(self.picture)

    def polygon(self, points: NDArray[np.float64], value: int = 255) -> None:
        """Fill a polygon; points [n, 2] as x, y."""
        flat = (points * self.unit - 0.5).ravel().tolist()
        self.pen.polygon(flat, fill=value)

    def line(self, points: NDArray[np.float64], width: float, value: int = 255) -> None:
        """Draw a line of even width through points [n, 2]."""
        flat = (points * self.unit - 0.5).ravel().tolist()
        self.pen.line(flat, fill=value, width=max(1, round(width * self.unit)), joint="curve")

    def ellipse(self, x: float, y: float, rx: float, ry: float, value: int = 255) -> None:
        """Fill an upright ellipse."""
        u = self.unit
        box = ((x - rx) * u, (y - ry) * u, (x + rx) * u, (y + ry) * u)
        self.pen.ellipse(box, fill=value)

    def done(self, *, blur: float = 0.0) -> Plane:
        """The mask at the picture's size, 0..1; `blur` in units of the shorter side."""
        picture = self.picture if self.factor == 1 else self.picture.reduce(self.factor)
        if blur > 0:
            picture = picture.filter(ImageFilter.GaussianBlur(blur * min(self.shape)))
        return np.asarray(picture, np.float32) * np.float32(1 / 255)


def soften(mask: Plane, radius: float) -> Plane:
    """A mask (0..1) blurred by `radius` in units of the shorter side."""
    picture = Image.fromarray((mask * np.float32(255)).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(radius * min(mask.shape)))
    return np.asarray(picture, np.float32) * np.float32(1 / 255)


@lru_cache(maxsize=16)
def _axes(height: int, width: int) -> tuple[Plane, Plane]:
    side = min(height, width)
    x = ((np.arange(width) + 0.5) / side).astype(np.float32)
    y = ((np.arange(height) + 0.5) / side).astype(np.float32)
    return x[None, :], y[:, None]


def along(shape: tuple[int, int], angle: float) -> Plane:
    """How far each pixel lies in direction `angle` (radians), in units of the shorter side."""
    x, y = _axes(*shape)
    return x * np.float32(math.cos(angle)) + y * np.float32(math.sin(angle))


def distance(shape: tuple[int, int], x: float, y: float, flat: float = 1.0) -> Plane:
    """Distance of each pixel from a point; ellipses `flat` times wider than high."""
    xs, ys = _axes(*shape)
    far: Plane = np.sqrt(((xs - np.float32(x)) / np.float32(flat)) ** 2 + (ys - np.float32(y)) ** 2)
    return far


def blend(picture: Plane, mask: Plane, color: Color) -> None:
    """Lay a color over the picture, in place, as strongly as the mask says."""
    for plane, value in zip(picture, color, strict=True):
        plane += (np.float32(value) - plane) * mask


def tint(picture: Plane, mask: Plane, color: Color) -> None:
    """Multiply the picture by a color (1 = as it is), in place, where the mask is."""
    for plane, value in zip(picture, color, strict=True):
        plane *= np.float32(1) + np.float32(value - 1) * mask


def light(rng: Rng, picture: Plane) -> None:
    """Uneven light, exposure and color temperature, in place."""
    shape = picture.shape[1:]
    shape = (shape[0], shape[1])
    slope = along(shape, rng.uniform(0, 2 * math.pi))
    slope -= slope[shape[0] // 2, shape[1] // 2]
    field = np.float32(rng.uniform(0.82, 1.12)) + np.float32(rng.uniform(0, 0.35)) * slope
    if rng.random() < 0.4:
        far = distance(shape, rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8))
        field *= np.float32(1) - np.float32(rng.uniform(0.05, 0.35)) * far * far
    warm = rng.uniform(-0.06, 0.06)
    for plane, share in zip(picture, (1 + warm, 1.0, 1 - warm), strict=True):
        plane *= field * np.float32(share)


def expose(picture: Plane, low: float, high: float) -> None:
    """Set the exposure, in place, so that the median brightness lies within low..high."""
    median = float(np.median(picture[1, ::4, ::4]))
    picture *= np.float32(min(max(median, low), high) / max(median, 1.0))


def develop(rng: Rng, picture: Plane, *, noisy: bool, blurred: bool) -> NDArray[np.uint8]:
    """The picture as a camera gives it: blur, sensor noise, 8 bits; [height, width, 3]."""
    shape = (picture.shape[1], picture.shape[2])
    if noisy:
        strength = rng.uniform(1.0, 7.0)
        shared = grain(rng, shape) * np.float32(strength * 0.8)
        for plane in picture:
            plane += shared
            plane += grain(rng, shape) * np.float32(strength * 0.4)
    clipped = np.clip(picture + np.float32(0.5), 0, 255).astype(np.uint8)
    image = np.ascontiguousarray(clipped.transpose(1, 2, 0))
    if blurred:
        radius = rng.uniform(0.002, 0.007) * min(shape)
        softened = Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius))
        image = np.asarray(softened)
    return image
