"""Section 1: what is asked, of which videos, and how answers become scores."""

from collections.abc import Mapping

from recipe_kit.errors import PageError
from recipe_kit.page import numbers
from recipe_kit.page.about_gaps import in_item
from recipe_kit.page.markdown import Md, bullets, code, table, text
from recipe_kit.page.study.places import (
    CAPTION,
    CHOICE,
    Place,
    categories,
    medium,
    places,
    scores_of,
    sources_of,
    videos,
)
from recipe_kit.record.schemas import Construction, Record, SourceFacts
from recipe_kit.spec.problems import suggest

_MANY = 4
"""From so many values on, not all of them are named."""


def requirements(record: Record, said: Mapping[str, Md]) -> Md:
    """Every category with what it covers.

    Raises:
        PageError: The author's words are about a category that no benchmark has.
    """
    asked = {name: one for one in places(record) for name in categories(record, one)}
    wrong = [name for name in said if name not in asked]
    if wrong:
        raise PageError(
            f"there is no category '{wrong[0]}'",
            where=f"{record.recipe} (prose.requirements)", fix=suggest(wrong[0], list(asked)),
        )
    rows = []
    for name, place in asked.items():
        scores = scores_of(record, place)
        metric = scores.slices["category"][name].get(place.metric) if scores else None
        built = record.benchmarks[place.benchmark].construction
        rows.append([
            Md(f"**{text(name)}**"), *([in_item(said.get(name, Md("–")))] if said else []),
            numbers.num(built.categories[name]) if built and name in built.categories else "–",
            numbers.num(metric.n) if metric else "–",
        ])
    pooled = any(facts.construction for facts in record.benchmarks.values())
    kept = [0, *([1] if said else []), *([len(rows[0]) - 2] if rows and pooled else []), -1]
    heads = ["Category", *(["Scope"] if said else []), "In the pool", "Asked"]
    align = "l" * (1 + bool(said)) + "r" * (1 + pooled)
    return table([heads[at] for at in kept], [[row[at] for at in kept] for row in rows], align)


def requirements_sentence(record: Record) -> Md:
    """How many areas the benchmark covers."""
    count = len({name for one in places(record) for name in categories(record, one)})
    if not count:
        return Md("")
    areas = "one area" if count == 1 else f"{numbers.num(count)} areas"
    return Md(f"The benchmark evaluates models in {areas}:")


def dataset(record: Record, said: Mapping[str, Md]) -> Md:
    """Measured facts of the videos that are asked about, and the author's rows."""
    names = list(dict.fromkeys(
        source for one in places(record) for source in sources_of(record, one.benchmark)
        if source in record.data.sources
    ))
    found = {name: record.data.sources[name] for name in names}
    rows: list[list[object]] = [
        [Md(f"**{title}**"), *cells]
        for title, cells in (
            ("Count", [_count(record, name) for name in names]),
            ("Duration", [_duration(one) for one in found.values()]),
            ("Resolution", [_resolution(one) for one in found.values()]),
            ("Encoding", [_encoding(one) for one in found.values()]),
            ("Annotations", [Md(text(one.annotation or "–")) for one in found.values()]),
            ("License", [text(one.license or "–") for one in found.values()]),
        )
        if any(cell != "–" for cell in cells)
    ]
    if len(names) == 1:
        rows += [[Md(f"**{text(title)}**"), in_item(words)] for title, words in said.items()]
        return table(["Specification", "Details"], rows)
    extra = bullets(Md(f"**{text(title)}:** {in_item(words)}") for title, words in said.items())
    return Md(
        table(["Specification", *(code(name) for name in names)], rows)
        + (f"\n{extra}" if said else "")
    )


def _count(record: Record, source: str) -> str:
    alone = [
        videos(record, one) for one in places(record)
        if sources_of(record, one.benchmark) == (source,)
    ]
    facts = record.data.sources[source]
    count = max(alone) if alone else facts.splits.get("test", facts.samples)
    what = facts.media_type if facts.media_type in ("video", "image") else "sample"
    return numbers.counted(count, what)


def _duration(facts: SourceFacts) -> str:
    return f"{span(facts)} per video" if facts.seconds else "–"


def span(facts: SourceFacts) -> str:
    """Shortest to longest video: `5–20 seconds`."""
    if facts.seconds is None:
        return numbers.NOTHING
    low, _, high = (f"{one:.1f}".removesuffix(".0") for one in facts.seconds)
    return f"{low} seconds" if low == high else f"{low}–{high} seconds"


def _resolution(facts: SourceFacts) -> str:
    at = " @" if len(facts.resolutions) == 1 else ", at"
    return size_of(facts) + (f"{at} {rates(facts)} fps" if facts.fps else "")


def rates(facts: SourceFacts) -> str:
    """Frames per second: `30`, or `25 or 30`."""
    found = sorted(facts.fps, key=float)
    return " or ".join(found) if len(found) < _MANY else f"{found[0]} to {found[-1]}"


def size_of(facts: SourceFacts) -> str:
    """The commonest resolutions, with their counts where there are several."""
    found = {size.replace("×", " × "): count for size, count in facts.resolutions.items()}
    if len(found) < 2:
        return "".join(found) or "–"
    shown = [f"{size} ({numbers.num(count)})" for size, count in list(found.items())[: _MANY - 1]]
    more = len(found) - len(shown)
    return ", ".join(shown) + (f" and {more} other sizes" if more > 1 else
                               " and one other size" if more else "")


def _encoding(facts: SourceFacts) -> str:
    if not facts.encodings:
        return "–"
    return ", ".join(facts.encodings)


