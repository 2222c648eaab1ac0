"""Qualitative analysis: inputs, both outputs, and what is to be said about them."""

from collections.abc import Mapping
from typing import Final

from recipe_kit.page import numbers, words
from recipe_kit.page.about_change import main_comparisons
from recipe_kit.page.about_gaps import in_item
from recipe_kit.page.markdown import Md, code, media, text
from recipe_kit.record.schemas import Example, Record, TaskComparison

# How many examples of each kind are told at length.
_TOLD: Final = {"fixed": 2, "broken": 1, "wrong in both": 1}
_TITLES: Final = {
    "fixed": "Example, fixed", "broken": "Example, broken", "wrong in both": "Example, still wrong"
}
# Kinds of pictures side by side: name, title, what they are.
_KINDS = (
    ("fixed", "Fixed by {training}", "the base model was wrong, the {model} is right"),
    ("broken", "Broken by {training}", "the base model was right, the {model} is wrong"),
    ("wrong in both", "Wrong in both", "neither model is right"),
    (
        "least confident", "Least confident",
        "answers of low confidence, the lowest of each category first, to pictures not shown above",
    ),
)
_SURE = 0.9
_UNSURE = 0.6


def told(record: Record, said: Mapping[str, Md]) -> tuple[Example, ...]:
    """The examples that are told at length: the first of each kind, and those with words."""
    kept: list[Example] = []
    for kind, most in _TOLD.items():
        of_kind = [one for one in record.examples if one.kind == kind]
        kept += [one for at, one in enumerate(of_kind) if at < most or one.question in said]
    return tuple(kept)


def examples(record: Record, said: Mapping[str, Md]) -> Md:
    """Each example as the seed has it: Input, Baseline Output, Post-Trained Output, Analysis.

    Args:
        record: The record.
        said: The author's words on an example, by the question's id.
    """
    return Md("\n".join(_example(record, one, said) for one in told(record, said)))


def galleries(
    record: Record, without: tuple[Example, ...] = ()
) -> list[tuple[str, str, Md]]:
    """Example pictures by kind: title, what they are, and the pictures.

    Args:
        record: The record.
        without: Examples that the page shows elsewhere.
    """
    tuned = bool(record.training)
    called = {"training": words.training_word(record), "model": words.trained_model(record)}
    found = []
    for kind, title, what in _KINDS:
        chosen = tuple(
            one for one in record.examples if one.kind == kind and one not in without
        )
        if not chosen:
            continue
        if kind == "wrong in both" and not tuned:
            title, what = "Wrong", "the base model is wrong"
        shown = words.gallery(record, chosen)
        found.append((title.format(**called), what.format(**called), shown))
    return found


def _example(record: Record, one: Example, said: Mapping[str, Md]) -> str:
    asked, options = words.parts_of(one.prompt)
    truth = words.spoken(one.reference, options)
    choices = " / ".join(words.spoken(letter, options) for letter in options)
    shown = f"“{text(asked)}”" + (f" {text(choices)}" if choices else "")
    name = words.sample_of(one.question)
    where = ", ".join(text(part) for part in (one.category, one.source) if part)
    heads = words.columns(record)
    base, tuned = (f"{heads[role]} Output" for role in ("base", "tuned"))
    own = said.get(one.question)
    analysis = _analysis(record, one) + (f" {in_item(own)}" if own else "")
    return (
        f"**{_TITLES[one.kind]}** ({code(one.question)}):\n\n"
        f"{media(one.video or one.media, f'{name}, truth {truth}', 240)}\n\n"
        f"- **Input:** the picture above{f' ({where})' if where else ''} with {shown}; the right "
        f"answer is “{text(truth)}”\n"
        f"- {_output(base, one, after=False)}\n"
        f"- {_output(tuned, one, after=True)}\n"
        f"- **Analysis:** {analysis}\n"
    )


def _output(name: str, one: Example, *, after: bool) -> str:
    said = words.answer_line(f"**{name}", one, after=after).replace(": ", ":** ", 1)
    reasoning = one.after_reasoning if after else one.before_reasoning
    return said + (f" — reasoning: “{text(words.short(reasoning))}”" if reasoning else "")


def _analysis(record: Record, one: Example) -> str:
    """What the numbers say about an example of its kind."""
    benchmark, task = one.question.split("/")[0], words.task_of(one.question)
    compared = main_comparisons(record).get(benchmark)
    found = compared.tasks.get(task) if compared else None
    if found is None:
        return ""
    training = words.training_word(record)
    wrong, right = found.fixed + found.both_wrong, found.broken + found.both_right
    if one.kind == "fixed":
        said = (
            f"The base model {_failed(one)}; {training} put "
            f"that right, as it did for {_of(found.fixed, wrong)} that the base model had wrong."
        )
    elif one.kind == "broken":
        said = (
            f"The base model was right, and {training} broke it, as it did "
            f"{_of(found.broken, right)} that the base model had right."
        )
    else:
        said = (
            f"Neither model is right. {_of(found.both_wrong, wrong).capitalize()} that the base "
            "model had wrong are still wrong."
        )
    return said + _category(found, one)


def _of(part: int, every: int) -> str:
    if part == every:
        return f"all {numbers.num(every)} questions" if every > 1 else "the only question"
    return f"{numbers.num(part)} of the {numbers.num(every)} questions"


def _failed(one: Example) -> str:
    if one.before_answer is None:
        return "said nothing that answers the question"
    return f"was {_sureness(one.before_confidence)} and wrong"


def _sureness(confidence: float | None) -> str:
    if confidence is None:
        return "not asked how sure it was"
    if confidence >= _SURE:
        return f"sure ({confidence:.0%})"
    return f"{'unsure' if confidence < _UNSURE else 'fairly sure'} ({confidence:.0%})"


def _category(found: TaskComparison, one: Example) -> str:
    categories = found.slices.get("category", {})
    change = categories.get(one.category)
    if change is None or len(categories) < 2:
        return ""
    worth = {"better": "", "worse": ", which is worse", "within noise": ", which is within noise"}
    said = worth.get(numbers.verdict(change), "")
    return (
        f" Over all of its category, {code(one.category)}, accuracy went from "
        f"{numbers.pct(change.before)} to {numbers.pct(change.after)}{said}."
    )
