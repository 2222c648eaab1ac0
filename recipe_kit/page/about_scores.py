"""What the page says about scores: metrics, confusion, slices, uncertainty, the gate."""

from recipe_kit.page import numbers, words
from recipe_kit.page.figures import dimensions, evaluations, main_scores, slices_of
from recipe_kit.page.markdown import Md, as_json, bullets, code, fold, table, text
from recipe_kit.record.schemas import Record, TaskScores

_FIRST = ("accuracy", "circular_accuracy", "balanced_accuracy", "precision", "recall", "f1",
          "within_one", "mae", "quadratic_kappa", "unparseable", "bleu", "lingo_judge")


def every_task(record: Record) -> list[tuple[str, str]]:
    """Every benchmark and task, in the spec's order."""
    return [(name, task) for name, facts in record.benchmarks.items() for task in facts.tasks]


def caption(record: Record, benchmark: str, task: str) -> Md:
    """Which question a table is about, and what the model is."""
    asked = words.tasks(record)[task]
    hazard = f" Hazard answer: “{text(asked.hazard)}”." if asked.hazard else ""
    several = f"{code(benchmark)} · " if len(record.benchmarks) > 1 else ""
    options = ""
    if asked.pooled:
        options = " Question and options come from the benchmark's pool."
    elif asked.options:
        listed = " / ".join(text(option) for option in asked.options)
        order = ", in an order of its own for each question" if asked.shuffle else ""
        options = f" Options: {listed}{order}."
    return Md(
        f"**{text(asked.title)}** ({several}{code(task)}): “{text(asked.prompt)}”{hazard}{options}"
    )


def on_validation(record: Record) -> Md:
    """Which benchmarks ask the samples that checkpoints are chosen on; empty when none does."""
    return bullets(
        Md(
            f"The benchmark {code(name)} asks the **validation** samples. Checkpoints are chosen "
            "on these, so its scores after fine-tuning are no test of new samples."
        )
        for name, benchmark in record.spec["benchmarks"].items()
        if benchmark["split"] == "val"
    )


def metrics(record: Record, benchmark: str, task: str, role: str) -> Md:
    """The seed's metric table, with scores and intervals."""
    scores = main_scores(record, benchmark, task)[role]
    rows: list[list[object]] = []
    for name in [name for name in _FIRST if name in scores.metrics]:
        metric = scores.metrics[name]
        if name == "circular_accuracy" and metric.value is None:
            continue  # the options were not turned
        label, description = numbers.METRICS[name]
        rows.append(
            [
                Md(f"**{label}**"), description, numbers.value(name, metric.value),
                numbers.metric_interval(name, metric), numbers.num(metric.n),
            ]
        )
    if scores.confusion.labels:
        errors = f"Where errors occur: {confusion_in_words(scores)}"
        rows.append([Md("**Confusion matrix**"), errors, "below", "–", numbers.num(scores.n)])
    for name in [name for name in numbers.UNCERTAINTY if name in scores.metrics]:
        metric = scores.metrics[name]
        label, description = numbers.METRICS[name]
        rows.append(
            [
                Md(f"**Uncertainty analysis:** {label}"), description,
                numbers.value(name, metric.value), numbers.metric_interval(name, metric),
                numbers.num(metric.n),
            ]
        )
    return table(["Metric", "Description", "Score", "95% interval", "n"], rows, "llrrr")


def confusion_in_words(scores: TaskScores) -> str:
    """Hits, misses and false alarms of a binary task; right and wrong of another."""
    confusion = scores.confusion
    right = sum(
        row[confusion.columns.index(label)]
        for label, row in zip(confusion.labels, confusion.counts, strict=True)
    )
    hazard = scores.hazard
    if hazard is None or hazard not in confusion.labels:
        return f"{right} right, {scores.n - right} wrong"
    column = confusion.columns.index(hazard)
    danger = confusion.counts[confusion.labels.index(hazard)]
    found, alarms = danger[column], sum(row[column] for row in confusion.counts) - danger[column]
    return f"{found} hazards found, {sum(danger) - found} missed, {alarms} false alarms"


def accuracy_formula(record: Record) -> Md:
    """The seed's formula, with the headline task's numbers."""
    benchmark = next(iter(record.benchmarks))
    task = record.benchmarks[benchmark].primary
    scores = main_scores(record, benchmark, task)["base"]
    if "accuracy" not in scores.metrics:
        return Md("")
    accuracy = scores.metrics["accuracy"]
    right = round((accuracy.value or 0.0) * accuracy.n)
    return Md(
        "**Accuracy = (number of correct predictions) / (total samples)** — for "
        f"{code(task)}: {right} / {accuracy.n} = {numbers.pct(accuracy.value)}"
    )


