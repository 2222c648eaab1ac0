"""Where a recipe's files are: its project, its run, its page."""

from dataclasses import dataclass
from pathlib import Path

from recipe_kit.record.store import RunFolder
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

    @property
    def cache(self) -> Path:
        """Folder for drawn pictures, shared by the runs."""
        return self.root / "runs" / ".cache"


def layout(recipe: Recipe, recipe_path: Path) -> Layout:
    """The places of a recipe; outside a project, the current folder is the root."""
    path = recipe_path.resolve()
    above = [folder for folder in path.parents if (folder / "mkdocs.yml").is_file()]
    root = above[0] if above else Path.cwd()
    return Layout(
        recipe_path=recipe_path,
        root=root,
        run=RunFolder(root / "runs", recipe.slug),
        page=root / "docs" / "recipes" / recipe.slug,
    )
