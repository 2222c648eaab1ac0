"""Prompts and options as the model reads them: labels filled in, options lettered."""

from collections.abc import Mapping

from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.tasks import PLACE, Task, labels_in


def label_text(value: LabelValue) -> str:
    """A label's value as a spec writes it: `true`, `3` (also for 3.0), `cracked`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def fill(template: str, labels: Mapping[str, LabelValue]) -> str:
    """A prompt or an option with each `{name}` replaced by that label; other braces stay.

    Raises:
        KeyError: There is no label of a name.
    """
    return PLACE.sub(lambda place: label_text(labels[place.group(1)]), template)


def prompt_of(task_name: str, task: Task, sample: Sample) -> str:
    """A task's prompt for one sample, without the options.

    Raises:
        DataError: The sample lacks a label that the prompt names.
    """
    for name in labels_in(task.prompt):
        if name not in sample.labels:
            raise DataError(
                f"the prompt of the task '{task_name}' names the label '{name}', which this "
                "sample lacks",
                where=f"sample '{sample.id}'",
                fix=f"give the sample the label '{name}', or take {{{name}}} out of "
                f"tasks.{task_name}.prompt",
            )
    return fill(task.prompt, sample.labels)


def with_options(prompt: str, options: Mapping[str, str]) -> str:
    """A prompt with its options below it, one on each line: `A. left`."""
    return "\n".join([prompt.rstrip(), *(f"{letter}. {text}" for letter, text in options.items())])
