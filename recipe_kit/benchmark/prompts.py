"""Prompts and options as the model reads them: labels filled in, options lettered."""

import re
from collections.abc import Mapping

from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.tasks import HINT, PLACE, Task, labels_in

_HINT_LINE = re.compile(rf"^[ \t]*\{{{HINT}\}}[ \t]*(?:\n|\Z)", re.MULTILINE)


def label_text(value: LabelValue) -> str:
    """A label's value as a spec writes it: `true`, `3` (also for 3.0), `cracked`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def fill(template: str, labels: Mapping[str, LabelValue]) -> str:
    """A prompt or an option with each `{name}` replaced by that label, `{{name}}` by `{name}`.

    Other braces stay.

    Raises:
        KeyError: There is no label of a name.
    """
    return PLACE.sub(
        lambda place: place[0][1:-1] if place[1] else label_text(labels[place[2]]), template
    )


def prompt_of(task_name: str, task: Task, sample: Sample) -> str:
    """A task's prompt for one sample, without the options.

    A line that holds nothing but the hint is left out where the sample has none.

    Raises:
        DataError: The sample lacks a label that the prompt names, other than the hint.
    """
    template, labels = task.prompt, sample.labels
    if not label_text(labels.get(HINT, "")).strip():
        template, labels = _HINT_LINE.sub("", template), labels | {HINT: ""}
    for name in labels_in(template):
        if name not in labels:
            raise DataError(
                f"the prompt of the task '{task_name}' names the label '{name}', which this "
                "sample lacks",
                where=f"sample '{sample.id}'",
                fix=f"give the sample the label '{name}', or take {{{name}}} out of "
                f"tasks.{task_name}.prompt",
            )
    return fill(template, labels)


def with_options(prompt: str, options: Mapping[str, str]) -> str:
    """A prompt with its options below it, one on each line: `A. left`."""
    return "\n".join([prompt.rstrip(), *(f"{letter}. {text}" for letter, text in options.items())])
