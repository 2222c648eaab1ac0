"""The names by which prose takes its numbers from the record.

`benchmark.role.task.metric` is a number with `.value .n .low .high`; without the task it is the
primary task's. `names` lists every one of them; `tree` is the same as nested objects for Jinja.
"""

from collections.abc import Iterator
from typing import Final

from recipe_kit.errors import PageError
from recipe_kit.page.named import Entry, Node, Value, identifier, identifiers, of_metric
from recipe_kit.page.names_checkpoints import of_checkpoints, of_construction
from recipe_kit.page.names_scores import of_comparison, of_criteria, of_evaluation, of_gaps
from recipe_kit.record.schemas import Record, TrainingResult
from recipe_kit.spec.problems import suggest

RESERVED: Final = (
    "ablations", "best", "checkpoints", "data", "fine_tuned", "gaps", "gate", "model",
    "recommended", "regressions", "success", "training",
)


def names(record: Record) -> dict[str, tuple[Value, str]]:
    """Every name that prose can use, with its value and what it is.

    Raises:
        PageError: A benchmark has a name that the page itself uses.
    """
    found: dict[str, tuple[Value, str]] = {}
    for name, value, definition in _entries(record):
        found[name] = (value, definition)
    return found


def tree(record: Record) -> Node:
    """The same names, nested for Jinja."""
    root = Node("")
    for name, (value, _) in names(record).items():
        *parents, last = name.split(".")
        node = root
        for depth, part in enumerate(parents):
            below = node.children.get(part)
            if not isinstance(below, Node):
                below = Node(".".join(parents[: depth + 1]), {} if below is None else {"": below})
                node.children[part] = below
            node = below
        known = node.children.get(last)
        if isinstance(known, Node):
            known.children[""] = value
        else:
            node.children[last] = value
    return root


def chosen(
    known: dict[str, tuple[Value, str]], prefix: str
) -> dict[str, tuple[Value, str]]:
    """The names that begin with a prefix; where none does, those that hold it.

    Raises:
        PageError: No name does either.
    """
    found = {name: known[name] for name in known if name.startswith(prefix)}
    found = found or {name: known[name] for name in known if prefix.lower() in name.lower()}
    if not found:
        raise PageError(f"no name holds '{prefix}'", fix=suggest(prefix, _beginnings(known)))
    return found


def _beginnings(known: dict[str, tuple[Value, str]]) -> list[str]:
    """First words of the names, once each."""
    return list(dict.fromkeys(name.partition(".")[0] for name in known))


def _entries(record: Record) -> Iterator[Entry]:
    yield from _of_model(record)
    yield from _of_data(record)
    yield from _of_gate(record)
    for name, facts in record.benchmarks.items():
        if name in RESERVED:
            raise PageError(
                f"the benchmark '{name}' has a name that the page uses itself",
                where=f"{record.recipe} (benchmarks.{name})",
                fix=f"name it otherwise than {', '.join(RESERVED)}.",
            )
        yield f"{name}.questions", facts.questions, "questions of the benchmark"
        yield f"{name}.samples", facts.samples, "samples of the benchmark"
        yield f"{name}.primary", facts.primary, "task of the headline numbers"
        yield from of_construction(name, facts)
    for evaluation in record.evaluations:
        yield from of_evaluation(record, evaluation)
    for comparison in record.comparisons:
        yield from of_comparison(record, comparison)
    if record.checkpoints:
        yield from of_checkpoints(record)
    yield from of_gaps(record)
    yield from of_criteria(record)
    yield "fine_tuned", bool(record.training), "whether the model was fine-tuned"
    yield "regressions", len(regressions(record)), "things that got worse, of all tasks"
    for training in record.training:
        main = training.role == "tuned"
        path = "training" if main else f"ablations.{identifier(training.role)}"
        yield from _of_training(path, training)


def regressions(record: Record) -> list[str]:
    """Where fine-tuning made something worse: one key for each regression of the main model."""
    return [
        f"{item.benchmark}/{item.task}/{item.where}/{item.metric}"
        for comparison in record.comparisons
        if comparison.after == "tuned"
        for item in comparison.regressions
    ]


def _of_model(record: Record) -> Iterator[Entry]:
    yield "model.name", record.model.name, "the model, as the spec names it"
    yield "model.title", record.model.title, "the model's name on the page"
    yield "model.parameters", record.model.parameters, "parameters of the model"


def _of_data(record: Record) -> Iterator[Entry]:
    data = record.data
    for split, count in data.splits.items():
        yield f"data.{split}", count, f"samples of the {split} split"
    yield "data.samples", sum(data.splits.values()), "samples of all splits"
    yield "data.exact_duplicates", data.audit.exact_across_splits, "exact duplicates across splits"
    yield "data.near_duplicates", data.audit.near_across_splits, "near duplicates across splits"
    for task, metric in data.audit.majority.items():
        what = f"accuracy of always giving the commonest answer to {task}"
        yield from of_metric(f"data.majority.{task}.accuracy", "accuracy", metric, what)
    for source, facts in data.sources.items():
        path = f"data.sources.{identifier(source)}"
        yield f"{path}.samples", facts.samples, f"samples of the source {source}"
        for split, count in facts.splits.items():
            yield f"{path}.{split}", count, f"samples of {source} in the {split} split"
        parts = identifiers(facts.categories)
        for category, count in facts.categories.items():
            yield (
                f"{path}.categories.{parts[category]}", count,
                f"samples of {source} in the category {category}",
            )
        if facts.seconds is not None:
            for name, seconds in zip(("shortest", "mean", "longest"), facts.seconds, strict=True):
                yield f"{path}.seconds.{name}", seconds, f"{name} video of {source}, in seconds"


def _of_gate(record: Record) -> Iterator[Entry]:
    yield "gate.enough", record.gate.enough, "whether the base model was enough"
    for target in record.gate.targets:
        path = f"gate.{target.task}.{target.metric}"
        yield f"{path}.threshold", target.threshold, f"target, {target.comparison}"
        yield f"{path}.met", target.met, "whether the base model met the target"
        yield f"{path}.score", target.score.value, "score of the base model"


def _of_training(path: str, training: TrainingResult) -> Iterator[Entry]:
    yield f"{path}.method", training.method, "method of training"
    yield f"{path}.steps", training.steps, "optimizer steps"
    yield f"{path}.planned_steps", training.planned_steps, "optimizer steps planned"
    yield f"{path}.epochs", training.epochs, "passes over the training samples"
    yield f"{path}.samples", sum(training.samples.values()), "training samples"
    yield f"{path}.questions", training.questions, "training questions in an epoch"
    yield f"{path}.parameters", training.parameters, "parameters of the model"
    yield f"{path}.trainable_parameters", training.trainable_parameters, "parameters trained"
    yield f"{path}.seconds", training.seconds, "time of training in seconds"
    yield f"{path}.best_step", training.best_step, "step of the chosen checkpoint"
    yield f"{path}.stopped", training.stopped, "why training ended"
    yield f"{path}.checkpoints", len(training.validations), "checkpoints that were validated"
    for source, count in training.samples.items():
        what = f"training samples of {source}"
        yield f"{path}.sources.{identifier(source)}", count, what
    best = next((line for line in training.validations if line.best), None)
    if best is not None:
        yield f"{path}.best_epoch", best.epoch, "epoch of the chosen checkpoint"
        yield f"{path}.best_val_accuracy", best.val_accuracy, "its validation accuracy"
        yield f"{path}.best_val_loss", best.val_loss, "its validation loss"
