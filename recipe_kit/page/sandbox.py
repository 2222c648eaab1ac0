"""The sandbox that the author's prose is filled in: Jinja over the names of the record."""

import difflib
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, Undefined, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from recipe_kit.page import numbers
from recipe_kit.page.markdown import text
from recipe_kit.page.named import Node, Number, Value


class FilterError(Exception):
    """A filter was given what it cannot write."""


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox in which `a.b.c` walks the names of the record, and nothing else."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self._below(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._below(obj, str(argument))

    def _below(self, obj: Any, name: str) -> Any:
        if isinstance(obj, Undefined):
            return self.undefined(name=f"{obj._undefined_name}.{name}")
        if isinstance(obj, Node):
            if name and name in obj.children:
                return obj.children[name]
            return self.undefined(name=f"{obj.path}.{name}")
        return self.undefined(name=f"(a value).{name}")


def _plain(value: Any) -> Any:
    """The value of a name that has names below it."""
    if isinstance(value, Undefined):
        str(value)  # raises UndefinedError, with the name
    if isinstance(value, Node):
        if "" not in value.children:
            raise FilterError(f"'{value.path}' is not a number; it has {_list(value)} below it")
        return value.children[""]
    return value


def _list(node: Node) -> str:
    known = list(node.children)
    return ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")


def _number(value: Any) -> float | int | None:
    plain = _plain(value)
    if isinstance(plain, Number):
        return plain.value
    if plain is None or (isinstance(plain, int | float) and not isinstance(plain, bool)):
        return plain
    raise FilterError(f"'{plain}' is not a number")


def _interval(value: Any) -> str:
    plain = _plain(value)
    if not isinstance(plain, Number):
        raise FilterError("'ci' wants a metric, not a single number")
    if plain.is_change:
        return numbers.interval_of_change(plain.metric, plain.low, plain.high)
    return numbers.interval(plain.metric, plain.low, plain.high)


def _pct(value: Any, digits: int = 1) -> str:
    return numbers.pct(_number(value), digits)


def _num(value: Any, digits: int = 2) -> str:
    return numbers.num(_number(value), digits)


def _points(value: Any, digits: int = 1) -> str:
    return numbers.points(_number(value), digits)


def _p(value: Any) -> str:
    return numbers.p_value(_number(value))


FILTERS: dict[str, Callable[..., str]] = {
    "pct": _pct, "num": _num, "points": _points, "ci": _interval, "p": _p,
}


def _finalize(value: Any) -> str:
    plain = _plain(value)
    if plain is None:
        return numbers.NOTHING
    if isinstance(plain, bool):
        return "yes" if plain else "no"
    if isinstance(plain, int | float):
        return numbers.num(plain)
    return text(plain)


def sandbox() -> ImmutableSandboxedEnvironment:
    """An environment with the filters of the prose, and nothing else to call."""
    environment = _Environment(
        undefined=StrictUndefined, finalize=_finalize, keep_trailing_newline=False
    )
    environment.filters = dict(FILTERS)
    environment.globals = {}
    return environment


def explain(error: Exception, known: Mapping[str, tuple[Value, str]]) -> str:
    """What is wrong with a template, with the nearest known name."""
    if not isinstance(error, UndefinedError):
        reckoned = isinstance(error, TypeError) and "'Node'" in str(error)
        hint = "; to calculate with a number, write `.value` behind its name" if reckoned else ""
        return f"{error}{hint}"
    name = str(error.message).split("'")[1] if "'" in str(error.message) else ""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"the record has no '{name}'{hint}"


def template_line(trace: TracebackType | None) -> int:
    """The line of the template that an error came from."""
    line = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in ("<template>", "<unknown>"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


MISTAKES = (
    UndefinedError, FilterError, SecurityError, TypeError, ValueError, ArithmeticError,
    RecursionError,
)
"""What a template of an author can raise while it is filled."""
