"""Pictures and questions of training, read ahead and batched for each process."""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain, islice, tee
from typing import NamedTuple, TypeVar

import torch

from recipe_kit.data.ahead import THREADS, ahead, early
from recipe_kit.data.clip import ReadMedia
from recipe_kit.errors import DataError, TrainError
from recipe_kit.model.batch import Batch, collate
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.pixels import Grid
from recipe_kit.model.world import World
from recipe_kit.record.schemas import BadMedium
from recipe_kit.spec.train import Augment
from recipe_kit.train.examples import Example
from recipe_kit.train.plan import Item, Plan
from recipe_kit.train.reading import Reader, Ready, Unreadable
from recipe_kit.train.workers import read, readers

T = TypeVar("T")

ALONE = World()

MOST_BAD, BAD_SHARE = 10, 0.01
"""More media than this, and than this share of the samples drawn, must not be unreadable. However
often one of them is drawn, it counts once: a single bad clip ends no training, long as it may be.
"""

MOST_TRIES = 100
"""So many samples in a row that cannot be read are no accident: a source has hardly any other."""


@dataclass(frozen=True)
class MicroBatch:
    """What goes through the model at once."""

    pixels_ND: torch.Tensor
    """Patches of all media, uint8; pinned where they go to a GPU."""
    grids: tuple[Grid, ...]
    batch: Batch
    samples: int
    keys: tuple[str, ...]
    """Source and path of each medium."""

    @property
    def tokens(self) -> int:
        """Answer tokens, which the loss is the mean over."""
        return len(self.batch.answer_ids_P)

    @property
    def answers(self) -> int:
        """Answers that they belong to."""
        return int(self.batch.answer_rows_P.bincount().count_nonzero())

    @property
    def tokens_in(self) -> int:
        """Tokens that go through the model, what several questions share once and pads never."""
        shared = {start: length for start, length, _, _ in self.batch.spans_B4.tolist() if length}
        return int(sum(shared.values()) + self.batch.spans_B4[:, 3].sum())


class Window(NamedTuple):
    """The batches of one optimizer step."""

    batches: list[MicroBatch]
    """Those of this process, in order."""
    rounds: int
    """Batches of the process that has most of them."""
    samples: int
    """Of all processes."""


class _Share(NamedTuple):
    """What one process does of a step."""

    cuts: list[list[Item]]
    rounds: int
    samples: int


class _Made(NamedTuple):
    window: Window
    bad: list[tuple[Item, DataError]]
    """What could not be read for it."""


