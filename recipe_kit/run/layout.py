"""Where a recipe's files are: its project, its run, its page."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recipe_kit.record.store import RunFolder
from recipe_kit.spec.load import load_recipe
from recipe_kit.spec.recipe import Recipe


@dataclass(frozen=True)
class Layout:
    """The places of one recipe."""

    recipe_path: Path
    root: Path
    """The project: the nearest folder above the recipe that has a `mkdocs.yml`."""
    run: RunFolder
    page: Path
    """Folder of the page."""
    overrides: tuple[str, ...] = ()
    """Values that were set on the command line, `KEY=VALUE` each."""
    processes: int = 1
    """How many the command line asks for."""

    @property
    def cache(self) -> Path:
        """Folder for drawn pictures, shared by the runs."""
        return self.root / "runs" / ".cache"

    @property
    def record_path(self) -> Path:
        """The run's record; the published one where the run was made elsewhere."""
        published = self.page / "assets" / "record.json"
        made = self.run.record_path
        return published if published.exists() and not made.exists() else made

    def run_command(self, overrides: Sequence[str]) -> str:
        """The command that runs the recipe, or goes on with a run that was stopped."""
        several = ["--nproc-per-node", str(self.processes)] if self.processes > 1 else []
        changed = [part for override in overrides for part in ("--set", override)]
        return shlex.join(["recipe", "run", *several, str(self.recipe_path), *changed])


def layout(
    recipe: Recipe, recipe_path: Path, overrides: tuple[str, ...] = (), processes: int = 1
) -> Layout:
    """The places of a recipe; outside a project, the current folder is the root."""
    path = recipe_path.resolve()
    above = [folder for folder in path.parents if (folder / "mkdocs.yml").is_file()]
    root = above[0] if above else Path.cwd()
    return Layout(
        recipe_path=recipe_path,
        root=root,
        run=RunFolder(root / "runs", recipe.slug),
        page=root / "docs" / "recipes" / recipe.slug,
        overrides=overrides,
        processes=processes,
    )


def page_of(named: Path) -> Path:
    """Folder of the page that is named by itself, by its `index.md`, or by its recipe.

    Raises:
        SpecError: The recipe is wrong.
    """
    if named.suffix == ".md":
        return named.parent
    return layout(load_recipe(named), named).page if named.is_file() else named
