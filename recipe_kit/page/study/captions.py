"""Before and after in words: each caption beside its video, with what it shares with the truth."""

from collections.abc import Mapping

from recipe_kit.page import numbers, words
from recipe_kit.page.about_gaps import in_item
from recipe_kit.page.markdown import Md, clean, media, text
from recipe_kit.page.ngrams import matched_spans
from recipe_kit.record.schemas import Example, Record

LONGEST = 700  # of a caption, in characters
_TITLES = {
    "higher": "Closer to the reference", "lower": "Farther from the reference",
    "lowest": "Farthest from the reference", "fixed": "Fixed", "broken": "Broken",
    "wrong in both": "Wrong in both", "least confident": "Least confident", "sample": "Sample",
}
_NOTE = (
    "<mark>Marked</mark> are runs of two words or more that the reference has as well, as BLEU "
    "counts them."
)


def is_caption(record: Record, example: Example) -> bool:
    """Whether the answer is a text that is compared by BLEU."""
    task = record.spec["tasks"].get(words.task_of(example.question), {})
    return bool(task.get("type") == "caption")


def captions(record: Record, said: Mapping[str, Md]) -> Md:
    """Every caption example with its video, the reference, and the texts before and after.

    Args:
        record: The record.
        said: The author's words on an example, by the question's id.
    """
    chosen = [
        one for one in record.examples
        if one.kind != "sample" and is_caption(record, one)
    ]
    if not chosen:
        return Md("")
    blocks = "\n".join(_example(record, one, said) for one in chosen)
    return Md(f"{_NOTE}\n\n{blocks}")


def _example(record: Record, one: Example, said: Mapping[str, Md]) -> str:
    name = words.sample_of(one.question)
    references = one.references or (one.reference,)
    rows: list[tuple[str, str, float | None]] = [
        ("Reference", " / ".join(text(_cut(reference)) for reference in references), None)
    ]
    if one.before is not None:
        rows.append(("Zero-shot", marked(one.before, references), one.before_score))
    if one.after is not None:
        rows.append(("Fine-tuned", marked(one.after, references), one.after_score))
    told = "".join(
        f"<p><b>{who}</b>{_score(score)}<br>{shown}</p>" for who, shown, score in rows
    )
    own = said.get(one.question)
    title = _TITLES.get(one.kind, one.kind)
    shown_media = media(one.video or one.media, f"{title}: {name}", 340)
    return (
        f"**{title}** (`{name}`)" + (f": {in_item(own)}" if own else "") + "\n\n"
        '<div style="display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start">\n'
        f'<div style="flex: 0 1 340px">{shown_media}</div>\n'
        f'<div style="flex: 1 1 320px; font-size: 0.9em">{told}</div>\n'
        "</div>\n"
    )


def _score(score: float | None) -> str:
    return "" if score is None else f" (BLEU {numbers.num(score, 3)})"


def marked(said: str, references: tuple[str, ...]) -> str:
    """A text with what it shares with a reference marked, as HTML."""
    short = _cut(clean(said))
    if not short:
        return "<i>nothing was said</i>"
    shown, at = [], 0
    for start, end in matched_spans(short, references):
        shown += [_kept(short[at:start]), f"<mark>{text(short[start:end])}</mark>"]
        at = end
    return "".join([*shown, _kept(short[at:])])


def _cut(said: str) -> str:
    """A text on one line, without the end of a long one."""
    line = " ".join(said.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rsplit(' ', 1)[0]} …"


def _kept(part: str) -> str:
    """A piece amid a text, with the spaces at its ends."""
    inner = part.strip()
    if not inner:
        return part
    before = part[: len(part) - len(part.lstrip())]
    return f"{before}{text(inner)}{part[len(part.rstrip()):]}"
