"""What only questions that are answered by text have: further references, the bare question."""

from typing import Any

from recipe_kit.benchmark.prompts import label_text
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.tasks import CaptionTask, OpenTask, Task


def reference_of(label: str, sample: Sample) -> str:
    """The text of a label that an answer is compared with, without white space around it.

    Raises:
        DataError: There is nothing but white space.
    """
    text = label_text(sample.labels[label]).strip()
    if not text:
        raise DataError(
            f"the label '{label}' is empty, so there is nothing to compare an answer with",
            where=f"sample '{sample.id}'",
            fix="write the reference, or take the label out, and the sample is not asked",
        )
    return text


def text_fields(task_name: str, task: Task, sample: Sample) -> dict[str, Any]:
    """Fields of a question that only captions and open questions have; none for other tasks.

    Raises:
        DataError: A reference is empty, or the sample lacks the bare question.
    """
    if not isinstance(task, CaptionTask | OpenTask):
        return {}
    fields: dict[str, Any] = {
        "more_references": tuple(
            reference_of(label, sample) for label in task.more_labels if label in sample.labels
        ),
        "max_new_tokens": task.max_new_tokens,
    }
    if isinstance(task, CaptionTask):
        return {**fields, "bleu": task.bleu}
    if task.question not in sample.labels:
        raise DataError(
            f"the task '{task_name}' tells its judge the label '{task.question}', which this "
            "sample lacks",
            where=f"sample '{sample.id}'",
            fix=f"give the sample the label '{task.question}', or name another in "
            f"tasks.{task_name}.question",
        )
    return {**fields, "bare": label_text(sample.labels[task.question])}
