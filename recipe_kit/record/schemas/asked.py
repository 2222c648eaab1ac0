"""Samples, the questions asked of them, and the answers."""

from typing import Literal

from recipe_kit.record.schemas.entry import Entry, LabelValue

TaskType = Literal["binary", "scale", "choice", "caption", "open"]


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
    part: str = ""  # subdirectory of its source; training draws each by its weight


class Question(Entry):
    """A task asked of one sample."""

    id: str  # "<benchmark>/<task>/<sample id>"
    benchmark: str
    task: str
    task_type: TaskType
    sample: str
    media: str  # path relative to the media folder of `source`
    media_sha256: str
    prompt: str
    choices: tuple[str, ...]  # letters, where the task has options
    reference: str
    hazard: str | None = None  # the answer that means danger
    category: str = ""
    source: str = ""
    group: str = ""
    slices: dict[str, str] = {}  # label → value, for the further slices a benchmark names
    options: dict[str, str] = {}  # letter → text, as shown; choice tasks only
    parser: Literal["strict", "vlmevalkit"] = "strict"  # how an answer is read; choice only
    answer_by: Literal["generation", "probability", "both"] = "both"  # choice only
    rotation: int = 0  # by how many places the options are turned, in circular evaluation
    rotation_of: str = ""  # id of the question it is a rotation of; empty for the first of them
    more_references: tuple[str, ...] = ()  # further references of a caption or an open answer
    max_new_tokens: int = 0  # longest answer; 0: what the recipe's evaluation allows
    bare: str = ""  # open tasks only: the question as the judge is told it
    bleu: Literal["corpus", "sentence"] = "corpus"  # text tasks only
    pool: str = ""  # name of the pool's question it was made from


class Prediction(Entry):
    """One logged answer; scores are computed from these and the questions alone."""

    question: str
    text: str  # the answer, without the reasoning
    reasoning: str = ""  # what stood between <think> and </think>
    # One of the question's choices; None when it could not be read. Text tasks: the text itself.
    answer: str | None
    probabilities: dict[str, float]  # for each choice, normalized over the choices
    mass: float  # probability of all choices together, before normalizing
    confidence: float  # probability of the parsed answer; of the likeliest choice when unparsed
    prompt: str  # the whole prompt, in the model's chat template
    model: str
    revision: str
    timestamp: str  # UTC, ISO 8601
    latency_s: float  # the batch's time divided by its questions
    digest: str  # of the question, the prompt, and the preprocessing
    judged: float | None = None  # open tasks: the judge's largest logit; right above 0
    judge: str = ""  # name and revision of the judge
    # How the probabilities were found: "" in this process; at an endpoint "top_logprobs", or
    # "text" where the server offers none: all on the answer that was read.
    probabilities_from: str = ""
