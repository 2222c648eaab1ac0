"""Rules about names, sources and splits."""

import re
from collections import defaultdict
from collections.abc import Iterator

from recipe_kit.spec.problems import Keys, Plain, Problem, dotted
from recipe_kit.spec.query import (
    SPLITS,
    find,
    labels_of,
    mapping,
    number,
    sources_of,
    texts,
    unknown,
    value,
)
from recipe_kit.spec.recipe import NAME
from recipe_kit.spec.worlds import WORLD_KNOBS

# Words of Jinja: a name in the prose could not be one of them.
RESERVED = frozenset({
    "and", "as", "elif", "else", "endfor", "endif", "false", "False", "for", "if", "in", "is",
    "none", "None", "not", "or", "set", "true", "True",
})


# Words that the page has its own numbers under: `data.samples`, `floor.change.cracked.fixed`.
PAGE_WORDS = {
    "benchmarks": (
        "ablations", "best", "checkpoints", "data", "fine_tuned", "gaps", "gate", "model",
        "recommended", "regressions", "success", "training",
    ),
    "ablations": ("base", "tuned", "change", "pool", "primary", "questions", "samples"),
}

NAMED = (
    "data.sources.*", "tasks.*", "benchmarks.*", "success.*", "train.ablations.*",
    "model.compare.*",
)
"""What has a name of the author's choice."""

DECLARING = ("table", "questions")
"""Kinds of source whose rows may say which split they belong to."""


def names(data: Plain) -> Iterator[Problem]:
    """Names are used in prose: `{{ floor.base.cracked.accuracy }}`."""
    for pattern in NAMED:
        seen: dict[str, str] = {}  # the page's files are named after them, on any file system
        for keys, _ in find(data, pattern):
            name = str(keys[-1])
            first = seen.setdefault(name.lower(), name)
            if not re.fullmatch(NAME, name, re.ASCII):
                fix = "A name is letters, digits and '_', and begins with a letter."
                yield Problem(keys, f"'{name}' is not a name", fix, at="key")
            elif name in RESERVED or name in PAGE_WORDS.get(str(keys[-2]), ()):
                whose = "of Jinja" if name in RESERVED else "that the page uses itself"
                yield Problem(keys, f"'{name}' is a word {whose}, it cannot be a name",
                              "Take another name.", at="key")
            elif first != name:
                yield Problem(keys, f"'{name}' and '{first}' differ in capital letters only",
                              "Take another name.", at="key")


def source_names(data: Plain) -> Iterator[Problem]:
    """Splits, weights and benchmarks name sources that exist."""
    known = list(mapping(data, "data.sources"))
    if not known:
        return
    for pattern in ("data.splits.*.*", "train.blend.*", "train.ablations.*.blend.*"):
        for keys, _ in find(data, pattern):
            if keys[-1] not in known:
                yield unknown(keys, "source", str(keys[-1]), known, key=True)
    for pattern in ("benchmarks.*.sources.*", "data.audit.allow_leakage.*"):
        for keys, name in texts(data, pattern):
            if name not in known:
                yield unknown(keys, "source", name, known)


def worlds(data: Plain) -> Iterator[Problem]:
    """A world that exists."""
    for keys, source in find(data, "data.sources.*"):
        world = value(source, "world")
        if value(source, "kind") == "world" and isinstance(world, str) and world not in WORLD_KNOBS:
            yield unknown((*keys, "world"), "world", world, list(WORLD_KNOBS))


def columns(data: Plain) -> Iterator[Problem]:
    """A table holds pictures or videos."""
    for keys, held in find(data, "data.sources.*.columns"):
        if not isinstance(held, dict):
            continue
        image, video = held.get("image"), held.get("video")
        if image is not None and video is not None:
            yield Problem((*keys, "video"), "a table has pictures or videos, not both",
                          "Remove 'image' or 'video'; make a second source of the other.")
        elif "image" in held and image is None and video is None:
            yield Problem((*keys, "image"), "a table needs a column of pictures or of videos",
                          "Name the column in 'image' or 'video'.")


def shares(data: Plain) -> Iterator[Problem]:
    """The splits take no more of a source than there is."""
    taken: dict[tuple[str, str | None], list[tuple[Keys, float]]] = defaultdict(list)
    for keys, take in find(data, "data.splits.*.*"):
        if isinstance(take, dict) and "rows" not in take:
            continue
        rows = value(take, "rows")
        share = number(value(take, "share", 1.0) if isinstance(take, dict) else take)
        if share is not None:
            name = (str(keys[-1]), rows if isinstance(rows, str) else None)
            taken[name].append((keys, share))
    for (source, rows), parts in taken.items():
        total = sum(share for _, share in parts)
        if total > 1 + 1e-9:
            which = f"'{source}'" if rows is None else f"the rows '{rows}' of '{source}'"
            sums = " + ".join(f"{share:g}" for _, share in parts)
            yield Problem(parts[-1][0], f"the splits take more of {which} than all: {sums}",
                          "Make the shares sum to 1 or less.")
        by_rows = any(name == source and row is not None for name, row in taken)
        kind = value(data, f"data.sources.{source}.kind")
        if rows is None and by_rows and kind in DECLARING:
            fix = "Name the rows in every split, or in none."
            what = f"'{source}' is divided by shares in one split and by declared rows in another"
            yield Problem(parts[-1][0], what, fix)


