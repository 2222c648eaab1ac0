"""The base of every part of a spec: frozen, and refusing what it does not know."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

# What every library's generator takes.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Part(BaseModel):
    """A part of a spec: frozen, typed, unknown keys refused, a docstring under every field."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        allow_inf_nan=False,
    )


def settled(
    part: BaseModel, *later: str, exclude: Collection[str] = (), mode: str = "json",
    by_alias: bool = False,
) -> dict[str, Any]:
    """A part of a spec as fingerprints cover it.

    Args:
        part: The part.
        later: Fields that came into the spec later: left out while they have their default, so
            that what was finished before stays finished.
        exclude: Fields that are always left out.
        mode: Of pydantic's `model_dump`.
        by_alias: Whether fields go by the name they have in YAML.
    """
    fields = type(part).model_fields
    unset = {
        name for name in later
        if name in fields and getattr(part, name) == fields[name].get_default()
    }
    return part.model_dump(mode=mode, exclude={*exclude, *unset}, by_alias=by_alias)
