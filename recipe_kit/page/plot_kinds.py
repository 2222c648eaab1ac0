"""Kinds of plots: what each of them shows, as data; drawn by `page.plots`."""

from dataclasses import dataclass, field

from recipe_kit.record.schemas import (
    Confusion,
    CoveragePoint,
    LossPoint,
    Metric,
    ReliabilityBin,
    Validation,
)


@dataclass(frozen=True)
class Figure:
    """One plot: its file in `assets/`, what it says in words, and its width in CSS pixels."""

    file: str
    alt: str
    width: int
    content: (
        "ConfusionPlot | ReliabilityPlot | CoveragePlot | SlicesPlot | CurvesPlot | PositionsPlot"
        " | CheckpointsPlot | StepBarsPlot"
    )
    roles: dict[str, str] = field(default_factory=dict)  # role → what the plot calls it


@dataclass(frozen=True)
class ConfusionPlot:
    """References in rows, answers in columns."""

    title: str
    confusion: Confusion


@dataclass(frozen=True)
class ReliabilityPlot:
    """Accuracy over confidence, for each role."""

    title: str
    bins: dict[str, tuple[ReliabilityBin, ...]]


@dataclass(frozen=True)
class CoveragePlot:
    """Error among the most confident answers, for each role."""

    title: str
    points: dict[str, tuple[CoveragePoint, ...]]


@dataclass(frozen=True)
class SlicesPlot:
    """Accuracy with its interval for each slice (a category, a source) and role."""

    title: str
    slices: dict[str, dict[str, Metric]]  # slice → role → accuracy


@dataclass(frozen=True)
class PositionsPlot:
    """How often each letter is right, and how often each role answers it."""

    title: str
    right: dict[str, int]  # letter → questions
    answered: dict[str, dict[str, int]]  # role → letter → questions


@dataclass(frozen=True)
class CurvesPlot:
    """Loss while training, and validation loss and accuracy."""

    title: str
    what: str  # "loss" or "accuracy"
    curve: tuple[LossPoint, ...]
    validations: tuple[Validation, ...]


@dataclass(frozen=True)
class CheckpointsPlot:
    """A metric over the steps of training, with the base model as a line."""

    title: str
    metric: str
    base: Metric | None
    points: dict[int, Metric]  # step → metric; without the base model
    chosen: int | None  # step of the recommended checkpoint


@dataclass(frozen=True)
class StepBarsPlot:
    """Accuracy of each category at each checkpoint, as bars; step 0 is the base model."""

    title: str
    categories: dict[str, dict[int, Metric]]  # category → step → accuracy
    chosen: int | None
