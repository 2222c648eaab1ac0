"""A pool of questions: what one file of them holds."""

import re

from pydantic import Field

from recipe_kit.spec.base import Part

_LEAST = re.compile(r"(\d+)\+")


class PoolQuestion(Part):
    """A question that may be asked of a video; one of the video's labels answers it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Short name, unique in the pool."""
    category: str = Field(min_length=1)
    """Category that results are reported by."""
    question: str = Field(min_length=1)
    """The question as it is asked."""
    label: str = ""
    """Label that answers it; the question's name when empty."""
    options: dict[str, str] | tuple[str, ...] = Field(min_length=1)
    """From the label's value to how it reads, `3+` for 3 and more; or the values as they are."""
    decoys: tuple[str, ...] = ()
    """Further options, which are never right."""
    required: bool = False
    """Ask it of every video."""
    unless: tuple[str, ...] = ()
    """Values of the label for which the question has no clear answer, and is not asked."""
    usual: str | None = None
    """The value of most videos: they are asked the question less often, so that it cannot be
    answered well without looking."""

    @property
    def answered_by(self) -> str:
        """The label that answers it."""
        return self.label or self.name

    @property
    def readings(self) -> dict[str, str]:
        """From each value of the label to how it reads."""
        if isinstance(self.options, dict):
            return self.options
        return {text: text for text in self.options}

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that can be shown as an option, in the order of the file."""
        right = self.options.values() if isinstance(self.options, dict) else self.options
        return (*right, *self.decoys)

    def value(self, text: str) -> str:
        """A label's value as the options name it: `5` is `3+` where that is an option."""
        if text.isdecimal() and text not in self.readings:
            for name in self.readings:
                least = _LEAST.fullmatch(name)
                if least and int(text) >= int(least[1]):
                    return name
        return text


class QuestionPool(Part):
    """A file of questions."""

    questions: tuple[PoolQuestion, ...] = Field(min_length=1)
    """The questions, in the order in which a video is asked them."""
