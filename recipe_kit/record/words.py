"""The author's part of a record's spec: what can change without a new run."""

import json
from typing import Any

from pydantic import ValidationError

from recipe_kit.errors import RecordError
from recipe_kit.record.files import digest
from recipe_kit.record.schemas import VERSION, Record
from recipe_kit.spec.recipe import Recipe

WORDS = frozenset(
    {"prose", "title", "authors", "organization", "use_case", "resources", "profile"}
)
"""Keys of the spec that a page is worded and laid out by; no number follows from them."""

FIRST_WITH_ANSWERS = 2
"""Version of the first records whose pages carry the answers."""


def spec_digest(spec: dict[str, Any]) -> str:
    """Digest of a resolved spec without the author's words: 64 hex digits."""
    return digest({key: value for key, value in spec.items() if key not in WORDS})


def worded(record: Record, recipe: Recipe) -> Record:
    """The record with the words of a recipe, so that the page follows from the record alone."""
    words = recipe.model_dump(mode="json", by_alias=True, include=set(WORDS))
    # It is written with all fields of this version, which an older reader would refuse. Of a page
    # without answers the version tells that it has none.
    version = VERSION if record.version >= FIRST_WITH_ANSWERS else record.version
    return record.model_copy(update={
        "version": version, "title": recipe.title, "spec": {**record.spec, **words},
    })


def recipe_of(record: Record) -> Recipe:
    """The recipe that a record was made from.

    Raises:
        RecordError: The record's spec is none that this version knows.
    """
    try:
        return Recipe.model_validate_json(json.dumps(record.spec), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"holds a spec that this version does not know: spec.{place}: {first['msg']}",
            where="record.json", fix="Run the recipe again: `recipe run`.",
        ) from error
