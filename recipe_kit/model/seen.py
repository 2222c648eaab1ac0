"""What a vision tower saw, kept for whoever shows it the same media again.

A frozen tower sees the same in every checkpoint of a training, and several benchmarks may ask about
the same media. What was kept is never given up for something else: a further pass over the same
media, in the same order, would otherwise find nothing of what it is about to need.
"""

from collections.abc import Sequence

import torch
from torch.nn import Module

from recipe_kit.model.pixels import Grid, Preprocess
from recipe_kit.model.prompt import Medium
from recipe_kit.model.vision import VisionFeatures, core_of, encode_media

GIGABYTE = 1_000_000_000
SLAB = 1 << 30
"""Bytes of pinned memory that are taken at once: torch rounds what is pinned up to a power of two,
and pinning takes long."""
ALIGNED = 256
"""Bytes at whose multiples a tensor begins."""


class Seen:
    """What one vision tower saw, in the CPU's memory: pinned where the tower is on a GPU.

    Media go by any name that their readers agree on; the package's is `<source>/<media>`.

    Args:
        gigabytes: Most that all features may take, in units of 10^9 bytes.
    """

    def __init__(self, gigabytes: float) -> None:
        self._limit = int(gigabytes * GIGABYTE)
        self._features: dict[str, VisionFeatures] = {}
        self._media: dict[str, Medium] = {}
        self._slab = torch.empty(0, dtype=torch.uint8)
        self._stream: torch.cuda.Stream | None = None
        self.bytes = 0
        """What all features take."""
        self.hits = 0
        """How often features were there."""

    def has(self, key: str) -> bool:
        """Whether a medium's features are held; what is held once stays."""
        return key in self._features

    def medium(self, key: str) -> Medium | None:
        """What is known of a medium without reading its file again."""
        return self._media.get(key)

    def put_medium(self, key: str, medium: Medium) -> None:
        """Keeps what a prompt needs to know of a medium."""
        self._media[key] = medium

    def get(self, key: str, device: torch.device) -> VisionFeatures:
        """The features of one medium, on their way to a device."""
        self.hits += 1
        held = self._features[key]
        if device.type == "cpu":
            return held
        # On a stream of their own, so that they come while the GPU works on something else.
        stream, present = self._side(device), torch.cuda.current_stream(device)
        with torch.cuda.stream(stream):
            moved = [
                tensor.to(device, non_blocking=True)
                for tensor in (held.tokens_VE, *held.deepstack_VE)
            ]
        present.wait_stream(stream)
        for tensor in moved:
            tensor.record_stream(present)
        return VisionFeatures(moved[0], tuple(moved[1:]), held.lengths)

    def put(self, key: str, features: VisionFeatures) -> None:
        """Keeps the features of one medium, while there is room."""
        tensors = (features.tokens_VE, *features.deepstack_VE)
        size = sum(tensor.nbytes for tensor in tensors)
        if key in self._features or self.bytes + size > self._limit:
            return
        self.bytes += size
        # Training must be able to use what evaluation saw.
        with torch.inference_mode(False), torch.no_grad():
            kept = [self._copy(tensor) for tensor in tensors]
        self._features[key] = VisionFeatures(kept[0], tuple(kept[1:]), features.lengths)

    def _copy(self, tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.is_cuda:
            return torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor)
        room = self._room(tensor.nbytes).view(tensor.dtype).view(tensor.shape)
        stream = self._side(tensor.device)
        stream.wait_stream(torch.cuda.current_stream(tensor.device))
        with torch.cuda.stream(stream):
            room.copy_(tensor, non_blocking=True)
        tensor.record_stream(stream)
        return room

    def _room(self, size: int) -> torch.Tensor:
        """Pinned bytes."""
        if len(self._slab) < size:
            fresh = max(size, min(SLAB, self._limit - self.bytes + size))
            self._slab = torch.empty(fresh, dtype=torch.uint8, pin_memory=True)
        room, self._slab = self._slab[:size], self._slab[-(-size // ALIGNED) * ALIGNED :]
        return room

    def _side(self, device: torch.device) -> torch.cuda.Stream:
        if self._stream is None:
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch's
        return self._stream


def encode_seen(
    model: Module,
    pixels: Sequence[torch.Tensor | None],
    grids: Sequence[Grid],
    keys: Sequence[str],
    *,
    preprocess: Preprocess,
    seen: Seen | None,
) -> VisionFeatures:
    """Encode media that are not held in one batched call, and take the others from where they are.

    Args:
        model: A Qwen3-VL model, with or without adapters.
        pixels: The patches of each medium, uint8 or normalized, [N, D]; not needed of what is held.
        grids: The grid of each medium.
        keys: What each goes by; media of one name are encoded once.
        preprocess: The mean and deviation for uint8 patches.
        seen: What this tower saw before; gets what is new. Without it everything is encoded.
    """
    device = core_of(model).model.visual.pos_embed.weight.device
    new: dict[str, int] = {}
    for index, key in enumerate(keys):
        if seen is None or not seen.has(key):
            new.setdefault(key, index)
    found: dict[str, VisionFeatures] = {}
    if new:
        patches = [pixels[index] for index in new.values()]
        encoded = encode_media(
            model,
            torch.cat([
                patch.to(device, non_blocking=True) for patch in patches if patch is not None
            ]),
            [grids[index] for index in new.values()],
            preprocess=preprocess,
        )  # fmt: skip
        each = encoded.split()
        for key, features in zip(new, each, strict=True):
            if seen is not None:
                seen.put(key, features)
        if len(new) == len(keys):
            return encoded
        found = dict(zip(new, each, strict=True))
    return VisionFeatures.join([
        found[key] if key in found or seen is None else seen.get(key, device) for key in keys
    ])
