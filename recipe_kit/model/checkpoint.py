"""Find a checkpoint's folder, and read what it is from its files; imports no torch.

A checkpoint is the word `tiny` (the embedded model), a folder, or a name on the hub. Whatever it
is, it must be a whole Qwen3-VL model in safetensors: other weight files can run code when they are
opened, so they are never read.
"""

import hashlib
import json
import math
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recipe_kit.errors import ModelError
from recipe_kit.model.pixels import Preprocess

TINY = Path(__file__).parent / "tiny" / "weights"
SUPPORTED = {"qwen3_vl": "Qwen3VLForConditionalGeneration"}
"""`model_type` of a config.json, and the class that runs it. Cosmos-Reason2 is one of these."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = ["*.json", "*.jinja", "merges.txt", "README.md"]
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_DIGESTED = (
    "config.json",
    "*.safetensors",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "chat_template.*",
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder with a model in it, and what to call it."""

    folder: Path
    name: str
    """As the recipe calls it."""
    kind: Literal["embedded", "folder", "hub"]
    commit: str | None
    """The hub's commit; None for a folder, which is named by what is in it."""

    def revision(self) -> str:
        """The hub's commit, or the SHA-256 over the names and contents of the model's files."""
        return self.commit or folder_digest(self.folder)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a checkpoint says about itself."""

    name: str
    architecture: str
    parameters: int
    bytes: int
    """Size of the weights on disk."""
    dtype: str
    """Number format of most weights, as safetensors names it (`BF16`, `F32`)."""
    text_width: int
    text_layers: int
    vision_width: int
    vision_layers: int
    patch_size: int
    vocabulary: int
    license: str
    """From the model card's front matter; empty when it names none."""


def find_checkpoint(
    base: str,
    *,
    revision: str | None = None,
    remote_code: bool = False,
    weights: bool = True,
) -> Checkpoint:
    """Find the folder of a checkpoint, downloading it from the hub when it is a name there.

    Args:
        base: `tiny`, a folder, or a name on the hub.
        revision: The hub's branch, tag or commit.
        remote_code: Whether to download code as well.
        weights: Whether to download weights as well.

    Raises:
        ModelError: there is no such folder or name, or the hub cannot be reached.
    """
    path = Path(base).expanduser()
    if base == "tiny":
        if not (TINY / "config.json").is_file():
            raise ModelError(
                "the embedded model is missing from this installation",
                where=str(TINY),
                fix="install recipe-kit again, or make one: python -m recipe_kit.model.tiny.build",
            )
        return Checkpoint(TINY, base, "embedded", None)
    if path.is_dir():
        return Checkpoint(path, base, "folder", None)
    if path.exists():
        raise ModelError("is a file; a model is a folder", where=base, fix="name its folder")
    if not _HUB_NAME.fullmatch(base):
        raise ModelError(
            "there is no such folder",
            where=base,
            fix="name a folder, a model on the hub as owner/name, or tiny",
        )
    patterns = _FILES + ["*.safetensors"] * weights + ["*.py"] * remote_code
    folder = download(base, revision, patterns)
    # The hub's cache names each snapshot's folder by its commit.
    return Checkpoint(folder, base, "hub", folder.name)


def download(name: str, revision: str | None, patterns: list[str]) -> Path:
    """The folder of a hub's model, with the files that the patterns name.

    Raises:
        ModelError: There is no such model, or the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    with _hub_errors(name, revision):
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))


@contextmanager
def _hub_errors(name: str, revision: str | None) -> Iterator[None]:
    from huggingface_hub.errors import (
        GatedRepoError,
        NotASafetensorsRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
        SafetensorsParsingError,
    )

    try:
        yield
    except GatedRepoError as error:
        what, fix = "the hub wants you to accept this model's terms", "accept them, then log in"
        raise ModelError(what, where=name, fix=f"{fix}: hf auth login") from error
    except RevisionNotFoundError as error:
        raise ModelError(
            f"has no revision {revision!r} on the hub", where=name, fix="mend model.revision"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelError(
            "is neither a folder here nor a model on the hub that you may read",
            where=name,
            fix="check the spelling; for a private model, log in: hf auth login",
        ) from error
    except (NotASafetensorsRepoError, SafetensorsParsingError) as error:
        raise ModelError("has no readable safetensors on the hub", where=name) from error
    except OSError as error:  # also the hub's own errors, and a file that is not in its cache
        raise ModelError(
            "is no folder here, and the hub cannot be reached to download it",
            where=name,
            fix="check the network, or download the model elsewhere and name its folder",
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """Read `config.json`, and refuse what is not a Qwen3-VL model.

    Raises:
        ModelError: an adapter, another architecture, or an unreadable file.
    """
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            base = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
            raise ModelError(
                "is an adapter, not a whole model",
                where=str(folder),
                fix=f"name the model it was trained on{f' ({base})' if base else ''}",
            )
        raise ModelError("has no config.json, so it is no model", where=str(folder))
    config = read_json(folder / "config.json")
    kind = config.get("model_type")
    if kind not in SUPPORTED:
        raise ModelError(
            f"holds a model of type {kind!r}",
            where=str(folder / "config.json"),
            fix=f"use one of: {', '.join(SUPPORTED)} (Qwen3-VL, Cosmos-Reason2)",
        )
    for part in ("text_config", "vision_config"):
        if not isinstance(config.get(part), dict):
            raise ModelError(f"has no {part}", where=str(folder / "config.json"))
    return config


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ModelError: the file cannot be read, or holds something else.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read: {error}", where=str(path)) from error
    if not isinstance(value, dict):
        raise ModelError("holds no JSON object", where=str(path))
    return value


def load_preprocess(folder: Path) -> Preprocess:
    """Read a checkpoint's picture settings; Qwen3-VL's defaults when it has no file for them."""
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return Preprocess()
    try:
        return Preprocess.from_config(read_json(path))
    except ModelError as error:
        raise ModelError(error.what, where=str(path), fix=error.fix) from error


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a model, sharded or not.

    Raises:
        ModelError: there are none, a shard is missing, or there are only files that can run code.
    """
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        if (folder / "model.safetensors").is_file():
            return (folder / "model.safetensors",)
        pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
        if pickles:
            raise ModelError(
                f"has its weights only in {pickles[0]}, a format that can run code when opened",
                where=str(folder),
                fix="convert it to safetensors: save_pretrained with transformers 5 writes that",
            )
        raise ModelError("has no model.safetensors", where=str(folder))
    names = read_json(index).get("weight_map")
    if not isinstance(names, Mapping) or not names:
        raise ModelError("lists no weights", where=str(index))
    files = tuple(folder / str(name) for name in sorted(set(map(str, names.values()))))
    for file in files:
        if file.parent != folder or not file.is_file():
            raise ModelError(
                f"the shard {file.name} is missing", where=str(folder), fix="download it again"
            )
    return files


