"""Whether confidence can be trusted: reliability, ECE, Brier, risk–coverage, doubtful cases.

Confidence is the probability of the given answer (of the likeliest choice if the answer is
unparseable); an unparseable answer is wrong at whatever confidence it has.
"""

import numpy as np

from recipe_kit.record.schemas import CoveragePoint, ReliabilityBin
from recipe_kit.score.answers import Answers, Floats, Ints
from recipe_kit.score.stats import Measure, mean, ratio

BINS = 10
MAX_POINTS = 100
DOUBTFUL = 10


def ece(answers: Answers) -> Measure:
    """Expected calibration error over ten equal bins of confidence (Naeini et al., 2015).

    The bins are (0, 0.1], (0.1, 0.2], … (0.9, 1.0], zero in the first; each counts by its share.
    """
    if not answers.confident:
        return Measure(value=None, n=len(answers), statistic=_undefined)
    gap_N = answers.right_N - answers.confidence_N
    bin_NM = np.eye(BINS)[_bin(answers.confidence_N)]

    def statistic(weight_BN: Floats) -> Floats:
        gap_BM = (weight_BN * gap_N) @ bin_NM
        return ratio(np.abs(gap_BM).sum(axis=1), weight_BN.sum(axis=1))

    value = float(statistic(np.ones((1, len(answers))))[0])
    return Measure(value=value, n=len(answers), statistic=statistic)


def brier(answers: Answers) -> Measure:
    """Brier score; undefined when probabilities were not logged.

    Two choices: mean squared error of the hazard's probability (0–1). More choices: the squared
    error summed over the choices (0–2), as Brier defined it and scikit-learn computes it.
    """
    from sklearn.metrics import brier_score_loss

    probability_NK = answers.probability_NK
    if probability_NK is None:
        return Measure(value=None, n=len(answers), statistic=_undefined)
    labels = np.arange(len(answers.choices))
    square_NK = (probability_NK - np.eye(len(labels))[answers.reference_N]) ** 2
    if len(labels) == 2:
        hazard_N = probability_NK[:, answers.hazard]
        truth_N = answers.reference_N == answers.hazard
        value = brier_score_loss(truth_N, hazard_N, pos_label=True)
        return mean(square_NK[:, answers.hazard], float(value))
    value = brier_score_loss(answers.reference_N, probability_NK, labels=labels)
    return mean(square_NK.sum(axis=1), float(value))


def reliability(answers: Answers) -> tuple[ReliabilityBin, ...]:
    """Mean confidence and accuracy in each of the ten bins that `ece` uses.

    Nothing, here and below, where confidence was not measured.
    """
    if not answers.confident:
        return ()
    bin_N = _bin(answers.confidence_N)
    found = []
    for m in range(BINS):
        inside = bin_N == m
        n = int(inside.sum())
        found.append(
            ReliabilityBin(
                low=m / BINS,
                high=(m + 1) / BINS,
                n=n,
                confidence=float(answers.confidence_N[inside].mean()) if n else None,
                accuracy=float(answers.right_N[inside].mean()) if n else None,
            )
        )
    return tuple(found)


def risk_coverage(answers: Answers) -> tuple[CoveragePoint, ...]:
    """Share of wrong answers among the most confident share; at most a hundred points.

    Equally confident answers enter together, so the curve does not depend on their order.
    """
    if not answers.confident:
        return ()
    order = np.argsort(-answers.confidence_N, kind="stable")
    confidence_N = answers.confidence_N[order]
    wrong_N = np.cumsum(~answers.right_N[order])
    ends = np.flatnonzero(np.append(np.diff(confidence_N) != 0, True))
    if len(ends) > MAX_POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, MAX_POINTS).round().astype(int)]
    return tuple(
        CoveragePoint(coverage=float((i + 1) / len(answers)), risk=float(wrong_N[i] / (i + 1)))
        for i in ends
    )


def least_confident(answers: Answers) -> tuple[str, ...]:
    """The ids of the ten least confident questions, least confident first."""
    if not answers.confident:
        return ()
    order = np.argsort(answers.confidence_N, kind="stable")[:DOUBTFUL]
    return tuple(answers.questions[i].id for i in order)


def _bin(confidence_N: Floats) -> Ints:
    # Compared with the edges themselves: 0.3 * 10 is not 3 in floating point.
    edges = np.arange(1, BINS) / BINS
    return np.searchsorted(edges, confidence_N, side="left").astype(np.int64)


def _undefined(weight_BN: Floats) -> Floats:
    return np.full(len(weight_BN), np.nan)
