"""Trainings whose every checkpoint stays, and examples that are too long."""

from pathlib import Path

import pytest
from small_model import read_picture, recipe, samples, small_model
from small_training import LORA, run

from recipe_kit.errors import DataError
from recipe_kit.train import checkpoint, loop
from recipe_kit.train.checkpoint import load_tuned, newest, saved
from recipe_kit.train.examples import examples
from recipe_kit.train.feed import Feed
from recipe_kit.train.log import Step

# Nine steps: saved after every second, validated (and saved) after every third, and at the end.
SPEC = recipe(
    epochs=3, batch_size=4, checkpoint_every=2, validate={"every": 3, "patience": 9}, **LORA
)
STEPS = [2, 3, 4, 6, 8, 9]


def files(folder: Path, name: str) -> list[int]:
    """Steps of the checkpoints that have a file."""
    return sorted(int(path.parent.name[-6:]) for path in folder.glob(f"checkpoints/step-*/{name}"))


def test_every_checkpoint_keeps_its_weights_and_the_newest_its_optimizer(tmp_path: Path) -> None:
    result = run(tmp_path, SPEC, keep_all=True)
    assert files(tmp_path, "adapter_model.safetensors") == STEPS
    assert files(tmp_path, "optimizer.pt") == [9]
    found = saved(tmp_path / "checkpoints")
    assert list(found) == STEPS
    assert newest(tmp_path / "checkpoints") == found[9]
    revisions = {load_tuned(small_model(), path).revision for path in found.values()}
    assert len(revisions) == len(STEPS)
    assert result.epoch_samples == 12


def test_without_it_the_best_and_the_newest_are_kept(tmp_path: Path) -> None:
    run(tmp_path, SPEC, accuracies=(0.5, 0.7, 0.6))
    assert files(tmp_path, "optimizer.pt") == [6, 9]


def test_what_ctrl_c_saved_in_between_does_not_stay(tmp_path: Path) -> None:
    def stop(event: object) -> None:
        if isinstance(event, Step) and event.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, SPEC, progress=stop, keep_all=True)
    assert files(tmp_path, "state.json") == [2, 3, 4, 5]
    assert files(tmp_path, "optimizer.pt") == [5]
    run(tmp_path, SPEC, keep_all=True)
    assert files(tmp_path, "state.json") == STEPS


def test_ctrl_c_just_after_a_checkpoint_leaves_it_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written again, a large one would be gone for minutes, with nothing else to go on from."""
    real, calls = loop.gradient, []

    def gradient(*given: object, **named: object) -> object:
        calls.append(named["step"])
        if calls == [0, 1, 2, 3, 4]:
            raise KeyboardInterrupt
        return real(*given, **named)

    monkeypatch.setattr(loop, "gradient", gradient)
    written: list[int] = []
    save = checkpoint.save
    monkeypatch.setattr(
        checkpoint, "save", lambda *given: (written.append(given[1].step), save(*given))[1]
    )
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, SPEC, keep_all=True)
    assert written == [2, 3, 4]
    run(tmp_path, SPEC, keep_all=True)
    assert written == STEPS
    assert calls == [0, 1, 2, 3, 4, 4, 5, 6, 7, 8]


def test_checkpoints_are_ordered_by_their_steps(tmp_path: Path) -> None:
    for step in (999_999, 1_000_000, 2):
        folder = checkpoint.place(tmp_path, step)
        folder.mkdir()
        (folder / "complete").touch()
        (folder / "optimizer.pt").touch()
    assert list(saved(tmp_path)) == [2, 999_999, 1_000_000]
    assert newest(tmp_path) == tmp_path / "step-1000000"


def test_a_training_whose_newest_checkpoint_is_lost_begins_anew(tmp_path: Path) -> None:
    """The others cannot be gone on from, without the optimizer's state."""
    run(tmp_path, SPEC, keep_all=True)
    (tmp_path / "checkpoints" / "step-000009" / "complete").unlink()
    assert newest(tmp_path / "checkpoints") is None
    assert run(tmp_path, SPEC, keep_all=True).steps == 9
    assert files(tmp_path, "complete") == STEPS


def test_an_example_that_is_too_long_is_named() -> None:
    spec = recipe(max_length=20)
    feed = Feed(
        small_model(), read_picture, spec.train.augment, seed=0, system=None, max_length=20
    )
    with pytest.raises(DataError) as caught:
        list(feed.plain(examples(spec, samples(2)), 2))
    message = str(caught.value)
    assert message.startswith("sample 'table/0': a question with its answer has ")
    assert "and train.max_length is 20\n" in message


def test_examples_that_are_just_short_enough_pass() -> None:
    spec = recipe()
    every = examples(spec, samples(2))

    def feed(longest: int) -> Feed:
        return Feed(
            small_model(), read_picture, spec.train.augment, seed=0, system=None,
            max_length=longest,
        )

    def passes(longest: int) -> bool:
        try:
            list(feed(longest).plain(every, 2))
        except DataError:
            return False
        return True

    (first,) = [length for length in range(20, 80) if passes(length) and not passes(length - 1)]
    assert all(passes(length) for length in range(first, first + 5))