def slices(record: Record, benchmark: str, task: str) -> Md:
    """Accuracy of each slice, of the base and the fine-tuned model."""
    scores = main_scores(record, benchmark, task)
    rows = []
    for kind in dimensions(scores):
        found = slices_of(scores, kind)
        for value, roles in found.items():
            if len(found) < 2:
                continue
            cells: list[object] = [f"{kind}: {value}", numbers.num(next(iter(roles.values())).n)]
            for role in scores:
                metric = roles.get(role)
                cells.append(
                    f"{numbers.pct(metric.value)} ({numbers.metric_interval('accuracy', metric)})"
                    if metric
                    else "–"
                )
            rows.append(cells)
    heads = words.columns(record)
    headers = ["Slice", "n", *(heads[role] for role in scores)]
    return table(headers, rows, "lr" + "r" * len(scores))


def gate(record: Record) -> Md:
    """The scores of the base model against the target thresholds."""
    rows = [
        [
            code(target.task),
            numbers.title(target.metric),
            f"{'≥' if target.comparison == 'at least' else '≤'} "
            + numbers.threshold(target.metric, target.threshold),
            numbers.value(target.metric, target.score.value)
            if target.met
            else numbers.short_of(target.metric, target.score.value, target.threshold),
            numbers.metric_interval(target.metric, target.score),
            "yes" if target.met else Md("**no**"),
        ]
        for target in record.gate.targets
    ]
    base = words.columns(record)["base"]
    headers = ["Task", "Metric", "Target", base, "95% interval", "Met"]
    return table(headers, rows, "llrrrl")


def gate_sentence(record: Record) -> Md:
    """The decision in a sentence."""
    met = sum(target.met for target in record.gate.targets)
    every = len(record.gate.targets)
    by = "the near end of its 95% interval" if record.gate.decide_by == "interval" else "the score"
    trained = words.trained_model(record).removesuffix(" model")
    verdict = (
        f"the base model is enough; no {words.training_word(record)}"
        if record.gate.enough
        else f"the base model is not enough; it is {trained}"
        if record.training
        else f"the base model is not enough; this recipe does no {words.training_word(record)}"
    )
    targets = f"{met} of {every} targets" if every > 1 else ("the target" if met else "no target")
    return Md(f"**Decision:** {verdict} ({targets} met, compared by {by}).")


def missed(record: Record) -> Md:
    """The targets that the base model did not meet, in words."""
    parts = []
    for target in record.gate.targets:
        if target.met:
            continue
        name, score, least = target.metric, target.score, target.comparison == "at least"
        compared, of = score.value, ""
        if record.gate.decide_by == "interval":
            compared = score.low if least else score.high
            of = f" (the {'lower' if least else 'upper'} end of its 95% interval)"
        parts.append(
            f"{numbers.in_a_sentence(name)} on {code(target.task)} was "
            f"{numbers.short_of(name, compared, target.threshold)}{of}, and {target.comparison} "
            f"{numbers.threshold(name, target.threshold)} was asked for"
        )
    return Md("; ".join(parts))


PROBABILITIES = {
    "top_logprobs": "the likeliest tokens that the server reports where the answer begins",
    "text": "the answer that was read in the text, because the server reports no probabilities",
}
"""Where the probabilities of options come from, of a model behind a server."""


def log_entry(record: Record, role: str) -> Md:
    """One line of the log, exactly as it was written, and where its probabilities come from."""
    for found in record.evaluations:
        if found.role == role and found.log_line is not None:
            entry = found.log_line.model_dump(mode="json")
            shown = fold("Example log entry (one answer as it was logged)", as_json(entry), "json")
            source = PROBABILITIES.get(found.log_line.probabilities_from)
            said = f"Probabilities of the options are from {source}.\n\n" if source else ""
            return Md(f"{said}{shown}")
    return Md("")


def asked(record: Record, role: str) -> Md:
    """How many questions a model was asked, how long it took, and how many answers were unread."""
    rows = []
    for benchmark, facts in record.benchmarks.items():
        found = evaluations(record, benchmark).get(role)
        if found is None:
            continue
        unread = sum(
            round((scores.metrics["unparseable"].value or 0) * scores.n)
            for scores in found.tasks.values()
            if "unparseable" in scores.metrics
        )
        rows.append(
            [
                code(benchmark), numbers.num(facts.samples), numbers.num(facts.questions),
                numbers.duration(found.seconds), f"{unread} of {facts.questions}",
            ]
        )
    headers = ["Benchmark", "Samples", "Questions", "Time", "Unreadable answers"]
    return table(headers, rows, "lrrrr")
