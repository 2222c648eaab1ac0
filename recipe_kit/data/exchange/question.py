"""A question as the formats of others know it."""

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from recipe_kit.errors import DataError

LETTERS = "ABCDEFGHIJ"
ESCAPE = "extra:"


class ExchangeQuestion(BaseModel):
    """One question with its picture, its options and whatever else its file said about it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, strict=True, use_attribute_docstrings=True
    )

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    image_path: str = ""
    """File of the picture, as the format gives it: mostly relative to a media folder."""
    video_path: str = ""
    picture: bytes = b""
    """The picture itself, encoded (PNG, JPEG, ...)."""
    hint: str = ""
    options: dict[str, str] = {}
    """From letter to text: none, or two to ten from A on."""
    answer: str = ""
    """A letter, or the text that is asked for; empty when it is kept back."""
    category: str = ""
    l2_category: str = ""
    split: str = ""
    extra: dict[str, JsonValue] = {}
    """Columns or keys that no field above stands for."""

    @model_validator(mode="after")
    def _lettered(self) -> Self:
        count = len(self.options)
        if count == 1 or list(self.options) != list(LETTERS[:count]):
            raise ValueError(
                "options are none, or two to ten that are lettered from A on without a gap, "
                f"not {', '.join(self.options)}"
            )
        if not all(self.options.values()):
            raise ValueError("an option has no text")
        if any("\0" in name for name in self.extra):
            raise ValueError("a name in extra holds the character NUL, which no table can hold")
        try:
            json.dumps(self.extra, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("extra holds half of a character, which UTF-8 cannot hold") from error
        return self


def make_question(where: str, values: Mapping[str, Any]) -> ExchangeQuestion:
    """A question of values that were read from a file.

    Raises:
        DataError: A value is missing or is not what it should be.
    """
    try:
        return ExchangeQuestion.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        raise DataError(
            f"is no question: {place}: {what}" if place else f"is no question: {what}",
            where=where, fix="correct this question in the file",
        ) from error


def picture_of(text: str, where: str) -> bytes:
    """The bytes of a picture that is written in base64.

    Raises:
        DataError: The text is not base64.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(
            f"the picture is not base64: {text[:20]!r}...", where=where,
            fix="write the encoded file (PNG, JPEG) in base64, or name it by its path",
        ) from error


def base64_of(picture: bytes) -> str:
    """A picture in base64, on one line."""
    return base64.b64encode(picture).decode("ascii")


def escaped(extra: Mapping[str, JsonValue], own: Collection[str]) -> dict[str, JsonValue]:
    """Extra columns under names that a format does not use itself."""
    return {
        ESCAPE + name if name in own or name.startswith(ESCAPE) else name: value
        for name, value in extra.items()
    }


def unescaped(name: str) -> str:
    """The name of an extra column, from the name it was written under."""
    return name.removeprefix(ESCAPE)
