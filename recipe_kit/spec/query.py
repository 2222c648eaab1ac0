"""Reading plain data by pattern: `data.splits.*.*`."""

from collections.abc import Iterator, Sequence

from recipe_kit.spec.problems import Keys, Plain, Problem, suggest
from recipe_kit.spec.worlds import WORLD_LABELS

SPLITS = ("train", "val", "test")


def find(data: Plain, pattern: str) -> Iterator[tuple[Keys, Plain]]:
    """Every value that a pattern leads to, with its keys; `*` stands for any key or item."""
    found: list[tuple[Keys, Plain]] = [((), data)]
    for step in pattern.split("."):
        found = [
            ((*keys, key), value)
            for keys, node in found
            for key, value in _children(node)
            if step in ("*", str(key))
        ]
    yield from found


def _children(node: Plain) -> list[tuple[str | int, Plain]]:
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []


def value(data: Plain, pattern: str, default: Plain = None) -> Plain:
    """The value at a pattern without `*`, or the default."""
    return next((one for _, one in find(data, pattern)), default)


def mapping(data: Plain, pattern: str) -> dict[str, Plain]:
    """The mapping at a pattern, or an empty one."""
    found = value(data, pattern)
    return found if isinstance(found, dict) else {}


def texts(data: Plain, pattern: str) -> list[tuple[Keys, str]]:
    """Every text that a pattern leads to, with its keys."""
    return [(keys, one) for keys, one in find(data, pattern) if isinstance(one, str)]


def is_number(one: Plain) -> bool:
    """Whether it is a number; true and false are none."""
    return isinstance(one, int | float) and not isinstance(one, bool)


def number(one: Plain) -> float | None:
    """The value as a number, if it is one."""
    return float(one) if isinstance(one, int | float) and is_number(one) else None


def unknown(
    keys: Keys, kind: str, name: str, known: Sequence[str], *, key: bool = False
) -> Problem:
    """The problem of a name that nothing has."""
    what = f"there is no {kind} '{name}'"
    return Problem(keys, what, suggest(name, known), at="key" if key else "value")


def sources_of(data: Plain, split: str) -> list[str]:
    """Names of the existing sources that a split takes from."""
    known = mapping(data, "data.sources")
    return [name for name in mapping(data, f"data.splits.{split}") if name in known]


def benchmark_sources(data: Plain, benchmark: Plain) -> list[str]:
    """Names of the sources a benchmark asks about."""
    split = value(benchmark, "split", "test")
    taken = sources_of(data, str(split))
    chosen = [name for _, name in texts(benchmark, "sources.*")]
    return [name for name in taken if not chosen or name in chosen]


def pooled(data: Plain) -> set[str]:
    """Names of the tasks that ask questions of a pool; the pool gives them their labels."""
    return {
        name
        for _, benchmark in find(data, "benchmarks.*")
        if value(benchmark, "pool") is not None
        for _, name in texts(benchmark, "tasks.*")
    }


def labels_of(source: Plain) -> dict[str, tuple[str, ...]] | None:
    """A source's labels, and their values where the recipe tells; None if it cannot be known."""
    kind = value(source, "kind")
    if kind == "triples":
        return {}
    if kind == "world":
        return WORLD_LABELS.get(str(value(source, "world")))
    labels = value(source, "labels")
    if kind != "table" or not isinstance(labels, dict):
        return None
    return {
        name: tuple(sorted({str(one) for one in mapping(column, "map").values()}))
        for name, column in labels.items()
    }
