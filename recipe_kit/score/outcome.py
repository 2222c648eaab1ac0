"""Everything that follows from the questions and the logged answers alone.

The run's last stage and `recipe verify` both call `outcome`, so that both find the same.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from recipe_kit.benchmark.questions import digest as questions_digest
from recipe_kit.record.files import digest
from recipe_kit.record.schemas import (
    BenchmarkFacts,
    BestCheckpoint,
    CheckpointScores,
    Comparison,
    Construction,
    CriterionResult,
    EvaluationResult,
    Example,
    Gap,
    GateResult,
    ModelChoice,
    Overfitting,
    Question,
    Recommendation,
    TaskScores,
    TrainingResult,
)
from recipe_kit.record.schemas.entry import Entry
from recipe_kit.score.asked import Asked, Study
from recipe_kit.score.checkpoints import Examined, examine
from recipe_kit.score.compare import compare
from recipe_kit.score.examples import choose, samples
from recipe_kit.score.gaps import find_gaps, rank
from recipe_kit.score.gate import decide
from recipe_kit.score.metrics import score
from recipe_kit.score.models import choice_of_model
from recipe_kit.score.success import judge
from recipe_kit.spec.model import COMPARE
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import TEXT_TASKS, headline

BASE, TUNED = "base", "tuned"
Scores = Mapping[str, Mapping[str, TaskScores]]
"""Benchmark → task → scores."""


class Outcome(Entry):
    """What was found out from questions and answers."""

    benchmarks: dict[str, BenchmarkFacts]
    gate: GateResult
    evaluations: tuple[EvaluationResult, ...]
    comparisons: tuple[Comparison, ...]
    examples: tuple[Example, ...]
    gaps: tuple[Gap, ...]
    criteria: tuple[CriterionResult, ...]
    model_choice: ModelChoice | None = None
    checkpoints: tuple[CheckpointScores, ...] = ()
    best: tuple[BestCheckpoint, ...] = ()
    overfitting: tuple[Overfitting, ...] = ()
    recommendation: Recommendation | None = None


def outcome(
    recipe: Recipe,
    questions: Mapping[str, Sequence[Question]],
    asked: Mapping[str, Mapping[str, Asked]],
    checkpoints: Mapping[str, int],
    *,
    study: Study | None = None,
    constructions: Mapping[str, Construction] | None = None,
    progress: Callable[[str, float, float], None] = lambda text, done, total: None,
) -> Outcome:
    """Scores, comparisons, the gate, gaps, criteria, and the page's examples.

    Args:
        recipe: The recipe; its prose is not read.
        questions: From the benchmark's name to its questions.
        asked: From the role to what it answered to each benchmark; the base model comes first.
        checkpoints: From the role of each training to how many checkpoints it chose among.
        study: What every checkpoint answered; the recommended one then is the tuned model.
        constructions: From the benchmark's name to how it was made, where it is of a pool.
        progress: Told what is done, how much of it, and of how much.

    Raises:
        RecordError: Questions and answers do not belong together.
        CompareError: Two models were not asked the same.
    """
    examined = None
    if study is not None:
        progress("scoring the checkpoints", 0, 1)
        examined = examine(recipe, questions, asked[BASE], study)
        asked, checkpoints = _with_recommended(asked, checkpoints, study, examined)
    total = len(questions) * len(asked)
    evaluations: list[EvaluationResult] = []
    for role, logs in asked.items():
        for name, log in logs.items():
            progress(f"scoring {role} on {name}", len(evaluations), total)
            evaluations.append(_evaluate(recipe, name, role, questions[name], log))
    before, after = _scores(evaluations, BASE), _scores(evaluations, TUNED) or None
    return Outcome(
        benchmarks={
            name: _facts(recipe, name, rows, (constructions or {}).get(name))
            for name, rows in questions.items()
        },
        gate=decide(recipe.gate, dict(before[recipe.gate.benchmark])),
        evaluations=tuple(evaluations),
        comparisons=_comparisons(
            recipe, questions, asked, checkpoints, examined.recommendation if examined else None
        ),
        examples=_examples(recipe, questions, asked),
        gaps=_gaps(recipe, before, after),
        criteria=judge(recipe, before, after),
        model_choice=choice_of_model(recipe, questions, asked),
        **(examined._asdict() if examined else {}),
    )


def _examples(
    recipe: Recipe,
    questions: Mapping[str, Sequence[Question]],
    asked: Mapping[str, Mapping[str, Asked]],
) -> tuple[Example, ...]:
    """Of the first benchmark everything, of the others what is answered by text."""
    first = next(iter(recipe.benchmarks))
    found = [*samples(questions[first], primary=recipe.benchmarks[first].tasks[0])]
    for name, rows in questions.items():
        shown = [q for q in rows if name == first or q.task_type in TEXT_TASKS]
        if shown:
            found += choose(
                shown,
                asked[BASE][name].predictions,
                asked[TUNED][name].predictions if TUNED in asked else None,
                primary=recipe.benchmarks[name].tasks[0],
            )
    return tuple(found)


def _with_recommended(
    asked: Mapping[str, Mapping[str, Asked]],
    checkpoints: Mapping[str, int],
    study: Study,
    examined: Examined,
) -> tuple[Mapping[str, Mapping[str, Asked]], Mapping[str, int]]:
    """The recommended checkpoint as the tuned model, which comes right after the base model."""
    tuned = study.steps[examined.recommendation.step]
    rest = {role: each for role, each in asked.items() if role != BASE}
    return {BASE: asked[BASE], TUNED: tuned, **rest}, {**checkpoints, TUNED: len(study.steps)}


def tried(training: TrainingResult) -> int:
    """Among how many checkpoints a training chose."""
    return max(1, len(training.validations))


def _evaluate(
    recipe: Recipe, benchmark: str, role: str, questions: Sequence[Question], log: Asked
) -> EvaluationResult:
    scores = score(
        questions, log.predictions, blind=log.blind or None,
        bootstrap=recipe.evaluation.bootstrap, seed=recipe.evaluation.seed,
    )
    by_question = {prediction.question: prediction for prediction in log.predictions}
    return EvaluationResult(
        benchmark=benchmark,
        role=role,
        model=log.predictions[0].model,
        revision=log.predictions[0].revision,
        questions_digest=questions_digest(questions),
        predictions_digest=digest([by_question[question.id].digest for question in questions]),
        predictions=log.place,
        blind_predictions=log.blind_place,
        # fsum: a run that was killed and went on has its answers in another order.
        seconds=round(math.fsum(row.latency_s for row in log.predictions), 3),
        tasks=scores,
        log_line=by_question[questions[0].id],
    )


def _comparisons(
    recipe: Recipe,
    questions: Mapping[str, Sequence[Question]],
    asked: Mapping[str, Mapping[str, Asked]],
    checkpoints: Mapping[str, int],
    recommendation: Recommendation | None,
) -> tuple[Comparison, ...]:
    return tuple(
        compare(
            name, rows, asked[BASE][name].predictions, asked[role][name].predictions,
            before_role=BASE, after_role=role,
            bootstrap=recipe.evaluation.bootstrap, seed=recipe.evaluation.seed,
            checkpoints=checkpoints[role],
            chosen_here=recipe.benchmarks[name].split == "val" or (
                role == TUNED and recommendation is not None and recommendation.split == "test"
            ),
        )
        for name, rows in questions.items()
        for role in asked
        if role != BASE and not role.startswith(COMPARE)
    )


def _scores(evaluations: Iterable[EvaluationResult], role: str) -> Scores:
    return {one.benchmark: one.tasks for one in evaluations if one.role == role}


def _gaps(recipe: Recipe, before: Scores, after: Scores | None) -> tuple[Gap, ...]:
    found = [
        gap
        for name, scores in before.items()
        for gap in find_gaps(name, scores, after[name] if after else None, _wanted(recipe, name))
    ]
    return tuple(sorted(found, key=rank))


def _wanted(recipe: Recipe, benchmark: str) -> dict[str, float]:
    """The accuracy that the gate or a success criterion asks of each task; the higher of both.

    Of open questions it is the share that the judge finds right.
    """
    first = {name: headline(task.type) for name, task in recipe.tasks.items()}
    asked = [
        (target.task, target.at_least)
        for target in recipe.gate.targets
        if recipe.gate.benchmark == benchmark and target.metric == first[target.task]
    ]
    for name, criterion in recipe.success.items():
        where, task = recipe.judged(name)
        if where == benchmark and criterion.metric == first[task] and criterion.category is None:
            asked.append((task, criterion.at_least))
    wanted: dict[str, float] = {}
    for task, least in asked:
        if least is not None:
            wanted[task] = max(least, wanted.get(task, least))
    return wanted


def _facts(
    recipe: Recipe, name: str, questions: Sequence[Question], made: Construction | None
) -> BenchmarkFacts:
    tasks = recipe.benchmarks[name].tasks
    count = sum(not question.rotation for question in questions)
    return BenchmarkFacts(
        name=name,
        digest=questions_digest(questions),
        questions=len(questions),
        samples=len({(question.source, question.media) for question in questions}),
        tasks=tasks,
        primary=tasks[0],
        prompts={task: recipe.tasks[task].prompt for task in tasks},
        construction=made.model_copy(update={"questions": count}) if made else None,
        frozen=questions_digest(questions) if made else "",
    )
