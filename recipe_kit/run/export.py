"""A benchmark's frozen questions, in a format that other tools evaluate."""

from pathlib import Path
from typing import Any

from recipe_kit.benchmark.prompts import with_options
from recipe_kit.benchmark.questions import build
from recipe_kit.data.exchange.formats import FORMATS
from recipe_kit.data.exchange.question import ExchangeQuestion, make_question
from recipe_kit.data.questions import picture_name
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.splits import assign
from recipe_kit.errors import DataError
from recipe_kit.record.files import read_rows
from recipe_kit.record.schemas import Question
from recipe_kit.run.convert import (
    format_to_write,
    read_medium,
    refuse_existing,
    take_out,
    write_medium,
)
from recipe_kit.run.layout import Layout
from recipe_kit.run.plan import answered_pools, make_plan
from recipe_kit.spec.problems import suggest
from recipe_kit.spec.recipe import Recipe

MEDIA = "media"
"""Folder beside the file, for what the file cannot hold."""


def export(recipe: Recipe, layout: Layout, out: Path, *, benchmark: str | None = None,
           format_: str | None = None) -> tuple[int, str]:
    """Write the questions of a benchmark, as `recipe run` would ask them.

    Of circular questions only the first order is written: who asks them turns the options.

    Args:
        recipe: The recipe.
        layout: Its places.
        out: The file or folder to be written; must not exist.
        benchmark: A benchmark of the recipe; the first when not given.
        format_: A name of `FORMATS`; told from the name of `out` when not given.

    Returns:
        The number of questions, and the format in words.

    Raises:
        DataError: There is no such benchmark, the samples are wrong, or `out` exists.
        StorageError: Something cannot be written.
    """
    name = benchmark or next(iter(recipe.benchmarks))
    if name not in recipe.benchmarks:
        raise DataError(f"there is no benchmark {name!r}", where=str(layout.recipe_path),
                        fix=suggest(name, list(recipe.benchmarks)))
    writing = FORMATS[format_ or format_to_write(out, "--format")]
    refuse_existing(out)
    recipe_dir = layout.recipe_path.parent
    samples = assign(load_samples(recipe, recipe_dir=recipe_dir, cache=layout.cache), recipe)
    roots = media_roots(recipe, recipe_dir=recipe_dir, cache=layout.cache)
    if name in answered_pools(recipe):
        questions = _frozen(name, recipe, layout)
    else:
        questions = build(name, recipe, [sample for sample in samples if sample.split])
    types = {sample.id: sample.media_type for sample in samples}
    asked = [question for question in questions if not question.rotation]
    exchanged = [
        _exchanged(question, number, recipe.benchmarks[name].split, types[question.sample],
                   roots[question.source] / question.media, out.parent)
        for number, question in enumerate(asked, start=1)
    ]
    if not writing.holds_pictures:
        exchanged = take_out(exchanged, out.parent / MEDIA, f"{MEDIA}/")
    writing.write(out, exchanged)
    return len(exchanged), writing.title


def _frozen(name: str, recipe: Recipe, layout: Layout) -> tuple[Question, ...]:
    """The questions of a benchmark that models and people have answered too."""
    from recipe_kit.run.job import questions_name  # seconds of imports, torch among them

    plan = make_plan(recipe, recipe_dir=layout.recipe_path.parent, cache=layout.cache)
    stage = plan.of("benchmark")
    if layout.run.manifest(stage.name, stage.fingerprint) is None:
        raise DataError(
            "its questions are not settled yet: models answer them, and people decide",
            where=f"benchmarks.{name}",
            fix=f"`{layout.run_command(layout.overrides)}` settles them; it says what is left to "
            "decide",
        )
    folder = layout.run.stage(stage.name, stage.fingerprint)
    return read_rows(folder / questions_name(name), Question)


def _exchanged(question: Question, number: int, split: str, media_type: str, path: Path,
               beside: Path) -> ExchangeQuestion:
    # What follows the question is written into columns, and put back by who asks.
    asked = question.prompt.removesuffix(with_options("", question.options))
    values: dict[str, Any] = {
        # A number: VLMEvalKit also names files by it.
        "id": str(number),
        "question": asked if question.options else question.prompt,
        "options": question.options,
        "answer": question.reference,
        "category": question.category,
        "split": split,
        "extra": {"task": question.task, "question_id": question.id, **question.slices},
    }
    content = read_medium(path)
    if media_type == "video":
        # No format holds a video.
        name = picture_name(content) + path.suffix.lower()
        write_medium(beside / MEDIA / name, content)
        values["video_path"] = f"{MEDIA}/{name}"
    else:
        values["picture"] = content
    return make_question(question.id, values)
