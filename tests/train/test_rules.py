"""The parts of training that are plain functions."""

import os
import signal
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_model import CRACKED, SEVERITY, recipe, samples

from recipe_kit.errors import DataError, TrainError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.train import Augment
from recipe_kit.train.examples import (
    Example,
    examples,
    validation_questions,
    validation_samples,
)
from recipe_kit.train.interrupt import held_back, noted
from recipe_kit.train.order import counts, draw
from recipe_kit.train.plan import make_plan
from recipe_kit.train.reading import augment
from recipe_kit.train.schedule import Scores, best, learning_rate, plateaued


@pytest.mark.parametrize(
    ("sizes", "blend", "total", "expected"),
    [
        ({"a": 30, "b": 10}, {}, 40, {"a": 30, "b": 10}),
        ({"a": 30, "b": 10}, {"a": 1, "b": 1}, 40, {"a": 20, "b": 20}),
        ({"a": 30, "b": 10}, {"a": 0.7, "b": 0.3}, 40, {"a": 28, "b": 12}),
        ({"a": 30, "b": 10}, {"a": 1}, 40, {"a": 40}),
        ({"a": 5, "b": 5, "c": 5}, {"a": 1, "b": 1, "c": 1}, 8, {"a": 3, "b": 3, "c": 2}),
        ({"a": 5, "b": 0}, {"a": 1, "b": 0}, 5, {"a": 5, "b": 0}),
    ],
)
def test_counts_follow_the_weights(
    sizes: dict[str, int], blend: dict[str, float], total: int, expected: dict[str, int]
) -> None:
    assert counts(sizes, blend, total) == expected


def test_a_weight_on_nothing_is_refused() -> None:
    with pytest.raises(TrainError) as caught:
        counts({"synthetic": 4, "real": 0}, {"synthetic": 1, "real": 2}, 4)
    assert str(caught.value) == (
        "train.blend: the source 'real' has a weight but no training samples\n"
        "  To mend it: Give it a share in data.splits.train (and room in train.max_samples), "
        "or take 'real' out of the blend."
    )


@pytest.mark.parametrize(("blend", "where"), [({}, "data.splits.train"), ({"a": 0}, "train.blend")])
def test_nothing_to_train_on_is_refused(blend: dict[str, float], where: str) -> None:
    with pytest.raises(TrainError, match=f"{where}: there is nothing to train on"):
        counts({"a": 0}, blend, 0)


@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    wanted=st.lists(st.integers(1, 30), min_size=3, max_size=3),
    epochs=st.integers(1, 4),
    seed=st.integers(0, 5),
)
def test_no_sample_comes_again_before_all_others(
    sizes: list[int], wanted: list[int], epochs: int, seed: int
) -> None:
    named = {f"s{number}": size for number, size in enumerate(sizes)}
    per_epoch = dict(zip(named, wanted, strict=False))
    seen: Counter[tuple[str, int]] = Counter()
    for epoch in range(epochs):
        drawn = draw(named, per_epoch, epoch=epoch, seed=seed)
        assert Counter(name for name, _ in drawn) == per_epoch
        seen.update(drawn)
    for name, size in named.items():
        times = [seen[name, index] for index in range(size)]
        assert max(times) - min(times) <= 1


def test_the_order_is_of_the_seed_and_the_epoch() -> None:
    def order(epoch: int, seed: int) -> list[tuple[str, int]]:
        return draw({"a": 40}, {"a": 40}, epoch=epoch, seed=seed)

    assert order(0, 7) == order(0, 7)
    assert order(0, 7) != order(1, 7)
    assert order(0, 7) != order(0, 8)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate(step, 10, peak=1.0, warmup=0.2, final=0.1) for step in range(10)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)
    assert learning_rate(0, 1, peak=1.0, warmup=0.0, final=0.1) == 1.0


@pytest.mark.parametrize(
    ("validations", "stop"),
    [
        ([], False),
        ([(0.8, 0.5)], False),
        ([(0.8, 0.5), (0.8, 0.5)], False),
        ([(0.8, 0.5), (0.8, 0.5), (0.8, 0.5)], True),
        # Accuracy has plateaued, but the loss still falls.
        ([(0.8, 0.5), (0.8, 0.4), (0.8, 0.3)], False),
        # The loss rises, but accuracy still gets better.
        ([(0.8, 0.5), (0.82, 0.6), (0.84, 0.7)], False),
        # Less than min_delta is not better.
        ([(0.8, 0.5), (0.8005, 0.4995), (0.8009, 0.4991)], True),
        # Better than the last is not better than everything before.
        ([(0.8, 0.5), (0.6, 0.7), (0.7, 0.6)], True),
        ([(0.8, 0.5), (0.6, 0.7), (0.9, 0.6)], False),
    ],
)
def test_when_to_stop(validations: list[tuple[float, float]], stop: bool) -> None:
    scores = [Scores(*pair) for pair in validations]
    assert plateaued(scores, patience=2, min_delta=0.001) is stop


@pytest.mark.parametrize(
    ("validations", "index"),
    [
        ([(0.8, 0.5), (0.9, 0.6), (0.7, 0.1)], 1),
        ([(0.9, 0.6), (0.9, 0.5), (0.9, 0.7)], 1),
        ([(0.9, 0.5), (0.9, 0.5)], 0),
    ],
)
def test_the_best_has_the_highest_accuracy_then_the_lowest_loss(
    validations: list[tuple[float, float]], index: int
) -> None:
    assert best([Scores(*pair) for pair in validations]) == index


