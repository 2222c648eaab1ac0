"""Checkpoints: whole or absent, and bound to the model and the training they came from.

    checkpoints/step-000123/
      adapter_model.safetensors   LoRA: PEFT's files
      optimizer.pt                LoRA: read with `weights_only`, which runs no code
      model.safetensors           full: a folder that is itself a model, as `model.base` takes one,
                                  in the model's number format; several files where it is big
      masters/                    full: float32 weights and the optimizer's state, in parts
                                  (`recipe_kit.train.shards`)
      state.json                  steps done, validations, what the checkpoint belongs to
      complete                    written last; holds the digest of the weights

Where every checkpoint is kept, only the newest has `optimizer.pt` or `masters/`. Either is gone on
from by any number of processes: a step's samples and its dropout follow from the seed and the
step's number, so the number of steps done is all the state that data and random generators have.
"""

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal

import torch
from peft import PeftModel
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file

from recipe_kit.errors import StorageError, TrainError
from recipe_kit.model.load import LoadedModel, quiet_transformers
from recipe_kit.model.pixels import Preprocess
from recipe_kit.model.vision import core_of
from recipe_kit.model.world import World
from recipe_kit.record.schemas import BadMedium, Validation
from recipe_kit.train import shards
from recipe_kit.train.adapters import quiet_peft
from recipe_kit.train.parallel import Divided, Whole, together

_COMPLETE = "complete"
_OPTIMIZER = "optimizer.pt"

SHARD = "5GB"
"""Largest file of a model's weights; a bigger model has several."""


class State(BaseModel):
    """Where a training stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Revision of the model that is trained."""
    training: str
    """Digest of the training, `Plan.digest`."""
    method: Literal["lora", "full"]
    step: int = 0
    """Steps done."""
    skipped: int = 0
    """Steps without an update, because their loss or gradient was no number or a spike."""
    bad_in_a_row: int = 0
    micro_batch: int = 0
    """Samples in a forward pass, where memory made it smaller than the recipe's; else 0."""
    bad_media: tuple[BadMedium, ...] = ()
    """Media that other samples stood in for, of all processes."""
    seconds: float = 0.0
    validations: tuple[Validation, ...] = ()


def merged(found: Iterable[BadMedium]) -> tuple[BadMedium, ...]:
    """Media that several processes could not read, once each."""
    merged: dict[tuple[str, str], BadMedium] = {}
    for medium in found:
        key = medium.source, medium.media
        before = merged[key].times if key in merged else 0
        merged[key] = medium.model_copy(update={"times": before + medium.times})
    return tuple(merged.values())


def place(folder: Path, step: int) -> Path:
    """Where the checkpoint after so many steps is."""
    return folder / f"step-{step:06d}"


def save(
    folder: Path, state: State, weights: Whole | Divided, optimizer: torch.optim.Optimizer,
    world: World = World(),  # noqa: B008 # it is frozen
) -> Path:
    """Write a checkpoint into `folder`; returns where it is.

    Every process calls it; the folder has to be one that all of them see.

    Raises:
        StorageError: the disk is full or cannot be written to; nothing of it is left behind.
    """
    final = place(folder, state.step)
    draft = together(world, lambda: _begin(final))
    try:
        if state.method == "full":
            with _storage(final):
                shards.write(draft / shards.FOLDER, weights.named, optimizer, world)
        with weights.whole_on_first() as loaded:
            together(world, lambda: _finish(draft, final, state, loaded, weights, optimizer))
    except BaseException:  # Ctrl-C too: nothing half-written stays
        if world.first:
            shutil.rmtree(draft, ignore_errors=True)
        raise
    return final


def _begin(final: Path) -> Path:
    with _storage(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=final.parent, prefix=f".{final.name}."))
        draft.chmod(0o755)
    return draft


