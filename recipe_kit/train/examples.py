"""What is trained and validated on: samples with their prompts and targets."""

import random
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from recipe_kit.benchmark.questions import build, pose
from recipe_kit.record.schemas import Question, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import Benchmark, ChoiceTask, Task


class Example(NamedTuple):
    """One sample with everything the model learns to say about it."""

    sample: Sample
    pairs: tuple[tuple[str, str], ...]
    """Prompts and targets; at least one."""


def training_tasks(recipe: Recipe) -> tuple[str, ...]:
    """Names of the tasks that training questions are made of."""
    asked = [task for benchmark in recipe.benchmarks.values() for task in benchmark.tasks]
    return recipe.train.tasks or tuple(dict.fromkeys(asked))


def examples(recipe: Recipe, samples: Iterable[Sample]) -> tuple[Example, ...]:
    """Every sample that has something to teach: its own prompt and target, or its tasks'.

    Raises:
        DataError: a label's value is none its task knows, or a label of a prompt is missing.
    """
    tasks = {name: recipe.tasks[name] for name in training_tasks(recipe)}
    found = []
    for sample in samples:
        if sample.prompt is not None and sample.target is not None:
            pairs: tuple[tuple[str, str], ...] = ((sample.prompt, sample.target),)
        else:
            pairs = tuple(
                (posed.prompt, posed.reference)
                for name, task in tasks.items()
                if task.label in sample.labels
                for posed in pose(name, task, sample, turns=_turns(task))
            )
        if pairs:
            found.append(Example(sample, pairs))
    return tuple(found)


def training_samples(
    recipe: Recipe, samples: Iterable[Sample], blend: Mapping[str, float]
) -> tuple[Sample, ...]:
    """The samples that are trained on: at most `train.max_samples` of the sources in the blend."""
    mine = [s for s in samples if s.split == "train" and (not blend or blend.get(s.source, 0) > 0)]
    return _choose(mine, recipe.train.max_samples, f"train {recipe.train.seed}")


def validation_samples(recipe: Recipe, samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """The samples that checkpoints are chosen on: at most `train.validate.max_samples`."""
    mine = [sample for sample in samples if sample.split == "val"]
    return _choose(mine, recipe.train.validate_.max_samples, f"validate {recipe.train.seed}")


def validation_questions(recipe: Recipe, samples: Iterable[Sample]) -> tuple[Question, ...]:
    """The training tasks asked of the validation samples, for the validator of `train`.

    None when there are no such samples; then nothing can be validated.
    """
    chosen = validation_samples(recipe, samples)
    tasks = tuple(
        name
        for name in training_tasks(recipe)
        if any(recipe.tasks[name].label in sample.labels for sample in chosen)
    )
    if not tasks:
        return ()
    only = recipe.model_copy(update={
        "benchmarks": {"validation": Benchmark(split="val", tasks=tasks)},
        "tasks": {name: _asked_once(recipe.tasks[name]) for name in tasks},
        "success": {},  # is of the recipe's own benchmarks
    })
    return build("validation", only, chosen)


def _turns(task: Task) -> int:
    return task.training_orders if isinstance(task, ChoiceTask) else 1


def _asked_once(task: Task) -> Task:
    # Rotations would make choosing a checkpoint several times as long, and no surer.
    return task.model_copy(update={"circular": False}) if isinstance(task, ChoiceTask) else task


def _choose(samples: list[Sample], most: int | None, seed: str) -> tuple[Sample, ...]:
    ordered = sorted(samples, key=lambda sample: sample.id)
    if most is None or most >= len(ordered):
        return tuple(ordered)
    chosen = random.Random(seed).sample(range(len(ordered)), most)
    return tuple(ordered[index] for index in sorted(chosen))
