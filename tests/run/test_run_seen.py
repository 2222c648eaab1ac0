"""The models of a run: one at a time; what a vision tower saw once is not shown to it again."""

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_project import Project, make_project

from recipe_kit.model.load import LoadedModel, load_model
from recipe_kit.run import job

STUDIED = "evaluation: {checkpoints: all, blind: always, "


def shown(project: Project, patch: pytest.MonkeyPatch) -> list[int]:
    """How often the vision tower of each model that the run loads is called, in order."""
    calls: list[int] = []
    models: list[weakref.ref[Any]] = []

    def counted(*arguments: Any, **options: Any) -> LoadedModel:
        assert not any(model() for model in models), "the memory may not be enough for two"
        loaded = load_model(*arguments, **options)
        models.append(weakref.ref(loaded.model))
        calls.append(0)
        loaded.model.model.visual.blocks[0].register_forward_hook(_counting(calls))
        return loaded

    patch.setattr(job, "load_model", counted)
    done = project("run")
    assert done.exit_code == 0, done.output
    return calls


def _counting(calls: list[int]) -> Callable[..., None]:
    place = len(calls) - 1

    def count(*_: object) -> None:
        calls[place] += 1

    return count


@pytest.mark.parametrize(
    ("train", "again"),
    [
        ("lora: {rank: 4, vision: false}", False),
        ("lora: {rank: 4, vision: true}", True),
    ],
    ids=["frozen", "not frozen"],
)
def test_checkpoints_with_the_bases_tower_do_not_run_it(
    train: str, again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project")
    project.edit("evaluation: {", STUDIED)
    project.edit("count: 60", "count: 30")
    project.edit("epochs: 2, batch_size: 8, lora: {rank: 4}", f"epochs: 1, batch_size: 8, {train}")
    base, trained, *asked = shown(project, monkeypatch)
    assert base > 0
    assert trained > 0
    # The base on validation, both checkpoints, and the best one without pictures.
    assert len(asked) == 4
    assert [calls > 0 for calls in asked] == [again] * len(asked)