def declared_rows(data: Plain) -> Iterator[Problem]:
    """Rows can be taken by declared split only if the table declares one."""
    for keys, take in find(data, "data.splits.*.*"):
        source = mapping(data, f"data.sources.{keys[-1]}")
        if not isinstance(take, dict) or "rows" not in take or "kind" not in source:
            continue
        if source["kind"] not in DECLARING:
            yield Problem(keys, f"'{keys[-1]}' is no table, it declares no rows for a split",
                          "Give a share, like 0.1.")
        elif source["kind"] == "table" and not isinstance(value(source, "columns.split"), str):
            yield Problem(keys, f"'{keys[-1]}' does not say which column declares the split",
                          f"Add `split: COLUMN` to 'data.sources.{keys[-1]}.columns'.")


def triples(data: Plain) -> Iterator[Problem]:
    """Triples hold no labels, so nothing can be scored on them."""
    for keys, _ in find(data, "data.splits.*.*"):
        kind = value(data, f"data.sources.{keys[-1]}.kind")
        if kind == "triples" and keys[-2] in ("val", "test"):
            yield Problem(keys, f"'{keys[-1]}' holds triples, which are for training only",
                          "Take it in 'data.splits.train'.", at="key")


def unused(data: Plain) -> Iterator[Problem]:
    """A source that no split takes from is a mistake."""
    if not mapping(data, "data.splits"):
        return
    used = {name for split in SPLITS for name in sources_of(data, split)}
    for keys, _ in find(data, "data.sources.*"):
        if keys[-1] not in used:
            yield Problem(keys, f"no split takes anything from the source '{keys[-1]}'",
                          "Name it in 'data.splits', or remove it.", at="key")


def validation(data: Plain) -> Iterator[Problem]:
    """Checkpoints are chosen on validation samples, never on test."""
    if value(data, "train.method") == "none":
        return
    if mapping(data, "data.splits.train") and not mapping(data, "data.splits.val"):
        yield Problem(("data", "splits", "val"), "there are training samples but none to validate "
                      "on; checkpoints are chosen on 'val'",
                      "Take a part of a source for it, like `val: {NAME: 0.1}`.", at="key")


def stratify(data: Plain) -> Iterator[Problem]:
    """The label of the stratified split exists."""
    label = value(data, "data.stratify")
    held = [labels_of(source) for _, source in find(data, "data.sources.*")]
    known = sorted({name for labels in held for name in labels or ()})
    if isinstance(label, str) and None not in held and label not in known:
        yield unknown(("data", "stratify"), "label", label, known)


def pixels(data: Plain) -> Iterator[Problem]:
    """The smallest size is not above the largest."""
    low = number(value(data, "model.min_pixels", 16_384))
    high = number(value(data, "model.max_pixels", 65_536))
    if low is not None and high is not None and low > high:
        key = "min_pixels" if "min_pixels" in mapping(data, "model") else "max_pixels"
        yield Problem(("model", key), f"'min_pixels' ({low:,.0f}) is above 'max_pixels' "
                      f"({high:,.0f})", "Raise 'max_pixels', or lower 'min_pixels'.")


def remote_code(data: Plain) -> Iterator[Problem]:
    """Foreign code runs only if the recipe says whose."""
    named, base = value(data, "model.remote_code"), value(data, "model.base", "tiny")
    if isinstance(named, str) and isinstance(base, str) and named != base:
        yield Problem(("model", "remote_code"), f"'{named}' is not the base model",
                      f"Write `remote_code: {base}` to run the code that comes with it, or remove "
                      "the key.")


def links(data: Plain) -> Iterator[Problem]:
    """Links lead to the web, to a mailbox, or to a file beside the page."""
    for pattern in ("authors.*.url", "resources.*.url"):
        for keys, url in texts(data, pattern):
            scheme = re.match(r"\s*([A-Za-z][A-Za-z0-9+.-]*):", url)
            if scheme and scheme[1].lower() not in ("http", "https", "mailto"):
                yield Problem(keys, f"'{dotted(keys)}' begins with '{scheme[1]}:'",
                              "A link begins with https:, http: or mailto:.")


DATA_RULES = (
    names, source_names, worlds, columns, shares, declared_rows, triples, unused, validation,
    stratify, pixels, remote_code, links,
)
