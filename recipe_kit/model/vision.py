"""The vision tower, for many pictures at once.

transformers' SDPA path attends picture by picture in a Python loop, which is nearly all the time of
a small model. Here pictures of one size share one attention call, and their positions are computed
once. The modules are the checkpoint's own and are called as modules, so LoRA, gradient
checkpointing and sharding hooks keep working. Checked against transformers in
`tests/model/test_vision.py`.

Shape names: M media, T time steps, n patches of one time step, N = M * T * n patches, D values of a
patch, H heads, K head size, V visual tokens of all media, E text width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import torch
from torch.nn import Conv3d, Module
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface, Qwen3VLForConditionalGeneration
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.vision_utils import (
    get_vision_interpolation_indices_and_weights,
    get_vision_position_ids,
)

from recipe_kit.errors import ModelError
from recipe_kit.model.devices import moved
from recipe_kit.model.pixels import Grid, Preprocess

ATTENTION = "recipe_kit_steps"


@dataclass(frozen=True, slots=True, eq=False)
class VisionFeatures:
    """What the vision tower saw in a list of media."""

    tokens_VE: torch.Tensor
    deepstack_VE: tuple[torch.Tensor, ...]
    """Features of earlier blocks, added to the text model's first layers."""
    lengths: tuple[int, ...]
    """Visual tokens of each medium."""

    def split(self) -> list["VisionFeatures"]:
        """The features of each medium alone, as views."""
        parts = (torch.split(x, list(self.lengths)) for x in (self.tokens_VE, *self.deepstack_VE))
        return [
            VisionFeatures(tokens, tuple(deepstack), (length,))
            for length, (tokens, *deepstack) in zip(
                self.lengths, zip(*parts, strict=True), strict=True
            )
        ]

    @classmethod
    def join(cls, parts: Sequence["VisionFeatures"]) -> "VisionFeatures":
        """The features of several lists of media as one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            torch.cat([part.tokens_VE for part in parts]),
            tuple(map(torch.cat, zip(*(part.deepstack_VE for part in parts), strict=True))),
            tuple(length for part in parts for length in part.lengths),
        )

    def take(self, media: Sequence[int]) -> "VisionFeatures":
        """The features of these media, in this order, repeated where an index is."""
        if list(media) == list(range(len(self.lengths))):
            return self
        starts = [0]
        for length in self.lengths:
            starts.append(starts[-1] + length)
        if list(media) == list(range(media[0], media[0] + len(media))):
            whole = slice(starts[media[0]], starts[media[-1] + 1])
            return VisionFeatures(
                self.tokens_VE[whole],
                tuple(feature[whole] for feature in self.deepstack_VE),
                self.lengths[media[0] : media[-1] + 1],
            )
        rows = torch.cat([torch.arange(starts[m], starts[m + 1]) for m in media])
        rows = moved(rows, self.tokens_VE.device)
        return VisionFeatures(
            self.tokens_VE[rows],
            tuple(feature[rows] for feature in self.deepstack_VE),
            tuple(self.lengths[m] for m in media),
        )


def core_of(model: Module) -> Qwen3VLForConditionalGeneration:
    """The Qwen3-VL model inside an adapter or another wrapper.

    Raises:
        ModelError: there is none.
    """
    for module in model.modules():
        if isinstance(module, Qwen3VLForConditionalGeneration):
            return module
    raise ModelError(f"a {type(model).__name__} holds no Qwen3-VL model")


def encode_media(
    model: Module,
    pixels_ND: torch.Tensor,
    grids: Grid | Sequence[Grid],
    *,
    preprocess: Preprocess | None = None,
) -> VisionFeatures:
    """Encode media, one batched call for each size among them.

    Args:
        model: A Qwen3-VL model, with or without adapters.
        pixels_ND: The patches of all media, one after the other: normalized floats, or uint8 that
            are normalized here, on the model's device, which moves four times fewer bytes.
        grids: The grid of each medium, or one grid that all share.
        preprocess: The mean and deviation for uint8 patches.

    Raises:
        ModelError: the number of patches does not fit the grids.
    """
    visual: Any = core_of(model).model.visual
    # Other implementations would not know that the steps of a batch must not see each other.
    visual.config._attn_implementation = ATTENTION
    if isinstance(grids, Grid):
        grids = [grids] * (len(pixels_ND) // grids.patches)
    if sum(grid.patches for grid in grids) != len(pixels_ND):
        raise ModelError(f"{len(pixels_ND)} patches do not fill the grids {sorted(set(grids))}")
    pixels_ND = pixels_ND.to(visual.pos_embed.weight.device, non_blocking=True)
    if pixels_ND.dtype == torch.uint8:
        pixels_ND = normalize_patches(pixels_ND, preprocess or Preprocess())
    merge = visual.spatial_merge_size**2
    lengths = tuple(grid.patches // merge for grid in grids)
    groups: dict[Grid, list[int]] = {}
    for index, grid in enumerate(grids):
        groups.setdefault(grid, []).append(index)
    if len(groups) == 1:
        return VisionFeatures(*_encode_group(visual, pixels_ND, grids[0], len(grids)), lengths)
    pieces = torch.split(pixels_ND, [grid.patches for grid in grids])
    encoded: dict[int, list[torch.Tensor]] = {}
    for grid, members in groups.items():
        together = torch.cat([pieces[member] for member in members])
        tokens, deepstack = _encode_group(visual, together, grid, len(members))
        for member, *parts in zip(
            members, *(part.chunk(len(members)) for part in (tokens, *deepstack)), strict=True
        ):
            encoded[member] = parts
    tokens, *deep = (
        torch.cat(parts) for parts in zip(*(encoded[i] for i in range(len(grids))), strict=True)
    )
    return VisionFeatures(tokens, tuple(deep), lengths)


def normalize_patches(pixels_ND: torch.Tensor, preprocess: Preprocess) -> torch.Tensor:
    """Normalize uint8 patches on their device; float32 of the same shape."""
    device = pixels_ND.device
    mean, std = (
        moved(torch.tensor(values), device).view(1, 3, 1)
        for values in (preprocess.mean, preprocess.std)
    )
    channels = pixels_ND.view(len(pixels_ND), 3, -1).float()
    return channels.mul(1 / 255).sub(mean).div(std).view(pixels_ND.shape)


def _encode_group(
    visual: Any, pixels_ND: torch.Tensor, grid: Grid, media: int
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """`Qwen3VLVisionModel.forward` for `media` grids of one size."""
    steps, step_patches = media * grid.t, grid.h * grid.w
    device = pixels_ND.device
    where, weights, places = grid_places(
        grid.h, grid.w, visual.spatial_merge_size, visual.num_grid_per_side, str(device)
    )
    position = (visual.pos_embed(where) * weights[:, :, None]).sum(1)
    hidden = _embed_patches(visual.patch_embed, pixels_ND)
    hidden = hidden.view(steps, step_patches, -1) + position.to(hidden.dtype)
    hidden = hidden.flatten(0, 1)
    cos, sin = visual.rotary_pos_emb(hidden, places)
    rotation = (cos.repeat(steps, 1), sin.repeat(steps, 1))
    # One run over everything: the attention function below parts it into steps itself. It stays on
    # the CPU because the attention module reads it as a list.
    bounds = torch.tensor([0, len(hidden)], dtype=torch.int32)
    deepstack = []
    for number, block in enumerate(visual.blocks):
        if visual.gradient_checkpointing and visual.training and torch.is_grad_enabled():
            see = partial(checkpoint, block, use_reentrant=False)
        else:
            see = block
        hidden = see(
            hidden, cu_seqlens=bounds, position_embeddings=rotation, step_patches=step_patches
        )
        if number in visual.deepstack_visual_indexes:
            merger = visual.deepstack_merger_list[visual.deepstack_visual_indexes.index(number)]
            deepstack.append(merger(hidden))
    return visual.merger(hidden), tuple(deepstack)


def _embed_patches(patch_embed: Any, pixels_ND: torch.Tensor) -> torch.Tensor:
    projection = patch_embed.proj
    if type(projection) is not Conv3d:
        embedded: torch.Tensor = patch_embed(pixels_ND)
        return embedded
    # A convolution whose stride is its kernel is a matrix product, and much slower as one.
    weight = projection.weight.flatten(1)
    return F.linear(pixels_ND.to(weight.dtype), weight, projection.bias)


@lru_cache(maxsize=256)
def grid_places(
    height: int, width: int, merge: int, side: int, device: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Learned positions to blend [n, 4], their weights [n, 4], and row and column [n, 2]."""
    # A cached tensor must be usable in training even when it was first made for inference.
    with torch.inference_mode(False):
        grid = torch.tensor([[1, height, width]])
        where, weights = get_vision_interpolation_indices_and_weights(
            grid, side, mode="bilinear", align_corners=True, spatial_merge_size=merge
        )
        places = get_vision_position_ids(grid, merge)
        return where.to(device), weights.to(device), places.to(device)


def _attend_by_step(
    module: Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    step_patches: int | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """SDPA in which each run of `step_patches` patches sees only itself; [1, H, N, K] each."""
    if step_patches is None:
        unparted: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **options
        )
        return unparted
    _, heads, patches, size = query.shape

    def part(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[0].view(heads, -1, step_patches, size).transpose(0, 1)

    out = F.scaled_dot_product_attention(
        part(query), part(key), part(value), scale=options.get("scaling")
    )
    return out.transpose(1, 2).reshape(1, patches, heads, size), None


AttentionInterface.register(ATTENTION, _attend_by_step)
