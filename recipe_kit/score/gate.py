"""The gate: is the base model enough, or is fine-tuning warranted?"""

from recipe_kit.errors import RecordError
from recipe_kit.record.schemas import GateResult, Metric, TargetResult, TaskScores
from recipe_kit.spec.tasks import Gate, Target


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
    by_interval = gate.decide_by == "interval"
    results = []
    if target.at_least is not None:
        near = score.low if by_interval else score.value
        results.append(
            TargetResult(
                task=target.task, metric=target.metric, comparison="at least",
                threshold=target.at_least, score=score,
                met=near is not None and near >= target.at_least,
            )
        )
    if target.at_most is not None:
        near = score.high if by_interval else score.value
        results.append(
            TargetResult(
                task=target.task, metric=target.metric, comparison="at most",
                threshold=target.at_most, score=score,
                met=near is not None and near <= target.at_most,
            )
        )
    return tuple(results)


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
