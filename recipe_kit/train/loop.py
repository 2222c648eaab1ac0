"""Supervised fine-tuning: the loop, from the first step or from where a run was stopped.

Every process of a run is in the same place of it, and decides the same; the first one writes.
"""

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch

from recipe_kit.data.clip import ReadMedia
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.world import World
from recipe_kit.record.schemas import BadMedium, Sample, TrainingResult, Validation
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train import checkpoint
from recipe_kit.train.adapters import optimizer_groups
from recipe_kit.train.checkpoint import State, merged
from recipe_kit.train.feed import Feed, Window
from recipe_kit.train.gradient import AskedToStopError, TooLittleMemoryError, gradient
from recipe_kit.train.guard import BAD_STEPS, clear_memory_errors, diverged, fault
from recipe_kit.train.index import Index
from recipe_kit.train.interrupt import held_back, noted, stop_signals
from recipe_kit.train.log import Log, Step
from recipe_kit.train.loss import loss_sum, loss_weight
from recipe_kit.train.meter import Meter, peak_memory
from recipe_kit.train.parallel import place, together
from recipe_kit.train.plan import Plan, make_plan
from recipe_kit.train.result import result_of
from recipe_kit.train.schedule import Scores, best, learning_rate, plateaued

ALONE = World()


class Accuracy(NamedTuple):
    """Right answers among the validation questions."""

    value: float
    n: int


Validator = Callable[[LoadedModel], Accuracy]
"""Asks the model as it is now the validation questions, with the engine that evaluates."""

Progress = Callable[[Step | Validation], None]
"""Is told every step and every validation, to show them."""


def train(
    loaded: LoadedModel,
    recipe: Recipe,
    samples: Iterable[Sample] | Index,
    *,
    role: str,
    blend: Mapping[str, float],
    read_media: ReadMedia,
    folder: Path,
    validate: Validator | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
    keep_all: bool = False,
    world: World = ALONE,
) -> TrainingResult:
    """Fine-tune a model, going on from the newest checkpoint in `folder` if there is one.

    Ctrl-C saves a checkpoint and is raised again; of several processes, all save together after
    the step that they are in, and SIGTERM does the same.

    Args:
        loaded: The model. It is trained in place: load it anew for anything else.
        recipe: How it is trained, and what its tasks ask.
        samples: All samples, with their splits, or an index of them; the test split is not looked
            at.
        role: Name of this training in the record.
        blend: Weight of each source; in proportion to their sizes when empty.
        read_media: Reads the frames of a medium.
        folder: Gets `checkpoints/`, `log.jsonl` and `tensorboard/`.
        validate: Measures accuracy on `validation_questions`; without it nothing is validated, all
            steps are done, and the last checkpoint is the result. Of several processes, each calls
            it with the whole model, and what it returns on the first counts.
        progress: Is told every step and validation; on the first process only.
        note: Is told what a reader of the log should know.
        keep_all: Keep every checkpoint that is saved by plan, not only the best and the newest.
        world: The processes that train together; all of them call this, and see `folder`.

    Returns:
        What was done, on every process; `checkpoint` is relative to `folder`.

    Raises:
        TrainError: the loss is no number, the memory is not enough, there is nothing to train on,
            or a checkpoint in `folder` belongs to another model or training.
        DataError: a picture or a label is wrong.
        StorageError: the disk is full.
    """
    plan = make_plan(recipe, samples, blend)
    with clear_memory_errors():
        session = _Session(
            loaded, recipe, plan, read_media, folder, validate, progress, note, keep_all, world
        )
        return session.run(role)


