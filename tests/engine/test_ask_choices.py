"""Questions with options, asked of a model in this process."""

import pytest
from small_model import picture, question, read_picture, small_model

from recipe_kit.benchmark.questions import question_digest
from recipe_kit.benchmark.read import read_answer
from recipe_kit.data.clip import Clip
from recipe_kit.engine import local
from recipe_kit.engine.local import LocalEngine
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.recipe import Evaluation

LOADED = small_model()
OPTIONS = {"A": "crack", "B": "stain", "C": "floor"}


def asked(number: int, **changes: object) -> Question:
    listed = "\n".join(f"{letter}. {text}" for letter, text in OPTIONS.items())
    found = question(f"{number}.png", f"What is {number}?\n{listed}", tuple(OPTIONS))
    return found.model_copy(update={"task_type": "choice", "options": OPTIONS, **changes})


def ask(questions: list[Question], *, most: int = 4) -> list[Prediction]:
    engine = LocalEngine(LOADED, Evaluation(max_new_tokens=most), read_picture)
    return list(engine.ask(questions))


def test_the_letters_have_probabilities() -> None:
    for prediction in ask([asked(number) for number in range(4)]):
        assert list(prediction.probabilities) == ["A", "B", "C"]
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert 0 < prediction.mass < 1


def test_the_likeliest_letter_takes_one_token_and_one_pass() -> None:
    by_probability = [asked(number, answer_by="probability") for number in range(4)]
    passes = []
    hook = LOADED.model.model.language_model.norm.register_forward_hook(lambda *_: passes.append(1))
    try:
        found = ask(by_probability, most=32)
    finally:
        hook.remove()
    assert len(passes) == 1
    for prediction, text in zip(found, ask([asked(n) for n in range(4)], most=1), strict=True):
        assert prediction.text == text.text
        assert prediction.probabilities == pytest.approx(text.probabilities, abs=1e-4)
        assert prediction.confidence == max(prediction.probabilities.values())
        assert prediction.probabilities[prediction.answer or ""] == prediction.confidence


def test_short_answers_leave_the_long_ones_of_their_batch_alone() -> None:
    long = [question(f"{number}.png") for number in range(4)]
    short = [asked(number, answer_by="probability") for number in range(4)]
    mixed = {prediction.question: prediction.text for prediction in ask([*short, *long], most=6)}
    assert {p.question: p.text for p in ask(long, most=6)}.items() <= mixed.items()


@pytest.mark.parametrize("parser", ["strict", "vlmevalkit"])
def test_the_answer_is_what_the_questions_parser_reads(
    parser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(["B", "b.", "(A) crack", "no idea", "<think>A</think>\nstain"])
    monkeypatch.setattr(local, "decode", lambda *_: next(said))
    questions = [asked(number, parser=parser) for number in range(5)]
    found = ask(questions)
    assert [prediction.text for prediction in found] == ["B", "b.", "(A) crack", "no idea", "stain"]
    answers = ["B", "B" if parser == "strict" else None, "A", None, "B"]
    assert [prediction.answer for prediction in found] == answers
    for one, prediction in zip(questions, found, strict=True):
        shares = prediction.probabilities
        assert read_answer(one, prediction.text, shares) == prediction.answer
        expected = shares[prediction.answer] if prediction.answer else max(shares.values())
        assert prediction.confidence == expected
        assert prediction.digest == question_digest(
            one, prediction.prompt, LOADED.preprocess.digest()
        )


def test_prompts_of_many_samples_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(source: str, media: str) -> Clip:
        return Clip(picture(0))

    monkeypatch.setattr(local, "MOST_PROMPTS", 3)
    engine = LocalEngine(LOADED, Evaluation(max_new_tokens=1, batch_size=2), read)
    questions = [asked(number) for number in range(8)]
    found = list(engine.ask(questions))
    assert [one.prompt.count(f"What is {n}?") for n, one in enumerate(found)] == [1] * 8
    assert len(engine._prompts) <= 3
