"""Scores a page's answers again."""

from collections.abc import Iterator, Mapping, Sequence

from recipe_kit.benchmark.read import read_answer
from recipe_kit.errors import RecordError
from recipe_kit.record.archive import ARCHIVE, Archive
from recipe_kit.record.schemas import EvaluationResult, Prediction, Question, Record
from recipe_kit.record.words import recipe_of, spec_digest
from recipe_kit.score.outcome import Asked, outcome, tried
from recipe_kit.verify.findings import Finding


def misread(archive: Archive) -> Iterator[Finding]:
    """Answers that do not follow from what the model said."""
    logs = [(role, "", *log) for role, log in _by_role(archive.predictions)]
    logs += [(role, " without the picture", *log) for role, log in _by_role(archive.blind)]
    for role, blind, benchmark, predictions in logs:
        questions = {question.id: question for question in archive.questions.get(benchmark, ())}
        for prediction in predictions:
            question = questions.get(prediction.question)
            where = f"assets/{ARCHIVE} ({role}{blind}, {prediction.question})"
            if question is None:
                yield Finding(where, "answers no question of the page")
            elif wrong := _wrong(question, prediction):
                yield Finding(where, wrong)


def rescored(record: Record, archive: Archive) -> Record:
    """The record with everything that follows from questions and answers, computed again.

    Raises:
        RecordError: Questions and answers do not belong together.
        CompareError: Two models were not asked the same.
    """
    recipe = recipe_of(record)
    asked: dict[str, dict[str, Asked]] = {}
    for one in record.evaluations:
        asked.setdefault(one.role, {})[one.benchmark] = _asked(one, archive)
    missing = [
        name for name in recipe.benchmarks
        if name not in archive.questions or any(name not in logs for logs in asked.values())
    ]
    if missing or "base" not in asked:
        raise RecordError(
            f"lacks the benchmark {missing[0]}" if missing else "lacks the base model",
            where=f"assets/{ARCHIVE}", fix="Render the page again where the run's folder is.",
        )
    found = outcome(
        recipe,
        {name: archive.questions[name] for name in recipe.benchmarks},
        asked,
        {training.role: tried(training) for training in record.training},
    )
    base = found.evaluations[0]
    revisions = {one.role: one.revision for one in found.evaluations}
    return record.model_copy(update={
        **{name: getattr(found, name) for name in type(found).model_fields},
        "title": recipe.title,
        "spec_digest": spec_digest(record.spec),
        "model": record.model.model_copy(update={"revision": base.revision}),
        "training": tuple(
            one.model_copy(update={"revision": revisions.get(one.role, one.revision)})
            for one in record.training
        ),
    })


def _asked(one: EvaluationResult, archive: Archive) -> Asked:
    key = (one.role, one.benchmark)
    if key not in archive.predictions:
        raise RecordError(
            f"lacks the answers of {one.role} to {one.benchmark}", where=f"assets/{ARCHIVE}",
            fix="Render the page again where the run's folder is.",
        )
    return Asked(
        tuple(archive.predictions[key]), one.predictions,
        tuple(archive.blind.get(key, ())), one.blind_predictions,
    )


def _by_role(
    logs: Mapping[tuple[str, str], Sequence[Prediction]]
) -> list[tuple[str, tuple[str, Sequence[Prediction]]]]:
    return [(role, (benchmark, rows)) for (role, benchmark), rows in logs.items()]


def _wrong(question: Question, prediction: Prediction) -> str:
    shares = prediction.probabilities
    if set(shares) != set(question.choices):
        return f"has probabilities of {', '.join(shares)}, not of {', '.join(question.choices)}"
    answer = read_answer(question, prediction.text, shares)
    if answer != prediction.answer:
        return f"the answer is logged as {prediction.answer}, but the text is read as {answer}"
    sure = max(shares.values()) if answer is None else shares.get(answer, 0.0)
    if sure != prediction.confidence:
        return f"the confidence is {prediction.confidence!r}, but the answer's share is {sure!r}"
    return ""
