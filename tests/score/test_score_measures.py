"""Every metric against scikit-learn and against itself on repeated questions; literals by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_cases import make, one_task, random_case, random_task
from sklearn import metrics as sk

from recipe_kit.score.answers import Answers
from recipe_kit.score.metrics import MEASURES, measures, score
from recipe_kit.spec.tasks import LOWER_IS_BETTER, TASK_METRICS, TEXT_TASKS

# Circular accuracy needs rotations: `test_score_choice`. Texts are `test_score_text`'s.
NAMES = [
    (kind, name) for kind, names in TASK_METRICS.items() for name in names
    if name != "circular_accuracy" and kind not in TEXT_TASKS
]


def weighted_by_sklearn(name: str, a: Answers, w: np.ndarray) -> float:
    """scikit-learn's metric of the same answers, the unparseable put in as the docs say."""
    binary = len(a.choices) == 2
    real, called = a.reference_N == 0, a.answer_N == 0
    farthest = np.where(a.reference_N >= 2, 0, 4)
    placed = np.where(a.answer_N == -1, farthest, a.answer_N)
    near = (np.abs(a.answer_N - a.reference_N) <= 1) & (a.answer_N != -1)
    found = {
        "accuracy": lambda: sk.accuracy_score(a.reference_N, a.answer_N, sample_weight=w),
        "balanced_accuracy": lambda: sk.recall_score(
            a.reference_N, a.answer_N, labels=[0, 1], average="macro", sample_weight=w
        ),
        "precision": lambda: sk.precision_score(real, called, sample_weight=w),
        "recall": lambda: sk.recall_score(real, called, sample_weight=w),
        "f1": lambda: sk.f1_score(real, called, sample_weight=w),
        "unparseable": lambda: np.average(a.answer_N == -1, weights=w),
        "auroc": lambda: sk.roc_auc_score(real, a.probability_NK[:, 0], sample_weight=w),
        "brier": lambda: sk.brier_score_loss(
            real if binary else a.reference_N,
            a.probability_NK[:, 0] if binary else a.probability_NK,
            sample_weight=w, labels=[False, True] if binary else range(len(a.choices)),
        ),
        "within_one": lambda: np.average(near, weights=w),
        "mae": lambda: sk.mean_absolute_error(a.reference_N, placed, sample_weight=w),
        "quadratic_kappa": lambda: sk.cohen_kappa_score(
            a.reference_N, placed, weights="quadratic", labels=range(5), sample_weight=w
        ),
        "ece": lambda: ece_by_definition(a, w),
    }
    return float(found[name]())


def ece_by_definition(a: Answers, w: np.ndarray) -> float:
    total = 0.0
    for m in range(10):
        inside = (a.confidence_N > m / 10) & (a.confidence_N <= (m + 1) / 10)
        if m == 0:
            inside |= a.confidence_N == 0
        if w[inside].sum():
            accuracy = np.average(a.right_N[inside], weights=w[inside])
            confidence = np.average(a.confidence_N[inside], weights=w[inside])
            total += w[inside].sum() / w.sum() * abs(accuracy - confidence)
    return total


def test_the_spec_lists_what_is_computed() -> None:
    assert {kind: tuple(found) for kind, found in MEASURES.items()} == TASK_METRICS


@pytest.mark.parametrize(("kind", "name"), NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_parity_with_scikit_learn(kind: str, name: str, seed: int) -> None:
    answers = random_task(kind, 60, seed)
    expected = weighted_by_sklearn(name, answers, np.ones(60))
    assert MEASURES[kind][name](answers).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_reweighted_parity_with_scikit_learn(kind: str, name: str) -> None:
    answers = random_task(kind, 60, 7)
    drawn = np.random.default_rng(0).integers(0, 4, (20, 60)).astype(float)
    drawn[:, :5] += 1
    found = MEASURES[kind][name](answers).statistic(drawn)
    expected = [weighted_by_sklearn(name, answers, w) for w in drawn]
    assert found == pytest.approx(expected, abs=1e-12)


YES_NO = {
    # One hazard called, one missed, one unparseable; a false alarm, two right, one unparseable.
    "references": ["Yes", "Yes", "Yes", "No", "No", "No", "No"],
    "answers": ["Yes", "No", None, "Yes", "No", "No", None],
    "confidences": [0.95, 0.65, 0.6, 0.55, 0.95, 0.85, 0.7],
}


@pytest.mark.parametrize(
    ("name", "value", "n"),
    [
        ("accuracy", 3 / 7, 7),
        ("balanced_accuracy", (1 / 3 + 2 / 4) / 2, 7),
        ("precision", 1 / 2, 2),
        ("recall", 1 / 3, 3),
        ("f1", 2 / 5, 7),
        ("unparseable", 2 / 7, 7),
        # Hazard's probabilities: .95 .35 .6 of hazards; .55 .05 .15 .7 of others.
        ("auroc", (4 + 2 + 3) / 12, 7),
        # Bins: (.5,.6] holds .6 wrong and .55 wrong; (.6,.7] .65 and .7 wrong; (.8,.9] .85
        # right; (.9,1] two at .95 right.
        ("ece", (1.15 + 1.35 + 0.15 + 0.1) / 7, 7),
        ("brier", (0.05**2 + 0.65**2 + 0.4**2 + 0.55**2 + 0.05**2 + 0.15**2 + 0.7**2) / 7, 7),
    ],
)
def test_binary_by_hand(name: str, value: float, n: int) -> None:
    questions, predictions = make(**YES_NO)
    found = score(questions, predictions, bootstrap=100, seed=0)["cracked"].metrics[name]
    assert (found.value, found.n) == (pytest.approx(value, abs=1e-12), n)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 2 / 6),
        # Unparseable: 2 points off at best counts as no near miss.
        ("within_one", 3 / 6),
        # Errors 0, 1, 0, 3; unparseable 2 → 5 (3 off), unparseable 3 → 1 (2 off).
        ("mae", 9 / 6),
        ("unparseable", 2 / 6),
        # Confidence .9 throughout: |2/6 - .9|.
        ("ece", 0.9 - 2 / 6),
    ],
)
def test_scale_by_hand(name: str, value: float) -> None:
    questions, predictions = make(
        ["1", "2", "5", "4", "2", "3"], ["1", "3", "5", "1", None, None], task="severity"
    )
    found = score(questions, predictions, bootstrap=100, seed=0)["severity"].metrics[name]
    assert (found.value, found.n) == (pytest.approx(value, abs=1e-12), 6)


