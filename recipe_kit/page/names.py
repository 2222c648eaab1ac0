"""The names by which prose takes its numbers from the record.

`benchmark.role.task.metric` is a number with `.value .n .low .high`; without the task it is the
primary task's. `names` lists every one of them; `tree` is the same as nested objects for Jinja.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from recipe_kit.errors import PageError
from recipe_kit.page import numbers
from recipe_kit.record.schemas import (
    Comparison,
    Difference,
    EvaluationResult,
    Metric,
    Record,
    TaskComparison,
    TaskScores,
    TrainingResult,
)

RESERVED: Final = ("ablations", "data", "fine_tuned", "gate", "model", "regressions", "training")
_OWN: Final = ("change", "primary", "questions", "samples")

Plain = str | int | float | bool | None


@dataclass(frozen=True)
class Number:
    """A metric or a difference, as a filter of the page needs it."""

    metric: str
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    is_change: bool = False

    def __str__(self) -> str:
        if self.is_change:
            return numbers.change_of(self.metric, self.value)
        return numbers.value(self.metric, self.value)


Value = Plain | Number


@dataclass(frozen=True)
class Node:
    """Names below a name; itself a value where the name is one (`value` of the metric)."""

    path: str
    children: "dict[str, Node | Value]" = field(default_factory=dict)

    def __str__(self) -> str:
        if "" not in self.children:
            raise TypeError(f"'{self.path}' is not a number")
        return str(self.children[""])


def names(record: Record) -> dict[str, tuple[Value, str]]:
    """Every name that prose can use, with its value and what it is.

    Raises:
        PageError: A benchmark has a name that the page itself uses.
    """
    found: dict[str, tuple[Value, str]] = {}
    for name, value, definition in _entries(record):
        found[name] = (value, definition)
    return found


def tree(record: Record) -> Node:
    """The same names, nested for Jinja."""
    root = Node("")
    for name, (value, _) in names(record).items():
        *parents, last = name.split(".")
        node = root
        for depth, part in enumerate(parents):
            below = node.children.get(part)
            if not isinstance(below, Node):
                below = Node(".".join(parents[: depth + 1]), {} if below is None else {"": below})
                node.children[part] = below
            node = below
        known = node.children.get(last)
        if isinstance(known, Node):
            known.children[""] = value
        else:
            node.children[last] = value
    return root


def identifier(value: str) -> str:
    """A label, category or source as a part of a name: `not cracked` becomes `not_cracked`."""
    plain = re.sub(r"\W+", "_", value).strip("_")
    return f"_{plain}" if plain[:1].isdigit() else plain or "_"


Entry = tuple[str, Value, str]


def _entries(record: Record) -> Iterator[Entry]:
    yield from _of_model(record)
    yield from _of_data(record)
    yield from _of_gate(record)
    for name, facts in record.benchmarks.items():
        if name in RESERVED:
            raise PageError(
                f"the benchmark '{name}' has a name that the page uses itself",
                where=f"{record.recipe} (benchmarks.{name})",
                fix=f"name it otherwise than {', '.join(RESERVED)}.",
            )
        yield f"{name}.questions", facts.questions, "questions of the benchmark"
        yield f"{name}.samples", facts.samples, "samples of the benchmark"
        yield f"{name}.primary", facts.primary, "task of the headline numbers"
    for evaluation in record.evaluations:
        yield from _of_evaluation(record, evaluation)
    for comparison in record.comparisons:
        yield from _of_comparison(record, comparison)
    yield "fine_tuned", bool(record.training), "whether the model was fine-tuned"
    yield "regressions", len(regressions(record)), "things that got worse, of all tasks"
    for training in record.training:
        main = training.role == "tuned"
        path = "training" if main else f"ablations.{identifier(training.role)}"
        yield from _of_training(path, training)


def regressions(record: Record) -> list[str]:
    """Where fine-tuning made something worse: one key for each regression of the main model."""
    return [
        f"{item.benchmark}/{item.task}/{item.where}/{item.metric}"
        for comparison in record.comparisons
        if comparison.after == "tuned"
        for item in comparison.regressions
    ]


def _of_model(record: Record) -> Iterator[Entry]:
    yield "model.name", record.model.name, "the model, as the spec names it"
    yield "model.title", record.model.title, "the model's name on the page"
    yield "model.parameters", record.model.parameters, "parameters of the model"


def _of_data(record: Record) -> Iterator[Entry]:
    data = record.data
    for split, count in data.splits.items():
        yield f"data.{split}", count, f"samples of the {split} split"
    yield "data.samples", sum(data.splits.values()), "samples of all splits"
    yield "data.exact_duplicates", data.audit.exact_across_splits, "exact duplicates across splits"
    yield "data.near_duplicates", data.audit.near_across_splits, "near duplicates across splits"
    for task, metric in data.audit.majority.items():
        what = f"accuracy of always giving the commonest answer to {task}"
        yield from _metric(f"data.majority.{task}.accuracy", "accuracy", metric, what)
    for source, facts in data.sources.items():
        path = f"data.sources.{identifier(source)}"
        yield f"{path}.samples", facts.samples, f"samples of the source {source}"
        for split, count in facts.splits.items():
            yield f"{path}.{split}", count, f"samples of {source} in the {split} split"
        for category, count in facts.categories.items():
            yield (
                f"{path}.categories.{identifier(category)}", count,
                f"samples of {source} in the category {category}",
            )


def _of_gate(record: Record) -> Iterator[Entry]:
    yield "gate.enough", record.gate.enough, "whether the base model was enough"
    for target in record.gate.targets:
        path = f"gate.{target.task}.{target.metric}"
        yield f"{path}.threshold", target.threshold, f"target, {target.comparison}"
        yield f"{path}.met", target.met, "whether the base model met the target"
        yield f"{path}.score", target.score.value, "score of the base model"


def _of_evaluation(record: Record, evaluation: EvaluationResult) -> Iterator[Entry]:
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
        yield from _metric(f"{path}.{name}", name, metric, f"{numbers.title(name)} of {what}")
    for kind, values in scores.slices.items():
        for value, metrics in values.items():
            for name, metric in metrics.items():
                yield from _metric(
                    f"{path}.{kind}.{identifier(value)}.{name}", name, metric,
                    f"{numbers.title(name)} of {what}, {kind} {value}",
                )


def _of_comparison(record: Record, comparison: Comparison) -> Iterator[Entry]:
    if comparison.before != "base":
        return
    change = "change" if comparison.after == "tuned" else f"{identifier(comparison.after)}_change"
    path = f"{comparison.benchmark}.{change}"
    primary = record.benchmarks[comparison.benchmark].primary
    if primary in comparison.tasks:
        yield from _of_task_comparison(path, comparison.tasks[primary], primary)
    for task, compared in comparison.tasks.items():
        yield from _of_task_comparison(f"{path}.{task}", compared, task)


def _of_task_comparison(path: str, compared: TaskComparison, task: str) -> Iterator[Entry]:
    for name, difference in compared.differences.items():
        what = f"change of {numbers.title(name)} of {task}"
        yield from _difference(f"{path}.{name}", difference, what)
    for kind, values in compared.slices.items():
        for value, difference in values.items():
            what = f"change of {numbers.title(difference.metric)} of {task}, {kind} {value}"
            name = f"{path}.{kind}.{identifier(value)}.{difference.metric}"
            yield from _difference(name, difference, what)
    yield f"{path}.fixed", compared.fixed, f"answers to {task}: wrong before, right after"
    yield f"{path}.broken", compared.broken, f"answers to {task}: right before, wrong after"
    yield f"{path}.both_right", compared.both_right, f"answers to {task}: right before and after"
    yield f"{path}.both_wrong", compared.both_wrong, f"answers to {task}: wrong before and after"
    yield f"{path}.mcnemar_p", compared.mcnemar_p, f"McNemar's exact p-value of {task}"


def _metric(path: str, name: str, found: Metric, what: str) -> Iterator[Entry]:
    yield path, Number(name, found.value, found.n, found.low, found.high), what
    yield f"{path}.value", found.value, what
    yield f"{path}.n", found.n, f"answers that it is computed from: {what}"
    yield f"{path}.low", found.low, f"low end of the 95% interval: {what}"
    yield f"{path}.high", found.high, f"high end of the 95% interval: {what}"


def _difference(path: str, found: Difference, what: str) -> Iterator[Entry]:
    number = Number(found.metric, found.difference, found.n, found.low, found.high, is_change=True)
    yield path, number, what
    yield f"{path}.value", found.difference, what
    yield f"{path}.before", found.before, f"before: {what}"
    yield f"{path}.after", found.after, f"after: {what}"
    yield f"{path}.n", found.n, f"answers that it is computed from: {what}"
    yield f"{path}.low", found.low, f"low end of the 95% interval: {what}"
    yield f"{path}.high", found.high, f"high end of the 95% interval: {what}"


def _of_training(path: str, training: TrainingResult) -> Iterator[Entry]:
    yield f"{path}.method", training.method, "method of training"
    yield f"{path}.steps", training.steps, "optimizer steps"
    yield f"{path}.planned_steps", training.planned_steps, "optimizer steps planned"
    yield f"{path}.epochs", training.epochs, "passes over the training samples"
    yield f"{path}.samples", sum(training.samples.values()), "training samples"
    yield f"{path}.questions", training.questions, "training questions in an epoch"
    yield f"{path}.parameters", training.parameters, "parameters of the model"
    yield f"{path}.trainable_parameters", training.trainable_parameters, "parameters trained"
    yield f"{path}.seconds", training.seconds, "time of training in seconds"
    yield f"{path}.best_step", training.best_step, "step of the chosen checkpoint"
    yield f"{path}.stopped", training.stopped, "why training ended"
    for source, count in training.samples.items():
        what = f"training samples of {source}"
        yield f"{path}.sources.{identifier(source)}", count, what
    best = next((line for line in training.validations if line.best), None)
    if best is not None:
        yield f"{path}.best_epoch", best.epoch, "epoch of the chosen checkpoint"
        yield f"{path}.best_val_accuracy", best.val_accuracy, "its validation accuracy"
        yield f"{path}.best_val_loss", best.val_loss, "its validation loss"
