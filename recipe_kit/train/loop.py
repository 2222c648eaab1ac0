"""Supervised fine-tuning: the loop, from the first step or from where a run was stopped."""

import math
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from recipe_kit.data.clip import ReadMedia
from recipe_kit.errors import TrainError
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.memory import is_memory_error
from recipe_kit.record.schemas import Sample, TrainingResult, Validation
from recipe_kit.spec.recipe import Recipe
from recipe_kit.train import checkpoint
from recipe_kit.train.adapters import optimizer_groups, prepare, trainable
from recipe_kit.train.checkpoint import State
from recipe_kit.train.feed import Feed, MicroBatch
from recipe_kit.train.interrupt import held_back
from recipe_kit.train.log import Log, Step
from recipe_kit.train.loss import loss_sum, loss_weight
from recipe_kit.train.plan import Plan, make_plan
from recipe_kit.train.schedule import Scores, best, learning_rate, plateaued

BAD_STEPS = 3
"""So many steps in a row without a usable gradient end the training."""


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
    samples: Iterable[Sample],
    *,
    role: str,
    blend: Mapping[str, float],
    read_media: ReadMedia,
    folder: Path,
    validate: Validator | None = None,
    progress: Progress | None = None,
    keep_all: bool = False,
) -> TrainingResult:
    """Fine-tune a model, going on from the newest checkpoint in `folder` if there is one.

    Ctrl-C saves a checkpoint and is raised again.

    Args:
        loaded: The model. It is trained in place: load it anew for anything else.
        recipe: How it is trained, and what its tasks ask.
        samples: All samples, with their splits; the test split is not looked at.
        role: Name of this training in the record.
        blend: Weight of each source; in proportion to their sizes when empty.
        read_media: Reads the frames of a medium.
        folder: Gets `checkpoints/`, `log.jsonl` and `tensorboard/`.
        validate: Measures accuracy on `validation_questions`; without it nothing is validated, all
            steps are done, and the last checkpoint is the result.
        progress: Is told every step and validation.
        keep_all: Keep every checkpoint that is saved by plan, not only the best and the newest.

    Returns:
        What was done; `checkpoint` is relative to `folder`.

    Raises:
        TrainError: the loss is no number, the memory is not enough, there is nothing to train on,
            or a checkpoint in `folder` belongs to another model or training.
        DataError: a picture or a label is wrong.
        StorageError: the disk is full.
    """
    plan = make_plan(recipe, samples, blend)
    with _clear_memory_errors():
        session = _Session(
            loaded, recipe, plan, read_media, folder, validate, progress, keep_all
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
        keep_all: bool,
    ) -> None:
        spec = recipe.train
        assert not hasattr(loaded.model, "peft_config"), "trained before: load the model anew"
        self._parameters = sum(value.numel() for value in loaded.model.parameters())
        loaded = replace(loaded, model=prepare(loaded.model, spec))
        self._loaded, self._spec, self._plan, self._folder = loaded, spec, plan, folder
        self._validator, self._progress, self._keep_all = validate, progress, keep_all
        named = trainable(loaded.model)
        self._trainable = [value for _, value in named]
        self._optimizer = torch.optim.AdamW(
            list(optimizer_groups(named, spec.weight_decay)),
            lr=spec.learning_rate,
            betas=spec.betas,
        )
        self._checkpoints = folder / "checkpoints"
        self._saved: Path | None = None
        self._state = self._resume()
        self._log = Log(folder, self._state.step)
        self._feed = Feed(
            loaded, read_media, spec.augment, seed=spec.seed,
            system=recipe.evaluation.system_prompt, max_length=spec.max_length,
        )
        self._started = time.perf_counter() - self._state.seconds

    def run(self, role: str) -> TrainingResult:
        """Do what is left to do."""
        try:
            self._loop()
        except KeyboardInterrupt:
            self._save()
            raise
        finally:
            self._log.close()
        return self._result(role)

    def _loop(self) -> None:
        spec, plan = self._spec, self._plan
        with closing(self._feed.windows(plan, self._state.step, spec.batch_size)) as windows:
            while True:
                self._validate_and_save()
                if self._stopped():
                    return
                started = time.perf_counter()
                self._step(next(windows), started)

    def _validate_and_save(self) -> None:
        """What is due after the steps done so far; a resumed run does what it missed."""
        step = self._state.step
        if self._validation_due():
            self._validate()
            self._save()
        elif self._plan.save_due(step, self._spec.checkpoint_every) and not self._is_saved(step):
            self._save()

    def _is_saved(self, step: int) -> bool:
        return self._saved is not None and self._saved == checkpoint.place(self._checkpoints, step)

    def _step(self, window: list[MicroBatch], started: float) -> None:
        spec, state, model = self._spec, self._state, self._loaded.model
        rate = learning_rate(
            state.step, self._plan.steps,
            peak=spec.learning_rate, warmup=spec.warmup, final=spec.final_learning_rate,
        )
        model.train()
        weight = sum(loss_weight(spec, micro) for micro in window)
        total = torch.zeros((), device=self._loaded.device)
        for number, micro in enumerate(window):
            # Dropout follows from the step alone, so a resumed run repeats it exactly.
            torch.manual_seed(_dropout_seed(spec.seed, state.step, number))
            # The mean is over the whole window, so how it is cut into batches does not matter.
            loss = loss_sum(self._loaded, spec, micro) / weight
            loss.backward()  # type: ignore[no-untyped-call] # torch ships it without types
            total += loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(self._trainable, spec.clip)
        good = bool(torch.isfinite(total) & torch.isfinite(norm))
        with held_back():
            if good:
                for group in self._optimizer.param_groups:
                    group["lr"] = rate
                self._optimizer.step()
            self._optimizer.zero_grad()
            self._advance(good)
            done = Step(
                step=state.step + 1,
                steps=self._plan.steps,
                epoch=(state.step + 1) / self._plan.steps_per_epoch,
                loss=total.item() if good else None,
                learning_rate=rate,
                gradient_norm=norm.item() if good else None,
                samples_per_second=round(
                    sum(micro.samples for micro in window) / (time.perf_counter() - started), 2
                ),
            )
            self._log.append(done)
        if self._progress:
            self._progress(done)
        if self._state.bad_in_a_row >= BAD_STEPS:
            raise self._diverged()

    def _advance(self, good: bool) -> None:
        state = self._state
        self._state = state.model_copy(update={
            "step": state.step + 1,
            "skipped": state.skipped + (not good),
            "bad_in_a_row": 0 if good else state.bad_in_a_row + 1,
        })

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
        self._loaded.model.eval()
        # First, because it notices weights that are no numbers, which cannot answer anything.
        loss = self._validation_loss()
        accuracy = self._validator(self._loaded)
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
    def _validation_loss(self) -> float:
        loss, weight = 0.0, 0
        for micro in self._feed.plain(self._plan.val, self._spec.batch_size):
            loss += loss_sum(self._loaded, self._spec, micro).item()
            weight += loss_weight(self._spec, micro)
        if not math.isfinite(loss):
            raise self._diverged()
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
        found = checkpoint.newest(self._checkpoints)
        if found is None:
            return State(
                model=self._loaded.revision, training=self._plan.digest, method=self._spec.method
            )
        state = checkpoint.read_state(
            found, model=self._loaded.revision, training=self._plan.digest
        )
        checkpoint.restore(found, self._loaded, self._optimizer)
        self._saved = found
        return state

    def _save(self) -> None:
        if not self._state.step:
            return
        seconds = time.perf_counter() - self._started
        self._state = self._state.model_copy(update={"seconds": seconds})
        self._log.sync()
        self._saved = checkpoint.save(
            self._checkpoints, self._state, self._loaded, self._optimizer
        )
        checkpoint.keep_only(self._checkpoints, self._kept())
        if self._keep_all:
            checkpoint.keep_weights(self._checkpoints, self._state.step)

    def _kept(self) -> set[int]:
        """Steps whose checkpoints stay; one that Ctrl-C saved in between goes with the next."""
        kept = {self._best_step(), self._state.step}
        if self._keep_all:
            every = self._spec.checkpoint_every
            found = checkpoint.saved(self._checkpoints)
            kept |= {step for step in found if self._plan.save_due(step, every)}
        return kept

    def _diverged(self) -> TrainError:
        last = f"the last good checkpoint is {self._saved}" if self._saved else "no checkpoint yet"
        return TrainError(
            f"the loss is no number at step {self._state.step}; {last}",
            where="train.learning_rate",
            fix=f"Lower it: it is {self._spec.learning_rate:g}; try a third of that.",
        )

    def _result(self, role: str) -> TrainingResult:
        state, plan, chosen = self._state, self._plan, self._best_step()
        folder = checkpoint.place(self._checkpoints, chosen)
        total = sum(plan.per_epoch.values())
        return TrainingResult(
            role=role,
            method=self._spec.method,
            parameters=self._parameters,
            trainable_parameters=sum(value.numel() for value in self._trainable),
            samples={name: len(members) for name, members in plan.sources.items()},
            drawn={name: count / total for name, count in plan.per_epoch.items()},
            questions=plan.questions_in_epoch(),
            steps=state.step,
            planned_steps=plan.steps,
            epochs=state.step / plan.steps_per_epoch,
            epoch_samples=total,
            stopped=self._stopped() + (
                f"; {state.skipped} of them skipped, without a usable gradient"
                if state.skipped else ""
            ),
            best_step=chosen,
            validations=tuple(
                v.model_copy(update={"best": v.step == chosen}) for v in state.validations
            ),
            curve=self._log.curve(),
            seconds=state.seconds,
            peak_memory_bytes=_peak_memory(self._loaded.device),
            checkpoint=folder.relative_to(self._folder).as_posix(),
            revision=checkpoint.revision(folder),
            triple=plan.triple(),
        )


def _dropout_seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def _clear_memory_errors() -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
        raise TrainError(
            "the memory is not enough for this training",
            where="train.batch_size",
            fix="Make train.batch_size smaller and train.accumulate larger by the same factor, "
            "set train.gradient_checkpointing: true, or make model.max_pixels smaller.",
        ) from error
