"""What `recipe plan --gpu` says: memory, time and money, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recipe_kit.errors import ModelError
from recipe_kit.model.gpus import PRICED, Gpu
from recipe_kit.run.costs import UTILIZATION, Asking, Costs, Known, checkpoints_asked, known
from recipe_kit.run.expected import Shown
from recipe_kit.run.forecast import Schedule, busy
from recipe_kit.run.memory import RESERVE, Memory
from recipe_kit.run.plan import all_checkpoints
from recipe_kit.spec.model import OtherModel
from recipe_kit.spec.recipe import Recipe

HOUR, DAY = 3600.0, 86_400.0
SMALL = 1024
"""A narrower model spends its time on starting kernels, not in them."""


@dataclass(frozen=True)
class Budget:
    """Lines of the plan."""

    facts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def budget(
    recipe: Recipe, recipe_dir: Path, schedule: Schedule, gpu: Gpu, gpus: int, price: float | None
) -> Budget:
    """What the run takes on so many GPUs of one kind.

    Args:
        recipe: The recipe.
        recipe_dir: Its folder.
        schedule: Its steps and checkpoints.
        gpu: The kind of GPU.
        gpus: How many.
        price: Dollars for an hour of one; a typical price when not given.
    """
    if recipe.model.endpoint:
        return Budget(("a server is asked: what that takes is not predicted",))
    try:
        base = known(recipe.model, recipe, recipe_dir)
    except ModelError as error:
        return Budget((
            f"not predicted, as nothing is known of the model: {error.where}: {error.what}; a "
            "folder with its config.json is enough, without weights",
        ))
    return _Told(recipe, recipe_dir, Costs(recipe, schedule, base, gpu, gpus), price).budget()


class _Told:
    """Collects lines and the seconds that they add up to."""

    def __init__(
        self, recipe: Recipe, recipe_dir: Path, costs: Costs, price: float | None
    ) -> None:
        self._recipe, self._dir, self._costs, self._price = recipe, recipe_dir, costs, price
        self._seconds = 0.0

    def budget(self) -> Budget:
        """All lines."""
        trained = self._recipe.train.method != "none" and bool(self._costs.lessons)
        facts = [*self._machine(), *self._media()]
        warnings: list[str] = []
        if trained:
            facts += [_memory(self._costs), *self._training()]
            warnings += [*_too_much(self._recipe, self._costs), *_idle(self._recipe, self._costs)]
        facts += [*self._evaluation(), *self._money()]
        if self._costs.base.shape.text.width < SMALL:
            warnings.append(
                "the model is too small to keep a GPU busy: what starts its kernels takes longer "
                "than they do, and the run many times as long as predicted"
            )
        return Budget(tuple(facts), tuple(warnings))

    def _machine(self) -> Iterator[str]:
        gpu, gpus, base = self._costs.gpu, self._costs.gpus, self._costs.base
        each = " each" if gpus > 1 else ""
        yield (
            f"on {gpus} × {gpu.name}: {gpu.gigabytes:g} GB and {gpu.tflops:,} TFLOP/s{each} "
            f"(bfloat16, dense); {UTILIZATION:.0%} of these are assumed to be reached"
        )
        published = "; as published, it is not on this machine" if base.published else ""
        yield (
            f"model: {_count(base.shape.parameters)} weights, "
            f"{_count(base.shape.vision.parameters)} of them in the vision tower{published}"
        )

    def _media(self) -> Iterator[str]:
        found: dict[str, list[str]] = {}
        for name, (seen, _) in self._costs.lessons.items():
            found.setdefault(_seen(seen, self._costs.base), []).append(name)
        for line, names in found.items():
            yield f"{'media' if len(found) == 1 else ', '.join(names)}: {line}"

    def _training(self) -> Iterator[str]:
        costs, schedule = self._costs, self._costs.schedule
        step = (
            f"{_time(costs.step_seconds)} a step of {_samples(schedule.per_step)}, "
            f"{rate(schedule.per_step / costs.step_seconds)} samples/s, "
            f"{_flops(costs.step_flops)} a step"
        )
        if not schedule.known:
            yield f"training: about {step}; how many steps is not known"
            return
        trainings = 1 + len(self._recipe.train.ablations)
        whole = costs.step_seconds * schedule.steps * trainings
        checked = 0.0
        if validations := schedule.steps // schedule.intervals[-1]:
            checked = costs.validation() * validations * trainings
        self._seconds += whole + checked
        several = f" for {trainings} trainings" if trainings > 1 else ""
        told = f", and {_time(checked)} for validation" if checked else ""
        yield f"training: about {_time(whole)}{several} ({step}){told}"

    def _evaluation(self) -> Iterator[str]:
        costs, recipe = self._costs, self._recipe
        first = costs.asking(costs.base)
        if not first.seconds:
            return
        parts = [("the base model", first + costs.asking(costs.base, blind=True))]
        parts += [
            (name, found) for name, other in recipe.model.compare.items()
            if (found := self._compared(other)) is not None
        ]
        if count := checkpoints_asked(recipe, costs.schedule):
            frozen = costs.frozen_tower
            each = costs.asking(costs.base, again=frozen)
            whole = each * count + costs.asking(costs.base, blind=True)
            if all_checkpoints(recipe):
                whole += costs.asking(costs.base, "val", again=frozen) * (count + 1)
            parts.append((f"{count:,} checkpoint{'s' if count > 1 else ''}", whole))
        every = sum((one for _, one in parts), Asking())
        self._seconds += every.seconds
        told = ", ".join(f"{name} {_time(one.seconds)}" for name, one in parts)
        writing = f"; {_time(every.writing)} of it to write texts" if every.writing else ""
        yield f"evaluation: about {_time(every.seconds)} ({told}){writing}"

    def _compared(self, other: OtherModel) -> Asking | None:
        """A further model, zero-shot; None where it is a server's, or nothing is known of it."""
        if other.endpoint:
            return None
        try:
            model = known(other, self._recipe, self._dir)
        except ModelError:
            return None
        return self._costs.asking(model) + self._costs.asking(model, blind=True)

    def _money(self) -> Iterator[str]:
        gpu, gpus = self._costs.gpu, self._costs.gpus
        if not self._seconds:
            return
        hourly = gpu.dollars_per_hour if self._price is None else self._price
        assumed = f" (typical in {PRICED}; name yours with --price)" * (self._price is None)
        hours = self._seconds / HOUR * gpus
        amount = hours * hourly
        shown = f"about ${amount:,.{0 if amount >= 100 else 2}f}"
        unknown = "; what is not counted before it is read comes on top"
        yield (
            f"cost: {shown if amount >= 0.01 else 'less than $0.01'} for {_time(self._seconds)} of "
            f"{f'{gpus} GPUs' if gpus > 1 else 'one GPU'} at ${hourly:.2f} an hour"
            f"{' each' if gpus > 1 else ''}{assumed}"
            f"{unknown if self._costs.schedule.sizes.unknown else ''}"
        )


