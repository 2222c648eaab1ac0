"""How likely each label is where an answer begins."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recipe_kit.model.prompt import Encoded

_OPENING = ("<answer>",)
"""What may stand between the reasoning and the answer, besides white space."""


@dataclass(frozen=True, slots=True)
class Labels:
    """A question's choices as tokens."""

    choices: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]

    @property
    def first(self) -> tuple[int, ...]:
        """The first token of each choice."""
        return tuple(tokens[0] for tokens in self.tokens)

    @property
    def distinct(self) -> bool:
        """Whether the first tokens tell the choices apart, so that one step reads them all."""
        return len(set(self.first)) == len(self.first)


def labels_of(tokenizer: Any, choices: tuple[str, ...]) -> Labels:
    """Cut choices into tokens as they stand at the start of an answer."""
    cut = (tuple(tokenizer(choice, add_special_tokens=False)["input_ids"]) for choice in choices)
    return Labels(choices, tuple(cut))


def answer_begins(tokenizer: Any, tokens: Sequence[int]) -> int:
    """The step at which the answer begins: 0, or the first token after the reasoning.

    When reasoning was cut off before an answer, the last step: where the answer would have begun.
    """
    text = decode(tokenizer, tokens)
    _, found, answer = text.rpartition("</think>")
    if not found and text.lstrip().startswith("<think>"):
        return len(tokens) - 1
    lead = answer.lstrip()
    for opening in _OPENING:
        lead = lead.removeprefix(opening).lstrip()
    start = len(text) - len(lead)
    if start == 0 or not text.strip():
        return 0
    if not lead:
        # Nothing follows the reasoning; the step after its last token ended the answer.
        return len(tokens)
    return bisect_left(
        range(len(tokens)), start + 1, key=lambda step: len(decode(tokenizer, tokens[: step + 1]))
    )


def decode(tokenizer: Any, tokens: Sequence[int]) -> str:
    """Tokens as text, without control tokens."""
    return str(tokenizer.decode(tokens, skip_special_tokens=True))


def normalize(logs: Sequence[float]) -> tuple[tuple[float, ...], float]:
    """Probabilities over the choices alone, and the probability of all choices together.

    Of no choices, as for a text, there are none.
    """
    if not logs:
        return (), 0.0
    largest = max(logs)
    parts = [math.exp(log - largest) for log in logs]
    total = sum(parts)
    # Rounding may lift the sum of all probabilities a little above one.
    return tuple(part / total for part in parts), min(1.0, total * math.exp(largest))


def answered(prompt: Encoded, tokens: Sequence[int], answer: Sequence[int]) -> Encoded:
    """A prompt followed by tokens and by an answer whose probability is wanted."""
    more = np.asarray([*tokens, *answer], np.int64)
    positions = np.tile(prompt.next_position + np.arange(len(more)), (3, 1))
    return Encoded(
        ids_L=np.concatenate([prompt.ids_L, more]),
        kinds_L=np.concatenate([prompt.kinds_L, np.zeros_like(more)]),
        positions_3L=np.concatenate([prompt.positions_3L, positions], axis=1),
        prompt_length=len(prompt.ids_L) + len(tokens),
        answer_length=len(answer),
        media_count=prompt.media_count,
        shared_length=prompt.shared_length,
    )