def _finish(
    draft: Path, final: Path, state: State, loaded: LoadedModel, weights: Whole | Divided,
    optimizer: torch.optim.Optimizer,
) -> None:
    with _storage(final):
        if state.method == "lora":
            _write_adapters(draft, loaded, weights)
            _write_optimizer(draft / _OPTIMIZER, optimizer)
        else:
            _write_weights(draft, loaded)
        (draft / "state.json").write_text(state.model_dump_json(indent=1) + "\n", "utf-8")
        (draft / _COMPLETE).write_text(_digest(draft, state) + "\n", "utf-8")
        for path in draft.rglob("*"):
            _sync(path)
        if final.exists():
            shutil.rmtree(final)
        draft.rename(final)
        _sync(final.parent)


def saved(folder: Path) -> dict[int, Path]:
    """The complete checkpoints in a folder, by the steps done, the earliest first."""
    whole = [path.parent for path in folder.glob(f"step-*/{_COMPLETE}")]
    # By number: from the millionth step on, names are longer.
    return dict(sorted((int(path.name.removeprefix("step-")), path) for path in whole))


def newest(folder: Path) -> Path | None:
    """The last complete checkpoint that training can go on from, if there is one."""
    whole = [
        path for path in saved(folder).values()
        if (path / _OPTIMIZER).is_file() or (path / shards.FOLDER).is_dir()
    ]
    return whole[-1] if whole else None


def keep_only(folder: Path, steps: set[int]) -> None:
    """Remove every checkpoint but those after these steps, and what killed runs left."""
    kept = {place(folder, step) for step in steps}
    for path in folder.iterdir() if folder.is_dir() else ():
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def keep_weights(folder: Path, current: int) -> None:
    """Remove the optimizer's state of every checkpoint but the one after `current` steps.

    It is twice as large as the weights, and only the newest is ever gone on from.
    """
    for step, path in saved(folder).items():
        if step != current:
            (path / _OPTIMIZER).unlink(missing_ok=True)
            shutil.rmtree(path / shards.FOLDER, ignore_errors=True)


def read_state(folder: Path, *, model: str, training: str | None = None) -> State:
    """The state in a checkpoint of this model, and of this training when one is named.

    Raises:
        TrainError: it is damaged, or belongs to another model or training.
    """
    try:
        state = State.model_validate_json((folder / "state.json").read_bytes())
        noted = (folder / _COMPLETE).read_text("utf-8").strip()
        found = _digest(folder, state)
    except (OSError, ValidationError) as error:
        raise _damaged(folder) from error
    if noted != found:
        raise _damaged(folder)
    if state.model != model:
        raise TrainError(
            f"is a checkpoint of another model: revision {state.model[:12]}, not {model[:12]}",
            where=str(folder),
            fix="Use the model it was trained from, or delete its folder and train again.",
        )
    if training is not None and state.training != training:
        raise TrainError(
            "is a checkpoint of another training: the data or the settings have changed",
            where=str(folder),
            fix="Delete its folder and train again.",
        )
    return state


def restore(
    folder: Path, weights: Whole | Divided, optimizer: torch.optim.Optimizer,
    world: World = World(),  # noqa: B008 # it is frozen
) -> None:
    """Put a checkpoint's weights into a prepared model, and its state into the optimizer.

    Raises:
        TrainError: the weights do not fit the model, or an earlier version wrote them.
    """
    full = not isinstance(weights.loaded.model, PeftModel)
    if full and not (folder / shards.FOLDER).is_dir():
        raise TrainError(
            "was written by an earlier version, which kept no weights to go on from",
            where=str(folder),
            fix="Delete its folder and train again; it can still be evaluated.",
        )
    try:
        if full:
            shards.read(folder / shards.FOLDER, weights.named, optimizer, world)
        else:
            _read_adapters(folder, weights)
            device = weights.loaded.device
            saved = torch.load(folder / _OPTIMIZER, map_location=device, weights_only=True)
            optimizer.load_state_dict(saved)
    except (
        OSError, EOFError, RuntimeError, ValueError, KeyError, UnpicklingError, SafetensorError
    ) as error:
        raise _damaged(folder) from error
    weights.stepped()


