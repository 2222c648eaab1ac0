"""What a run will come to, computed before anyone pays for a GPU; imports no torch."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recipe_kit.run.plan import all_checkpoints
from recipe_kit.run.sizes import Sizes, Split, sizes
from recipe_kit.spec.model import FRAMES
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.rules.prose import prose_texts
from recipe_kit.spec.train import Train

TOKEN_PIXELS = 32 * 32
"""Pixels of a visual token of Qwen3-VL: patches of 16, merged two by two."""
FRAMES_TOGETHER = 2
"""Frames that share their tokens."""
SPLITS: dict[Split, str] = {"train": "for training", "val": "for validation", "test": "held out"}
MANY_CHECKPOINTS = 50
MANY_ANSWERS = 200_000
MANY_PASSES = 20
LONG_WARMUP = 0.5

_NAMED = re.compile(
    r"\b(?:ckpts?|checkpoints?)[\s_-]*(\d+(?:(?:,\s*|\s*&\s*|,?\s+and\s+|,?\s+or\s+|\s*[–-]\s*)\d+)*)",
    re.IGNORECASE,
)
_FILLED_IN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


@dataclass(frozen=True)
class Forecast:
    """What is computed from a spec and the sizes of its sources."""

    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    absent: tuple[str, ...]
    """Data that is not on this machine."""


def forecast(recipe: Recipe, recipe_dir: Path) -> Forecast:
    """Computes the length of the training, its checkpoints and what evaluating them costs.

    Raises:
        DataError: A table is wrong.
    """
    found = sizes(recipe, recipe_dir)
    schedule = Schedule(recipe, found)
    return Forecast(
        facts=tuple(_facts(recipe, schedule)),
        warnings=tuple(_warnings(recipe, schedule)),
        absent=found.absent,
    )


class Schedule:
    """Steps and checkpoints of the main training."""

    def __init__(self, recipe: Recipe, found: Sizes) -> None:
        self.recipe, self.sizes = recipe, found
        spec = recipe.train
        self.per_step = spec.batch_size * spec.accumulate * spec.devices
        every = found.of("train")
        self.epoch_samples = min(every, spec.max_samples or every)
        self.known = bool(self.epoch_samples) and spec.method != "none"
        self.per_epoch = max(1, math.ceil(self.epoch_samples / self.per_step))
        self.steps = max(1, round(spec.epochs * self.per_epoch))

    @cached_property
    def intervals(self) -> tuple[int, ...]:
        """After every so many steps a checkpoint is saved."""
        spec = self.recipe.train
        validated = self.per_epoch if spec.validate_.every == "epoch" else spec.validate_.every
        if spec.checkpoint_every is None or spec.checkpoint_every == validated:
            return (validated,)
        return spec.checkpoint_every, validated

    @cached_property
    def checkpoints(self) -> tuple[int, ...]:
        """Steps after which a checkpoint is saved, if the training is not stopped early."""
        found = {step for every in self.intervals for step in range(every, self.steps + 1, every)}
        return tuple(sorted(found | {self.steps}))

    def nearest(self, step: int) -> tuple[int, ...]:
        """The checkpoints before and after a step that has none."""
        before = [one for one in self.checkpoints if one < step][-1:]
        return (*before, *[one for one in self.checkpoints if one > step][:1])


def busy(train: Train, processes: int) -> float:
    """Share of their time in which so many processes have work, as far as a step can be divided.

    They take its forward passes in turn, and each pass is of `train.batch_size` samples.
    """
    passes = train.accumulate * train.devices
    return passes / (math.ceil(passes / processes) * processes)


def _facts(recipe: Recipe, schedule: Schedule) -> Iterator[str]:
    found, spec = schedule.sizes, recipe.train
    splits = [f"{found.of(split):,} {name}" for split, name in SPLITS.items() if found.of(split)]
    if splits:
        told = f"; not counted before it is read: {', '.join(found.unknown)}"
        yield f"samples: about {', '.join(splits)}{told if found.unknown else ''}"
    if spec.method == "none":
        yield "training: none, the recipe only evaluates"
    elif schedule.known:
        yield (
            f"training: {_count(schedule.epoch_samples, 'sample')} an epoch, "
            f"{schedule.per_step:,} a step{_product(recipe)}: "
            f"{_count(schedule.per_epoch, 'step')} an epoch, "
            f"{_count(schedule.steps, 'step')} in {_count(spec.epochs, 'epoch')}"
        )
        yield from _drawn(recipe, schedule)
        shown = [f"{step:,}" for step in schedule.checkpoints]
        if len(shown) > 7:
            shown = [*shown[:3], "…", *shown[-2:]]
        every = " and every ".join(f"{one:,}" for one in schedule.intervals)
        yield (
            f"checkpoints: {len(schedule.checkpoints):,}, every {every} steps and at the end: "
            f"{', '.join(shown)}; fewer if {spec.validate_.patience} validations in a row bring "
            "nothing better"
        )
    yield from _cost_in_words(recipe, schedule)


def _product(recipe: Recipe) -> str:
    spec = recipe.train
    parts = [spec.batch_size, spec.accumulate, spec.devices]
    names = ("a forward pass", "forward passes", "GPUs")
    told = [f"{one} {name}" for one, name in zip(parts, names, strict=True) if one > 1]
    return f" ({' × '.join(told)})" if len(told) > 1 else ""


def _drawn(recipe: Recipe, schedule: Schedule) -> Iterator[str]:
    """How often the samples of each subdirectory come, where they are weighted."""
    found = _passes(recipe, schedule)
    if len({f"{passes:.2g}" for passes in found.values()}) > 1:
        for name, passes in found.items():
            yield f"drawn: each sample of {name} about {passes:.2g} times an epoch"


def _passes(recipe: Recipe, schedule: Schedule) -> dict[str, float]:
    """How often an epoch passes through each subdirectory, by the sources' weights."""
    found = {}
    taken = schedule.sizes.taken["train"]
    for name, source in recipe.data.sources.items():
        parts = getattr(source, "subdirectories", ())
        weights = getattr(source, "weights", ()) or (1.0,) * len(parts)
        held = [taken.get(f"{name}/{part}", 0) for part in parts]
        if not parts or not all(held):
            continue
        share = sum(held) / schedule.sizes.of("train")
        for part, weight, size in zip(parts, weights, held, strict=True):
            drawn = schedule.epoch_samples * share * weight / sum(weights)
            found[f"{name}/{part}"] = drawn / size
    return found


