"""Rules about the prose."""

from collections.abc import Iterator

from recipe_kit.spec.problems import Keys, Plain, Problem
from recipe_kit.spec.profiles import PROFILES
from recipe_kit.spec.prose import Prose
from recipe_kit.spec.query import find, mapping, unknown, value
from recipe_kit.spec.shape import Shape, field_shape, fields_of
from recipe_kit.spec.train import Train


def required(data: Plain) -> Iterator[Problem]:
    """The page cannot do without some of the prose."""
    profile = value(data, "profile", "test-finetune-test")
    prose = value(data, "prose", {})
    if prose is not None and not isinstance(prose, dict):
        return
    for need in PROFILES.get(str(profile), ()):
        if need.required and is_empty((prose or {}).get(need.part)):
            shape = field_shape(Prose.model_fields[need.part])
            kind = "list" if shape.is_list else "text"
            what = f"the page needs the {kind} '{need.part}' (heading \"{need.heading}\")"
            yield Problem(("prose", need.part), what, f"Write: {need.help}", at="key")


def is_empty(written: Plain) -> bool:
    """Whether nothing is written there: no text, blank text, a list or mapping of nothing."""
    if isinstance(written, str):
        return not written.strip()
    if isinstance(written, dict):
        return all(is_empty(one) for one in written.values())
    if isinstance(written, list):
        return all(is_empty(one) for one in written)
    return written is None


def blank_items(data: Plain) -> Iterator[Problem]:
    """A list item or a mapping's text is not blank; there would be an empty point on the page."""
    for keys, text in prose_texts(data):
        if len(keys) > 2 and not text.strip():
            yield Problem(keys, "this text is empty", "Write it, or remove it.")


def parameters(data: Plain) -> Iterator[Problem]:
    """Each rationale is about a setting of `train`."""
    known = _settings()
    for name in mapping(data, "prose.parameters"):
        if name not in known:
            yield unknown(("prose", "parameters", name), "setting of 'train'", name, known,
                          key=True)


STEPS = ("benchmark", "zero_shot", "data", "training", "re_evaluation", "conclusion")
"""Steps of the workflow of `benchmark-study`."""
METHODS = ("bleu", "mcq", "lingo_judge")
"""Methods of evaluation that words can be about, beside each benchmark."""


def named(data: Plain) -> Iterator[Problem]:
    """Words on a step, a method, a source or a benchmark name one that there is."""
    benchmarks = list(mapping(data, "benchmarks"))
    parts = [
        str(part) for _, part in find(data, "data.sources.*.subdirectories.*")
        if isinstance(part, str)
    ]
    known = {
        "workflow": ("step of the workflow", list(STEPS)),
        "methods": ("method", [*METHODS, *benchmarks]),
        "sources": ("source", [*mapping(data, "data.sources"), *parts]),
        "observations": ("benchmark", benchmarks),
    }
    for part, (kind, names) in known.items():
        for name in mapping(data, f"prose.{part}"):
            if name not in names:
                yield unknown(("prose", part, name), kind, name, names, key=True)


def _settings() -> list[str]:
    """Settings of `train`, those of its parts as `lora.rank`."""
    found: list[str] = []
    for key, info in fields_of(Train).items():
        shape: Shape = field_shape(info)
        found.append(key)
        if shape.part is not None:
            found += [f"{key}.{inner}" for inner in fields_of(shape.part)]
    return found


def templates(data: Plain) -> Iterator[Problem]:
    """The prose is a Jinja template; whether its names exist is seen when the page is made."""
    found = [(keys, text) for keys, text in prose_texts(data) if "{" in text]
    if not found:
        return
    # Imported late: a recipe whose prose names no numbers loads without Jinja.
    from jinja2 import Environment, TemplateSyntaxError

    environment = Environment(autoescape=False)  # parses only, renders nothing
    for keys, text in found:
        try:
            environment.parse(text)
        except TemplateSyntaxError as error:
            name = ".".join(str(key) for key in keys[1:])
            yield Problem(keys, f"'{name}' is no Jinja template: {error.message}",
                          "Numbers are written like {{ floor.base.cracked.accuracy | pct }}.",
                          line=error.lineno - 1)


def prose_texts(data: Plain) -> Iterator[tuple[Keys, str]]:
    """Every text of the prose, at any depth, with its keys."""
    return texts_below(value(data, "prose"), ("prose",))


def texts_below(node: Plain, keys: Keys) -> Iterator[tuple[Keys, str]]:
    """Every text at or below a value, at any depth, with its keys.

    Args:
        node: The value.
        keys: The keys of the value itself.
    """
    if isinstance(node, str):
        yield keys, node
    elif isinstance(node, dict):
        for key, one in node.items():
            yield from texts_below(one, (*keys, key))
    elif isinstance(node, list):
        for at, one in enumerate(node):
            yield from texts_below(one, (*keys, at))


PROSE_RULES = (required, blank_items, parameters, named, templates)
