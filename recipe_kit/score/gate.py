"""The gate: is the base model enough, or is fine-tuning warranted?"""

from typing import Literal

from recipe_kit.errors import RecordError
from recipe_kit.record.schemas import GateResult, Metric, TargetResult, TaskScores
from recipe_kit.spec.tasks import Gate, Target

# The mean of 0.95 and 0.85 is 0.8999999999999999, and reaches 0.9 all the same.
ROUNDING = 1e-12


def decide(gate: Gate, scores: dict[str, TaskScores]) -> GateResult:
    """Compare each target's metric with its threshold; all must be met.

    `decide_by: interval` asks the near end of the 95% interval to meet the threshold: the lower
    end for `at_least`, the upper for `at_most`. A metric that is not defined meets nothing.

    Raises:
        RecordError: The scores hold no such task or metric.
    """
    results = tuple(
        result for target in gate.targets for result in _results(target, scores, gate)
    )
    return GateResult(
        benchmark=gate.benchmark,
        enough=all(result.met for result in results),
        decide_by=gate.decide_by,
        targets=results,
    )


def _results(
    target: Target, scores: dict[str, TaskScores], gate: Gate
) -> tuple[TargetResult, ...]:
    score = _metric(target, scores, gate.benchmark)
    ends: tuple[tuple[Literal["at least", "at most"], float | None, float | None], ...] = (
        ("at least", target.at_least, score.low), ("at most", target.at_most, score.high),
    )
    return tuple(
        TargetResult(
            task=target.task, metric=target.metric, comparison=comparison, threshold=threshold,
            score=score,
            met=_met(end if gate.decide_by == "interval" else score.value, comparison, threshold),
        )
        for comparison, threshold, end in ends
        if threshold is not None
    )


def _met(value: float | None, comparison: str, threshold: float) -> bool:
    if value is None:
        return False
    above = value - threshold if comparison == "at least" else threshold - value
    return above >= -ROUNDING


def _metric(target: Target, scores: dict[str, TaskScores], benchmark: str) -> Metric:
    known = scores[target.task].metrics if target.task in scores else scores
    missing = target.task if target.task not in scores else target.metric
    if missing not in known:
        raise RecordError(
            f"the gate asks for {target.metric} of '{target.task}', but the scores of benchmark "
            f"'{benchmark}' have no '{missing}'; known: {', '.join(known)}",
            where="gate.targets",
            fix=f"name a task of benchmarks.{benchmark}.tasks and one of its metrics, or score "
            "the benchmark again",
        )
    return scores[target.task].metrics[target.metric]
