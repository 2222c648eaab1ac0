"""`recipe new`: a recipe to begin with, valid from the first minute."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from recipe_kit.errors import SpecError, StorageError
from recipe_kit.paths import templates_dir
from recipe_kit.spec.problems import suggest
from recipe_kit.spec.recipe import SLUG
from recipe_kit.spec.schema import SCHEMA_NAME, schema_text
from recipe_kit.spec.shape import SLUG_IN_WORDS


def starters() -> dict[str, Path]:
    """The starters, by name."""
    return {path.stem: path for path in sorted((templates_dir() / "starters").glob("*.yaml"))}


def described() -> dict[str, str]:
    """What each starter is for, in one line: the first sentence of the comment it begins with."""
    found = {}
    for name, path in starters().items():
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = " ".join(line.lstrip("#").strip() for line in _comment(lines[1:])).strip()
        found[name] = re.split(r"(?<=\.)\s", comment)[0]
    return found


def _comment(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("#"):
            return
        yield line


def new_recipe(name: str, starter: str, folder: Path) -> Path:
    """Write a starter as a new recipe, and the JSON Schema that editors complete it with.

    Args:
        name: The recipe's slug; its file is `NAME.yaml`.
        starter: Name of the starter.
        folder: Where the recipes are; made if it is not there.

    Returns:
        The new recipe's file.

    Raises:
        SpecError: The name is no slug, there is no such starter, or the recipe exists already.
        StorageError: The file cannot be written.
    """
    if not re.fullmatch(SLUG, name):
        raise SpecError(f"'{name}' cannot be a recipe's name", fix=f"Use {SLUG_IN_WORDS}.")
    found = starters()
    if starter not in found:
        raise SpecError(f"there is no starter '{starter}'", fix=suggest(starter, list(found)))
    text = found[starter].read_text(encoding="utf-8")
    title = json.dumps(name.replace("-", " ").title())  # quoted: a title like 2024 stays text
    text = re.sub(r"^title:.*$", f"title: {title}  # write: the title of the page", text,
                  count=1, flags=re.MULTILINE)
    path = folder / f"{name}.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        (folder / SCHEMA_NAME).write_text(schema_text(), encoding="utf-8", newline="\n")
    except FileExistsError:
        raise SpecError("the recipe exists already", where=str(path),
                        fix="Take another name, or remove the file.") from None
    except OSError as error:
        raise StorageError(f"the recipe cannot be written ({error.strerror})", where=str(path),
                           fix="Free the disk, or choose a folder you may write to.") from None
    return path
