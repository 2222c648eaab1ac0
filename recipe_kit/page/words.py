"""What the page calls things: models, roles, tasks, labels, pictures."""

import re
from dataclasses import dataclass, replace
from typing import Any

from recipe_kit.page import numbers
from recipe_kit.page.markdown import Md, code, media, text
from recipe_kit.record.schemas import Example, ModelFacts, Record
from recipe_kit.spec.tasks import LETTERS, TEXT_TASKS, headline

_VIDEO = 240  # narrowest video, in CSS pixels
LONGEST = 300  # of an answer or a reasoning beside its picture, in characters
ROLE_COLUMNS = {"base": "Base Model", "tuned": "Fine-Tuned Model"}
_WHO = {"base": "Base", "tuned": "Fine-tuned"}
# The other profiles follow documents that name them so.
_POST_TRAINING = {"base": "Baseline", "tuned": "Post-Trained"}
_STUDY = {"base": "Zero-shot", "tuned": "Fine-tuned"}
_TITLES = {"binary": "Yes or no", "scale": "Rating", "choice": "Multiple choice",
           "caption": "Caption", "open": "Open question"}
# Whether a text was right before and after, by the kind of example; BLEU calls none right.
_JUDGED = {"fixed": (False, True), "broken": (True, False), "wrong in both": (False, False)}
_OPTION = re.compile(r"^([A-J])\. (.*)$")


def columns(record: Record) -> dict[str, str]:
    """What the columns of the base and the fine-tuned model are called in the page's profile."""
    if record.spec.get("profile") == "benchmark-study":
        return _STUDY
    return ROLE_COLUMNS if _tests(record) else _POST_TRAINING


def medium(record: Record, benchmark: str) -> str:
    """What a benchmark asks about: `video` where it is all of videos, else `picture`."""
    spec = record.spec["benchmarks"][benchmark]
    names = spec.get("sources") or record.spec["data"]["splits"][spec["split"]]
    kinds = {
        record.data.sources[name].media_type for name in names if name in record.data.sources
    }
    return "video" if kinds == {"video"} else "picture"


def training_word(record: Record) -> str:
    """What the page's profile calls training: `fine-tuning` or `post-training`."""
    return "fine-tuning" if _tunes(record) else "post-training"


def why_untrained(record: Record) -> str:
    """Why a page has no second score, after `Nothing was trained: `."""
    return (
        "the base model met every target of the gate zero-shot"
        if record.gate.enough
        else "this recipe only evaluates"
    )


def trained_model(record: Record) -> str:
    """What the page's profile calls the trained model, amid a sentence."""
    return "fine-tuned model" if _tunes(record) else "post-trained model"


def _tests(record: Record) -> bool:
    return bool(record.spec.get("profile", "test-finetune-test") == "test-finetune-test")


def _tunes(record: Record) -> bool:
    return _tests(record) or record.spec.get("profile") == "benchmark-study"


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
    kind: str  # "binary", "scale", "choice", "caption" or "open"
    title: str  # "Binary safety", ...
    prompt: str
    choices: tuple[str, ...]
    label: str
    hazard: str | None
    answers: dict[str, str]  # from the label's value to the answer; empty for a scale
    options: tuple[str, ...] = ()  # texts as the spec lists them; choice tasks only
    shuffle: bool = False
    circular: bool = False
    parser: str = "strict"
    answer_by: str = "both"
    pooled: bool = False  # each question brings its own words and options, from a pool

    def label_of(self, answer: str) -> str:
        """The label that an answer stands for: `cracked` for `Yes`."""
        values = [value for value, stands in self.answers.items() if stands == answer]
        return " / ".join(values) if values else answer


def tasks(record: Record) -> dict[str, TaskWords]:
    """Every task of the record's spec, by name."""
    found: dict[str, TaskWords] = {}
    pooled = {
        task for benchmark in record.spec["benchmarks"].values() if benchmark.get("pool")
        for task in benchmark["tasks"]
    }
    binary = 0
    for name, spec in record.spec["tasks"].items():
        title = _TITLES[spec["type"]]
        if _tests(record) and spec["type"] == "binary":
            title = "Binary safety" if binary == 0 else "Task-oriented safety"
            binary += 1
        elif _tests(record) and spec["type"] == "scale":
            title = "Severity classification"
        found[name] = replace(_task(name, spec, title), pooled=name in pooled)
    return found


def _task(name: str, spec: dict[str, Any], title: str) -> TaskWords:
    if spec["type"] == "binary":
        return TaskWords(
            name, "binary", title, spec["prompt"], ("Yes", "No"), spec["label"],
            spec["hazard"], dict(spec["answers"]),
        )
    if spec["type"] == "choice":
        return TaskWords(
            name, "choice", title, spec["prompt"], tuple(LETTERS[: len(spec["options"])]),
            spec["label"], None, {}, tuple(spec["options"]), spec["shuffle"], spec["circular"],
            spec["parser"], spec["answer_by"],
        )
    if spec["type"] in TEXT_TASKS:
        return TaskWords(name, spec["type"], title, spec["prompt"], (), spec["label"], None, {})
    points = tuple(str(point) for point in range(spec["low"], spec["high"] + 1))
    return TaskWords(name, "scale", title, spec["prompt"], points, spec["label"], None, {})


