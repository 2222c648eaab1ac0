"""Samples, tasks and recipes with options, made from literals."""

from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import ChoiceTask

PROMPT = "Is the {subject} left or right of the {object}?"
SIDE = {"type": "choice", "prompt": PROMPT, "options": ["left", "right"], "label": "relation"}
WHO = {
    "type": "choice", "prompt": "{question}", "options": ["{A}", "{B}", "{C}", "{D}"],
    "label": "answer", "shuffle": False,
}
LABELS = {"subject": "cup", "object": "red ball", "relation": "left"}
ASKED = {"question": "Who is it?", "A": "a dog", "B": "nobody", "C": "a cat", "answer": "C"}


def choice(task: dict[str, object], **changes: object) -> ChoiceTask:
    return ChoiceTask.model_validate(task | changes)


def sample(number: int = 1, **labels: LabelValue) -> Sample:
    return Sample(
        id=f"drawn/{number}", source="drawn", media=f"{number}.png", sha256="ab" * 32,
        labels=labels, split="test", width=64, height=48,
    )


def recipe(slices: tuple[str, ...] = (), **task: object) -> Recipe:
    return Recipe.model_validate({
        "schema": 1, "title": "T", "use_case": "U", "organization": "O",
        "authors": [{"name": "A"}],
        "data": {
            "sources": {"drawn": {"kind": "world", "world": "tabletop", "count": 9}},
            "splits": {"test": {"drawn": 1.0}},
        },
        "tasks": {"side": SIDE | task},
        "benchmarks": {"table": {"tasks": ["side"], "slices": slices}},
        "gate": {
            "benchmark": "table",
            "targets": [{"task": "side", "metric": "accuracy", "at_least": 0.9}],
        },
    })
