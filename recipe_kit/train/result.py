"""What the record says of a training."""

from collections.abc import Iterator
from typing import Any

from recipe_kit.record.schemas import TrainingResult
from recipe_kit.train.checkpoint import State
from recipe_kit.train.plan import Plan


def result_of(
    plan: Plan, state: State, *, stopped: str, best_step: int, **measured: Any
) -> TrainingResult:
    """What was done.

    Args:
        plan: What was to be done.
        state: Where the training ended.
        stopped: Why it did.
        best_step: Where the chosen checkpoint was saved.
        measured: Everything that neither the plan nor the state knows.
    """
    total = sum(plan.per_epoch.values())
    return TrainingResult(
        method=state.method,
        samples={name: len(members) for name, members in plan.sources.items()},
        drawn={name: count / total for name, count in plan.per_epoch.items()},
        questions=plan.questions_in_epoch(),
        steps=state.step,
        planned_steps=plan.steps,
        epochs=state.step / plan.steps_per_epoch,
        epoch_samples=total,
        stopped="; ".join([stopped, *_remarks(state)]),
        best_step=best_step,
        validations=tuple(
            v.model_copy(update={"best": v.step == best_step}) for v in state.validations
        ),
        seconds=state.seconds,
        triple=plan.triple(),
        skipped=state.skipped,
        bad_media=state.bad_media,
        micro_batch=state.micro_batch,
        **measured,
    )


def _remarks(state: State) -> Iterator[str]:
    """What a reader of the page should know of the steps."""
    if state.skipped:
        yield f"{state.skipped} of them skipped, without a usable gradient"
    if state.bad_media:
        times, files = sum(one.times for one in state.bad_media), len(state.bad_media)
        yield (
            f"{times} {'sample' if times == 1 else 'samples'} replaced, of "
            f"{files} {'file' if files == 1 else 'files'} that could not be read"
        )
    if state.micro_batch:
        yield f"at most {state.micro_batch} samples at once, as the memory had no room for more"
