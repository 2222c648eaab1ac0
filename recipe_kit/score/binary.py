"""Metrics of a Yes-or-No task; precision, recall and F1 are of the hazard answer.

An unparseable answer is wrong. To a hazard question it is a missed hazard (recall); to any other
it is no false alarm (precision), but it is an error all the same (accuracy, balanced accuracy).
AUROC ranks by the probability of the hazard answer, whatever text was parsed.
"""

from collections.abc import Callable

import numpy as np

from recipe_kit.score import calibration
from recipe_kit.score.answers import UNPARSEABLE, Answers, Bools, Floats
from recipe_kit.score.stats import Measure, proportion, ratio


def accuracy(answers: Answers) -> Measure:
    """Share of right answers, for any type of task."""
    return proportion(answers.right_N, _all(answers))


def unparseable(answers: Answers) -> Measure:
    """Share of answers that could not be read, for any type of task."""
    return proportion(answers.answer_N == UNPARSEABLE, _all(answers))


def precision(answers: Answers) -> Measure:
    """Share of real hazards among the hazards that were called."""
    return proportion(answers.right_N, answers.answer_N == answers.hazard)


def recall(answers: Answers) -> Measure:
    """Share of the real hazards that were called."""
    return proportion(answers.right_N, answers.reference_N == answers.hazard)


def f1(answers: Answers) -> Measure:
    """Harmonic mean of precision and recall; undefined when no hazard is there or called."""
    from sklearn.metrics import f1_score

    real_N = answers.reference_N == answers.hazard
    called_N = answers.answer_N == answers.hazard
    both_N = 2.0 * (real_N & called_N)
    sum_N = real_N.astype(float) + called_N
    return Measure(
        value=float(f1_score(real_N, called_N)) if sum_N.any() else None,
        n=len(answers),
        statistic=lambda w_BN: ratio(w_BN @ both_N, w_BN @ sum_N),
    )


def balanced_accuracy(answers: Answers) -> Measure:
    """Mean of the accuracies on either reference; undefined when there is only one."""
    from sklearn.metrics import recall_score

    parts = [proportion(answers.right_N, answers.reference_N == k) for k in (0, 1)]
    value = None
    if all(part.n for part in parts):
        value = float(
            recall_score(
                answers.reference_N, answers.answer_N, labels=[0, 1], average="macro",
                zero_division=0,
            )
        )
    return Measure(
        value=value,
        n=len(answers),
        statistic=lambda w_BN: (parts[0].statistic(w_BN) + parts[1].statistic(w_BN)) / 2,
    )


def auroc(answers: Answers) -> Measure:
    """Area under the ROC curve; undefined with one reference, or without probabilities."""
    from sklearn.metrics import roc_auc_score

    real_N = answers.reference_N == answers.hazard
    probability_NK = answers.probability_NK
    if probability_NK is None or real_N.all() or not real_N.any():
        return Measure(value=None, n=len(answers), statistic=lambda w_BN: w_BN[:, 0] * np.nan)
    score_N = probability_NK[:, answers.hazard]
    order = np.argsort(score_N, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(score_N[order]) > 0))
    real_sorted_N = real_N[order].astype(float)

    def statistic(weight_BN: Floats) -> Floats:
        weight_BN = weight_BN[:, order]
        real_BU = np.add.reduceat(weight_BN * real_sorted_N, starts, axis=1)
        safe_BU = np.add.reduceat(weight_BN * (1 - real_sorted_N), starts, axis=1)
        # Pairs ranked rightly, a tie counted as half a pair (Mann–Whitney).
        below_BU = safe_BU.cumsum(axis=1) - safe_BU / 2
        pairs_B = real_BU.sum(axis=1) * safe_BU.sum(axis=1)
        return ratio((real_BU * below_BU).sum(axis=1), pairs_B)

    return Measure(
        value=float(roc_auc_score(real_N, score_N)), n=len(answers), statistic=statistic
    )


def _all(answers: Answers) -> Bools:
    return np.ones(len(answers), dtype=np.bool_)


MEASURES: dict[str, Callable[[Answers], Measure]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "unparseable": unparseable,
    "auroc": auroc,
    "ece": calibration.ece,
    "brier": calibration.brier,
}
