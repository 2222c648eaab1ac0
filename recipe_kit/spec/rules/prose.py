"""Rules about the prose."""

from collections.abc import Iterator

from recipe_kit.spec.problems import Plain, Problem
from recipe_kit.spec.prose import REQUIRED_PROSE, Prose
from recipe_kit.spec.query import mapping, texts, value


def required(data: Plain) -> Iterator[Problem]:
    """The page cannot do without some of the prose."""
    profile = value(data, "profile", "test-finetune-test")
    prose = value(data, "prose", {})
    if prose is not None and not isinstance(prose, dict):
        return
    for key in REQUIRED_PROSE.get(str(profile), ()):
        text = (prose or {}).get(key)
        if text is None or (isinstance(text, str) and not text.strip()):
            help_ = Prose.model_fields[key].description
            yield Problem(("prose", key), f"the page needs the text '{key}'", f"Write: {help_}",
                          at="key")


def templates(data: Plain) -> Iterator[Problem]:
    """The prose is a Jinja template; whether its names exist is seen when the page is made."""
    found = [(keys, text) for keys, text in texts(mapping(data, "prose"), "*") if "{" in text]
    if not found:
        return
    # Imported late: a recipe whose prose names no numbers loads without Jinja.
    from jinja2 import Environment, TemplateSyntaxError

    environment = Environment(autoescape=False)  # parses only, renders nothing
    for keys, text in found:
        try:
            environment.parse(text)
        except TemplateSyntaxError as error:
            yield Problem(("prose", *keys), f"'{keys[-1]}' is no Jinja template: {error.message}",
                          "Numbers are written like {{ floor.base.cracked.accuracy | pct }}.",
                          line=error.lineno - 1)


PROSE_RULES = (required, templates)
