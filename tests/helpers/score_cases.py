"""Questions and predictions of one task, made from literals."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.score.answers import Answers, align

CHOICES = {
    "binary": ("Yes", "No"), "scale": ("1", "2", "3", "4", "5"), "choice": ("A", "B", "C", "D")
}
SIDES = ("left", "right", "above", "below")


def make(
    references: Sequence[str],
    answers: Sequence[str | None],
    *,
    task: str = "cracked",
    confidences: Sequence[float] | None = None,
    probabilities: Sequence[Sequence[float]] | None = None,
    categories: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
) -> tuple[list[Question], list[Prediction]]:
    kind: Any = next(k for k, choices in CHOICES.items() if {*references} <= {*choices})
    choices = CHOICES[kind]
    questions, predictions = [], []
    for i, (reference, answer) in enumerate(zip(references, answers, strict=True)):
        name = f"floors/{i:04d}"
        confidence = confidences[i] if confidences else 0.9
        rest = (1 - confidence) / (len(choices) - 1)
        spread = [confidence if c == (answer or choices[0]) else rest for c in choices]
        questions.append(
            Question(
                id=f"floor/{task}/{name}", benchmark="floor", task=task, task_type=kind,
                sample=name, media=f"{i}.png", media_sha256=f"{i:016x}" + "0" * 48,
                prompt="Is this floor cracked? Yes or No.", choices=choices, reference=reference,
                hazard="Yes" if kind == "binary" else None,
                category=categories[i] if categories else "",
                source=sources[i] if sources else "floors",
                group=groups[i] if groups else name,
                options=dict(zip(choices, SIDES, strict=True)) if kind == "choice" else {},
            )
        )
        predictions.append(
            Prediction(
                question=f"floor/{task}/{name}", text=answer or "It depends.", answer=answer,
                probabilities=dict(
                    zip(choices, probabilities[i] if probabilities else spread, strict=True)
                ),
                mass=0.9, confidence=confidence, prompt="<prompt>", model="tiny", revision="r1",
                timestamp="2025-01-01T00:00:00Z", latency_s=0.01, digest=f"digest {i}",
            )
        )
    return questions, predictions


def ask(
    name: str,
    options: Sequence[str],
    right: str,
    said: str | None,
    *,
    text: str | None = None,
    probabilities: Sequence[float] | None = None,
    turned: int = 0,
    task: str = "side",
    **question: Any,
) -> tuple[Question, Prediction]:
    """One question with options and its answer; `turned`: as a rotation of the question `name`."""
    letters = "ABCDEFGHIJ"[: len(options)]
    first = f"tabletop/{task}/{name}"
    own = f"{first}#{turned}" if turned else first
    shares = probabilities or [0.7 if c == (said or "A") else 0.3 / (len(letters) - 1)
                               for c in letters]
    asked = Question(
        id=own, benchmark="tabletop", task=task, task_type="choice", sample=name,
        choices=tuple(letters),
        reference=right, options=dict(zip(letters, options, strict=True)), rotation=turned,
        rotation_of=first if turned else "",
        **{"source": "desks", "group": name, "media": f"{name}.png", "media_sha256": "",
           "prompt": "Which side?", **question},
    )
    return asked, Prediction(
        question=own, text=(said or "Hard to say.") if text is None else text, answer=said,
        probabilities=dict(zip(letters, shares, strict=True)), mass=0.9,
        confidence=max(shares), prompt="<prompt>", model="tiny", revision="r1",
        timestamp="2025-01-01T00:00:00Z", latency_s=0.01, digest=own,
    )


def split(
    pairs: Sequence[tuple[Question, Prediction]],
) -> tuple[list[Question], list[Prediction]]:
    return [question for question, _ in pairs], [prediction for _, prediction in pairs]


def one_task(*args: Any, **kwargs: Any) -> Answers:
    (answers,) = align(*make(*args, **kwargs)).values()
    return answers


def random_task(kind: str, n: int, seed: int, **kwargs: Any) -> Answers:
    return one_task(*random_case(kind, n, seed)[:2], **random_case(kind, n, seed)[2], **kwargs)


def random_case(kind: str, n: int, seed: int) -> tuple[list[str], list[str | None], dict[str, Any]]:
    rng = np.random.default_rng(seed)
    choices = CHOICES[kind]
    size = len(choices)
    # The first ones hold every choice, so that every metric is defined.
    references = [choices[i if i < size else rng.integers(size)] for i in range(n)]
    chances = rng.dirichlet(np.ones(size), n)
    for i, reference in enumerate(references):
        chances[i, choices.index(reference)] += rng.random()
    # Rounded to two digits for ties.
    chances = np.round(chances / chances.sum(axis=1, keepdims=True), 2)
    chances /= chances.sum(axis=1, keepdims=True)
    answers = [
        None if rng.random() < 0.1 and i else choices[int(row.argmax())]
        for i, row in enumerate(chances)
    ]
    # The first is a hazard that is called, so that precision is defined.
    answers[0] = choices[0]
    return references, answers, {
        "probabilities": chances.tolist(), "confidences": chances.max(axis=1).tolist()
    }
