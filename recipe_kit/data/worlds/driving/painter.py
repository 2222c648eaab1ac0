"""Draws a plan: what the camera in the ego vehicle sees, frame by frame."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from recipe_kit.data.worlds.canvas import Rng, stream
from recipe_kit.data.worlds.driving.air import Drops, air, ground_light, sky
from recipe_kit.data.worlds.driving.ground import ground_solid, terrain
from recipe_kit.data.worlds.driving.motion import Pose
from recipe_kit.data.worlds.driving.scene import Scene
from recipe_kit.data.worlds.driving.scenery import scenery_solid
from recipe_kit.data.worlds.driving.solids import (
    BOTH_SIDES,
    GLOWS,
    Array,
    Solid,
    joined,
    rotation,
)
from recipe_kit.data.worlds.driving.stage import movers, shadows, standing
from recipe_kit.data.worlds.driving.view import EYE, FOCAL, HORIZON

NEAR = 0.4
"""What is nearer to the camera is cut off, in meters."""

DETAIL = 2
"""Pictures are drawn this many times larger, and reduced."""


class Painter:
    """Draws the frames of one scene at one size.

    Args:
        scene: The plan.
        width: In pixels.
        height: In pixels.
    """

    def __init__(self, scene: Scene, *, width: int, height: int) -> None:
        def part(number: int) -> Rng:
            return stream("driving", *scene.look.seed, number)

        self.scene = scene
        self.size = (width * DETAIL, height * DETAIL)
        self.focal, self.horizon = FOCAL * self.size[0], HORIZON * self.size[1]
        self.air = air(scene)
        self.ground = ground_solid(scene, part(20))
        self.still = joined([scenery_solid(scene, part(21)), standing(scene)])
        self.drops = Drops(scene.weather, part(22))
        self.sensor = part(23)
        top = int(self.horizon)
        self.backdrop = sky(scene, self.size, self.horizon)
        light, haze = ground_light(scene, self.size, self.horizon, self.focal, EYE)
        box = (0, top, *self.size)
        self.light, self.haze = light.crop(box), haze.crop(box)
        self.far = Image.new("RGB", self.light.size, _rgb(self.air.haze))
        self.land = tuple(int(value) for value in terrain(scene))
        share = {"day": 0.5, "dusk": 0.9}.get(scene.time, 1.25)
        self.shine = [min(255, int(value * share)) for value in range(256)] * 3
        self.gain = np.ones(3, np.float32)
        dice = part(24)
        if scene.look.lit:
            self.gain = np.array(dice.uniform(0.84, 1.14) + dice.uniform(-0.05, 0.05)
                                 * np.array((1, 0, -1)), np.float32)  # fmt: skip
        self.strength = dice.uniform(2.0, 7.0) if scene.look.noisy else 0.0
        self.softness = dice.uniform(0.3, 0.7) * height / 80 if scene.look.blurred else 0.0

    def frame(self, t: float) -> NDArray[np.uint8]:
        """The picture at a time in seconds; frames are drawn in order, each once.

        Returns:
            uint8 [H, W, 3]
        """
        camera = self.scene.ego.pose(t)
        picture = self.backdrop.copy()
        top = int(self.horizon)
        below = Image.new("RGB", self.light.size, self.land)
        under = [self.ground, *shadows(self.scene, t)]
        self._ground(below, joined(under), camera, top)
        below = ImageChops.multiply(below, self.light)
        below.paste(self.far, (0, 0), self.haze)
        picture.paste(below, (0, top))
        glow = Image.new("RGB", (self.size[0] // DETAIL, self.size[1] // DETAIL))
        solid = joined([self.still, *movers(self.scene, t)])
        self._solids(picture, glow, solid, camera)
        return self._develop(picture, glow, t)

    def _seen(self, corners: Array, camera: Pose) -> Array:
        x, z, heading = camera
        moved = corners - np.array((x, EYE, z), np.float32)
        turned: Array = moved @ rotation(-heading)
        return turned

    def _flat(self, corners: Array) -> Array:
        """Places in front of the camera [..., 3] as pixels [..., 2]."""
        scale = np.float32(self.focal) / corners[..., 2]
        return np.stack([np.float32(self.size[0] / 2) + corners[..., 0] * scale,
                         np.float32(self.horizon) - corners[..., 1] * scale], axis=-1)

    def _outlines(self, corners: Array) -> list[list[float] | None]:
        """The outlines in pixels of faces [F, 4, 3]; None where one is not seen."""
        behind = np.count_nonzero(corners[..., 2] < NEAR, axis=1)
        cut, gone = behind > 0, behind == 4
        safe = corners.copy()
        safe[cut] = np.float32(1)
        flat = self._flat(safe)
        low, high = flat.min(axis=1), flat.max(axis=1)
        outside = ~cut & ((high < 0).any(axis=1) | (low[:, 0] > self.size[0])
                          | (low[:, 1] > self.size[1])
                          | ((high - low) < 0.6).all(axis=1))  # fmt: skip
        skip, cuts = (gone | outside).tolist(), cut.tolist()
        points: list[list[float]] = flat.reshape(-1, 8).tolist()
        return [None if skip[row] else self._clipped(corners[row]) if cuts[row] else points[row]
                for row in range(len(corners))]

    def _clipped(self, corners: Array) -> list[float] | None:
        """The outline of one face that reaches behind the camera."""
        kept: list[list[float]] = []
        points = corners.tolist()
        for a, b in zip(points, [*points[1:], points[0]], strict=True):
            if a[2] >= NEAR:
                kept.append(a)
            if (a[2] >= NEAR) != (b[2] >= NEAR):
                u = (NEAR - a[2]) / (b[2] - a[2])
                kept.append([a[0] + u * (b[0] - a[0]), a[1] + u * (b[1] - a[1]), NEAR])
        if len(kept) < 3:
            return None
        flat: list[float] = []
        for x, y, z in kept:
            flat += [self.size[0] / 2 + x * self.focal / z, self.horizon - y * self.focal / z]
        return flat

    def _ground(self, picture: Image.Image, solid: Solid, camera: Pose, top: int) -> None:
        corners = self._seen(solid.faces, camera)
        pen = ImageDraw.Draw(picture)
        colors = solid.face_colors.astype(int).tolist()
        for row, outline in enumerate(self._outlines(corners)):
            if outline:
                outline[1::2] = [y - top for y in outline[1::2]]
                pen.polygon(outline, fill=tuple(colors[row]))

    def _solids(self, picture: Image.Image, glow: Image.Image, solid: Solid,
                camera: Pose) -> None:
        """Faces and discs, from far to near."""
        corners = self._seen(solid.faces, camera)
        a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
        towards = (np.cross(b - a, c - a) * a).sum(axis=1) < 0
        shown = np.flatnonzero(towards | (solid.face_flags & BOTH_SIDES > 0))
        corners = corners[shown]
        discs = self._seen(solid.discs[:, :3], camera)
        anchors = self._seen(solid.anchors, camera)
        distance = np.hypot(anchors[:, 0], anchors[:, 2])
        middle = corners.mean(axis=1)
        faces = len(shown)
        places = np.concatenate([middle, discs])
        flags = np.concatenate([solid.face_flags[shown], solid.disc_flags])
        colors = self.air.seen(
            np.concatenate([solid.face_colors[shown], solid.disc_colors]),
            places[:, 0], np.maximum(places[:, 2], 0), flags & GLOWS > 0)
        parts = np.concatenate([solid.face_parts[shown], solid.disc_parts])
        order = np.lexsort((parts, -distance[parts])).tolist()
        paint = np.clip(colors, 0, 255).astype(int).tolist()
        outlines = self._outlines(corners)
        radii = solid.discs[:, 3:].tolist()
        centers = discs.tolist()
        shines = (solid.disc_flags & GLOWS > 0).tolist()
        pen, shine = ImageDraw.Draw(picture), ImageDraw.Draw(glow)
        for row in order:
            color = tuple(paint[row])
            if row < faces:
                outline = outlines[row]
                if outline:
                    pen.polygon(outline, fill=color)
                continue
            number = row - faces
            x, y, z = centers[number]
            if z >= NEAR:
                self._disc(pen, shine if shines[number] else None, (x, y, z), radii[number], color)

    def _disc(self, pen: ImageDraw.ImageDraw, shine: ImageDraw.ImageDraw | None,
              place: tuple[float, float, float], radii: list[float],
              color: tuple[int, ...]) -> None:
        scale = self.focal / place[2]
        u, v = self.size[0] / 2 + place[0] * scale, self.horizon - place[1] * scale
        rx, ry = radii[0] * scale, radii[1] * scale
        if shine:  # lights are never smaller than a small picture can show
            least = 0.0055 * self.size[0]
            rx, ry = max(rx, least), max(ry, least)
        if u + rx < 0 or u - rx > self.size[0] or v + ry < 0 or v - ry > self.size[1]:
            return
        pen.ellipse((u - rx, v - ry, u + rx, v + ry), fill=color)
        if shine:
            d = DETAIL
            rx, ry = min(rx, 0.05 * self.size[0]) * 1.3, min(ry, 0.05 * self.size[0]) * 1.3
            shine.ellipse(((u - rx) / d, (v - ry) / d, (u + rx) / d, (v + ry) / d), fill=color)
            if self.scene.weather == "rain":  # it is mirrored in the wet road
                foot = self.horizon + EYE * scale
                shine.ellipse(((u - rx) / d, foot / d, (u + rx) / d,
                               (foot + (foot - v) * 0.7) / d), fill=tuple(c // 2 for c in color))

    def _develop(self, picture: Image.Image, glow: Image.Image, t: float) -> NDArray[np.uint8]:
        picture = picture.reduce(DETAIL)
        width, height = picture.size
        wide = glow.filter(ImageFilter.BoxBlur(max(1.0, 0.02 * width)))
        picture = ImageChops.add(picture, wide.point(self.shine))
        mask = self.drops.fall((width, height), self.scene.ego.speed.at(t))
        if mask is not None:
            light = (205, 212, 222) if self.scene.weather == "rain" else (250, 250, 252)
            dim = {"day": 1.0, "dusk": 0.8}.get(self.scene.time, 0.6)
            picture.paste(tuple(int(c * dim) for c in light), (0, 0), mask)
        if self.softness:
            picture = picture.filter(ImageFilter.GaussianBlur(self.softness))
        pixels = np.asarray(picture)
        if self.scene.look.lit or self.strength:
            bright = pixels * self.gain
            if self.strength:
                dots = self.sensor.integers(-127, 128, pixels.shape, dtype=np.int8)
                bright += dots * np.float32(self.strength / 73)
            pixels = np.clip(bright + np.float32(0.5), 0, 255).astype(np.uint8)
        return pixels


def _rgb(color: Array) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in color)
    return red, green, blue


def draw_clip(scene: Scene, *, width: int, height: int, fps: float) -> NDArray[np.uint8]:
    """All frames of a clip, the first one at second 0.

    Args:
        scene: The plan.
        width: In pixels.
        height: In pixels.
        fps: Frames per second.

    Returns:
        uint8 [T, H, W, 3], T = seconds x fps, rounded
    """
    painter = Painter(scene, width=width, height=height)
    count = max(1, round(scene.seconds * fps))
    return np.stack([painter.frame(number / fps) for number in range(count)])
