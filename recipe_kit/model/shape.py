"""How large the parts of a Qwen3-VL model are, from its `config.json` alone; imports no torch.

Names and sizes of the layers are those of transformers' `modeling_qwen3_vl.py`; the number of
parameters is checked against it in `tests/model/test_flops.py`.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from recipe_kit.errors import ModelError


class Product(NamedTuple):
    """A linear layer."""

    name: str
    """The last part of its module's name, by which `train.lora.targets` chooses it."""
    fan_in: int
    fan_out: int
    bias: bool = False

    @property
    def parameters(self) -> int:
        """Its weights, and its bias."""
        return self.fan_in * self.fan_out + self.bias * self.fan_out


@dataclass(frozen=True, slots=True)
class Vision:
    """The vision tower."""

    width: int
    depth: int
    intermediate: int
    patch_values: int
    """Numbers of one patch: channels × frames × height × width."""
    merged: int
    """Patches that become one visual token."""
    out: int
    positions: int
    """Learned positions."""
    deepstack: tuple[int, ...]
    """Blocks whose output goes into the text model's first layers."""

    @property
    def embedding(self) -> Product:
        """The patch embedding: a convolution whose stride is its kernel."""
        return Product("", self.patch_values, self.width, True)

    @property
    def block(self) -> tuple[Product, ...]:
        """The linear layers of a block: into attention, out of it, and the two of the MLP."""
        return (
            Product("qkv", self.width, 3 * self.width, True),
            Product("proj", self.width, self.width, True),
            Product("linear_fc1", self.width, self.intermediate, True),
            Product("linear_fc2", self.intermediate, self.width, True),
        )

    @property
    def merger(self) -> tuple[Product, ...]:
        """The linear layers of a merger; there is one more for each of `deepstack`."""
        wide = self.merged * self.width
        return (
            Product("linear_fc1", wide, wide, True), Product("linear_fc2", wide, self.out, True)
        )

    @property
    def parameters(self) -> int:
        """All weights of the tower."""
        norm, mergers = 2 * self.width, 1 + len(self.deepstack)
        block = 2 * norm + sum(one.parameters for one in self.block)
        merger = sum(one.parameters for one in self.merger)
        # The mergers of deepstack normalize after merging, the last one before.
        norms = norm + len(self.deepstack) * self.merged * norm
        held = self.embedding.parameters + self.positions * self.width
        return held + self.depth * block + mergers * merger + norms


@dataclass(frozen=True, slots=True)
class Text:
    """The text model."""

    width: int
    depth: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    tied: bool
    """Whether the head is the embedding."""

    @property
    def attended(self) -> int:
        """Numbers that attention gives for a token."""
        return self.heads * self.head_size

    @property
    def attention(self) -> tuple[Product, ...]:
        """The linear layers around attention: three into it, one out of it."""
        keys = self.kv_heads * self.head_size
        return (
            Product("q_proj", self.width, self.attended), Product("k_proj", self.width, keys),
            Product("v_proj", self.width, keys), Product("o_proj", self.attended, self.width),
        )

    @property
    def mlp(self) -> tuple[Product, ...]:
        """The linear layers of the MLP: two side by side, one out of it."""
        return (
            Product("gate_proj", self.width, self.intermediate),
            Product("up_proj", self.width, self.intermediate),
            Product("down_proj", self.intermediate, self.width),
        )

    @property
    def head(self) -> Product:
        """The layer that gives logits."""
        return Product("lm_head", self.width, self.vocabulary)

    @property
    def layer_parameters(self) -> int:
        """The weights of one layer."""
        norms = 2 * self.width + 2 * self.head_size
        return norms + sum(one.parameters for one in (*self.attention, *self.mlp))

    @property
    def parameters(self) -> int:
        """All weights, with the head where it is one of its own."""
        words = self.head.parameters * (1 if self.tied else 2)
        return words + self.depth * self.layer_parameters + self.width


@dataclass(frozen=True, slots=True)
class Shape:
    """A whole model."""

    vision: Vision
    text: Text

    @property
    def parameters(self) -> int:
        """All weights."""
        return self.vision.parameters + self.text.parameters


def read_shape(config: Mapping[str, Any]) -> Shape:
    """The sizes that a `config.json` names.

    Raises:
        ModelError: one of them is missing.
    """
    vision, text = config["vision_config"], config["text_config"]

    def size(part: Mapping[str, Any], key: str) -> int:
        found = part.get(key)
        if not isinstance(found, int):
            raise ModelError(f"names no whole number as {key}", where="config.json")
        return found

    patch = size(vision, "patch_size")
    frames = size(vision, "temporal_patch_size")
    heads = size(text, "num_attention_heads")
    return Shape(
        Vision(
            width=size(vision, "hidden_size"),
            depth=size(vision, "depth"),
            intermediate=size(vision, "intermediate_size"),
            patch_values=math.prod((vision.get("in_channels", 3), frames, patch, patch)),
            merged=size(vision, "spatial_merge_size") ** 2,
            out=size(vision, "out_hidden_size"),
            positions=size(vision, "num_position_embeddings"),
            deepstack=tuple(vision.get("deepstack_visual_indexes") or ()),
        ),
        Text(
            width=size(text, "hidden_size"),
            depth=size(text, "num_hidden_layers"),
            intermediate=size(text, "intermediate_size"),
            heads=heads,
            kv_heads=size(text, "num_key_value_heads"),
            head_size=text.get("head_dim") or size(text, "hidden_size") // heads,
            vocabulary=size(text, "vocab_size"),
            tied=bool(config.get("tie_word_embeddings")),
        ),
    )


_TOWER_2B = Vision(1024, 24, 4096, 1536, 4, 2048, 2304, (5, 11, 17))
_TOWER_8B = Vision(1152, 27, 4304, 1536, 4, 4096, 2304, (8, 16, 24))
PUBLISHED = {
    "2B": Shape(_TOWER_2B, Text(2048, 28, 6144, 16, 8, 128, 151_936, tied=True)),
    "8B": Shape(_TOWER_8B, Text(4096, 36, 12_288, 32, 8, 128, 151_936, tied=False)),
}
"""Qwen3-VL as it is published, and Cosmos-Reason2, which is made of it."""
_PUBLISHED_NAME = re.compile(r"(?:nvidia/Cosmos-Reason2|Qwen/Qwen3-VL)-([28]B)(?:-\w+)?")


def published_shape(name: str) -> Shape | None:
    """The sizes of a model of the hub by its name there, without looking at it, if known."""
    found = _PUBLISHED_NAME.fullmatch(name)
    return PUBLISHED[found[1]] if found else None
