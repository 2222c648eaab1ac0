"""Intervals and tests: Wilson, bootstrap by group, McNemar.

A metric is a `Measure`: its value, and a formula that gives the same metric of many reweighted
copies of the questions at once, which is what makes a bootstrap of every metric a matter of
milliseconds. Resampling draws whole groups (scenes, photographs), since pictures of one scene are
not independent of each other.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from recipe_kit.record.schemas import Metric
from recipe_kit.score.answers import Bools, Floats

# Weights [B, N] of the questions → the metric [B]; NaN where it is not defined.
Statistic = Callable[[Floats], Floats]

LEVEL = 0.95
# Weights held in memory at once: 32 MB.
_CELLS = 4_000_000
# Draws that are kept for the next statistics: 8 MB each.
_KEPT_CELLS = 1_000_000


@dataclass(frozen=True)
class Measure:
    """One metric of one set of answers."""

    value: float | None  # None: not defined
    n: int  # what it stands on: the denominator of a proportion, all questions otherwise
    statistic: Statistic
    hits: int | None = None  # of n, if it is a proportion


def proportion(hit_N: Bools, of_N: Bools) -> Measure:
    """Share of the questions `of_N` that are `hit_N`; undefined when there are none."""
    n, hits = int(of_N.sum()), int((hit_N & of_N).sum())
    top_N, bottom_N = (hit_N & of_N).astype(float), of_N.astype(float)
    return Measure(
        value=hits / n if n else None,
        n=n,
        statistic=lambda w_BN: ratio(w_BN @ top_N, w_BN @ bottom_N),
        hits=hits,
    )


def mean(values_N: Floats, value: float) -> Measure:
    """Mean over all questions, its `value` as a library computed it."""
    return Measure(
        value=value,
        n=len(values_N),
        statistic=lambda w_BN: ratio(w_BN @ values_N, w_BN.sum(axis=1)),
    )


def ratio(top: Floats, bottom: Floats) -> Floats:
    """Element by element; NaN where the divisor is zero."""
    empty = bottom == 0
    return np.where(empty, np.nan, top / np.where(empty, 1.0, bottom))


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95% interval of a proportion, `n` > 0; scipy's."""
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(confidence_level=LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(fixed: int, broken: int) -> float:
    """Two-sided p-value of McNemar's exact test; 1.0 when nothing changed.

    Args:
        fixed: Questions wrong before and right after.
        broken: Questions right before and wrong after.
    """
    from scipy.stats import binomtest

    if fixed + broken == 0:
        return 1.0
    return float(binomtest(fixed, fixed + broken, 0.5).pvalue)


def mcnemar_by_group(changes: Sequence[int], groups: Sequence[str]) -> float:
    """Two-sided p-value of McNemar's test where questions of one group belong together.

    If nothing but chance parted before and after, each group's sum of changes would be as likely
    with the other sign. So the p-value is the share of all ways to choose the signs whose total is
    at least as far from zero as the one found; counted exactly. With one question to a group it is
    McNemar's exact test.

    Args:
        changes: Of each question 1 if it was fixed, -1 if it was broken, 0 otherwise.
        groups: Of each question.
    """
    names, index_N = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(index_N, weights=np.asarray(changes, float), minlength=len(names))
    sizes = np.abs(sums).astype(int)
    share: Floats = np.ones(1)  # of totals from minus to plus the sum of sizes, in steps of two
    for size in sizes[sizes > 0]:
        longer = np.zeros(len(share) + int(size))
        longer[: len(share)] += share / 2
        longer[int(size) :] += share / 2
        share = longer
    totals = 2 * np.arange(len(share)) - sizes.sum()
    return min(1.0, float(share[np.abs(totals) >= abs(int(sums.sum()))].sum()))


def p_of_draws(draws_B: Floats, difference: float) -> float:
    """Two-sided p-value of a difference from its paired bootstrap (Koehn, 2004; as sacrebleu).

    The draws are moved to have a mean of zero, as they would without a difference; p is the share
    of them that lie at least as far out as the difference, which itself counts as one of them.
    """
    defined = draws_B[~np.isnan(draws_B)]
    if not len(defined):
        return 1.0
    far = int((np.abs(defined - defined.mean()) >= abs(difference)).sum())
    return (far + 1) / (len(defined) + 1)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values adjusted for being looked at together, by name, in the order given.

    Holm's step-down method (1979, Scandinavian Journal of Statistics 6): the smallest of m is
    multiplied by m, the next by m - 1, and so on; none is smaller than one before it, or above 1.
    """
    found: dict[str, float] = {}
    highest = 0.0
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for place, (name, p_value) in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - place) * p_value))
        found[name] = highest
    return {name: found[name] for name in p_values}


def resample(
    statistics: Mapping[str, Statistic], groups: Sequence[str], *, resamples: int, seed: int
) -> dict[str, Floats]:
    """Each statistic of `resamples` draws of whole groups with replacement: name → [B].

    All statistics see the same draws, so that differences between them are paired. A single group
    tells nothing of how groups differ, so every draw of it is NaN.
    """
    names, index_N = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) == 1:
        return {name: np.full(resamples, np.nan) for name in statistics}
    size = max(1, _CELLS // len(groups))
    parts: dict[str, list[Floats]] = {name: [] for name in statistics}
    for count_BG in _draws(len(names), resamples, size, seed):
        weight_BN = count_BG[:, index_N]
        for name, statistic in statistics.items():
            parts[name].append(statistic(weight_BN))
    return {name: np.concatenate(part) for name, part in parts.items()}


def _draws(groups: int, resamples: int, size: int, seed: int) -> Iterable[Floats]:
    """How often each group is drawn, at most `size` resamples at a time: [B, G]."""
    if resamples <= size and groups * resamples <= _KEPT_CELLS:
        return (_kept_draws(groups, resamples, seed),)
    rng, share_G = np.random.default_rng(seed), np.full(groups, 1 / groups)
    parts = (min(size, resamples - start) for start in range(0, resamples, size))
    return (rng.multinomial(groups, share_G, size=part).astype(float) for part in parts)


# All tasks and models of a benchmark, and slices of one size, are resampled alike.
@lru_cache(maxsize=16)
def _kept_draws(groups: int, resamples: int, seed: int) -> Floats:
    rng, share_G = np.random.default_rng(seed), np.full(groups, 1 / groups)
    return rng.multinomial(groups, share_G, size=resamples).astype(float)


def interval(draws_B: Floats, value: float) -> tuple[float, float] | None:
    """Percentile interval of the bootstrap, widened to hold `value` itself.

    The value can lie outside for metrics that resampling biases (ECE). None when the metric is
    undefined in more than half of the draws.
    """
    defined = draws_B[~np.isnan(draws_B)]
    if 2 * len(defined) < len(draws_B):
        return None
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(defined, [tail, 100 - tail])
    return min(float(low), value), max(float(high), value)


def metrics(
    measures: Mapping[str, Measure], groups: Sequence[str], *, bootstrap: int, seed: int
) -> dict[str, Metric]:
    """Each measure with its 95% interval.

    A proportion gets Wilson's when every group is a single question. Everything else is
    bootstrapped by group; a proportion of 0 or 1, whose resamples are all alike, gets Wilson's
    interval with the groups counted instead of the questions.
    """
    single = len(set(groups)) == len(groups)
    drawn = {
        name: m.statistic
        for name, m in measures.items()
        if m.value is not None and not (single and m.hits is not None)
    }
    draws = resample(drawn, groups, resamples=bootstrap, seed=seed) if drawn else {}
    by_group = "bootstrap" if single else "bootstrap by group"
    found: dict[str, Metric] = {}
    for name, measure in measures.items():
        bounds: tuple[float, float] | None = None
        method = ""
        if measure.value is None:
            pass
        elif single and measure.hits is not None:
            bounds, method = wilson(measure.hits, measure.n), "wilson"
        elif measure.hits is not None and measure.hits in (0, measure.n):
            n = min(len(set(groups)), measure.n)
            bounds, method = wilson(n if measure.hits else 0, n), "wilson over groups"
        else:
            bounds, method = interval(draws[name], measure.value), by_group
        low, high = bounds or (None, None)
        found[name] = Metric(
            value=measure.value, n=measure.n, low=low, high=high, method=method if bounds else ""
        )
    return found


def defined(value: float) -> float | None:
    """The value, or None for NaN: a record holds no NaN."""
    return None if math.isnan(value) else float(value)
