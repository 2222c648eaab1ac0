"""Which engine asks a model."""

from recipe_kit.engine.base import Engine
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.load import LoadedModel
from recipe_kit.run.job import Job
from recipe_kit.spec.model import OtherModel


def loaded_for(job: Job, model: OtherModel) -> LoadedModel | None:
    """The model in memory; None where a server has it.

    Raises:
        ModelError: The model cannot be found or loaded.
    """
    return None if model.endpoint else job.load(model)


def engine_for(
    job: Job, model: OtherModel, *, loaded: LoadedModel | None = None, blank: bool = False
) -> Engine:
    """The engine that asks a model.

    Args:
        job: The run.
        model: The model, as the spec names it.
        loaded: The model in memory, if it is there already; loaded when not given.
        blank: Show blanked pictures, to see what the words alone give.

    Raises:
        ModelError: The model cannot be found or loaded, or its server's key is not set.
    """
    if model.endpoint:
        from recipe_kit.engine.endpoint import EndpointEngine  # only where a server is asked

        return EndpointEngine(
            model, job.recipe.evaluation, job.read_media, job.media_path,
            resume=job.layout.run_command(job.layout.overrides), blank=blank,
        )
    return LocalEngine(
        loaded or job.load(model), job.recipe.evaluation, job.read_media, blank=blank
    )
