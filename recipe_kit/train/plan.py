"""What a training will do, before it does it."""

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recipe_kit.errors import TrainError
from recipe_kit.record.files import digest
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.base import settled
from recipe_kit.spec.data import part_shares
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train.examples import Example, training_places, validation_places
from recipe_kit.train.index import Examples, Index, Ints, said
from recipe_kit.train.order import TABLE, counts, draw, members


class Item(NamedTuple):
    """One example at its place in the training."""

    example: Example
    epoch: int
    position: int
    """Place in the epoch."""
    source: str
    """As `Plan.sources` names it."""


@dataclass(frozen=True)
class Plan:
    """Samples, steps and the digest that a checkpoint of this training carries."""

    sources: dict[str, Examples]
    """By source, or by source and subdirectory: `drive/human_annotated`."""
    val: Examples
    per_epoch: dict[str, int]
    """Samples that an epoch takes from each of them."""
    per_step: int
    steps_per_epoch: int
    steps: int
    validate_every: int
    seed: int
    digest: str
    """Of everything in the recipe and the samples that changes what is trained."""

    def items(self, step: int) -> list[Item]:
        """The samples of one optimizer step, counted from 0; the last of an epoch has fewer."""
        epoch, within = divmod(step, self.steps_per_epoch)
        start = within * self.per_step
        return [
            Item(self.sources[name][index], epoch, start + place, name)
            for place, (name, index) in enumerate(self._order(epoch, start, self.per_step))
        ]

    def instead(self, item: Item, attempt: int) -> Item:
        """A sample of the same source that stands in for one that cannot be read.

        Args:
            item: What cannot be read.
            attempt: How many others could not be read either.
        """
        parts = self.seed, zlib.crc32(item.source.encode()), item.epoch, item.position, attempt
        members = self.sources[item.source]
        index = int(np.random.default_rng(parts).integers(len(members)))
        return item._replace(example=members[index])

    def validation_due(self, step: int) -> bool:
        """Whether to validate after so many steps."""
        return bool(self.val) and step > 0 and (
            step % self.validate_every == 0 or step == self.steps
        )

    def save_due(self, step: int, every: int | None) -> bool:
        """Whether a checkpoint is saved after so many steps, by plan.

        Args:
            step: Steps done.
            every: Also save every so many steps.
        """
        return step > 0 and (
            self.validation_due(step) or step == self.steps
            or (every is not None and step % every == 0)
        )

    def questions_in_epoch(self) -> int:
        """Training questions in the first epoch."""
        drawn = members(self._sizes, self.per_epoch, epoch=0, seed=self.seed)
        return sum(self.sources[name].questions(indices) for name, indices in drawn)

    def triple(self) -> dict[str, str]:
        """The first training example in the form of a JSON triple, for the page."""
        ((name, index),) = self._order(0, 0, 1)
        example = self.sources[name][index]
        prompt, target = example.pairs[0]
        kind = example.sample.media_type
        return {f"{kind}_path": example.sample.media, "prompt": prompt, "target": target}

    @property
    def _sizes(self) -> dict[str, int]:
        return {name: len(own) for name, own in self.sources.items()}

    def _order(self, epoch: int, start: int, count: int) -> list[tuple[str, int]]:
        return draw(
            self._sizes, self.per_epoch, epoch=epoch, seed=self.seed,
            start=start, stop=start + count,
        )


