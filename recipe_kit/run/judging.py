"""Has open answers judged as they come, before they are logged."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from recipe_kit.model.judges import find_judge
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.run.job import Job
from recipe_kit.spec.tasks import OpenTask

if TYPE_CHECKING:
    from recipe_kit.engine.judge import Judge


def judged(
    job: Job, questions: Sequence[Question], predictions: Iterable[Prediction]
) -> Iterator[Prediction]:
    """The predictions, those of open tasks with what their judge says.

    Raises:
        ModelError: A judge cannot be found or loaded.
    """
    asked = {question.id: question for question in questions}
    for prediction in predictions:
        question = asked[prediction.question]
        task = job.recipe.tasks[question.task]
        if isinstance(task, OpenTask):
            yield _judged(_judge(job, task), question, prediction)
        else:
            yield prediction


def _judged(judge: "Judge", question: Question, prediction: Prediction) -> Prediction:
    references = (question.reference, *question.more_references)
    (logit,) = judge.logits([question.bare], [references], [prediction.answer or ""])
    return prediction.model_copy(update={"judged": logit, "judge": judge.title})


def _judge(job: Job, task: OpenTask) -> "Judge":
    return _loaded(
        task.judge,
        # A hub's branch may move while the run goes on; a folder has only what is in it.
        job.plan.revisions[task.judge, task.judge_revision],
        job.layout.recipe_path.parent,
        job.device,
    )


# Every benchmark, checkpoint and model has its answers judged by the same one.
@lru_cache(maxsize=1)
def _loaded(name: str, revision: str, recipe_dir: Path, device: str) -> "Judge":
    from recipe_kit.engine.judge import Judge

    return Judge(find_judge(name, revision=revision, recipe_dir=recipe_dir), device=device)
