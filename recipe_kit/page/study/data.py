"""Section 3: the training data, source by source, with an annotated clip of each."""

import math
from collections.abc import Mapping
from urllib.parse import quote

from recipe_kit.page import numbers
from recipe_kit.page.about_gaps import in_item
from recipe_kit.page.markdown import Md, code, fence, table, text
from recipe_kit.page.study.benchmark import rates, size_of, span
from recipe_kit.page.study.places import joined
from recipe_kit.record.schemas import AnnotationExample, Record, SourceFacts, TrainingResult

WIDTH = 800
"""Width of a video on the page, in CSS pixels."""
LONGEST = 400
"""Longest training target that is shown without unfolding, in characters."""
WORLD = "world"
"""Kind of a source whose clips are drawn."""
GRID = 10
"""Most clips on a side of the training grid."""
_TITLES = {
    "human": "Human-Annotated Captions",
    "cv": "Computer Vision Auto-Captioned Data",
    "reasoning": "Reasoning SFT Data",
}
# What a program drew and annotated is not called the work of people.
_DRAWN = {
    "human": "Drawn Clips with Captions",
    "cv": "Drawn Clips with Events",
    "reasoning": "Drawn Clips with Reasoning",
}
_HOLDS = {
    "human": "Each clip has a form with its conditions, rules, critical objects and a caption.",
    "cv": "Each clip has an event: the reasoning about it, and its effect on the ego vehicle.",
    "reasoning": "Each clip has an answer with the reasoning before it, and notices with their "
    "times.",
}
_EXAMPLES = {
    "human": "Human Annotation", "cv": "CV-Generated Annotation",
    "reasoning": "Reasoning SFT Annotation",
}
_DRAWN_EXAMPLES = {
    "human": "Human-Format Annotation", "cv": "CV-Format Annotation",
    "reasoning": "Reasoning SFT Annotation",
}
_PARTS = {"human": "Human-Labeled", "cv": "CV-Labeled", "reasoning": "Reasoning SFT"}
_DRAWN_PARTS = {"human": "Human format", "cv": "CV format", "reasoning": "Reasoning SFT"}


def parts(record: Record) -> list[tuple[str, str, SourceFacts]]:
    """Every source that is trained on, or each part of it: source, part, facts of the source."""
    return [
        (name, part, facts)
        for name, facts in record.data.sources.items() if facts.splits.get("train")
        for part in (facts.parts or {"": facts.samples})
    ]


def count_sentence(record: Record) -> Md:
    """How many sources the training data comes from."""
    count = len(parts(record))
    sources = "one source" if count == 1 else f"{numbers.num(count)} sources"
    return Md(f"Training data comes from {sources}:")


def sources(record: Record, said: Mapping[str, Md]) -> list[dict[str, Md]]:
    """A heading and a text for each source."""
    found = []
    for at, (name, part, facts) in enumerate(parts(record), start=1):
        key = part or name
        kind = facts.formats.get(part, "")
        titles = _DRAWN if facts.kind == WORLD else _TITLES
        title = said.get(f"{key}.title") or text(titles.get(kind) or key)
        words = [said[f"{key}.text"]] if f"{key}.text" in said else []
        found.append({
            "heading": Md(f"Source {at}: {in_item(title)}"),
            "text": Md("\n\n".join([*words, _holds(record, name, part, facts, own=bool(words))])),
        })
    return found


def _holds(record: Record, name: str, part: str, facts: SourceFacts, *, own: bool) -> str:
    count = facts.parts.get(part, facts.samples)
    what = "clip" if facts.media_type == "video" else "sample"
    told = [f"{numbers.counted(count, what)} ({code(part or name)})"]
    if part in facts.weights:
        told.append(f"drawn in training with a weight of {numbers.pct(facts.weights[part], 0)}")
    if facts.kind == WORLD:
        told.append("rendered, and annotated by the program that drew them")
    holds = _HOLDS.get(facts.formats.get(part, ""), "")
    return f"{'; '.join(told)}." + (f" {holds}" if holds and not own else "")


def annotations(record: Record) -> Md:
    """An annotated clip of each source: the video, and the JSON to unfold."""
    return Md("\n".join(
        f"**{_example_title(record, one)} Example:**\n\n{_clip(record, one)}"
        f"{_unfold('Click to expand annotation JSON', fence(one.annotation, 'json'))}\n"
        f"{_trained_on(one)}"
        for one in record.annotations
    ))


def _example_title(record: Record, one: AnnotationExample) -> str:
    facts = record.data.sources.get(one.source)
    return (_DRAWN_EXAMPLES if facts and facts.kind == WORLD else _EXAMPLES)[one.format]


