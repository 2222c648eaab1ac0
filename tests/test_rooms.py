"""The table of who may import whom, and which libraries wait until they are needed."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

KIT = Path(__file__).parents[1] / "recipe_kit"
EVERYONE = {"errors", "paths", "__version__"}
ROOMS = {
    "spec": "",
    "record": "spec",
    "data": "spec record",
    "benchmark": "spec record data",
    "score": "spec record benchmark",
    "model": "spec",
    "engine": "spec record data benchmark model",
    "train": "spec record data benchmark model",
    "run": "spec record data benchmark score model engine train",
    "page": "spec record",
    "verify": "spec record benchmark score page",
    # record: the file that `run` writes and `page` reads
    "cli": "spec record run page verify options",
    "options": "spec",
    "__main__": "cli",
    # The script that makes the embedded model, with its lessons: nothing else imports it.
    "model/tiny": "model spec data",
}
HEAVY = {"torch", "transformers", "peft", "decord", "matplotlib"}
MAY_BE_HEAVY = ("model/", "engine/", "train/", "data/media.py", "page/plots.py")
FILES = sorted(path.relative_to(KIT).as_posix() for path in KIT.rglob("*.py"))


def imported(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[tuple[str, ...]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((*str(node.module).split("."), alias.name) for alias in node.names)


@pytest.mark.parametrize("file", [file for file in FILES if file not in ("__init__.py",)])
def test_a_room_imports_only_what_it_may(file: str) -> None:
    tree = ast.parse((KIT / file).read_text(encoding="utf-8"))
    room = file.split("/")[0].removesuffix(".py")
    allowed = EVERYONE | {room, *ROOMS.get(room, "").split()}
    if file.startswith("model/tiny/"):
        allowed |= set(ROOMS["model/tiny"].split())
    used = {name[1] for name in imported(ast.walk(tree)) if name[0] == "recipe_kit"}
    assert used <= allowed
    if not file.startswith(MAY_BE_HEAVY):
        assert not {name[0] for name in imported(tree.body)} & HEAVY
