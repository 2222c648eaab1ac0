"""Judges open answers as the authors of LingoQA do (Marcu et al., 2023, arXiv:2312.14115).

A classifier reads question, reference and answer as one text and gives one number, the logit that
the answer is right. Reference and answer are lower-cased and stripped, the question is not. Of
several references the one that fits best counts.
"""

from collections.abc import Sequence
from pickle import UnpicklingError
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from recipe_kit.errors import ModelError
from recipe_kit.model.checkpoint import Checkpoint
from recipe_kit.model.judges import judge_revision
from recipe_kit.model.load import clear_errors

LONGEST = 128
"""Tokens of a text; the classifier was trained with no more."""
_DIGITS = 12


class Judge:
    """A classifier that is ready to judge.

    Args:
        checkpoint: From `find_judge`.
        device: Where it runs.

    Raises:
        ModelError: It cannot be loaded, or is no classifier with a single output.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: str = "cpu") -> None:
        folder = checkpoint.folder
        self.title = f"{checkpoint.name}@{judge_revision(checkpoint)[:_DIGITS]}"
        try:
            with clear_errors(folder):
                self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, use_fast=True)
                model, report = AutoModelForSequenceClassification.from_pretrained(
                    folder, dtype=torch.float32, output_loading_info=True
                )
        except UnpicklingError as error:
            raise ModelError(
                "its weights hold more than numbers, and could run code when opened",
                where=str(folder), fix="download it again, or convert it to safetensors",
            ) from error
        if report["missing_keys"]:
            raise ModelError(
                f"lacks {len(report['missing_keys'])} weights of a sequence classifier",
                where=str(folder), fix="name a judge, not the model that it was made of",
            )
        if model.config.num_labels != 1:
            raise ModelError(
                f"is a classifier with {model.config.num_labels} outputs; a judge has one, how "
                "likely an answer is right", where=str(folder),
                fix="name another judge, such as wayveai/Lingo-Judge",
            )
        if self._tokenizer.cls_token is None:
            raise ModelError(
                "the tokenizer has no token that classified texts begin with", where=str(folder),
                fix="name another judge, such as wayveai/Lingo-Judge",
            )
        self._model: Any = model.eval().to(device)
        self._device = device

    def logits(
        self,
        questions: Sequence[str],
        references: Sequence[Sequence[str]],
        predictions: Sequence[str],
    ) -> list[float]:
        """How surely each answer is right: its largest logit over the references; right above 0.

        Args:
            questions: As they were asked.
            references: One or more for each question.
            predictions: The answers.
        """
        asked = zip(questions, references, predictions, strict=True)
        return [self._logit(*one) for one in asked]

    @torch.inference_mode()
    def _logit(self, question: str, references: Sequence[str], prediction: str) -> float:
        # One question at a time, as its authors do: with others beside it, padding would change
        # the last digits.
        student = _plain(prediction)
        texts = [
            f"{self._tokenizer.cls_token}\nQuestion: {question}\nAnswer: {_plain(reference)}"
            f"\nStudent: {student}"
            for reference in references
        ]
        encoded = self._tokenizer(
            texts, return_tensors="pt", padding=True, truncation=True, max_length=LONGEST
        ).to(self._device)
        return float(self._model(**encoded).logits.squeeze(-1).max())


def _plain(text: str) -> str:
    return text.lower().strip()
