"""BLEU as sacrebleu computes it, from 0 to 1, and of many resamples at once.

The BLEU of a corpus follows from sums over its sentences: matched and possible n-grams of each
order, and the lengths of answer and reference. So a resample of the questions is a weighted sum of
these ten numbers, and no text is read again.

Shape suffixes beside those of `answers`: M n-gram orders.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from recipe_kit.record.schemas import Question
from recipe_kit.score.answers import Answers, Bools, Floats
from recipe_kit.score.stats import Measure, mean

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

ORDER = 4
# Texts whose counts are kept: slices and comparisons count the same ones again.
_KEPT = 100_000


def bleu(answers: Answers) -> Measure:
    """BLEU of the corpus, or the mean over its sentences, as the task wants it."""
    if answers.questions[0].bleu == "sentence":
        each_N = sentences(answers)
        return mean(each_N, float(each_N.mean()))
    counts_NM = _statistics(answers)
    return Measure(
        value=_corpus(counts_NM.sum(axis=0)),
        n=len(answers),
        statistic=lambda w_BN: corpora(w_BN @ counts_NM),
    )


def sentences(answers: Answers) -> Floats:
    """BLEU of each answer by itself [N], of as high an order as it has words (sacrebleu's)."""
    pairs = zip(answers.questions, answers.predictions, strict=True)
    return np.array([sentence(q, p.answer or "") for q, p in pairs])


def sentence(question: Question, text: str) -> float:
    """BLEU of one answer, 0 to 1."""
    return _counts(text, references(question))[1]


def references(question: Question) -> tuple[str, ...]:
    """All references of a question."""
    return (question.reference, *question.more_references)


def signature(questions: Sequence[Question]) -> str:
    """What sacrebleu says of how it computes: `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp`..."""
    metric = _sacrebleu(effective_order=questions[0].bleu == "sentence")
    # One question for each number of references: nothing else of them stands in a signature.
    by_number = {len(one): one for one in map(references, questions)}
    # The types of sacrebleu leave out that None stands where a question has fewer references.
    streams: Any = [
        [one[at] if at < len(one) else None for one in by_number.values()]
        for at in range(max(by_number))
    ]
    metric.corpus_score([""] * len(by_number), streams)
    return str(metric.get_signature())


def corpora(sums_BM: Floats) -> Floats:
    """BLEU of many corpora [B], from the sums of `_statistics` over each of them.

    As sacrebleu's `compute_bleu` with its default smoothing, whose arithmetic this repeats.
    """
    answer_B, reference_B = sums_BM[:, 0], sums_BM[:, 1]
    matched_BM, possible_BM = sums_BM[:, 2 : 2 + ORDER], sums_BM[:, 2 + ORDER :]
    # Each order without a match counts half as much as the one before it.
    halvings_BM = np.cumsum(matched_BM == 0, axis=1)
    shown_BM = np.where(matched_BM == 0, 0.5**halvings_BM, matched_BM)
    any_B: Bools = np.logical_and((matched_BM > 0).any(axis=1), (possible_BM > 0).all(axis=1))
    safe_BM = np.where(any_B[:, None], shown_BM / np.maximum(possible_BM, 1), 1.0)
    penalty_B = np.minimum(0.0, 1 - reference_B / np.maximum(answer_B, 1e-9))
    return np.where(any_B, np.exp(np.minimum(penalty_B + np.log(safe_BM).mean(axis=1), 0)), 0.0)


def _statistics(answers: Answers) -> Floats:
    """Of each answer [N, 2 + 2M]: its length, the reference's, matched and possible n-grams."""
    pairs = zip(answers.questions, answers.predictions, strict=True)
    return np.array([_counts(p.answer or "", references(q))[0] for q, p in pairs], dtype=float)


def _corpus(sums: Floats) -> float:
    answer, reference, *rest = (int(one) for one in sums)
    found = type(_sacrebleu(effective_order=False)).compute_bleu(
        correct=rest[:ORDER], total=rest[ORDER:], sys_len=answer, ref_len=reference,
        smooth_method="exp",
    )
    return _share(found.score)


@lru_cache(maxsize=_KEPT)
def _counts(text: str, references: tuple[str, ...]) -> tuple[tuple[int, ...], float]:
    """The ten numbers of an answer, and its own BLEU."""
    found = _sacrebleu(effective_order=True).sentence_score(text, references)
    counts = (found.sys_len, found.ref_len, *found.counts, *found.totals)
    return counts, _share(found.score)


def _share(score: float) -> float:
    # A perfect score is above 100 by the last digit.
    return min(1.0, float(score) / 100)


@lru_cache(maxsize=2)
def _sacrebleu(*, effective_order: bool) -> "BLEU":
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=effective_order)
