"""Metrics of a task that is answered by the letter of an option.

Everything is computed over first questions; the rotations of circular evaluation only decide
`circular_accuracy`. An unparseable answer is wrong.
"""

from collections.abc import Callable

from recipe_kit.score import binary, calibration
from recipe_kit.score.answers import Answers
from recipe_kit.score.stats import Measure, proportion


def circular_accuracy(answers: Answers) -> Measure:
    """Share of questions answered rightly in every rotation; undefined without rotations.

    As MMBench's CircularEval (Liu et al., 2023, arXiv:2307.06281).
    """
    return proportion(answers.circled_N, answers.rotated_N)


MEASURES: dict[str, Callable[[Answers], Measure]] = {
    "accuracy": binary.accuracy,
    "circular_accuracy": circular_accuracy,
    "unparseable": binary.unparseable,
    "ece": calibration.ece,
    "brier": calibration.brier,
}