def test_kappa_by_hand() -> None:
    # References 1 1 5 5, answers 1 5 5 5: observed 16; by chance (2·1·0 + 2·3·16 + 2·1·16)/4 = 32.
    answers = one_task(["1", "1", "5", "5"], ["1", "5", "5", "5"])
    assert measures(answers)["quadratic_kappa"].value == pytest.approx(0.5, abs=1e-12)


def test_an_unparseable_answer_is_never_within_one_of_a_short_scale() -> None:
    answers = one_task(["3", "4"], [None, "4"])
    assert measures(answers)["within_one"].value == 0.5


@pytest.mark.parametrize(
    ("references", "answers", "undefined"),
    [
        (["A", "B"], ["A", None], {"circular_accuracy"}),
        (["No", "No"], ["No", "No"],
         {"balanced_accuracy", "precision", "recall", "f1", "auroc"}),
        (["No", "No"], ["Yes", "No"], {"balanced_accuracy", "recall", "auroc"}),
        (["Yes", "Yes"], ["No", None], {"balanced_accuracy", "precision", "auroc"}),
        (["Yes", "No"], ["No", "No"], {"precision"}),
        (["3", "3"], ["3", "3"], {"quadratic_kappa"}),
        (["3", "3"], ["3", "2"], set()),
        (["Yes"], [None], {"balanced_accuracy", "precision", "auroc"}),
    ],
)
def test_what_is_not_defined_is_none_without_a_warning(
    references: list[str], answers: list[str | None], undefined: set[str]
) -> None:
    (found,) = score(*make(references, answers), bootstrap=100, seed=0).values()
    assert {name for name, m in found.metrics.items() if m.value is None} == undefined
    assert all(
        (m.low, m.high, m.method) == (None, None, "") for m in found.metrics.values()
        if m.value is None
    )


def test_without_probabilities_auroc_and_brier_are_not_defined() -> None:
    questions, predictions = make(**YES_NO)
    predictions[3] = predictions[3].model_copy(update={"probabilities": {}})
    found = score(questions, predictions, bootstrap=100, seed=0)["cracked"].metrics
    assert {name for name, m in found.items() if m.value is None} == {"auroc", "brier"}


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["binary", "scale", "choice"]), st.integers(1, 30), st.integers(0, 10**6))
def test_bounds(kind: str, n: int, seed: int) -> None:
    references, answers, chances = random_case(kind, n, seed)
    (found,) = score(
        *make(references, answers, **chances), bootstrap=100, seed=0
    ).values()
    for name, m in found.metrics.items():
        top = {"mae": 4.0, "brier": 1.0 if kind == "binary" else 2.0}.get(name, 1.0)
        bottom = -1.0 if name == "quadratic_kappa" else 0.0
        if m.value is not None:
            assert bottom - 1e-9 <= m.value <= top + 1e-9
        if m.low is not None:
            assert m.low <= m.value <= m.high


@pytest.mark.parametrize("kind", ["binary", "scale", "choice"])
def test_a_perfect_model(kind: str) -> None:
    references = random_case(kind, 40, 0)[0]
    (found,) = score(
        *make(references, references, confidences=[1.0] * 40), bootstrap=100, seed=0
    ).values()
    defined = {name: m for name, m in found.metrics.items() if name != "circular_accuracy"}
    for name, m in defined.items():
        assert m.value == (0.0 if name in LOWER_IS_BETTER else 1.0), name


@settings(deadline=None, max_examples=10)
@given(st.sampled_from(["binary", "scale", "choice"]), st.integers(0, 10**6), st.randoms())
def test_the_order_of_questions_and_predictions_does_not_matter(
    kind: str, seed: int, random: object
) -> None:
    references, answers, chances = random_case(kind, 30, seed)
    groups = [f"g{i // 3}" for i in range(30)]
    questions, predictions = make(references, answers, **chances, groups=groups)
    ordered = score(questions, predictions, bootstrap=100, seed=0)
    random.shuffle(questions)
    random.shuffle(predictions)
    assert score(questions, predictions, bootstrap=100, seed=0) == ordered
