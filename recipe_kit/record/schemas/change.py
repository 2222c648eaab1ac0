"""What is computed from two sets of predictions, and the examples that show it."""

from typing import Literal

from recipe_kit.record.schemas.entry import Entry


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
    p: float | None = None  # of accuracy, BLEU and the judge's share
    p_method: str = ""  # how p was found, in words; empty: McNemar's exact test
    # After Holm over the slices of one dimension, and Bonferroni over checkpoints where these were
    # chosen on the same questions; `better` follows it.
    p_adjusted: float | None = None


class TaskComparison(Entry):
    """One task, before and after.

    Captions are neither right nor wrong: none of them is counted, and p is 1.
    """

    task: str
    differences: dict[str, Difference]  # by metric
    fixed: int  # wrong before, right after
    broken: int  # right before, wrong after
    both_right: int
    both_wrong: int
    mcnemar_p: float  # by group where a group has several questions
    # Dimension → value → accuracy, BLEU or the judge's share.
    slices: dict[str, dict[str, Difference]] = {}


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


class Comparison(Entry):
    """One benchmark before and after fine-tuning (or against an ablation)."""

    benchmark: str
    before: str  # role
    after: str  # role
    tasks: dict[str, TaskComparison]
    regressions: tuple[Regression, ...] = ()
    checkpoints: int = 1  # among which `after` was chosen
    chosen_here: bool = False  # chosen on these very questions: p-values are corrected for it


class Example(Entry):
    """One picture of the page, with both answers."""

    # Captions are "higher" or "lower" in BLEU after training; "lowest": the base model's lowest.
    kind: Literal[
        "fixed", "broken", "wrong in both", "least confident", "sample",
        "higher", "lower", "lowest",
    ]
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
    video: str = ""  # file name of the clip itself, below the record's media folder
    before_score: float | None = None  # text tasks: BLEU of this answer, 0 to 1
    after_score: float | None = None
    references: tuple[str, ...] = ()  # text tasks: all references


class AnnotationExample(Entry):
    """One annotated training clip, as the page shows it."""

    source: str
    part: str
    format: Literal["human", "cv", "reasoning"]
    sample: str
    video: str  # file name below the record's media folder
    annotation: str  # the JSON, indented
    prompt: str
    target: str
