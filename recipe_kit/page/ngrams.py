"""Runs of words that a text has in common with its references, as BLEU counts them."""

import re

_WORD = re.compile(r"\w+(?:[-'’]\w+)*|[^\w\s]")

Span = tuple[int, int]
"""Where a run begins and ends in the text."""


def matched_spans(
    text: str, references: tuple[str, ...], longest: int = 4, shortest: int = 2
) -> list[Span]:
    """The places in a text that some reference has as well, word for word.

    Every word that is part of a shared run of `shortest` to `longest` words belongs to a place;
    places that touch are one. A run begins and ends with a word, and the marks inside it count as
    words do. Upper and lower case are the same.

    Args:
        text: The text.
        references: What it is compared with.
        longest: Words in the longest run that is looked for: 4, as in BLEU.
        shortest: Words in the shortest run that counts.
    """
    found = [match.span() for match in _WORD.finditer(text)]
    words = [text[start:end].lower() for start, end in found]
    others = [
        [match[0].lower() for match in _WORD.finditer(reference)] for reference in references
    ]
    marked = [False] * len(words)
    for size in range(shortest, longest + 1):
        known = {
            tuple(other[at : at + size])
            for other in others for at in range(len(other) - size + 1)
        }
        for at in range(len(words) - size + 1):
            run = words[at : at + size]
            if _is_word(run[0]) and _is_word(run[-1]) and tuple(run) in known:
                marked[at : at + size] = [True] * size
    spans: list[Span] = []
    for at, (start, end) in enumerate(found):
        if not marked[at]:
            continue
        if at and marked[at - 1]:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"
