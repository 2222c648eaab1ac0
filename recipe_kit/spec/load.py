"""A recipe's file → a checked `Recipe`, or every problem of it at once."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from recipe_kit.errors import SpecError
from recipe_kit.spec.document import read_document
from recipe_kit.spec.explain import explain
from recipe_kit.spec.overrides import override
from recipe_kit.spec.pool_files import fill_pools
from recipe_kit.spec.problems import Document, Problem, show
from recipe_kit.spec.recipe import SLUG, Recipe
from recipe_kit.spec.rules import check


def load_recipe(path: Path | str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML file.

    Args:
        path: The file.
        overrides: Values in place of the file's: `("train.epochs=1",)`.

    Raises:
        SpecError: Anything is wrong with it; the message holds every problem, sorted by line.
    """
    path = Path(path)
    document = override(read_document(path), overrides)
    recipe, problems = check_document(document, slug=path.stem)
    if recipe is not None:
        problems += fill_pools(recipe, path.parent)
    if recipe is None or problems:
        count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        raise SpecError(f"{show(document, problems)}\n\n{count} in {document.name}")
    return recipe


def check_document(document: Document, *, slug: str) -> tuple[Recipe | None, list[Problem]]:
    """The recipe in a document if its types are right, and every problem of the document.

    Args:
        document: The document.
        slug: The recipe's slug if it names none itself; made fit for a folder's name.
    """
    data = document.data
    if isinstance(data, dict) and data.get("slug", "") == "":
        data = {**data, "slug": slug_of(slug)}
    recipe, problems = None, list(document.problems)
    try:
        # As JSON, because strict JSON takes a list for a tuple but not "3" or true for a number.
        recipe = Recipe.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        problems += explain(error, data)
    wrong = {one.keys for one in problems}
    # A rule has nothing to add where the type is wrong already.
    problems += [one for one in check(data) if one.keys not in wrong]
    return recipe, list(dict.fromkeys(problems))


def slug_of(name: str) -> str:
    """A name as a slug: `My_Recipe` → `my-recipe`."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return slug if re.match(SLUG, slug) else "recipe"
