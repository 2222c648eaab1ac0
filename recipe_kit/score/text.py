"""Metrics of tasks that are answered by text: BLEU, and the share that a judge finds right."""

from collections.abc import Callable

from recipe_kit.score import binary
from recipe_kit.score.answers import Answers
from recipe_kit.score.bleu import bleu
from recipe_kit.score.stats import Measure

CAPTION: dict[str, Callable[[Answers], Measure]] = {"bleu": bleu}
OPEN: dict[str, Callable[[Answers], Measure]] = {"lingo_judge": binary.accuracy, "bleu": bleu}
