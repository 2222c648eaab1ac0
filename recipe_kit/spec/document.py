"""YAML text → plain data, with the line and column of every key and value.

The node tree that ruamel.yaml composes knows where everything stands, and has no objects in it yet.
Turning it into plain data here keeps out tags, repeated keys and alias bombs.
"""

import re
import warnings
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from recipe_kit.errors import SpecError
from recipe_kit.spec.problems import (
    Document,
    Keys,
    Mark,
    Place,
    Plain,
    Problem,
    nearest,
    show,
)

MAX_BYTES = 256 * 1024
"""Largest recipe that is read."""
MAX_VALUES = 20_000
"""Most keys and values of a recipe, with every alias written out."""
MAX_DEPTH = 32
"""Deepest nesting of a recipe."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what ruamel.yaml counts as a line's end
_TAG = "tag:yaml.org,2002:"
_BASES = {"0x": 16, "0o": 8, "0b": 2}
# What ruamel.yaml says, and what that mostly means to the author of a recipe.
_ADVICE = (
    ("character '\\t'", "Indent with spaces; YAML does not allow tabs there."),
    ("mapping values are not allowed", "Put text that holds ': ' in quotes."),
    ("could not find expected ':'", "Put a colon and a space after the key."),
    ("found unexpected end of stream", "Close the quote that was opened before."),
    ("undefined alias", "Put text that begins with '*' in quotes."),
    ("that cannot start any token", "Put text that begins with this character in quotes."),
    ("expected <block end>", "Indent the keys of one mapping by the same number of spaces."),
    ("expected a single document", "Remove the line '---' in the middle of the file."),
)


_START = "Begin with `schema: 1`; `recipe new NAME --starter floor-safety` writes a whole recipe."


def read_document(path: Path, *, what: str = "a recipe", start: str = _START) -> Document:
    """A YAML file's mapping.

    Args:
        path: The file.
        what: What the file is, for messages.
        start: How such a file begins, for messages.

    Raises:
        SpecError: The file cannot be read, is too large, or is not a mapping in YAML.
    """
    return parse_document(_read(path), str(path), what=what, start=start)


def parse_document(
    text: str, name: str, *, what: str = "a recipe", start: str = _START
) -> Document:
    """A YAML text's mapping; `name` is what messages call it.

    Raises:
        SpecError: It is not a mapping in YAML, or an alias bomb.
    """
    blank = Document(name, tuple(_BREAK.split(text)), None, {})
    root = _compose(text, blank)
    if not isinstance(root, MappingNode):
        if root is None or root.value == "":
            raise SpecError("the file is empty", where=name, fix=start)
        problem = Problem((), f"{what} is a mapping of keys to values", start, mark=_start(root))
        raise SpecError(show(blank, [problem]))
    builder = _Builder(blank)
    data = builder.build(root, (), Mark(0, 0))
    return Document(name, blank.lines, data, builder.places, tuple(builder.problems))


def parse_value(text: str) -> Plain:
    """The value of a piece of YAML, as `--set` takes it.

    Raises:
        SpecError: It is not YAML; the message is the cause alone, without a place.
    """
    blank = Document("", tuple(_BREAK.split(text)), None, {})
    try:
        root = _compose(text, blank)
        builder = _Builder(blank)
        value = None if root is None else builder.build(root, (), Mark(0, 0))
    except SpecError:
        raise SpecError("the value is not YAML") from None
    if builder.problems:
        raise SpecError(builder.problems[0].what)
    return value


def _read(path: Path) -> str:
    name = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise SpecError("there is no such file", where=name, fix=_near_file(path)) from None
    except IsADirectoryError:
        fix = "Name the YAML file itself."
        raise SpecError("this is a folder, not a file", where=name, fix=fix) from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(f"the file cannot be read ({reason})", where=name) from None
    if len(raw) > MAX_BYTES:
        fix = "Put data into tables beside the recipe."
        raise SpecError(f"the file is larger than {MAX_BYTES // 1024} KiB", where=name, fix=fix)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", errors="replace")
        place = f"{name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        fix = "Save the file as UTF-8."
        raise SpecError("this character is not UTF-8", where=place, fix=fix) from None


def _near_file(path: Path) -> str:
    folder = path.parent
    found = sorted(one.name for one in folder.glob("*.yaml")) if folder.is_dir() else []
    near = nearest(path.name, found)
    if near is not None:
        return f"Did you mean '{folder / near}'?"
    return "`recipe new NAME --starter floor-safety` writes a recipe."


def _compose(text: str, blank: Document) -> Node | None:
    """The node tree of a YAML text."""
    yaml = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML allows it
            root: Node | None = yaml.compose(text)
    except ReaderError as error:
        before = _BREAK.split(text[: error.position])
        mark = Mark(len(before) - 1, len(before[-1]))
        problem = Problem((), f"the character U+{ord(text[error.position]):04X} is not allowed",
                          "Remove it.", mark=mark)
    except MarkedYAMLError as error:
        problem = _syntax(error)
    except RecursionError:
        problem = _too_deep(Mark(0, 0))
    except (YAMLError, ValueError, OverflowError) as error:  # chr() of an escape out of range
        problem = Problem((), f"this is not YAML ({error})")
    else:
        return root
    raise SpecError(show(blank, [problem]))


def _syntax(error: MarkedYAMLError) -> Problem:
    said = ", ".join(part for part in (error.context, error.problem) if part)
    found = error.problem_mark or error.context_mark
    mark = Mark(found.line, found.column) if found else Mark(0, 0)
    if error.context_mark and "end of stream" in said:  # the end tells nothing; the beginning does
        mark = Mark(error.context_mark.line, error.context_mark.column)
    fix = next((advice for words, advice in _ADVICE if words in said), "")
    return Problem((), f"this is not YAML: {said}", fix, mark=mark)


def _too_deep(mark: Mark) -> Problem:
    return Problem((), f"this is nested more than {MAX_DEPTH} levels deep", mark=mark)


def _start(node: Node) -> Mark:
    return Mark(node.start_mark.line, node.start_mark.column)


class _Builder:
    """Builds plain data from nodes; keeps the places and every problem on the way."""

    def __init__(self, blank: Document) -> None:
        self.places: dict[Keys, Place] = {}
        self.problems: list[Problem] = []
        self._blank = blank
        self._values = 0

    def build(self, node: Node, keys: Keys, key_mark: Mark) -> Plain:
        mark = _start(node)
        self._values += 1
        # Counted with aliases written out, so an alias bomb ends here and not in memory.
        if self._values > MAX_VALUES:
            what = f"the file has more than {MAX_VALUES} values, aliases included"
            fix = "Put data into tables beside the recipe."
            raise SpecError(show(self._blank, [Problem((), what, fix, mark=mark)]))
        if len(keys) > MAX_DEPTH:
            raise SpecError(show(self._blank, [_too_deep(mark)]))
        if node.start_mark.index == node.end_mark.index:  # nothing there: show the key
            mark = key_mark
        literal = isinstance(node, ScalarNode) and node.style == "|"
        self.places[keys] = Place(key_mark, mark, literal)
        if isinstance(node, MappingNode):
            self._expect(node, "map", keys)
            return self._mapping(node, keys)
        if isinstance(node, SequenceNode):
            self._expect(node, "seq", keys)
            return [
                self.build(item, (*keys, index), _start(item))
                for index, item in enumerate(node.value)
            ]
        return self._scalar(node, keys)

    def _expect(self, node: Node, kind: str, keys: Keys) -> None:
        if node.tag != _TAG + kind:
            self._problem(keys, node, f"the tag '{_tag(node)}' is not allowed", "Remove it.")

    def _mapping(self, node: MappingNode, keys: Keys) -> dict[str, Plain]:
        found: dict[str, Plain] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                fix = "Put text that begins with '{' or '[' in quotes."
                self._problem(keys, key, "a key is text, not a list or a mapping", fix)
            elif key.tag == _TAG + "merge":
                self._problem(keys, key, "merging ('<<') is not allowed", "Write the keys out.")
            elif key.value in found:
                first = self.places[(*keys, key.value)].key.line + 1
                what = f"the key '{key.value}' stands here twice (first in line {first})"
                self._problem((*keys, key.value), key, what, "Remove one of them.")
            else:
                # As written: `1: "Yes"` has the key "1", so a map's keys need no quotes.
                child = (*keys, key.value)
                found[key.value] = self.build(value, child, _start(key))
        return found

    def _scalar(self, node: Node, keys: Keys) -> Plain:
        text = str(node.value)
        kind = str(node.tag).removeprefix(_TAG)
        if any("\ud800" <= char <= "\udfff" for char in text):
            self._problem(keys, node, "half of a character (a lone surrogate)", "Remove it.")
            return ""
        if kind not in {"null", "bool", "int", "float", "str", "timestamp"}:
            self._problem(keys, node, f"the tag '{_tag(node)}' is not allowed", "Remove it.")
            return text
        try:
            return _convert(kind, text)
        except ValueError:
            self._problem(keys, node, f"'{text[:40]}' cannot be read as a number", "")
            return 0

    def _problem(self, keys: Keys, node: Node, what: str, fix: str) -> None:
        self.problems.append(Problem(keys, what, fix, mark=_start(node)))


def _tag(node: Node) -> str:
    return str(node.tag).replace(_TAG, "!!")


def _convert(kind: str, text: str) -> Plain:
    """A scalar's value. Dates stay text: no key of a recipe is a date."""
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in {"true", "yes", "on", "y"}
    if kind == "int":
        digits = text.replace("_", "").lower()
        sign, digits = (-1 if digits[:1] == "-" else 1), digits.lstrip("+-")
        base = _BASES.get(digits[:2], 10)
        return sign * int(digits[2:] if base != 10 else digits, base)
    if kind == "float":
        return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


