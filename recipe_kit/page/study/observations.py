"""Section 5: what each metric's curve shows, and what all of them say together."""

from collections.abc import Mapping

from recipe_kit.page import numbers
from recipe_kit.page.about_change import main_comparisons
from recipe_kit.page.about_gaps import in_item
from recipe_kit.page.curves import by_step, checkpoint_name
from recipe_kit.page.markdown import Md, bullets, code, text
from recipe_kit.page.study.curve_words import (
    best_of,
    change_of,
    dynamics,
    gain,
    names,
    overfitting,
    peak,
    peak_change,
    spread,
    trained_steps,
)
from recipe_kit.page.study.places import Place, joined, places, sources_of
from recipe_kit.record.schemas import Metric, Record


def observations(record: Record, one: Place, said: Mapping[str, Md]) -> Md:
    """The list of key observations of one benchmark; the author's come last.

    Args:
        record: The record.
        one: The place.
        said: The author's observations of this benchmark, by their numbers.
    """
    found = [
        peak(record, one) or _change(record, one), spread(record, one), dynamics(record, one),
        overfitting(record, one), category_range(record, one), regressions(record, one),
        divergence(record, one), generalization(record, one),
    ]
    return bullets([*(item for item in found if item), *map(in_item, said.values())])


def _change(record: Record, one: Place) -> Md:
    found = change_of(record, one)
    if found is None:
        return Md("")
    return Md(
        f"**Change**: {numbers.title(one.metric)} went from "
        f"{numbers.value(one.metric, found.before)} to {numbers.value(one.metric, found.after)} "
        f"({gain(found)})."
    )


def focus(record: Record) -> int | None:
    """The step whose categories are told: the recommended one, or that of the training."""
    if record.recommendation is not None:
        return record.recommendation.step
    return None


def at_focus(record: Record, one: Place) -> dict[str, Metric]:
    """Accuracy of each category at the recommended checkpoint, the highest first."""
    step = focus(record)
    found = by_step(record, one.benchmark, one.task).get(step) if step is not None else None
    if found is None:
        return {}
    known = {name: metric for name, metric in found.categories.items() if metric.value is not None}
    return dict(sorted(known.items(), key=lambda item: -(item[1].value or 0)))


def category_range(record: Record, one: Place) -> Md:
    """The easiest and the hardest category at the recommended checkpoint."""
    ranked = at_focus(record, one)
    if len(ranked) < 2:
        return Md("")
    (best, high), (worst, low) = next(iter(ranked.items())), list(ranked.items())[-1]
    return Md(
        f"**Category Range**: At {checkpoint_name(focus(record) or 0)}, accuracy lies between "
        f"{numbers.pct(low.value)} and {numbers.pct(high.value)}, with {text(worst)} the most "
        f"challenging ({_history(record, one, worst)}) and {text(best)} the strongest "
        f"({_history(record, one, best)})."
    )


def _history(record: Record, one: Place, category: str) -> str:
    found = {
        step: scores.categories[category].value or 0.0
        for step, scores in by_step(record, one.benchmark, one.task).items()
        if category in scores.categories
    }
    trained = {step: value for step, value in found.items() if step}
    top = max(trained, key=lambda step: trained[step])
    return (
        f"baseline {numbers.pct(found.get(0))}, peak {numbers.pct(trained[top])} at "
        f"{checkpoint_name(top)}"
    )


def regressions(record: Record, one: Place) -> Md:
    """What is worse than zero-shot at the recommended checkpoint."""
    compared = main_comparisons(record).get(one.benchmark)
    if compared is None or one.task not in compared.tasks:
        return Md("")
    worse = [item for item in compared.regressions if item.task == one.task]
    if not worse:
        kinds = compared.tasks[one.task].slices
        return Md(
            "**Regressions**: None" + (", in no category or other slice." if kinds else ".")
        )
    told = [
        f"{text(item.where)} ({numbers.value(item.metric, item.before)} → "
        f"{numbers.value(item.metric, item.after)}, "
        f"{'**beyond noise**' if item.significant else 'within noise'})"
        for item in worse[:5]
    ]
    more = f"; {len(worse) - 5} more are in [record.json](assets/record.json)" if worse[5:] else ""
    verb = "is" if len(worse) == 1 else "are"
    return Md(f"**Regressions**: Worse than zero-shot {verb} {joined(told)}{more}.")


