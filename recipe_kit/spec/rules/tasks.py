"""Rules about tasks, benchmarks and the gate."""

from collections.abc import Iterator

from recipe_kit.spec.problems import Keys, Plain, Problem, suggest
from recipe_kit.spec.query import (
    benchmark_sources,
    find,
    labels_of,
    mapping,
    number,
    sources_of,
    texts,
    unknown,
    value,
)
from recipe_kit.spec.tasks import LOWER_IS_BETTER, TASK_METRICS


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
        for keys, name in _under(at, benchmark)
    ]
    trained = [
        (("train", *keys), name, sources_of(data, "train"), "the training samples")
        for keys, name in texts(value(data, "train"), "tasks.*")
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
        for source, label, one in _values(data, task):
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
        for source, label, one in _values(data, task):
            if one not in points:
                yield Problem((*keys, "label"), f"the label '{label}' of '{source}' can be "
                              f"'{one}', which is not on the scale from {low:g} to {high:g}",
                              "Map it to a number of the scale, or name another label.")
                break


def _values(data: Plain, task: Plain) -> Iterator[tuple[str, str, str]]:
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


def gate_names(data: Plain) -> Iterator[Problem]:
    """The gate names a benchmark, one of its tasks, and a metric of that type of task."""
    benchmarks = mapping(data, "benchmarks")
    name = value(data, "gate.benchmark")
    if isinstance(name, str) and benchmarks and name not in benchmarks:
        yield unknown(("gate", "benchmark"), "benchmark", name, list(benchmarks))
    asked = [one for _, one in texts(benchmarks.get(str(name)), "tasks.*")]
    for keys, target in find(data, "gate.targets.*"):
        task, metric = value(target, "task"), value(target, "metric")
        if isinstance(task, str) and asked and task not in asked:
            yield Problem((*keys, "task"), f"the benchmark '{name}' does not ask the task '{task}'",
                          suggest(task, asked))
        kind = str(value(data, f"tasks.{task}.type"))
        known = TASK_METRICS.get(kind, ())
        if isinstance(metric, str) and known and metric not in known:
            yield Problem((*keys, "metric"), f"there is no metric '{metric}' for a task of type "
                          f"'{kind}'", suggest(metric, known))


def gate_thresholds(data: Plain) -> Iterator[Problem]:
    """Each target has one threshold, on the right side and in the metric's range."""
    for keys, target in find(data, "gate.targets.*"):
        if not isinstance(target, dict):
            continue
        metric = str(value(target, "metric"))
        given = [key for key in ("at_least", "at_most") if target.get(key) is not None]
        if len(given) != 1:
            yield Problem(keys, "a target has either 'at_least' or 'at_most'",
                          "Add one." if not given else "Remove one.")
            continue
        right = "at_most" if metric in LOWER_IS_BETTER else "at_least"
        if metric in {one for known in TASK_METRICS.values() for one in known}:
            if given[0] != right:
                better = "smaller" if right == "at_most" else "larger"
                yield Problem((*keys, given[0]), f"'{metric}' is better the {better} it is",
                              f"Write '{right}' instead.", at="key")
            yield from _range(data, keys, target, given[0])


def _range(data: Plain, keys: Keys, target: Plain, key: str) -> Iterator[Problem]:
    metric, threshold = value(target, "metric"), number(value(target, key))
    low, high = 0.0, 1.0
    if metric == "quadratic_kappa":
        low = -1.0
    if metric == "mae":
        task = value(data, f"tasks.{value(target, 'task')}")
        top, bottom = number(value(task, "high", 5)), number(value(task, "low", 1))
        if top is None or bottom is None or top <= bottom:
            return
        high = top - bottom
    if threshold is not None and not low <= threshold <= high:
        percent = low == 0 and high == 1 and 1 < threshold <= 100
        fix = f"Write {threshold / 100:g} for {threshold:g}%." if percent else ""
        yield Problem((*keys, key), f"'{metric}' lies between {low:g} and {high:g}, not at "
                      f"{threshold:g}", fix)


TASK_RULES = (
    task_names, task_labels, answers, scales, benchmark_parts, gate_names, gate_thresholds,
)
