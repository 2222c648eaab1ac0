"""`--set train.epochs=1`: values in place of the file's, checked like the file's own."""

from collections.abc import Sequence
from dataclasses import replace

from recipe_kit.errors import SpecError
from recipe_kit.spec.document import MAX_DEPTH, parse_value
from recipe_kit.spec.problems import Document, Keys, Mark, Place, Plain, dotted

_NOWHERE = Mark(0, 0)


def override(document: Document, overrides: Sequence[str]) -> Document:
    """The document with some values replaced.

    Args:
        document: The document.
        overrides: Each a key from the top of the file and a value in YAML: `train.epochs=1`,
            `authors.0.name=Ada`.

    Raises:
        SpecError: An override has no such form, or leads through something that has no keys.
    """
    for text in overrides:
        dots, equals, value = text.partition("=")
        steps = dots.strip().split(".")
        if not equals or not all(steps) or len(steps) > MAX_DEPTH:
            raise _wrong(text, "this is not KEY=VALUE", "Write it like --set train.epochs=1.")
        try:
            parsed = parse_value(value)
        except SpecError as error:
            raise _wrong(text, error.what, "Quote the value as YAML wants it.") from None
        data, keys = _put(document.data, steps, parsed, (), text)
        # What stood below the key in the file is gone, and with it the places.
        places = {at: place for at, place in document.places.items() if at[: len(keys)] != keys}
        places[keys] = Place(_NOWHERE, _NOWHERE, override=text)
        problems = tuple(one for one in document.problems if one.keys[: len(keys)] != keys)
        document = replace(document, data=data, places=places, problems=problems)
    return document


def _put(
    node: Plain, steps: Sequence[str], value: Plain, above: Keys, text: str
) -> tuple[Plain, Keys]:
    """A copy of the node with the value put in, and the keys it went to."""
    if not steps:
        return value, above
    step, *rest = steps
    if isinstance(node, list):
        if not step.isdecimal() or int(step) >= len(node):
            what = f"'{dotted(above)}' is a list of {len(node)}, it has no item '{step[:40]}'"
            raise _wrong(text, what, "Items count from 0.")
        index = int(step)
        inner, keys = _put(node[index], rest, value, (*above, index), text)
        return [*node[:index], inner, *node[index + 1 :]], keys
    if node is not None and not isinstance(node, dict):
        raise _wrong(text, f"'{dotted(above)}' is a value, it has no keys", "")
    held = node or {}
    inner, keys = _put(held.get(step), rest, value, (*above, step), text)
    return {**held, step: inner}, keys


def _wrong(text: str, what: str, fix: str) -> SpecError:
    return SpecError(what, where=f"--set {text}", fix=fix)
