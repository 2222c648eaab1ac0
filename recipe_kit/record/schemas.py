"""The files of a run, typed and versioned.

`VERSION` rises when an older reader could misread a file; a reader refuses a newer version.
Everything a page shows is in `Record`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

VERSION = 1
LabelValue = str | int | float | bool


class Entry(BaseModel):
    """A part of a run's files: frozen, and exact about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sample(Entry):
    """One image or video with its labels."""

    id: str  # unique over all sources: "<source>/<name>"
    source: str
    media: str  # path relative to the source's media folder
    media_type: Literal["image", "video"] = "image"
    sha256: str = ""  # of the media file
    labels: dict[str, LabelValue] = {}
    category: str = ""
    group: str = ""  # never parted by a split; the id when the table names none
    declared_split: str = ""
    split: Literal["train", "val", "test", ""] = ""
    prompt: str | None = None  # triples only
    target: str | None = None  # triples only
    width: int = 0
    height: int = 0


class Question(Entry):
    """A task asked of one sample."""

    id: str  # "<benchmark>/<task>/<sample id>"
    benchmark: str
    task: str
    task_type: Literal["binary", "scale"]
    sample: str
    media: str  # path relative to the media folder of `source`
    media_sha256: str
    prompt: str
    choices: tuple[str, ...]
    reference: str
    hazard: str | None = None  # the answer that means danger
    category: str = ""
    source: str = ""
    group: str = ""


class Prediction(Entry):
    """One logged answer; scores are computed from these and the questions alone."""

    question: str
    text: str  # the answer, without the reasoning
    reasoning: str = ""  # what stood between <think> and </think>
    answer: str | None  # one of the question's choices; None when it could not be read
    probabilities: dict[str, float]  # for each choice, normalized over the choices
    mass: float  # probability of all choices together, before normalizing
    confidence: float  # probability of the parsed answer; of the likeliest choice when unparsed
    prompt: str  # the whole prompt, in the model's chat template
    model: str
    revision: str
    timestamp: str  # UTC, ISO 8601
    latency_s: float  # the batch's time divided by its questions
    digest: str  # of the question, the prompt, and the preprocessing


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


class TaskScores(Entry):
    """Everything computed for one task of one benchmark from one set of predictions."""

    task: str
    task_type: Literal["binary", "scale"]
    n: int
    hazard: str | None = None
    metrics: dict[str, Metric]
    confusion: Confusion
    # "category" | "source" | "label" → value → metric name → metric
    slices: dict[str, dict[str, dict[str, Metric]]] = {}
    reliability: tuple[ReliabilityBin, ...] = ()
    risk_coverage: tuple[CoveragePoint, ...] = ()
    least_confident: tuple[str, ...] = ()  # question ids


class EvaluationResult(Entry):
    """One model asked all questions of one benchmark."""

    benchmark: str
    role: str  # "base", "tuned", or the name of an ablation
    model: str
    revision: str
    questions_digest: str
    predictions_digest: str  # of what was asked: question digests in order
    predictions: str  # path of predictions.jsonl relative to the run's folder
    seconds: float = 0.0
    tasks: dict[str, TaskScores]
    log_line: Prediction | None = None  # one line of `predictions`, for the page


class Difference(Entry):
    """Before and after, on the same questions."""

    metric: str
    before: float | None
    after: float | None
    difference: float | None
    low: float | None = None
    high: float | None = None
    n: int
    better: bool | None = None  # None: the interval of the difference holds zero
    method: str = ""


class TaskComparison(Entry):
    """One task, before and after."""

    task: str
    differences: dict[str, Difference]  # by metric
    fixed: int  # wrong before, right after
    broken: int  # right before, wrong after
    both_right: int
    both_wrong: int
    mcnemar_p: float
    slices: dict[str, dict[str, Difference]] = {}  # "category" | "source" → value → accuracy


class Regression(Entry):
    """Something that got worse; stated on the page whenever there is one."""

    benchmark: str
    task: str
    where: str  # "overall", "category: ambiguous", "source: concrete"
    metric: str
    before: float
    after: float
    n: int
    significant: bool


