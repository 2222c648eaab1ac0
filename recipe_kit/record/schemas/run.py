"""The record of a run."""

from typing import Any

from recipe_kit.record.schemas.change import AnnotationExample, Comparison, Example
from recipe_kit.record.schemas.checkpoints import (
    BestCheckpoint,
    CheckpointScores,
    ModelChoice,
    Overfitting,
    Recommendation,
)
from recipe_kit.record.schemas.entry import Entry
from recipe_kit.record.schemas.facts import BenchmarkFacts, DataFacts, ModelFacts
from recipe_kit.record.schemas.scores import EvaluationResult
from recipe_kit.record.schemas.training import TrainingResult
from recipe_kit.record.schemas.verdicts import CriterionResult, Gap, GateResult

VERSION = 3


class StageEntry(Entry):
    """One completed stage."""

    name: str
    fingerprint: str
    seconds: float
    finished: str


class Provenance(Entry):
    """What the run was made with."""

    recipe_kit: str
    python: str
    platform: str
    packages: dict[str, str]
    device: str
    git_commit: str = ""
    started: str
    finished: str


class Record(Entry):
    """Everything a run found out; the only thing a page may read beside the prose."""

    version: int = VERSION
    slug: str
    title: str
    recipe: str  # the spec's file name
    overrides: tuple[str, ...] = ()  # values set on the command line, KEY=VALUE each
    spec_digest: str  # of the spec without its prose
    spec: dict[str, Any]  # resolved: every default written out
    provenance: Provenance
    stages: tuple[StageEntry, ...]
    model: ModelFacts
    data: DataFacts
    benchmarks: dict[str, BenchmarkFacts]
    gate: GateResult
    evaluations: tuple[EvaluationResult, ...]  # base first, then tuned, then ablations
    training: tuple[TrainingResult, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    examples: tuple[Example, ...] = ()
    gaps: tuple[Gap, ...] = ()  # of the base model, the largest first
    criteria: tuple[CriterionResult, ...] = ()
    contact_sheets: dict[str, str] = {}  # value of the first task's label → picture of samples
    models: dict[str, ModelFacts] = {}  # role → every other model that was asked
    model_choice: ModelChoice | None = None
    checkpoints: tuple[CheckpointScores, ...] = ()  # the base model first, as step 0
    best: tuple[BestCheckpoint, ...] = ()
    overfitting: tuple[Overfitting, ...] = ()
    recommendation: Recommendation | None = None
    annotations: tuple[AnnotationExample, ...] = ()
    training_grid: str = ""  # file name of the video that shows many training clips at once
    loader: str = ""  # file name of the script that loads the training data, in the page's assets
    media: dict[str, str] = {}  # every file the run made for the page: pictures, answers → sha256
