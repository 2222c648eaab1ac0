"""Kinds of question, and the benchmarks made of them."""

from typing import Annotated, Literal

from pydantic import Field

from recipe_kit.spec.base import Part


class BinaryTask(Part):
    """A question answered by Yes or No."""

    type: Literal["binary"]
    """A question answered by Yes or No."""
    prompt: str = Field(min_length=1)
    """The question, as the model reads it."""
    label: str
    """Label of the sample that holds the truth."""
    answers: dict[str, Literal["Yes", "No"]] = Field(default={"Yes": "Yes", "No": "No"})
    """From the label's value to the right answer; any other value of the label is an error."""
    hazard: Literal["Yes", "No"] = "Yes"
    """The answer that means danger: precision, recall and F1 are computed on it."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers that count, in order."""
        return ("Yes", "No")


class ScaleTask(Part):
    """A question answered by a whole number on a scale."""

    type: Literal["scale"]
    """A question answered by a whole number on a scale."""
    prompt: str = Field(min_length=1)
    """The question, as the model reads it."""
    label: str
    """Label of the sample that holds the truth."""
    low: int = Field(default=1, ge=0)
    """Lowest point of the scale."""
    high: int = Field(default=5, le=9)
    """Highest point of the scale."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers that count, in order."""
        return tuple(str(point) for point in range(self.low, self.high + 1))


Task = Annotated[BinaryTask | ScaleTask, Field(discriminator="type")]

# What `recipe_kit.score` computes for each type of task; the gate may name any of them.
TASK_METRICS: dict[str, tuple[str, ...]] = {
    "binary": (
        "accuracy", "balanced_accuracy", "precision", "recall", "f1",
        "unparseable", "auroc", "ece", "brier",
    ),
    "scale": (
        "accuracy", "within_one", "mae", "quadratic_kappa", "unparseable", "ece", "brier",
    ),
}
# Metrics where a smaller value is the better one.
LOWER_IS_BETTER = frozenset({"mae", "ece", "brier", "unparseable"})


class Benchmark(Part):
    """A frozen list of questions over one split."""

    split: Literal["test", "val"] = "test"
    """The split whose samples are asked about."""
    tasks: tuple[str, ...] = Field(min_length=1)
    """Tasks that are asked of every sample; the first is the one the headline numbers are for."""
    sources: tuple[str, ...] = ()
    """Sources that are asked about; all sources of the split when empty."""


class Target(Part):
    """A threshold one metric has to reach."""

    task: str
    """The task."""
    metric: str
    """The metric, as the page names it."""
    at_least: float | None = None
    """Smallest value that is enough."""
    at_most: float | None = None
    """Largest value that is enough (for errors, such as `mae`)."""


class Gate(Part):
    """Decides on the zero-shot scores whether fine-tuning is warranted."""

    benchmark: str
    """The benchmark whose scores are compared with the targets."""
    targets: tuple[Target, ...] = Field(min_length=1)
    """All of them must be met for the base model to be enough."""
    decide_by: Literal["score", "interval"] = "score"
    """Compare the score itself, or the near end of its 95% interval."""
