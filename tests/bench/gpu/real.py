"""Qwen3-VL at its real sizes with random weights, made on the device in seconds.

The weights are drawn as transformers draws those of a new model (normal, 0.02; norms 1, biases 0),
so nothing is downloaded; but queries and keys are a little longer, so that attention looks at some
tokens and not at all alike, and answers differ from clip to clip and from question to question. The
tokenizer is the embedded model's: all its ids are below the vocabulary of these models.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import GenerationConfig, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from recipe_kit.model.checkpoint import TINY
from recipe_kit.model.load import LoadedModel, load_tokenizer
from recipe_kit.model.pixels import Preprocess

SPREAD = 0.02
"""Standard deviation of the weights."""
SHARP = 1.7
"""Scale of the norms of queries and keys: with 1, thousands of tokens would be looked at alike."""


@dataclass(frozen=True)
class Size:
    """What tells one model from another, and the clips that it is shown."""

    width: int
    layers: int
    heads: int
    key_heads: int
    hidden: int
    """Width of a layer's feed-forward part."""
    tied: bool
    vision_width: int
    vision_layers: int
    vision_heads: int
    vision_hidden: int
    deepstack: tuple[int, ...]
    head: int = 128
    """Values of one head."""
    words: int = 151_936
    sections: tuple[int, int, int] = (24, 20, 20)
    places: int = 2_304
    """Learned positions of the vision tower, a square."""
    frames: int = 16
    side: tuple[int, int] = (448, 736)
    """Height and width of a frame, in pixels."""

    @property
    def grid(self) -> tuple[int, int, int]:
        """Patches of a clip along time, height and width."""
        return self.frames // 2, self.side[0] // 16, self.side[1] // 16

    @property
    def visual_tokens(self) -> int:
        """Visual tokens of a clip."""
        steps, height, width = self.grid
        return steps * height * width // 4


SIZES = {
    "8b": Size(4096, 36, 32, 8, 12_288, False, 1152, 27, 16, 4304, (8, 16, 24)),
    "2b": Size(2048, 28, 16, 8, 6144, True, 1024, 24, 16, 4096, (5, 11, 17)),
    "tiny": Size(
        64, 2, 4, 2, 128, True, 48, 2, 3, 96, (0,),
        head=16, words=2048, sections=(4, 2, 2), places=64, frames=4, side=(64, 96),
    ),
}  # fmt: skip


def config_of(size: Size, ids: dict[str, int]) -> Qwen3VLConfig:
    """The configuration, with the tokenizer's special tokens."""
    return Qwen3VLConfig(
        vision_config={
            "depth": size.vision_layers, "hidden_size": size.vision_width,
            "intermediate_size": size.vision_hidden, "num_heads": size.vision_heads,
            "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2,
            "out_hidden_size": size.width, "num_position_embeddings": size.places,
            "deepstack_visual_indexes": list(size.deepstack),
        },
        text_config={
            "vocab_size": size.words, "hidden_size": size.width, "intermediate_size": size.hidden,
            "num_hidden_layers": size.layers, "num_attention_heads": size.heads,
            "num_key_value_heads": size.key_heads, "head_dim": size.head,
            "max_position_embeddings": 262_144, "tie_word_embeddings": size.tied,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 5_000_000.0,
                "mrope_section": list(size.sections), "mrope_interleaved": True,
            },
            "pad_token_id": ids["<|endoftext|>"], "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=size.tied,
    )  # fmt: skip


def random_model(
    name: str, device: torch.device | str, dtype: torch.dtype, *, seed: int = 0
) -> LoadedModel:
    """A model of one of `SIZES`; the same weights for the same seed and device."""
    size, device = SIZES[name], torch.device(device)
    tokenizer = load_tokenizer(TINY)
    ids = tokenizer.get_vocab()
    model = empty_model(size, ids, device, dtype)
    generator = torch.Generator(device).manual_seed(seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, SPREAD, generator=generator)
            elif key.endswith(("q_norm.weight", "k_norm.weight")):
                parameter.fill_(SHARP)
            else:
                parameter.fill_(0 if key.endswith("bias") else 1)
    area = size.side[0] * size.side[1]
    model.generation_config = GenerationConfig(
        eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|endoftext|>"], do_sample=False
    )
    return LoadedModel(
        model.eval(), tokenizer, Preprocess(min_pixels=area, max_pixels=area), f"random-{name}",
        f"random-{name}-{seed}", device, dtype,
    )  # fmt: skip


def copy_of(loaded: LoadedModel, name: str, dtype: torch.dtype) -> LoadedModel:
    """The same weights in another number format."""
    twin = empty_model(SIZES[name], loaded.tokenizer.get_vocab(), loaded.device, dtype)
    kept = dict(loaded.model.named_parameters())
    with torch.no_grad():
        for key, parameter in twin.named_parameters():
            parameter.copy_(kept[key])
    twin.generation_config = loaded.model.generation_config
    return replace(loaded, model=twin.eval(), dtype=dtype)


def empty_model(
    size: Size, ids: dict[str, int], device: torch.device, dtype: torch.dtype
) -> Any:
    """A model whose weights are still to be filled; its rotary frequencies are right."""
    config = config_of(size, ids)
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        model = Qwen3VLForConditionalGeneration(config)
    model = model.to(dtype).to_empty(device=device)
    model.tie_weights()
    # What is computed when a model is made, and not stored, is taken from a shallow twin.
    with torch.random.fork_rng(devices=[]):
        shallow = Qwen3VLForConditionalGeneration(config_of(_shallow(size), ids))
    made = dict(shallow.named_buffers())
    with torch.no_grad():
        for key, buffer in model.named_buffers():
            owner, _, last = key.rpartition(".")
            model.get_submodule(owner)._buffers[last] = made[key].to(device)
            del buffer
    return model


def _shallow(size: Size) -> Size:
    """A model of heads of the same size, and otherwise as small as can be."""
    return replace(
        size, width=64, layers=1, heads=1, key_heads=1, hidden=8, words=2048,
        vision_width=size.vision_width // size.vision_heads, vision_layers=1, vision_heads=1,
        vision_hidden=8, deepstack=(0,), places=4,
    )


def plain(loaded: LoadedModel) -> Any:
    """The model as transformers runs it: SDPA everywhere, none of this package's attention."""
    model = loaded.model
    for part in (model.model.visual, model.model.language_model):
        part.config._attn_implementation = "sdpa"
    return model
