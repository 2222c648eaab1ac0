"""Every saved checkpoint's scores, and what follows from them."""

from typing import Literal

from recipe_kit.record.schemas.change import Difference
from recipe_kit.record.schemas.entry import Entry
from recipe_kit.record.schemas.scores import Metric


class CheckpointTask(Entry):
    """One task of one benchmark at one checkpoint."""

    metrics: dict[str, Metric]
    categories: dict[str, Metric] = {}  # category → accuracy; tasks with choices only
    against_base: dict[str, Difference] = {}  # metric → difference from the base model


class CheckpointScores(Entry):
    """One saved checkpoint, asked everything."""

    step: int  # 0: the base model
    epoch: float
    samples_seen: int
    revision: str
    test: dict[str, dict[str, CheckpointTask]]  # benchmark → task
    validation: dict[str, dict[str, CheckpointTask]] = {}  # the same asked of the val split


class BestCheckpoint(Entry):
    """The best checkpoints of one metric on the reported split."""

    benchmark: str
    task: str
    metric: str
    steps: tuple[int, ...]  # several where they tie as printed; 0 is the base model
    value: float
    base: float | None
    difference: Difference


class Overfitting(Entry):
    """A metric that fell from its best checkpoint to the last one."""

    benchmark: str
    task: str
    metric: str
    split: Literal["test", "val"]
    best_step: int
    last_step: int
    difference: Difference  # last minus best
    significant: bool


class Candidate(Entry):
    """How a checkpoint stands by the rule of recommendation."""

    step: int
    balance: float  # mean over metrics of (score - base) in standard errors of the best checkpoint
    within_one_se: dict[str, bool]  # "benchmark.task.metric" → within one standard error of best
    eligible: bool


class Recommendation(Entry):
    """The checkpoint that is recommended, and by what rule."""

    step: int
    rule: str  # in words
    split: Literal["val", "test"]  # "test" only where there is no validation split; said so
    candidates: tuple[Candidate, ...]


class ModelChoice(Entry):
    """Where the base model stands among the models that were asked."""

    chosen: str  # role
    ranking: dict[str, tuple[str, ...]]  # "benchmark.task.metric" → roles, best first
    differences: dict[str, dict[str, Difference]]  # the same key → other role → base minus other
    reasons: tuple[str, ...]  # sentences
