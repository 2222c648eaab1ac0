"""The author's words, and which of them a profile asks for."""

from pydantic import Field

from recipe_kit.spec.base import Part
from recipe_kit.spec.profiles import PROFILES


class Issue(Part):
    """A problem that readers will meet, and its solution."""

    issue: str = Field(min_length=1)
    """What goes wrong."""
    solution: str = Field(min_length=1)
    """What to do."""


class Titled(Part):
    """A text with a title."""

    title: str = Field(min_length=1)
    """The title."""
    text: str = Field(min_length=1)
    """The text."""


class Prose(Part):
    """The author's words: Markdown, with numbers of the record by name (`{{ ... | pct }}`)."""

    overview: str | None = None
    """What the task is, why it matters, and the approach."""
    dataset: str | None = None
    """How the evaluation data was collected and labeled, and its edge cases."""
    prompts: str | None = None
    """Why these questions are asked."""
    inference: str | None = None
    """How the base model was asked."""
    baseline: str | None = None
    """What the zero-shot scores tell."""
    training_data: str | None = None
    """What the training data is, and why."""
    training: str | None = None
    """Why this method and these settings."""
    validation: str | None = None
    """What the validation curve shows."""
    comparison: str | None = None
    """What changed after fine-tuning."""
    why_not_fine_tuned: str | None = None
    """Why the base model was enough; for the ending without fine-tuning."""
    why_it_matters: str | None = None
    """What the improvement means in practice (risk, cost); for the ending with fine-tuning."""
    error_analysis: str | None = None
    """What the examples show."""
    conclusion: str | None = None
    """What was learned, and what comes next."""
    setup: str | None = None
    """Setup and system requirements; becomes a page of its own beside this one."""
    problem: str | None = None
    """The problem, the target benchmarks, and what makes it hard for the base model."""
    benchmark: str | None = None
    """Which benchmark was chosen or built, why it is relevant, and who reviewed it."""
    gaps: dict[str, str] = Field(default={})
    """Words on a gap, by what the page lists it under: `category.near`, `position.B`."""
    success: str | None = None
    """Why these success criteria."""
    sourcing: str | None = None
    """Main sources of the training data, and the challenges met."""
    curation: str | None = None
    """How the training data was curated, with which tools, and what came out."""
    sample_contents: str | None = None
    """What representative samples show."""
    methodology: str | None = None
    """Why this way of training suits the task, what the model should learn, and trade-offs."""
    parameters: dict[str, str] = Field(default={})
    """Why a setting of training has its value, by the setting's name: `learning_rate`."""
    monitoring: str | None = None
    """How training was watched, and what to look for in the logs."""
    common_issues: tuple[Issue, ...] = ()
    """Problems that readers will meet, with solutions."""
    troubleshooting: tuple[str, ...] = ()
    """Tips for when training or evaluation goes wrong."""
    examples: dict[str, str] = Field(default={})
    """Why the answer to an example changed, by the question's id as the page shows it."""
    achievements: tuple[str, ...] = ()
    """Key achievements."""
    lessons: tuple[str, ...] = ()
    """Lessons learned: what worked, and what to improve."""
    next_steps: tuple[str, ...] = ()
    """What comes next."""
    challenge: str | None = None
    """What the domain needs, why it is hard, and where the base model falls short."""
    workflow: dict[str, str] = Field(default={})
    """Words on a step of the workflow in place of the kit's, by its name: `zero_shot`."""
    requirements: dict[str, str] = Field(default={})
    """What a category of the benchmark covers, by its name."""
    dataset_facts: dict[str, str] = Field(default={})
    """Rows of the evaluation dataset's table that nothing measures: `Scenarios`."""
    methods: dict[str, str] = Field(default={})
    """Words on a method of evaluation: `bleu`, `mcq`, `lingo_judge`, or a benchmark's name."""
    selection: str | None = None
    """Why this base model was chosen."""
    sources: dict[str, Titled] = Field(default={})
    """What a source, or a subdirectory of one, holds: by its name."""
    code_structure: dict[str, str] = Field(default={})
    """Further files that the training needs, each with what it does."""
    observations: dict[str, tuple[str, ...]] = Field(default={})
    """What the author observes in the results of a benchmark, by its name."""
    summary: tuple[str, ...] = ()
    """Further points of the results' summary."""
    outlook: str | None = None
    """What stands before the list of future directions."""
    future_directions: tuple[Titled, ...] = ()
    """What merits further exploration."""
    related_work: str | None = None
    """What this work builds upon, with links."""
    references: tuple[str, ...] = ()
    """References in the order of their numbers, `[1]` first."""


REQUIRED_PROSE: dict[str, tuple[str, ...]] = {
    profile: tuple(need.part for need in needs if need.required)
    for profile, needs in PROFILES.items()
}
"""The prose a page of each profile cannot do without."""
