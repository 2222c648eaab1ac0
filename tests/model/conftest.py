"""A small tokenizer and an untrained model, shared by the tests of this room."""

from typing import Any

import pytest
import torch

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
