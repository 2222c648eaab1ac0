"""Answers at once, as the tests of single steps want them."""

from typing import Any

from recipe_kit.engine.generate import Generated, Generation


def generate(*given: Any, **asked: Any) -> list[Generated]:
    """What a `Generation` gives, waited for."""
    return Generation(*given, **asked).answers()
