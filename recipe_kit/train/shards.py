"""Weights and the optimizer's state of a training that may be divided among processes.

torch's distributed checkpoints (DCP): every process writes its part, and any number of processes
can go on from them, one too. They are read without running code that may be in them.

    masters/
      __0_0.distcp ...   parts: `weight.NAME`, `exp_avg.NAME`, `exp_avg_sq.NAME`, `step.NAME`
      .metadata          which tensor is where
      sizes.json         how long the files are; a cut one can look whole to torch
"""

import json
import pickle
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint import metadata
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import Metadata, StorageMeta
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.nn import Parameter

from recipe_kit.model.world import World

FOLDER = "masters"
_SIZES = "sizes.json"
_CHECKPOINTS = "torch.distributed.checkpoint."
_ALLOWED = {
    (_CHECKPOINTS + "metadata", name)
    for name in ("Metadata", "TensorStorageMetadata", "TensorProperties", "ChunkStorageMetadata",
                 "MetadataIndex", "StorageMeta", "_MEM_FORMAT_ENCODING")
} | {
    (_CHECKPOINTS + "filesystem", "_StorageInfo"), ("torch", "Size"),
    ("torch.serialization", "_get_layout"), ("collections", "OrderedDict"),
}  # fmt: skip

Named = Sequence[tuple[str, Parameter]]


def write(folder: Path, named: Named, optimizer: torch.optim.Optimizer, world: World) -> None:
    """Write into a folder that all processes see; each of them has to call it.

    Raises:
        OSError: the disk of one of them is full or cannot be written to; raised by all.
    """
    try:
        with _alone_or_not():
            save(
                dict(_tensors(named, optimizer)), storage_writer=FileSystemWriter(folder),
                no_dist=world.size == 1,
            )
    except RuntimeError as error:
        raise OSError(str(error)) from error
    if world.first:
        sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
        (folder / _SIZES).write_text(json.dumps(sizes) + "\n", "utf-8")


def read(folder: Path, named: Named, optimizer: torch.optim.Optimizer, world: World) -> None:
    """Put weights and state into a model and an optimizer that has made no step yet.

    Raises:
        OSError, ValueError, RuntimeError, KeyError, EOFError, UnpicklingError: they are damaged,
            or belong to another model.
    """
    sizes = json.loads((folder / _SIZES).read_text("utf-8"))
    for name, size in sizes.items():
        if (folder / name).stat().st_size != size:
            raise ValueError(f"{name} has been cut")
    # What is wrong with it torch would not say.
    _Reader(folder).read_metadata()
    for group in optimizer.param_groups:
        for value in group["params"]:
            optimizer.state[value] = _fresh(value, on_device=bool(group["fused"]))
    with _alone_or_not():
        load(
            dict(_tensors(named, optimizer)), storage_reader=_Reader(folder),
            no_dist=world.size == 1,
        )


def _tensors(
    named: Named, optimizer: torch.optim.Optimizer
) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in named:
        yield f"weight.{name}", value.detach()
        # A weight that has had no gradient yet has no state.
        for key, held in (optimizer.state.get(value) or _fresh(value)).items():
            yield f"{key}.{name}", held


def _fresh(value: Parameter, *, on_device: bool = False) -> dict[str, torch.Tensor]:
    """What AdamW begins with."""
    return {
        "step": torch.zeros((), device=value.device if on_device else "cpu"),
        "exp_avg": torch.zeros_like(value.detach()),
        "exp_avg_sq": torch.zeros_like(value.detach()),
    }


class _Unpickler(pickle.Unpickler):
    """Reads the list of tensors, and nothing else that a pickle could hold."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "getattr"):
            return _member
        dtype = module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)
        path = module.partition(".")[0] == "pathlib" and name in ("PosixPath", "WindowsPath")
        if dtype or path or (module, name) in _ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint")


def _member(owner: object, name: str) -> Any:
    """A member of the one enumeration that a list of tensors has; Python before 3.11.4 asks so."""
    if owner is not metadata._MEM_FORMAT_ENCODING:
        raise pickle.UnpicklingError(f"{name} of {owner} has no place in a checkpoint")
    return metadata._MEM_FORMAT_ENCODING[name]


class _Reader(FileSystemReader):
    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        with (Path(self.path) / ".metadata").open("rb") as file:
            found: Metadata = _Unpickler(file).load()
        if found.storage_meta is None:
            found.storage_meta = StorageMeta()
        found.storage_meta.load_id = self.load_id
        return found


@contextmanager
def _alone_or_not() -> Iterator[None]:
    """One process needs no process group; what failed in any is raised as it was."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        try:
            yield
        except CheckpointException as error:  # it is no Exception
            cause, _ = next(iter(error.failures.values()))
            # torch closes its archive after a failed write, and tells of that instead.
            hidden = cause.__context__
            raise (hidden if isinstance(hidden, OSError) else cause) from None