def questions(recipe: Recipe, schedule: Schedule, *, validation: bool = False) -> int:
    """About how many questions one model is asked, of the samples that are known.

    Args:
        recipe: The recipe.
        schedule: With the sizes of its sources.
        validation: Those asked of the validation samples, instead of the benchmarks themselves.
    """
    found = 0
    for benchmark in recipe.benchmarks.values():
        sources = benchmark.sources or tuple(recipe.data.sources)
        taken = schedule.sizes.taken["val" if validation else benchmark.split]
        samples = sum(size for place, size in taken.items() if place.split("/")[0] in sources)
        if validation:
            samples = min(samples, recipe.train.validate_.max_samples or samples)
        each = len(benchmark.tasks)
        if benchmark.pool:
            required = sum(one.required for one in benchmark.pool.questions)
            each = required + benchmark.pool.sampled
        found += samples * each
    return found


def answers(recipe: Recipe, schedule: Schedule) -> int:
    """About how many answers the whole run asks for, those without pictures left out."""
    asked = questions(recipe, schedule)
    models = 1 + len(recipe.model.compare)
    if not schedule.known:
        return asked * models
    if not all_checkpoints(recipe):
        return asked * (models + 1 + len(recipe.train.ablations))
    twin = questions(recipe, schedule, validation=True)
    return asked * models + twin + (asked + twin) * len(schedule.checkpoints)


def _cost_in_words(recipe: Recipe, schedule: Schedule) -> Iterator[str]:
    asked = questions(recipe, schedule)
    if not asked:
        return
    models = 1 + len(recipe.model.compare)
    told = [f"{models} models zero-shot" if models > 1 else "the base model"]
    if schedule.known:
        count = len(schedule.checkpoints)
        told.append(
            f"{_count(count, 'checkpoint')}"
            f"{', on validation too' if questions(recipe, schedule, validation=True) else ''}"
            if all_checkpoints(recipe) else "the best checkpoint of each training"
        )
    yield (
        f"evaluation: about {asked:,} questions, asked of {' and '.join(told)}: about "
        f"{answers(recipe, schedule):,} answers"
    )


