"""The names of scores, of changes, and of what was decided from them."""

from collections.abc import Iterator
from typing import Final

from recipe_kit.errors import PageError
from recipe_kit.page import numbers
from recipe_kit.page.named import Entry, identifier, identifiers, of_difference, of_metric
from recipe_kit.page.names_checkpoints import of_per_video
from recipe_kit.record.schemas import (
    Comparison,
    EvaluationResult,
    Record,
    TaskComparison,
    TaskScores,
)

_OWN: Final = ("change", "pool", "primary", "questions", "samples")
_BASELINES: Final = {
    "chance": "accuracy of guessing",
    "majority": "accuracy of always giving the commonest answer",
    "always_first": "accuracy of always giving the first option",
    "blind": "accuracy with the pictures blanked",
}


def of_evaluation(record: Record, evaluation: EvaluationResult) -> Iterator[Entry]:
    """Scores of one model on one benchmark: `floor.base.cracked.accuracy`.

    Raises:
        PageError: An ablation has a name that the page itself uses.
    """
    path = f"{evaluation.benchmark}.{identifier(evaluation.role)}"
    if evaluation.role in _OWN:
        raise PageError(
            f"the ablation '{evaluation.role}' has a name that the page uses itself",
            where=f"{record.recipe} (train.ablations.{evaluation.role})",
            fix=f"name it otherwise than {', '.join(_OWN)}.",
        )
    primary = record.benchmarks[evaluation.benchmark].primary
    who = f"by the {evaluation.role} model"
    if primary in evaluation.tasks:
        yield from _of_scores(path, evaluation.tasks[primary], f"{primary} {who}")
    for task, scores in evaluation.tasks.items():
        yield from _of_scores(f"{path}.{task}", scores, f"{task} {who}")


def _of_scores(path: str, scores: TaskScores, what: str) -> Iterator[Entry]:
    for name, metric in scores.metrics.items():
        yield from of_metric(f"{path}.{name}", name, metric, f"{numbers.title(name)} of {what}")
    yield from of_per_video(path, scores, what)
    for name, metric in scores.baselines.items():
        yield from of_metric(
            f"{path}.{name}", "accuracy", metric, f"{_BASELINES.get(name, name)}, beside {what}"
        )
    if "blind" in scores.baselines:
        yield f"{path}.answerable_blind", scores.answerable_blind, (
            f"whether the questions can be answered without looking: {what}"
        )
    for name, reading in scores.readings.items():
        how = "by the likeliest letter" if name == "probability" else f"by the parser '{name}'"
        yield from of_metric(
            f"{path}.{name}", "accuracy", reading.accuracy, f"accuracy of {what}, read {how}"
        )
        yield f"{path}.{name}.differs", reading.differs, (
            f"answers of {what} that are another when read {how}"
        )
    answered = sum(scores.positions.values())
    for letter, count in scores.positions.items():
        yield f"{path}.positions.{letter}", count, f"answers '{letter}': {what}"
        if answered:
            yield f"{path}.positions.{letter}.share", count / answered, (
                f"share of the answers that are '{letter}': {what}"
            )
    for letter, count in scores.reference_positions.items():
        yield f"{path}.reference_positions.{letter}", count, (
            f"questions whose right answer is '{letter}': {what}"
        )
    for kind, values in scores.slices.items():
        parts = identifiers(values)
        for value, metrics in values.items():
            for name, metric in metrics.items():
                yield from of_metric(
                    f"{path}.{identifier(kind)}.{parts[value]}.{name}", name, metric,
                    f"{numbers.title(name)} of {what}, {kind} {value}",
                )


