from typing import Any

import pytest

from recipe_kit.page import numbers
from recipe_kit.record.schemas import Difference


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (numbers.pct(0.8523), "85.2%"),
        (numbers.pct(None), "n/a"),
        (numbers.num(2400), "2,400"),
        (numbers.num(-0.051), "−0.05"),
        (numbers.points(0.1234), "+12.3 points"),
        (numbers.points(-0.02), "−2.0 points"),
        (numbers.points(-0.0001), "0.0 points"),
        (numbers.interval("accuracy", 0.81, 0.886), "81.0–88.6%"),
        (numbers.interval("mae", 0.4, 0.512), "0.40–0.51"),
        (numbers.interval("quadratic_kappa", -0.1, 0.2), "−0.100 to 0.200"),
        (numbers.interval("auroc", None, None), "n/a"),
        (numbers.interval_of_change("accuracy", -0.013, 0.21), "−1.3 to +21.0"),
        (numbers.change_of("mae", -0.414), "−0.41"),
        (numbers.p_value(0.4), "p = 0.400"),
        (numbers.p_value(0.0004), "p < 0.001"),
        (numbers.epochs(1.0), "1 epoch"),
        (numbers.epochs(2.5), "2.5 epochs"),
        (numbers.duration(4.21), "4.2 s"),
        (numbers.duration(200), "3 min 20 s"),
        (numbers.duration(7500), "2 h 05 min"),
        (numbers.threshold("accuracy", 0.9), "90.0%"),
        (numbers.threshold("accuracy", 0.9995), "99.95%"),
        (numbers.threshold("mae", 0.125), "0.125"),
        (numbers.short_of("accuracy", 0.8996, 0.9), "89.96%"),
        (numbers.short_of("accuracy", 0.89, 0.9), "89.0%"),
        (numbers.short_of("accuracy", None, 0.9), "n/a"),
        (numbers.short_of("quadratic_kappa", -0.10004, -0.1), "−0.10004"),
        (numbers.in_a_sentence("accuracy"), "accuracy"),
        (numbers.in_a_sentence("f1"), "F1"),
        (numbers.in_a_sentence("auroc"), "AUROC"),
        (numbers.in_a_sentence("brier"), "Brier score"),
        (numbers.relative(0.55, 0.98), "+78.2%"),
        (numbers.relative(0.5, 0.4), "−20.0%"),
        (numbers.relative(0.005, 0.8), "+15,900.0%"),
        (numbers.signed(-0.0004, 2), "0.00"),
        (numbers.were(1), "1 was"),
        (numbers.were(0), "0 were"),
        (numbers.counted(1, "image"), "1 image"),
        (numbers.counted(1205, "image"), "1,205 images"),
        (numbers.relative(0.0, 0.4), "n/a"),
        (numbers.relative(None, 0.4), "n/a"),
        (numbers.value("circular_accuracy", 0.31), "31.0%"),
        (numbers.size(12_400_000), "12.4 MB"),
        (numbers.count(5_800_000), "5.8 M"),
    ],
)
def test_written(shown: str, expected: str) -> None:
    assert shown == expected


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [(0.5, 0.95, 0.9), (0.5, 0.25, -0.5), (1.0, 1.0, None), (None, 0.5, None)],
)
def test_error_reduction(before: float | None, after: float | None, share: float | None) -> None:
    assert numbers.error_reduction(before, after) == pytest.approx(share)


@pytest.mark.parametrize(
    ("update", "word"),
    [
        ({"better": True}, "better"),
        ({"better": False}, "worse"),
        ({"better": None}, "within noise"),
        ({"difference": 0.0}, "unchanged"),
        ({"low": None}, "n/a"),
        ({"before": None, "difference": None}, "n/a"),
    ],
)
def test_verdict(update: dict[str, Any], word: str) -> None:
    found = Difference(
        metric="accuracy", before=0.5, after=0.6, difference=0.1, low=0.02, high=0.18, n=100
    )
    assert numbers.verdict(found.model_copy(update=update)) == word


@pytest.mark.parametrize(
    ("p", "adjusted", "shown"),
    [(None, None, "–"), (0.04, None, "0.040"), (0.04, 0.12, "0.120"), (1e-5, 2e-5, "< 0.001")],
)
def test_p_is_the_adjusted_one(p: float | None, adjusted: float | None, shown: str) -> None:
    found = Difference(metric="accuracy", before=0.5, after=0.6, difference=0.1, n=100)
    assert numbers.p_of(found.model_copy(update={"p": p, "p_adjusted": adjusted})) == shown
