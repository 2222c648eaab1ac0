"""Which engine asks a model."""

import numpy as np

from recipe_kit.data.clip import Clip
from recipe_kit.engine.base import Engine
from recipe_kit.engine.local import LocalEngine
from recipe_kit.engine.showing import GRAY
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.seen import GIGABYTE, Seen
from recipe_kit.run.job import Job
from recipe_kit.spec.model import OtherModel


def loaded_for(job: Job, model: OtherModel) -> LoadedModel | None:
    """The model in memory; None where a server has it.

    Raises:
        ModelError: The model cannot be found or loaded.
    """
    return None if model.endpoint else job.load(model)


def engine_for(
    job: Job, model: OtherModel, *, loaded: LoadedModel | None = None, blank: bool = False,
    text_only: bool = False,
) -> Engine:
    """The engine that asks a model.

    Args:
        job: The run.
        model: The model, as the spec names it.
        loaded: The model in memory, if it is there already; loaded when not given.
        blank: Show blanked pictures, to see what the words alone give.
        text_only: Ask without the media; a model in this process sees a small gray picture.

    Raises:
        ModelError: The model cannot be found or loaded, or its server's key is not set.
    """
    if model.endpoint:
        from recipe_kit.engine.endpoint import EndpointEngine  # only where a server is asked

        return EndpointEngine(
            model, job.recipe.evaluation, job.read_media, job.media_path,
            resume=job.layout.run_command(job.layout.overrides), blank=blank,
            text_only=text_only,
        )
    read_media = _nothing if text_only else job.read_media
    return LocalEngine(
        loaded or job.load(model), job.recipe.evaluation, read_media, blank=blank,
        seen=None if text_only else _seen(job, model),
    )


def _seen(job: Job, model: OtherModel) -> Seen | None:
    """What the model's vision tower saw, as far as anything is asked about it again."""
    if job.seen and model is job.recipe.model:
        return job.seen
    # Its tower is its own: only a further benchmark may show it the same media.
    left = job.seen_gigabytes - (job.seen.bytes / GIGABYTE if job.seen else 0)
    return Seen(left) if left > 0 and len(job.recipe.benchmarks) > 1 else None


def _nothing(source: str, media: str) -> Clip:
    return Clip(np.full((1, 32, 32, 3), GRAY, np.uint8))
