"""The shape of the embedded model, its tokenizer, and the folder they are shipped in.

`python -m recipe_kit.model.tiny.build FOLDER` writes an untrained one, for tests and for work that
only needs something to load. The shipped weights come from `recipe_kit.model.tiny.pretrain`.
"""

import itertools
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.normalizers import NFC
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from recipe_kit.errors import ModelError

SIDE = 128
"""Pictures are resized to about this square, in pixels: 64 patches, 16 visual tokens."""
MAX_BYTES = 16_000_000
"""What the shipped folder may weigh."""

CONTROL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    *(f"<|{name}_{end}|>" for name in ("object_ref", "box", "quad") for end in ("start", "end")),
    *(f"<|vision_{end}|>" for end in ("start", "end", "pad")),
    "<|image_pad|>",
    "<|video_pad|>",
]
VISIBLE = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
VISIBLE += ["<think>", "</think>"]
ANSWERS = ["Yes", "No", *"123456789", *"ABCDEFGHIJ"]
"""Answers that must be one token at the start of a reply, so that one step reads them all."""

# Source: the pre-tokenizer of Qwen2 and Qwen3.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHAT_TEMPLATE = """\
{%- macro show(content) -%}
{%- if content is string -%}{{ content }}
{%- else -%}
{%- for part in content -%}
{%- if part.type == 'image' or 'image' in part or 'image_url' in part -%}
<|vision_start|><|image_pad|><|vision_end|>
{%- elif part.type == 'video' or 'video' in part -%}
<|vision_start|><|video_pad|><|vision_end|>
{%- elif 'text' in part -%}{{ part.text }}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + show(message.content) + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""


def build_tokenizer(corpus: Iterable[str], vocab_size: int = 1280) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE with Qwen3-VL's control tokens and chat template.

    Any text can be written with it, since every byte is a token.

    Raises:
        ModelError: an answer of `ANSWERS` did not become one token (vocabulary too small).
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(CONTROL) - len(VISIBLE),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Frequent enough to be merged first, whatever the corpus is.
    answers = itertools.repeat("\n".join(ANSWERS), 20_000)
    tokenizer.train_from_iterator(itertools.chain(corpus, answers), trainer)
    return finish_tokenizer(tokenizer)


def finish_tokenizer(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """Add Qwen3-VL's control tokens and chat template to a trained byte-level BPE.

    Raises:
        ModelError: an answer of `ANSWERS` did not become one token (vocabulary too small).
    """
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in CONTROL])
    tokenizer.add_tokens([AddedToken(token, special=False) for token in VISIBLE])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[t for t in CONTROL if t not in ("<|im_end|>", "<|endoftext|>")],
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    split = [word for word in ANSWERS if len(wrapped.encode(word)) != 1]
    if split:
        raise ModelError(f"{split} are more than one token", fix="choose a larger vocab_size")
    return wrapped


def build_model(
    tokenizer: PreTrainedTokenizerBase, seed: int = 0
) -> Qwen3VLForConditionalGeneration:
    """An untrained model of about 7 million float32 parameters for this tokenizer."""

    def token(text: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(text))

    width = 192
    config = Qwen3VLConfig(
        vision_config={
            "depth": 8,
            "hidden_size": width,
            "intermediate_size": 4 * width,
            "num_heads": 6,
            "patch_size": 16,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "out_hidden_size": width,
            "num_position_embeddings": 256,
            "deepstack_visual_indexes": [3],
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": width,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10_000.0,
                # Halves of a head's 16 rotations for time, height and width.
                "mrope_section": [6, 5, 5],
                "mrope_interleaved": True,
            },
            "tie_word_embeddings": True,
            "pad_token_id": token("<|endoftext|>"),
            "bos_token_id": token("<|endoftext|>"),
            "eos_token_id": token("<|im_end|>"),
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3VLForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        eos_token_id=[token("<|im_end|>"), token("<|endoftext|>")],
        pad_token_id=token("<|endoftext|>"),
        do_sample=False,
    )
    return model


def save_tiny(
    model: Qwen3VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    side: int = SIDE,
) -> int:
    """Write the model in bfloat16 with its tokenizer and settings; returns the bytes written.

    The folder loads with `AutoModelForImageTextToText` and `AutoTokenizer`, and with
    `AutoProcessor` where torchvision is installed. Files that are there already stay.

    Raises:
        ModelError: the folder weighs more than `MAX_BYTES`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        name: value.detach().to("cpu", torch.bfloat16)
        for name, value in model.state_dict().items()
        if name != "lm_head.weight"  # the same numbers as the embedding's
    }
    model.save_pretrained(folder, state_dict=state)
    # It would name the format the model has in memory.
    config = json.loads((folder / "config.json").read_text("utf-8"))
    parts = {key: config[key] | {"dtype": "bfloat16"} for key in ("text_config", "vision_config")}
    _rewrite(folder / "config.json", dtype="bfloat16", **parts)
    # safetensors makes it readable by its owner only, which a wheel would keep.
    (folder / "model.safetensors").chmod(0o644)
    tokenizer.save_pretrained(folder)
    # Older readers know the class by this name only.
    _rewrite(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    area = {"shortest_edge": side * side, "longest_edge": side * side}
    pixels: dict[str, Any] = {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "processor_class": "Qwen3VLProcessor",
        "size": area,
        "patch_size": model.config.vision_config.patch_size,
        "temporal_patch_size": model.config.vision_config.temporal_patch_size,
        "merge_size": model.config.vision_config.spatial_merge_size,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    _write(folder / "preprocessor_config.json", pixels)
    video = {key: value for key, value in pixels.items() if key != "image_processor_type"}
    video["video_processor_type"] = "Qwen3VLVideoProcessor"
    _write(folder / "video_preprocessor_config.json", video)
    weight = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    if weight > MAX_BYTES:
        raise ModelError(f"weighs {weight:,} bytes, more than {MAX_BYTES:,}", where=str(folder))
    return weight


def _rewrite(path: Path, **values: object) -> None:
    _write(path, json.loads(path.read_text("utf-8")) | values)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _package_text() -> Iterable[str]:
    """The sources of this package: English enough for an untrained model's tokenizer."""
    for path in sorted(Path(__file__).parents[2].rglob("*.py")):
        yield from path.read_text("utf-8").splitlines()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "weights"
    made = build_tokenizer(_package_text())
    print(f"{save_tiny(build_model(made), made, target):,} bytes in {target}")
