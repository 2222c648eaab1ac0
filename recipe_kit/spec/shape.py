"""What the models of a spec allow: their keys, and the kinds of value, in words."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from recipe_kit.spec.base import Part
from recipe_kit.spec.recipe import SLUG

_KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_MANY = {"text": "texts", "a whole number": "whole numbers", "a number": "numbers",
         "a mapping": "mappings"}


_LIMITS = (Ge, Gt, Le, Lt, MaxLen, MinLen)


@dataclass(frozen=True)
class Shape:
    """The kind of value a key takes."""

    annotation: Any  # a type without Annotated and without None
    limits: tuple[Any, ...] = ()  # annotated_types: Ge, Le, MinLen, ...
    pattern: str = ""
    discriminator: str = ""
    optional: bool = False

    @property
    def members(self) -> tuple["Shape", ...]:
        """The members of a union; none for anything else."""
        if get_origin(self.annotation) in (Union, types.UnionType):
            return tuple(shape_of(one) for one in get_args(self.annotation))
        return ()

    @property
    def part(self) -> type[Part] | None:
        """The model, if it is one."""
        kind = self.annotation
        return kind if isinstance(kind, type) and issubclass(kind, Part) else None

    @property
    def parts(self) -> tuple[type[Part], ...]:
        """The model, or the models among the members of a union."""
        return tuple(one.part for one in (self, *self.members) if one.part is not None)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return get_origin(self.annotation) is tuple

    @property
    def item(self) -> "Shape | None":
        """What a list's items or a mapping's values are."""
        arguments = get_args(self.annotation)
        if get_origin(self.annotation) is dict:
            return shape_of(arguments[1])
        return shape_of(arguments[0]) if self.is_list else None


def shape_of(annotation: Any, info: FieldInfo | None = None) -> Shape:
    """The shape of an annotation, with what a field adds to it."""
    limits: list[Any] = []
    pattern = discriminator = ""
    notes: list[Any] = [] if info is None else [info]
    while get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        notes += more
    for note in notes:
        if not isinstance(note, FieldInfo):
            continue
        discriminator = discriminator or str(note.discriminator or "")
        limits += [one for one in note.metadata if isinstance(one, _LIMITS)]
        pattern = pattern or next(
            (one.pattern for one in note.metadata if getattr(one, "pattern", None)), ""
        )
    optional = False
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [one for one in get_args(annotation) if one is not type(None)]
        optional = len(rest) < len(get_args(annotation))
        annotation = Union[tuple(rest)] if optional else annotation  # noqa: UP007 (made at run time)
        if get_origin(annotation) is Annotated:
            inner = shape_of(annotation)
            return Shape(inner.annotation, (*limits, *inner.limits), inner.pattern,
                         inner.discriminator, True)
    return Shape(annotation, tuple(limits), pattern, discriminator, optional)


def fields_of(part: type[Part]) -> Mapping[str, FieldInfo]:
    """A model's fields by the key that stands in the file."""
    return {info.alias or name: info for name, info in part.model_fields.items()}


def field_shape(info: FieldInfo) -> Shape:
    """The shape of a field's value."""
    return shape_of(info.annotation, info)


def member_for(shape: Shape, tag: object) -> type[Part] | None:
    """The member of a tagged union that a tag chooses."""
    return next((one for one in shape.parts if tag in tags_of(one, shape.discriminator)), None)


def tags_of(part: type[Part], key: str) -> tuple[str, ...]:
    """The values of a tag that choose this model."""
    return tuple(str(one) for one in get_args(part.model_fields[key].annotation))


def in_words(shape: Shape) -> str:
    """What a value must be: `a number above 0 and at most 1`."""
    if shape.discriminator:
        return "a mapping"
    if shape.members:
        return " or ".join(dict.fromkeys(in_words(one) for one in shape.members))
    origin = get_origin(shape.annotation)
    if origin is Literal:
        return choices_in_words(get_args(shape.annotation))
    if shape.part is not None or origin is dict:
        filled = any(isinstance(one, MinLen) for one in shape.limits)
        return "a mapping with at least one key" if filled else "a mapping"
    if origin is tuple:
        return _list_in_words(shape)
    if shape.pattern:
        return SLUG_IN_WORDS if SLUG in shape.pattern else f"text that matches {shape.pattern}"
    return _KINDS.get(shape.annotation, "a value") + _limits_in_words(shape.limits)


SLUG_IN_WORDS = "lowercase letters, digits and single hyphens"


def choices_in_words(choices: tuple[object, ...]) -> str:
    """The values of a Literal: `'a', 'b' or 'c'`."""
    quoted = [f"'{one}'" if isinstance(one, str) else str(one) for one in choices]
    return " or ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)


def _list_in_words(shape: Shape) -> str:
    arguments = get_args(shape.annotation)
    item = shape_of(arguments[0])
    kind = in_words(Shape(item.annotation))
    many = _MANY.get(kind, kind)
    if Ellipsis not in arguments:
        return f"a list of {len(arguments)} {many}"
    least = next((one.min_length for one in shape.limits if isinstance(one, MinLen)), 0)
    most = next((one.max_length for one in shape.limits if isinstance(one, MaxLen)), None)
    if most is not None:
        return f"a list of {least} to {most} {many}"
    return f"a list of {many}, at least one" if least else f"a list of {many}"


def _limits_in_words(limits: tuple[Any, ...]) -> str:
    match limits:
        case (Ge(ge=low), Le(le=high)):
            return f" from {number(low)} to {number(high)}"
    words = []
    for limit in limits:
        match limit:
            case Gt(gt=bound):
                words.append(f"above {number(bound)}")
            case Ge(ge=bound):
                words.append(f"of at least {number(bound)}")
            case Lt(lt=bound):
                words.append(f"below {number(bound)}")
            case Le(le=bound):
                words.append(f"at most {number(bound)}")
            case MinLen():
                words.append("that is not empty")
    return " " + " and ".join(words) if words else ""


def number(value: object) -> str:
    """A number as the file would have it: 1 rather than 1.0, and 10,000,000."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
