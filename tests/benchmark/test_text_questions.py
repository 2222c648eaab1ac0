"""Captions and open questions: how they are asked, read, and trained on."""

from typing import Any

import pytest

from recipe_kit.benchmark.questions import build, digest, question_digest
from recipe_kit.benchmark.read import read_answer
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.examples import examples, validation_questions


def recipe(**caption: Any) -> Recipe:
    return Recipe.model_validate({
        "schema": 1, "title": "Drives", "use_case": "Drives", "organization": "Us",
        "authors": [{"name": "A"}], "profile": "benchmark-study",
        "data": {
            "sources": {"clips": {
                "kind": "table", "path": "t.csv",
                "labels": {"caption": "c", "short": "s", "question": "q", "answer": "a"},
            }},
            "splits": {"test": {"clips": 0.5}, "val": {"clips": 0.25}, "train": {"clips": 0.25}},
        },
        "tasks": {
            "describe": {"type": "caption", "prompt": "Describe {view}.", "label": "caption",
                         "more_labels": ["short", "shorter"], **caption},
            "ask": {"type": "open", "judge": "judge", "more_labels": ["answer_2"]},
            "wet": {"type": "binary", "prompt": "Is it wet?", "label": "wet"},
        },
        "benchmarks": {"texts": {"tasks": ["describe", "ask"]}},
        "gate": {
            "benchmark": "texts",
            "targets": [{"task": "describe", "metric": "bleu", "at_least": 0.9}],
        },
    })  # fmt: skip


def sample(number: int, split: Any = "test", **labels: str) -> Sample:
    return Sample(
        id=f"clips/{number}", source="clips", media=f"{number}.mp4", media_type="video",
        sha256="ab" * 32, labels={"view": "the road", **labels}, split=split,
    )


FULL = sample(1, caption=" A wet road. ", short="wet", question="Is it Wet?", answer="Yes.",
              answer_2="yes, it is")


def test_a_caption_and_an_open_question_in_full() -> None:
    caption, asked = build("texts", recipe(), [FULL])
    common = {
        "benchmark": "texts", "sample": "clips/1", "media": "1.mp4", "media_sha256": "ab" * 32,
        "choices": (), "hazard": None, "category": "", "source": "clips", "group": "clips/1",
        "slices": {}, "options": {}, "parser": "strict", "answer_by": "both", "rotation": 0,
        "rotation_of": "", "pool": "", "bleu": "corpus",
    }
    assert caption.model_dump() == common | {
        "id": "texts/describe/clips/1", "task": "describe", "task_type": "caption",
        "prompt": "Describe the road.", "reference": "A wet road.", "more_references": ("wet",),
        "max_new_tokens": 128, "bare": "",
    }
    assert asked.model_dump() == common | {
        "id": "texts/ask/clips/1", "task": "ask", "task_type": "open", "prompt": "Is it Wet?",
        "reference": "Yes.", "more_references": ("yes, it is",), "max_new_tokens": 64,
        "bare": "Is it Wet?",
    }


def test_what_counts_in_the_digests() -> None:
    (caption,) = build("texts", recipe(), [FULL])[:1]
    sentence = caption.model_copy(update={"bleu": "sentence"})
    longer = caption.model_copy(update={"max_new_tokens": 200})
    assert digest([caption]) != digest([sentence])
    # How it is scored is not part of what was asked.
    assert question_digest(caption, "p", "d") == question_digest(sentence, "p", "d")
    assert question_digest(caption, "p", "d") != question_digest(longer, "p", "d")


@pytest.mark.parametrize(("labels", "message"), [
    ({"caption": "  "}, "the label 'caption' is empty, so there is nothing to compare an answer"),
    ({"caption": "a", "short": ""}, "the label 'short' is empty"),
    ({"answer": "a"}, "the prompt of the task 'ask' names the label 'question'"),
])
def test_a_reference_that_says_nothing(labels: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        build("texts", recipe(), [sample(2, **labels)])


def test_a_judge_that_would_be_told_no_question() -> None:
    spec = recipe()
    task = spec.tasks["ask"].model_copy(update={"prompt": "What now?"})
    spec = spec.model_copy(update={"tasks": spec.tasks | {"ask": task}})
    with pytest.raises(DataError, match="'ask' tells its judge the label 'question', which this"):
        build("texts", spec, [sample(2, answer="a")])


def test_a_text_is_its_own_answer() -> None:
    (caption,) = build("texts", recipe(), [FULL])[:1]
    assert read_answer(caption, " Wet. \n", {}) == "Wet."
    assert read_answer(caption, "", {}) == ""


def test_references_are_what_is_trained_on() -> None:
    (example,) = examples(recipe(), [FULL])
    assert example.pairs == (("Describe the road.", "A wet road."), ("Is it Wet?", "Yes."))


def test_only_what_can_be_right_is_asked_in_validation() -> None:
    spec = recipe()
    mixed = spec.model_copy(update={
        "train": spec.train.model_copy(update={"tasks": ("describe", "wet")}),
    })
    held = [sample(3, "val", caption="A wet road.", wet="Yes")]
    assert [q.task for q in validation_questions(mixed, held)] == ["wet"]
    assert validation_questions(spec, held) == ()
