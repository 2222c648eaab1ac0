"""Rules about tasks and benchmarks."""

from collections.abc import Iterable, Iterator

from recipe_kit.spec.problems import Keys, Plain, Problem
from recipe_kit.spec.query import (
    benchmark_sources,
    find,
    labels_of,
    mapping,
    number,
    pooled,
    sources_of,
    texts,
    unknown,
    value,
)
from recipe_kit.spec.tasks import ALWAYS_SLICED, SIZE_SLICE, TEXT_TASKS

TEXT_PROFILE = "benchmark-study"


def task_names(data: Plain) -> Iterator[Problem]:
    """Benchmarks and training name tasks that exist, each once."""
    known = list(mapping(data, "tasks"))
    for pattern in ("benchmarks.*.tasks", "train.tasks"):
        for keys, tasks in find(data, pattern):
            seen: set[str] = set()
            for inner, name in texts(tasks, "*"):
                if known and name not in known:
                    yield unknown((*keys, *inner), "task", name, known)
                elif name in seen:
                    yield Problem((*keys, *inner), f"the task '{name}' is named twice",
                                  "Remove one of them.")
                seen.add(name)


def task_labels(data: Plain) -> Iterator[Problem]:
    """A task's label exists in a source of every benchmark that asks it, and of the training."""
    asked = [
        (keys, name, benchmark_sources(data, benchmark), f"the benchmark '{at[-1]}'")
        for at, benchmark in find(data, "benchmarks.*")
        if value(benchmark, "pool") is None
        for keys, name in _under(at, benchmark)
    ]
    trained = [
        (("train", *keys), name, sources_of(data, "train"), "the training samples")
        for keys, name in texts(value(data, "train"), "tasks.*")
        if name not in pooled(data)
    ]
    told: set[str] = set()
    for keys, name, sources, whose in asked + trained:
        label = value(data, f"tasks.{name}.label")
        held = [labels_of(value(data, f"data.sources.{source}")) for source in sources]
        if not isinstance(label, str) or not held or None in held or name in told:
            continue
        if value(data, f"data.sources.{sources[0]}.kind") == "triples" and len(sources) == 1:
            continue
        known = sorted({one for labels in held for one in labels or ()})
        if label not in known:
            everywhere = _all_labels(data)
            told.add(name)
            if label not in everywhere:
                yield unknown(("tasks", name, "label"), "label", label, everywhere)
            else:
                fix = f"Labels there: {', '.join(known)}."
                yield Problem(keys, f"the task '{name}' needs the label '{label}', which no source "
                              f"of {whose} has", fix)


def texts_are_told(data: Plain) -> Iterator[Problem]:
    """Further references and the judge's question are labels; a profile tells of such tasks."""
    known = [labels_of(source) for _, source in find(data, "data.sources.*")]
    everywhere = _all_labels(data)
    for keys, task in find(data, "tasks.*"):
        if value(task, "type") not in TEXT_TASKS:
            continue
        named = [*texts(task, "more_labels.*"), *texts(task, "question")]
        for inner, label in named:
            if everywhere and None not in known and label not in everywhere:
                yield unknown((*keys, *inner), "label", label, everywhere)
        profile = value(data, "profile", "test-finetune-test")
        if profile != TEXT_PROFILE:
            yield Problem((*keys, "type"), f"the profile '{profile}' has no place for answers "
                          "that are text", f"Write `profile: {TEXT_PROFILE}`.")


def _under(at: Keys, benchmark: Plain) -> list[tuple[Keys, str]]:
    return [((*at, *keys), name) for keys, name in texts(benchmark, "tasks.*")]


def _all_labels(data: Plain) -> list[str]:
    held = [labels_of(source) for _, source in find(data, "data.sources.*")]
    return sorted({name for labels in held for name in labels or ()})


