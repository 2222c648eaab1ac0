"""The files of a run, typed and versioned.

`VERSION` rises when an older reader could misread a file; a reader refuses a newer version.
Everything a page shows is in `Record`.
"""

from recipe_kit.record.schemas.asked import Prediction, Question, Sample, TaskType
from recipe_kit.record.schemas.change import (
    AnnotationExample,
    Comparison,
    Difference,
    Example,
    Regression,
    TaskComparison,
)
from recipe_kit.record.schemas.checkpoints import (
    BestCheckpoint,
    Candidate,
    CheckpointScores,
    CheckpointTask,
    ModelChoice,
    Overfitting,
    Recommendation,
)
from recipe_kit.record.schemas.entry import Entry, LabelValue
from recipe_kit.record.schemas.facts import (
    AuditResult,
    BenchmarkFacts,
    Construction,
    DataFacts,
    DuplicatePair,
    ModelFacts,
    SourceFacts,
    UnreadableFile,
)
from recipe_kit.record.schemas.run import VERSION, Provenance, Record, StageEntry
from recipe_kit.record.schemas.scores import (
    Confusion,
    CoveragePoint,
    EvaluationResult,
    Metric,
    PerVideo,
    Reading,
    ReliabilityBin,
    TaskScores,
)
from recipe_kit.record.schemas.training import (
    BadMedium,
    LossPoint,
    Performance,
    TrainingResult,
    Validation,
)
from recipe_kit.record.schemas.verdicts import CriterionResult, Gap, GateResult, TargetResult

__all__ = [
    "VERSION",
    "AnnotationExample",
    "AuditResult",
    "BadMedium",
    "BenchmarkFacts",
    "BestCheckpoint",
    "Candidate",
    "CheckpointScores",
    "CheckpointTask",
    "Comparison",
    "Confusion",
    "Construction",
    "CoveragePoint",
    "CriterionResult",
    "DataFacts",
    "Difference",
    "DuplicatePair",
    "Entry",
    "EvaluationResult",
    "Example",
    "Gap",
    "GateResult",
    "LabelValue",
    "LossPoint",
    "Metric",
    "ModelChoice",
    "ModelFacts",
    "Overfitting",
    "PerVideo",
    "Performance",
    "Prediction",
    "Provenance",
    "Question",
    "Reading",
    "Recommendation",
    "Record",
    "Regression",
    "ReliabilityBin",
    "Sample",
    "SourceFacts",
    "StageEntry",
    "TargetResult",
    "TaskComparison",
    "TaskScores",
    "TaskType",
    "TrainingResult",
    "UnreadableFile",
    "Validation",
]