def _warnings(recipe: Recipe, schedule: Schedule) -> Iterator[str]:
    spec = recipe.train
    if spec.method != "none" and spec.warmup >= LONG_WARMUP:
        yield (
            f"train.warmup: the learning rate rises during {spec.warmup:.0%} of the steps; "
            "it is a share, not a number of steps or epochs"
        )
    if schedule.known:
        yield from _short(recipe, schedule)
        yield from _repeated(recipe, schedule)
        yield from _named_checkpoints(recipe, schedule)
        yield from _many(recipe, schedule)
    yield from _too_long(recipe)


def _short(recipe: Recipe, schedule: Schedule) -> Iterator[str]:
    spec = recipe.train
    seen, every = schedule.steps * schedule.per_step, schedule.sizes.of("train")
    if spec.epochs < 1:
        yield (
            f"train.epochs: {_count(schedule.steps, 'step')} of {schedule.per_step:,} samples see "
            f"{min(1.0, seen / schedule.epoch_samples):.0%} of an epoch"
        )
    elif schedule.epoch_samples < every / 10:
        yield (
            f"train.max_samples: training sees {schedule.epoch_samples / every:.1%} of the "
            f"{every:,} training samples"
        )
    rising = round(spec.warmup * schedule.steps)
    if spec.warmup and not rising and "warmup" in spec.model_fields_set:
        yield (
            f"train.warmup: {spec.warmup:.0%} of {_count(schedule.steps, 'step')} is less than "
            "one step, so there is no warm-up"
        )
    first = schedule.checkpoints[0]
    if rising > first and spec.warmup < LONG_WARMUP:
        yield (
            f"train.warmup: the learning rate rises for {rising:,} steps, and the first "
            f"checkpoint is saved after {first:,}"
        )


def _repeated(recipe: Recipe, schedule: Schedule) -> Iterator[str]:
    for name, passes in _passes(recipe, schedule).items():
        if passes * recipe.train.epochs >= MANY_PASSES:
            yield (
                f"data.sources.{name.split('/')[0]}.weights: each sample of {name.split('/')[1]} "
                f"comes about {passes * recipe.train.epochs:.0f} times in the training"
            )


def _named_checkpoints(recipe: Recipe, schedule: Schedule) -> Iterator[str]:
    """Checkpoints that the prose names and the training cannot save."""
    data = recipe.model_dump(mode="json", include={"prose"})
    saved = set(schedule.checkpoints)
    for keys, text in prose_texts(data):
        named = {
            int(number)
            for found in _NAMED.finditer(_FILLED_IN.sub(" ", text))
            for number in re.findall(r"\d+", found[1])
        }
        for step in sorted(named - saved - {0}):
            place = ".".join(str(key) for key in keys)
            if step > schedule.steps:
                yield (
                    f"{place}: names checkpoint {step:,}, but the training ends after "
                    f"{_count(schedule.steps, 'step')}"
                )
                continue
            near = " and ".join(f"{one:,}" for one in schedule.nearest(step))
            every = " and every ".join(f"{one:,}" for one in schedule.intervals)
            yield (
                f"{place}: names checkpoint {step:,}, which is never saved: one is saved every "
                f"{every} steps, the nearest after {near}"
            )


def _many(recipe: Recipe, schedule: Schedule) -> Iterator[str]:
    if not all_checkpoints(recipe):
        return
    count, asked = len(schedule.checkpoints), answers(recipe, schedule)
    if count > MANY_CHECKPOINTS or asked > MANY_ANSWERS:
        whole = " and as many copies of all weights are kept" * (recipe.train.method == "full")
        yield (
            f"evaluation.checkpoints: {count:,} checkpoints are asked everything, about {asked:,} "
            f"answers{',' * bool(whole)}{whole}; a larger train.checkpoint_every or "
            "train.validate.every makes fewer"
        )


def _too_long(recipe: Recipe) -> Iterator[str]:
    """Media that alone fill the longest training example."""
    longest = recipe.train.max_length
    if longest is None or recipe.train.method == "none":
        return
    video = recipe.model.video
    frames = video.nframes or (video.max_frames if video.fps else FRAMES)
    pixels = video.max_pixels or recipe.model.max_pixels
    tokens = math.ceil(frames / FRAMES_TOGETHER) * (pixels // TOKEN_PIXELS)
    if tokens >= longest:
        yield (
            f"train.max_length: {frames} frames of {pixels:,} pixels take up to {tokens:,} tokens, "
            f"and an example may have {longest:,} with its question and answer"
        )


def _count(number: float, what: str) -> str:
    return f"{number:,.10g} {what}{'' if number == 1 else 's'}"
