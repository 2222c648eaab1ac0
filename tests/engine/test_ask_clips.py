"""Many questions about one clip, beside the same questions asked one at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from generated import generate
from small_model import CRACKED, SEVERITY, question, read_picture, small_model

from recipe_kit.engine import local
from recipe_kit.engine.generate import Generated
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.batch import ALIKE, collate
from recipe_kit.model.media import show
from recipe_kit.model.pixels import normalize
from recipe_kit.model.prompt import Encoded, encode
from recipe_kit.model.vision import encode_media
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.recipe import Evaluation

LOADED = small_model()
MEDIA = ("1.mp4", "2.png", "3.mp4", "4.png")


def caption(media: str, most: int) -> Question:
    return question(media, "Describe the floor.", ("none",)).model_copy(update={
        "task_type": "caption", "choices": (), "max_new_tokens": most,
    })


QUESTIONS = [
    asked
    for place, media in enumerate(MEDIA)
    for asked in (
        question(media),
        question(media, SEVERITY, ("1", "2", "3", "4", "5")),
        question(media, "Which of the two is it?", ("no crack", "no stain")),
        # Longer than the room that a cache has at first.
        caption(media, 20 + 30 * place),
    )
]


def ask(questions: list[Question], size: int = 8) -> dict[str, Prediction]:
    engine = LocalEngine(LOADED, Evaluation(max_new_tokens=5, batch_size=size), read_picture)
    return {prediction.question: prediction for prediction in engine.ask(questions)}


@pytest.fixture(scope="module")
def one_by_one() -> dict[str, Prediction]:
    return {key: one for asked in QUESTIONS for key, one in ask([asked]).items()}


@pytest.mark.parametrize("tokens", [8192, 200, 1])
def test_predictions_are_those_of_questions_asked_alone(
    tokens: int, one_by_one: dict[str, Prediction], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "MOST_TOKENS_CPU", tokens)
    together = ask(QUESTIONS)
    assert together.keys() == one_by_one.keys()
    for key, expected in one_by_one.items():
        assert together[key].text == expected.text
        assert together[key].digest == expected.digest
        assert together[key].mass == pytest.approx(expected.mass, abs=1e-5)
        assert together[key].probabilities == pytest.approx(expected.probabilities, abs=1e-5)


def letter(media: str) -> Question:
    options = {"A": "crack", "B": "stain", "C": "floor"}
    listed = "\n".join(f"{key}. {text}" for key, text in options.items())
    return question(media, f"What is it?\n{listed}", tuple(options)).model_copy(update={
        "task_type": "choice", "options": options, "answer_by": "probability",
    })


ORDERS = {
    "as they are": [*QUESTIONS, *map(letter, MEDIA)],
    "by task": sorted([*QUESTIONS, *map(letter, MEDIA)], key=lambda one: one.prompt),
    "reversed": [*QUESTIONS, *map(letter, MEDIA)][::-1],
}


@pytest.fixture(scope="module")
def alone() -> dict[str, Prediction]:
    return {one.id: next(iter(ask([one]).values())) for one in ORDERS["as they are"]}


@pytest.mark.parametrize(
    ("size", "order", "late"),
    [(1, "reversed", True), (3, "by task", False), (3, "reversed", True), (64, "by task", True)],
)
def test_predictions_do_not_depend_on_the_batch(
    size: int, order: str, late: bool, alone: dict[str, Prediction]
) -> None:
    engine = LocalEngine(LOADED, Evaluation(max_new_tokens=5, batch_size=size), read_picture)
    engine._late = late  # as on a GPU
    found = list(engine.ask(ORDERS[order]))
    media = [one.media for one in ORDERS[order]]
    by_medium = sorted(ORDERS[order], key=lambda one: media.index(one.media))
    assert [one.question for one in found] == [one.id for one in by_medium]
    for one in found:
        expected = alone[one.question]
        assert (one.text, one.answer) == (expected.text, expected.answer)
        assert one.mass == pytest.approx(expected.mass, abs=1e-5)
        assert one.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
        assert one.latency_s > 0


def test_in_16_bits_probabilities_are_nearly_those_of_questions_asked_alone() -> None:
    half = small_model()
    half = replace(half, model=half.model.bfloat16(), dtype=torch.bfloat16)
    engine = LocalEngine(half, Evaluation(max_new_tokens=1), read_picture)
    asked = [
        question(media, f"Is number {'1' * number} cracked?", choices)
        for media in MEDIA for number in range(6)
        for choices in (("Yes", "No"), ("no crack", "no stain"))
    ]
    asked = [one.model_copy(update={"id": str(number)}) for number, one in enumerate(asked)]
    together = {one.question: one.probabilities for one in engine.ask(asked)}
    for one in asked:
        (alone,) = engine.ask([one])
        assert together[one.id] == pytest.approx(alone.probabilities, abs=0.02)


def test_a_clip_is_read_once_for_all_its_questions() -> None:
    rows = []
    text = LOADED.model.model.language_model
    hook = text.layers[0].register_forward_pre_hook(lambda _, args: rows.append(args[0].shape))
    asked = [question("1.mp4", prompt) for prompt in (CRACKED, "Is it wet?", "Is it clean?")]
    try:
        engine = LocalEngine(LOADED, Evaluation(max_new_tokens=1), read_picture)
        list(engine.ask(asked))
    finally:
        hook.remove()
    shown = show(read_picture("", "1.mp4"), LOADED.preprocess)
    encoded = [encode(LOADED.tokenizer, one.prompt, [shown.medium]) for one in asked]
    shared = encoded[0].shared_length
    ((_, tokens, _),) = rows
    longest = max(len(one.ids_L) for one in encoded) - shared
    assert tokens <= shared + 3 * longest < sum(len(one.ids_L) for one in encoded)


def test_no_more_tokens_are_read_at_once_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "MOST_TOKENS_CPU", 400)
    # Labels that begin alike take a further pass; and all this is asked about one clip.
    asked = [
        question("1.mp4", f"Which is number {number}?", ("no crack", "no stain"))
        for number in range(30)
    ]
    rows: list[int] = []
    text = LOADED.model.model.language_model
    hook = text.layers[0].register_forward_pre_hook(lambda _, args: rows.append(args[0].shape[1]))
    try:
        engine = LocalEngine(LOADED, Evaluation(max_new_tokens=1), read_picture)
        assert len(list(engine.ask(asked))) == 30
    finally:
        hook.remove()
    medium = show(read_picture("", "1.mp4"), LOADED.preprocess).medium
    shared = encode(LOADED.tokenizer, asked[0].prompt, [medium]).shared_length
    assert len(rows) > 4
    assert max(rows) <= shared + 400 / ALIKE  # branches are padded to about one length


def prepared(numbers: range) -> tuple[list[Encoded], torch.Tensor]:
    shown = [show(read_picture("", f"{number}.png"), LOADED.preprocess) for number in numbers]
    encoded = [
        encode(LOADED.tokenizer, f"What is number {'1' * number}?", [one.medium])
        for number, one in zip(numbers, shown, strict=True)
    ]
    patches = np.concatenate([one.patches.values for one in shown])
    pixels = torch.from_numpy(normalize(patches, LOADED.preprocess))
    return encoded, pixels


def answers(numbers: range, stop: tuple[int, ...], most: int = 90) -> list[Generated]:
    encoded, pixels = prepared(numbers)
    grid = show(read_picture("", "0.png"), LOADED.preprocess).patches.grid
    batch = collate(encoded, LOADED.pad_id, media=range(len(encoded)))
    return generate(
        LOADED.model, [batch], encode_media(LOADED.model, pixels, grid),
        watch=[()] * len(encoded), stop=stop, most=[most] * len(encoded),
    )


def test_long_answers_are_those_of_transformers() -> None:
    numbers = range(5)
    encoded, pixels = prepared(numbers)
    found = answers(numbers, ())
    grid = show(read_picture("", "0.png"), LOADED.preprocess).patches.grid
    for row, pixel, answer in zip(encoded, pixels.split(grid.patches), found, strict=True):
        out = LOADED.model.generate(
            input_ids=torch.from_numpy(row.ids_L)[None],
            attention_mask=torch.ones(1, len(row.ids_L), dtype=torch.long),
            mm_token_type_ids=torch.tensor(row.kinds_L)[None],
            pixel_values=pixel,
            image_grid_thw=torch.tensor([grid]),
            max_new_tokens=90, min_new_tokens=90, eos_token_id=-1,
        )
        assert out[0, len(row.ids_L) :].tolist() == list(answer.tokens)


def test_answers_that_end_leave_the_others_alone() -> None:
    numbers = range(8)
    whole = answers(numbers, ())
    # A token that some answers come to early, some late and some never.
    stop = max(
        {token for one in whole for token in one.tokens},
        key=lambda token: len({one.tokens.index(token) for one in whole if token in one.tokens}),
    )
    for one, expected in zip(answers(numbers, (stop,)), whole, strict=True):
        ends = stop in expected.tokens
        size = expected.tokens.index(stop) if ends else len(expected.tokens)
        assert (one.tokens, one.ended) == (expected.tokens[:size], ends)
    assert len({len(one.tokens) for one in answers(numbers, (stop,))}) > 2
