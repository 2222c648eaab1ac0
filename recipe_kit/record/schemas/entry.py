"""The base of every part of a run's files."""


from pydantic import BaseModel, ConfigDict

LabelValue = str | int | float | bool


class Entry(BaseModel):
    """A part of a run's files: frozen, and exact about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