def of_comparison(record: Record, comparison: Comparison) -> Iterator[Entry]:
    """Changes on one benchmark: `floor.change.cracked.accuracy`."""
    if comparison.before != "base":
        return
    change = "change" if comparison.after == "tuned" else f"{identifier(comparison.after)}_change"
    path = f"{comparison.benchmark}.{change}"
    primary = record.benchmarks[comparison.benchmark].primary
    yield f"{path}.checkpoints", comparison.checkpoints, (
        "checkpoints among which the compared one was chosen"
    )
    yield f"{path}.chosen_here", comparison.chosen_here, (
        "whether it was chosen on the same questions"
    )
    if primary in comparison.tasks:
        yield from _of_task_comparison(path, comparison.tasks[primary], primary)
    for task, compared in comparison.tasks.items():
        yield from _of_task_comparison(f"{path}.{task}", compared, task)


def _of_task_comparison(path: str, compared: TaskComparison, task: str) -> Iterator[Entry]:
    for name, difference in compared.differences.items():
        what = f"change of {numbers.title(name)} of {task}"
        yield from of_difference(f"{path}.{name}", difference, what)
    for kind, values in compared.slices.items():
        parts = identifiers(values)
        for value, difference in values.items():
            what = f"change of {numbers.title(difference.metric)} of {task}, {kind} {value}"
            name = f"{path}.{identifier(kind)}.{parts[value]}.{difference.metric}"
            yield from of_difference(name, difference, what)
    yield f"{path}.fixed", compared.fixed, f"answers to {task}: wrong before, right after"
    yield f"{path}.broken", compared.broken, f"answers to {task}: right before, wrong after"
    yield f"{path}.both_right", compared.both_right, f"answers to {task}: right before and after"
    yield f"{path}.both_wrong", compared.both_wrong, f"answers to {task}: wrong before and after"
    yield f"{path}.mcnemar_p", compared.mcnemar_p, f"McNemar's exact p-value of {task}"


def of_gaps(record: Record) -> Iterator[Entry]:
    """What the base model is weak at: `gaps.floor.cracked.category.ambiguous.accuracy`."""
    yield "gaps", len(record.gaps), "gaps of the base model"
    parts = {
        one: identifiers(dict.fromkeys(
            gap.value for gap in record.gaps
            if (gap.benchmark, gap.task, gap.dimension) == one
        ))
        for one in {(gap.benchmark, gap.task, gap.dimension) for gap in record.gaps}
    }
    for gap in record.gaps:
        part = parts[gap.benchmark, gap.task, gap.dimension][gap.value]
        path = f"gaps.{gap.benchmark}.{gap.task}.{identifier(gap.dimension)}.{part}"
        what = f"{gap.task}, {gap.dimension} {gap.value}"
        yield from of_metric(
            f"{path}.accuracy", "accuracy", gap.metric, f"accuracy of the base model, {what}"
        )
        bar = "overall accuracy" if gap.bar == "overall" else "target"
        yield f"{path}.threshold", gap.threshold, f"{bar} that it lies below: {what}"
        yield f"{path}.shortfall", gap.shortfall, f"how far below the {bar}: {what}"
        yield f"{path}.sure", gap.sure, f"whether the whole interval lies below: {what}"
        if gap.after is not None:
            yield from of_metric(
                f"{path}.after", "accuracy", gap.after,
                f"accuracy of the fine-tuned model, {what}",
            )
        if gap.closed is not None:
            yield f"{path}.closed", gap.closed, f"whether fine-tuning closed the gap: {what}"


def of_criteria(record: Record) -> Iterator[Entry]:
    """What had to be reached, and whether it was: `success.left_right.verdict`."""
    for one in record.criteria:
        path = f"success.{identifier(one.name)}"
        where = f", category {one.category}" if one.category else ""
        what = f"{numbers.in_a_sentence(one.metric)} of {one.task}{where}"
        yield f"{path}.verdict", one.verdict, f"met, not met or undecided: {what}"
        yield f"{path}.threshold", one.threshold, f"goal, {one.comparison}: {what}"
        yield from of_metric(f"{path}.before", one.metric, one.before, f"base model's {what}")
        if one.after is not None:
            yield from of_metric(
                f"{path}.after", one.metric, one.after, f"fine-tuned model's {what}"
            )
