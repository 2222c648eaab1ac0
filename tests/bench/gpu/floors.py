"""The embedded model, whose weights are real, asked about drawn floors in two number formats."""

from typing import Any

import torch

from recipe_kit.data.clip import Clip
from recipe_kit.data.worlds import draw
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.load import load_model
from recipe_kit.record.schemas import Question
from recipe_kit.spec.recipe import Evaluation
from recipe_kit.spec.worlds import FloorsKnobs
from tests.bench.gpu.measure import Report

ASKED: dict[str, tuple[Any, str, tuple[str, ...]]] = {
    "cracked": ("binary", "Is this floor cracked? Yes or No.", ("Yes", "No")),
    "traverse": ("binary", "Is this surface safe for robot traversal? Yes or No.", ("Yes", "No")),
    "severity": (
        "scale",
        "How would you rate the hazard level of this surface from 1 (safe) to 5 (dangerous)?",
        ("1", "2", "3", "4", "5"),
    ),
}  # fmt: skip
NEAR = 0.05
"""Labels whose probabilities are no further apart are a tie."""


def floors(report: Report, pictures: int = 200) -> None:
    """Share of answers in bfloat16 that are those of float32, and how near the others are."""
    pictures = 8 if report.size == "tiny" else pictures
    asked = [
        Question(
            id=f"floors/{task}/{index}", benchmark="floors", task=task, task_type=kind,
            sample=str(index), media=str(index), media_sha256="", prompt=prompt,
            choices=choices, reference=choices[0], source="floors",
        )
        for index in range(pictures)
        for task, (kind, prompt, choices) in ASKED.items()
    ]
    exact, short = (
        list(LocalEngine(
            load_model("tiny", device=report.device, dtype=dtype),
            Evaluation(batch_size=64, max_new_tokens=8), _floor,
        ).ask(asked))
        for dtype in (torch.float32, torch.bfloat16)
    )  # fmt: skip
    others = [
        {"question": theirs.question, "ours": ours.answer, "theirs": theirs.answer,
         "gap": round(abs(theirs.probabilities.get(str(theirs.answer), 1.0)
                          - theirs.probabilities.get(str(ours.answer), 0.0)), 4)}
        for ours, theirs in zip(short, exact, strict=True) if ours.answer != theirs.answer
    ]  # fmt: skip
    share = 1 - len(others) / len(asked)
    far = sum(one["gap"] > NEAR for one in others)
    report.add(
        f"embedded model (real weights), {len(asked)} questions about drawn floors, "
        "bfloat16 against float32",
        f"{share:.1%} equal answers"
        + (f", {far} of the {len(others)} others no near-tie" if others else ""),
        bar="≥ 99.5%", share=share, others=others,
    )


def _floor(source: str, media: str) -> Clip:
    drawing = draw(
        "floors", seed=11, index=int(media), width=96, height=96, knobs=FloorsKnobs()
    )
    return Clip(drawing.image[None])
