"""What the page says about the samples: rows, facts, balance, audit, training data."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from recipe_kit.page import numbers, words
from recipe_kit.page.markdown import Md, as_json, bullets, code, fence, media, table, text
from recipe_kit.record.schemas import AuditResult, Record, SourceFacts

SPLITS = ("train", "val", "test")


def dataset_rows(record: Record) -> Md:
    """The seed's dataset structure table, with real samples and their pictures."""
    tasks = words.tasks(record)
    examples = [one for one in record.examples if one.kind == "sample"] or list(record.examples)
    rows = []
    for example in examples[:12]:
        task = tasks.get(words.task_of(example.question))
        options = words.parts_of(example.prompt)[1]
        label = options.get(example.reference) or (
            task.label_of(example.reference) if task else example.reference
        )
        name = PurePosixPath(words.sample_of(example.question)).name
        rows.append(
            [
                Md(f"{media(example.media, f'{name}: {label}', 72)} {code(name)}"),
                label,
                example.category or "–",
                example.source,
            ]
        )
    return table(["Image / Video", "Label", "Category", "Source"], rows)


def sources(record: Record) -> Md:
    """Measured facts of every source."""
    rows = [
        [
            code(name),
            _kind(facts, record.spec["data"]["sources"].get(name, {})),
            *(numbers.num(facts.splits.get(split, 0)) for split in SPLITS),
            _counts(facts.resolutions),
            _counts(facts.encodings) + f", {numbers.size(facts.bytes)}",
            facts.license or "–",
        ]
        for name, facts in record.data.sources.items()
    ]
    headers = ["Source", "What", "Train", "Val", "Test", "Resolution", "Encoding", "License"]
    return table(headers, rows, "llrrrlll")


def credits_of(record: Record) -> Md:
    """Who made the pictures of which source."""
    return bullets(
        Md(f"{code(name)}: {text(facts.credit)}")
        for name, facts in record.data.sources.items()
        if facts.credit
    )


def _kind(facts: SourceFacts, spec: dict[str, Any]) -> str:
    if facts.kind == "world":
        return f"drawn ({spec.get('world', 'world')} world, seed {spec.get('seed', 0)})"
    what = "videos" if facts.media_type == "video" else "images"
    return f"{facts.kind} of {what}"


def _counts(found: dict[str, int]) -> str:
    """The most frequent values; counts only where there is more than one."""
    if len(found) < 2:
        return ", ".join(found) or "–"
    shown = [f"{value} ({numbers.num(count)})" for value, count in list(found.items())[:3]]
    more = len(found) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def balance(record: Record) -> Md:
    """How often each value of the labels that tasks ask about occurs in each split."""
    asked = dict.fromkeys(
        task.label for task in words.tasks(record).values() if not task.pooled and task.choices
    )
    counted = record.data.audit.balance
    rows = []
    for label in asked:
        found = [counted.get(split, {}).get(label, {}) for split in SPLITS]
        values = sorted({value for one in found for value in one})
        counts = [" / ".join(numbers.num(one.get(value, 0)) for value in values) for one in found]
        rows.append([code(label), " / ".join(values) or "–", *counts])
    return table(["Label", "Values", "Train", "Val", "Test"], rows, "llrrr")


def audit(record: Record) -> Md:
    """What the audit found, one line for each check."""
    found = record.data.audit
    rows: list[list[object]] = [
        ["Exact duplicates across splits", numbers.num(found.exact_across_splits)],
        [
            f"Near duplicates across splits (perceptual hash, distance ≤ "
            f"{found.near_duplicate_distance} of 64 bits)",
            numbers.num(found.near_across_splits),
        ],
        ["Groups parted by a split", numbers.num(found.groups_across_splits)],
        ["Unreadable files", numbers.num(len(found.unreadable))],
    ]
    for task, metric in found.majority.items():
        shown = f"{numbers.pct(metric.value)} (n = {numbers.num(metric.n)})"
        rows.append([Md(f"Always giving the commonest answer to {code(task)}"), shown])
    return table(["Check", "Result"], rows, "lr")


