"""What is trained and validated on: samples with their prompts and targets."""

import random
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from recipe_kit.benchmark.pool import asks, lessons
from recipe_kit.benchmark.questions import build, pose
from recipe_kit.record.schemas import Question, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import TEXT_TASKS, Benchmark, ChoiceTask, Task


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
    """Every sample that has something to teach: its own prompt and target, then its tasks'.

    A task that asks and answers just the same as the sample itself adds nothing.

    Raises:
        DataError: a label's value is none its task knows, or a label of a prompt is missing.
    """
    tasks = {name: recipe.tasks[name] for name in training_tasks(recipe)}
    found = []
    for sample in samples:
        asked = (
            (posed.prompt, posed.reference)
            for name, task in tasks.items()
            for about in lessons(recipe, name, sample)
            for posed in pose(name, task, about, turns=_turns(task))
        )
        if sample.prompt is not None and sample.target is not None:
            own = (sample.prompt, sample.target)
            pairs = (own, *(pair for pair in asked if pair != own))
        else:
            pairs = tuple(asked)
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

    None of tasks that are answered by text, which are validated by their loss alone, and none when
    there are no such samples. Of a pool, they are asked what its benchmark would ask them.
    """
    chosen = validation_samples(recipe, samples)
    trained = training_tasks(recipe)
    tasks = tuple(
        name
        for name in trained
        if recipe.tasks[name].type not in TEXT_TASKS
        and any(recipe.tasks[name].label in sample.labels for sample in chosen)
    )
    alone = {"validation": Benchmark(split="val", tasks=tasks)} if tasks else {}
    only = recipe.model_copy(update={
        "benchmarks": alone | _pools(recipe, trained),
        "tasks": {name: _asked_once(recipe.tasks[name]) for name in trained},
        "success": {},  # is of the recipe's own benchmarks
    })
    asked = {
        name: [s for s in chosen if benchmark.pool is None or asks(benchmark.pool, s)]
        for name, benchmark in only.benchmarks.items()
    }
    return tuple(
        question
        for name, mine in asked.items() if mine
        for question in build(name, only, mine)
    )


def _pools(recipe: Recipe, tasks: Collection[str]) -> dict[str, Benchmark]:
    """Benchmarks of the validation samples for every pool that some tasks ask from."""
    found: dict[str, Benchmark] = {}
    for name, one in recipe.benchmarks.items():
        if one.pool and one.tasks[0] in tasks:
            benchmark = Benchmark(split="val", tasks=one.tasks, pool=one.pool)
            if benchmark not in found.values():
                found[f"validation of {name}"] = benchmark
    return found


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