def load_tuned(base: LoadedModel, folder: Path) -> LoadedModel:
    """A fine-tuned model for evaluation: adapters are merged into the base.

    Args:
        base: The model that was trained, loaded anew; it is changed in place.
        folder: The checkpoint.

    Raises:
        TrainError: the checkpoint is damaged, or belongs to another model.
    """
    state = read_state(folder, model=base.revision)
    if state.method == "lora":
        try:
            with quiet_peft():
                adapted = PeftModel.from_pretrained(base.model, str(folder), is_trainable=False)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise _damaged(folder) from error
        model = adapted.merge_and_unload()
    else:
        model = base.model
        _read_weights(folder, model)
    return replace(base, model=model.eval(), revision=revision(folder))


def revision(folder: Path) -> str:
    """Content digest of a complete checkpoint's weights and of the model they belong to."""
    return (folder / _COMPLETE).read_text("utf-8").strip()


def _write_adapters(folder: Path, loaded: LoadedModel, weights: Whole | Divided) -> None:
    # Adapters hold no embeddings; "auto" would look for the base on the hub to make sure.
    loaded.model.save_pretrained(
        str(folder), save_embedding_layers=False,
        state_dict={name: value.detach() for name, value in weights.named},
    )


def _write_weights(folder: Path, loaded: LoadedModel) -> None:
    with quiet_transformers():
        loaded.model.save_pretrained(str(folder), max_shard_size=SHARD)
        loaded.tokenizer.save_pretrained(str(folder))
    settings = json.dumps(_pixel_settings(loaded.preprocess), indent=2)
    (folder / "preprocessor_config.json").write_text(settings + "\n", "utf-8")


def _read_adapters(folder: Path, weights: Whole | Divided) -> None:
    found = load_file(folder / "adapter_model.safetensors")
    for name, value in weights.named:
        # PEFT leaves the adapter's name out of the file; the float32 weights have it.
        value.data.copy_(found[name.replace(".default.", ".")])


def _read_weights(folder: Path, model: Any) -> None:
    core, found = core_of(model), set()
    try:
        due = set(core.state_dict())
        for file in sorted(folder.glob("*.safetensors")):
            # One at a time: together they may be as large as the memory.
            part = load_file(file)
            unexpected = core.load_state_dict(part, strict=False).unexpected_keys
            found |= set(part)
            if unexpected:
                raise _damaged(folder)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise _damaged(folder) from error
    # A head that is tied to the embeddings is stored once.
    if due - found - {"lm_head.weight"}:
        raise _damaged(folder)


def _pixel_settings(preprocess: Preprocess) -> dict[str, Any]:
    return {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "size": {
            "shortest_edge": preprocess.min_pixels,
            "longest_edge": preprocess.max_pixels,
        },
        "patch_size": preprocess.patch_size,
        "temporal_patch_size": preprocess.temporal_patch_size,
        "merge_size": preprocess.merge_size,
        "image_mean": list(preprocess.mean),
        "image_std": list(preprocess.std),
    }


def _write_optimizer(path: Path, optimizer: torch.optim.Optimizer) -> None:
    # Through memory, because torch hides why a file could not be written.
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    path.write_bytes(buffer.getbuffer())


def _digest(folder: Path, state: State) -> str:
    """Of the base and the weights; not of PEFT's settings, which list layers in random order."""
    found = hashlib.sha256(f"{state.model} {state.training}\n".encode())
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        found.update(f"{path.name} {content}\n".encode())
    return found.hexdigest()


def _damaged(folder: Path) -> TrainError:
    return TrainError(
        "is a damaged checkpoint",
        where=str(folder),
        fix="Delete its folder and run the command again; it goes on from an earlier one.",
    )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(
            f"the checkpoint cannot be written: {reason}",
            where=str(path),
            fix="Free some space or mend the folder's permissions, then run the command again; "
            "it goes on from the last checkpoint.",
        ) from error
