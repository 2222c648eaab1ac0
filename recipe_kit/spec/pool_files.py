"""Reads the pools that a recipe names, and checks them; every error with its file and line."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from recipe_kit.errors import SpecError
from recipe_kit.spec.document import read_document
from recipe_kit.spec.explain import explain
from recipe_kit.spec.pools import PoolQuestion, QuestionPool
from recipe_kit.spec.problems import Problem, listed, nearest, show, suggest
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import LETTERS, Pool

_SHIPPED = Path(__file__).parents[1] / "benchmark" / "pools"
_START = "Begin with `questions:`, and a list of them below it."


def fill_pools(recipe: Recipe, folder: Path) -> list[Problem]:
    """Reads the questions of every pool of a recipe into it.

    Args:
        recipe: The recipe.
        folder: The recipe's folder, beside which the pools' files are.

    Returns:
        What is wrong with how the recipe uses them.

    Raises:
        SpecError: A pool's file is wrong; the message holds every problem in it.
    """
    problems: list[Problem] = []
    for name, benchmark in recipe.benchmarks.items():
        pool = benchmark.pool
        if pool is None:
            continue
        path = find_pool(pool.path, folder)
        if not path.is_file():
            problems.append(_no_file(name, pool.path, folder))
            continue
        pool.fill(read_pool(path))
        problems += _counts(name, pool)
    return problems


def find_pool(path: str, folder: Path) -> Path:
    """Where a pool's file is: one of the kit's own, or beside the recipe."""
    return _SHIPPED / f"{path}.yaml" if path in shipped() else folder / path


def shipped() -> list[str]:
    """Names of the kit's own pools."""
    return sorted(one.stem for one in _SHIPPED.glob("*.yaml"))


def read_pool(path: Path) -> tuple[PoolQuestion, ...]:
    """The questions in a pool's file.

    Raises:
        SpecError: Anything is wrong with it; the message holds every problem, sorted by line.
    """
    document = read_document(path, what="a pool", start=_START)
    problems = list(document.problems)
    found: tuple[PoolQuestion, ...] = ()
    try:
        found = QuestionPool.model_validate_json(json.dumps(document.data), strict=True).questions
    except ValidationError as error:
        problems += explain(error, document.data, QuestionPool)
    problems += _repeated(found)
    problems += [one for at, question in enumerate(found) for one in _check(at, question)]
    if problems:
        count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        raise SpecError(f"{show(document, problems)}\n\n{count} in {document.name}")
    return found


def _no_file(benchmark: str, path: str, folder: Path) -> Problem:
    beside = sorted(one.name for one in folder.glob("*.yaml"))
    near = nearest(path, [*beside, *shipped()])
    fix = f"Did you mean '{near}'?" if near else (
        f"Write its path beside the recipe, or {listed(shipped(), last='or')} for the kit's own."
    )
    return Problem(("benchmarks", benchmark, "pool", "path"), f"there is no pool '{path}'", fix)


def _counts(benchmark: str, pool: Pool) -> Iterator[Problem]:
    keys = ("benchmarks", benchmark, "pool")
    free = sum(not one.required for one in pool.questions)
    for key, wanted, offered in (
        ("sampled", pool.sampled, free), ("training", pool.training, len(pool.questions)),
    ):
        if wanted > offered:
            yield Problem((*keys, key), f"{wanted} questions cannot be drawn: the pool has "
                          f"{offered} to draw from", f"Write {offered} or less.")
    if pool.sampled == 0 and free == len(pool.questions):
        yield Problem((*keys, "sampled"), "no question is asked: the pool requires none, and none "
                      "is drawn", "Write how many are drawn.")


def _repeated(questions: tuple[PoolQuestion, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for at, question in enumerate(questions):
        if question.name in seen:
            yield Problem(("questions", at, "name"), f"the name '{question.name}' stands there "
                          "twice", "Give each question a name of its own.")
        seen.add(question.name)


def _check(at: int, question: PoolQuestion) -> Iterator[Problem]:
    keys = ("questions", at)
    values = list(question.readings)
    if len(question.texts) < 2:
        yield Problem((*keys, "options"), f"the question '{question.name}' has only one option",
                      "Add options, or 'decoys'.")
    for text, times in Counter(text.strip() for text in question.texts).items():
        if not text:
            yield Problem((*keys, "options"), "an option is empty", "Write its text.")
        elif times > 1:
            yield Problem((*keys, "options"), f"the option '{text}' stands there twice",
                          "Remove one of them, or write how they differ.")
        elif text in LETTERS:
            yield Problem((*keys, "options"), f"the option '{text}' would have the letter of "
                          "another", f"Write what it stands for, like 'point {text}'.")
    if question.required and question.unless:
        yield Problem((*keys, "unless"), "a required question is asked of every video, and can "
                      "have no 'unless'", "Remove 'unless', or `required: true`.", at="key")
    for place, value in enumerate(question.unless):
        if value in values:
            yield Problem((*keys, "unless", place), f"'{value}' is an option too",
                          "Remove it here or there.")
    if question.usual is not None and question.usual not in values:
        yield Problem((*keys, "usual"), f"'{question.usual}' is none of the label's values",
                      suggest(question.usual, values))
