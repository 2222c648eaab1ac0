"""Before and after on the same questions: paired tests, intervals of differences, regressions.

A change of accuracy is called one only if McNemar's exact test and the interval of the difference
both say so: on a handful of questions that all flip, every resample is alike and a bootstrap knows
no doubt. Where several questions belong to one group, both are by group: the test changes the
signs of whole groups, the bootstrap draws whole groups. The share of answers that a judge finds
right is tested like an accuracy; BLEU has its p-value from the paired bootstrap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recipe_kit.errors import CompareError
from recipe_kit.record.schemas import (
    Comparison,
    Difference,
    Prediction,
    Question,
    Regression,
    TaskComparison,
)
from recipe_kit.score import stats
from recipe_kit.score.answers import Answers, Floats, align
from recipe_kit.score.metrics import headline_measure, measures
from recipe_kit.score.slices import dimensions, slice_values
from recipe_kit.score.stats import Measure
from recipe_kit.spec.tasks import LOWER_IS_BETTER, headline

P_VALUE = 0.05
# Differences below this are those of floating point.
ROUNDING = 1e-12
BY_GROUP = "exact sign test by group"


@dataclass(frozen=True)
class _Method:
    """What every difference of one comparison is computed with."""

    bootstrap: int
    seed: int
    tries: int  # by which p-values are multiplied


def compare(
    benchmark: str,
    questions: Sequence[Question],
    before: Sequence[Prediction],
    after: Sequence[Prediction],
    *,
    before_role: str,
    after_role: str,
    bootstrap: int,
    seed: int,
    checkpoints: int = 1,
    chosen_here: bool = False,
) -> Comparison:
    """Compare two sets of predictions, question by question.

    P-values of accuracy are of McNemar's exact test, or of its form for groups of questions. Where
    the best of several checkpoints was chosen on these very questions, each is multiplied by their
    number (Bonferroni); those of the slices of one dimension are then adjusted together (Holm).

    Args:
        benchmark: Name of the benchmark.
        questions: Its questions.
        before: One prediction for each question.
        after: One prediction for each question.
        before_role: What `before` is called: `base`, `tuned`, or an ablation's name.
        after_role: What `after` is called.
        bootstrap: Resamples for an interval.
        seed: Seed of the resampling.
        checkpoints: Among how many `after` was chosen.
        chosen_here: Whether it was chosen on these very questions.

    Raises:
        CompareError: The two sets do not answer the same questions, asked in the same way.
    """
    befores = align(questions, before, where=_place(benchmark, before_role), error=CompareError)
    afters = align(questions, after, where=_place(benchmark, after_role), error=CompareError)
    _refuse_differences(benchmark, questions, before, after, before_role, after_role)
    method = _Method(bootstrap, seed, max(1, checkpoints) if chosen_here else 1)
    tasks = {task: _compare_task(task, befores[task], afters[task], method) for task in befores}
    return Comparison(
        benchmark=benchmark,
        before=before_role,
        after=after_role,
        tasks=tasks,
        regressions=tuple(r for task in tasks.values() for r in _regressions(benchmark, task)),
        checkpoints=checkpoints,
        chosen_here=chosen_here,
    )


def headline_difference(
    before: Answers, after: Answers, *, bootstrap: int, seed: int, tries: int = 1
) -> Difference:
    """How the headline metric of a task changed from one set of answers to another.

    Args:
        before: The answers of one model to one task.
        after: Those of another to the same questions, however it was shown them.
        bootstrap: Resamples for an interval.
        seed: Seed of the resampling.
        tries: By how many the p-value is multiplied, for as many looks at the same questions.
    """
    one, two = headline_measure(before), headline_measure(after)
    method = _Method(bootstrap, seed, tries)
    (found,) = _differences(one, two, before, after, method).values()
    return found if found.p is None else _tested(found, min(1.0, found.p * tries))


def _compare_task(task: str, before: Answers, after: Answers, method: _Method) -> TaskComparison:
    fixed, broken = _changed(before, after)
    both_right = int((before.right_N & after.right_N).sum())
    both_wrong = len(before) - fixed - broken - both_right
    differences = {
        name: one if one.p is None else _tested(one, min(1.0, one.p * method.tries))
        for name, one in _differences(
            measures(before), measures(after), before, after, method
        ).items()
    }
    return TaskComparison(
        task=task,
        differences=differences,
        fixed=fixed,
        broken=broken,
        both_right=both_right,
        both_wrong=both_wrong if before.decidable else 0,
        mcnemar_p=_changed_p(before, after)[0],
        slices={
            dimension: _slices(before, after, dimension, method)
            for dimension in dimensions(before)
        },
    )


def _slices(
    before: Answers, after: Answers, dimension: str, method: _Method
) -> dict[str, Difference]:
    afters = slice_values(after, dimension)
    found = {}
    for value, part in slice_values(before, dimension).items():
        other = afters[value]
        one, two = headline_measure(part), headline_measure(other)
        (found[value],) = _differences(one, two, part, other, method).values()
    adjusted = stats.holm(
        {value: min(1.0, one.p * method.tries) for value, one in found.items() if one.p is not None}
    )
    return {
        value: _tested(difference, adjusted[value]) for value, difference in found.items()
    }


def _changed(before: Answers, after: Answers) -> tuple[int, int]:
    """How many answers were fixed, and how many broken."""
    fixed = int((~before.right_N & after.right_N).sum())
    return fixed, int((before.right_N & ~after.right_N).sum())


def _changed_p(before: Answers, after: Answers) -> tuple[float, str]:
    """P-value of the answers that changed, and how it was found."""
    if len(set(before.groups)) == len(before):
        return stats.mcnemar(*_changed(before, after)), ""
    changes_N = after.right_N.astype(int) - before.right_N.astype(int)
    return stats.mcnemar_by_group(changes_N.tolist(), before.groups), BY_GROUP


def _tested(difference: Difference, adjusted: float) -> Difference:
    """A difference with its adjusted p-value; in doubt it is neither better nor worse."""
    better = difference.better if adjusted < P_VALUE else None
    return difference.model_copy(update={"p_adjusted": adjusted, "better": better})


def _differences(
    ones: Mapping[str, Measure],
    twos: Mapping[str, Measure],
    before: Answers,
    after: Answers,
    method: _Method,
) -> dict[str, Difference]:
    """What the intervals alone say, with the p-values of what is tested."""
    both = {name for name in ones if ones[name].value is not None and twos[name].value is not None}
    draws = stats.resample(
        {name: _paired(ones[name], twos[name]) for name in ones if name in both},
        before.groups, resamples=method.bootstrap, seed=method.seed,
    )
    single = len(set(before.groups)) == len(before)
    name_of_method = "paired bootstrap" if single else "paired bootstrap by group"
    found = {}
    for name, one in ones.items():
        two = twos[name]
        if one.value is None or two.value is None:
            found[name] = Difference(
                metric=name, before=one.value, after=two.value, difference=None, n=len(before)
            )
            continue
        difference = two.value - one.value
        bounds = stats.interval(draws[name], difference)
        p_value: float | None = None
        p_method = ""
        if name == "bleu":
            p_value, p_method = stats.p_of_draws(draws[name], difference), name_of_method
        elif name == headline(before.task_type):
            p_value, p_method = _changed_p(before, after)
        clear = bounds is not None and (bounds[0] > ROUNDING or bounds[1] < -ROUNDING)
        found[name] = Difference(
            metric=name,
            before=one.value,
            after=two.value,
            difference=difference,
            low=bounds[0] if bounds else None,
            high=bounds[1] if bounds else None,
            n=len(before),
            better=_improved(name, difference) if clear else None,
            method=name_of_method if bounds else "",
            p=p_value,
            p_method=p_method,
        )
    return found


def _paired(one: Measure, two: Measure) -> stats.Statistic:
    def statistic(weight_BN: Floats) -> Floats:
        return two.statistic(weight_BN) - one.statistic(weight_BN)

    return statistic


def _improved(metric: str, difference: float) -> bool:
    return difference < 0 if metric in LOWER_IS_BETTER else difference > 0


def _regressions(benchmark: str, task: TaskComparison) -> list[Regression]:
    places = [("overall", d) for d in task.differences.values()]
    whole = max(one.n for one in task.differences.values())
    for dimension, values in task.slices.items():
        # A slice that holds every question would say the same again.
        places += [(f"{dimension}: {value}", d) for value, d in values.items() if d.n < whole]
    return [
        Regression(
            benchmark=benchmark,
            task=task.task,
            where=where,
            metric=d.metric,
            before=d.before,
            after=d.after,
            n=d.n,
            significant=d.better is False,
        )
        for where, d in places
        if d.before is not None
        and d.after is not None
        and abs(d.after - d.before) > ROUNDING
        and not _improved(d.metric, d.after - d.before)
    ]


def _refuse_differences(
    benchmark: str,
    questions: Sequence[Question],
    before: Sequence[Prediction],
    after: Sequence[Prediction],
    before_role: str,
    after_role: str,
) -> None:
    befores = {p.question: p for p in before}
    afters = {p.question: p for p in after}
    judges = sorted({p.judge for p in (*before, *after) if p.judge})
    if len(judges) > 1:
        raise CompareError(
            f"'{before_role}' and '{after_role}' were judged by {' and '.join(judges)}",
            where=f"comparison on benchmark '{benchmark}'",
            fix="evaluate both with one judge; `recipe run` asks again what is stale",
        )
    differing = [q.id for q in questions if befores[q.id].digest != afters[q.id].digest]
    if not differing:
        return
    first = differing[0]
    same_prompt = befores[first].prompt == afters[first].prompt
    what = "the picture, its preprocessing or the reference" if same_prompt else "the prompt"
    raise CompareError(
        f"'{before_role}' and '{after_role}' were not asked the same: {what} differs for "
        f"{len(differing)} of {len(questions)} questions; the first is '{first}'",
        where=f"comparison on benchmark '{benchmark}'",
        fix="evaluate both with one version of the recipe; `recipe run` asks again what is stale",
    )


def _place(benchmark: str, role: str) -> str:
    return f"predictions of '{role}' on benchmark '{benchmark}'"
