"""A page that is not finished says so under its title."""

from recipe_kit.page.markdown import Md, code
from recipe_kit.spec.drafts import left_to_write
from recipe_kit.spec.problems import dotted
from recipe_kit.spec.recipe import Recipe

NAMED = 6
"""Most keys that the banner names."""


def banner(recipe: Recipe) -> Md:
    """A block quote that calls the page a draft; empty when nothing is left to write."""
    found = left_to_write(recipe)
    if not found:
        return Md("")
    keys = list(dict.fromkeys(dotted(one.keys) for one in found))
    named = ", ".join(code(key) for key in keys[:NAMED])
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    places = "1 place is" if len(found) == 1 else f"{len(found)} places are"
    return Md(f"> **Draft:** {places} left to write on this page: {named}{more}.\n")
