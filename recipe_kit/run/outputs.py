"""Scores over checkpoints, from a folder of predictions as `recipe infer` writes them.

<outputs>/<model>/<checkpoint>/predictions-<benchmark>.jsonl
<outputs>/<model>/<checkpoint>/questions-<benchmark>.jsonl

A checkpoint's folder ends in the number of its step (`ckpt-250`); that of the model before training
is called `base`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from recipe_kit.benchmark.questions import digest
from recipe_kit.errors import CompareError, RecordError
from recipe_kit.record.files import read_rows
from recipe_kit.record.schemas import Metric, Prediction, Question
from recipe_kit.score import stats
from recipe_kit.score.answers import align
from recipe_kit.score.metrics import MEASURES
from recipe_kit.spec.problems import suggest

BASE = ("base", "zero-shot")
"""Names of the folder of the model before training."""
BOOTSTRAP, SEED = 1000, 0
_STEP = re.compile(r"(\d+)$")


@dataclass(frozen=True)
class Curve:
    """One metric over the steps of a training."""

    model: str
    benchmark: str
    metric: str
    base: Metric | None
    points: dict[int, Metric]
    """From the step to the metric; without the model before training."""


def read_outputs(
    outputs: Path, *, metric: str, benchmark: str | None = None, model: str | None = None
) -> Curve:
    """Scores every checkpoint of a model.

    Args:
        outputs: The folder of predictions.
        metric: Which metric.
        benchmark: The benchmark; the only one when not given.
        model: The model's folder; the only one when not given.

    Raises:
        RecordError: There are no predictions, or they do not belong to their questions.
        CompareError: The checkpoints were not asked the same questions.
    """
    folder = outputs / _only(
        [path.name for path in sorted(outputs.glob("*")) if path.is_dir()],
        model, "model", outputs, "--base-model",
    )
    found = sorted(folder.glob("*/predictions-*.jsonl"))
    names = [path.name.removeprefix("predictions-").removesuffix(".jsonl") for path in found]
    name = _only(
        sorted({one for one in names if "." not in one}), benchmark, "benchmark", folder,
        "--benchmark",
    )
    points: dict[int, Metric] = {}
    asked: dict[str, str] = {}
    for path in found:
        if path.name == f"predictions-{name}.jsonl":
            questions = read_rows(path.parent / f"questions-{name}.jsonl", Question)
            asked.setdefault(digest(questions), path.parent.name)
            step = _step(path.parent)
            if step in points:
                raise RecordError(
                    f"holds predictions of {f'step {step}' if step else 'the base model'} twice",
                    where=str(folder), fix=f"Move one away, such as '{path.parent.name}'.",
                )
            points[step] = _metric(path, questions, metric)
    if len(asked) > 1:
        one, other = list(asked.values())[:2]
        raise CompareError(
            f"'{one}' and '{other}' were not asked the same questions", where=str(folder),
            fix="Run `recipe infer` again for one of them.",
        )
    base = points.pop(0, None)
    if not points:
        raise RecordError(
            f"holds no checkpoint's predictions for '{name}'", where=str(folder),
            fix="Run `recipe infer` for the checkpoints, each in a folder that ends in its step.",
        )
    return Curve(folder.name, name, metric, base, dict(sorted(points.items())))


def _metric(path: Path, questions: tuple[Question, ...], metric: str) -> Metric:
    tasks = align(questions, read_rows(path, Prediction), where=str(path))
    known: dict[str, None] = {}
    for answers in tasks.values():
        measures = MEASURES[answers.task_type]
        known |= dict.fromkeys(measures)
        if metric in measures:
            measure = measures[metric](answers)
            found = stats.metrics(
                {metric: measure}, answers.groups, bootstrap=BOOTSTRAP, seed=SEED
            )
            return found[metric]
    raise RecordError(
        f"there is no metric '{metric}' of these answers", where=str(path),
        fix=suggest(metric, list(known)),
    )


def _step(folder: Path) -> int:
    if folder.name in BASE:
        return 0
    found = _STEP.search(folder.name)
    if found is None:
        raise RecordError(
            "does not say which checkpoint it is of", where=str(folder),
            fix="Let its name end in the number of the step, as `ckpt-250`, or call it `base`.",
        )
    return int(found[1])


def _only(found: list[str], wanted: str | None, what: str, where: Path, option: str) -> str:
    """The one that is wanted, or the only one there is."""
    if wanted is None and len(found) == 1:
        return found[0]
    if wanted in found:
        return str(wanted)
    if not found:
        raise RecordError(
            f"holds no predictions of any {what}", where=str(where),
            fix="Write some with `recipe infer`, or name another folder.",
        )
    if wanted is None:
        raise RecordError(
            f"holds predictions of several: {', '.join(found)}", where=str(where),
            fix=f"Name the {what} with {option}.",
        )
    raise RecordError(
        f"holds no {what} '{wanted}'", where=str(where), fix=suggest(wanted, found)
    )
