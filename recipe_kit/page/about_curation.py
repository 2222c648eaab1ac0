"""What the page says about the training data: measured facts, shares, overlap, commands."""

import shlex
from collections import Counter

from recipe_kit.page import numbers
from recipe_kit.page.about_run import commands_of, recipe_file
from recipe_kit.page.markdown import Md, bullets, code, fold, link, media, table, text
from recipe_kit.paths import templates_dir
from recipe_kit.record.schemas import Record, SourceFacts
from recipe_kit.spec.tasks import TEXT_TASKS, labels_in

LOADER = "llava_loader.py"  # in the folder of the templates
_SHOWN = 4  # values of a fact that are named one by one


def used(record: Record) -> dict[str, SourceFacts]:
    """The sources that training samples come from; all of them if nothing was trained."""
    named = next((one.samples for one in record.training if one.role == "tuned"), None)
    if named is None:
        named = {name: one.splits["train"] for name, one in record.data.sources.items()
                 if one.splits.get("train")}
    # A source with parts is trained on as `source/part`.
    sources = {name.partition("/")[0] for name in named}
    found = {name: facts for name, facts in record.data.sources.items() if name in sources}
    return found or dict(record.data.sources)


def training_samples(record: Record) -> int:
    """How many samples the model was trained on; if it was not, how many there are for it."""
    training = next((one for one in record.training if one.role == "tuned"), None)
    if training is None:
        return record.data.splits.get("train", 0)
    return sum(training.samples.values())


def facts(record: Record, said: Md) -> Md:
    """The seed's list of facts about the training data, measured.

    Args:
        record: The record.
        said: The author's words on what the samples show.
    """
    sources = used(record).values()
    kinds = sorted({one.media_type for one in sources})
    count = training_samples(record)
    items = [
        ("Input type", text(" and ".join(kinds))),
        ("Resolution", _counted([one.resolutions for one in sources], " px")),
        ("Encoding", _counted([one.encodings for one in sources])),
        ("Length", _length(tuple(sources), count)),
        ("FPS", _fps(tuple(sources))),
        ("Caption/Annotation", text(_annotation(tuple(sources)))),
        ("Size on disk", text(numbers.size(sum(one.bytes for one in sources)))),
    ]
    if said or record.contact_sheets:
        what = "category" if _by_category(record) else "label"
        shown = f"samples of each {what} are shown below" if record.contact_sheets else ""
        items.append(("Sample contents", said or Md(shown)))
    return bullets(Md(f"**{name}:** {fact}") for name, fact in items)


def _counted(every: list[dict[str, int]], unit: str = "") -> Md:
    """Values with their counts, the most frequent first; no counts where there is one value."""
    total: Counter[str] = Counter()
    for one in every:
        total.update(one)
    if not total:
        return Md("not measured")
    if len(total) == 1:
        return text(f"{next(iter(total))}{unit}")
    shown = [
        f"{value}{unit} ({numbers.num(count)})" for value, count in total.most_common(_SHOWN)
    ]
    more = len(total) - len(shown)
    return text(", ".join(shown) + (f" and {more} more" if more else ""))


def _length(sources: tuple[SourceFacts, ...], count: int) -> Md:
    timed = [(one.seconds, one.samples) for one in sources if one.seconds is not None]
    kinds = {one.media_type for one in sources}
    what = "images and video" if len(kinds) > 1 else kinds.pop()
    said = f"{numbers.counted(count, what)} for training"
    if timed:
        every = sum(n for _, n in timed) or 1
        mean = sum(seconds[1] * n for seconds, n in timed) / every
        low, high = min(s[0] for s, _ in timed), max(s[2] for s, _ in timed)
        said += f"; videos of {mean:.1f} s on average ({low:.1f}–{high:.1f} s)"
    return text(said)


def _fps(sources: tuple[SourceFacts, ...]) -> Md:
    if all(one.media_type == "image" for one in sources):
        return Md("not applicable (images)")
    return _counted([one.fps for one in sources if one.fps])


