"""The base of every part of a spec: frozen, and refusing what it does not know."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A part of a spec: frozen, typed, unknown keys refused, a docstring under every field."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        allow_inf_nan=False,
    )
