"""The JSON Schema of a recipe, for editors; `python -m recipe_kit.spec.schema FILE` writes it."""

import json
import sys
from pathlib import Path
from typing import Any

from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.worlds import WORLD_KNOBS

SCHEMA_NAME = "spec.schema.json"
"""The file's name. It lies beside the recipes, so one comment works in every project, offline."""

EDITOR_COMMENT = f"# yaml-language-server: $schema={SCHEMA_NAME}"
"""The first line of a recipe: tells editors where the schema is."""


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe, with every key's docstring."""
    schema = Recipe.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$comment"] = "Made by `python -m recipe_kit.spec.schema`; do not edit."
    world = schema["$defs"]["WorldSource"]
    # The knobs depend on the world, which the models check in a validator.
    for knobs in WORLD_KNOBS.values():
        schema["$defs"][knobs.__name__] = knobs.model_json_schema()
    world["properties"]["world"]["enum"] = list(WORLD_KNOBS)
    world["allOf"] = [
        {
            "if": {"properties": {"world": {"const": name}}, "required": ["world"]},
            "then": {"properties": {"randomize": {"$ref": f"#/$defs/{knobs.__name__}"}}},
        }
        for name, knobs in WORLD_KNOBS.items()
    ]
    return schema


def schema_text() -> str:
    """The JSON Schema as it lies beside the recipes."""
    return json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
