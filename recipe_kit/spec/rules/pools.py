"""Rules about benchmarks whose questions come from a pool."""

from collections.abc import Iterator

from recipe_kit.spec.problems import Keys, Plain, Problem
from recipe_kit.spec.query import find, mapping, texts, value
from recipe_kit.spec.tasks import LETTERS, labels_in


def pool_task(data: Plain) -> Iterator[Problem]:
    """A benchmark with a pool has one task, of type `choice`."""
    for keys, name, place in _asked(data):
        kind = value(data, f"tasks.{name}.type")
        if place > 0:
            yield Problem((*keys, "tasks", place), "a benchmark with a pool has one task, and "
                          "this is another", "Make it a benchmark of its own.")
        elif isinstance(kind, str) and kind != "choice":
            yield Problem((*keys, "tasks", place), f"the task '{name}' is of type '{kind}', and "
                          "questions of a pool are of type 'choice'", "Name another task.")


def pool_words(data: Plain) -> Iterator[Problem]:
    """The task of a pool says where the pool's question, its options and its answer go."""
    told: set[str] = set()
    for _, name, place in _asked(data):
        task = mapping(data, f"tasks.{name}")
        if place > 0 or task.get("type") != "choice" or name in told:
            continue
        told.add(name)
        yield from _words(("tasks", name), task)


def pool_review(data: Plain) -> Iterator[Problem]:
    """Decisions are about contradictions, which there are only where a model answers too."""
    for keys, pool in find(data, "benchmarks.*.pool"):
        if not isinstance(pool, dict) or pool.get("vision") is not None:
            continue
        for key in ("review", "undecided"):
            if pool.get(key) is not None:
                yield Problem((*keys, key), "nothing can contradict the annotations: no model "
                              "answers from the video", f"Add 'vision', or remove '{key}'.",
                              at="key")


def _asked(data: Plain) -> Iterator[tuple[Keys, str, int]]:
    """Of each benchmark with a pool: its keys, a task, and the task's place in its list."""
    for keys, benchmark in find(data, "benchmarks.*"):
        if isinstance(value(benchmark, "pool"), dict):
            for place, (_, name) in enumerate(texts(benchmark, "tasks.*")):
                yield keys, name, place


def _words(keys: Keys, task: dict[str, Plain]) -> Iterator[Problem]:
    prompt, label = task.get("prompt"), task.get("label")
    if isinstance(prompt, str):
        named = labels_in(prompt)
        if "question" not in named:
            yield Problem((*keys, "prompt"), "the prompt of a pool's task does not say where the "
                          "question goes", 'Write {question} there, like `prompt: "{question}"`.')
        for other in named:
            if other != "question":
                yield Problem((*keys, "prompt"), f"the prompt of a pool's task names the label "
                              f"'{other}', and can name 'question' only", f"Remove {{{other}}}.")
    for place, (inner, option) in enumerate(texts(task, "options.*")):
        if place < len(LETTERS) and option.strip() != f"{{{LETTERS[place]}}}":
            yield Problem((*keys, *inner), "the options of a pool's task are the letters of the "
                          "pool's options", f'Write "{{{LETTERS[place]}}}".')
    if isinstance(label, str) and label != "answer":
        yield Problem((*keys, "label"), f"the label of a pool's task is 'answer', not '{label}'",
                      "Write `label: answer`.")
    if task.get("answers"):
        yield Problem((*keys, "answers"), "the pool says what is right",
                      "Remove 'answers'.", at="key")


POOL_RULES = (pool_task, pool_words, pool_review)
