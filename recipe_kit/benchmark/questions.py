"""A benchmark's questions: every task asked of every sample that has the task's label."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Question, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import Task

# Named one by one: a field that is added to the schema later must not change old digests. Paths
# are left out, so that a data folder can be moved.
_ASKED = {"id", "task_type", "media_sha256", "prompt", "choices", "reference"}
_SCORED = _ASKED | {"benchmark", "task", "sample", "hazard", "category", "source", "group"}


def build(name: str, recipe: Recipe, samples: Iterable[Sample]) -> tuple[Question, ...]:
    """The questions of one benchmark, ordered by sample, then by task as the benchmark lists them.

    Args:
        name: The benchmark, as the recipe names it.
        recipe: The recipe.
        samples: All samples, with their split; a sample without a task's label is not asked.

    Raises:
        DataError: A label's value is none the task knows, or a task has no sample to ask.
    """
    benchmark = recipe.benchmarks[name]
    sources = benchmark.sources or tuple(recipe.data.sources)
    asked = [s for s in samples if s.split == benchmark.split and s.source in sources]
    questions = [
        _question(name, task_name, recipe.tasks[task_name], sample)
        for sample in sorted(asked, key=lambda s: s.id)
        for task_name in benchmark.tasks
        if recipe.tasks[task_name].label in sample.labels
    ]
    for task_name in benchmark.tasks:
        if not any(q.task == task_name for q in questions):
            label = recipe.tasks[task_name].label
            raise DataError(
                f"the benchmark is empty for task '{task_name}': none of the {len(asked)} samples "
                f"of split '{benchmark.split}' in {', '.join(sources)} has the label '{label}'",
                where=f"benchmarks.{name}",
                fix=f"give data.splits.{benchmark.split} a source with the label '{label}', "
                f"or take the task out of benchmarks.{name}.tasks",
            )
    return tuple(questions)


def reference(task_name: str, task: Task, sample: Sample) -> str:
    """The right answer to a task, from the sample's label.

    Raises:
        DataError: The label's value is none the task knows; names sample, value and nearest.
    """
    value = label_text(sample.labels[task.label])
    answers = task.answers if task.type == "binary" else {c: c for c in task.choices}
    if value in answers:
        return answers[value]
    folded = {known.casefold(): known for known in answers}
    near = difflib.get_close_matches(value.casefold(), folded, n=1)
    hint = f"; did you mean '{folded[near[0]]}'?" if near else ""
    mend = (
        f"tasks.{task_name}.answers" if task.type == "binary"
        else f"tasks.{task_name}.low and .high"
    )
    raise DataError(
        f"label '{task.label}' is '{value}', which task '{task_name}' does not know; "
        f"known: {', '.join(answers)}{hint}",
        where=f"sample '{sample.id}'",
        fix=f"correct the label, or add the value to {mend}",
    )


def label_text(value: LabelValue) -> str:
    """A label's value as a spec writes it: `true`, `3` (also for 3.0), `cracked`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def digest(questions: Sequence[Question]) -> str:
    """Digest of everything a score depends on in a list of questions, in order: 64 hex digits."""
    return _sha256([q.model_dump(include=_SCORED) for q in questions])


def question_digest(question: Question, prompt_text: str, preprocess_digest: str) -> str:
    """Digest of what a model was asked, for `Prediction.digest`: 64 hex digits.

    Args:
        question: The question.
        prompt_text: The whole prompt, in the model's chat template.
        preprocess_digest: Digest of how pictures become model inputs.
    """
    return _sha256([question.model_dump(include=_ASKED), prompt_text, preprocess_digest])


def _question(benchmark: str, task_name: str, task: Task, sample: Sample) -> Question:
    return Question(
        id=f"{benchmark}/{task_name}/{sample.id}",
        benchmark=benchmark,
        task=task_name,
        task_type=task.type,
        sample=sample.id,
        media=sample.media,
        media_sha256=sample.sha256,
        prompt=task.prompt,
        choices=task.choices,
        reference=reference(task_name, task, sample),
        hazard=task.hazard if task.type == "binary" else None,
        category=sample.category,
        source=sample.source,
        group=sample.group or sample.id,
    )


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