class _Session:
    """One process's part of a training."""

    def __init__(
        self,
        loaded: LoadedModel,
        recipe: Recipe,
        plan: Plan,
        read_media: ReadMedia,
        folder: Path,
        validate: Validator | None,
        progress: Progress | None,
        note: Callable[[str], None],
        keep_all: bool,
        world: World,
    ) -> None:
        spec = recipe.train
        assert not hasattr(loaded.model, "peft_config"), "trained before: load the model anew"
        self._parameters = sum(value.numel() for value in loaded.model.parameters())
        self._spec, self._plan, self._folder, self._world = spec, plan, folder, world
        self._validator, self._note, self._keep_all = validate, note, keep_all
        self._progress = progress if world.first else None
        # A training of one pass meets each medium about once.
        again = recipe.evaluation.vision_cache_gb if plan.steps > plan.steps_per_epoch else 0
        self._weights = place(loaded, spec, world, again)
        self._optimizer = torch.optim.AdamW(
            list(optimizer_groups(self._weights.named, spec.weight_decay)),
            lr=spec.learning_rate,
            betas=spec.betas,
            fused=True if loaded.device.type == "cuda" else None,
        )
        self._revision = loaded.revision
        self._checkpoints = folder / "checkpoints"
        self._saved: Path | None = None
        self._state = self._resume()
        self._log = Log(folder, self._state.step, world)
        self._feed = Feed(
            self._weights.loaded, read_media, spec.augment, seed=spec.seed,
            system=recipe.evaluation.system_prompt, max_length=spec.max_length,
            workers=spec.workers, note=note,
        )
        self._bad = self._state.bad_media
        self._meter = Meter(self._weights.loaded, recipe)
        self._started = time.perf_counter() - self._state.seconds

    def run(self, role: str) -> TrainingResult:
        """Do what is left to do."""
        alone = self._world.size == 1
        try:
            with noted(*(() if alone else stop_signals())) as asked:
                try:
                    self._loop(asked)
                except AskedToStopError:
                    self._save()
                    raise KeyboardInterrupt from None
        except KeyboardInterrupt:
            # Of several processes, one that is stopped at once must not wait for the others.
            if alone:
                self._save()
            raise
        finally:
            self._log.close()
        return self._result(role)

    def _loop(self, asked: Callable[[], bool]) -> None:
        while True:
            with closing(self._windows()) as windows:
                if self._through(windows, asked):
                    return

    def _windows(self) -> Generator[Window, None, None]:
        return self._feed.windows(self._plan, self._state.step, self._cut, self._world)

    @property
    def _cut(self) -> int:
        """Samples in a forward pass."""
        return self._state.micro_batch or self._spec.batch_size

    def _through(self, windows: Iterator[Window], asked: Callable[[], bool]) -> bool:
        """Whether all steps are done; not when the rest is to be cut into smaller batches."""
        while True:
            self._validate_and_save()
            if self._stopped():
                return True
            started, seen = time.perf_counter(), self._weights.seen
            held = seen.hits if seen else 0
            with self._meter.waiting():
                window = next(windows)
            try:
                self._step(window, started, asked())
            except TooLittleMemoryError:
                self._halve()
                return False
            held = seen.hits - held if seen else 0
            self._meter.step(window, time.perf_counter() - started, held=held)

    def _validate_and_save(self) -> None:
        """What is due after the steps done so far; a resumed run does what it missed."""
        step = self._state.step
        if self._validation_due():
            self._validate()
            self._save()
        elif self._plan.save_due(step, self._spec.checkpoint_every):
            self._save()

    def _step(self, window: Window, started: float, stop: bool) -> None:
        spec, state = self._spec, self._state
        rate = learning_rate(
            state.step, self._plan.steps,
            peak=spec.learning_rate, warmup=spec.warmup, final=spec.final_learning_rate,
        )
        loss, norm = gradient(
            self._weights, spec, window, step=state.step, cut=self._cut, world=self._world,
            stop=stop,
        )
        skipped = fault(self._log.rows, loss, norm, spec.spike)
        # Of several processes, none is stopped in the middle of a step.
        with held_back() if self._world.size == 1 else nullcontext():
            if not skipped:
                for group in self._optimizer.param_groups:
                    group["lr"] = rate
                self._optimizer.step()
                self._weights.stepped()
            self._weights.clear()
            self._advance(not skipped)
            done = Step(
                step=state.step + 1,
                steps=self._plan.steps,
                epoch=(state.step + 1) / self._plan.steps_per_epoch,
                loss=None if skipped else loss,
                learning_rate=rate,
                gradient_norm=None if skipped else norm,
                samples_per_second=round(window.samples / (time.perf_counter() - started), 2),
                skipped=skipped,
                found=(loss, norm) if skipped == "spike" else None,
            )
            self._log.append(done)
        if self._progress:
            self._progress(done)
        if self._state.bad_in_a_row >= BAD_STEPS:
            raise diverged(skipped, self._state.step, spec.learning_rate, self._saved)

    def _advance(self, good: bool) -> None:
        state = self._state
        self._state = state.model_copy(update={
            "step": state.step + 1,
            "skipped": state.skipped + (not good),
            "bad_in_a_row": 0 if good else state.bad_in_a_row + 1,
        })

    def _halve(self) -> None:
        """Go on with half as many samples in a forward pass, and twice as many passes; once."""
        if self._state.micro_batch or self._spec.batch_size == 1:
            raise MemoryError
        half = self._spec.batch_size // 2
        self._state = self._state.model_copy(update={"micro_batch": half})
        self._note(
            f"the memory is not enough for train.batch_size {self._spec.batch_size}: from step "
            f"{self._state.step + 1} on, a forward pass takes {half}, and a step as many samples "
            "as before"
        )

    def _validation_due(self) -> bool:
        done = {validation.step for validation in self._state.validations}
        step = self._state.step
        return (
            self._validator is not None
            and self._plan.validation_due(step)
            and step not in done
        )

    def _validate(self) -> None:
        assert self._validator is not None
        state, plan = self._state, self._plan
        with self._weights.whole() as loaded:
            loaded.model.eval()
            # First, because it notices weights that are no numbers, which cannot answer anything.
            loss = self._validation_loss(loaded)
            accuracy = self._world.broadcast(self._validator(loaded))
        earlier = state.validations[-1].step if state.validations else 0
        found = Validation(
            step=state.step,
            epoch=state.step / plan.steps_per_epoch,
            train_loss=self._log.mean_loss(earlier, state.step),
            val_loss=loss,
            val_accuracy=accuracy.value,
            val_n=accuracy.n,
        )
        self._state = state.model_copy(update={"validations": (*state.validations, found)})
        self._log.scalars(
            state.step, {"val/loss": found.val_loss, "val/accuracy": found.val_accuracy}
        )
        if self._progress:
            self._progress(found)

    @torch.no_grad()
    def _validation_loss(self, loaded: LoadedModel) -> float:
        loss, weight = 0.0, 0
        for micro in self._feed.plain(self._plan.val, self._cut, self._world):
            loss += loss_sum(loaded, self._spec, micro, self._weights.seen).item()
            weight += loss_weight(self._spec, micro)
        parts = self._world.gather((loss, weight))
        loss, weight = sum(loss for loss, _ in parts), sum(weight for _, weight in parts)
        if not math.isfinite(loss):
            rate = self._spec.learning_rate
            raise diverged("no number", self._state.step, rate, self._saved)
        return loss / weight

    def _stopped(self) -> str:
        """Why the training has ended; empty while it goes on."""
        rule, plan = self._spec.validate_, self._plan
        if self._state.step >= plan.steps:
            return f"all {plan.steps} steps were done"
        if plateaued(self._scores(), patience=rule.patience, min_delta=rule.min_delta):
            return (
                f"stopped early: neither accuracy nor loss got better in {rule.patience} "
                "validations in a row"
            )
        return ""

    def _scores(self) -> list[Scores]:
        return [Scores(v.val_accuracy, v.val_loss) for v in self._state.validations]

    def _best_step(self) -> int:
        scores = self._scores()
        return self._state.validations[best(scores)].step if scores else self._state.step

    def _resume(self) -> State:
        found, state = together(self._world, self._find)
        if found is not None:
            checkpoint.restore(found, self._weights, self._optimizer, self._world)
        self._saved, self._written = found, state
        return state

    def _find(self) -> tuple[Path | None, State]:
        found = checkpoint.newest(self._checkpoints)
        if found is None:
            return None, State(
                model=self._revision, training=self._plan.digest, method=self._spec.method
            )
        return found, checkpoint.read_state(
            found, model=self._revision, training=self._plan.digest
        )

    def _save(self) -> None:
        """Save a checkpoint, unless the newest has this very state."""
        if not self._state.step or self._state == self._written:
            return
        seconds = time.perf_counter() - self._started
        bad = self._bad_media()
        self._state = self._state.model_copy(update={"seconds": seconds, "bad_media": bad})
        self._log.sync()
        self._saved = checkpoint.save(
            self._checkpoints, self._state, self._weights, self._optimizer, self._world
        )
        self._written = self._state
        if self._world.first:
            checkpoint.keep_only(self._checkpoints, self._kept())
            if self._keep_all:
                checkpoint.keep_weights(self._checkpoints, self._state.step)

    def _bad_media(self) -> tuple[BadMedium, ...]:
        """What all processes could not read, before and since the training was resumed."""
        found = self._world.gather(self._feed.bad)
        return merged(chain(self._bad, *found))

    def _kept(self) -> set[int]:
        """Steps whose checkpoints stay; one that Ctrl-C saved in between goes with the next."""
        kept = {self._best_step(), self._state.step}
        if self._keep_all:
            every = self._spec.checkpoint_every
            found = checkpoint.saved(self._checkpoints)
            kept |= {step for step in found if self._plan.save_due(step, every)}
        return kept

    def _result(self, role: str) -> TrainingResult:
        peak = max(self._world.gather(peak_memory(self._weights.loaded.device)))
        state = self._state.model_copy(update={"bad_media": self._bad_media()})
        best_step = self._best_step()
        chosen = checkpoint.place(self._checkpoints, best_step)
        return result_of(
            self._plan, state, stopped=self._stopped(), best_step=best_step,
            role=role,
            parameters=self._parameters,
            trainable_parameters=sum(value.numel() for _, value in self._weights.named),
            curve=self._log.curve(),
            peak_memory_bytes=peak,
            checkpoint=chosen.relative_to(self._folder).as_posix(),
            revision=together(self._world, lambda: checkpoint.revision(chosen)),
            performance=self._meter.performance(self._world),
        )
