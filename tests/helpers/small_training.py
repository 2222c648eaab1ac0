"""Trainings of the small model, and what is looked at afterwards."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from small_model import SEVERITY, question, read_picture, samples, small_model

from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.world import World
from recipe_kit.record.schemas import Sample, TrainingResult, Validation
from recipe_kit.spec.recipe import Evaluation, Recipe
from recipe_kit.train.log import Step
from recipe_kit.train.loop import Accuracy, train

LORA = {"lora": {"rank": 8, "alpha": 16, "dropout": 0.0}}
DROPOUT = {"lora": {"rank": 4, "alpha": 8, "dropout": 0.1}}


def run(
    folder: Path,
    spec: Recipe,
    every: tuple[Sample, ...] | None = None,
    *,
    loaded: LoadedModel | None = None,
    accuracies: tuple[float, ...] = (0.5,),
    progress: Callable[[Step | Validation], None] | None = None,
    note: Callable[[str], None] = lambda _: None,
    keep_all: bool = False,
    world: World = World(),  # noqa: B008 # it is frozen
) -> TrainingResult:
    """A training whose validation accuracy is as given, the last one for the rest."""
    scripted = itertools.chain(accuracies, itertools.repeat(accuracies[-1]))
    return train(
        loaded or small_model(), spec, samples(12, val=4) if every is None else every,
        role="tuned", blend=spec.train.blend, read_media=read_picture, folder=folder,
        validate=lambda model: Accuracy(next(scripted), 8), progress=progress,
        note=note, keep_all=keep_all, world=world,
    )


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(folder: Path, result: TrainingResult) -> dict[str, torch.Tensor]:
    return load_file(next((folder / result.checkpoint).glob("*.safetensors")))


def answers(loaded: LoadedModel, count: int) -> dict[str, str | None]:
    scale = ("1", "2", "3", "4", "5")
    asked = [
        each
        for number in range(count)
        for each in (question(f"{number}.png"), question(f"{number}.png", SEVERITY, scale))
    ]
    engine = LocalEngine(loaded, Evaluation(max_new_tokens=4), read_picture)
    return {prediction.question: prediction.answer for prediction in engine.ask(asked)}