def divergence(record: Record, one: Place) -> Md:
    """Whether this metric peaks elsewhere than the headline metric."""
    first = places(record)
    main = next((p for p in first if p.benchmark == next(iter(record.benchmarks))), None)
    if main is None or main == one:
        return Md("")
    own, other = best_of(record, one), best_of(record, main)
    if own is None or other is None or set(own.steps) & set(other.steps):
        return Md("")
    near = _near(record, one, other.steps)
    tail = (
        f"; on the split that checkpoints are chosen on, {names(near)} still "
        f"{'lies' if len(near) == 1 else 'lie'} within one standard error of the best score"
        if near else ", so one checkpoint does not serve all metrics best"
    )
    return Md(
        f"**Checkpoint Divergence**: Unlike {text(main.name)}, which {_peaks(other.steps)}, "
        f"{text(one.name)} {_peaks(own.steps)}{tail}."
    )


def _peaks(steps: tuple[int, ...]) -> str:
    return "is best zero-shot" if 0 in steps else f"peaks at {names(steps)}"


def _near(record: Record, one: Place, steps: tuple[int, ...]) -> list[int]:
    if record.recommendation is None:
        return []
    key = f"{one.key}.{one.metric}"
    return [
        found.step for found in record.recommendation.candidates
        if found.step in steps and found.step and found.within_one_se.get(key)
    ]


def generalization(record: Record, one: Place) -> Md:
    """Whether a benchmark of sources that were not trained on got better."""
    found = change_of(record, one)
    trained = set(record.spec["data"]["splits"]["train"])
    if found is None or set(sources_of(record, one.benchmark)) & trained:
        return Md("")
    step = focus(record)
    where = f" at {checkpoint_name(step)}" if step else ""
    told = {
        None: f"the change{where} ({numbers.change(found)}) is within noise, which shows no "
        "generalization",
        True: f"the gain{where} ({numbers.change(found)}, beyond noise) holds for data that the "
        "model was not trained on",
        False: f"the score fell{where} ({numbers.change(found)}, beyond noise): what was learned "
        "does not carry over",
    }[found.better]
    return Md(f"**Generalization**: No source of this benchmark was trained on; {told}.")


def summary(record: Record, said: list[Md]) -> Md:
    """The summary of all metrics, at the recommended checkpoint."""
    found = [_success(record), _optimal(record), *_rankings(record), _course(record),
             _worse(record), recommendation(record)]
    return Md(
        bullets(item for item in found if item) + bullets(in_item(one) for one in said)
    )


def _success(record: Record) -> Md:
    changes = {one: change for one in places(record) if (change := change_of(record, one))}
    if not changes:
        return Md("")
    groups: dict[bool | None, list[str]] = {True: [], None: [], False: []}
    for one, change in changes.items():
        shown = numbers.change(change)
        if one.metric == "bleu" and change.before:
            shown += f", {numbers.relative(change.before, change.after)}"
        groups[change.better].append(f"{text(one.name)} ({shown})")
    step = focus(record)
    where = f"At {checkpoint_name(step)}, " if step else ""
    said = [
        f"{where}{_improving(len(groups[True]), len(changes))} over the zero-shot baseline beyond "
        f"noise: {joined(groups[True])}"
        if groups[True] else f"{where}no metric improves over the zero-shot baseline beyond noise"
    ]
    if groups[None]:
        said.append(f"within noise: {joined(groups[None])}")
    if groups[False]:
        said.append(f"**worse, beyond noise**: {joined(groups[False])}")
    title = "Fine-Tuning Success" if groups[True] and not groups[False] else "Fine-Tuning"
    joint = "; ".join(said)
    return Md(f"**{title}**: {joint[0].upper()}{joint[1:]}.")


def _improving(count: int, every: int) -> str:
    """How many metrics got better: `both metrics improve`, `1 of 3 metrics improves`."""
    if count < every:
        return f"{count} of {every} metrics {'improves' if count == 1 else 'improve'}"
    return {1: "the metric improves", 2: "both metrics improve"}.get(
        every, f"all {every} metrics improve"
    )