def answers(data: Plain) -> Iterator[Problem]:
    """A Yes/No question has both answers, and one for every value of its label."""
    for keys, task in find(data, "tasks.*"):
        if value(task, "type") != "binary":
            continue
        given = value(task, "answers", {"Yes": "Yes", "No": "No"})
        if not isinstance(given, dict):
            continue
        if missing := [one for one in ("Yes", "No") if one not in given.values()]:
            yield Problem((*keys, "answers"), f"no value of the label is answered '{missing[0]}'",
                          "Give both, like `answers: {cracked: \"Yes\", not cracked: \"No\"}`.")
        for source, label, one in label_values(data, task):
            if one not in given:
                at: Keys = (*keys, "answers" if value(task, "answers") is not None else "label")
                what = f"the label '{label}' of '{source}' can be '{one}', which has no answer"
                yield Problem(at, what, f"Add `{one}: \"Yes\"` or `{one}: \"No\"` to 'answers'.")
                break


def scales(data: Plain) -> Iterator[Problem]:
    """A scale rises, and has a point for every value of its label."""
    for keys, task in find(data, "tasks.*"):
        if value(task, "type") != "scale":
            continue
        low, high = number(value(task, "low", 1)), number(value(task, "high", 5))
        if low is None or high is None:
            continue
        if low >= high:
            key = "low" if "low" in mapping(data, f"tasks.{keys[-1]}") else "high"
            yield Problem((*keys, key), f"the scale goes from {low:g} to {high:g}",
                          "Make 'low' smaller than 'high'.")
            continue
        points = [str(point) for point in range(int(low), int(high) + 1)]
        for source, label, one in label_values(data, task):
            if one not in points:
                yield Problem((*keys, "label"), f"the label '{label}' of '{source}' can be "
                              f"'{one}', which is not on the scale from {low:g} to {high:g}",
                              "Map it to a number of the scale, or name another label.")
                break


def label_values(data: Plain, task: Plain) -> Iterator[tuple[str, str, str]]:
    """Source, label and value, for every value that a task's label is known to take."""
    label = value(task, "label")
    for keys, source in find(data, "data.sources.*"):
        for one in (labels_of(source) or {}).get(str(label), ()):
            yield str(keys[-1]), str(label), one


def benchmark_parts(data: Plain) -> Iterator[Problem]:
    """A benchmark's split has samples of every source it names."""
    sources = mapping(data, "data.sources")
    for keys, benchmark in find(data, "benchmarks.*"):
        split = value(benchmark, "split", "test")
        taken = sources_of(data, str(split))
        if split == "val" and not mapping(data, "data.splits.val"):
            yield Problem((*keys, "split"), "the split 'val' is empty",
                          "Take a part of a source for it in 'data.splits.val'.")
            continue
        seen: set[str] = set()
        for inner, name in texts(benchmark, "sources.*"):
            at = (*keys, *inner)
            if name in seen:
                yield Problem(at, f"the source '{name}' is named twice", "Remove one of them.")
            elif name in sources and taken and name not in taken:
                yield Problem(at, f"the split '{split}' takes nothing from the source '{name}'",
                              f"Sources in '{split}': {', '.join(taken)}.")
            seen.add(name)


def slices(data: Plain) -> Iterator[Problem]:
    """Results are reported by labels that a source of the benchmark has, each once."""
    for keys, benchmark in find(data, "benchmarks.*"):
        held = _held(data, benchmark_sources(data, benchmark))
        seen: set[str] = set()
        for inner, name in texts(benchmark, "slices.*"):
            if name in seen:
                yield Problem((*keys, *inner), f"the label '{name}' is named twice",
                              "Remove one of them.")
            elif name in ALWAYS_SLICED:
                yield Problem((*keys, *inner), f"'{name}' is what results are reported by anyway",
                              "Remove it; a label that is something else needs another name.")
            elif held is not None and name not in held and name != SIZE_SLICE:
                yield unknown((*keys, *inner), "label", name, held)
            seen.add(name)


def _held(data: Plain, sources: Iterable[str]) -> list[str] | None:
    """The labels of some sources together; None if there is no source, or it cannot be known."""
    held = [labels_of(value(data, f"data.sources.{name}")) for name in sources]
    if not held or None in held:
        return None
    return sorted({one for labels in held for one in labels or ()})


TASK_RULES = (task_names, task_labels, answers, scales, texts_are_told, benchmark_parts, slices)
