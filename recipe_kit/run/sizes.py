"""How many samples a recipe has, as far as that is known without opening a single picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recipe_kit.data.places import locate, places
from recipe_kit.data.table import reach, read_table
from recipe_kit.errors import DataError
from recipe_kit.spec.data import (
    AnnotationsSource,
    QuestionsSource,
    Source,
    TableSource,
    Take,
    WorldSource,
)
from recipe_kit.spec.recipe import Recipe

Split = Literal["train", "val", "test"]
_TABLES = (".csv", ".tsv", ".json", ".jsonl")


@dataclass(frozen=True)
class Sizes:
    """Samples by source and, for annotated videos, subdirectory."""

    taken: dict[Split, dict[str, int]]
    """From the split and the source, or `source/subdirectory`, to about how many samples."""
    unknown: tuple[str, ...]
    """Sources whose size is seen only when they are read."""
    absent: tuple[str, ...]
    """What is not on this machine, a line each."""

    def of(self, split: Split) -> int:
        """Samples of a split, of all sources whose size is known."""
        return sum(self.taken[split].values())


def sizes(recipe: Recipe, recipe_dir: Path) -> Sizes:
    """Counts what the splits take of each source.

    Raises:
        DataError: A table is wrong.
    """
    taken: dict[Split, dict[str, int]] = {"train": {}, "val": {}, "test": {}}
    unknown, absent = [], []
    where = places(recipe, recipe_dir)
    for name, source in recipe.data.sources.items():
        path: Path | None = None
        if not isinstance(source, WorldSource):
            try:
                path = locate(source.path, where, key=f"data.sources.{name}.path")
            except DataError as error:
                absent.append(f"data.sources.{name}.path: {error.what}")
        found = _rows(source, path)
        if found is None:
            unknown.append(name)
            continue
        for split in taken:
            take = getattr(recipe.data.splits, split).get(name)
            if take is None:
                continue
            rows = take.rows if isinstance(take, Take) else None
            share = take.share if isinstance(take, Take) else take
            for part, count in found.items():
                place = f"{name}/{part}" if part else name
                size = count if isinstance(count, int) else count.get(rows, 0)
                taken[split][place] = round(size * share)
    return Sizes(taken, tuple(unknown), tuple(absent))


def _rows(
    source: Source, path: Path | None
) -> dict[str, int | dict[str | None, int]] | None:
    """Samples of each part of a source; of a table, also those that each split declares."""
    match source:
        case WorldSource():
            parts = source.subdirectories or ("",)
            share, rest = divmod(source.count, len(parts))
            return {part: share + (at < rest) for at, part in enumerate(parts)}
        case AnnotationsSource():
            known = set(source.subdirectories) <= set(source.counts)
            return {part: source.counts[part] for part in source.subdirectories} if known else None
    if path is None or not path.is_file() or path.suffix.lower() not in _TABLES:
        return None
    rows = read_table(path)[1]
    column = source.columns.split if isinstance(source, TableSource) else None
    if isinstance(source, QuestionsSource):
        column = "split"
    counts: dict[str | None, int] = {None: len(rows)}
    for row in rows if column else ():
        declared = str(reach(row.cells, column or "") or "")
        counts[declared] = counts.get(declared, 0) + 1
    return {"": counts}
