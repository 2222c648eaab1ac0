"""A recipe: the one YAML file that a run and its page are made of."""

from typing import Literal

from pydantic import Field

from recipe_kit.spec.base import Part, Seed
from recipe_kit.spec.data import Data
from recipe_kit.spec.model import Model
from recipe_kit.spec.prose import Prose
from recipe_kit.spec.tasks import Benchmark, Criterion, Gate, Task
from recipe_kit.spec.train import Train

NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class Author(Part):
    """One author of the page."""

    name: str = Field(min_length=1)
    """Name, as printed."""
    url: str | None = None
    """Where the name links to."""
    organization: str = ""
    """The author's own organization, where the authors come from several."""
    equal: bool = False
    """Contributed as much as the others that are marked so; their names get an asterisk."""


class Evaluation(Part):
    """How the model is asked."""

    system_prompt: str | None = None
    """System prompt; none when not given."""
    max_new_tokens: int = Field(default=8, ge=1, le=32_768)
    """Longest answer, reasoning included, in tokens."""
    batch_size: int = Field(default=64, ge=1)
    """Samples asked at once; each brings all its questions. Does not change the answers."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; the first GPU if there is one."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic; bfloat16 on a GPU and float32 elsewhere."""
    bootstrap: int = Field(default=1000, ge=100, le=100_000)
    """Bootstrap samples for an interval."""
    blind: Literal["auto", "always", "never"] = "auto"
    """Ask everything once more with the pictures blanked; `auto`: where there are options."""
    seed: Seed = 0
    """Seed of the bootstrap."""
    vision_cache_gb: float = Field(default=8, ge=0)
    """Memory for what a frozen vision tower saw, kept for further checkpoints, in gigabytes."""
    checkpoints: Literal["best", "all"] = "best"
    """Ask the best checkpoint only, or every saved one, for curves over the training."""


class Resource(Part):
    """A link at the end of the page."""

    name: str
    """What the link is called."""
    url: str
    """Where it leads."""
    description: str = ""
    """What it is."""


class Recipe(Part):
    """One recipe."""

    schema_: Literal[1] = Field(alias="schema")
    """Version of this format."""
    title: str = Field(min_length=1)
    """Title of the page."""
    profile: Literal[
        "test-finetune-test", "post-training", "capability", "benchmark-study"
    ] = "test-finetune-test"
    """Structure of the page."""
    slug: str = Field(default="", pattern=r"^$|" + SLUG)
    """Name of the run and of the page's folder; the name of the YAML file when empty."""
    authors: tuple[Author, ...] = Field(min_length=1)
    """Authors of the page."""
    organization: str = Field(min_length=1)
    """The authors' organization."""
    use_case: str = Field(min_length=1)
    """Use case, in a few words."""
    model: Model = Model()
    """The model."""
    data: Data
    """The samples."""
    tasks: dict[str, Task] = Field(min_length=1)
    """Kinds of question, by name."""
    benchmarks: dict[str, Benchmark] = Field(min_length=1)
    """Frozen lists of questions, by name; the first is the one the headline numbers are for."""
    evaluation: Evaluation = Evaluation()
    """How the model is asked."""
    gate: Gate
    """Whether fine-tuning is warranted."""
    success: dict[str, Criterion] = Field(default={})
    """What the final model has to reach, by name."""
    train: Train = Train()
    """How the model is fine-tuned if it is."""
    prose: Prose = Prose()
    """The author's words."""
    resources: tuple[Resource, ...] = ()
    """Links at the end of the page."""

    def pooled(self, task: str) -> bool:
        """Whether a task asks questions of a pool."""
        return any(one.pool is not None and task in one.tasks for one in self.benchmarks.values())

    def judged(self, criterion: str) -> tuple[str, str]:
        """The benchmark and the task that a criterion of `success` is about."""
        goal = self.success[criterion]
        task = goal.task or criterion
        asking = (name for name, one in self.benchmarks.items() if task in one.tasks)
        return goal.benchmark or next(asking, ""), task
