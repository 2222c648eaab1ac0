"""Scores, comparisons and the page's pictures, from the logged predictions."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from recipe_kit.benchmark.questions import digest as questions_digest
from recipe_kit.data.media import thumbnail
from recipe_kit.record.files import digest, write_atomic, write_json
from recipe_kit.record.schemas import (
    Comparison,
    EvaluationResult,
    Example,
    Prediction,
    Question,
)
from recipe_kit.run.job import Job
from recipe_kit.score.compare import compare
from recipe_kit.score.examples import choose, media_name, samples
from recipe_kit.score.metrics import score

LONGEST_SIDE = 320  # of a picture on the page, in pixels

Asked = Mapping[str, tuple[Prediction, ...]]
"""From the role to its predictions."""


class Outcome(BaseModel):
    """What the comparison stage found out."""

    evaluations: tuple[EvaluationResult, ...]
    comparisons: tuple[Comparison, ...]
    examples: tuple[Example, ...]


def compare_all(
    job: Job,
    folder: Path,
    asked: Mapping[str, Asked],
    seconds: Mapping[str, Mapping[str, float]],
    places: Mapping[str, str],
) -> None:
    """Writes `outcome.json` and `media/`.

    Args:
        job: The run.
        folder: The stage's folder.
        asked: From the benchmark's name to what each role answered; the base comes first.
        seconds: From the role to the seconds each benchmark took.
        places: From the role to the folder of its predictions, relative to the run's.
    """
    evaluations: list[EvaluationResult] = []
    comparisons: list[Comparison] = []
    steps = sum(len(roles) for roles in asked.values())
    for name, roles in asked.items():
        questions = job.questions(name)
        for role, predictions in roles.items():
            job.report.advance(f"scoring {role} on {name}", len(evaluations), steps)
            evaluations.append(_evaluate(
                job, name, role, questions, predictions, seconds[role][name],
                f"{places[role]}/predictions-{name}.jsonl",
            ))
            if role != "base":
                comparisons.append(compare(
                    name, questions, roles["base"], predictions,
                    before_role="base", after_role=role,
                    bootstrap=job.recipe.evaluation.bootstrap, seed=job.recipe.evaluation.seed,
                ))
    first = next(iter(job.recipe.benchmarks))
    questions = job.questions(first)
    primary = job.recipe.benchmarks[first].tasks[0]
    chosen = (
        *samples(questions, primary=primary),
        *choose(questions, asked[first]["base"], asked[first].get("tuned"), primary=primary),
    )
    _write_media(job, folder / "media", questions, chosen)
    # Base first, then tuned, then the ablations, whatever the benchmark.
    order = list(places)
    evaluations.sort(key=lambda one: order.index(one.role))
    outcome = Outcome(
        evaluations=tuple(evaluations), comparisons=tuple(comparisons), examples=chosen
    )
    write_json(folder / "outcome.json", outcome)


def _evaluate(
    job: Job, benchmark: str, role: str, questions: tuple[Question, ...],
    predictions: tuple[Prediction, ...], seconds: float, place: str,
) -> EvaluationResult:
    scores = score(
        questions, predictions,
        bootstrap=job.recipe.evaluation.bootstrap, seed=job.recipe.evaluation.seed,
    )
    by_question = {prediction.question: prediction for prediction in predictions}
    return EvaluationResult(
        benchmark=benchmark,
        role=role,
        model=predictions[0].model,
        revision=predictions[0].revision,
        questions_digest=questions_digest(questions),
        predictions_digest=digest([by_question[question.id].digest for question in questions]),
        predictions=place,
        seconds=seconds,
        tasks=scores,
        log_line=by_question[questions[0].id],
    )


def _write_media(
    job: Job, folder: Path, questions: tuple[Question, ...], chosen: tuple[Example, ...]
) -> None:
    by_id = {question.id: question for question in questions}
    kinds = {(sample.source, sample.media): sample.media_type for sample in job.samples}
    for example in chosen:
        question = by_id[example.question]
        picture = thumbnail(
            job.roots[question.source] / question.media, LONGEST_SIDE,
            media_type=kinds[question.source, question.media],
            max_megapixels=job.recipe.data.audit.max_megapixels,
        )
        write_atomic(folder / media_name(question), picture)
