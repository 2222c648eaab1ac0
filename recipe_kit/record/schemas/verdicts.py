"""What was decided from scores: the gate, gaps, success criteria."""

from typing import Literal

from recipe_kit.record.schemas.entry import Entry
from recipe_kit.record.schemas.scores import Metric


class TargetResult(Entry):
    """One target of the gate."""

    task: str
    metric: str
    comparison: Literal["at least", "at most"]
    threshold: float
    score: Metric
    met: bool


class GateResult(Entry):
    """Whether fine-tuning is warranted, and why."""

    benchmark: str
    enough: bool
    decide_by: str
    targets: tuple[TargetResult, ...]


class Gap(Entry):
    """A slice of the base model's answers that lies below the overall score or a target."""

    benchmark: str
    task: str
    dimension: str  # "category", "position", "source", or a label
    value: str
    metric: Metric  # accuracy of the base model there, or the judge's share of right answers
    bar: Literal["overall", "target"]  # the one it is farthest below
    threshold: float
    shortfall: float  # threshold minus score
    sure: bool  # the whole interval lies below the threshold
    after: Metric | None = None  # accuracy of the fine-tuned model there
    closed: bool | None = None  # whether that reaches the threshold; None if nothing was trained


class CriterionResult(Entry):
    """One success criterion, judged on the final model."""

    name: str
    benchmark: str
    task: str
    metric: str
    category: str = ""  # of this category only
    comparison: Literal["at least", "at most"]
    threshold: float
    before: Metric
    after: Metric | None = None  # None: nothing was trained, and the base model is judged
    verdict: Literal["met", "not met", "undecided"]  # undecided: the interval holds the threshold