def make_plan(
    recipe: Recipe, samples: Iterable[Sample] | Index, blend: Mapping[str, float]
) -> Plan:
    """Lay out a training.

    An epoch has as many samples as there are training samples in all sources (or
    `train.max_samples`), whatever the blend: so trainings with another blend take as many steps.

    Args:
        recipe: The recipe.
        samples: All samples, with their splits, or an index of them.
        blend: Weight of each source; in proportion to their sizes when empty.

    Raises:
        TrainError: there is nothing to train on, or nothing of a subdirectory that has a weight.
        DataError: a label's value is none its task knows.
    """
    spec = recipe.train
    index = samples if isinstance(samples, Index) else Index.of(recipe, samples)
    chosen, val = training_rows(recipe, index, blend), validation_rows(recipe, index)
    mine = np.zeros(len(index), bool)
    mine[chosen] = True
    sources = {
        f"{name}/{part}" if part else name: Examples(index, np.flatnonzero(
            mine & index.where("source", name) & index.where("part", part)
        ))
        for name in blend or recipe.data.sources
        for part in part_shares(recipe.data.sources[name]) or ("",)
    }
    everything = int((index.where("split", "train") & (index.questions > 0)).sum())
    total = min(everything, spec.max_samples or everything)
    per_step = spec.batch_size * spec.accumulate * spec.devices
    steps_per_epoch = max(1, math.ceil(total / per_step))
    sizes = {name: len(own) for name, own in sources.items()}
    every = spec.validate_.every
    return Plan(
        sources=sources,
        val=Examples(index, val),
        per_epoch=counts(sizes, _weights(recipe, blend, sizes), total),
        per_step=per_step,
        steps_per_epoch=steps_per_epoch,
        steps=max(1, round(spec.epochs * steps_per_epoch)),
        validate_every=steps_per_epoch if every == "epoch" else every,
        seed=spec.seed,
        digest=_digest(
            recipe, blend, index, np.concatenate([chosen, val]),
            many=max(total, *sizes.values()) > TABLE,
        ),
    )


def training_rows(recipe: Recipe, index: Index, blend: Mapping[str, float]) -> Ints:
    """Rows of what is trained on: at most `train.max_samples` of the sources in the blend."""
    mine = index.where("split", "train")
    if blend:
        weighted = [index.where("source", name) for name, weight in blend.items() if weight > 0]
        mine &= np.logical_or.reduce([np.zeros(len(index), bool), *weighted])
    return _teaching(index, mine, training_places(recipe, int(mine.sum())))


def validation_rows(recipe: Recipe, index: Index) -> Ints:
    """Rows of what checkpoints are chosen on: at most `train.validate.max_samples`."""
    mine = index.where("split", "val")
    return _teaching(index, mine, validation_places(recipe, int(mine.sum())))


def _teaching(index: Index, mine: npt.NDArray[np.bool_], places: Sequence[int]) -> Ints:
    rows = np.flatnonzero(mine)[np.asarray(places, np.int64)]
    return rows[index.questions[rows] > 0]


def _weights(
    recipe: Recipe, blend: Mapping[str, float], sizes: Mapping[str, int]
) -> dict[str, float]:
    """The weight of each source in an epoch, its subdirectories' shares of it where it has some."""
    members: Counter[str] = Counter()
    for key, size in sizes.items():
        members[key.partition("/")[0]] += size
    weights = {}
    for key, size in sizes.items():
        name, _, part = key.partition("/")
        whole = blend[name] if blend else float(members[name])
        weights[key] = whole * part_shares(recipe.data.sources[name]).get(part, 1.0)
        if part and weights[key] > 0 and not size:
            raise TrainError(
                f"the subdirectory '{part}' has a weight but no training samples",
                where=f"data.sources.{name}.weights",
                fix="Give the source a larger share in data.splits.train (and room in "
                f"train.max_samples), or take '{part}' out of its subdirectories.",
            )
    return weights if any(weights.values()) else {}


def _digest(
    recipe: Recipe, blend: Mapping[str, float], index: Index, used: Ints, *, many: bool
) -> str:
    # How often the state is saved, and what would be too long, change nothing that is learned.
    spec = settled(
        recipe.train, "devices", "loss_per", "spike",
        exclude={"ablations", "blend", "checkpoint_every", "max_length", "workers"},
    )
    parts = {name: shares for name, source in recipe.data.sources.items()
             if (shares := part_shares(source))}
    return digest({
        "train": spec,
        "blend": dict(blend),
        **({"parts": parts} if parts else {}),
        "pixels": [recipe.model.min_pixels, recipe.model.max_pixels],
        # Of many, the digests that the index holds; of few, as checkpoints of before have it.
        "samples": [len(used), index.digest(used)] if many
        else [said(example) for example in Examples(index, used)],
    })