def methods(record: Record, said: Mapping[str, Md]) -> list[dict[str, Md]]:
    """Every way of scoring: its heading, what it is here, and the author's words."""
    found = []
    for at, one in enumerate(places(record), start=1):
        own = [said[key] for key in (one.method, one.benchmark) if key in said]
        found.append({
            "heading": Md(f"1.{at} {text(one.title)}"),
            "told": Md("\n\n".join(_told(record, one))),
            "said": Md("\n\n".join(own)),
        })
    return found


def _told(record: Record, one: Place) -> list[str]:
    if one.family == CAPTION:
        return [_caption(record, one)]
    return _choice(record, one) if one.family == CHOICE else [_open(record, one)]


def _caption(record: Record, one: Place) -> str:
    task = record.spec["tasks"][one.task]
    scores = scores_of(record, one)
    what = medium(record, one)
    references = len(task["more_labels"]) + 1
    against = (
        f"the annotation {code(task['label'])} as the reference" if references == 1
        else f"up to {references} reference texts"
    )
    how = (
        "the whole corpus at once" if task["bleu"] == "corpus" else "each text, and averaged"
    )
    signature = (
        f" It is computed by sacrebleu, signature {code(scores.signature)}."
        if scores and scores.signature else ""
    )
    return (
        f"BLEU (Bilingual Evaluation Understudy) measures the n-grams that a generated text has in "
        f"common with a reference. Each model is asked “{text(task['prompt'])}” once for each of "
        f"the {numbers.counted(videos(record, one), what)} ({code(one.benchmark)}), and answers "
        f"in at most {numbers.num(task['max_new_tokens'])} tokens. The answer is compared with "
        f"{against}. Scores range from 0 to 1, over {how}; higher means more words in common. Two "
        f"texts that say the same in other words may score low.{signature}"
    )


def _choice(record: Record, one: Place) -> list[str]:
    facts = record.benchmarks[one.benchmark]
    task = record.spec["tasks"][one.task]
    what = medium(record, one)
    built = facts.construction
    options = task.get("options") or ()
    each = f", each with {len(options)} answer choices" if options else ""
    if built is None:
        return [
            f"Multiple-choice VQA gives objective accuracies: **{numbers.num(facts.questions)} "
            f"questions**{each}, about {numbers.counted(videos(record, one), what)} "
            f"({code(one.benchmark)}). {_read(record, one)}"
        ]
    listed = ", ".join(
        f"{text(name)} ({numbers.num(count)})"
        for name, count in sorted(built.categories.items(), key=lambda item: -item[1])
    )
    pool = sum(built.categories.values())
    return [
        f"Multiple-choice VQA gives objective accuracies. The pool has **{numbers.num(pool)} "
        f"questions** in {len(built.categories)} categories{each}: {listed}. "
        f"{_read(record, one)}",
        f"**Construction**: {_constructed(built, what)} The list is frozen; its content hash is "
        f"{code((facts.frozen or facts.digest)[:16])}.",
    ]


def _constructed(built: Construction, what: str) -> str:
    each = built.required + built.sampled
    said = [
        f"For each {what}, up to **{each} questions** are selected: the {built.required} required "
        f"ones, and {built.sampled} drawn at random from the rest of the pool (seed {built.seed}).",
    ]
    if built.vision:
        said.append(
            "Each question is answered by (1) "
            + ("the labels" if built.text in ("", "labels") else text(built.text))
            + f", which sees only the annotations, and (2) {text(built.vision)}, which sees the "
            f"{what}. Of {numbers.num(built.drawn)} question–answer pairs, both gave the same "
            f"answer to {numbers.num(built.agreed)} and contradicted each other in "
            f"{numbers.num(built.contradictions)}. Reviewers kept the answer of "
            f"{numbers.num(built.kept)}, corrected {numbers.num(built.corrected)} and removed "
            f"{numbers.num(built.removed)}."
        )
        if built.undecided:
            said.append(
                f"{numbers.num(built.undecided)} that nobody has decided are left out."
            )
        said.append(f"This leaves **{numbers.num(built.questions)} verified pairs**.")
    else:
        said.append(
            f"The annotations of {numbers.counted(built.videos, what)} answer them, which makes "
            f"**{numbers.num(built.questions)} question–answer pairs**. No second model has "
            f"answered from the {what}s, so none of them was reviewed"
            + (f"; {numbers.num(built.removed)} were removed." if built.removed else ".")
        )
    return " ".join(said)


def _read(record: Record, one: Place) -> str:
    task = record.spec["tasks"][one.task]
    if task.get("answer_by") == "probability":
        return "The answer is the likeliest letter."
    return "The answer is read from the model's text; one that cannot be read counts as wrong."


def _open(record: Record, one: Place) -> str:
    facts, scores = record.benchmarks[one.benchmark], scores_of(record, one)
    what = medium(record, one)
    judge = scores.judge if scores and scores.judge else record.spec["tasks"][one.task]["judge"]
    return (
        f"**{numbers.num(facts.questions)} questions** about "
        f"**{numbers.counted(videos(record, one), what)}** ({code(one.benchmark)}) are answered "
        f"freely. A classifier, {code(judge)}, reads the question, the reference and the answer, "
        "and calls the answer right where its largest logit over the references is above 0; the "
        "score is the share of answers that it calls right."
    )


def intervals(record: Record) -> Md:
    """What the intervals on the page are."""
    used = {
        metric.method for one in places(record)
        if (scores := scores_of(record, one)) for metric in [scores.metrics[one.metric]]
    }
    if not any("group" in one for one in used):
        return Md("Scores stand with their 95% intervals.")
    return Md(
        "Scores stand with their 95% intervals. Where several questions are about one video, whole "
        "videos are drawn for the interval (bootstrap), since such questions are not independent."
    )