class Example(Entry):
    """One picture of the page, with both answers."""

    kind: Literal["fixed", "broken", "wrong in both", "least confident", "sample"]
    question: str
    media: str  # file name below the record's media folder
    prompt: str
    reference: str
    category: str = ""
    source: str = ""
    before: str | None = None  # the answer's text
    before_answer: str | None = None  # the choice read from it; None when it could not be read
    before_confidence: float | None = None
    after: str | None = None
    after_answer: str | None = None
    after_confidence: float | None = None
    before_reasoning: str = ""
    after_reasoning: str = ""


class Comparison(Entry):
    """One benchmark before and after fine-tuning (or against an ablation)."""

    benchmark: str
    before: str  # role
    after: str  # role
    tasks: dict[str, TaskComparison]
    regressions: tuple[Regression, ...] = ()


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


class Validation(Entry):
    """One line of the validation table."""

    step: int
    epoch: float
    train_loss: float
    val_loss: float
    val_accuracy: float
    val_n: int
    best: bool = False


class LossPoint(Entry):
    """One point of the training curve."""

    step: int
    loss: float
    learning_rate: float


class TrainingResult(Entry):
    """What one training did."""

    role: str  # "tuned", or the name of an ablation
    method: str
    parameters: int
    trainable_parameters: int
    samples: dict[str, int]  # source → training samples
    drawn: dict[str, float]  # source → share of the samples drawn
    questions: int  # training questions in one epoch
    steps: int
    planned_steps: int
    epochs: float
    stopped: str  # why it ended, in words
    best_step: int
    validations: tuple[Validation, ...]
    curve: tuple[LossPoint, ...]
    seconds: float
    peak_memory_bytes: int = 0
    checkpoint: str = ""  # folder relative to the run's folder
    revision: str = ""  # content digest of the chosen checkpoint
    triple: dict[str, str] = {}  # one training example: image_path, prompt, target; for the page


class SourceFacts(Entry):
    """What was measured of one source."""

    kind: str
    samples: int
    media_type: str
    resolutions: dict[str, int]  # "227×227" → count, most frequent first, at most ten
    encodings: dict[str, int]  # "JPEG" → count
    bytes: int
    license: str = ""
    credit: str = ""
    splits: dict[str, int]  # split → count
    labels: dict[str, dict[str, int]]  # label → value → count
    categories: dict[str, int] = {}


class DuplicatePair(Entry):
    """Two samples whose pictures are the same, or nearly."""

    kind: Literal["exact", "near"]
    first: str
    second: str
    first_split: str
    second_split: str
    distance: int = 0


class UnreadableFile(Entry):
    """A file that could not be read."""

    sample: str
    path: str
    reason: str


class AuditResult(Entry):
    """What the audit of the samples found."""

    duplicates: tuple[DuplicatePair, ...] = ()  # across splits; the first hundred
    exact_across_splits: int = 0
    near_across_splits: int = 0
    groups_across_splits: int = 0
    near_duplicate_distance: int
    unreadable: tuple[UnreadableFile, ...] = ()
    balance: dict[str, dict[str, dict[str, int]]]  # split → label → value → count
    majority: dict[str, Metric]  # task → accuracy of always giving the commonest test answer
    allowed_leakage: tuple[str, ...] = ()


class DataFacts(Entry):
    """What was measured of the samples."""

    sources: dict[str, SourceFacts]
    splits: dict[str, int]
    audit: AuditResult
    digest: str  # of every sample's content and labels


class BenchmarkFacts(Entry):
    """One frozen list of questions."""

    name: str
    digest: str
    questions: int
    samples: int
    tasks: tuple[str, ...]
    primary: str  # task of the headline numbers
    prompts: dict[str, str]  # task → prompt


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


class ModelFacts(Entry):
    """What is known of a model."""

    name: str  # as the spec says it
    title: str  # as the page says it
    revision: str
    parameters: int = 0
    architecture: str = ""
    license: str = ""
    embedded: bool = False  # the tiny model that ships with recipe_kit


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
