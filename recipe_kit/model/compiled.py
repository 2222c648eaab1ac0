"""Layers compiled into few kernels, where that pays.

A decoder layer of transformers is two dozen kernels that read and write everything once more;
compiled, what stands between two matrix products is one. Attention is left out (it changes with
every batch), and each kind of layer is compiled once for all of its copies and all lengths.
`TORCH_COMPILE_DISABLE=1` in the environment leaves everything as it is.
"""

import os
import shutil
from functools import partial
from typing import Any

import torch
from torch.nn import Module
from torch.nn import functional as F

from recipe_kit.errors import ModelError
from recipe_kit.model.vision import core_of

WIDE = 1024
"""Models as wide as this gain from it; smaller ones are done before the compiler is."""


def check_compiler() -> None:
    """Sees that kernels can be made for a GPU, before a run meets it in the middle.

    Raises:
        ModelError: Triton, which makes them, would find no C compiler.
    """
    if os.environ.get("TORCH_COMPILE_DISABLE") == "1" or os.environ.get("CC"):
        return
    if not (shutil.which("gcc") or shutil.which("clang")):
        raise ModelError(
            "there is no C compiler, with which kernels are made for the GPU",
            where="evaluation.device",
            fix="Install gcc and Python's headers, or set TORCH_COMPILE_DISABLE=1 in the "
            "environment, which is slower.",
        )


def compile_model(model: Module) -> None:
    """Compile the decoder layers and vision blocks of a large model on a GPU, in place, once.

    Compiling begins with the first batch: about 15 seconds for questions, a minute for training.
    """
    core: Any = core_of(model)
    text, visual = core.model.language_model, core.model.visual
    weight = text.embed_tokens.weight
    if not weight.is_cuda or weight.shape[1] < WIDE or "forward" in vars(visual.blocks[0]):
        return
    # Of the last layer little is read (`recipe_kit.model.forward`), so little is gained.
    for layer in text.layers[:-1]:
        layer.forward = torch.compile(layer.forward, dynamic=True)
    for block in visual.blocks:
        block.forward = torch.compile(partial(vision_block, block), dynamic=True)


def vision_block(
    block: Any, hidden_ND: torch.Tensor, *, position_embeddings: tuple[torch.Tensor, torch.Tensor],
    step_patches: int, **_: object,
) -> torch.Tensor:
    """`Qwen3VLVisionBlock.forward` without the list of lengths, which the compiler stops at."""
    attention = block.attn
    patches, heads = len(hidden_ND), attention.num_heads
    qkv = attention.qkv(block.norm1(hidden_ND)).view(patches, 3, heads, -1)
    cos, sin = (x.unsqueeze(-2).float() for x in position_embeddings)
    query, key = (_rotate(qkv[:, which].float(), cos, sin).to(qkv.dtype) for which in (0, 1))
    query, key, value = (
        x.view(-1, step_patches, heads, x.shape[-1]).transpose(1, 2)
        for x in (query, key, qkv[:, 2])
    )
    seen = F.scaled_dot_product_attention(query, key, value, scale=attention.scaling)
    hidden_ND = hidden_ND + attention.proj(seen.transpose(1, 2).reshape(patches, -1))
    seen_ND: torch.Tensor = hidden_ND + block.mlp(block.norm2(hidden_ND))
    return seen_ND


def _rotate(part: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary position embedding; source: `apply_rotary_pos_emb_vision` of transformers."""
    first, second = part.chunk(2, -1)
    return part * cos + torch.cat((-second, first), -1) * sin
