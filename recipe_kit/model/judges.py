"""Find the classifier that judges open answers; imports no torch."""

import re
from pathlib import Path

from recipe_kit.errors import ModelError
from recipe_kit.model.checkpoint import Checkpoint, download, folder_digest

WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
"""The published Lingo-Judge has only the second; it is read as numbers alone, never as code."""
_FILES = ("*.json", "*.txt", "*.model")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def find_judge(
    name: str, *, revision: str | None = None, recipe_dir: Path, weights: bool = True
) -> Checkpoint:
    """Find a judge's folder, downloading it from the hub when it is a name there.

    Args:
        name: A folder, beside the recipe or in the current one, or a name on the hub.
        revision: The hub's branch, tag or commit.
        recipe_dir: The recipe's folder.
        weights: Whether to download weights as well.

    Raises:
        ModelError: There is no such folder or name, or the hub cannot be reached.
    """
    for folder in (recipe_dir / name, Path(name).expanduser()):
        if folder.is_dir():
            return Checkpoint(folder, Path(name).name, "folder", None)
    if not _HUB_NAME.fullmatch(name):
        raise ModelError(
            "there is no such folder, so nothing can judge open answers", where=name,
            fix="name a folder, or a classifier on the hub as owner/name",
        )
    folder = download(name, revision, [*_FILES, *(WEIGHTS if weights else ())])
    return Checkpoint(folder, name, "hub", folder.name)


def judge_revision(checkpoint: Checkpoint) -> str:
    """The hub's commit, or the SHA-256 over the names and contents of the judge's files."""
    return checkpoint.commit or folder_digest(checkpoint.folder, (*_FILES, *WEIGHTS))
