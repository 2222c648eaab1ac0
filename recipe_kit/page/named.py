"""What a name of the record stands for, and how names are spelled."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from recipe_kit.page import numbers
from recipe_kit.record.schemas import Difference, Metric

Plain = str | int | float | bool | None


@dataclass(frozen=True)
class Number:
    """A metric or a difference, as a filter of the page needs it."""

    metric: str
    value: float | None
    n: int
    low: float | None = None
    high: float | None = None
    is_change: bool = False

    def __str__(self) -> str:
        if self.is_change:
            return numbers.change_of(self.metric, self.value)
        return numbers.value(self.metric, self.value)


Value = Plain | Number


@dataclass(frozen=True)
class Node:
    """Names below a name; itself a value where the name is one (`value` of the metric)."""

    path: str
    children: "dict[str, Node | Value]" = field(default_factory=dict)

    def __str__(self) -> str:
        if "" not in self.children:
            raise TypeError(f"'{self.path}' is not a number")
        return str(self.children[""])


Entry = tuple[str, Value, str]
"""A name, its value, and what it is."""


def identifier(value: str) -> str:
    """A label, category or source as a part of a name: `not cracked` becomes `not_cracked`."""
    plain = re.sub(r"\W+", "_", value).strip("_")
    if not f"_{plain}".isidentifier():  # `²` is a letter or digit, but in no name of Jinja
        plain = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
    return f"_{plain}" if plain[:1].isdigit() else plain or "_"


def identifiers(values: Iterable[str]) -> dict[str, str]:
    """The part of a name of each value; where two would be the same, the later one gets a number.

    `{"a b": "a_b", "a-b": "a_b_2"}`
    """
    found: dict[str, str] = {}
    for value in values:
        name = base = identifier(value)
        number = 2
        while name in found.values():
            name, number = f"{base}_{number}", number + 1
        found[value] = name
    return found


def of_metric(path: str, name: str, found: Metric, what: str) -> Iterator[Entry]:
    """A metric and what stands with it."""
    yield path, Number(name, found.value, found.n, found.low, found.high), what
    yield f"{path}.value", found.value, what
    yield f"{path}.n", found.n, f"answers that it is computed from: {what}"
    yield f"{path}.low", found.low, f"low end of the 95% interval: {what}"
    yield f"{path}.high", found.high, f"high end of the 95% interval: {what}"


def of_difference(path: str, found: Difference, what: str) -> Iterator[Entry]:
    """A difference and what stands with it."""
    number = Number(found.metric, found.difference, found.n, found.low, found.high, is_change=True)
    yield path, number, what
    yield f"{path}.value", found.difference, what
    yield f"{path}.before", found.before, f"before: {what}"
    yield f"{path}.after", found.after, f"after: {what}"
    yield f"{path}.n", found.n, f"answers that it is computed from: {what}"
    yield f"{path}.low", found.low, f"low end of the 95% interval: {what}"
    yield f"{path}.high", found.high, f"high end of the 95% interval: {what}"
    if found.before and found.difference is not None:
        yield f"{path}.relative", found.difference / found.before, f"relative to before: {what}"
    if found.p is not None:
        yield f"{path}.p", found.p, f"p-value: {what}"
    if found.p_adjusted is not None:
        yield f"{path}.p_adjusted", found.p_adjusted, (
            f"p-value, adjusted for the number of comparisons: {what}"
        )
    if found.better is not None:
        yield f"{path}.better", found.better, f"whether it got better, beyond noise: {what}"
