"""What a run takes on a GPU: memory, time and money, predicted from FLOPs; imports no torch."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recipe_kit.model.checkpoint import find_checkpoint, load_preprocess, read_config
from recipe_kit.model.flops import Work, asking, training
from recipe_kit.model.gpus import Gpu
from recipe_kit.model.pixels import Preprocess
from recipe_kit.model.shape import Shape, published_shape, read_shape
from recipe_kit.run.expected import Shown, asked, lesson
from recipe_kit.run.forecast import Schedule, busy
from recipe_kit.run.memory import Memory, training_memory
from recipe_kit.run.plan import all_checkpoints, answered_pools, asked_blind, find_model
from recipe_kit.run.shown import limited
from recipe_kit.run.sizes import Split
from recipe_kit.spec.model import OtherModel
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.train import Augment

UTILIZATION = 0.4
"""Share of a GPU's peak that all its products together are assumed to reach, those of activations
that are computed again included."""
BANDWIDTH = 0.5
"""Share of its memory's bandwidth that is assumed while texts are written token by token: every
token reads all weights, and the keys and values of what stands before it."""

LAYER_SECONDS = 1e-3
"""That a layer takes at least, there and back: so long a CPU needs to name a GPU its kernels."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model without its weights."""

    shape: Shape
    preprocess: Preprocess
    published: bool
    """Whether the sizes are those published under its name, as it is not on this machine."""


def known(model: OtherModel, recipe: Recipe, recipe_dir: Path) -> Known:
    """The sizes of a model, and how it is shown pictures.

    Raises:
        ModelError: There is no such model, or it is not on this machine and not a well-known one.
    """
    base = find_model(model, recipe_dir)
    shape = None if Path(base).is_dir() else published_shape(base)
    if shape is not None:
        return Known(shape, limited(Preprocess(), recipe.model), True)
    folder = find_checkpoint(base, revision=model.revision, weights=False).folder
    shape = read_shape(read_config(folder))
    return Known(shape, limited(load_preprocess(folder), recipe.model), False)


@dataclass(frozen=True, slots=True)
class Asking:
    """Seconds that it takes to ask a model everything once."""

    reading: float = 0.0
    """Media and questions: all that goes through the model at once."""
    writing: float = 0.0
    """Texts, token by token."""

    @property
    def seconds(self) -> float:
        """Both."""
        return self.reading + self.writing

    def __add__(self, other: "Asking") -> "Asking":
        return Asking(self.reading + other.reading, self.writing + other.writing)

    def __mul__(self, times: float) -> "Asking":
        return Asking(self.reading * times, self.writing * times)


