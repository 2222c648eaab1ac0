"""Section 5: tables of every checkpoint, and of how the recommended one was found."""

from collections.abc import Mapping
from typing import Any

from recipe_kit.page import about_results, numbers
from recipe_kit.page.about_change import main_comparisons, worth
from recipe_kit.page.context_tasks import plots
from recipe_kit.page.curves import by_step, checkpoint_name, in_pool_order
from recipe_kit.page.markdown import Md, table, text
from recipe_kit.page.plot_kinds import Figure
from recipe_kit.page.prose import below
from recipe_kit.page.study.curve_words import best_of, change_at, change_of
from recipe_kit.page.study.observations import observations
from recipe_kit.page.study.places import Place, places, shown
from recipe_kit.record.schemas import Difference, Record


def results(
    record: Record, prose: Mapping[str, Md], figures: Mapping[str, Figure]
) -> list[dict[str, Any]]:
    """Every benchmark: its plots, its table, and what they show."""
    return [
        {
            "title": Md(f"**{text(_titled(one))}:**"),
            "curve": plots(figures, f"checkpoints.{one.key}"),
            "table": by_checkpoint(record, one),
            "bars": plots(figures, f"checkpoint-categories.{one.key}"),
            "categories": _categories(record, one),
            "observations": observations(
                record, one, below(prose, f"observations.{one.benchmark}")
            ),
        }
        for one in places(record) if change_of(record, one) is not None
    ]


def method(record: Record) -> Md:
    """How before and after were compared, and each checkpoint with the base model."""
    told = about_results.method(record)
    chosen = record.recommendation
    others = sum(one.step > 0 for one in record.checkpoints) - 1
    if chosen is None or chosen.split == "test" or others < 1:
        return told
    return Md(
        f"{told} In the tables of checkpoints, the p-values of all others are multiplied by the "
        "number of checkpoints, since whoever looks at many finds one that is good by chance."
    )


def _titled(one: Place) -> str:
    if one.family == "caption":
        return "BLEU Scores" if one.only else f"BLEU Scores, {one.benchmark}"
    return f"{one.title} Results"


def by_checkpoint(record: Record, one: Place) -> Md:
    """The score of every checkpoint, and what its difference from zero-shot is worth."""
    best = best_of(record, one)
    chosen = record.recommendation.step if record.recommendation else None
    rows = []
    for step, found in by_step(record, one.benchmark, one.task).items():
        metric = found.metrics.get(one.metric)
        change = change_at(record, one, step) if step else None
        marks = [
            *(["best"] if best and step in best.steps else []),
            *(["recommended"] if step == chosen else []),
        ]
        cells = [
            checkpoint_name(step), shown(one, metric),
            numbers.change(change) if change else "–",
            numbers.interval_of_change(one.metric, change.low, change.high) if change else "–",
            _worth(change) if change else "–", ", ".join(marks),
        ]
        bold = bool(marks)
        rows.append([Md(f"**{text(cell)}**") if bold and cell else cell for cell in cells])
    if len(rows) < 2:
        return _two(record, one)
    heads = ["Checkpoint", numbers.title(one.metric), "From zero-shot", "95% interval", "Verdict",
             ""]
    return table(heads, rows, "lrrrll")


def _two(record: Record, one: Place) -> Md:
    """Before and after, where only the best checkpoint was asked."""
    found = change_of(record, one)
    if found is None:
        return Md("")
    row = [
        numbers.title(one.metric), numbers.value(one.metric, found.before),
        numbers.value(one.metric, found.after), numbers.change(found),
        numbers.interval_of_change(one.metric, found.low, found.high), worth(found),
    ]
    heads = ["Metric", "Zero-shot", "Fine-tuned", "Change", "95% interval", "Verdict"]
    return table(heads, [row], "lrrrrl")


def _categories(record: Record, one: Place) -> Md:
    """Categories before and after, in the pool's order, then other slices."""
    compared = main_comparisons(record).get(one.benchmark)
    if compared is None or one.task not in compared.tasks:
        return Md("")
    slices = compared.tasks[one.task].slices
    first = {
        name: slices["category"][name]
        for name in in_pool_order(record, one.benchmark, list(slices.get("category", {})))
    }
    others = {
        f"{kind}: {value}": found
        for kind, values in slices.items()
        if kind not in ("category", "label", "position") and len(values) > 1
        for value, found in values.items()
    }
    rows = [
        [
            name, numbers.num(found.n), numbers.value(found.metric, found.before),
            numbers.value(found.metric, found.after), numbers.change(found),
            numbers.interval_of_change(found.metric, found.low, found.high), _worth(found),
        ]
        for name, found in {**first, **others}.items()
    ]
    chosen = record.recommendation
    after = checkpoint_name(chosen.step) if chosen else "Fine-tuned"
    heads = ["Category", "n", "Zero-shot", after, "Change", "95% interval", "Verdict"]
    return table(heads, rows, "lrrrrrl") if len(rows) > 1 else Md("")


def _worth(found: Difference) -> Md:
    """The verdict, with the p-value that was adjusted for the number of categories."""
    shown = numbers.p_of(found)
    return Md(worth(found) + (f" (p {_bare(shown)})" if shown != "–" else ""))


def _bare(shown: str) -> str:
    return text(shown if shown.startswith("<") else f"= {shown}").replace(" ", "&nbsp;")


def candidates(record: Record) -> Md:
    """How each checkpoint stands by the rule that recommends one."""
    found = record.recommendation
    if found is None or not found.candidates:
        return Md("")
    titles = {f"{one.key}.{one.metric}": one for one in places(record)}
    asked = [key for key in titles if any(key in one.within_one_se for one in found.candidates)]
    rows = []
    for one in found.candidates:
        cells: list[object] = [
            checkpoint_name(one.step), numbers.signed(one.balance, 2),
            *("yes" if one.within_one_se.get(key) else "no" for key in asked),
            "yes" if one.eligible else "no",
        ]
        if one.step == found.step:
            cells = [Md(f"**{text(cell)}**") for cell in cells]
        rows.append(cells)
    heads = [
        "Checkpoint", "Balance", *(f"{titles[key].name} within 1 SE" for key in asked), "Eligible",
    ]
    return table(heads, rows, "lr" + "l" * (len(asked) + 1))


def candidates_note(record: Record) -> Md:
    """What the columns of the candidates' table are."""
    if record.recommendation is None:
        return Md("")
    split = {"val": "validation", "test": "test"}[record.recommendation.split]
    return Md(
        f"Balance is the mean over the metrics of the gain over zero-shot, in standard errors, on "
        f"the {split} split. Eligible are the checkpoints that lie within one standard error (1 "
        "SE) of the best in the most metrics; of these, the one with the best balance is "
        "recommended."
    )


