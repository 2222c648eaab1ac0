"""Which plots a page has, what they show, and their alt texts; drawn by `page.plots`."""

from collections.abc import Iterator
from dataclasses import replace

from recipe_kit.page import numbers, words
from recipe_kit.page.curves import study_figures
from recipe_kit.page.named import identifier
from recipe_kit.page.plot_kinds import (
    ConfusionPlot,
    CoveragePlot,
    CurvesPlot,
    Figure,
    PositionsPlot,
    ReliabilityPlot,
    SlicesPlot,
)
from recipe_kit.record.schemas import Confusion, EvaluationResult, Metric, Record, TaskScores

ROLES = ("base", "tuned")
MOST_SLICES = 12  # that a plot has room for; a table has them all


def figures(record: Record) -> dict[str, Figure]:
    """Every plot of the page, by the name that the page's template knows it by."""
    found = dict(_training_figures(record))
    if record.spec.get("profile") == "benchmark-study":
        return found | dict(study_figures(record))
    for benchmark, facts in record.benchmarks.items():
        for task in facts.tasks:
            found.update(_task_figures(record, benchmark, task))
        found.update(_uncertainty_figures(record, benchmark, facts.primary))
    titles = role_titles(record)
    return {key: replace(figure, roles=titles) for key, figure in found.items()}


def role_titles(record: Record) -> dict[str, str]:
    """What plots call the two models: `Base model`, and `Fine-tuned` or `Post-trained model`."""
    return {"base": "Base model", "tuned": words.trained_model(record).capitalize()}


def evaluations(record: Record, benchmark: str) -> dict[str, EvaluationResult]:
    """The evaluations of one benchmark, by role, base first."""
    return {
        found.role: found for found in record.evaluations if found.benchmark == benchmark
    }


def main_scores(record: Record, benchmark: str, task: str) -> dict[str, TaskScores]:
    """One task's scores of the base model and, where there is one, of the fine-tuned model."""
    return {
        role: found.tasks[task]
        for role, found in evaluations(record, benchmark).items()
        if role in ROLES and task in found.tasks
    }


def _training_figures(record: Record) -> Iterator[tuple[str, Figure]]:
    for training in record.training:
        if training.role != "tuned" or not (training.curve or training.validations):
            continue
        best = next((line for line in training.validations if line.best), None)
        told = (
            f" The best validation is at step {best.step}: loss {best.val_loss:.3f}, "
            f"accuracy {numbers.pct(best.val_accuracy)}."
            if best
            else ""
        )
        shown = [("loss", "Loss"), ("accuracy", "Validation accuracy")]
        if not any(line.val_n for line in training.validations):
            shown.pop()  # where only texts are learned, nothing is right or wrong
            told = ""
        for what, title in shown:
            alt = f"Training curve over {training.steps} steps: {title.lower()}.{told}"
            plot = CurvesPlot(title, what, training.curve, training.validations)
            yield f"training.{what}", Figure(f"training-{what}.svg", alt, 360, plot)


def _task_figures(record: Record, benchmark: str, task: str) -> Iterator[tuple[str, Figure]]:
    scores = main_scores(record, benchmark, task)
    name = f"{identifier(benchmark)}-{identifier(task)}".lower()
    key = f"{benchmark}.{task}"
    titles = role_titles(record)
    for role, found in scores.items():
        if not found.confusion.labels:
            continue  # texts
        alt = f"Confusion matrix of the {titles[role].lower()} on {task}: "
        yield f"confusion.{role}.{key}", Figure(
            f"confusion-{name}-{role}.svg",
            alt + _confusion_in_words(found.confusion) + ".",
            320,
            ConfusionPlot(titles[role], found.confusion),
        )
    for kind in dimensions(scores):
        slices = slices_of(scores, kind)
        if 1 < len(slices) <= MOST_SLICES:
            told = "; ".join(
                _slice_in_words(value, roles, titles) for value, roles in slices.items()
            )
            file = identifier(kind).lower()
            yield f"{kind}.{key}", Figure(
                f"{'' if kind in ('category', 'source') else 'by-'}{file}-{name}.svg",
                f"Accuracy on {task} by {kind}, with 95% intervals: {told}.",
                400,
                SlicesPlot(f"Accuracy by {kind}", slices),
            )
    yield from _positions_figure(scores, titles, task, name, key)


