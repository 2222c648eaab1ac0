"""What the commands of `recipe` share: how errors end them, their options, and their words."""

import sys
from pathlib import Path

import click

from recipe_kit.errors import RecipeError

INTERRUPTED = 130


class Group(click.Group):
    """Prints an error as one message and ends with its exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except RecipeError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(error.exit_code)


recipe_file = click.argument("recipe", type=click.Path(path_type=Path))
overrides = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Use another value than the file's, such as train.epochs=1.",
)

nproc_per_node = click.option(
    "--nproc-per-node", "processes", type=click.IntRange(min=1), default=1, metavar="N",
    help="Share the work among N processes of this machine, one for each GPU.",
)

format_name = click.Choice(("vlmevalkit", "llava", "triples", "datasets"))


def list_starters(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Lists the starters and ends, where that is asked for."""
    if not wanted:
        return
    from recipe_kit.spec.starters import described

    found = described()
    width = max(map(len, found))
    for name, what in found.items():
        click.echo(f"{name.ljust(width)}  {what}")
    context.exit()


def short(path: Path) -> Path:
    """The path as the user would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def count(number: int, what: str) -> str:
    """A number of things, in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
