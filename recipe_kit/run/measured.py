"""What was measured of a training, beside what `recipe plan` predicts of it."""

from collections.abc import Mapping
from pathlib import Path

from recipe_kit.model.gpus import gpu_called
from recipe_kit.record.schemas import Performance
from recipe_kit.run.budget import rate
from recipe_kit.run.costs import Costs, known
from recipe_kit.run.forecast import Schedule
from recipe_kit.run.sizes import sizes
from recipe_kit.spec.recipe import Recipe


def with_prediction(
    performance: Performance | None, recipe: Recipe, recipe_dir: Path, blend: Mapping[str, float]
) -> Performance | None:
    """The same with the time of as many steps, and the memory, that `recipe plan` predicts.

    Nothing is predicted of a GPU that the table does not know, nor of a CPU.

    Args:
        performance: What was measured, if anything was.
        recipe: The recipe.
        recipe_dir: Its folder.
        blend: Source weights of this training.
    """
    gpu = gpu_called(performance.gpu) if performance else None
    if performance is None or gpu is None:
        return performance
    train = recipe.train.model_copy(update={"blend": dict(blend)})
    recipe = recipe.model_copy(update={"train": train})
    schedule = Schedule(recipe, sizes(recipe, recipe_dir))
    base = known(recipe.model, recipe, recipe_dir)
    costs = Costs(recipe, schedule, base, gpu, performance.devices)
    return performance.model_copy(update={
        "predicted_seconds": costs.step_seconds * performance.steps,
        "predicted_memory_bytes": costs.memory.total,
    })


def told(performance: Performance) -> str:
    """One line about a training: what was measured, and how it compares with the prediction."""
    parts = [
        f"{rate(performance.samples_per_second)} samples/s",
        f"{performance.tokens_per_second:,.0f} tokens/s",
        f"data wait {performance.data_wait:.1%}",
    ]
    if performance.utilization is not None:
        parts.append(f"utilization {performance.utilization:.1%}")
    parts.append(f"memory {performance.peak_memory_bytes / 1e9:,.3g} GB")
    line = ", ".join(parts)
    if not performance.predicted_seconds or not performance.predicted_memory_bytes:
        return line
    return (
        f"{line}; {performance.seconds / performance.predicted_seconds:.2f} times the predicted "
        f"time, {performance.peak_memory_bytes / performance.predicted_memory_bytes:.2f} times the "
        "predicted memory"
    )