def _positions_figure(
    scores: dict[str, TaskScores], titles: dict[str, str], task: str, name: str, key: str
) -> Iterator[tuple[str, Figure]]:
    answered = {role: found.positions for role, found in scores.items() if found.positions}
    if not answered:
        return
    right = next(found.reference_positions for found in scores.values() if found.positions)
    told = [f"right: {_counts_in_words(right)}"]
    told += [
        f"{titles[role].lower()}: {_counts_in_words(counts)}"
        for role, counts in answered.items()
    ]
    yield f"positions.{key}", Figure(
        f"positions-{name}.svg",
        f"How often each answer to {task} is right and is given. {'; '.join(told)}.",
        400,
        PositionsPlot("Answers by position", right, answered),
    )


def _counts_in_words(counts: dict[str, int]) -> str:
    return ", ".join(f"{letter} {numbers.num(count)}" for letter, count in counts.items())


def _uncertainty_figures(
    record: Record, benchmark: str, task: str
) -> Iterator[tuple[str, Figure]]:
    scores = main_scores(record, benchmark, task)
    name = f"{identifier(benchmark)}-{identifier(task)}".lower()
    key = f"{benchmark}.{task}"
    if any(found.reliability for found in scores.values()):
        titles = role_titles(record)
        told = "; ".join(_ece(titles[role], found) for role, found in scores.items())
        yield f"reliability.{key}", Figure(
            f"reliability-{name}.svg",
            f"Reliability diagram of {task}: accuracy over confidence. {told}.",
            360,
            ReliabilityPlot(
                "Reliability", {role: found.reliability for role, found in scores.items()}
            ),
        )
    if any(found.risk_coverage for found in scores.values()):
        yield f"coverage.{key}", Figure(
            f"risk-coverage-{name}.svg",
            f"Risk–coverage curve of {task}: error among the most confident answers.",
            360,
            CoveragePlot(
                "Risk–coverage", {role: found.risk_coverage for role, found in scores.items()}
            ),
        )


def dimensions(scores: dict[str, TaskScores]) -> list[str]:
    """What results are sliced by, category and source first; the truth itself is left out."""
    every = dict.fromkeys(kind for found in scores.values() for kind in found.slices)
    first = [kind for kind in ("category", "source") if kind in every]
    return first + [kind for kind in every if kind not in (*first, "label")]


def slices_of(scores: dict[str, TaskScores], kind: str) -> dict[str, dict[str, Metric]]:
    """Accuracy of each slice and role; only slices that have an accuracy."""
    found: dict[str, dict[str, Metric]] = {}
    for role, task in scores.items():
        for value, metrics in task.slices.get(kind, {}).items():
            if metrics.get("accuracy") is not None:
                found.setdefault(value, {})[role] = metrics["accuracy"]
    return found


def _confusion_in_words(confusion: Confusion) -> str:
    parts = []
    for label, row in zip(confusion.labels, confusion.counts, strict=True):
        right = row[confusion.columns.index(label)] if label in confusion.columns else 0
        parts.append(f"{right} of {sum(row)} with the answer {label} right")
    return ", ".join(parts)


def _ece(title: str, scores: TaskScores) -> str:
    found = scores.metrics.get("ece")
    shown = numbers.value("ece", found.value) if found else numbers.NOTHING
    return f"{title}: calibration error {shown}"


def _slice_in_words(value: str, roles: dict[str, Metric], titles: dict[str, str]) -> str:
    told = ", ".join(
        f"{titles[role].lower()} {numbers.pct(metric.value)}" for role, metric in roles.items()
    )
    return f"{value}: {told}"
