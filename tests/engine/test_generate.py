"""Long answers to several questions about several clips, beside transformers' `generate`."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from generated import generate
from small_model import read_picture, small_model

from recipe_kit.engine import generate as generating
from recipe_kit.engine.generate import Generated, Generation
from recipe_kit.model.batch import Batch, collate
from recipe_kit.model.cache import Cache, Kept
from recipe_kit.model.media import Shown, show
from recipe_kit.model.pixels import normalize
from recipe_kit.model.prompt import Encoded, encode
from recipe_kit.model.vision import VisionFeatures, encode_media

LOADED = small_model()
MEDIA = ("1.mp4", "2.png", "3.mp4")
PROMPTS = ("Is it?", "Is this floor cracked?", "How severe is it, from 1 to 5? " * 3, "What?")
LONGEST = (70, 3, 150, 40)
"""Longer and shorter than the room that an answer has at first."""


def asked() -> tuple[list[Shown], list[Encoded], list[int]]:
    shown = [show(read_picture("", name), LOADED.preprocess) for name in MEDIA]
    rows = [
        (encode(LOADED.tokenizer, prompt, [shown[medium].medium]), medium)
        for medium in range(len(MEDIA)) for prompt in PROMPTS
    ]
    return shown, [row for row, _ in rows], [medium for _, medium in rows]


def vision_of(shown: list[Shown]) -> VisionFeatures:
    patches = np.concatenate([one.patches.values for one in shown])
    return encode_media(
        LOADED.model, torch.from_numpy(patches), [one.patches.grid for one in shown],
        preprocess=LOADED.preprocess,
    )


def alone(one: Shown, row: Encoded, most: int) -> tuple[list[int], torch.Tensor]:
    """The tokens of transformers, and the log-probabilities of all words at every step."""
    kind = "_videos" if one.medium.kind == "video" else ""
    grid = "video_grid_thw" if kind else "image_grid_thw"
    LOADED.model.model.visual.config._attn_implementation = "sdpa"
    out = LOADED.model.generate(
        input_ids=torch.from_numpy(row.ids_L)[None],
        attention_mask=torch.ones(1, len(row.ids_L), dtype=torch.long),
        mm_token_type_ids=torch.tensor(row.kinds_L)[None],
        max_new_tokens=most, min_new_tokens=most, eos_token_id=-1,
        return_dict_in_generate=True, output_logits=True,
        **{
            f"pixel_values{kind}": torch.from_numpy(
                normalize(one.patches.values, LOADED.preprocess)
            ),
            grid: torch.tensor([one.patches.grid]),
        },
    )
    tokens = out.sequences[0, len(row.ids_L) :].tolist()
    return tokens, torch.cat(out.logits).float().log_softmax(-1)


def answer(batches: list[Batch], vision: VisionFeatures, watch: int) -> list[Generated]:
    rows = sum(len(batch.spans_B4) for batch in batches)
    return generate(
        LOADED.model, batches, vision, watch=[range(watch)] * rows, stop=(),
        most=LONGEST * (rows // len(LONGEST)),
    )


@pytest.mark.parametrize("cut", [12, 4, 8], ids=["one part", "medium by medium", "two parts"])
def test_tokens_and_probabilities_are_those_of_questions_asked_alone(cut: int) -> None:
    shown, rows, media = asked()
    batches = [
        collate(rows[at : at + cut], LOADED.pad_id, media=media[at : at + cut])
        for at in range(0, len(rows), cut)
    ]
    found = answer(batches, vision_of(shown), watch=50)
    for row, medium, most, one in zip(rows, media, LONGEST * len(MEDIA), found, strict=True):
        tokens, logs = alone(shown[medium], row, most)
        assert list(one.tokens) == tokens
        watched = torch.tensor(one.watched)
        torch.testing.assert_close(watched.exp(), logs[:, :50].exp(), atol=1e-5, rtol=0)


def test_no_more_answers_go_on_at_once_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown, rows, media = asked()
    batches = [
        collate(rows[at : at + 8], LOADED.pad_id, media=media[at : at + 8]) for at in (0, 8)
    ]
    whole = answer(batches, vision_of(shown), watch=50)
    rounds: list[list[int]] = []

    class Noted(Cache):
        def __init__(self, parts: Sequence[Kept], longest: int) -> None:
            super().__init__(parts, longest)
            rounds.append([longest, *(int(n) for part in parts for n in part.spans_B4[:, 3])])

    monkeypatch.setattr(generating, "Cache", Noted)
    monkeypatch.setattr(generating, "MOST_OWN", 400)
    found = answer(batches, vision_of(shown), watch=50)
    assert [one.tokens for one in found] == [one.tokens for one in whole]
    for one, expected in zip(found, whole, strict=True):
        torch.testing.assert_close(
            torch.tensor(one.watched).exp(), torch.tensor(expected.watched).exp(),
            atol=1e-5, rtol=0,
        )
    assert len(rounds) > 2
    assert sum(len(own) for _, *own in rounds) == len(rows)
    assert all(sum(own) + max(LONGEST) <= 400 for _, *own in rounds)


def test_nothing_is_waited_for_until_answers_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, rows, media = asked()
    reads: list[str] = []
    read = torch.Tensor.tolist
    monkeypatch.setattr(
        torch.Tensor, "tolist", lambda tensor: (reads.append(""), read(tensor))[1]
    )
    vision = vision_of(shown)
    batch = collate(rows, LOADED.pad_id, media=media)
    reads.clear()
    started = Generation(
        LOADED.model, [batch], vision, watch=[(1, 2)] * 12, stop=(), most=[1] * 12
    )
    started.go_on()
    assert not reads
    assert [len(one.tokens) for one in started.answers()] == [1] * 12
    assert len(reads) == 2  # tokens, and probabilities
