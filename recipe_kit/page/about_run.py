"""What the page says about the run itself: provenance, commands, links."""

import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath

from recipe_kit.page import numbers, words
from recipe_kit.page.markdown import Md, bullets, code, fence, link, table, text
from recipe_kit.record.schemas import Record
from recipe_kit.spec.recipe import Recipe

_PACKAGES = ("torch", "transformers", "peft")


def authors(recipe: Recipe) -> Md:
    """The block under the title."""
    people = " • ".join(
        link(author.name, author.url) if author.url else text(author.name)
        for author in recipe.authors
    )
    return Md(f"> **Authors:** {people}<br>\n> **Organization:** {text(recipe.organization)}\n")


def overview(record: Record, recipe: Recipe) -> Md:
    """The table under the authors."""
    workload = "Post-training" if record.training else "Evaluation"
    return table(
        [Md("**Model**"), Md("**Workload**"), Md("**Use Case**")],
        [[words.about_model(record.model), workload, recipe.use_case]],
    )


def recipe_file(record: Record) -> str:
    """The recipe's file as a command names it."""
    return f"recipes/{PurePosixPath(record.recipe).name}"


def run_command(record: Record) -> Md:
    """The command that ran the recipe."""
    return fence(_run(record), "bash")


def evaluation_commands(record: Record) -> Md:
    """The command that asks the questions, and the one that hands them to other tools."""
    file = shlex.quote(recipe_file(record))
    asked = {task for facts in record.benchmarks.values() for task in facts.tasks}
    steps = [(_run(record), "asks the base model, and goes on from there")]
    if any(words.tasks(record)[task].kind == "choice" for task in asked):
        steps.append((
            f"recipe export {file} {next(iter(record.benchmarks))}.tsv",
            "the same questions for VLMEvalKit",
        ))
    return commands_of(steps, "")


def commands_of(steps: Sequence[tuple[str, str]], title: str) -> Md:
    """Commands below each other, each with what it does."""
    width = max(len(command) for command, _ in steps)
    shown = "\n".join(f"{command:<{width}}  # {what}" for command, what in steps)
    return fence(shown, "bash", title)


def _run(record: Record) -> str:
    changed = [part for override in record.overrides for part in ("--set", override)]
    return shlex.join(["recipe", "run", recipe_file(record), *changed])


def reproduce(record: Record) -> Md:
    """The commands that make this page again."""
    file = shlex.quote(recipe_file(record))
    steps = (
        (f"recipe validate {file}", "check the recipe"),
        (
            _run(record),
            "evaluate, write this page" if record.spec["train"]["method"] == "none"
            else "evaluate, decide, fine-tune, evaluate again, write this page",
        ),
        (f"recipe verify docs/recipes/{record.slug}", "score the logged answers again, compare"),
        ("mkdocs serve", "look at it"),
    )
    return commands_of(steps, "Reproduce this page")


def provenance(record: Record) -> Md:
    """What the run was made with."""
    made = record.provenance
    packages = ", ".join(
        f"{name} {made.packages[name]}" for name in _PACKAGES if name in made.packages
    )
    rows: list[list[object]] = [
        ["Recipe", Md(f"{code(recipe_file(record))}, digest {code(record.spec_digest[:12])}")],
        ["Model", Md(f"{code(record.model.name)}, revision {code(record.model.revision[:16])}")],
        ["Data", Md(f"digest {code(record.data.digest[:12])}")],
        [
            "Benchmarks",
            Md(", ".join(
                f"{code(name)} ({numbers.num(facts.questions)} questions, digest "
                f"{code(facts.digest[:12])})"
                for name, facts in record.benchmarks.items()
            )),
        ],
        ["Software", f"recipe_kit {made.recipe_kit}, Python {made.python}, {packages}"],
        ["Machine", f"{made.device}, {made.platform}"],
        ["Started, finished", f"{made.started}, {made.finished}"],
    ]
    if made.git_commit:
        rows.insert(1, ["Commit", code(made.git_commit[:12])])
    return table(["What", "Value"], rows)


def stages(record: Record) -> Md:
    """The stages of the run, their fingerprints and times."""
    rows = [
        [code(stage.name), code(stage.fingerprint[:12]), numbers.duration(stage.seconds),
         stage.finished]
        for stage in record.stages
    ]
    return table(["Stage", "Fingerprint", "Time", "Finished"], rows, "llrl")


def resources(record: Record, recipe: Recipe) -> Md:
    """The recipe's links, and the record itself."""
    items = [
        Md(
            f"**{link(one.name, one.url)}**"
            + (f" — {text(one.description)}" if one.description else "")
        )
        for one in recipe.resources
    ]
    items.append(
        Md("**[record.json](assets/record.json)** — every number of this page, machine-readable")
    )
    return bullets(items)
