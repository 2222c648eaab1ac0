"""The author's prose: Jinja in a sandbox, with numbers of the record by name.

A misspelt name is an error that says where it stands in the YAML file and which name is near.
"""

import difflib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from recipe_kit.errors import PageError
from recipe_kit.page import numbers
from recipe_kit.page.markdown import Md, text
from recipe_kit.page.names import Node, Number, Value
from recipe_kit.spec.prose import Prose

_TEMPLATE = "<prose>"


class _FilterError(Exception):
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
            raise _FilterError(f"'{value.path}' is not a number; it has {_list(value)} below it")
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
    raise _FilterError(f"'{plain}' is not a number")


def _interval(value: Any) -> str:
    plain = _plain(value)
    if not isinstance(plain, Number):
        raise _FilterError("'ci' wants a metric, not a single number")
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


def _environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, finalize=_finalize, keep_trailing_newline=False
    )
    environment.filters = dict(FILTERS)
    environment.globals = {}
    return environment


def render_prose(
    prose: Prose, used: tuple[str, ...], root: Node, known: dict[str, tuple[Value, str]],
    *, recipe: str, line_of: Callable[[str, int], int | None],
) -> dict[str, Md]:
    """Fills the numbers into the parts of the prose that a page uses.

    Args:
        prose: The author's words.
        used: The parts that this page shows; the others are not looked at.
        root: The names, nested.
        known: The names, flat: for the nearest known one.
        recipe: The recipe's file, for errors.
        line_of: From a part and a line in it to the line of the file, where known.

    Raises:
        PageError: A name, a filter or the syntax is wrong; tells every one of them.
    """
    environment = _environment()
    done: dict[str, Md] = {}
    problems: list[str] = []
    for part in used:
        source = getattr(prose, part)
        if source is None:
            continue
        try:
            template = environment.from_string(source)
            done[part] = Md(template.render(root.children).strip())
        except TemplateSyntaxError as error:
            problems.append(_where(recipe, part, error.lineno, line_of) + str(error.message))
        except (
            UndefinedError, _FilterError, SecurityError, TypeError, ValueError, ArithmeticError,
            RecursionError,
        ) as error:
            line = _template_line(error.__traceback__)
            problems.append(_where(recipe, part, line, line_of) + _explain(error, known))
    if problems:
        raise PageError(
            "the prose cannot be filled:\n  " + "\n  ".join(problems),
            fix="correct those lines of the recipe.",
        )
    return done


def _where(
    recipe: str, part: str, line: int, line_of: Callable[[str, int], int | None]
) -> str:
    found = line_of(part, line)
    place = f"{recipe}:{found}" if found else f"{recipe} (line {line} of it)"
    return f"{place}: prose.{part}: "


def _explain(error: Exception, known: dict[str, tuple[Value, str]]) -> str:
    if not isinstance(error, UndefinedError):
        reckoned = isinstance(error, TypeError) and "'Node'" in str(error)
        hint = "; to calculate with a number, write `.value` behind its name" if reckoned else ""
        return f"{error}{hint}"
    name = str(error.message).split("'")[1] if "'" in str(error.message) else ""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"the record has no '{name}'{hint}"


def _template_line(trace: TracebackType | None) -> int:
    line = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in ("<template>", "<unknown>", _TEMPLATE):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def yaml_lines(path: Path | None) -> Callable[[str, int], int | None]:
    """Finds the line of a recipe file that a line of its prose stands in.

    Only a literal block (`key: |`) keeps its lines; for another style it is the key's own line.
    """
    if path is None:
        return lambda part, line: None
    source = path.read_text(encoding="utf-8")
    document = YAML(typ="rt").load(source)
    prose = document.get("prose")
    text_lines = source.splitlines()

    def find(part: str, line: int) -> int | None:
        if not isinstance(prose, CommentedMap) or part not in prose:
            return None
        row = int(prose.lc.key(part)[0])
        after = text_lines[row].split(":", 1)[-1].strip()
        return row + 1 + (line if after.startswith("|") else 0)

    return find
