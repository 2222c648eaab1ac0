"""The reference page of the spec; `python -m recipe_kit.spec.reference FILE` writes it."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from recipe_kit.spec.base import Part
from recipe_kit.spec.examples import EXAMPLES
from recipe_kit.spec.prose import REQUIRED_PROSE
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.shape import Shape, field_shape, fields_of, in_words, tags_of
from recipe_kit.spec.tasks import LOWER_IS_BETTER, TASK_METRICS
from recipe_kit.spec.worlds import WORLD_KNOBS, WORLD_LABELS

_HEAD = """\
# Reference of the spec

Every key of a recipe: what it takes, and what it is when it is not given. This page is made from
the models in `recipe_kit/spec` by `python -m recipe_kit.spec.reference`.

A key that is not on this page is refused, and so is a value of another type: `"3"` is not the
number 3. YAML is version 1.2, so `Yes` and `no` are text. Tags, merge keys (`<<`) and repeated keys
are refused. `recipe validate FILE` lists everything that is wrong at once.

Any value can be replaced for one run: `recipe run FILE --set train.epochs=1 --set
authors.0.name=Ada`. The same checks apply.

`recipe new` puts the JSON Schema `spec.schema.json` beside the recipe. Editors with a YAML language
server complete and check the keys if the file begins with this line:

```yaml
# yaml-language-server: $schema=spec.schema.json
```
"""


def reference() -> str:
    """The page, in Markdown."""
    sections = [_HEAD]
    sections += [_section(title, part) for title, part in parts()]
    return "\n".join([*sections, _metrics(), _labels()])


def parts() -> list[tuple[str, type[Part]]]:
    """Every part of a spec once, with the keys that lead to it, in the order of the file."""
    found: dict[type[Part], str] = {}
    for title, part in _walk("", Recipe):
        found.setdefault(part, title)
    return [(title, part) for part, title in found.items()]


def _walk(title: str, part: type[Part]) -> Iterator[tuple[str, type[Part]]]:
    yield title or "The whole recipe", part
    for key, info in fields_of(part).items():
        inner, below = field_shape(info), f"{title}.{key}" if title else key
        if inner.item is not None:
            below += "[]" if inner.is_list else ".NAME"
            inner = inner.item
        for one in inner.parts:
            tag = f" ({_tag(one, inner)})" if inner.discriminator else ""
            yield from _walk(below + tag, one)
        if key == "randomize":
            for world, knobs in WORLD_KNOBS.items():
                knob_title = f"{title}.{key}".replace("kind: world", f"world: {world}")
                yield from _walk(knob_title, knobs)


def _tag(part: type[Part], shape: Shape) -> str:
    return f"{shape.discriminator}: {tags_of(part, shape.discriminator)[0]}"


def _section(title: str, part: type[Part]) -> str:
    words = inspect.cleandoc(part.__doc__ or "")
    rows = [
        f"| `{key}` | {_cell(in_words(field_shape(info)))} | {_default(part, key, info)} "
        f"| {_cell(info.description or '')} |"
        for key, info in fields_of(part).items()
    ]
    example = EXAMPLES.get(part)
    minimal = f"```yaml\n{inspect.cleandoc(example)}\n```\n\n" if example else ""
    level = "##" if "." not in title.partition(" (")[0] else "###"
    name = title if part is Recipe else f"`{title}`"
    head = ["| Key | Value | Default | What it is |", "| --- | --- | --- | --- |"]
    table = "\n".join([*head, *rows])
    return f"{level} {name}\n\n{words}\n\n{minimal}{table}\n"


def _default(part: type[Part], key: str, info: FieldInfo) -> str:
    asking = [f"`{name}`" for name, keys in REQUIRED_PROSE.items() if key in keys]
    if part.__name__ == "Prose" and asking:
        everywhere = len(asking) == len(REQUIRED_PROSE)
        return "required" if everywhere else f"required by {', '.join(asking)}"
    if info.is_required():
        return "required"
    value: Any = info.get_default(call_default_factory=False)
    if isinstance(value, Part):
        return "its defaults"
    if value is None:
        return "none"
    if value in ("", (), {}):
        return "empty"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _metrics() -> str:
    rows = []
    for metric in dict.fromkeys(one for known in TASK_METRICS.values() for one in known):
        kinds = ", ".join(f"`{kind}`" for kind, known in TASK_METRICS.items() if metric in known)
        threshold = "at_most" if metric in LOWER_IS_BETTER else "at_least"
        rows.append(f"| `{metric}` | {kinds} | `{threshold}` |")
    table = "\n".join(["| Metric | Types of task | Threshold |", "| --- | --- | --- |", *rows])
    return f"## Metrics\n\nWhat a target of the gate can name.\n\n{table}\n"


def _labels() -> str:
    rows = [
        f"| `{world}` | `{label}` | {', '.join(f'`{one}`' for one in values) or 'open'} |"
        for world, labels in WORLD_LABELS.items()
        for label, values in labels.items()
    ]
    table = "\n".join(["| World | Label | Values |", "| --- | --- | --- |", *rows])
    return f"## Labels of the worlds\n\nWhat a task on a synthetic world can ask for.\n\n{table}\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
