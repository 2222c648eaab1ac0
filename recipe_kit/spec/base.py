"""The base of every part of a spec: frozen, and refusing what it does not know."""

from typing import Annotated

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
