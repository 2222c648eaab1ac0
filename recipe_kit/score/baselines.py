"""What a score is worth: the accuracy of guessing, and of answering without looking."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from recipe_kit.record.schemas import Metric, Question
from recipe_kit.score import binary, stats
from recipe_kit.score.answers import Answers, Floats, truth


def baselines(
    answers: Answers, blind: Answers | None, *, bootstrap: int, seed: int
) -> dict[str, Metric]:
    """Accuracy of each way to answer without looking.

    `chance` guesses one of the options; its interval is where 95% of such scores fall. `majority`
    always gives the right answer that is commonest in this benchmark (an option's text, whatever
    its letter), or, where questions come from a pool, commonest for that question; `always_first`
    the first letter (choice tasks only). `blind` is the model's own accuracy when the picture is
    blanked. These three have the interval that any accuracy gets.

    Args:
        answers: The answers of one task.
        blind: The answers to the same questions with the pictures blanked; None if not asked.
        bootstrap: Resamples for an interval.
        seed: Seed of the resampling.
    """
    everything = np.ones(len(answers), dtype=np.bool_)
    guessed = commonest(answers.questions)
    hits = np.array([truth(q) == guessed[q.pool] for q in answers.questions])
    tried = {"majority": stats.proportion(hits, everything)}
    if answers.task_type == "choice":
        tried["always_first"] = stats.proportion(answers.reference_N == 0, everything)
    found = {"chance": chance(Counter(len(q.choices) for q in answers.questions))}
    found |= stats.metrics(tried, answers.groups, bootstrap=bootstrap, seed=seed)
    if blind is not None:
        found |= stats.metrics(
            {"blind": binary.accuracy(blind)}, blind.groups, bootstrap=bootstrap, seed=seed
        )
    return found


def commonest(questions: Sequence[Question]) -> dict[str, str]:
    """The commonest right answer to each question of a pool, or to all that are of none (`""`)."""
    counts: dict[str, Counter[str]] = {}
    for question in questions:
        counts.setdefault(question.pool, Counter())[truth(question)] += 1
    # Of equals the one that comes first.
    return {name: max(counted, key=counted.__getitem__) for name, counted in counts.items()}


def answerable_blind(
    task_type: str, found: Mapping[str, Metric], *, majority_bar: float | None = None
) -> bool:
    """Whether the questions can be answered without looking, better than by guessing.

    A choice task: `blind`, `majority` or `always_first` lies above the interval of `chance`. Their
    options are balanced and shuffled by whoever makes them, so any of these is a flaw of the
    benchmark. Binary tasks and scales are as unbalanced as the world they are about, which
    `majority` reports; to say Yes to everything is not to know the answers. There only `blind`
    counts, and it has to lie above the interval of `majority` as well.

    Args:
        task_type: Type of the task.
        found: Its baselines.
        majority_bar: What `majority` has to pass, from `majority_bar`; the interval of `chance`
            when not given.
    """
    is_choice = task_type == "choice"
    tried = ("blind", "majority", "always_first") if is_choice else ("blind",)
    bars = ("chance",) if is_choice else ("chance", "majority")
    bar = max(high for name in bars if (high := found[name].high) is not None)
    passed = {"majority": bar if majority_bar is None else max(bar, majority_bar)}
    scores = {name: found[name].value for name in tried if name in found}
    return any(
        score is not None and score > passed.get(name, bar) for name, score in scores.items()
    )


def majority_bar(answers: Answers) -> float:
    """The score that the commonest of the right answers seldom passes where they fall at random.

    Of many right answers one is always the commonest, so the tail of chance's interval is divided
    by their number (Bonferroni).
    """
    sizes = Counter(len(q.choices) for q in answers.questions)
    return _quantiles(sizes, len({truth(q) for q in answers.questions}))[1]


def chance(sizes: Mapping[int, int]) -> Metric:
    """Accuracy of guessing, with the central 95% interval of such a score.

    The number of right guesses is binomial where all questions have as many choices, and a sum of
    independent binomials (Poisson binomial) otherwise; both are computed exactly.

    Args:
        sizes: From a number of choices to how many questions have so many.
    """
    n = sum(sizes.values())
    low, high = _quantiles(sizes, 1)
    return Metric(
        # In fractions, so that guessing one of five is 0.2 to the last digit.
        value=float(sum(Fraction(questions, choices) for choices, questions in sizes.items()) / n),
        n=n,
        low=low,
        high=high,
        method="binomial" if len(sizes) == 1 else "Poisson binomial",
    )


def _quantiles(sizes: Mapping[int, int], looks: int) -> tuple[float, float]:
    """Ends of the central 95% interval of guessing, its tails divided by a number of looks."""
    from scipy.stats import binom

    n = sum(sizes.values())
    mass: Floats = np.ones(1)
    for choices, questions in sorted(sizes.items()):
        mass = np.convolve(mass, binom.pmf(np.arange(questions + 1), questions, 1 / choices))
    tail = (1 - stats.LEVEL) / 2 / looks
    # The smallest count that at most so much of the distribution lies below or at.
    # A hair less, for sums that reach it exactly but for rounding.
    low, high = np.searchsorted(np.cumsum(mass), [tail - 1e-12, 1 - tail - 1e-12])
    return float(low / n), float(min(high, n) / n)