def metric_of(record: Record, task: str) -> str:
    """The metric that a task is told by first: `accuracy`, `bleu` or `lingo_judge`."""
    return headline(record.spec["tasks"][task]["type"])


def parts_of(prompt: str) -> tuple[str, dict[str, str]]:
    """A prompt without its options, and these: from letter to text. No option: an empty dict."""
    lines = prompt.rstrip().split("\n")
    options: dict[str, str] = {}
    while lines and (found := _OPTION.match(lines[-1])):
        options = {found[1]: found[2], **options}
        lines.pop()
    if list(options) != list(LETTERS[: len(options)]) or len(options) < 2:
        return prompt, {}
    return "\n".join(lines), options


def spoken(given: str, options: dict[str, str]) -> str:
    """An answer with what it says: `B. right` where there are options, else as it is."""
    return f"{given}. {options[given]}" if given in options else given


def task_of(question: str) -> str:
    """The task of a question, from its id `<benchmark>/<task>/<sample id>`."""
    parts = question.split("/", 2)
    return parts[1] if len(parts) == 3 else ""


def sample_of(question: str) -> str:
    """The sample of a question, from its id."""
    return question.split("/", 2)[-1]


def answer(
    given: str, read: str | None, confidence: float | None, options: dict[str, str] | None = None
) -> str:
    """An answer with its confidence, and the words it was read from if they say more.

    `Yes (92%)`, `B. right (97%)`, `3 (51%), from “Rating: 3/5”`, or `unreadable: “a crack”`.
    """
    said = short(given)
    if read is None:
        return f"unreadable: “{said}”" if said else "unreadable: nothing was said"
    meant = spoken(read, options or {})
    shown = meant if confidence is None else f"{meant} ({confidence:.0%})"
    plain = said.rstrip(".").casefold()
    return shown if plain in (read.casefold(), meant.casefold()) else f"{shown}, from “{said}”"


def short(said: str) -> str:
    """An answer or a reasoning on one line, cut where it is long."""
    line = " ".join(said.split())
    return line if len(line) <= LONGEST else line[:LONGEST] + " …"


def gallery(record: Record, examples: tuple[Example, ...], width: int = 160) -> Md:
    """Pictures side by side, each with its question, the truth, the answers and confidences."""
    if not examples:
        return Md("")
    if any(one.video for one in examples):
        width = max(width, _VIDEO)  # room for its controls
    who = _WHO if _tests(record) else columns(record)
    if not record.training:
        who = {"base": who["base"]}
    figures = "\n".join(_figure(example, who, width) for example in examples)
    return Md(
        '<div style="display: flex; flex-wrap: wrap; gap: 1rem; margin: 1em 0">\n'
        f"{figures}\n</div>\n"
    )


def _figure(example: Example, who: dict[str, str], width: int) -> str:
    where = " · ".join(text(part) for part in (example.category, example.source) if part)
    asked, options = parts_of(example.prompt)
    truth = text(spoken(example.reference, options))
    facts = [
        "<br>".join([f"<i>{text(asked)}</i>", *(text(spoken(one, options)) for one in options)]),
        f"Truth: <b>{truth}</b>" + (f" · {where}" if where else ""),
        *(answer_line(name, example, after=role == "tuned") for role, name in who.items()),
    ]
    for role, name in who.items():
        reasoning = example.after_reasoning if role == "tuned" else example.before_reasoning
        if reasoning:
            facts.append(f"{name} reasoning: {text(short(reasoning))}")
    alt = f"{sample_of(example.question)}, truth {spoken(example.reference, options)}"
    return (
        f'<figure style="margin: 0; width: {width}px; max-width: 100%; text-align: left">'
        f"{media(example.video or example.media, alt, width)}"
        f'<figcaption style="margin: 0; max-width: none; font-style: normal; font-size: 0.75em; '
        f'line-height: 1.5">{"<br>".join(facts)}</figcaption></figure>'
    )


def answer_line(who: str, example: Example, *, after: bool) -> str:
    """A model's answer to an example, marked as right or wrong: `Base: ✗ B. right (97%)`."""
    given, read, confidence = (
        (example.after, example.after_answer, example.after_confidence)
        if after
        else (example.before, example.before_answer, example.before_confidence)
    )
    if given is None:
        return f"{who}: not asked"
    if example.references:
        right = _JUDGED.get(example.kind)
        mark = "" if right is None else "✓ " if right[after] else "✗ "
        return f"{who}: {mark}“{text(short(given))}”"
    mark = "✓" if read == example.reference else "✗"
    options = parts_of(example.prompt)[1]
    return f"{who}: {mark} {text(answer(given, read, confidence, options))}"


def names_of(values: tuple[str, ...]) -> Md:
    """Names in code, with commas."""
    return Md(", ".join(code(value) for value in values))