def read_header(path: Path) -> dict[str, Any]:
    """The names, types and shapes of a safetensors file, without its numbers.

    Raises:
        ModelError: the file is damaged or cut short.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size - 8, 100_000_000):
                raise ValueError("the header is longer than the file")
            header: dict[str, Any] = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ModelError(
            "is damaged: not a safetensors file", where=str(path), fix="download or copy it again"
        ) from error
    if size != 8 + length + end:
        raise ModelError(
            f"is damaged: {size:,} bytes long where {8 + length + end:,} are due",
            where=str(path),
            fix="download or copy it again",
        )
    return header


def folder_digest(folder: Path, patterns: Sequence[str] = _DIGESTED) -> str:
    """SHA-256 over the names and contents of every file that changes what the model answers."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {content}\n".encode())
    return digest.hexdigest()


def describe_model(base: str, *, revision: str | None = None) -> ModelCard:
    """Say what a checkpoint is, without loading it; of one on the hub, only the headers are read.

    Raises:
        ModelError: as for `find_checkpoint`, `read_config`, `weight_files` and `read_header`.
    """
    checkpoint = find_checkpoint(base, revision=revision, weights=False)
    config = read_config(checkpoint.folder)
    counts, weight = (_remote_sizes if checkpoint.kind == "hub" else _sizes)(checkpoint)

    def size(part: str, key: str) -> int:
        value = config[part].get(key)
        return value if isinstance(value, int) else 0

    return ModelCard(
        name=base,
        architecture=SUPPORTED[config["model_type"]],
        parameters=sum(counts.values()),
        bytes=weight,
        dtype=max(counts, key=lambda kind: counts[kind], default=""),
        text_width=size("text_config", "hidden_size"),
        text_layers=size("text_config", "num_hidden_layers"),
        vision_width=size("vision_config", "hidden_size"),
        vision_layers=size("vision_config", "depth"),
        patch_size=size("vision_config", "patch_size"),
        vocabulary=size("text_config", "vocab_size"),
        license=_license(checkpoint.folder),
    )


def _sizes(checkpoint: Checkpoint) -> tuple[dict[str, int], int]:
    """Parameters of each number format, and the bytes of the weight files."""
    files = weight_files(checkpoint.folder)
    counts: dict[str, int] = {}
    for file in files:
        for entry in read_header(file).values():
            kind = str(entry["dtype"])
            counts[kind] = counts.get(kind, 0) + math.prod(entry["shape"])
    return counts, sum(file.stat().st_size for file in files)


def _remote_sizes(checkpoint: Checkpoint) -> tuple[dict[str, int], int]:
    from huggingface_hub import get_safetensors_metadata

    with _hub_errors(checkpoint.name, checkpoint.commit):
        found = get_safetensors_metadata(checkpoint.name, revision=checkpoint.commit)
    ends = (
        tensor.data_offsets[1]
        for file in found.files_metadata.values()
        for tensor in [max(file.tensors.values(), key=lambda tensor: tensor.data_offsets[1])]
    )
    return {str(kind): count for kind, count in found.parameter_count.items()}, sum(ends)


def _license(folder: Path) -> str:
    card = folder / "README.md"
    if not card.is_file():
        return ""
    front = card.read_text("utf-8", errors="replace").split("---")
    named = (
        dict(re.findall(r"^(license\w*):\s*(\S+)\s*$", front[1], re.M)) if len(front) > 2 else {}
    )
    # `license: other` says nothing; the name beside it does.
    return str(named.get("license_name") or named.get("license") or "").strip("\"'")
