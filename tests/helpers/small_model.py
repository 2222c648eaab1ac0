"""A Qwen3-VL of 150,000 parameters that answers in milliseconds, and pictures to ask it about."""

import numpy as np
import torch
from transformers import GenerationConfig, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from recipe_kit.data.clip import Clip
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.pixels import Bytes, Preprocess
from recipe_kit.model.tiny.build import build_tokenizer
from recipe_kit.record.schemas import Question, Sample
from recipe_kit.spec.recipe import Recipe

CRACKED = "Is this floor cracked? Yes or No."
SEVERITY = "How severe is it, from 1 to 5?"
CORPUS = [CRACKED, SEVERITY, "no crack, no stain"] * 50
TOKENIZER = build_tokenizer(CORPUS, vocab_size=420)


def small_model(seed: int = 0, *, side: int = 64) -> LoadedModel:
    """The same weights for the same seed."""
    ids = TOKENIZER.get_vocab()
    config = Qwen3VLConfig(
        vision_config={
            "depth": 2, "hidden_size": 48, "intermediate_size": 96, "num_heads": 3,
            "patch_size": 16, "out_hidden_size": 48, "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        text_config={
            "vocab_size": len(TOKENIZER), "hidden_size": 48, "intermediate_size": 96,
            "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 1,
            "head_dim": 16, "max_position_embeddings": 1024, "tie_word_embeddings": True,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 10_000.0,
                "mrope_section": [4, 2, 2], "mrope_interleaved": True,
            },
            "pad_token_id": ids["<|endoftext|>"], "eos_token_id": ids["<|im_end|>"],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen3VLForConditionalGeneration(config)
        with torch.no_grad():
            # Far enough from zero that answers differ from picture to picture.
            for parameter in model.parameters():
                parameter += 0.1 * torch.randn(parameter.shape)
    model.generation_config = GenerationConfig(
        eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|endoftext|>"], do_sample=False
    )
    area = side * side
    return LoadedModel(
        model.eval(), TOKENIZER, Preprocess(min_pixels=area, max_pixels=area),
        "small", f"revision-{seed}", torch.device("cpu"), torch.float32,
    )


def picture(number: int, *, frames: int = 1, height: int = 64, width: int = 64) -> Bytes:
    """Noise that its number determines; a clip when it has several frames."""
    generator = np.random.default_rng(number)
    return generator.integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def read_picture(source: str, media: str) -> Clip:
    """Reads `7.png` as the picture of that number, and `7.mp4` as a clip of five frames."""
    name, _, kind = media.partition(".")
    if kind == "mp4":
        return Clip(picture(int(name), frames=5), (0.0, 0.5, 1.0, 1.5, 2.0))
    return Clip(picture(int(name)))


def question(
    media: str, prompt: str = CRACKED, choices: tuple[str, ...] = ("Yes", "No")
) -> Question:
    """A question about one picture."""
    return Question(
        id=f"floor/{prompt[:6]}/{media}", benchmark="floor", task=prompt[:6], task_type="binary",
        sample=media, media=media, media_sha256=f"sha of {media}", prompt=prompt, choices=choices,
        reference=choices[0], source="table",
    )


def recipe(*, sources: tuple[str, ...] = ("table",), **train: object) -> Recipe:
    """A recipe with two tasks; `train` is its training section."""
    table = {"kind": "table", "path": "labels.csv", "labels": {"cracked": "c", "severity": "s"}}
    return Recipe.model_validate({
        "schema": 1, "title": "Floors", "authors": [{"name": "A"}], "organization": "O",
        "use_case": "U",
        "data": {
            "sources": dict.fromkeys(sources, table), "splits": {"test": {sources[0]: 1.0}},
        },
        "tasks": {
            "cracked": {"type": "binary", "prompt": CRACKED, "label": "cracked"},
            "severity": {"type": "scale", "prompt": SEVERITY, "label": "severity"},
        },
        "benchmarks": {"floor": {"tasks": ["cracked", "severity"]}},
        "gate": {
            "benchmark": "floor",
            "targets": [{"task": "cracked", "metric": "accuracy", "at_least": 0.9}],
        },
        "train": {"learning_rate": 1e-2, **train},
    })


def samples(count: int, *, val: int = 0, source: str = "table") -> tuple[Sample, ...]:
    """Samples for training, then for validation, with labels that follow no rule."""
    return tuple(
        Sample(
            id=f"{source}/{number}", source=source, media=f"{number}.png", sha256=f"sha {number}",
            labels={"cracked": "Yes" if number % 3 == 0 else "No", "severity": number * 7 % 5 + 1},
            split="train" if number < count else "val",
        )
        for number in range(count + val)
    )