def _clip(record: Record, one: AnnotationExample) -> str:
    """The video; nothing where it could not be made small enough."""
    return f"{video(one.video, _width(record, one.source))}\n" if one.video else ""


def _trained_on(one: AnnotationExample) -> str:
    """What is asked and answered in training; a long answer is to be unfolded."""
    answer = fence(one.target, "text")
    if len(one.target) <= LONGEST:
        return f"In training, “{text(one.prompt)}” is answered with:\n\n{answer}"
    return _unfold(f"Click to expand what training answers to “{text(one.prompt)}”", answer)


def _unfold(title: str, block: Md) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{block}\n</details>\n"


def _width(record: Record, source: str) -> int:
    """Width of a video on the page: small clips are not blown up to the full width."""
    facts = record.data.sources.get(source)
    sizes = list(facts.resolutions) if facts else []
    wide = max((int(one.partition("×")[0]) for one in sizes), default=WIDTH)
    return WIDTH if wide >= WIDTH // 2 else WIDTH // 2


def video(file: str, width: int = WIDTH) -> Md:
    """A video with its controls, as the seed has it."""
    return Md(
        f'<video controls width="{width}">\n  <source src="assets/{quote(file)}" '
        'type="video/mp4">\n</video>\n'
    )


def summary(record: Record) -> Md:
    """The seed's dataset summary, with what was really drawn."""
    training = _main(record)
    rows: list[list[object]] = []
    weighted = any(facts.weights for _, _, facts in parts(record))
    for name, part, facts in parts(record):
        labels = _DRAWN_PARTS if facts.kind == WORLD else _PARTS
        label = labels.get(facts.formats.get(part, ""))
        title = f"{label} ({code(part)})" if label else code(part or name)
        key = f"{name}/{part}" if part else name
        rows.append([
            Md(title), numbers.num(facts.parts.get(part, facts.samples)),
            *([numbers.pct(facts.weights.get(part), 0)] if weighted else []),
            *([_number(training.samples, key, name), numbers.pct(_share(training, key, name))]
              if training else []),
        ])
    every = sum(facts.parts.get(part, facts.samples) for _, part, facts in parts(record))
    bold = [Md("**Total**"), Md(f"**{numbers.num(every)}**")]
    total: list[object] = [*bold, *(["–"] if weighted else [])]
    if training:
        trained = numbers.num(sum(training.samples.values()))
        total += [Md(f"**{trained}**"), Md("**100.0%**")]
    heads = ["Data Source", "Samples", *(["Weight"] if weighted else []),
             *(["In the training split", "Share of what was drawn"] if training else [])]
    return table(heads, [*rows, total], "l" + "r" * (len(heads) - 1))


def _number(found: Mapping[str, int], key: str, name: str) -> str:
    return numbers.num(found.get(key, found.get(name, 0)))


def _share(training: TrainingResult, key: str, name: str) -> float | None:
    return training.drawn.get(key, training.drawn.get(name))


def specification(record: Record) -> Md:
    """Length, size and resolution of the training clips, measured."""
    told = []
    every = {name: facts for name, _, facts in parts(record)}
    for name, facts in every.items():
        files = sum(facts.resolutions.values()) or facts.samples or 1
        said = [
            *([f"{span(facts)} per clip"] if facts.seconds else []),
            f"{numbers.size(round(facts.bytes / files))} average size",
            size_of(facts), *([f"{rates(facts)} fps"] if facts.fps else []),
        ]
        told.append((f"{code(name)}: " if len(every) > 1 else "") + ", ".join(said))
    kind = "Video" if any(one.media_type == "video" for one in every.values()) else "Media"
    return Md(f"**{kind} specifications**: {'; '.join(told)}.") if told else Md("")


def weights_sentence(record: Record) -> Md:
    """How the sources are blended, if they are."""
    said = []
    for name, facts in record.data.sources.items():
        if facts.weights and facts.splits.get("train"):
            shares = joined([
                f"{numbers.pct(share, 0)} {code(part)}" for part, share in facts.weights.items()
            ])
            said.append(
                f"The `weights` of {code(name)} balance quality and coverage: {shares} of what is "
                "drawn in an epoch, however large each part is."
            )
    return Md(" ".join(said))


def grid(record: Record) -> Md:
    """Many training clips at once."""
    if not record.training_grid:
        return Md("")
    clips = sum(
        facts.splits.get("train", 0) for facts in record.data.sources.values()
        if facts.media_type == "video"
    )
    side = max(1, min(GRID, math.isqrt(clips)))
    return Md(
        f"**Training Data Preview** ({side}×{side} random sample from the training dataset):\n\n"
        f"{video(record.training_grid)}"
    )


def _main(record: Record) -> TrainingResult | None:
    return next((one for one in record.training if one.role == "tuned"), None)
