"""Light and weather of a clip: sky, haze, headlights, rain and snow."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from recipe_kit.data.worlds.canvas import Color, Rng
from recipe_kit.data.worlds.driving.scene import Scene
from recipe_kit.data.worlds.driving.solids import Array

SKIES: dict[tuple[str, str], tuple[Color, Color]] = {
    ("day", "clear"): ((74, 138, 218), (186, 214, 238)),
    ("day", "rain"): ((104, 112, 124), (148, 154, 162)),
    ("day", "fog"): ((190, 194, 198), (202, 205, 208)),
    ("day", "snow"): ((170, 178, 190), (206, 211, 218)),
    ("dusk", "clear"): ((78, 66, 128), (250, 148, 74)),
    ("dusk", "rain"): ((70, 62, 84), (150, 100, 84)),
    ("dusk", "fog"): ((140, 118, 122), (186, 150, 132)),
    ("dusk", "snow"): ((112, 100, 130), (196, 150, 140)),
    ("night", "clear"): ((6, 8, 22), (22, 26, 48)),
    ("night", "rain"): ((8, 9, 16), (24, 26, 36)),
    ("night", "fog"): ((34, 37, 44), (58, 61, 68)),
    ("night", "snow"): ((22, 25, 38), (48, 52, 66)),
}
"""The sky above and at the horizon, by time and weather."""

AMBIENT: dict[str, Color] = {"day": (1.0, 1.0, 1.0), "dusk": (0.66, 0.55, 0.56),
                             "night": (0.25, 0.26, 0.34)}  # fmt: skip

HAZE = {"clear": 500.0, "rain": 130.0, "fog": 24.0, "snow": 85.0}
"""The distance at which 63% of a color is the air's."""

BEAM = 26.0
"""How far headlights reach at night, in meters (to a third)."""


@dataclass(frozen=True)
class Air:
    """What the air and the light do to colors."""

    ambient: Array
    """[3]"""
    haze: Array
    """[3] 0..255: the color of far things."""
    reach: float
    """As in `HAZE`."""
    beam: float
    """Strength of the ego vehicle's headlights."""

    def seen(self, colors: Array, right: Array, ahead: Array, glows: NDArray[np.bool_]) -> Array:
        """Colors [N, 3] as seen at places in front of the camera; those that glow stay bright."""
        distance = np.sqrt(right * right + ahead * ahead)
        share = np.exp(-distance / np.float32(self.reach))
        light = np.broadcast_to(self.ambient, colors.shape)
        if self.beam:
            cone = np.clip(1.15 - np.abs(right) / np.maximum(ahead * 0.62, 0.8), 0, 1)
            light = light + (self.beam * cone * np.exp(-ahead / BEAM))[:, None]
        light = np.where(glows[:, None], np.float32(1.0), np.minimum(light, 1.12))
        share = np.where(glows, np.sqrt(share), share)[:, None]
        mixed: Array = colors * light * share + self.haze * (1 - share)
        return mixed


def air(scene: Scene) -> Air:
    """The light and the air of a scene."""
    low = SKIES[scene.time, scene.weather][1]
    ambient = np.array(AMBIENT[scene.time], np.float32)
    if scene.weather == "rain":
        ambient = ambient * np.float32(0.86)
    if scene.time == "night" and scene.surroundings == "city":
        ambient = ambient * np.float32(1.5)
    beam = {"night": 1.0, "dusk": 0.15}.get(scene.time, 0.0)
    reach = HAZE[scene.weather] if scene.time == "day" else HAZE[scene.weather] * 1.1
    return Air(ambient.astype(np.float32), np.array(low, np.float32), reach, beam)


def sky(scene: Scene, size: tuple[int, int], horizon: float) -> Image.Image:
    """The sky as a picture [width, height]: a gradient down to the horizon."""
    high, low = (np.array(color, np.float32) for color in SKIES[scene.time, scene.weather])
    width, height = size
    at = np.clip(np.arange(height, dtype=np.float32) / max(horizon, 1.0), 0, 1)
    at = (at * at if scene.time == "dusk" else at)[:, None]
    column = (high + (low - high) * at).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.repeat(column[:, None], width, axis=1)))


def ground_light(scene: Scene, size: tuple[int, int], horizon: float, focal: float,
                 high: float) -> tuple[Image.Image, Image.Image]:
    """What the flat ground's own colors are multiplied by, and how much haze lies over them.

    Returns:
        A picture of factors (255 = 1) and a mask (255 = all haze).
    """
    width, height = size
    one = air(scene)
    rows = np.arange(height, dtype=np.float32) + np.float32(0.5 - horizon)
    ahead = np.float32(focal * high) / np.maximum(rows, np.float32(0.25))
    ahead = np.broadcast_to(ahead[:, None], (height, width)).ravel()
    columns = np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)
    right = (columns[None, :] / np.float32(focal) * ahead.reshape(height, width)).ravel()
    flat = np.full((height * width, 3), 255, np.float32)
    clean = Air(one.ambient, one.haze, 1e9, one.beam)
    factors = clean.seen(flat, right, ahead, np.zeros(height * width, bool))
    mask = 255 * (1 - np.exp(-ahead / np.float32(one.reach)))
    return (Image.fromarray(np.clip(factors, 0, 255).astype(np.uint8).reshape(height, width, 3)),
            Image.fromarray(mask.astype(np.uint8).reshape(height, width)))


@dataclass
class Drops:
    """Rain or snow in front of the camera."""

    weather: str
    rng: Rng

    def fall(self, size: tuple[int, int], speed: float) -> Image.Image | None:
        """A mask of this frame's streaks or flakes; None in dry weather.

        Args:
            size: Width and height.
            speed: Of the camera in m/s: the faster, the more slanted.
        """
        if self.weather not in ("rain", "snow"):
            return None
        width, height = size
        mask = Image.new("L", size)
        pen = ImageDraw.Draw(mask)
        count = 34 if self.weather == "rain" else 60
        places = self.rng.random((count, 3)).tolist()
        unit = height / 80
        for u, v, w in places:
            x, y = u * width, v * height
            if self.weather == "rain":
                long = (5 + 6 * w) * unit
                slant = (u - 0.5) * (0.3 + speed * 0.04) * long
                pen.line((x, y, x + slant, y + long), fill=95 + int(50 * w),
                         width=max(1, round(0.6 * unit)))
            else:
                r = (0.35 + 0.75 * w * w) * unit
                pen.ellipse((x - r, y - r, x + r, y + r), fill=150 + int(90 * w))
        return mask
