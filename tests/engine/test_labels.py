import math
import threading

import pytest
from small_model import TOKENIZER, picture

from recipe_kit.data.ahead import ahead
from recipe_kit.data.clip import Clip
from recipe_kit.engine.labels import answer_begins, labels_of, normalize
from recipe_kit.model.media import show
from recipe_kit.model.pixels import Preprocess


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", "Yes"),
        ("\n\nYes", "Yes"),
        ("<think>a dark line</think>\n\nNo", "No"),
        ("a dark line</think>No", "No"),
        ("<think>a</think><think>b</think>Yes", "Yes"),
        ("<think>Yes</think>\n\n<answer>No</answer>", "No</answer>"),
        ("It is. Yes", "It is. Yes"),
    ],
)
def test_where_the_answer_begins(text: str, answer: str) -> None:
    tokens = TOKENIZER(text)["input_ids"]
    assert TOKENIZER.decode(tokens[answer_begins(TOKENIZER, tokens) :]) == answer


@pytest.mark.parametrize(
    ("text", "step_from_end"),
    [("<think>still going", 1), ("<think>done</think>", 0), ("<think>done</think>\n\n", 0)],
)
def test_reasoning_without_an_answer_is_read_at_its_end(text: str, step_from_end: int) -> None:
    tokens = TOKENIZER(text)["input_ids"]
    assert answer_begins(TOKENIZER, tokens) == len(tokens) - step_from_end


@pytest.mark.parametrize("tokens", [[], TOKENIZER("\n\n")["input_ids"]])
def test_an_empty_answer_is_read_at_the_start(tokens: list[int]) -> None:
    assert answer_begins(TOKENIZER, tokens) == 0


def test_labels_are_distinct_when_their_first_tokens_are() -> None:
    assert labels_of(TOKENIZER, ("Yes", "No")).distinct
    assert not labels_of(TOKENIZER, ("1", "10")).distinct


def test_normalize() -> None:
    shares, mass = normalize([math.log(0.3), math.log(0.1)])
    assert shares == pytest.approx((0.75, 0.25))
    assert mass == pytest.approx(0.4)


def test_normalize_keeps_what_a_float_cannot_hold() -> None:
    shares, mass = normalize([-2000.0, -2000.0 + math.log(3)])
    assert shares == pytest.approx((0.25, 0.75))
    assert mass == 0.0


def test_reading_ahead_keeps_the_order_and_its_depth() -> None:
    started = []
    before = set(threading.enumerate())

    def work(number: int) -> int:
        started.append(number)
        return number * number

    results = ahead(work, range(100), depth=5)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    results.close()
    assert len(started) <= 8
    assert set(threading.enumerate()) <= before


def test_reading_ahead_raises_where_the_result_is_due() -> None:
    results = ahead(lambda number: 1 // (2 - number), range(4), depth=4)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize(
    ("frames", "seconds"), [(1, ()), (2, (0.25,)), (4, (0.25, 1.25)), (5, (0.25, 1.25, 2.0))]
)
def test_a_clips_steps_have_times(frames: int, seconds: tuple[float, ...]) -> None:
    times = tuple(frame / 2 for frame in range(frames)) if frames > 1 else ()
    clip = Clip(picture(0, frames=frames), times)
    medium = show(clip, Preprocess(min_pixels=4096, max_pixels=4096)).medium
    assert medium.seconds == seconds
    assert medium.kind == ("video" if frames > 1 else "image")