FRAMES = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3) * 20


def changed(spec: Augment) -> set[bytes]:
    return {augment(FRAMES, spec, np.random.default_rng(seed)).tobytes() for seed in range(20)}


def test_augmenting_does_what_it_says() -> None:
    assert changed(Augment()) == {FRAMES.tobytes()}
    assert changed(Augment(mirror=True)) == {FRAMES.tobytes(), FRAMES[:, :, ::-1].tobytes()}
    assert changed(Augment(flip=True)) == {FRAMES.tobytes(), FRAMES[:, ::-1].tobytes()}
    assert len(changed(Augment(mirror=True, flip=True))) == 4


def test_brightness_stays_within_its_bounds() -> None:
    gray = np.full((1, 1, 1, 3), 128, np.uint8)
    spec = Augment(brightness=0.2)
    values = [augment(gray, spec, np.random.default_rng(seed)).max() for seed in range(200)]
    assert 100 <= min(values) < 110
    assert 146 < max(values) <= 156
    white = np.full((1, 1, 1, 3), 255, np.uint8)
    assert max(augment(white, spec, np.random.default_rng(s)).max() for s in range(20)) == 255


def test_an_example_has_every_task_or_its_own_prompt() -> None:
    labeled = Sample(id="a", source="table", media="a", labels={"cracked": "Yes", "severity": 4})
    partly = Sample(id="b", source="table", media="b", labels={"severity": 2})
    triple = Sample(id="c", source="table", media="c", prompt="What is it?", target="A floor.")
    bare = Sample(id="d", source="table", media="d")
    found = examples(recipe(), [labeled, partly, triple, bare])
    assert [example.pairs for example in found] == [
        ((CRACKED, "Yes"), (SEVERITY, "4")),
        ((SEVERITY, "2"),),
        (("What is it?", "A floor."),),
    ]
    only = examples(recipe(tasks=["cracked"]), [labeled, partly])
    assert [example.pairs for example in only] == [((CRACKED, "Yes"),)]


def test_a_label_the_task_does_not_know_is_refused() -> None:
    wrong = Sample(id="a", source="table", media="a", labels={"cracked": "Maybe"}, split="train")
    with pytest.raises(DataError, match="sample 'a': label 'cracked' is 'Maybe'"):
        make_plan(recipe(), [wrong], {})


def test_a_few_samples_are_chosen_by_the_seed() -> None:
    every = samples(50, val=30)
    few = recipe(max_samples=5, validate={"max_samples": 4})

    def chosen(spec: Recipe, given: tuple[Sample, ...]) -> list[Example]:
        return list(make_plan(spec, given, {}).sources["table"])

    assert len(chosen(few, every)) == 5
    assert chosen(few, every[::-1]) == chosen(few, every)
    assert chosen(recipe(max_samples=5, seed=1), every) != chosen(few, every)
    assert {example.sample.split for example in chosen(few, every)} == {"train"}
    assert len(validation_samples(few, every)) == 4
    assert {sample.split for sample in validation_samples(few, every)} == {"val"}


def test_validation_asks_the_training_tasks_of_the_validation_samples() -> None:
    every = samples(3, val=2)
    asked = validation_questions(recipe(), every)
    assert [(each.id, each.reference) for each in asked] == [
        ("validation/cracked/table/3", "Yes"),
        ("validation/severity/table/3", "2"),
        ("validation/cracked/table/4", "No"),
        ("validation/severity/table/4", "4"),
    ]
    assert len(validation_questions(recipe(tasks=["severity"]), every)) == 2
    assert validation_questions(recipe(), samples(3)) == ()
    unlabeled = Sample(id="a", source="table", media="a", split="val")
    assert validation_questions(recipe(), [unlabeled]) == ()


def test_another_blend_takes_as_many_steps() -> None:
    mixed = recipe(sources=("drawn", "real"), batch_size=10, epochs=1.5)
    every = (*samples(30, source="drawn"), *samples(10, source="real"))
    plans = [make_plan(mixed, every, blend) for blend in ({}, {"drawn": 1.0}, {"real": 1.0})]
    assert [plan.steps for plan in plans] == [6, 6, 6]
    drawn = [plan.per_epoch for plan in plans]
    assert drawn == [{"drawn": 30, "real": 10}, {"drawn": 40}, {"real": 40}]
    assert len({plan.digest for plan in plans}) == 3


def test_an_epochs_last_step_takes_what_is_left() -> None:
    plan = make_plan(recipe(batch_size=4, accumulate=2, epochs=2), samples(19), {})
    assert [len(plan.items(step)) for step in range(plan.steps)] == [8, 8, 3, 8, 8, 3]
    first = {item.example.sample.id for step in range(3) for item in plan.items(step)}
    assert len(first) == 19


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), held_back():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("the rest of the block")
    assert done == ["the rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_stop_that_is_told_twice_is_one() -> None:
    """The launcher of several processes passes on what they have been told already."""
    with noted(signal.SIGINT) as asked:
        assert not asked()
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
        assert asked()
    with pytest.raises(KeyboardInterrupt), noted(signal.SIGINT, settle=0):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
