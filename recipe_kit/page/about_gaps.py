"""Gaps of the base model: where it is weak, ranked, and what became of each."""

from collections.abc import Mapping, Sequence

from recipe_kit.page import numbers, words
from recipe_kit.page.about_change import task_name
from recipe_kit.page.markdown import Md, code, table, text
from recipe_kit.record.schemas import Gap, Record

SHOWN = 8  # gaps that are listed; the record holds all of them


def gaps(record: Record, said: Mapping[str, Md]) -> Md:
    """The largest gaps first, each with its interval and the author's words.

    Args:
        record: The record.
        said: The author's words on a gap, by `<dimension>.<value>`.
    """
    if not record.gaps:
        return Md(
            "No category, position or other slice of the results lies below the overall score or "
            "below a target.\n"
        )
    named = [f"{gap.dimension}.{gap.value}" for gap in record.gaps]
    # A gap that the author writes about is listed however small it is.
    listed = [
        gap for at, gap in enumerate(record.gaps) if at < SHOWN or named[at] in said
    ]
    items = "".join(
        f"- **Gap {at}:** {_gap(record, gap, said)}\n" for at, gap in enumerate(listed, start=1)
    )
    items = (
        "Slices of the zero-shot results that lie below the overall score or the target, the "
        f"farthest below first{_position(listed)}:\n\n{items}"
    )
    left = len(record.gaps) - len(listed)
    if left:
        items += (
            f"\n{numbers.num(left)} smaller gap{'s are' if left > 1 else ' is'} listed in "
            "[record.json](assets/record.json).\n"
        )
    return Md(items)


def _position(listed: Sequence[Gap]) -> str:
    shown = any(gap.dimension == "position" for gap in listed)
    return " (`position` is the letter of the right answer)" if shown else ""


def place(record: Record, gap: Gap) -> str:
    """Where a gap is: category `near`, after the task's name where there are several."""
    where = f"{text(gap.dimension)} {code(gap.value)}"
    if sum(len(facts.tasks) for facts in record.benchmarks.values()) == 1:
        return where
    return f"{task_name(record, gap.benchmark, gap.task)}, {where}"


def _gap(record: Record, gap: Gap, said: Mapping[str, Md]) -> str:
    accuracy = gap.metric
    bar = "overall score" if gap.bar == "overall" else "target"
    doubt = (
        "" if gap.sure else f"; the interval reaches the {bar}, so this one may be noise"
    )
    own = said.get(f"{gap.dimension}.{gap.value}")
    return (
        f"{place(record, gap)}: {numbers.pct(accuracy.value)} correct (95% interval "
        f"{numbers.metric_interval('accuracy', accuracy)}, n = {numbers.num(accuracy.n)}), "
        f"{_points(gap.shortfall)} below the {bar} of {_bar(gap)}{doubt}."
        + (f" {in_item(own)}" if own else "")
    )


def _bar(gap: Gap) -> str:
    if gap.bar == "target":
        return numbers.threshold("accuracy", gap.threshold)
    return numbers.pct(gap.threshold)


def _points(value: float) -> str:
    return numbers.points(value).removeprefix("+")


def in_item(said: str) -> Md:
    """Words of several paragraphs, indented so that they stay in their list item."""
    first, *rest = said.split("\n")
    return Md("\n".join([first, *(f"    {line}" if line.strip() else "" for line in rest)]))


def addressed(record: Record) -> Md:
    """What became of each gap after training; empty when nothing was trained."""
    heads = words.columns(record)
    rows = [
        [
            Md(place(record, gap)), numbers.num(gap.metric.n), numbers.pct(gap.metric.value),
            numbers.pct(gap.after.value),
            numbers.metric_interval("accuracy", gap.after),
            f"≥ {_bar(gap)}",
            "yes" if gap.closed else Md("**no**"),
        ]
        for gap in record.gaps[:SHOWN]
        if gap.after is not None
    ]
    headers = [
        "Gap", "n", heads["base"], heads.get("tuned", ""), "95% interval", "Wanted", "Closed"
    ]
    return table(headers, rows, "lrrrrrl")


def addressed_sentence(record: Record) -> Md:
    """How many of the gaps were closed."""
    judged = [gap for gap in record.gaps if gap.closed is not None]
    if not judged:
        return Md("")
    closed = sum(bool(gap.closed) for gap in judged)
    every = len(judged)
    if every == 1:
        return Md(f"The gap was {'closed' if closed else '**not** closed'}.")
    if closed == every:
        said = f"All {numbers.num(every)} gaps were closed."
    else:
        said = (
            f"{numbers.num(closed) if closed else 'None'} of the {numbers.num(every)} gaps "
            f"{'was' if closed < 2 else 'were'} closed."
        )
    return Md(said + (f" The largest {SHOWN} are shown." if every > SHOWN else ""))
