"""A benchmark's questions: every task asked of every sample that has the task's label."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from recipe_kit.benchmark.choices import choices_of, orders, rotations
from recipe_kit.benchmark.pool import Drawn, about, check_categories
from recipe_kit.benchmark.pool import choose as choose_questions
from recipe_kit.benchmark.prompts import label_text, prompt_of, with_options
from recipe_kit.benchmark.slices import slices_of
from recipe_kit.benchmark.texts import reference_of, text_fields
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Question, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import BinaryTask, CaptionTask, ChoiceTask, OpenTask, ScaleTask, Task

# Named one by one: a field that is added to the schema later must not change old digests. Paths
# are left out, so that a data folder can be moved.
_ASKED = {"id", "task_type", "media_sha256", "prompt", "choices", "reference"}
_SCORED = _ASKED | {"benchmark", "task", "sample", "hazard", "category", "source", "group"}
# These came later, and count only where they are not at their default.
_ASKED_TOO = {
    "options", "parser", "answer_by", "more_references", "max_new_tokens", "bare",
}
_SCORED_TOO = _ASKED_TOO | {"slices", "rotation", "rotation_of", "pool", "bleu"}


class Posed(NamedTuple):
    """A task as it is put to the model about one sample."""

    prompt: str
    choices: tuple[str, ...]
    reference: str
    options: dict[str, str]
    """From letter to text; none but in choice tasks."""


def build(name: str, recipe: Recipe, samples: Iterable[Sample]) -> tuple[Question, ...]:
    """The questions of one benchmark, ordered by sample, then by task as the benchmark lists them.

    Args:
        name: The benchmark, as the recipe names it.
        recipe: The recipe.
        samples: All samples, with their split; a sample without a task's label is not asked.

    Raises:
        DataError: A label's value is none the task knows, a label that a prompt names is missing,
            a task has no sample to ask, or a criterion of success names a category without any.
    """
    benchmark = recipe.benchmarks[name]
    if benchmark.pool:
        everyone = tuple(samples)
        pairs = pool_pairs(name, recipe, everyone)
        # What a model would have to answer first is asked where the benchmark is constructed.
        known = [(sample, drawn) for sample, drawn in pairs if drawn.right]
        return pool_questions(name, recipe, everyone, known)
    sources = benchmark.sources or tuple(recipe.data.sources)
    asked = asked_about(recipe, name, samples)
    slices = slices_of(benchmark.slices, asked)
    questions = [
        question
        for sample in sorted(asked, key=lambda s: s.id)
        for task_name in benchmark.tasks
        if recipe.tasks[task_name].label in sample.labels
        for question in _questions(
            name, task_name, recipe.tasks[task_name], sample, slices[sample.id]
        )
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
    _check_categories(name, recipe, questions)
    return tuple(questions)


def pool_pairs(
    name: str, recipe: Recipe, samples: Iterable[Sample]
) -> list[tuple[Sample, Drawn]]:
    """The questions that are drawn for each sample of a benchmark with a pool, by sample.

    Raises:
        DataError: A label is missing or unknown, or there is nothing to ask.
    """
    benchmark = recipe.benchmarks[name]
    pool, size = benchmark.pool, len(recipe.tasks[benchmark.tasks[0]].choices)
    assert pool is not None
    where = f"benchmarks.{name}.pool"
    asked = sorted(asked_about(recipe, name, samples), key=lambda sample: sample.id)
    if not asked:
        raise DataError(
            f"the benchmark is empty: split '{benchmark.split}' has no sample",
            where=f"benchmarks.{name}",
            fix=f"give data.splits.{benchmark.split} a source",
        )
    pairs = [
        (sample, drawn) for sample in asked
        for drawn in choose_questions(pool, sample, size, where=where)
    ]
    if benchmark.split == "test":  # in the few samples of a validation, one may be missing
        check_categories(pool, asked, where=where)
    return pairs


def pool_questions(
    name: str, recipe: Recipe, samples: Iterable[Sample], pairs: Iterable[tuple[Sample, Drawn]]
) -> tuple[Question, ...]:
    """The questions of a benchmark with a pool.

    Args:
        name: The benchmark.
        recipe: The recipe.
        samples: All samples, for the ranges of slices.
        pairs: What is asked of whom; every answer is known.

    Raises:
        DataError: A criterion of success names a category that no question has.
    """
    benchmark = recipe.benchmarks[name]
    slices = slices_of(benchmark.slices, asked_about(recipe, name, samples))
    task_name = benchmark.tasks[0]
    questions = [
        question
        for sample, drawn in pairs
        for question in question_about(
            name, task_name, recipe.tasks[task_name], sample, drawn, slices[sample.id]
        )
    ]
    _check_categories(name, recipe, questions)
    return tuple(questions)


def question_about(
    benchmark: str, task_name: str, task: Task, sample: Sample, drawn: Drawn,
    slices: dict[str, str],
) -> Iterator[Question]:
    """A question of a pool about a sample, and its rotations in circular evaluation."""
    for question in _questions(benchmark, task_name, task, about(sample, drawn), slices):
        yield question.model_copy(update={"sample": sample.id, "pool": drawn.question.name})


def asked_about(recipe: Recipe, name: str, samples: Iterable[Sample]) -> list[Sample]:
    """The samples that a benchmark asks about."""
    benchmark = recipe.benchmarks[name]
    sources = benchmark.sources or tuple(recipe.data.sources)
    return [s for s in samples if s.split == benchmark.split and s.source in sources]


def _check_categories(name: str, recipe: Recipe, questions: Sequence[Question]) -> None:
    """Refuse now what could not be judged when everything has been trained and asked."""
    for key, criterion in recipe.success.items():
        benchmark, task = recipe.judged(key)
        known = sorted({q.category for q in questions if q.task == task} - {""})
        if criterion.category is None or benchmark != name or criterion.category in known:
            continue
        near = difflib.get_close_matches(criterion.category, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known) or 'none'}"
        raise DataError(
            f"no question of task '{task}' has the category '{criterion.category}'; {hint}",
            where=f"success.{key}.category",
            fix=f"name a category of the samples that benchmarks.{name} asks about",
        )


def pose(
    task_name: str, task: Task, sample: Sample, *, turns: int = 1, circular: bool = False
) -> list[Posed]:
    """A task put to the model about one sample: once, or in several orders of its options.

    Args:
        task_name: The task's name.
        task: The task; the sample has its label.
        sample: The sample.
        turns: In how many orders; fewer where a question has not so many.
        circular: In every rotation of the first order instead.

    Raises:
        DataError: A label's value is none the task knows, or a label that is named is missing.
    """
    prompt = prompt_of(task_name, task, sample)
    if isinstance(task, CaptionTask | OpenTask):
        return [Posed(prompt, (), reference_of(task.label, sample), {})]
    if not isinstance(task, ChoiceTask):
        return [Posed(prompt, task.choices, _reference(task_name, task, sample), {})]
    choices = choices_of(task_name, task, sample)
    shown = orders(task_name, task, sample, len(choices.texts), turns)
    posed = []
    for order in rotations(shown[0]) if circular else shown:
        options = choices.lettered(order)
        letter = choices.letter(order)
        posed.append(Posed(with_options(prompt, options), tuple(options), letter, options))
    return posed


def _reference(task_name: str, task: BinaryTask | ScaleTask, sample: Sample) -> str:
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


def digest(questions: Sequence[Question]) -> str:
    """Digest of everything a score depends on in a list of questions, in order: 64 hex digits."""
    return _sha256([_dump(q, _SCORED, _SCORED_TOO) for q in questions])


def question_digest(question: Question, prompt_text: str, preprocess_digest: str) -> str:
    """Digest of what a model was asked, for `Prediction.digest`: 64 hex digits.

    Args:
        question: The question.
        prompt_text: The whole prompt, in the model's chat template.
        preprocess_digest: Digest of how pictures become model inputs.
    """
    return _sha256([_dump(question, _ASKED, _ASKED_TOO), prompt_text, preprocess_digest])


def _questions(
    benchmark: str, task_name: str, task: Task, sample: Sample, slices: dict[str, str]
) -> Iterator[Question]:
    """The question of a task about a sample, and its rotations in circular evaluation."""
    first = f"{benchmark}/{task_name}/{sample.id}"
    circular = isinstance(task, ChoiceTask) and task.circular
    for rotation, posed in enumerate(pose(task_name, task, sample, circular=circular)):
        yield Question(
            id=f"{first}#{rotation}" if rotation else first,
            benchmark=benchmark,
            task=task_name,
            task_type=task.type,
            sample=sample.id,
            media=sample.media,
            media_sha256=sample.sha256,
            prompt=posed.prompt,
            choices=posed.choices,
            reference=posed.reference,
            hazard=task.hazard if isinstance(task, BinaryTask) else None,
            category=sample.category,
            source=sample.source,
            group=sample.group or sample.id,
            slices=slices,
            options=posed.options,
            parser=task.parser if isinstance(task, ChoiceTask) else "strict",
            answer_by=task.answer_by if isinstance(task, ChoiceTask) else "both",
            rotation=rotation,
            rotation_of=first if rotation else "",
            **text_fields(task_name, task, sample),
        )


def _dump(question: Question, always: set[str], unless_default: set[str]) -> dict[str, Any]:
    return question.model_dump(include=always) | question.model_dump(
        include=unless_default, exclude_defaults=True
    )


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
