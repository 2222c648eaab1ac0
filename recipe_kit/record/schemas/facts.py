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


class ModelFacts(Entry):
    """What is known of a model."""

    name: str  # as the spec says it
    title: str  # as the page says it
    revision: str
    parameters: int = 0
    architecture: str = ""
    license: str = ""
    embedded: bool = False  # the tiny model that ships with recipe_kit