def audit_notes(record: Record) -> Md:
    """Accepted leakage, duplicates and unreadable files, by name."""
    return bullets(_audit_notes(record.data.audit))


def _audit_notes(found: AuditResult) -> Iterator[Md]:
    if found.allowed_leakage:
        names = words.names_of(found.allowed_leakage)
        yield Md(f"**Known leakage:** duplicates of {names} across splits were accepted by name.")
    for pair in found.duplicates[:5]:
        yield Md(
            f"{pair.kind.capitalize()} duplicate: {code(pair.first)} ({pair.first_split}) and "
            f"{code(pair.second)} ({pair.second_split})"
        )
    if len(found.duplicates) > 5:
        yield Md(f"… and {len(found.duplicates) - 5} more pairs, in `assets/record.json`")
    for file in found.unreadable[:5]:
        yield Md(f"Left out: {code(file.sample)} — {text(file.reason)}")
    if len(found.unreadable) > 5:
        yield Md(f"… and {len(found.unreadable) - 5} more unreadable files")


def guidelines(record: Record) -> Md:
    """The seed's two guidelines, with the labels and categories that there are."""
    truths = []
    for task in words.tasks(record).values():
        if task.pooled or not task.choices:
            continue
        values = task.options or tuple(task.label_of(choice) for choice in task.choices)
        shown = " / ".join(f"“{text(value)}”" for value in values)
        truths.append(Md(f"{shown} ({code(task.label)})"))
    categories: dict[str, int] = {}
    for facts in record.data.sources.values():
        for category, count in facts.categories.items():
            categories[category] = categories.get(category, 0) + count
    items = [Md("Clear ground truth: " + "; ".join(truths))] if truths else []
    if categories:
        shown = ", ".join(f"{text(name)} ({numbers.num(n)})" for name, n in categories.items())
        items.append(Md(f"Include edge cases; samples per category: {shown}"))
    return bullets(items)


def training_sources(record: Record) -> Md:
    """Training samples of the main training, by source, and how they were blended."""
    training = next((one for one in record.training if one.role == "tuned"), None)
    if training is None:
        return Md("")
    rows = [
        [
            code(name),
            facts.kind if (facts := record.data.sources.get(name.partition("/")[0])) else "–",
            numbers.num(count),
            numbers.pct(training.drawn.get(name)),
        ]
        for name, count in training.samples.items()
    ]
    return table(["Source", "Kind", "Samples", "Share of what was drawn"], rows, "llrr")


def triple(record: Record) -> Md:
    """One training example in the seed's format."""
    for training in record.training:
        if training.triple:
            return fence(as_json(training.triple), "json", "Training sample")
    return Md("")


def layout(record: Record) -> Md:
    """Where the files of each training source are, as a tree."""
    used = {name.partition("/")[0] for training in record.training for name in training.samples}
    found = []
    for name, spec in record.spec["data"]["sources"].items():
        if name not in used:
            continue
        if spec["kind"] == "world":
            found.append(f"{name + '/':<25}drawn from the seed, kept in the cache")
            found.append(f"├── {'*.png':<21}media")
            found.append(f"└── {'labels':<21}true by construction")
            continue
        path = PurePosixPath(spec["path"])
        pictures = spec.get("media") or str(path.parent)
        found.append(f"{path.parent}/")
        rows = (
            "one example each: image_path, prompt, target"
            if spec["kind"] == "triples"
            else "one row for each sample: media, labels, category, split"
        )
        found.append(f"├── {path.name:<21}{rows}")
        if PurePosixPath(pictures) != path.parent:
            found.append(f"└── {PurePosixPath(pictures).name + '/':<21}media")
    return fence("\n".join(found), "text", "Dataset folders") if found else Md("")


def knobs(record: Record) -> Md:
    """Domain randomization of the synthetic sources."""
    return bullets(
        Md(
            f"{code(name)}: "
            + " · ".join(f"{code(knob)} {text(value)}" for knob, value in spec["randomize"].items())
        )
        for name, spec in record.spec["data"]["sources"].items()
        if spec["kind"] == "world" and spec["randomize"]
    )
