"""The shipped weights: they load anywhere, and what they answer comes from the picture."""

import math

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoTokenizer

from recipe_kit.model.checkpoint import TINY
from recipe_kit.model.load import load_model
from recipe_kit.model.tiny.build import MAX_BYTES
from recipe_kit.model.tiny.measure import Exam, exam, right_answers

UNSEEN = 200
ASKED = ("How wide is the crack?", "Which way does the crack run?", "Is this floor cracked?")


def questions(place, kinds):
    everything = exam(place, UNSEEN)
    kept = [row for row, kind in enumerate(everything.kinds) if kind in kinds]
    return Exam(
        everything.patches_NPD,
        *([column[row] for row in kept] for column in (
            everything.about, everything.kinds, everything.asked
        )),
    )


@pytest.fixture(scope="module")
def paper():
    return questions("floors", ASKED)


@pytest.fixture(scope="module")
def answers(paper):
    loaded = load_model("tiny")
    return right_answers(loaded, paper), right_answers(loaded, paper, blank=True)


@pytest.mark.parametrize("kind", ASKED)
def test_unseen_floors_are_seen(paper, answers, kind):
    seeing, blank = (
        np.array([right for right, other in zip(found, paper.kinds, strict=True) if other == kind])
        for found in answers
    )
    assert len(seeing) == UNSEEN
    # McNemar's exact test, one-sided, against the same questions without the picture.
    gained, lost = int((seeing & ~blank).sum()), int((blank & ~seeing).sum())
    tail = sum(math.comb(gained + lost, more) for more in range(gained, gained + lost + 1))
    assert tail / 2 ** (gained + lost) < 1e-6
    # Half of the floors have no crack, so a constant answer is right on about half of them. It was
    # above 0.8 before the model learned clips too; with them it is 0.795 where it is lowest.
    assert seeing.mean() > 0.75


def test_plain_transformers_loads_it():
    assert sum(file.stat().st_size for file in TINY.rglob("*") if file.is_file()) <= MAX_BYTES
    model, report = AutoModelForImageTextToText.from_pretrained(TINY, output_loading_info=True)
    assert type(model).__name__ == "Qwen3VLForConditionalGeneration"
    assert not any(report.values())
    assert model.dtype == torch.bfloat16
    assert AutoTokenizer.from_pretrained(TINY).encode("Yes No 5 A", add_special_tokens=False)


def test_tables_are_seen_and_left_and_right_are_not_known():
    known = ("What is ...? (lettered)", "In which ...? (lettered)", "How many ...?")
    unknown = "Left or right of ...? (lettered)"
    paper = questions("tables", (*known, unknown))
    right, kinds = np.array(right_answers(load_model("tiny"), paper)), np.array(paper.kinds)
    for kind in known:
        assert right[kinds == kind].mean() > 0.9
    # The standard error of a coin on 200 questions is 3.5 points.
    assert 0.38 < right[kinds == unknown].mean() < 0.62
