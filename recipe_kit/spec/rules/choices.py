"""Rules about prompts that name labels, and about tasks with options."""

import math
from collections.abc import Iterator

from recipe_kit.spec.problems import Plain, Problem, suggest
from recipe_kit.spec.query import (
    benchmark_sources,
    find,
    labels_of,
    mapping,
    number,
    sources_of,
    texts,
    value,
)
from recipe_kit.spec.rules.tasks import label_values
from recipe_kit.spec.tasks import LETTERS, labels_in


def prompt_labels(data: Plain) -> Iterator[Problem]:
    """The labels that a prompt names are in every source that the task is asked of."""
    for keys, prompt in texts(data, "tasks.*.prompt"):
        told: set[str] = set()
        for source, labels in _asked_of(data, str(keys[1])).items():
            for line, label in _named(prompt):
                if labels is None or label in labels or label in told:
                    continue
                told.add(label)
                fix = suggest(label, labels, kind="labels")
                if not fix.startswith("Did"):
                    fix = f"{fix} Braces themselves are written {{{{{label}}}}}.".lstrip()
                yield Problem(keys, f"the prompt names the label '{label}', which the source "
                              f"'{source}' lacks", fix, line=line)


def option_labels(data: Plain) -> Iterator[Problem]:
    """The labels that an option names are in a source that the task is asked of."""
    for keys, option in texts(data, "tasks.*.options.*"):
        held = list(_asked_of(data, str(keys[1])).values())
        if not held or None in held:
            continue
        known = sorted({label for labels in held for label in labels or ()})
        for line, label in _named(option):
            if label not in known:
                yield Problem(keys, f"there is no label '{label}'", suggest(label, known),
                              line=line)


def option_texts(data: Plain) -> Iterator[Problem]:
    """No option is empty or itself a letter, and no two say the same."""
    for keys, options in find(data, "tasks.*.options"):
        seen: set[str] = set()
        letters = LETTERS[: len(texts(options, "*"))]
        for inner, option in texts(options, "*"):
            text = option.strip()
            if not text:
                yield Problem((*keys, *inner), "the option is empty", "Write its text.")
            elif text in seen:
                yield Problem((*keys, *inner), f"the option '{text}' stands there twice",
                              "Remove one of them, or write how they differ.")
            elif text and text in letters:
                yield Problem((*keys, *inner), f"the option '{text}' would have the letter of "
                              "another", f"Write what it stands for, like 'point {text}'.")
            seen.add(text)


def option_answers(data: Plain) -> Iterator[Problem]:
    """Answers are options, and every known value of the label leads to one."""
    for keys, task in find(data, "tasks.*"):
        options = [option.strip() for _, option in texts(task, "options.*")]
        # An option with labels in it says something else of each sample.
        if value(task, "type") != "choice" or not options or any(map(labels_in, options)):
            continue
        known = [*options, *LETTERS[: len(options)]]
        given = mapping(task, "answers")
        for name, answer in given.items():
            if isinstance(answer, str) and answer.strip() not in known:
                yield Problem((*keys, "answers", name), f"'{answer}' is none of the options",
                              suggest(answer, options))
        for source, label, one in label_values(data, task):
            if one not in given and one not in known:
                what = f"the label '{label}' of '{source}' can be '{one}', which is no option"
                yield Problem((*keys, "answers" if given else "label"), what,
                              "Add it to 'options', or say in 'answers' which option it means.")
                break


def reading(data: Plain) -> Iterator[Problem]:
    """What is read from probabilities needs no parser, and there are only so many orders."""
    for keys, task in find(data, "tasks.*"):
        if value(task, "type") != "choice":
            continue
        if value(task, "answer_by") == "probability" and value(task, "parser") == "vlmevalkit":
            yield Problem((*keys, "parser"), "no text is read where answers are the likeliest "
                          "letters", "Remove 'parser', or write `answer_by: both`.", at="key")
        orders, size = number(value(task, "training_orders")), len(texts(task, "options.*"))
        if orders is not None and 2 <= size <= 10 and orders > math.factorial(size):
            yield Problem((*keys, "training_orders"), f"{size} options have "
                          f"{math.factorial(size)} orders, not {orders:g}",
                          f"Write {math.factorial(size)} or less.")


def _asked_of(data: Plain, task: str) -> dict[str, tuple[str, ...] | None]:
    """The sources whose samples have the task's label and are asked it, with their labels."""
    label = value(data, f"tasks.{task}.label")
    asked = [
        benchmark_sources(data, benchmark)
        for _, benchmark in find(data, "benchmarks.*")
        if task in [one for _, one in texts(benchmark, "tasks.*")]
    ]
    trained = [one for _, one in texts(data, "train.tasks.*")]
    if task in trained or (asked and not trained):
        asked += [sources_of(data, "train"), sources_of(data, "val")]
    sources = list(dict.fromkeys(name for names in asked for name in names))
    held = {name: labels_of(value(data, f"data.sources.{name}")) for name in sources}
    return {
        name: None if labels is None else tuple(labels)
        for name, labels in held.items()
        if labels is None or str(label) in labels
    }


def _named(text: str) -> Iterator[tuple[int, str]]:
    """Line and name of each label in a text."""
    for line, row in enumerate(text.splitlines()):
        for label in labels_in(row):
            yield line, label


CHOICE_RULES = (prompt_labels, option_labels, option_texts, option_answers, reading)
