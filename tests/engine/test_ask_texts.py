"""Captions are asked with others or alone, and may be longer than other answers."""

import pytest
import torch
from small_model import question, read_picture, small_model

from recipe_kit.engine.local import LocalEngine
from recipe_kit.errors import EngineError
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.recipe import Evaluation

LOADED = small_model()


def caption(media: str, most: int, prompt: str = "Describe it.") -> Question:
    return question(media, prompt, ("none",)).model_copy(update={
        "task_type": "caption", "choices": (), "reference": "a floor", "max_new_tokens": most,
        "id": f"captions/{most}/{media}",
    })


def ask(questions: list[Question]) -> dict[str, Prediction]:
    evaluation = Evaluation(max_new_tokens=2, batch_size=8)
    engine = LocalEngine(LOADED, evaluation, read_picture)
    return {prediction.question: prediction for prediction in engine.ask(questions)}


def test_a_caption_is_a_text_without_probabilities() -> None:
    asked = caption("1.png", 12)
    found = ask([asked])[asked.id]
    assert (found.probabilities, found.mass, found.confidence) == ({}, 0.0, 0.0)
    assert found.answer == found.text.strip()


def test_each_task_has_its_own_longest_answer() -> None:
    # To this the random weights say one token again and again, and never come to an end.
    long, short = caption("1.png", 12, "Is it?"), caption("1.png", 3, "Is it?")
    yes_no = question("1.png")
    found = ask([long, short, yes_no])
    last = LOADED.tokenizer(found[long.id].text)["input_ids"][-1:]
    again = LOADED.tokenizer.decode(last)
    assert found[long.id].text == found[short.id].text + again * 9
    assert set(found[yes_no.id].probabilities) == {"Yes", "No"}


def test_what_else_is_asked_does_not_change_a_caption() -> None:
    alone = ask([caption("1.png", 12)])
    others = [question("1.png"), caption("2.png", 5), question("3.png"), caption("1.png", 12)]
    assert ask(others)["captions/12/1.png"].text == alone["captions/12/1.png"].text


@pytest.mark.parametrize("most", [1, 12])
def test_a_model_that_gives_no_numbers_writes_no_caption(most: int) -> None:
    broken = small_model()
    with torch.no_grad():
        broken.model.model.language_model.layers[0].mlp.down_proj.weight.fill_(torch.nan)
    engine = LocalEngine(broken, Evaluation(), read_picture)
    with pytest.raises(EngineError, match="the model's output is no number"):
        list(engine.ask([caption("1.png", most)]))