def _annotation(sources: tuple[SourceFacts, ...]) -> str:
    said = list(dict.fromkeys(one.annotation for one in sources if one.annotation))
    return "; ".join(said) or "labels from which each question's answer follows"


def shares(record: Record) -> Md:
    """The sources of the training data, with share and license."""
    training = next((one for one in record.training if one.role == "tuned"), None)
    rows: list[list[object]] = []
    for name, facts_of in used(record).items():
        spec = record.spec["data"]["sources"].get(name, {})
        what = (
            f"drawn by the {spec.get('world', '')} world (seed {spec.get('seed', 0)})"
            if facts_of.kind == "world"
            else facts_of.credit or facts_of.kind
        )
        own = [key for key in training.samples if key.partition("/")[0] == name] if training else []
        count = facts_of.splits.get("train", 0)
        drawn = None
        if training:
            count = sum(training.samples[key] for key in own)
            drawn = sum(training.drawn.get(key, 0.0) for key in own)
        rows.append([
            code(name), what, numbers.num(count),
            *([numbers.pct(drawn)] if training else []), facts_of.license or "not stated",
        ])
    share = ["Share of training"] if training else []
    headers = ["Source", "What it is", "Training samples", *share, "License"]
    return table(headers, rows, "llr" + "r" * len(share) + "l")


def overlap(record: Record) -> Md:
    """Whether training and test share anything, in a sentence."""
    audit = record.data.audit
    exact, near, groups = (
        audit.exact_across_splits, audit.near_across_splits, audit.groups_across_splits
    )
    if not (exact or near or groups):
        return Md(
            "**Train/test overlap:** none. No picture of one split occurs in another, not even "
            f"nearly (perceptual hashes at most {audit.near_duplicate_distance} of 64 bits "
            "apart), and no group of samples is parted by a split."
        )
    counted = [
        f"{numbers.num(count)} {what}{'s' if count != 1 else ''}"
        for count, what in (
            (exact, "exact duplicate"), (near, "near duplicate"), (groups, "parted group")
        )
        if count
    ]
    return Md(
        f"**Train/test overlap:** {' and '.join(counted)} across splits, listed below; scores on "
        "such samples are no test of new ones."
    )


def sheets(record: Record) -> Md:
    """A contact sheet of samples for each label, or category."""
    what = "Samples of the category" if _by_category(record) else "Samples with the label"
    return Md("\n".join(
        f"{what} {code(value)}:\n\n{media(file, f'{what} {value}', 640)}\n"
        for value, file in record.contact_sheets.items()
    ))


def _by_category(record: Record) -> bool:
    """Whether the samples have no label in common: each has options or a text of its own."""
    first = next(iter(record.spec["tasks"].values()))
    return first["type"] in TEXT_TASKS or any(map(labels_in, first.get("options", ())))


def commands(record: Record) -> Md:
    """The commands that check and prepare the data."""
    file = shlex.quote(recipe_file(record))
    kinds = {source["kind"] for source in record.spec["data"]["sources"].values()}
    steps: list[tuple[str, str]] = []
    if kinds - {"world"}:
        where = "where paths begin; without it, at the recipe"
        steps.append(("export RECIPE_DATA=path/to/data", where))
    steps += [
        (f"recipe validate {file}", "check the recipe, its sources and their columns"),
        (f"recipe plan {file}", "list the stages, and what is there already"),
    ]
    return commands_of(steps, "Prepare the data")


def loader_sentence(record: Record) -> Md:
    """Where the training data lies for other tools, and what reads it; empty without training."""
    if not record.loader:
        return Md("")
    script = link(record.loader, f"assets/{record.loader}")
    return Md(
        "The run feeds training samples straight from their sources. For other tools, the same "
        f"data is written as LLaVA JSON too; {script}, which needs nothing of recipe_kit, loads "
        "it as messages for a model's processor."
    )


def loader() -> Md:
    """The script that loads the training data in LLaVA JSON."""
    source = (templates_dir() / LOADER).read_text(encoding="utf-8")
    return fold(f"Data loader: {LOADER}", source, "python")
