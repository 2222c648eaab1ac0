"""Where the files of a recipe lie, and that they stay there."""

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from recipe_kit.errors import DataError
from recipe_kit.spec.recipe import Recipe

ROOT_VARIABLE = "RECIPE_DATA"


@dataclass(frozen=True)
class Places:
    """The two folders that paths of a spec are looked up in, in this order."""

    root: Path
    """The data root."""
    root_from: str
    """What named the data root, in words."""
    recipe_dir: Path
    """The recipe's own folder."""


def places(recipe: Recipe, recipe_dir: Path) -> Places:
    """Find the data root: `data.root`, else `RECIPE_DATA`, else the recipe's folder."""
    if recipe.data.root:
        return Places(recipe_dir / recipe.data.root, "data.root", recipe_dir)
    variable = os.environ.get(ROOT_VARIABLE)
    if variable:
        return Places(Path(variable), ROOT_VARIABLE, recipe_dir)
    return Places(recipe_dir, "the recipe's folder", recipe_dir)


def locate(path: str, where: Places, *, key: str) -> Path:
    """Find a file or folder that the spec names, under the data root or the recipe's folder.

    Args:
        path: As the spec says it.
        where: The folders to look in.
        key: The spec's key that named it, for the message.

    Raises:
        DataError: It is in neither place.
    """
    found = [folder / path for folder in (where.root, where.recipe_dir)]
    for candidate in found:
        if candidate.exists():
            return candidate
    looked = f"{where.root} ({where.root_from})"
    if where.root != where.recipe_dir:
        looked += f", nor in {where.recipe_dir} (the recipe's folder)"
    siblings = {
        sibling.name: sibling
        for candidate in reversed(found)
        if candidate.parent.is_dir()
        for sibling in candidate.parent.iterdir()
    }
    close = difflib.get_close_matches(found[0].name, siblings, n=1)
    if close:
        fix = f"did you mean {siblings[close[0]].name}?"
    elif where.root_from == ROOT_VARIABLE:
        fix = f"correct {key}, or the environment variable {ROOT_VARIABLE}"
    else:
        fix = f"correct {key}, or set {ROOT_VARIABLE} to the folder your data lies in"
    raise DataError(f"there is no {path} in {looked}", where=key, fix=fix)


def media_name(path: str) -> str:
    """Bring a media path of a table to one form: relative, with forward slashes, without `.`.

    Raises:
        ValueError: The path is absolute, climbs out of its folder, or names no file.
    """
    # A Windows path is recognized everywhere, so that a table means the same on every machine.
    if path.startswith("/") or PureWindowsPath(path).drive:
        raise ValueError("is absolute; media paths are relative to the media folder")
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if ".." in parts:
        raise ValueError("leaves the media folder")
    if not parts or "\0" in path:
        raise ValueError("names no file")
    return "/".join(parts)


def outside(path: Path, real_folder: Path) -> bool:
    """Tell whether a path, links followed, leaves a folder (given with its links followed)."""
    return not path.resolve().is_relative_to(real_folder)


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which names are known, beginning with the nearest one if any is near."""
    names = [str(one) for one in known]
    shown = ", ".join(repr(one) for one in names[:12]) + (", ..." if len(names) > 12 else "")
    alike = [one for one in names if one.casefold().strip() == name.casefold().strip()]
    close = alike or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {shown}" if names else "none is known"
