"""Rules about thresholds: the gate's targets, and the criteria of success."""

from collections.abc import Iterator

from recipe_kit.spec.problems import Keys, Plain, Problem, suggest
from recipe_kit.spec.query import (
    benchmark_sources,
    find,
    labels_of,
    mapping,
    number,
    texts,
    unknown,
    value,
)
from recipe_kit.spec.tasks import LOWER_IS_BETTER, SLICE_METRICS, TASK_METRICS


def gate_names(data: Plain) -> Iterator[Problem]:
    """The gate names a benchmark, one of its tasks, and a metric of that type of task."""
    benchmarks = mapping(data, "benchmarks")
    name = value(data, "gate.benchmark")
    if isinstance(name, str) and benchmarks and name not in benchmarks:
        yield unknown(("gate", "benchmark"), "benchmark", name, list(benchmarks))
    for keys, target in find(data, "gate.targets.*"):
        task = value(target, "task")
        yield from _not_asked(data, (*keys, "task"), name, task)
        yield from _metric(data, keys, target, task)


def gate_thresholds(data: Plain) -> Iterator[Problem]:
    """Each target has one threshold, on the right side and in the metric's range."""
    for keys, target in find(data, "gate.targets.*"):
        if isinstance(target, dict):
            yield from _threshold(data, keys, target, value(target, "task"), "a target")


def success_names(data: Plain) -> Iterator[Problem]:
    """A criterion is of a task that a benchmark asks, and of a metric of that type of task."""
    tasks, benchmarks = list(mapping(data, "tasks")), mapping(data, "benchmarks")
    for keys, criterion in find(data, "success.*"):
        if not isinstance(criterion, dict) or not tasks:
            continue
        given, benchmark = criterion.get("task"), criterion.get("benchmark")
        task = given or keys[-1]
        if task not in tasks:
            yield _no_task(keys, task, tasks) if given is None else unknown(
                (*keys, "task"), "task", str(task), tasks)
            continue
        if isinstance(benchmark, str) and benchmarks and benchmark not in benchmarks:
            yield unknown((*keys, "benchmark"), "benchmark", benchmark, list(benchmarks))
        elif benchmark is not None:
            at = "benchmark" if given is None else "task"
            yield from _not_asked(data, (*keys, at), benchmark, task)
        elif benchmarks and _asking(data, task) is None:
            yield Problem(keys, f"no benchmark asks the task '{task}'",
                          "Add it to the tasks of a benchmark.", at="key")
        yield from _metric(data, keys, criterion, task)
        yield from _category(data, keys, criterion, benchmark or _asking(data, task))


def success_thresholds(data: Plain) -> Iterator[Problem]:
    """Each criterion has one threshold, on the right side and in the metric's range."""
    for keys, criterion in find(data, "success.*"):
        if isinstance(criterion, dict):
            task = criterion.get("task") or keys[-1]
            yield from _threshold(data, keys, criterion, task, "a criterion")


def _no_task(keys: Keys, task: Plain, tasks: list[str]) -> Problem:
    name, fix = str(task), f"Add `task: {tasks[0]}`, or another of: {', '.join(tasks)}."
    near = suggest(name, tasks)
    return Problem(keys, f"there is no task '{name}', and the criterion names no other",
                   near if near.startswith("Did") else fix, at="key")


def _asking(data: Plain, task: Plain) -> str | None:
    """The first benchmark that asks a task."""
    for keys, benchmark in find(data, "benchmarks.*"):
        if task in [one for _, one in texts(benchmark, "tasks.*")]:
            return str(keys[-1])
    return None


def _not_asked(data: Plain, keys: Keys, benchmark: Plain, task: Plain) -> Iterator[Problem]:
    asked = [one for _, one in texts(mapping(data, "benchmarks").get(str(benchmark)), "tasks.*")]
    if isinstance(task, str) and asked and task not in asked:
        yield Problem(keys, f"the benchmark '{benchmark}' does not ask the task '{task}'",
                      suggest(task, asked))


def _metric(data: Plain, keys: Keys, goal: Plain, task: Plain) -> Iterator[Problem]:
    metric, kind = value(goal, "metric"), str(value(data, f"tasks.{task}.type"))
    known = TASK_METRICS.get(kind, ())
    if isinstance(metric, str) and known and metric not in known:
        yield Problem((*keys, "metric"), f"there is no metric '{metric}' for a task of type "
                      f"'{kind}'", suggest(metric, known))
    elif metric in known and value(goal, "category") and metric not in SLICE_METRICS[kind]:
        yield Problem((*keys, "metric"), f"categories are not reported by '{metric}'",
                      f"Take {' or '.join(SLICE_METRICS[kind])}, or remove 'category'.")
    elif metric == "circular_accuracy" and value(data, f"tasks.{task}.circular") is not True:
        yield Problem((*keys, "metric"), f"the task '{task}' is not asked in every rotation of its "
                      "options, so it has no 'circular_accuracy'",
                      f"Add `circular: true` to 'tasks.{task}', or take 'accuracy'.")


def _category(data: Plain, keys: Keys, criterion: Plain, benchmark: Plain) -> Iterator[Problem]:
    """The category exists; of tables and pools it is not known before they are read."""
    category = value(criterion, "category")
    if value(data, f"benchmarks.{benchmark}.pool") is not None:
        return
    asked = benchmark_sources(data, value(data, f"benchmarks.{benchmark}"))
    sources = [value(data, f"data.sources.{name}") for name in asked]
    if not isinstance(category, str) or any(value(one, "kind") != "world" for one in sources):
        return
    found = [(labels_of(one) or {}).get("category", ()) for one in sources]
    known = list(dict.fromkeys(one for values in found for one in values))
    if known and category not in known:
        yield unknown((*keys, "category"), "category", category, known)


def _threshold(
    data: Plain, keys: Keys, goal: dict[str, Plain], task: Plain, what: str
) -> Iterator[Problem]:
    metric = str(value(goal, "metric"))
    given = [key for key in ("at_least", "at_most") if goal.get(key) is not None]
    if len(given) != 1:
        yield Problem(keys, f"{what} has either 'at_least' or 'at_most'",
                      "Add one." if not given else "Remove one.")
        return
    right = "at_most" if metric in LOWER_IS_BETTER else "at_least"
    if metric in {one for known in TASK_METRICS.values() for one in known}:
        if given[0] != right:
            better = "smaller" if right == "at_most" else "larger"
            yield Problem((*keys, given[0]), f"'{metric}' is better the {better} it is",
                          f"Write '{right}' instead.", at="key")
        yield from _range(data, (*keys, given[0]), metric, number(goal[given[0]]), task)


def _range(
    data: Plain, keys: Keys, metric: str, threshold: float | None, task: Plain
) -> Iterator[Problem]:
    low, high = 0.0, 1.0
    if metric == "quadratic_kappa":
        low = -1.0
    if metric == "brier" and len(list(find(data, f"tasks.{task}.options.*"))) > 2:
        high = 2.0  # summed over the options
    if metric == "mae":
        asked = value(data, f"tasks.{task}")
        top, bottom = number(value(asked, "high", 5)), number(value(asked, "low", 1))
        if top is None or bottom is None or top <= bottom:
            return
        high = top - bottom
    if threshold is not None and not low <= threshold <= high:
        percent = low == 0 and high == 1 and 1 < threshold <= 100
        fix = f"Write {threshold / 100:g} for {threshold:g}%." if percent else ""
        yield Problem(keys, f"'{metric}' lies between {low:g} and {high:g}, not at "
                      f"{threshold:g}", fix)


TARGET_RULES = (gate_names, gate_thresholds, success_names, success_thresholds)
