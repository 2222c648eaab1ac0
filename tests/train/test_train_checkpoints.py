"""What checkpoints of whole models are made of, and what is refused."""

import io
import json
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_model import recipe, samples, small_model
from small_training import LORA, losses, run

from recipe_kit.errors import TrainError
from recipe_kit.model.load import LoadedModel, load_model
from recipe_kit.model.world import World
from recipe_kit.record.schemas import BadMedium, Validation
from recipe_kit.train import checkpoint, shards
from recipe_kit.train.adapters import optimizer_groups
from recipe_kit.train.checkpoint import load_tuned, merged
from recipe_kit.train.log import Step
from recipe_kit.train.parallel import Whole

FULL = recipe(epochs=2, batch_size=6, method="full", learning_rate=1e-3)
DAMAGED = (
    "{folder}: is a damaged checkpoint\n"
    "  To mend it: Delete its folder and run the command again; it goes on from an earlier one."
)


def test_a_checkpoint_of_a_whole_model(tmp_path: Path) -> None:
    result = run(tmp_path, FULL)
    folder = tmp_path / result.checkpoint
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= {
        "complete", "config.json", "model.safetensors", "preprocessor_config.json", "state.json",
        "tokenizer.json", "masters/.metadata", "masters/__0_0.distcp", "masters/sizes.json",
    }
    assert "optimizer.pt" not in names


def half() -> LoadedModel:
    loaded = small_model()
    return replace(loaded, model=loaded.model.bfloat16(), dtype=torch.bfloat16)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_bfloat16_training_is_resumed_from_float32(tmp_path: Path, method: str) -> None:
    """Steps of this size are lost in bfloat16, so they would be missing after it."""
    spec = recipe(epochs=8, batch_size=12, method=method, learning_rate=1e-5, **LORA)
    whole = run(tmp_path / "whole", spec, samples(12), loaded=half())

    def stop(event: Step | Validation) -> None:
        if event.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", spec, samples(12), loaded=half(), progress=stop)
    parts = run(tmp_path / "parts", spec, samples(12), loaded=half())
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert parts.revision == whole.revision
    found = load_file(next((tmp_path / "parts" / parts.checkpoint).glob("*.safetensors")))
    kinds = {str(value.dtype) for value in found.values()}
    assert kinds == {"torch.float32" if method == "lora" else "torch.bfloat16"}
    tuned = load_tuned(half(), tmp_path / "parts" / parts.checkpoint)
    assert {value.dtype for value in tuned.model.parameters()} == {torch.bfloat16}


def test_weights_of_a_big_model_are_in_several_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = run(tmp_path / "one", FULL)
    monkeypatch.setattr(checkpoint, "SHARD", "200KB")
    several = run(tmp_path / "several", FULL)
    folder = tmp_path / "several" / several.checkpoint
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    ours = load_tuned(small_model(), folder).model.state_dict()
    alone = load_model(str(folder)).model.state_dict()
    whole = load_tuned(small_model(), tmp_path / "one" / one.checkpoint).model.state_dict()
    assert ours.keys() == alone.keys() == whole.keys()
    assert all(torch.equal(ours[name], whole[name]) for name in whole)
    assert all(torch.equal(alone[name], whole[name]) for name in whole)
    next(folder.glob("model-00002*")).unlink()
    with pytest.raises(TrainError) as caught:
        load_tuned(small_model(), folder)
    assert str(caught.value) == DAMAGED.format(folder=folder)


@pytest.mark.parametrize("name", ["__0_0.distcp", ".metadata", "sizes.json"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
def test_masters_that_are_cut_are_refused(tmp_path: Path, name: str, kept: float) -> None:
    result = run(tmp_path, FULL)
    path = tmp_path / result.checkpoint / "masters" / name
    content = path.read_bytes()
    path.write_bytes(content[: min(int(len(content) * kept), len(content) - 2)])
    with pytest.raises(TrainError) as caught:
        run(tmp_path, FULL)
    assert str(caught.value) == DAMAGED.format(folder=path.parents[1])


def test_masters_run_no_code(tmp_path: Path) -> None:
    result = run(tmp_path, FULL)
    folder = tmp_path / result.checkpoint / "masters"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "evil"),)

    for content in (pickle.dumps(Evil()), pickle.dumps(Evil(), 4)):
        (folder / ".metadata").write_bytes(content)
        sizes = {path.name: path.stat().st_size for path in folder.iterdir()
                 if path.name != "sizes.json"}
        (folder / "sizes.json").write_text(json.dumps(sizes))
        with pytest.raises(TrainError, match="is a damaged checkpoint"):
            run(tmp_path, FULL)
    assert not (tmp_path / "evil").exists()


def test_a_checkpoint_of_an_earlier_version_is_evaluated_but_not_gone_on_from(
    tmp_path: Path,
) -> None:
    result = run(tmp_path, FULL)
    folder = tmp_path / result.checkpoint
    shutil.rmtree(folder / "masters")
    buffer = io.BytesIO()
    torch.save({"state": {}}, buffer)
    (folder / "optimizer.pt").write_bytes(buffer.getvalue())
    assert load_tuned(small_model(), folder).revision == result.revision
    with pytest.raises(TrainError) as caught:
        run(tmp_path, FULL)
    assert str(caught.value) == (
        f"{folder}: was written by an earlier version, which kept no weights to go on from\n"
        "  To mend it: Delete its folder and train again; it can still be evaluated."
    )


def test_a_weight_that_never_had_a_gradient_has_no_state_to_lose(tmp_path: Path) -> None:
    def made(seed: int) -> tuple[Whole, torch.optim.AdamW]:
        weights = Whole(small_model(seed), FULL.train, World())
        return weights, torch.optim.AdamW(list(optimizer_groups(weights.named, 0.1)), lr=0.1)

    weights, optimizer = made(0)
    for _, value in weights.named[::2]:
        value.grad = torch.ones_like(value)
    optimizer.step()
    shards.write(tmp_path / "masters", weights.named, optimizer, World())
    other, fresh = made(1)
    shards.read(tmp_path / "masters", other.named, fresh, World())
    for (name, value), (_, read) in zip(weights.named, other.named, strict=True):
        torch.testing.assert_close(read, value, atol=0, rtol=0, msg=name)
        read.grad = torch.ones_like(read)
        value.grad = torch.ones_like(value)
    optimizer.step()
    fresh.step()
    for (name, value), (_, read) in zip(weights.named, other.named, strict=True):
        torch.testing.assert_close(read, value, atol=0, rtol=0, msg=name)


def test_media_that_several_processes_could_not_read_are_counted_once() -> None:
    one = BadMedium(source="a", media="1.mp4", reason="empty", times=2)
    two = BadMedium(source="a", media="2.mp4", reason="empty")
    assert merged([one, two, one]) == (one.model_copy(update={"times": 4}), two)
