"""Which code draws a world: part of the name that its pictures have in the cache."""

import ast
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from recipe_kit.data import worlds


def world_code() -> dict[str, str]:
    """The text of each module of the worlds' package, by its name: `floors`, `driving.plan`."""
    folder = Path(worlds.__file__).parent
    return {
        ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"):
            file.read_text(encoding="utf-8")
        for file in folder.rglob("*.py")
    }


def modules_of(world: str, code: Mapping[str, str]) -> tuple[str, ...]:
    """The modules that a world is drawn by: its own, and what that imports of the worlds' package.

    Args:
        world: A world's name, which is also its module's.
        code: The text of each module of the package, by the module's name.
    """
    found: set[str] = set()
    # A world of clips is a package, and is drawn and written by these of its modules.
    ahead = [world, f"{world}.drawing", f"{world}.clip"]
    while ahead:
        name = ahead.pop()
        if name in code and name not in found:
            found.add(name)
            ahead += _imported(code[name])
    return tuple(sorted(found))


def _imported(text: str) -> list[str]:
    package = worlds.__name__
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name.removeprefix(f"{package}.") for name in names if name.startswith(f"{package}.")]


@cache
def code_digest(world: str) -> str:
    """Digest the code that a world is drawn by.

    Pictures of an older version of the code are other pictures; other worlds' code is no matter.
    """
    code = world_code()
    used = [[name, code[name]] for name in modules_of(world, code)]
    return hashlib.sha256(json.dumps(used).encode()).hexdigest()
