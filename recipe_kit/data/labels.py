"""Labels: one plain form of their values, and the values that tasks know."""

from collections.abc import Mapping, Sequence

from recipe_kit.data.places import nearest
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import BinaryTask, Task


def plain(value: LabelValue) -> LabelValue:
    """Write truth values as `true` and `false`, and 3.0 as 3, whatever file they come from."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def unknown_answer(labels: Mapping[str, LabelValue], tasks: Mapping[str, Task]) -> str:
    """Say which label has a value that its task does not know; nothing if all are known."""
    for name, task in tasks.items():
        value = labels.get(task.label)
        if value is None:
            continue
        known = tuple(task.answers) if isinstance(task, BinaryTask) else task.choices
        if str(value) not in known:
            return (f"the label {task.label!r} is {str(value)!r}, which the task {name!r} has no "
                    f"answer for; {nearest(str(value), known)}")
    return ""


def check_labels_exist(samples: Sequence[Sample], recipe: Recipe) -> None:
    """Refuse a task, or a stratification, by a label that no sample has.

    Raises:
        DataError: No sample has the label; the nearest one that exists is named.
    """
    asked = [sample for sample in samples if sample.target is None]
    known = sorted({label for sample in asked for label in sample.labels})
    wanted = {f"tasks.{name}.label": task.label for name, task in recipe.tasks.items()}
    if recipe.data.stratify:
        wanted["data.stratify"] = recipe.data.stratify
    for key, label in wanted.items():
        if label not in known:
            raise DataError(f"no sample has the label {label!r}; {nearest(label, known)}",
                            where=key, fix="correct the label's name, or add it to the source")
