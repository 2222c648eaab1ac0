import pytest

from recipe_kit.page import numbers


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
        (numbers.size(12_400_000), "12.4 MB"),
        (numbers.count(5_800_000), "5.8 M"),
    ],
)
def test_written(shown: str, expected: str) -> None:
    assert shown == expected
