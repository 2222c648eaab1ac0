"""What is compiled on a GPU computes what transformers' own blocks compute."""

from pathlib import Path

import pytest
import torch

from recipe_kit.errors import ModelError
from recipe_kit.model.compiled import check_compiler, compile_model, vision_block


def test_a_small_model_on_a_cpu_is_left_as_it_is(model) -> None:
    compile_model(model)
    assert "forward" not in vars(model.model.visual.blocks[0])
    assert "forward" not in vars(model.model.language_model.layers[0])


def test_the_vision_block_for_the_compiler_is_that_of_transformers(model) -> None:
    visual = model.model.visual
    block, patches = visual.blocks[0], 24
    generator = torch.Generator().manual_seed(0)
    size = visual.config.hidden_size // visual.config.num_heads
    hidden = torch.randn(patches, visual.config.hidden_size, generator=generator)
    angles = torch.randn(patches, size, generator=generator)
    rotation = angles.cos(), angles.sin()
    bounds = torch.tensor([0, 8, 16, 24], dtype=torch.int32)
    with torch.no_grad():
        expected = block(hidden, cu_seqlens=bounds, position_embeddings=rotation)
        found = vision_block(block, hidden, position_embeddings=rotation, step_patches=8)
    torch.testing.assert_close(found, expected)


def test_a_machine_without_a_compiler_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("TORCH_COMPILE_DISABLE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        check_compiler()
    assert str(caught.value) == (
        "evaluation.device: there is no C compiler, with which kernels are made for the GPU\n"
        "  To mend it: Install gcc and Python's headers, or set TORCH_COMPILE_DISABLE=1 in the "
        "environment, which is slower."
    )
    (tmp_path / "gcc").touch(mode=0o755)
    check_compiler()
    (tmp_path / "gcc").unlink()
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    check_compiler()