class Costs:
    """What a recipe takes on GPUs of one kind.

    Args:
        recipe: The recipe.
        schedule: Its steps and checkpoints, with the sizes of its sources.
        base: What is known of the model that is trained.
        gpu: The kind of GPU.
        gpus: How many.
    """

    def __init__(
        self, recipe: Recipe, schedule: Schedule, base: Known, gpu: Gpu, gpus: int = 1
    ) -> None:
        self.recipe, self.schedule, self.base = recipe, schedule, base
        self.gpu, self.gpus = gpu, gpus
        self._rate = gpu.tflops * 1e12 * gpus * UTILIZATION

    @property
    def frozen_tower(self) -> bool:
        """Whether the vision tower stays as it is, so that what it gives can be held."""
        train = self.recipe.train
        return not train.lora.vision if train.method == "lora" else train.freeze_vision

    @cached_property
    def lessons(self) -> dict[str, tuple[Shown, Work]]:
        """Of each source that is trained on: how it is shown, and a whole sample."""
        splits, blend = self.recipe.data.splits, self.recipe.train.blend
        names = [name for name in splits.train if not blend or blend.get(name)]
        return {name: lesson(self.recipe, name, self.base.preprocess) for name in names}

    @cached_property
    def memory(self) -> Memory:
        """Of each GPU, while it trains on the largest samples."""
        shape, train = self.base.shape, self.recipe.train
        works = [work for _, work in self.lessons.values()]
        largest = max(works, key=lambda work: training(shape, work, train).whole)
        return training_memory(shape, train, largest * train.batch_size, self.gpu, self.gpus)

    @cached_property
    def step_flops(self) -> float:
        """The model's own work of a step, on the mean over the training."""
        return self._step[0]

    @cached_property
    def step_seconds(self) -> float:
        """A step, with what is computed again, and while some GPUs have nothing to do."""
        train, shape = self.recipe.train, self.base.shape
        passes = math.ceil(self.schedule.per_step / (train.batch_size * self.gpus))
        least = passes * (shape.text.depth + shape.vision.depth) * LAYER_SECONDS
        return max(least, self._step[1] / (self._rate * busy(train, self.gpus)))

    @cached_property
    def _step(self) -> tuple[float, float]:
        shape, train = self.base.shape, self.recipe.train
        model = whole = 0.0
        for name, share in self._shares().items():
            seen, work = self.lessons[name]
            cost = training(shape, work, train)
            spared = (1 - self._encoded(name)) * asking(shape, seen.tower).forward
            model += share * (cost.model - spared)
            whole += share * (cost.whole - spared)
        return model * self.schedule.per_step, whole * self.schedule.per_step

    def _shares(self) -> dict[str, float]:
        """Share of the draws of each source."""
        blend = self.recipe.train.blend
        sizes = blend or self._samples("train")
        whole = sum(sizes.get(name, 0) for name in self.lessons)
        return {
            name: sizes.get(name, 0) / whole if whole else 1 / len(self.lessons)
            for name in self.lessons
        }

    def _samples(self, split: Split) -> dict[str, int]:
        found: dict[str, int] = {}
        for place, size in self.schedule.sizes.taken[split].items():
            name = place.split("/")[0]
            found[name] = found.get(name, 0) + size
        return found

    def _encoded(self, name: str) -> float:
        """How often the vision tower encodes a medium of a source, of the times it is drawn.

        Each GPU holds what it saw itself, and in every epoch other media come its way.
        """
        train = self.recipe.train
        media = self._samples("train").get(name, 0)
        drawn = self._shares()[name] * self.schedule.epoch_samples * train.epochs
        held = self.frozen_tower and train.augment == Augment() and train.epochs > 1
        if not held or not drawn * media:
            return 1.0
        room, passes = self._room(self.lessons[name][0], media), drawn / media
        encoded = sum(
            min(1.0, passes - done) * (1 - min(room, 1 - (1 - 1 / self.gpus) ** done))
            for done in range(math.ceil(passes))
        )
        return encoded / passes

    def _room(self, seen: Shown, media: int) -> float:
        """Share of media whose vision outputs one process has room to hold."""
        vision = self.base.shape.vision
        size = 2 * seen.tokens * vision.out * (1 + len(vision.deepstack))
        return min(1.0, self.recipe.evaluation.vision_cache_gb * 1e9 / (size * max(1, media)))

    def asking(self, model: Known, split: Split = "test", *, blind: bool = False,
               again: bool = False) -> Asking:
        """Asking a model all benchmarks.

        Args:
            model: The model.
            split: Of the samples: `val` for the benchmarks' twins on validation.
            blind: Only what is asked without pictures.
            again: The same tower has seen the media before.
        """
        found = Asking()
        limit = self.recipe.train.validate_.max_samples
        for name, benchmark in self.recipe.benchmarks.items():
            if blind and not asked_blind(self.recipe, name):
                continue
            if split == "val" and name in answered_pools(self.recipe):
                continue
            counts = self._samples("val" if split == "val" else benchmark.split)
            for source, count in counts.items():
                if source not in (benchmark.sources or (source,)):
                    continue
                media = min(count, limit or count) if split == "val" else count
                one = asked(self.recipe, benchmark, source, model.preprocess)
                # A process is asked about the same media again.
                held = min(1.0, self._room(one.shown, media) * self.gpus) if again else 0.0
                flops = asking(model.shape, one.rows).forward
                flops += round((1 - held) * asking(model.shape, one.shown.tower).forward)
                reading = media * flops / self._rate
                found += Asking(reading, self._writing(model.shape, one.shown, one.written, media))
        return found

    def _writing(self, shape: Shape, seen: Shown, written: tuple[int, ...], media: int) -> float:
        if not written or not media:
            return 0.0
        together = min(self.recipe.evaluation.batch_size, math.ceil(media / self.gpus))
        keys = 4 * shape.text.kv_heads * shape.text.head_size * shape.text.depth
        per_token = 2 * shape.text.parameters + together * seen.prefix * keys
        batches = media / (together * self.gpus)
        speed = self.gpu.gigabytes_per_second * 1e9 * BANDWIDTH
        return batches * max(written) * per_token / speed

    def validation(self) -> float:
        """Seconds of one validation: the loss, and the questions that are not texts, once more."""
        limit = self.recipe.train.validate_.max_samples
        found = 0.0
        for name, count in self._samples("val").items():
            _, work = lesson(self.recipe, name, self.base.preprocess)
            flops = asking(self.base.shape, work).forward
            found += 2 * min(count, limit or count) * flops / self._rate
        return found


def checkpoints_asked(recipe: Recipe, schedule: Schedule) -> int:
    """How many checkpoints are asked all benchmarks."""
    if not schedule.known:
        return 0
    return len(schedule.checkpoints) if all_checkpoints(recipe) else 1 + len(recipe.train.ablations)
