"""What the page calls things: models, roles, tasks, labels, pictures."""

from dataclasses import dataclass
from typing import Any

from recipe_kit.page import numbers
from recipe_kit.page.markdown import Md, code, media, text
from recipe_kit.record.schemas import Example, ModelFacts, Record

LONGEST = 300  # of an answer or a reasoning beside its picture, in characters
ROLE_COLUMNS = {"base": "Base Model", "tuned": "Fine-Tuned Model"}


def about_model(model: ModelFacts) -> str:
    """The model's name and size, in a few words."""
    parameters = f" ({numbers.count(model.parameters)} parameters)" if model.parameters else ""
    return f"{model.title}{parameters}"


def embedded_note(model: ModelFacts) -> Md:
    """Says of the embedded model's numbers whose they are; empty for any other model."""
    if not model.embedded:
        return Md("")
    return Md(
        "*Scores of recipe_kit's small embedded demonstration model, not of Cosmos Reason 2.*\n"
    )


@dataclass(frozen=True)
class TaskWords:
    """One task, as the spec in the record has it."""

    name: str
    kind: str  # "binary" or "scale"
    title: str  # "Binary safety", ...
    prompt: str
    choices: tuple[str, ...]
    label: str
    hazard: str | None
    answers: dict[str, str]  # from the label's value to the answer; empty for a scale

    def label_of(self, answer: str) -> str:
        """The label that an answer stands for: `cracked` for `Yes`."""
        values = [value for value, stands in self.answers.items() if stands == answer]
        return " / ".join(values) if values else answer


def tasks(record: Record) -> dict[str, TaskWords]:
    """Every task of the record's spec, by name."""
    found: dict[str, TaskWords] = {}
    binary = 0
    for name, spec in record.spec["tasks"].items():
        title = "Severity classification"
        if spec["type"] == "binary":
            title = "Binary safety" if binary == 0 else "Task-oriented safety"
            binary += 1
        found[name] = _task(name, spec, title)
    return found


def _task(name: str, spec: dict[str, Any], title: str) -> TaskWords:
    if spec["type"] == "binary":
        return TaskWords(
            name, "binary", title, spec["prompt"], ("Yes", "No"), spec["label"],
            spec["hazard"], dict(spec["answers"]),
        )
    points = tuple(str(point) for point in range(spec["low"], spec["high"] + 1))
    return TaskWords(name, "scale", title, spec["prompt"], points, spec["label"], None, {})


def task_of(question: str) -> str:
    """The task of a question, from its id `<benchmark>/<task>/<sample id>`."""
    parts = question.split("/", 2)
    return parts[1] if len(parts) == 3 else ""


def sample_of(question: str) -> str:
    """The sample of a question, from its id."""
    return question.split("/", 2)[-1]


def answer(given: str, read: str | None, confidence: float | None) -> str:
    """An answer with its confidence, and the words it was read from if they say more.

    `Yes (92%)`, `3 (51%), from “Rating: 3/5”`, or `unreadable: “a crack”`.
    """
    said = _short(given)
    if read is None:
        return f"unreadable: “{said}”" if said else "unreadable: nothing was said"
    shown = read if confidence is None else f"{read} ({confidence:.0%})"
    return shown if said.rstrip(".").casefold() == read.casefold() else f"{shown}, from “{said}”"


def _short(said: str) -> str:
    line = " ".join(said.split())
    return line if len(line) <= LONGEST else line[:LONGEST] + " …"


def gallery(examples: tuple[Example, ...], tuned: bool, width: int = 160) -> Md:
    """Pictures side by side, each with its question, the truth, the answers and confidences."""
    if not examples:
        return Md("")
    figures = "\n".join(_figure(example, tuned, width) for example in examples)
    return Md(
        '<div style="display: flex; flex-wrap: wrap; gap: 1rem; margin: 1em 0">\n'
        f"{figures}\n</div>\n"
    )


def _figure(example: Example, tuned: bool, width: int) -> str:
    where = " · ".join(text(part) for part in (example.category, example.source) if part)
    facts = [
        f"<i>{text(example.prompt)}</i>",
        f"Truth: <b>{text(example.reference)}</b>" + (f" · {where}" if where else ""),
        _answer_line(
            "Base", example.before, example.before_answer, example.before_confidence,
            example.reference,
        ),
    ]
    if tuned:
        facts.append(_answer_line(
            "Fine-tuned", example.after, example.after_answer, example.after_confidence,
            example.reference,
        ))
    for role, reasoning in (
        ("Base", example.before_reasoning), ("Fine-tuned", example.after_reasoning)
    ):
        if reasoning and (tuned or role == "Base"):
            facts.append(f"{role} reasoning: {text(_short(reasoning))}")
    alt = f"{sample_of(example.question)}, truth {example.reference}"
    return (
        f'<figure style="margin: 0; width: {width}px; max-width: 100%; text-align: left">'
        f"{media(example.media, alt, width)}"
        f'<figcaption style="margin: 0; max-width: none; font-style: normal; font-size: 0.75em; '
        f'line-height: 1.5">{"<br>".join(facts)}</figcaption></figure>'
    )


def _answer_line(
    who: str, given: str | None, read: str | None, confidence: float | None, reference: str
) -> str:
    if given is None:
        return f"{who}: not asked"
    mark = "✓" if read == reference else "✗"
    return f"{who}: {mark} {text(answer(given, read, confidence))}"


def names_of(values: tuple[str, ...]) -> Md:
    """Names in code, with commas."""
    return Md(", ".join(code(value) for value in values))
