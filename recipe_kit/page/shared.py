"""The variables that the templates of all profiles have."""

from collections.abc import Mapping
from typing import Any

from recipe_kit.page import numbers, words
from recipe_kit.page.drafts import banner
from recipe_kit.page.markdown import Md
from recipe_kit.record.schemas import Record
from recipe_kit.spec.prose import Prose
from recipe_kit.spec.recipe import Recipe


def shared(record: Record, recipe: Recipe, prose: Mapping[str, Md]) -> dict[str, Any]:
    """The page's title, its model, its prose, and how the run ended."""
    model = record.model
    filled: dict[str, Md | None] = dict.fromkeys(Prose.model_fields)
    return {
        "title": recipe.title,
        "draft_banner": banner(recipe),
        "embedded": model.embedded,
        "model_name": model.name,
        "model_size": f"({numbers.count(model.parameters)} parameters)" if model.parameters else "",
        "model_note": words.embedded_note(model),
        "prose": {**filled, **prose},
        "tuned": bool(record.training),
        "enough": record.gate.enough,
        "overridden": bool(record.overrides),
    }
