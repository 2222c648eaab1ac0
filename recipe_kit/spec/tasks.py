"""Kinds of question, and the benchmarks made of them."""

import re
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from recipe_kit.spec.base import Part, Seed
from recipe_kit.spec.model import OtherModel
from recipe_kit.spec.pools import PoolQuestion

LETTERS = "ABCDEFGHIJ"
PLACE = re.compile(r"\{(\{)?([A-Za-z_][A-Za-z0-9_-]*)\}(?(1)\})")
"""A label's place in the text of a prompt or an option: `{subject}`; `{{subject}}` is none, and
stands for the braces themselves."""
HINT = "hint"
"""The one label that a prompt may name and a sample lack: nothing stands in its place then."""
ALWAYS_SLICED = ("category", "source", "label", "position")
"""What results are reported by without being asked; the position only of lettered options."""
SIZE_SLICE = "size"
"""The slice by a picture's width and height, or its pixels; where no label has this name."""


def labels_in(text: str) -> tuple[str, ...]:
    """The labels that a prompt or an option names, each once."""
    return tuple(dict.fromkeys(place[2] for place in PLACE.finditer(text) if not place[1]))


class BinaryTask(Part):
    """A question answered by Yes or No."""

    type: Literal["binary"]
    """A question answered by Yes or No."""
    prompt: str = Field(min_length=1)
    """The question; `{name}` is the sample's label `name`, and `{{name}}` is written `{name}`."""
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
    """The question; `{name}` is the sample's label `name`, and `{{name}}` is written `{name}`."""
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


class ChoiceTask(Part):
    """A question answered by the letter of one of two to ten options."""

    type: Literal["choice"]
    """A question answered by the letter of one of two to ten options."""
    prompt: str = Field(min_length=1)
    """The question, as in a binary task; the options follow it."""
    options: tuple[str, ...] = Field(min_length=2, max_length=10)
    """Texts of the options, with `{name}` for labels; one whose label is missing is left out."""
    label: str
    """Label of the sample that holds the truth: an option's text, or its letter as listed here."""
    answers: dict[str, str] = Field(default={})
    """From the label's value to an option's text or letter, where the label says it otherwise."""
    shuffle: bool = True
    """Put each question's options in an order of its own, drawn from the seed."""
    seed: Seed = 0
    """Seed of the options' orders."""
    circular: bool = False
    """Ask each question once for each rotation of its options; all must be right."""
    answer_by: Literal["generation", "probability", "both"] = "both"
    """Read the answer from the text, take the likeliest letter, or the text and count both."""
    parser: Literal["strict", "vlmevalkit"] = "strict"
    """How a text is read: strictly, or as VLMEvalKit's `can_infer` does."""
    training_orders: int = Field(default=1, ge=1, le=10)
    """In how many orders of its options a training question is asked."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The letters of as many options as there can be."""
        return tuple(LETTERS[: len(self.options)])


class CaptionTask(Part):
    """A text about the sample, compared with a reference by BLEU."""

    type: Literal["caption"]
    """A text about the sample, compared with a reference by BLEU."""
    prompt: str = Field(min_length=1)
    """What is asked; `{name}` is the sample's label `name`, and `{{name}}` is written `{name}`."""
    label: str
    """Label of the sample that holds the reference text."""
    more_labels: tuple[str, ...] = ()
    """Labels with further references."""
    max_new_tokens: int = Field(default=128, ge=1, le=32_768)
    """Longest answer, reasoning included, in tokens."""
    bleu: Literal["corpus", "sentence"] = "corpus"
    """BLEU of the whole corpus, or the mean over its sentences."""

    @property
    def choices(self) -> tuple[str, ...]:
        """None: the answer is text."""
        return ()


class OpenTask(Part):
    """A question answered freely, judged against reference answers by a classifier."""

    type: Literal["open"]
    """A question answered freely, judged against reference answers by a classifier."""
    prompt: str = Field(default="{question}", min_length=1)
    """The question, as in a caption task."""
    question: str = "question"
    """Label of the sample that holds the bare question, which the judge is told."""
    label: str = "answer"
    """Label of the sample that holds the reference answer."""
    more_labels: tuple[str, ...] = ()
    """Labels with further references."""
    max_new_tokens: int = Field(default=64, ge=1, le=32_768)
    """Longest answer, reasoning included, in tokens."""
    judge: str
    """The judge: a sequence classifier, a folder or a name on the hub (`wayveai/Lingo-Judge`)."""
    judge_revision: str | None = None
    """Commit on the hub; the newest when not given."""

    @property
    def choices(self) -> tuple[str, ...]:
        """None: the answer is text."""
        return ()


