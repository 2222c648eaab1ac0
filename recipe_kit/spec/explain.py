"""pydantic's errors → problems in plain words, at the key or value they are about."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from recipe_kit.spec.base import Part
from recipe_kit.spec.data import WorldSource
from recipe_kit.spec.problems import Keys, Plain, Problem, dotted, nearest, suggest
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.shape import (
    Shape,
    choices_in_words,
    field_shape,
    fields_of,
    in_words,
    member_for,
    tags_of,
)
from recipe_kit.spec.worlds import WORLD_KNOBS


@dataclass(frozen=True)
class _Found:
    """What an error is about."""

    keys: Keys
    shape: Shape
    owner: type[Part] | None  # the model that has (or lacks) the last key
    value: Plain


def explain(
    error: ValidationError, data: Plain, kind: type[Part] = Recipe
) -> list[Problem]:
    """The problems behind a validation error, each once.

    Args:
        error: What pydantic says about the recipe.
        data: The recipe as plain data.
        kind: What the data should be, if it is not a recipe.
    """
    problems = list(dict.fromkeys(_explain(error.errors(include_url=False), data, kind)))
    return list(_without_misspelt(problems))


def _explain(
    details: Iterable[ErrorDetails], data: Plain, kind: type[Part]
) -> Iterator[Problem]:
    details = tuple(details)
    for one in details:
        location = one["loc"]
        # pydantic counts only the items that are right.
        if one["type"] == "too_short" and any(
            other["loc"][: len(location)] == location and other is not one for other in details
        ):
            continue
        if one["type"] == "missing" and isinstance(location[-1], int):
            location = location[:-1]  # a list that is too short
        found = _follow(location, data, kind)
        if found is None:
            continue
        if one["type"] == "value_error":
            yield Problem(found.keys, str(one["ctx"]["error"]))
        else:
            yield _problem(one["type"], found)


def _problem(kind: str, found: _Found) -> Problem:
    name = str(found.keys[-1]) if found.keys else ""
    if kind == "extra_forbidden" and found.owner is not None:
        known = list(fields_of(found.owner))
        return Problem(found.keys, f"unknown key '{name}'{_inside(found.keys)}",
                       suggest(name, known, kind="keys"), at="key")
    info = fields_of(found.owner).get(name) if found.owner is not None else None
    if kind == "missing" and info is not None and found.value is None:
        return Problem(found.keys, f"the key '{name}' is missing{_inside(found.keys)}",
                       f"{info.description} It is {in_words(field_shape(info))}.", at="key")
    if kind.startswith("union_tag"):
        return _tag_problem(found)
    what = f"'{dotted(found.keys)}' must be {in_words(found.shape)}, but is {shown(found.value)}"
    return Problem(found.keys, what, _advice(found))


def _tag_problem(found: _Found) -> Problem:
    """A tagged union whose tag is missing or unknown."""
    key = found.shape.discriminator
    known = [tag for part in found.shape.parts for tag in tags_of(part, key)]
    keys = (*found.keys, key)
    tag = found.value.get(key) if isinstance(found.value, dict) else None
    if tag is None:
        return Problem(keys, f"the key '{key}' is missing{_inside(keys)}",
                       f"It is {choices_in_words(tuple(known))}.", at="key")
    near = nearest(str(tag), known)
    what = f"'{dotted(keys)}' must be {choices_in_words(tuple(known))}, but is {shown(tag)}"
    return Problem(keys, what, f"Did you mean '{near}'?" if near else "")


def _inside(keys: Keys) -> str:
    return f" in '{dotted(keys[:-1])}'" if len(keys) > 1 else ""


def _advice(found: _Found) -> str:
    shapes = (found.shape, *found.shape.members)
    if isinstance(found.value, str):
        choices = [str(c) for one in shapes if get_origin(one.annotation) is Literal
                   for c in get_args(one.annotation)]
        near = nearest(found.value, choices)
        if near is not None:
            return f"Did you mean '{near}'?"
        if any(one.annotation in (int, float) for one in shapes) and _is_number(found.value):
            return "Write it without quotes."
    elif any(one.annotation is str for one in shapes) and isinstance(found.value, int | float):
        return "Put it in quotes."
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def shown(value: Plain) -> str:
    """A value as a message shows it."""
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value[:40]}…'" if len(value) > 41 else f"'{value}'"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    text = str(value)
    return f"{text[:20]}…" if len(text) > 21 else text


def _follow(location: tuple[Any, ...], data: Plain, kind: type[Part]) -> _Found | None:
    """The key that pydantic's location means; None for a union's member that was not meant.

    pydantic puts the names of a union's members between the keys; the models tell which is which.
    """
    found = _Found((), Shape(kind), None, data)
    for step in location:
        if found.shape.discriminator:
            member = member_for(found.shape, step)
            found = _Found(found.keys, Shape(member), found.owner, found.value)
        elif found.shape.members:
            if not (isinstance(found.value, dict) and found.shape.parts):
                return found  # none of the members fits: one message for all of them
            member = found.shape.parts[0]
            if step != member.__name__:
                return None  # a mapping is meant to be the model
            found = _Found(found.keys, Shape(member), found.owner, found.value)
        elif step != "[key]":
            found = _step(found, step)
    return found


def _step(found: _Found, step: str | int) -> _Found:
    part, item, value = found.shape.part, found.shape.item, found.value
    shape = item or Shape(Any)
    if part is not None:
        info = fields_of(part).get(str(step))
        shape = field_shape(info) if info is not None else Shape(Any)
    if part is WorldSource and step == "randomize" and isinstance(value, dict):
        knobs = WORLD_KNOBS.get(str(value.get("world")))  # checked inside a validator
        shape = Shape(knobs) if knobs else shape
    inner: Plain = None
    if isinstance(value, dict):
        inner = value.get(str(step))
    elif isinstance(value, list) and isinstance(step, int) and step < len(value):
        inner = value[step]
    return _Found((*found.keys, step), shape, part, inner)


def _without_misspelt(problems: list[Problem]) -> Iterator[Problem]:
    """Leave out the missing key that an unknown key beside it was meant to be."""
    meant = {
        (*one.keys[:-1], one.fix.removeprefix("Did you mean '").removesuffix("'?"))
        for one in problems
        if one.what.startswith("unknown key")
    }
    for one in problems:
        if not (one.what.startswith("the key") and one.keys in meant):
            yield one
