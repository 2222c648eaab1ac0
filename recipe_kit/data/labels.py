"""Labels: one plain form of their values, and the values that tasks know."""

from collections.abc import Iterator, Mapping, Sequence

from recipe_kit.data.places import nearest
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import (
    HINT,
    LETTERS,
    SIZE_SLICE,
    BinaryTask,
    CaptionTask,
    ChoiceTask,
    OpenTask,
    Task,
    labels_in,
)


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
        known = _known(task)
        if known and str(value) not in known:
            return (f"the label {task.label!r} is {str(value)!r}, which the task {name!r} has no "
                    f"answer for; {nearest(str(value), known)}")
    return ""


def _known(task: Task) -> tuple[str, ...]:
    """The values of a task's label; none if they are other ones for each sample."""
    if isinstance(task, BinaryTask):
        return tuple(task.answers)
    if not isinstance(task, ChoiceTask):
        return task.choices
    if any(labels_in(option) for option in task.options):
        return ()
    return (*task.answers, *(option.strip() for option in task.options), *task.choices)


def check_labels_exist(samples: Sequence[Sample], recipe: Recipe) -> None:
    """Refuse a label that no sample has: of a task, its texts, a slice or a stratification.

    Raises:
        DataError: No sample has the label; the nearest one that exists is named.
    """
    known = sorted({label for sample in samples for label in sample.labels})
    for key, label in _wanted(recipe):
        if label not in known:
            raise DataError(f"no sample has the label {label!r}; {nearest(label, known)}",
                            where=key, fix="correct the label's name, or add it to the source")


def _wanted(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Every label that the recipe names, with the key that names it."""
    # A pool gives its task the labels that it names.
    tasks = {name: task for name, task in recipe.tasks.items() if not recipe.pooled(name)}
    for name, task in tasks.items():
        yield f"tasks.{name}.label", task.label
        if isinstance(task, OpenTask):
            yield f"tasks.{name}.question", task.question
        if isinstance(task, CaptionTask | OpenTask):
            yield from ((f"tasks.{name}.more_labels.{at}", label)
                        for at, label in enumerate(task.more_labels))
    if recipe.data.stratify:
        yield "data.stratify", recipe.data.stratify
    for name, task in tasks.items():
        options = task.options if isinstance(task, ChoiceTask) else ()
        texts = {"prompt": task.prompt} | {f"options.{i}": text for i, text in enumerate(options)}
        for key, text in texts.items():
            # {hint} and the options {A} to {J} fit questions of others that lack some.
            may_lack = (HINT,) if key == "prompt" else tuple(LETTERS)
            yield from ((f"tasks.{name}.{key}", label) for label in labels_in(text)
                        if label not in may_lack)
    for name, benchmark in recipe.benchmarks.items():
        for place, label in enumerate(benchmark.slices):
            if label != SIZE_SLICE:
                yield f"benchmarks.{name}.slices.{place}", label
