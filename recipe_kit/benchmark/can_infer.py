"""What VLMEvalKit's `can_infer` makes of an answer, for comparison with published numbers.

Written from its rules, and faithful to their quirks: "The answer is clear" is C to it. One thing
is ours: white space around the answer does not count, where VLMEvalKit counts it in the length of
an answer that it compares with the options' texts.
"""

import os
import re
from collections.abc import Mapping

REFUSED = "Z"
"""What is returned for an answer that refuses the question."""

_FAILED = "Failed to obtain answer via API"
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_SPACES = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_STATED = re.compile(r"(?i)(?:correct\s+)?answer\s+is\s+\**([ABCD])\**")
_LAST = 4  # only a letter among the last words is taken for the answer


def can_infer(
    text: str, options: Mapping[str, str], *, verbose: bool | None = None
) -> str | None:
    """The letter VLMEvalKit reads, `Z` for a refusal, None where it returns False.

    Args:
        text: The answer of the model.
        options: From letter to text.
        verbose: Whether VLMEvalKit's environment variable VERBOSE is set; as it is here when not
            given. A record is made without it, so that it is the same everywhere.
    """
    text = text.strip()
    verbose = bool(os.environ.get("VERBOSE")) if verbose is None else verbose
    return _by_letter(text, options, verbose) or _by_text(text, options)


def _by_letter(text: str, options: Mapping[str, str], verbose: bool) -> str | None:
    if _FAILED in text:
        return None
    if any(refusal in text for refusal in _REFUSALS):
        return REFUSED
    words = text.translate(_SPACES).split()
    letters = [letter for letter in options if letter in words]
    if len(letters) == 1:
        # With VERBOSE set, VLMEvalKit takes the "A" of a longer answer for the article.
        if verbose and "A" in words and len(words) > 3:
            return None
        if words.index(letters[0]) >= len(words) - _LAST:
            return letters[0]
    elif not letters and REFUSED in words:
        return REFUSED
    stated = _STATED.search(text)
    letter = stated.group(1).upper() if stated else None
    return letter if letter in options else None


def _by_text(text: str, options: Mapping[str, str]) -> str | None:
    text = text.lower()
    if len(text) > 2 * sum(map(len, options.values())):
        return None
    named = [letter for letter, option in options.items() if option.lower() in text]
    return named[0] if len(named) == 1 else None