Task = Annotated[
    BinaryTask | ScaleTask | ChoiceTask | CaptionTask | OpenTask, Field(discriminator="type")
]

# What `recipe_kit.score` computes for each type of task; the gate may name any of them.
TASK_METRICS: dict[str, tuple[str, ...]] = {
    "binary": (
        "accuracy", "balanced_accuracy", "precision", "recall", "f1",
        "unparseable", "auroc", "ece", "brier",
    ),
    "scale": (
        "accuracy", "within_one", "mae", "quadratic_kappa", "unparseable", "ece", "brier",
    ),
    "choice": ("accuracy", "circular_accuracy", "unparseable", "ece", "brier"),
    "caption": ("bleu",),
    "open": ("lingo_judge", "bleu"),
}
# What a slice (a category, a source) is reported by; a criterion with a category may name any.
SLICE_METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("accuracy", "precision", "recall", "f1", "unparseable"),
    "scale": ("accuracy", "within_one", "mae", "unparseable"),
    "choice": ("accuracy", "circular_accuracy", "unparseable"),
    "caption": ("bleu",),
    "open": ("lingo_judge", "bleu"),
}
# Tasks whose answer is text: they have no choices.
TEXT_TASKS = ("caption", "open")
# Metrics where a smaller value is the better one.
LOWER_IS_BETTER = frozenset({"mae", "ece", "brier", "unparseable"})


def headline(task_type: str) -> str:
    """The metric that a type of task is judged by first: accuracy, BLEU, or the judge's share."""
    return TASK_METRICS[task_type][0]


class Pool(Part):
    """Questions that are chosen for each video from a pool, and answered from its annotations."""

    path: str
    """YAML file of the pool's questions, beside the recipe; or `driving`, the kit's own."""
    sampled: int = Field(default=6, ge=0, le=100)
    """Questions drawn for each video, beside those that the pool requires."""
    training: int = Field(default=0, ge=0, le=100)
    """Questions drawn for each training video, from the whole pool; they are trained on."""
    seed: Seed = 0
    """Seed of the draw."""
    text: OtherModel | None = None
    """Model that answers from the annotations, where no label of the video does."""
    vision: OtherModel | None = None
    """Model that answers from the video, to be compared with the annotations' answer."""
    review: str | None = None
    """File of decisions on contradictions, beside the recipe; `recipe review` writes it. It is
    `SLUG-BENCHMARK-review.jsonl` when not given."""
    undecided: Literal["stop", "remove"] = "stop"
    """What to do with contradictions that nobody has decided: stop, or leave them out."""

    # Not a part of the spec as it is written, but of what it means: read when the recipe is.
    _questions: tuple[PoolQuestion, ...] = PrivateAttr(default=())

    @property
    def questions(self) -> tuple[PoolQuestion, ...]:
        """The pool's questions."""
        assert self._questions, "load_recipe fills the pools"
        return self._questions

    def fill(self, questions: tuple[PoolQuestion, ...]) -> None:
        """Gives the pool the questions that its file holds."""
        self._questions = questions

    @property
    def answered(self) -> bool:
        """Whether models answer the questions too, so that answers can contradict each other."""
        return self.text is not None or self.vision is not None


class Benchmark(Part):
    """A frozen list of questions over one split."""

    split: Literal["test", "val"] = "test"
    """The split whose samples are asked about."""
    tasks: tuple[str, ...] = Field(min_length=1)
    """Tasks that are asked of every sample; the first is the one the headline numbers are for."""
    sources: tuple[str, ...] = ()
    """Sources that are asked about; all sources of the split when empty."""
    slices: tuple[str, ...] = ()
    """Labels that results are also reported by, beside category, source and answer."""
    pool: Pool | None = None
    """Choose questions for each video from a pool; its one task is a `choice` task then, and names
    the labels `question`, `A`, `B`, ..., and `answer`."""


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


class Criterion(Part):
    """A goal for the final model, told on the page as met, not met or undecided."""

    task: str | None = None
    """The task; the one that the criterion is named after when not given."""
    benchmark: str | None = None
    """The benchmark; the first that asks the task when not given."""
    metric: str
    """The metric, as the page names it."""
    category: str | None = None
    """Judge this category only."""
    at_least: float | None = None
    """Smallest value that is enough."""
    at_most: float | None = None
    """Largest value that is enough (for errors, such as `mae`)."""
