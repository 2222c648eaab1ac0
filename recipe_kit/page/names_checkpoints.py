"""The names of checkpoints' scores, of the best and the recommended one, and of a benchmark's pool.

A checkpoint stands where a model does: `av_vqa.ckpt_250.vqa.accuracy`.
"""

from collections.abc import Iterator

from recipe_kit.page import numbers
from recipe_kit.page.named import Entry, identifier, identifiers, of_difference, of_metric
from recipe_kit.record.schemas import BenchmarkFacts, CheckpointScores, Record, TaskScores


def checkpoint_role(step: int) -> str:
    """The name of a checkpoint amid a name: `ckpt_250`."""
    return f"ckpt_{step}"


def of_checkpoints(record: Record) -> Iterator[Entry]:
    """Scores of every checkpoint but the base model, which has names of its own."""
    yield "checkpoints", sum(one.step > 0 for one in record.checkpoints), (
        "checkpoints that were evaluated"
    )
    for one in record.checkpoints:
        if one.step:
            yield from _of_checkpoint(record, one)
    for best in record.best:
        path = f"best.{best.benchmark}.{best.task}.{best.metric}"
        what = f"highest {numbers.in_a_sentence(best.metric)} of {best.task} over all checkpoints"
        yield path, best.value, what
        yield f"{path}.step", best.steps[0], f"step of the {what}; the first where several tie"
        yield from of_difference(f"{path}.change", best.difference, f"zero-shot to the {what}")
    if record.recommendation is not None:
        yield "recommended.step", record.recommendation.step, "step of the recommended checkpoint"
        yield "recommended.split", record.recommendation.split, "split that it was chosen on"
        yield "recommended.rule", record.recommendation.rule, "rule that it was chosen by"


def _of_checkpoint(record: Record, one: CheckpointScores) -> Iterator[Entry]:
    role = checkpoint_role(one.step)
    for benchmark, tasks in one.test.items():
        primary = record.benchmarks[benchmark].primary
        for task, found in tasks.items():
            what = f"{task} at step {one.step}"
            for path in (f"{benchmark}.{role}.{task}",
                         *([f"{benchmark}.{role}"] if task == primary else [])):
                for name, metric in found.metrics.items():
                    yield from of_metric(f"{path}.{name}", name, metric,
                                         f"{numbers.title(name)} of {what}")
                parts = identifiers(found.categories)
                for category, metric in found.categories.items():
                    yield from of_metric(
                        f"{path}.category.{parts[category]}.accuracy", "accuracy", metric,
                        f"Accuracy of {what}, category {category}",
                    )
            for name, difference in found.against_base.items():
                yield from of_difference(
                    f"{benchmark}.{role}_change.{task}.{name}", difference,
                    f"change of {numbers.title(name)} of {what}",
                )


def of_per_video(path: str, scores: TaskScores, what: str) -> Iterator[Entry]:
    """Accuracy of each video by itself, where it is asked several questions."""
    if scores.per_video is not None:
        yield f"{path}.per_video.mean", scores.per_video.mean, f"mean accuracy per video: {what}"
        yield f"{path}.per_video.sd", scores.per_video.sd, (
            f"standard deviation of the accuracy per video: {what}"
        )
        yield f"{path}.per_video.videos", scores.per_video.videos, f"videos: {what}"


def of_construction(name: str, facts: BenchmarkFacts) -> Iterator[Entry]:
    """How a benchmark was made from its pool: `av_vqa.pool.corrected`."""
    built = facts.construction
    if built is None:
        return
    path = f"{name}.pool"
    yield f"{path}.questions", sum(built.categories.values()), "questions in the pool"
    for category, count in built.categories.items():
        yield f"{path}.categories.{identifier(category)}", count, (
            f"questions in the pool, category {category}"
        )
    for part, what in (
        ("required", "required questions of each video"),
        ("sampled", "questions drawn for each video"),
        ("videos", "videos that are asked about"),
        ("drawn", "question–answer pairs before anything was checked"),
        ("agreed", "pairs that both answerers agreed on"),
        ("contradictions", "pairs that they contradicted each other in"),
        ("kept", "contradictions where the annotations' answer was kept"),
        ("corrected", "contradictions that were corrected"),
        ("removed", "pairs that were removed"),
        ("undecided", "contradictions that nobody has decided"),
    ):
        yield f"{path}.{part}", getattr(built, part), what
