import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recipe_kit.errors import ModelError
from recipe_kit.model.batch import collate
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prompt import IGNORED, Medium, encode, render

PICTURE = Medium(Grid(1, 4, 6))
CLIP = Medium(Grid(2, 4, 4), "video", (0.25, 1.0))


def test_media_stand_before_the_text(tokenizer):
    assert render(tokenizer, "Cracked?", [PICTURE]) == (
        "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>Cracked?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_system_prompt_comes_first(tokenizer):
    assert render(tokenizer, "Cracked?", system="Be brief.") == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nCracked?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_clip_is_spelled_out_with_its_times(tokenizer):
    assert render(tokenizer, "What happens?", [CLIP]) == (
        "<|im_start|>user\n<|vision_start|>"
        "<0.2 seconds><|vision_start|><|video_pad|><|vision_end|>"
        "<1.0 seconds><|vision_start|><|video_pad|><|vision_end|>"
        "<|vision_end|>What happens?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_answer_and_its_end_count_in_the_loss(tokenizer):
    encoded = encode(tokenizer, "Cracked?", [PICTURE], target="Yes")
    labels = encoded.labels_L
    assert tokenizer.decode(labels[labels >= 0]) == "Yes<|im_end|>"
    assert tokenizer.decode(encoded.ids_L[encoded.prompt_length :]) == "Yes<|im_end|>\n"
    assert (encoded.answer_length, encoded.media_count) == (2, 1)


def test_a_question_begins_its_training_example(tokenizer):
    asked = encode(tokenizer, "Cracked?", [PICTURE])
    taught = encode(tokenizer, "Cracked?", [PICTURE], target="No")
    assert taught.ids_L[: taught.prompt_length].tolist() == asked.ids_L.tolist()
    assert taught.positions_3L[:, : taught.prompt_length].tolist() == asked.positions_3L.tolist()
    assert asked.answer_length == 0


def test_pads_are_as_many_as_visual_tokens(tokenizer):
    encoded = encode(tokenizer, "?", [PICTURE, CLIP])
    kinds = encoded.kinds_L.tolist()
    assert (kinds.count(1), kinds.count(2)) == (6, 8)
    pads = encoded.ids_L[encoded.kinds_L == 1]
    assert set(pads.tolist()) == {tokenizer.convert_tokens_to_ids("<|image_pad|>")}


@pytest.mark.parametrize(
    "media",
    [[], [PICTURE], [PICTURE, Medium(Grid(1, 8, 2))], [CLIP], [PICTURE, CLIP, PICTURE]],
    ids=["text", "picture", "two pictures", "clip", "all"],
)
def test_positions_are_those_of_transformers(tokenizer, model, media):
    encoded = encode(tokenizer, "Is it cracked?", media, target="No")
    grids = {
        kind: torch.tensor([medium.grid for medium in media if medium.kind == kind])
        for kind in ("image", "video")
    }
    expected, delta = model.model.get_rope_index(
        torch.from_numpy(encoded.ids_L)[None],
        torch.from_numpy(encoded.kinds_L.copy())[None],
        image_grid_thw=grids["image"] if len(grids["image"]) else None,
        video_grid_thw=grids["video"] if len(grids["video"]) else None,
    )
    np.testing.assert_array_equal(encoded.positions_3L, expected[:, 0])
    assert encoded.next_position == int(delta) + len(encoded.ids_L)


def test_a_picture_of_two_by_three_tokens_has_these_positions(tokenizer):
    encoded = encode(tokenizer, "?", [PICTURE])
    first = encoded.kinds_L.tolist().index(1)
    shown = encoded.positions_3L[:, first - 1 : first + 7] - first
    assert shown.tolist() == [
        [-1, 0, 0, 0, 0, 0, 0, 3],
        [-1, 0, 0, 0, 1, 1, 1, 3],
        [-1, 0, 1, 2, 0, 1, 2, 3],
    ]


def test_short_sequences_are_padded(tokenizer):
    long = encode(tokenizer, "Cracked?", [PICTURE], target="Yes")
    rows = [
        type(long)(
            ids_L=np.ones(length, np.int64),
            kinds_L=np.zeros(length, np.int64),
            positions_3L=np.tile(np.arange(length), (3, 1)),
            prompt_length=2,
            answer_length=answer,
            media_count=0,
            shared_length=0,
        )
        for length, answer in ((2, 0), (3, 1))
    ]
    batch = collate(rows, 0)
    assert batch.input_ids_BL.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.position_ids_3BL.tolist() == [[[0, 1, 0], [0, 1, 2]]] * 3
    assert batch.labels_BL.tolist() == [[IGNORED] * 3, [IGNORED, IGNORED, 1]]
    assert batch.last_B.tolist() == [1, 5]
    assert batch.answer_at_P.tolist() == [4]
    assert batch.answer_ids_P.tolist() == [1]
    assert batch.answer_rows_P.tolist() == [1]
    assert batch.next_positions_B.tolist() == [2, 3]
    assert batch.visual_at_V.tolist() == []
    assert batch.spans_B4.tolist() == [[0, 0, 0, 2], [3, 0, 3, 3]]


def test_questions_about_one_medium_branch_off_from_it(tokenizer):
    asked = [("Cracked?", 0), ("Safe?", 1), ("Is this floor cracked? " * 5, 0)]
    rows = [encode(tokenizer, text, [PICTURE], target="Yes") for text, _ in asked]
    size = rows[0].shared_length
    assert tokenizer.decode(rows[0].ids_L[:size]).endswith("<|vision_end|>")
    assert tokenizer.decode(rows[0].ids_L[size:]).startswith("Cracked?")
    batch = collate(rows, tokenizer.pad_token_id, media=[media for _, media in asked])
    (group,) = batch.layout.groups
    shorter, longest = sorted({len(row.ids_L) - size for row in rows})[-2:]
    assert (group.media, group.prefix) == (2, size)
    # The longest stands by itself, and the others are padded little.
    assert [(part.count, part.length) for part in group.branches] == [(1, longest), (2, shorter)]
    assert batch.media == (0, 1)
    assert batch.mm_token_type_ids_BL[0, batch.visual_at_V].tolist() == [1] * len(batch.visual_at_V)
    assert len(batch.visual_at_V) == 2 * (rows[0].kinds_L > 0).sum()
    assert batch.input_ids_BL.shape == (1, 2 * size + longest + 2 * shorter)
    for row, (shared, skipped, start, own) in zip(rows, batch.spans_B4, strict=True):
        at = [*range(shared, shared + skipped), *range(start, start + own)]
        assert batch.input_ids_BL[0, at].tolist() == row.ids_L.tolist()
        assert batch.mm_token_type_ids_BL[0, at].tolist() == row.kinds_L.tolist()
        assert batch.position_ids_3BL[:, 0, at].tolist() == row.positions_3L.tolist()
        # Only the first of those who share it would count a label twice, and none stands there.
        assert batch.labels_BL[0, at].tolist() == row.labels_L.tolist()
    assert batch.last_B.tolist() == (batch.spans_B4[:, 2] + batch.spans_B4[:, 3] - 1).tolist()
    answers = [row.ids_L[row.prompt_length :][: row.answer_length] for row in rows]
    assert batch.answer_ids_P.tolist() == np.concatenate(answers).tolist()
    assert batch.answer_rows_P.tolist() == [0, 0, 1, 1, 2, 2]
    assert batch.input_ids_BL[0, batch.answer_at_P + 1].tolist() == batch.answer_ids_P.tolist()
    assert batch.next_positions_B.tolist() == [row.next_position for row in rows]


def test_media_that_are_asked_about_once_share_nothing(tokenizer):
    rows = [encode(tokenizer, text, [PICTURE]) for text in ("Cracked?", "Is it safe?")]
    batch = collate(rows, tokenizer.pad_token_id, media=[1, 0])
    assert batch.layout is None
    assert batch.media == (1, 0)
    assert batch.input_ids_BL.shape == (2, len(rows[1].ids_L))


@pytest.mark.parametrize("field", ["prompt", "system", "target"])
def test_control_tokens_in_texts_are_refused(tokenizer, field):
    texts = {"prompt": "Cracked?", "system": "", "target": "No"}
    texts[field] += "<|im_end|>"
    with pytest.raises(ModelError) as error:
        encode(tokenizer, texts["prompt"], system=texts["system"], target=texts["target"])
    assert str(error.value) == (
        f"{texts[field]!r}: the text holds the control token '<|im_end|>', which the model would"
        " obey\n  To mend it: take it out of the prompt or label"
    )


def test_reasoning_tags_are_allowed_in_an_answer(tokenizer):
    encoded = encode(tokenizer, "Cracked?", target="<think>\nA line.\n</think>\n\nYes")
    answer = encoded.ids_L[encoded.prompt_length :]
    assert tokenizer.convert_tokens_to_ids("<think>") == answer[0]


def test_a_template_that_drops_pictures_is_refused(tokenizer):
    template = tokenizer.chat_template
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}{% endfor %}"
    try:
        with pytest.raises(ModelError) as error:
            encode(tokenizer, "Cracked?", [PICTURE])
    finally:
        tokenizer.chat_template = template
    assert str(error.value) == (
        "the chat template shows 0 images where 1 were given\n"
        "  To mend it: use a checkpoint with Qwen3-VL's chat template"
    )


@pytest.mark.parametrize(
    ("medium", "message"),
    [
        (Medium(Grid(2, 4, 4), "video", (0.0,)), "a clip of 2 time steps has 1 times"),
        (Medium(Grid(2, 4, 4)), "a picture has one time step, not 2"),
    ],
)
def test_media_that_contradict_themselves_are_refused(tokenizer, medium, message):
    with pytest.raises(ModelError) as error:
        encode(tokenizer, "?", [medium])
    assert str(error.value) == message


HARMLESS = st.text(max_size=40).filter(lambda text: "<|" not in text)


@given(prompt=HARMLESS, target=HARMLESS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_text_survives(tokenizer, prompt, target):
    encoded = encode(tokenizer, prompt, [PICTURE], target=target)
    answer = encoded.ids_L[encoded.prompt_length : encoded.prompt_length + encoded.answer_length]
    assert tokenizer.decode(answer) == unicodedata.normalize("NFC", target) + "<|im_end|>"
    assert len(encoded.ids_L) == len(encoded.kinds_L) == encoded.positions_3L.shape[1]
    assert int((encoded.kinds_L == 1).sum()) == 6
