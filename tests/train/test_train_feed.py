"""What a training is fed: windows of batches, the same on any number of processes."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import torch
from bad_media import Reading
from small_model import CRACKED, read_picture, recipe, samples, small_model

from recipe_kit.data.ahead import early
from recipe_kit.data.clip import ReadMedia
from recipe_kit.errors import DataError, TrainError
from recipe_kit.model.world import World
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.examples import Example, examples
from recipe_kit.train.feed import Feed, MicroBatch, Window
from recipe_kit.train.plan import Plan, make_plan

HELPERS = Path(__file__).parents[1] / "helpers"
AUGMENTED = recipe(
    batch_size=3, accumulate=2, epochs=2, augment={"mirror": True, "brightness": 0.2}
)
ALONE = World()


def feed_of(
    spec: Recipe, read: ReadMedia = read_picture, *, workers: int = 0,
    told: list[str] | None = None, side: int = 64,
) -> Feed:
    return Feed(
        small_model(side=side), read, spec.train.augment, seed=0, system=None, workers=workers,
        max_length=spec.train.max_length, note=(told if told is not None else []).append,
    )


def windows_of(
    feed: Feed, plan: Plan, start: int, size: int, world: World = ALONE
) -> list[Window]:
    with closing(feed.windows(plan, start, size, world)) as windows:
        return list(windows)


def content(micro: MicroBatch) -> tuple[object, ...]:
    batch = micro.batch
    tensors = (micro.pixels_ND, batch.input_ids_BL, batch.position_ids_3BL, batch.labels_BL,
               batch.answer_at_P, batch.answer_ids_P, batch.answer_rows_P)
    return (*(tensor.numpy().tobytes() for tensor in tensors), micro.grids, micro.samples,
            micro.keys, batch.media)


def contents(windows: Iterable[Window]) -> list[list[tuple[object, ...]]]:
    return [[content(micro) for micro in window.batches] for window in windows]


def test_batches_are_what_they_always_were() -> None:
    found = hashlib.sha256()
    plan = make_plan(AUGMENTED, samples(7), {})
    for window in windows_of(feed_of(AUGMENTED), plan, 1, 3):
        for micro in window.batches:
            batch = micro.batch
            for tensor in (micro.pixels_ND, batch.input_ids_BL, batch.position_ids_3BL,
                           batch.answer_at_P, batch.answer_ids_P):
                found.update(tensor.numpy().tobytes())
            found.update(repr((micro.grids, micro.samples, micro.tokens, batch.media)).encode())
    assert found.hexdigest() == "b3fdd24673ef4c99aa524e6eb1b7f6381a8e90dfbe379db4f6886985510fa5e6"


def test_a_training_goes_on_with_the_same_batches() -> None:
    plan = make_plan(AUGMENTED, samples(13), {})
    every = contents(windows_of(feed_of(AUGMENTED), plan, 0, 3))
    assert len(every) == plan.steps == 6
    for start in (1, 4, 6):
        assert contents(windows_of(feed_of(AUGMENTED), plan, start, 3)) == every[start:]


@pytest.mark.parametrize("size", [2, 3])
def test_processes_take_the_batches_in_turn(size: int) -> None:
    plan = make_plan(AUGMENTED, samples(16), {})
    alone = windows_of(feed_of(AUGMENTED), plan, 0, 2)
    shares = [windows_of(feed_of(AUGMENTED), plan, 0, 2, World(rank, size))
              for rank in range(size)]
    assert [len(window.batches) for window in alone[:3]] == [3, 3, 2]
    for step, window in enumerate(alone):
        mine = [shares[number % size][step].batches[number // size]
                for number in range(len(window.batches))]
        assert [content(micro) for micro in mine] == [content(micro) for micro in window.batches]
        for share in shares:
            assert share[step].samples == window.samples == len(plan.items(step))
            assert share[step].rounds == -(-len(window.batches) // size)
            assert len(share[step].batches) <= share[step].rounds
    assert sum(len(share[step].batches) for share in shares for step in range(plan.steps)) == (
        sum(len(window.batches) for window in alone))


def test_processes_share_what_is_validated() -> None:
    spec = recipe(batch_size=3)
    given = examples(spec, samples(11))
    alone = [content(micro) for micro in feed_of(spec).plain(given, 3)]
    assert len(alone) == 4
    for rank in range(3):
        mine = feed_of(spec).plain(given, 3, World(rank, 3))
        assert [content(micro) for micro in mine] == alone[rank::3]


@pytest.mark.parametrize("side", [64, 448], ids=["through a pipe", "in shared memory"])
def test_processes_that_read_give_the_same_to_the_last_bit(side: int) -> None:
    plan = make_plan(AUGMENTED, samples(13), {})
    threads = feed_of(AUGMENTED, Reading(), side=side)
    workers = feed_of(AUGMENTED, Reading(), side=side, workers=2)
    expected = contents(windows_of(threads, plan, 2, 3))
    assert contents(windows_of(workers, plan, 2, 3)) == expected
    assert (len(expected[0][0][0]) > 1_000_000) is (side == 448)


def test_batches_know_their_media_and_their_tokens() -> None:
    spec = recipe(batch_size=2)
    (micro,) = feed_of(spec).plain(examples(spec, samples(2)), 2)
    assert micro.keys == ("table/0.png", "table/1.png")
    # Two questions of each picture, of different lengths, share what stands up to its end.
    row = micro.batch.position_ids_3BL.shape[-1]
    spans = micro.batch.spans_B4
    assert micro.tokens_in == 2 * spans[0, 1] + spans[:, 3].sum() <= row
    (other,) = feed_of(spec).plain([Example(samples(1)[0], ((CRACKED, "Yes"),))], 1)
    assert other.tokens_in == other.batch.input_ids_BL.numel()
    assert micro.pixels_ND.dtype == torch.uint8


DAMAGED = frozenset({"3.png", "8.png"})


@pytest.mark.parametrize("workers", [0, 2])
def test_another_sample_stands_in_for_what_cannot_be_read(workers: int) -> None:
    spec = recipe(batch_size=4, epochs=2)
    plan = make_plan(spec, samples(20), {})
    told: list[str] = []
    feed = feed_of(spec, Reading(DAMAGED), workers=workers, told=told)
    found = windows_of(feed, plan, 0, 4)
    wanted = [[item.example.sample.media for item in plan.items(step)]
              for step in range(plan.steps)]
    got = [[key.removeprefix("table/") for micro in window.batches for key in micro.keys]
           for window in found]
    replaced = 0
    for asked, given in zip(wanted, got, strict=True):
        for drawn, taken in zip(asked, given, strict=True):
            if drawn in DAMAGED:
                replaced += 1
                assert taken not in DAMAGED
            else:
                assert taken == drawn
    assert replaced == 4
    assert sorted(told) == [
        f"table/{media}: the picture is damaged; another sample of its source is trained on in "
        "its place" for media in sorted(DAMAGED)
    ]
    assert {(one.source, one.media, one.reason) for one in feed.bad} == {
        ("table", media, "the picture is damaged") for media in DAMAGED}
    # As often as it was drawn, for itself or to stand in for the other.
    assert all(one.times >= 2 for one in feed.bad)
    assert all(window.samples == 4 for window in found)


def test_stand_ins_are_the_same_on_any_number_of_processes() -> None:
    spec = recipe(batch_size=2, accumulate=2, epochs=2)
    plan = make_plan(spec, samples(20), {})
    alone = contents(windows_of(feed_of(spec, Reading(DAMAGED)), plan, 0, 2))
    one, other = (contents(windows_of(feed_of(spec, Reading(DAMAGED)), plan, 0, 2, World(r, 2)))
                  for r in (0, 1))
    assert [[*a, *b] for a, b in zip(one, other, strict=True)] == alone
    assert contents(windows_of(feed_of(spec, Reading(DAMAGED)), plan, 5, 2)) == alone[5:]


def test_what_is_bad_is_known_when_its_window_is_handed_out() -> None:
    spec = recipe(batch_size=4)
    plan = make_plan(spec, samples(20), {})
    feed = feed_of(spec, Reading(DAMAGED))
    first = {step: {item.example.sample.media for item in plan.items(step)} & DAMAGED
             for step in range(plan.steps)}
    known: set[str] = set()
    with closing(feed.windows(plan, 0, 4)) as windows:
        for step, _ in enumerate(windows):
            known |= first[step]
            time.sleep(0.05)  # the next window is being made
            assert {one.media for one in feed.bad} >= known
            assert len(feed.bad) <= len(known) + 1  # one may have stood in


def test_too_many_bad_media_are_an_error() -> None:
    spec = recipe(batch_size=4)
    plan = make_plan(spec, samples(20), {})
    everything = frozenset(f"{number}.png" for number in range(20))
    told: list[str] = []
    with pytest.raises(DataError) as caught:
        windows_of(feed_of(spec, Reading(everything), told=told), plan, 0, 4)
    assert caught.value.what == "the picture is damaged"
    assert caught.value.fix == "Repair it."


def test_a_hundredth_of_many_may_be_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipe_kit.train.feed.MOST_BAD", 1)
    spec = recipe(batch_size=50, epochs=5)
    plan = make_plan(spec, samples(300), {})
    order = [item.example.sample.media for step in range(plan.steps) for item in plan.items(step)]
    late = Reading(frozenset(order[298:300]))
    feed = feed_of(spec, late)
    assert len(windows_of(feed, plan, 0, 50)) == plan.steps
    assert sum(one.times for one in feed.bad) == 10
    monkeypatch.setattr("recipe_kit.train.feed.BAD_SHARE", 0.001)
    with pytest.raises(DataError, match="the picture is damaged"):
        windows_of(feed_of(spec, late), plan, 0, 50)


def test_one_bad_medium_ends_no_training_however_often_it_is_drawn() -> None:
    spec = recipe(batch_size=4, epochs=15)
    plan = make_plan(spec, samples(20), {})
    feed = feed_of(spec, Reading(frozenset({"3.png"})))
    assert len(windows_of(feed, plan, 0, 4)) == plan.steps
    (bad,) = feed.bad
    assert bad.times >= 15


def test_a_source_of_nothing_but_bad_media_is_an_error() -> None:
    spec = recipe(batch_size=1, epochs=1)
    plan = make_plan(spec, samples(2), {})
    with pytest.raises(DataError, match="the picture is damaged"):
        windows_of(feed_of(spec, Reading(frozenset({"0.png", "1.png"}))), plan, 0, 1)


def test_an_example_that_is_too_long_is_an_error() -> None:
    spec = recipe(batch_size=2, max_length=20)
    with pytest.raises(DataError, match=r"train\.max_length is 20") as caught:
        windows_of(feed_of(spec), make_plan(spec, samples(4), {}), 0, 2)
    assert caught.value.where.startswith("sample 'table/")


def test_a_medium_that_cannot_be_validated_on_is_an_error() -> None:
    spec = recipe()
    with pytest.raises(DataError, match="the picture is damaged"):
        list(feed_of(spec, Reading(DAMAGED)).plain(examples(spec, samples(5)), 2))


def test_the_death_of_a_process_that_reads_is_told() -> None:
    spec = recipe(batch_size=2)
    plan = make_plan(spec, samples(20), {})
    with pytest.raises(TrainError) as caught:
        windows_of(feed_of(spec, Reading(deadly="5.png"), workers=2), plan, 0, 2)
    assert str(caught.value) == (
        "train.workers: a process that reads media ahead of the training has died; most often the "
        "machine's memory was not enough\n  To mend it: Make it smaller (0 reads with threads), "
        "then run the command again; it goes on where it stopped."
    )


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True], ids=["Ctrl-C", "kill -9"])
def test_no_process_that_reads_is_left_alone(kill: bool) -> None:
    path = os.pathsep.join((str(HELPERS), *sys.path))
    process = subprocess.Popen(
        [sys.executable, str(HELPERS / "feeding.py")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    helpers = [int(word) for word in process.stdout.readline().split()]
    assert len(helpers) >= 3  # the server that forks them, and two of them
    if kill:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)  # which reaches every process of a terminal
    errors = process.communicate(timeout=60)[1]
    assert process.returncode != 0
    deadline = time.monotonic() + 20
    while alive := [pid for pid in helpers if psutil.pid_exists(pid)
                    and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)
    if not kill:
        # Only the training itself says that it was interrupted.
        assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1


def test_a_window_is_made_while_the_last_one_is_used() -> None:
    made: list[int] = []

    def results() -> Iterable[int]:
        for number in range(5):
            made.append(number)
            yield number

    stopped: list[bool] = []
    with closing(early(iter(results()), depth=1, stop=lambda: stopped.append(True))) as taken:
        assert next(taken) == 0
        deadline = time.monotonic() + 5
        while made != [0, 1] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert made == [0, 1]
        assert not stopped
    assert stopped == [True]
    assert list(early(iter(range(3)), depth=2, stop=lambda: None)) == [0, 1, 2]


def test_an_error_is_raised_where_its_result_was_due() -> None:
    numbers = (1 // (2 - number) for number in range(4))
    taken = early(numbers, depth=3, stop=lambda: None)
    assert [next(taken), next(taken)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(taken)


def test_frames_of_pictures_are_kept_until_there_is_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    def counted(source: str, media: str) -> object:
        read.append(media)
        return read_picture(source, media)

    spec = recipe(batch_size=4, epochs=3)
    plan = make_plan(spec, samples(8), {})
    feed = feed_of(spec, counted)  # type: ignore[arg-type] # a function
    windows_of(feed, plan, 0, 4)
    assert sorted(read) == sorted({f"{number}.png" for number in range(8)})
    read.clear()
    feed = feed_of(spec, counted)  # type: ignore[arg-type] # a function
    feed._reader.room = 3 * 64 * 64 * 3
    windows_of(feed, plan, 0, 4)
    assert len(read) == 3 + 3 * 5
