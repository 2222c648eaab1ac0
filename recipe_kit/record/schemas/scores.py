"""What is computed from one set of predictions."""

from recipe_kit.record.schemas.asked import Prediction, TaskType
from recipe_kit.record.schemas.entry import Entry


class Metric(Entry):
    """A number with what it stands on."""

    value: float | None  # None: not defined here (no positive case, one class only, ...)
    n: int
    low: float | None = None
    high: float | None = None
    method: str = ""  # "wilson", "bootstrap by group", ...


class Confusion(Entry):
    """Counts: rows are references, columns are answers; the last column is unparseable."""

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class ReliabilityBin(Entry):
    """One bar of the reliability diagram."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


class CoveragePoint(Entry):
    """Error among the most confident share of answers."""

    coverage: float
    risk: float


class Reading(Entry):
    """The same answers read another way: `strict`, `vlmevalkit` or `probability`."""

    accuracy: Metric
    differs: int  # answers that the headline reading gives otherwise
    questions: tuple[str, ...] = ()  # ids of the first twenty of them


class PerVideo(Entry):
    """Accuracy of each video (or picture) by itself, where one is asked several questions."""

    mean: float
    sd: float  # of the sample, n - 1
    videos: int


class TaskScores(Entry):
    """Everything computed for one task of one benchmark from one set of predictions."""

    task: str
    task_type: TaskType
    n: int
    hazard: str | None = None
    metrics: dict[str, Metric]
    confusion: Confusion
    # "category" | "source" | "label" | "position" | a label → value → metric name → metric
    slices: dict[str, dict[str, dict[str, Metric]]] = {}
    reliability: tuple[ReliabilityBin, ...] = ()
    risk_coverage: tuple[CoveragePoint, ...] = ()
    least_confident: tuple[str, ...] = ()  # question ids
    # Accuracy without looking: "chance", "majority", "always_first", "blind" (picture blanked).
    # The interval of "chance" is where 95% of such scores fall.
    baselines: dict[str, Metric] = {}
    answerable_blind: bool = False  # a score without looking lies above the interval of chance
    readings: dict[str, Reading] = {}  # choice tasks only
    positions: dict[str, int] = {}  # letter → how often it was answered; choice tasks only
    reference_positions: dict[str, int] = {}  # letter → how often it was right
    signature: str = ""  # sacrebleu's, of `bleu`
    judge: str = ""  # name and revision of the judge
    per_video: PerVideo | None = None  # where a medium is asked several questions of the task


class EvaluationResult(Entry):
    """One model asked all questions of one benchmark."""

    benchmark: str
    role: str  # "base", "tuned", the name of an ablation, or "compare-<name>" of another model
    model: str
    revision: str
    questions_digest: str
    predictions_digest: str  # of what was asked: question digests in order
    predictions: str  # path of predictions.jsonl relative to the run's folder
    blind_predictions: str = ""  # the same with the pictures blanked; empty if it was not asked
    seconds: float = 0.0
    tasks: dict[str, TaskScores]
    log_line: Prediction | None = None  # one line of `predictions`, for the page
