"""The author's words, and which of them a profile asks for."""

from recipe_kit.spec.base import Part


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


# The prose a page of each profile cannot do without.
REQUIRED_PROSE: dict[str, tuple[str, ...]] = {
    "test-finetune-test": (
        "overview", "dataset", "why_not_fine_tuned", "why_it_matters", "conclusion",
    ),
}
