"""The log of a training: one JSON line for each step, and TensorBoard's files if it is there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from recipe_kit.model.world import World
from recipe_kit.record.files import Appender, write_atomic
from recipe_kit.record.schemas import LossPoint

MOST_POINTS = 400


class Step(NamedTuple):
    """One optimizer step, as it is logged and shown."""

    step: int
    """Counted from 1."""
    steps: int
    """Planned altogether."""
    epoch: float
    loss: float | None
    """None when the step was skipped."""
    learning_rate: float
    gradient_norm: float | None
    """Before clipping."""
    samples_per_second: float
    skipped: str = ""
    """Why the step was: "no number" or "spike"."""
    found: tuple[float, float] | None = None
    """Loss and gradient norm of a spike, with which later steps are compared."""


class Log:
    """Appends to `log.jsonl`; opened again after `step`, it forgets what came later.

    Args:
        folder: Where `log.jsonl` and `tensorboard/` are.
        step: Steps done when it is opened.
        world: The processes that train; the first one writes, and the others know the same rows.

    Raises:
        StorageError: the disk is full or cannot be written to.
    """

    def __init__(
        self, folder: Path, step: int, world: World = World()  # noqa: B008 # it is frozen
    ) -> None:
        self._file: Appender | None = None
        self._board: Any = None
        self.rows: list[dict[str, Any]] = []
        if world.first:
            path = folder / "log.jsonl"
            self.rows = [row for row in _read(path) if row["step"] <= step]
            write_atomic(path, "".join(json.dumps(row) + "\n" for row in self.rows))
            self._file = Appender(path)
            self._board = _tensorboard(folder / "tensorboard", step)
        self.rows = world.broadcast(self.rows)

    def append(self, step: Step) -> None:
        """Logs one step."""
        row = step._asdict()
        if not step.skipped:
            del row["skipped"]
        if step.found is None:
            del row["found"]
        self.rows.append(row)
        if self._file is not None:
            self._file.append(row)
        self.scalars(
            step.step,
            {"train/loss": step.loss, "train/learning_rate": step.learning_rate,
             "train/gradient_norm": step.gradient_norm},
        )

    def scalars(self, step: int, values: dict[str, float | None]) -> None:
        """Shows numbers in TensorBoard."""
        for name, value in values.items():
            if self._board is not None and value is not None:
                self._board.add_scalar(name, value, step)

    def sync(self) -> None:
        """Makes sure that everything is on disk."""
        if self._file is not None:
            self._file.sync()

    def close(self) -> None:
        """Closes the files."""
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()

    def mean_loss(self, after: int, up_to: int) -> float:
        """Mean loss of the steps in between; 0 when all of them were skipped."""
        losses = [
            row["loss"] for row in self.rows
            if after < row["step"] <= up_to and row["loss"] is not None
        ]
        return sum(losses) / len(losses) if losses else 0.0

    def curve(self) -> tuple[LossPoint, ...]:
        """The training curve; of a long training, means over runs of equal length."""
        rows = [row for row in self.rows if row["loss"] is not None]
        width = -(-len(rows) // MOST_POINTS) or 1
        runs = (rows[start : start + width] for start in range(0, len(rows), width))
        return tuple(
            LossPoint(
                step=run[-1]["step"],
                loss=sum(row["loss"] for row in run) / len(run),
                learning_rate=run[-1]["learning_rate"],
            )
            for run in runs
        )


def _read(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_bytes().split(b"\n"):
        try:
            yield json.loads(line)
        except ValueError:
            # Empty, or what a killed process left of its last line.
            return


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    writer: Any = SummaryWriter
    return writer(str(folder), purge_step=step + 1)
