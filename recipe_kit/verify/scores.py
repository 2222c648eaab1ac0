"""Scores a page's answers again."""

from collections.abc import Iterator

from recipe_kit.benchmark.read import read_answer
from recipe_kit.errors import RecordError
from recipe_kit.record.archive import ARCHIVE, Archive
from recipe_kit.record.schemas import EvaluationResult, Prediction, Question, Record
from recipe_kit.record.words import recipe_of, spec_digest
from recipe_kit.score.asked import Asked, Study
from recipe_kit.score.examples import with_videos
from recipe_kit.score.outcome import BASE, TUNED, outcome, tried
from recipe_kit.verify.findings import Finding


def misread(archive: Archive) -> Iterator[Finding]:
    """Answers that do not follow from what the model said."""
    for who, _, asked, predictions in archive.logs:
        questions = {question.id: question for question in asked}
        for prediction in predictions:
            question = questions.get(prediction.question)
            where = f"assets/{ARCHIVE} ({who}, {prediction.question})"
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
    study = _study(record, archive)
    asked: dict[str, dict[str, Asked]] = {}
    for one in record.evaluations:
        if study is None or one.role != TUNED:
            asked.setdefault(one.role, {})[one.benchmark] = _asked(one, archive)
    missing = [
        name for name in recipe.benchmarks
        if name not in archive.questions or any(name not in logs for logs in asked.values())
    ]
    if missing or BASE not in asked:
        raise _lacks(f"the benchmark {missing[0]}" if missing else "the base model")
    found = outcome(
        recipe,
        {name: archive.questions[name] for name in recipe.benchmarks},
        asked,
        {training.role: tried(training) for training in record.training},
        study=study,
        # Who answered and decided what is not in the archive.
        constructions={
            name: facts.construction for name, facts in record.benchmarks.items()
            if facts.construction
        },
    )
    revisions = {one.role: one.revision for one in found.evaluations}
    step = found.recommendation.step if found.recommendation else None
    return record.model_copy(update={
        **{name: getattr(found, name) for name in type(found).model_fields},
        "examples": with_videos(found.examples, record.media),
        "title": recipe.title,
        "spec_digest": spec_digest(record.spec),
        "model": record.model.model_copy(update={"revision": revisions[BASE]}),
        "models": {
            role: one.model_copy(update={"revision": revisions.get(role, one.revision)})
            for role, one in record.models.items()
        },
        "training": tuple(
            one.model_copy(update={
                "revision": revisions.get(one.role, one.revision),
                "best_step": step if step and one.role == TUNED else one.best_step,
            })
            for one in record.training
        ),
    })


def _asked(one: EvaluationResult, archive: Archive) -> Asked:
    key = (one.role, one.benchmark)
    if key not in archive.predictions:
        raise _lacks(f"the answers of {one.role} to {one.benchmark}")
    return Asked(
        tuple(archive.predictions[key]), one.predictions,
        tuple(archive.blind.get(key, ())), one.blind_predictions,
    )


def _study(record: Record, archive: Archive) -> Study | None:
    """What every checkpoint answered; None where only the best one was asked."""
    if not archive.steps:
        if record.checkpoints:
            raise _lacks("the answers of the checkpoints")
        return None
    # Only where a file lies is taken from the record; which step it is of follows from the rule.
    tuned = {one.benchmark: one for one in record.evaluations if one.role == TUNED}
    steps: dict[int, dict[str, Asked]] = {}
    for (step, name), rows in archive.steps.items():
        steps.setdefault(step, {})[name] = Asked(
            tuple(rows), tuned[name].predictions,
            tuple(archive.blind.get((TUNED, name), ())), tuned[name].blind_predictions,
        )
    validation: dict[int, dict[str, Asked]] = {}
    for (step, name), rows in archive.validation.items():
        validation.setdefault(step, {})[name] = Asked(tuple(rows), "")
    training = next(one for one in record.training if one.role == TUNED)
    return Study(steps, archive.validation_questions, validation, training.epoch_samples)


def _lacks(what: str) -> RecordError:
    return RecordError(
        f"lacks {what}", where=f"assets/{ARCHIVE}",
        fix="Render the page again where the run's folder is.",
    )


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