def _seen(seen: Shown, base: Known) -> str:
    side = base.preprocess.patch_size
    size = f"{seen.grid.w * side} × {seen.grid.h * side} pixels"
    what = f"{seen.frames} frames of {size}" if seen.video else size
    assumed = "" if seen.known else "; assumed, as large as the limits of `model` let them be"
    return f"{what}, {seen.tokens:,} visual tokens{assumed}"


def _memory(costs: Costs) -> str:
    parts = " + ".join(
        f"{name} {getattr(costs.memory, field) / 1e9:.3g}"
        for field, name in (
            ("weights", "weights"), ("masters", "float32 weights"), ("gradients", "gradients"),
            ("optimizer", "AdamW"), ("activations", "activations"), ("logits", "logits"),
        )
        if getattr(costs.memory, field)
    )
    return (
        f"memory of {'each' if costs.gpus > 1 else 'the'} GPU in training: about "
        f"{costs.memory.total / 1e9:.3g} GB ({parts})"
    )


def _too_much(recipe: Recipe, costs: Costs) -> Iterator[str]:
    memory: Memory = costs.memory
    needed = (memory.total + RESERVE) / 1e9
    if needed <= costs.gpu.gigabytes:
        return
    train = recipe.train
    ways = []
    if memory.activations + memory.logits > memory.total / 4:
        if not train.gradient_checkpointing:
            ways.append("train.gradient_checkpointing: true")
        if train.batch_size > 1:
            ways.append("a smaller train.batch_size and a larger train.accumulate")
    if train.method == "full":
        ways += ["more GPUs", "method: lora"]
    wide = memory.activations > memory.weights
    ways.append("fewer or smaller frames" if wide else "a larger GPU")
    yield (
        f"train: does not fit: it needs about {needed:,.3g} GB with what CUDA itself takes, and "
        f"the {costs.gpu.name} has {costs.gpu.gigabytes:g}; what helps: {', '.join(ways)}"
    )


def _idle(recipe: Recipe, costs: Costs) -> Iterator[str]:
    share, train = busy(recipe.train, costs.gpus), recipe.train
    if share < 1:
        passes = train.accumulate * train.devices
        yield (
            f"train: in training {costs.gpus} GPUs are idle for {1 - share:.0%} of the time: a "
            f"step is {passes} forward {'passes' if passes > 1 else 'pass'} of "
            f"{_samples(train.batch_size)}, which they take in turn; what helps: a smaller "
            "train.batch_size with a larger train.devices or train.accumulate"
        )


def _count(number: float) -> str:
    return f"{number / 1e9:.3g} billion" if number >= 1e9 else f"{number / 1e6:.3g} million"


def _samples(number: int) -> str:
    return f"{number:,} sample{'s' if number > 1 else ''}"


def rate(number: float) -> str:
    """A number of samples a second, to three digits or to the whole."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _flops(number: float) -> str:
    return f"{number / 1e15:,.3g} PFLOP" if number >= 1e15 else f"{number / 1e12:,.3g} TFLOP"


def _time(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.2g} µs"
    if seconds < 1:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 2 * HOUR:
        return f"{seconds / 60:.3g} min"
    if seconds < 2 * DAY:
        return f"{seconds / HOUR:.3g} h"
    return f"{seconds / DAY:,.3g} days"
