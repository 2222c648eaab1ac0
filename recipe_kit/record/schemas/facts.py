"""What was measured of samples, questions and models."""

from typing import Literal

from recipe_kit.record.schemas.entry import Entry
from recipe_kit.record.schemas.scores import Metric


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
    annotation: str = ""  # format of the labels, in words
    fps: dict[str, int] = {}  # "25" → count; videos only
    seconds: tuple[float, float, float] | None = None  # shortest, mean, longest; videos only
    parts: dict[str, int] = {}  # subdirectory → samples
    weights: dict[str, float] = {}  # subdirectory → share of the draws in training
    formats: dict[str, str] = {}  # subdirectory → "human", "cv" or "reasoning"


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


class Construction(Entry):
    """How a benchmark was made from a pool of questions."""

    pool: str  # file name, or "driving"
    pool_digest: str
    categories: dict[str, int]  # category → questions in the pool
    required: int
    sampled: int
    seed: int
    videos: int
    drawn: int  # question-answer pairs before anything was checked
    text: str = ""  # who answered from the annotations: a model, or "labels"
    vision: str = ""  # who answered from the video; empty if nobody
    agreed: int = 0  # both gave the same answer
    contradictions: int = 0
    kept: int = 0  # contradictions: a person kept the annotations' answer
    corrected: int = 0  # a person gave another answer
    removed: int = 0  # a person took the question out
    undecided: int = 0  # left out because nobody decided
    questions: int  # what is asked in the end
    review_digest: str = ""


class BenchmarkFacts(Entry):
    """One frozen list of questions."""

    name: str
    digest: str
    questions: int
    samples: int  # pictures or videos that are asked about
    tasks: tuple[str, ...]
    primary: str  # task of the headline numbers
    prompts: dict[str, str]  # task → prompt
    construction: Construction | None = None
    frozen: str = ""  # digest of the questions before any run: content hash of the benchmark


class ModelFacts(Entry):
    """What is known of a model."""

    name: str  # as the spec says it
    title: str  # as the page says it
    revision: str
    parameters: int = 0
    architecture: str = ""
    license: str = ""
    embedded: bool = False  # the tiny model that ships with recipe_kit
