"""Metrics of a task that is answered by a point on a scale.

An unparseable answer is as wrong as an answer to its question can be: never within one point, and
for the mean absolute error and kappa it stands at the end of the scale that is farther from the
reference (at the lower end if both are as far).
"""

from collections.abc import Callable

import numpy as np

from recipe_kit.score import binary, calibration
from recipe_kit.score.answers import UNPARSEABLE, Answers, Floats, Ints
from recipe_kit.score.stats import Measure, defined, mean, proportion, ratio


def within_one(answers: Answers) -> Measure:
    """Share of answers at most one point off."""
    near_N = np.abs(answers.answer_N - answers.reference_N) <= 1
    parsed_N = answers.answer_N != UNPARSEABLE
    return proportion(near_N & parsed_N, np.ones(len(answers), dtype=np.bool_))


def mae(answers: Answers) -> Measure:
    """Mean absolute error, in points of the scale."""
    from sklearn.metrics import mean_absolute_error

    placed_N = placed(answers)
    value = float(mean_absolute_error(answers.reference_N, placed_N))
    return mean(np.abs(placed_N - answers.reference_N).astype(float), value)


def quadratic_kappa(answers: Answers) -> Measure:
    """Cohen's kappa with quadratic weights; undefined when all is one and the same point."""
    from sklearn.metrics import cohen_kappa_score

    placed_N, reference_N = placed(answers), answers.reference_N
    size = len(answers.choices)
    point_K = np.arange(size)
    off_KK = (point_K[:, None] - point_K[None, :]) ** 2.0
    given_NK, right_NK = np.eye(size)[placed_N], np.eye(size)[reference_N]
    off_N = off_KK[reference_N, placed_N]

    def statistic(weight_BN: Floats) -> Floats:
        right_BK, given_BK = weight_BN @ right_NK, weight_BN @ given_NK
        by_chance_B = ((right_BK @ off_KK) * given_BK).sum(axis=1)
        return 1 - ratio((weight_BN @ off_N) * weight_BN.sum(axis=1), by_chance_B)

    # Asked first: scikit-learn warns where kappa is not defined.
    value = defined(float(statistic(np.ones((1, len(answers))))[0]))
    if value is not None:
        value = float(
            cohen_kappa_score(reference_N, placed_N, weights="quadratic", labels=point_K)
        )
    return Measure(value=value, n=len(answers), statistic=statistic)


def placed(answers: Answers) -> Ints:
    """Index of each answer on the scale [N], the unparseable at the farther end."""
    last = len(answers.choices) - 1
    farthest_N = np.where(answers.reference_N * 2 < last, last, 0)
    return np.where(answers.answer_N == UNPARSEABLE, farthest_N, answers.answer_N)


MEASURES: dict[str, Callable[[Answers], Measure]] = {
    "accuracy": binary.accuracy,
    "within_one": within_one,
    "mae": mae,
    "quadratic_kappa": quadratic_kappa,
    "unparseable": binary.unparseable,
    "ece": calibration.ece,
    "brier": calibration.brier,
}
