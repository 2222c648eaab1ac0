"""What is trained and validated on: samples with their prompts and targets."""

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from recipe_kit.benchmark.pool import asks, lessons
from recipe_kit.benchmark.questions import build, pose
from recipe_kit.record.schemas import Question, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import TEXT_TASKS, Benchmark, ChoiceTask, Task

Pairs = tuple[tuple[str, str], ...]


class Example(NamedTuple):
    """One sample with everything the model learns to say about it."""

    sample: Sample
    pairs: Pairs
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
    samples = tuple(samples)
    return tuple(
        Example(sample, pairs)
        for sample, pairs in zip(samples, pairs_of(recipe, samples), strict=True) if pairs
    )


def pairs_of(recipe: Recipe, samples: Iterable[Sample]) -> Iterator[Pairs]:
    """What each sample has to teach, for some of them nothing.

    Raises:
        DataError: a label's value is none its task knows, or a label of a prompt is missing.
    """
    tasks = {name: recipe.tasks[name] for name in training_tasks(recipe)}
    for sample in samples:
        asked = (
            (posed.prompt, posed.reference)
            for name, task in tasks.items()
            for about in lessons(recipe, name, sample)
            for posed in pose(name, task, about, turns=_turns(task))
        )
        if sample.prompt is not None and sample.target is not None:
            own = (sample.prompt, sample.target)
            yield own, *(pair for pair in asked if pair != own)
        else:
            yield tuple(asked)


def validation_samples(recipe: Recipe, samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """The samples that checkpoints are chosen on: at most `train.validate.max_samples`."""
    mine = sorted((s for s in samples if s.split == "val"), key=lambda sample: sample.id)
    return tuple(mine[place] for place in validation_places(recipe, len(mine)))


def training_places(recipe: Recipe, count: int) -> Sequence[int]:
    """Which of so many training samples, in the order of their ids, are trained on."""
    return _places(count, recipe.train.max_samples, f"train {recipe.train.seed}")


def validation_places(recipe: Recipe, count: int) -> Sequence[int]:
    """Which of so many validation samples, in the order of their ids, are validated on."""
    return _places(count, recipe.train.validate_.max_samples, f"validate {recipe.train.seed}")


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


def _places(count: int, most: int | None, seed: str) -> Sequence[int]:
    if most is None or most >= count:
        return range(count)
    return sorted(random.Random(seed).sample(range(count), most))