def _optimal(record: Record) -> Md:
    lines = []
    for one in places(record):
        best = best_of(record, one)
        if best is None:
            continue
        trained = [step for step in best.steps if step]
        shown = " & ".join(map(str, trained)) if trained else ""
        who = f"ckpt-{shown}" if trained else "zero-shot"
        sure = not trained or peak_change(record, one, best).better
        doubt = "" if sure else "; within noise of zero-shot"
        lines.append(
            f"    - **{who}**: best for {text(one.name)} "
            f"({numbers.value(one.metric, best.value)}{doubt})"
        )
    return Md("**Optimal Checkpoints**:\n" + "\n".join(lines)) if lines else Md("")


def _rankings(record: Record) -> list[Md]:
    found = []
    for one in places(record):
        ranked = list(at_focus(record, one).items())
        if len(ranked) < 2:
            continue
        last = len(ranked) - 1
        shown = " > ".join(
            f"{text(name)} ({'strongest, ' if at == 0 else 'most challenging, ' * (at == last)}"
            f"{numbers.pct(metric.value)})"
            for at, (name, metric) in enumerate(ranked)
        )
        found.append(Md(
            f"**Category Performance**: At {checkpoint_name(focus(record) or 0)}, "
            f"{text(one.name)} shows: {shown}."
        ))
    return found


def _course(record: Record) -> Md:
    """When the metrics peak, and whether longer training hurt."""
    peaks = sorted({step for best in record.best for step in best.steps if step})
    last = max(trained_steps(record), default=0)
    if not peaks:
        return Md("")
    early = names(peaks) if len(peaks) < 3 else f"ckpt-{peaks[0]} to ckpt-{peaks[-1]}"
    differ = len({best.steps for best in record.best if any(best.steps)}) > 1
    which = ", depending on the metric" if differ else ""
    lost = [one for one in record.overfitting if one.significant and one.split == "test"]
    named = joined([
        f"{text(_name(record, one.benchmark, one.task))} falls to "
        f"{numbers.value(one.metric, one.difference.after)} by {checkpoint_name(one.last_step)}"
        for one in lost
    ])
    told = (
        f", with over-fitting beyond noise after that: {named}" if lost
        else "" if peaks == [last] else
        f"; no metric falls from its peak to ckpt-{last} beyond noise"
    )
    unhelped = joined([
        str(text(_name(record, best.benchmark, best.task))) for best in record.best
        if 0 in best.steps
    ])
    rest = f"; {unhelped} is best zero-shot" if unhelped else ""
    return Md(f"**Training Dynamics**: Performance peaks at {early}{which}{told}{rest}.")


def _name(record: Record, benchmark: str, task: str) -> str:
    return next(
        (one.name for one in places(record) if (one.benchmark, one.task) == (benchmark, task)),
        benchmark,
    )


def _worse(record: Record) -> Md:
    every = [item for one in main_comparisons(record).values() for item in one.regressions]
    sure = [item for item in every if item.significant]
    if not every:
        return Md("**Regressions**: Nothing is worse than zero-shot, overall or in any slice.")
    if len(every) == 1:
        beyond = "beyond noise" if sure else "within noise"
    else:
        beyond = f"{len(sure)} of them beyond noise" if sure else "all within noise"
    count = numbers.counted(len(every), "score")
    return Md(
        f"**Regressions**: {count} {'lies' if len(every) == 1 else 'lie'} below zero-shot, "
        f"{beyond}"
        + (": " + joined([f"{text(one.where)} of {code(one.benchmark)}" for one in sure])
           if sure else "") + "."
    )


def recommendation(record: Record) -> Md:
    """The recommended checkpoint, and the rule that chose it."""
    found = record.recommendation
    if found is None:
        return Md("")
    warned = "" if found.split == "val" else (
        " **It was chosen on the test questions themselves**, so its scores are no test of new "
        "ones."
    )
    return Md(
        f"**Recommended Checkpoint**: **{checkpoint_name(found.step)}**.{warned} "
        f"{text(found.rule).rstrip('.')}."
    )


