"""What a vision tower saw is kept for the next who asks."""

import copy
from collections import Counter
from dataclasses import replace

import pytest
import torch
from small_model import SEVERITY, question, read_picture, small_model

from recipe_kit.data.clip import Clip
from recipe_kit.engine.local import LocalEngine
from recipe_kit.engine.showing import Showing
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.media import show
from recipe_kit.model.pixels import Grid
from recipe_kit.model.prompt import Medium
from recipe_kit.model.seen import GIGABYTE, Seen, encode_seen
from recipe_kit.model.vision import VisionFeatures, encode_media
from recipe_kit.record.schemas import Prediction
from recipe_kit.spec.recipe import Evaluation

BASE = small_model()
MEDIA = ("1.mp4", "2.png", "3.mp4", "4.png", "5.png")
QUESTIONS = [
    asked
    for media in MEDIA
    for asked in (question(media), question(media, SEVERITY, ("1", "2", "3", "4", "5")))
]


def tuned() -> LoadedModel:
    """Another language model behind the same vision tower."""
    model = copy.deepcopy(BASE.model)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.model.language_model.layers.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return replace(BASE, model=model, revision="tuned")


def ask(
    loaded: LoadedModel, seen: Seen | None, *, blank: bool = False, size: int = 2
) -> tuple[dict[str, Prediction], int, Counter[str]]:
    """Predictions, media that the vision tower was shown, and files that were read."""
    reads: Counter[str] = Counter()
    shown: list[int] = []

    def read(source: str, media: str) -> Clip:
        reads[media] += 1
        return read_picture(source, media)

    hook = loaded.model.model.visual.blocks[0].register_forward_hook(
        lambda _, __, out: shown.append(len(out))
    )
    try:
        evaluation = Evaluation(max_new_tokens=3, batch_size=size)
        engine = LocalEngine(loaded, evaluation, read, blank=blank, seen=seen)
        found = {one.question: one for one in engine.ask(QUESTIONS)}
    finally:
        hook.remove()
    return found, len(shown), reads


def said(predictions: dict[str, Prediction]) -> dict[str, object]:
    return {key: (one.text, one.probabilities, one.mass) for key, one in predictions.items()}


def test_a_second_checkpoint_with_the_same_tower_does_not_run_it() -> None:
    seen = Seen(1)
    first, calls, reads = ask(BASE, seen)
    assert calls > 0
    assert reads == dict.fromkeys(MEDIA, 1)
    assert said(first) == said(ask(BASE, None)[0])
    second, calls, reads = ask(tuned(), seen)
    assert (calls, reads) == (0, {})
    assert said(second) == said(ask(tuned(), None)[0])
    assert said(second) != said(first)
    assert seen.hits == len(MEDIA)


def test_other_batches_find_what_is_held() -> None:
    seen = Seen(1)
    expected = ask(BASE, seen)[0]
    found, calls, _ = ask(BASE, seen, size=5)
    assert calls == 0
    for key, one in found.items():
        assert one.probabilities == pytest.approx(expected[key].probabilities, abs=1e-5)


def size_of(media: str) -> int:
    shown = show(read_picture("", media), BASE.preprocess)
    features = encode_media(
        BASE.model, torch.from_numpy(shown.patches.values), [shown.patches.grid],
        preprocess=BASE.preprocess,
    )
    return sum(x.nbytes for x in (features.tokens_VE, *features.deepstack_VE))


def test_no_more_is_held_than_there_is_room_for() -> None:
    room = size_of("1.mp4") + size_of("2.png")
    seen = Seen((room + 1) / GIGABYTE)
    expected = said(ask(BASE, seen)[0])
    source = QUESTIONS[0].source
    assert [media for media in MEDIA if seen.has(f"{source}/{media}")] == ["1.mp4", "2.png"]
    assert seen.bytes == room
    found, calls, reads = ask(BASE, seen)
    assert calls > 0
    assert reads == dict.fromkeys(MEDIA[2:], 1)
    assert seen.bytes == room
    for key, (text, probabilities, _) in said(found).items():
        assert text == expected[key][0]
        assert probabilities == pytest.approx(expected[key][1], abs=1e-5)


def test_blanked_media_are_seen_once_for_each_size_and_not_read_again() -> None:
    plain, calls, _ = ask(BASE, None, blank=True, size=1)
    seen = Seen(1)
    ask(BASE, seen)
    found, fewer, reads = ask(BASE, seen, blank=True, size=1)
    assert (calls, fewer) == (5, 2)  # clips and pictures
    assert reads == {}
    for key, one in found.items():
        assert one.text == plain[key].text
        assert one.digest == plain[key].digest
        assert one.probabilities == pytest.approx(plain[key].probabilities, abs=1e-5)


@pytest.mark.parametrize("media", MEDIA[:2])
def test_what_is_known_of_a_medium_blanks_it_as_its_file_does(media: str) -> None:
    seen = Seen(1)
    showing = Showing(BASE, read_picture, blank=True, seen=seen)
    read, known = showing("", media), showing("", media)
    assert (read.key, read.medium) == (known.key, known.medium)
    assert read.pixels is not None
    assert known.pixels is not None
    assert torch.equal(read.pixels, known.pixels)


def test_media_of_one_name_are_encoded_once() -> None:
    shown = [show(read_picture("", media), BASE.preprocess) for media in ("1.png", "2.png")]
    pixels = [torch.from_numpy(one.patches.values) for one in shown]
    grid = shown[0].patches.grid
    both = encode_seen(
        BASE.model, [pixels[0], pixels[1], pixels[0]], [grid] * 3, ["a", "b", "a"],
        preprocess=BASE.preprocess, seen=None,
    )
    apart = [
        encode_media(BASE.model, one, [grid], preprocess=BASE.preprocess) for one in pixels
    ]
    expected = VisionFeatures.join([apart[0], apart[1], apart[0]])
    assert both.lengths == expected.lengths
    torch.testing.assert_close(both.tokens_VE, expected.tokens_VE)
    torch.testing.assert_close(both.deepstack_VE, expected.deepstack_VE)


def test_what_evaluation_saw_can_be_trained_with() -> None:
    seen, made = Seen(1), torch.ones(4, 8)
    with torch.inference_mode():
        seen.put("a", VisionFeatures(made * 2, (made * 3,), (4,)))
    weight = torch.ones(8, requires_grad=True)
    found = seen.get("a", torch.device("cpu"))
    (found.tokens_VE @ weight + found.deepstack_VE[0] @ weight).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [20.0] * 8


def test_what_is_held_stays_as_it_was() -> None:
    seen, made = Seen(1), torch.ones(2, 3)
    seen.put("a", VisionFeatures(made, (), (2,)))
    made.zero_()
    seen.put("a", VisionFeatures(made, (), (2,)))
    assert seen.get("a", torch.device("cpu")).tokens_VE.tolist() == [[1.0] * 3] * 2
    assert seen.bytes == 24
    assert seen.medium("a") is None
    seen.put_medium("a", Medium(Grid(1, 2, 4)))
    assert seen.medium("a") == Medium(Grid(1, 2, 4))
