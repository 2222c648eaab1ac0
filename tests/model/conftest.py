"""A small tokenizer and an untrained model, and a folder as Qwen3-VL models have on the hub."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

from recipe_kit.model.tiny.build import build_model, build_tokenizer

CORPUS = [
    "Is this floor cracked? Yes or No.",
    "Is this surface safe for robot traversal? Yes or No.",
    "How would you rate the hazard level of this floor, from 1 to 5?",
] * 50


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return build_tokenizer(CORPUS, vocab_size=512)


@pytest.fixture
def model(tokenizer: Any) -> Any:
    made = build_model(tokenizer)
    with torch.no_grad():
        # Away from ones and zeros, so that a forgotten bias or norm would show.
        generator = torch.Generator().manual_seed(1)
        for parameter in made.parameters():
            scale = 0.1 if parameter.ndim == 1 else 0.04
            parameter += scale * torch.randn(parameter.shape, generator=generator)
    return made.eval()


@pytest.fixture(scope="session")
def write_model() -> Any:
    return _write_model


# The keys are those of the published config.json (transformers 4.57); the sizes are not.
CONFIG: dict[str, Any] = {
    "architectures": ["Qwen3VLForConditionalGeneration"],
    "model_type": "qwen3_vl",
    "text_config": {
        "attention_bias": False,
        "attention_dropout": 0.0,
        "dtype": "bfloat16",
        "head_dim": 16,
        "hidden_act": "silu",
        "hidden_size": 32,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "max_position_embeddings": 262144,
        "model_type": "qwen3_vl_text",
        "num_attention_heads": 4,
        "num_hidden_layers": 5,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-06,
        "rope_scaling": {
            "mrope_interleaved": True,
            "mrope_section": [4, 2, 2],
            "rope_type": "default",
        },
        "rope_theta": 5000000,
        "use_cache": True,
    },
    "transformers_version": "4.57.0.dev0",
    "vision_config": {
        "deepstack_visual_indexes": [5, 11, 17],
        "depth": 24,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 32,
        "in_channels": 3,
        "initializer_range": 0.02,
        "intermediate_size": 64,
        "model_type": "qwen3_vl",
        "num_heads": 2,
        "num_position_embeddings": 2304,
        "out_hidden_size": 32,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    },
}
PREPROCESSOR = {
    "size": {"longest_edge": 16777216, "shortest_edge": 65536},
    "patch_size": 16,
    "temporal_patch_size": 2,
    "merge_size": 2,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "Qwen3VLProcessor",
    "image_processor_type": "Qwen2VLImageProcessorFast",
}


def _write_model(folder: Path, tokenizer: Any, *, shards: int = 1, tied: bool = True) -> None:
    """Write the folder; the 8B model is in several shards and does not tie its embeddings."""
    folder.mkdir(parents=True)
    ids = tokenizer.get_vocab()
    text = CONFIG["text_config"] | {
        "vocab_size": len(tokenizer) + 10,  # padded, as the real one is
        "tie_word_embeddings": tied,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
    }
    config = CONFIG | {
        "text_config": text,
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "tie_word_embeddings": tied,
    }
    _write(folder / "config.json", config)
    torch.manual_seed(0)
    model = Qwen3VLForConditionalGeneration(Qwen3VLConfig(**json.loads(json.dumps(config))))
    state = {
        name: value.to(torch.bfloat16)
        for name, value in model.state_dict().items()
        if not (tied and name == "lm_head.weight")
    }
    _write_weights(folder, state, shards)
    _write_tokenizer(folder, tokenizer)
    _write(folder / "preprocessor_config.json", PREPROCESSOR)
    stops = [ids["<|im_end|>"], ids["<|endoftext|>"]]
    _write(folder / "generation_config.json", {"do_sample": True, "eos_token_id": stops})


def _write_weights(folder: Path, state: dict[str, torch.Tensor], shards: int) -> None:
    if shards == 1:
        save_file(state, folder / "model.safetensors", {"format": "pt"})
        return
    place = {}
    for number in range(shards):
        name = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        part = dict(list(state.items())[number::shards])
        save_file(part, folder / name, {"format": "pt"})
        place |= dict.fromkeys(part, name)
    size = sum(value.nbytes for value in state.values())
    index = {"metadata": {"total_size": size}, "weight_map": place}
    _write(folder / "model.safetensors.index.json", index)


def _write_tokenizer(folder: Path, tokenizer: Any) -> None:
    """tokenizer.json, its two older files, and the template with the processor's."""
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.jinja").unlink()
    model = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    _write(folder / "vocab.json", model["model"]["vocab"])
    merges = "\n".join(" ".join(pair) for pair in model["model"]["merges"])
    (folder / "merges.txt").write_text(merges, "utf-8")
    added = {
        str(token["id"]): {k: v for k, v in token.items() if k != "id"}
        for token in model["added_tokens"]
    }
    special = [token["content"] for token in model["added_tokens"] if token["special"]][1:]
    settings = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": added,
        "additional_special_tokens": special,
        "bos_token": None,
        "chat_template": tokenizer.chat_template,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 262144,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    _write(folder / "tokenizer_config.json", settings)
    _write(folder / "chat_template.json", {"chat_template": tokenizer.chat_template})


def _write(path: Path, value: object) -> None:
    """Write JSON."""
    path.write_text(json.dumps(value, indent=2), "utf-8")
