"""What a run was made with."""

import platform
import subprocess
from pathlib import Path

from recipe_kit import __version__
from recipe_kit.record.schemas import Provenance
from recipe_kit.record.versions import machine, versions

PACKAGES = (
    "torch", "transformers", "peft", "numpy", "scipy", "pillow", "scikit-learn", "safetensors",
    "matplotlib",
)


def provenance(root: Path, *, device: str, started: str, finished: str) -> Provenance:
    """Versions, machine and commit; nothing that names a person or a folder."""
    return Provenance(
        recipe_kit=__version__,
        python=platform.python_version(),
        platform=machine(),
        packages=versions(PACKAGES),
        device=device,
        git_commit=git_commit(root),
        started=started,
        finished=finished,
    )


def git_commit(root: Path) -> str:
    """The commit that is checked out, with `+` when files differ from it; empty outside git."""
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