class Feed:
    """Turns examples into batches for one model.

    Args:
        loaded: The model, for its tokenizer and its picture settings.
        read_media: Reads the frames of a medium.
        augment: Random changes to training pictures.
        seed: Of those changes.
        system: System prompt.
        max_length: Longest example, in tokens; any length when not given.
        workers: Processes that read training examples; threads of this one when 0.
        note: Is told of every medium that cannot be read, once.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        read_media: ReadMedia,
        augment: Augment,
        *,
        seed: int,
        system: str | None,
        max_length: int | None = None,
        workers: int = 0,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._loaded, self._workers, self._note = loaded, workers, note
        self._reader = Reader(
            loaded.tokenizer, loaded.preprocess, read_media, augment, seed, system, max_length
        )
        self._bad: dict[str, BadMedium] = {}
        self._drawn = 0
        self._failed: set[str] = set()

    @property
    def bad(self) -> list[BadMedium]:
        """Media of the windows so far that this process could not read."""
        return list(self._bad.values())

    def windows(
        self, plan: Plan, start: int, batch_size: int, world: World = ALONE
    ) -> Generator[Window, None, None]:
        """The batches of each optimizer step from `start` on; the next one is made meanwhile.

        How a step is cut into batches does not depend on the number of processes, which take them
        in turn. Where a medium cannot be read, another sample of its source stands in for it, the
        same on any number of processes.

        Raises:
            DataError: more than a few media cannot be read, or an example is too long.
            TrainError: a process that reads ahead has died.
        """
        pool = self._pool()

        def stop() -> None:
            pool.shutdown(wait=False, cancel_futures=True)

        made = self._made(plan, start, batch_size, world, pool)
        with pool, _death(), closing(early(made, depth=1, stop=stop)) as ready:
            for window, bad in ready:
                for item, error in bad:
                    self._count(item, error)
                yield window

    def plain(
        self, examples: Iterable[Example], batch_size: int, world: World = ALONE
    ) -> Iterator[MicroBatch]:
        """Batches of examples as they are; of several processes, each makes its share.

        Raises:
            DataError: a medium cannot be read, or an example is too long.
        """
        mine = chain.from_iterable(_cuts(examples, batch_size, world))
        here, there = tee(mine)
        with closing(ahead(self._reader.plain, there, depth=2 * batch_size)) as ready:
            members = zip(here, ready, strict=True)
            while batch := list(islice(members, batch_size)):
                yield self._batch([example for example, _ in batch], [one for _, one in batch])

    def _pool(self) -> Executor:
        if self._workers:
            return readers(self._reader, self._workers)
        return ThreadPoolExecutor(THREADS, thread_name_prefix="ahead")

    def _made(
        self, plan: Plan, start: int, batch_size: int, world: World, pool: Executor
    ) -> Iterator[_Made]:
        here, there = tee(_shares(plan, start, batch_size, world))
        items = (item for share in there for cut in share.cuts for item in cut)
        one = read if self._workers else self._reader.training
        depth = 2 * max(batch_size, self._workers or THREADS)
        with closing(ahead(one, items, depth=depth, pool=pool)) as ready:
            for share in here:
                bad: list[tuple[Item, DataError]] = []
                batches = []
                for cut in share.cuts:
                    pairs = [self._replaced(plan, item, next(ready), bad) for item in cut]
                    batches.append(self._batch([item.example for item, _ in pairs],
                                               [found for _, found in pairs]))
                yield _Made(Window(batches, share.rounds, share.samples), bad)

    def _replaced(
        self, plan: Plan, item: Item, found: Ready | Unreadable,
        bad: list[tuple[Item, DataError]],
    ) -> tuple[Item, Ready]:
        """The sample that was drawn, or the first readable one of those that stand in for it."""
        drawn, attempt = item, 0
        self._drawn += 1
        while isinstance(found, Unreadable):
            bad.append((item, found.error))
            self._failed.add(_key(item.example))
            many = len(self._failed) > max(MOST_BAD, BAD_SHARE * self._drawn)
            if many or attempt == MOST_TRIES:
                raise found.error
            item = plan.instead(drawn, attempt)
            attempt += 1
            found = self._reader.training(item)
        return item, found

    def _count(self, item: Item, error: DataError) -> None:
        sample = item.example.sample
        key = _key(item.example)
        if key in self._bad:
            known = self._bad[key]
            self._bad[key] = known.model_copy(update={"times": known.times + 1})
            return
        reason = error.what
        self._bad[key] = BadMedium(source=sample.source, media=sample.media, reason=reason)
        self._note(f"{key}: {reason}; another sample of its source is trained on in its place")

    def _batch(self, examples: Sequence[Example], members: Sequence[Ready]) -> MicroBatch:
        encoded = [question for member in members for question in member.questions]
        media = [index for index, member in enumerate(members) for _ in member.questions]
        return MicroBatch(
            pixels_ND=self._joined([torch.as_tensor(member.pixels_ND) for member in members]),
            grids=tuple(member.medium.grid for member in members),
            batch=collate(encoded, self._loaded.pad_id, media=media),
            samples=len(members),
            keys=tuple(map(_key, examples)),
        )

    def _joined(self, parts: list[torch.Tensor]) -> torch.Tensor:
        """Patches in memory that a GPU can read while this process goes on."""
        device = self._loaded.device
        gpu = device.type == "cuda"
        # A thread begins on the first GPU, whichever one this process has.
        with torch.cuda.device(device) if gpu else nullcontext():
            shape = sum(len(part) for part in parts), parts[0].shape[1]
            joined = torch.empty(shape, dtype=torch.uint8, pin_memory=gpu)
        return torch.cat(parts, out=joined)


def _key(example: Example) -> str:
    return f"{example.sample.source}/{example.sample.media}"


def _shares(plan: Plan, start: int, batch_size: int, world: World) -> Iterator[_Share]:
    """The items of each step from `start` on that a process is to read."""
    for step in range(start, plan.steps):
        items = plan.items(step)
        rounds = math.ceil(math.ceil(len(items) / batch_size) / world.size)
        yield _Share(list(_cuts(items, batch_size, world)), rounds, len(items))


def _cuts(items: Iterable[T], batch_size: int, world: World) -> Iterator[list[T]]:
    """Every batch that is this process's turn."""
    rest = iter(items)
    cuts = iter(lambda: list(islice(rest, batch_size)), [])
    return islice(cuts, world.rank, None, world.size)


@contextmanager
def _death() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise TrainError(
            "a process that reads media ahead of the training has died; most often the machine's "
            "memory was not enough",
            where="train.workers",
            fix="Make it smaller (0 reads with threads), then run the command again; it goes on "
            "where it stopped.",
        ) from error
