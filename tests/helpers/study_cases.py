"""A record of a study of many checkpoints, made by hand: videos, pools, text tasks, two models."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from study_facts import STEPS, VIDEOS, benchmarks, data_facts, training

from recipe_kit.data.worlds.driving.clip import write_clip
from recipe_kit.record import schemas
from recipe_kit.record.schemas import CheckpointTask, Difference, Metric, Record, TaskScores
from recipe_kit.spec.load import load_recipe
from recipe_kit.spec.recipe import Recipe

TIME = "2026-01-02T03:04:05Z"
# Category → answers, then accuracy of the base model, of the other model, and of each checkpoint.
CATEGORIES = {
    "Actions & Motion": (200, 0.50, 0.40, (0.56, 0.66, 0.70, 0.69, 0.62)),
    "Ego Vehicle Behavior": (180, 0.46, 0.41, (0.55, 0.70, 0.74, 0.73, 0.66)),
    "Key Objects": (240, 0.62, 0.55, (0.66, 0.74, 0.77, 0.76, 0.70)),
    "Scene Description": (320, 0.66, 0.52, (0.70, 0.80, 0.85, 0.84, 0.77)),
    "Spatial & Temporal": (140, 0.38, 0.35, (0.36, 0.41, 0.44, 0.43, 0.30)),
    "Characters & Interactions": (120, 0.70, 0.60, (0.72, 0.75, 0.80, 0.78, 0.71)),
}
BLEU = (0.113, 0.101, (0.118, 0.142, 0.139, 0.142, 0.140))
LINGO = (0.412, 0.430, (0.430, 0.440, 0.428, 0.436, 0.422))


def study(*overrides: str) -> Recipe:
    """The recipe of the study."""
    return load_recipe(Path(__file__).parent / "study.yaml", overrides)


def share(value: float, n: int) -> Metric:
    """A share with an interval about as wide as Wilson's."""
    half = 1.96 * math.sqrt(value * (1 - value) / n)
    return Metric(value=value, n=n, low=value - half, high=value + half,
                  method="bootstrap by group")


def bleu(value: float) -> Metric:
    """A BLEU of a hundred captions."""
    return Metric(value=value, n=VIDEOS, low=value - 0.009, high=value + 0.009,
                  method="bootstrap by group")


def difference(metric: str, before: float, after: float, n: int, half: float) -> Difference:
    """A difference whose interval has this half width."""
    change = after - before
    return Difference(
        metric=metric, before=before, after=after, difference=change, low=change - half,
        high=change + half, n=n, better=None if abs(change) <= half else change > 0,
        method="paired bootstrap by group",
    )


def mcq(rates: dict[str, float]) -> tuple[Metric, dict[str, Metric]]:
    """Accuracy over all categories, and of each."""
    counts = {name: row[0] for name, row in CATEGORIES.items()}
    overall = sum(rates[name] * n for name, n in counts.items()) / sum(counts.values())
    return (
        share(overall, sum(counts.values())),
        {name: share(rates[name], n) for name, n in counts.items()},
    )


def _rates(at: int) -> dict[str, float]:
    """Accuracies of the base model (0), the other model (-1), or the checkpoint at - 1."""
    return {
        name: row[1] if at == 0 else row[2] if at < 0 else row[3][at - 1]
        for name, row in CATEGORIES.items()
    }


def _text(at: int, row: tuple[float, float, tuple[float, ...]]) -> float:
    return row[0] if at == 0 else row[1] if at < 0 else row[2][at - 1]


def scores(at: int) -> dict[str, dict[str, TaskScores]]:
    """Scores of one model on every benchmark."""
    overall, categories = mcq(_rates(at))
    none = schemas.Confusion(labels=(), columns=(), counts=())
    letters = schemas.Confusion(
        labels=("A", "B"), columns=("A", "B"), counts=((300, 300), (300, 300))
    )
    return {
        "av_vqa": {"vqa": TaskScores(
            task="vqa", task_type="choice", n=overall.n,
            metrics={"accuracy": overall, "unparseable": share(0.0, overall.n)},
            confusion=letters,
            slices={"category": {name: {"accuracy": one} for name, one in categories.items()}},
            baselines={
                "chance": Metric(value=0.25, n=overall.n, low=0.226, high=0.275),
                "blind": share(0.34, overall.n),
            },
            answerable_blind=True,
            per_video=schemas.PerVideo(mean=(overall.value or 0) - 0.001, sd=0.126,
                                       videos=VIDEOS),
        )},
        "av_caption": {"caption": TaskScores(
            task="caption", task_type="caption", n=VIDEOS, confusion=none,
            metrics={"bleu": bleu(_text(at, BLEU))},
            signature="nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.5.1",
        )},
        "lingoqa": {"lingo": TaskScores(
            task="lingo", task_type="open", n=500, confusion=none,
            metrics={"lingo_judge": share(_text(at, LINGO), 500), "bleu": bleu(0.05)},
            judge="example/judge, revision 0123abcd",
        )},
    }


def checkpoint(at: int) -> dict[str, dict[str, CheckpointTask]]:
    """What a checkpoint scores, with differences from the base model."""
    found, base = scores(at), scores(0)
    return {
        benchmark: {
            task: CheckpointTask(
                metrics=dict(one.metrics),
                categories={
                    name: metrics["accuracy"]
                    for name, metrics in one.slices.get("category", {}).items()
                },
                against_base={
                    name: difference(name, base[benchmark][task].metrics[name].value or 0,
                                     metric.value or 0, metric.n,
                                     0.012 if name == "bleu" else 0.02)
                    for name, metric in one.metrics.items() if at
                },
            )
            for task, one in tasks.items()
        }
        for benchmark, tasks in found.items()
    }


def _evaluations(roles: dict[str, int]) -> tuple[schemas.EvaluationResult, ...]:
    return tuple(
        schemas.EvaluationResult(
            benchmark=benchmark, role=role, model="tiny", revision="9f2c" * 16,
            questions_digest="aa" * 32, predictions_digest="bb" * 32,
            predictions=f"{role}/{benchmark}.jsonl", seconds=41.0, tasks=tasks,
        )
        for role, at in roles.items()
        for benchmark, tasks in scores(at).items()
    )


def _comparisons(at: int) -> tuple[schemas.Comparison, ...]:
    before, after = scores(0), scores(at)
    found = []
    for benchmark, tasks in after.items():
        compared = {}
        for task, one in tasks.items():
            base = before[benchmark][task]
            compared[task] = schemas.TaskComparison(
                task=task, fixed=240, broken=60, both_right=600, both_wrong=300, mcnemar_p=1e-9,
                differences={
                    name: difference(name, base.metrics[name].value or 0, metric.value or 0,
                                     metric.n, 0.012 if name == "bleu" else 0.02)
                    for name, metric in one.metrics.items()
                },
                slices={
                    kind: {
                        value: difference(
                            "accuracy", base.slices[kind][value]["accuracy"].value or 0,
                            metrics["accuracy"].value or 0, metrics["accuracy"].n, 0.07)
                        for value, metrics in values.items()
                    }
                    for kind, values in one.slices.items()
                },
            )
        found.append(schemas.Comparison(
            benchmark=benchmark, before="base", after="tuned", tasks=compared,
            checkpoints=len(STEPS),
        ))
    return tuple(found)


def _best() -> tuple[schemas.BestCheckpoint, ...]:
    accuracy = [mcq(_rates(at))[0].value or 0 for at in range(1, 6)]
    base = mcq(_rates(0))[0].value or 0
    return (
        schemas.BestCheckpoint(
            benchmark="av_vqa", task="vqa", metric="accuracy", steps=(60,), value=accuracy[2],
            base=base, difference=difference("accuracy", base, accuracy[2], 1200, 0.02)),
        schemas.BestCheckpoint(
            benchmark="av_caption", task="caption", metric="bleu", steps=(40, 80), value=0.142,
            base=0.113, difference=difference("bleu", 0.113, 0.142, VIDEOS, 0.012)),
        schemas.BestCheckpoint(
            benchmark="lingoqa", task="lingo", metric="lingo_judge", steps=(40,), value=0.44,
            base=0.412, difference=difference("lingo_judge", 0.412, 0.44, 500, 0.04)),
    )


def _overfitting() -> tuple[schemas.Overfitting, ...]:
    best, last = (mcq(_rates(at))[0].value or 0 for at in (3, 5))
    return (
        schemas.Overfitting(
            benchmark="av_vqa", task="vqa", metric="accuracy", split="test", best_step=60,
            last_step=100, significant=True,
            difference=difference("accuracy", best, last, 1200, 0.02)),
        schemas.Overfitting(
            benchmark="lingoqa", task="lingo", metric="lingo_judge", split="test", best_step=40,
            last_step=100, significant=False,
            difference=difference("lingo_judge", 0.44, 0.422, 500, 0.04)),
    )


def _recommendation() -> schemas.Recommendation:
    names = ("av_vqa.vqa.accuracy", "av_caption.caption.bleu", "lingoqa.lingo.lingo_judge")
    return schemas.Recommendation(
        step=60, split="val",
        rule="Among the checkpoints that lie within one standard error of the best in every "
        "metric, the one with the largest mean gain",
        candidates=tuple(
            schemas.Candidate(step=step, balance=balance, eligible=step == 60,
                              within_one_se=dict.fromkeys(names, step in (60, 80)))
            for step, balance in zip((0, *STEPS), (0.0, 1.1, 3.0, 3.4, 3.3, 2.0), strict=True)
        ),
    )


def _choice() -> schemas.ModelChoice:
    base, other = (mcq(_rates(at))[0].value or 0 for at in (0, -1))
    return schemas.ModelChoice(
        chosen="base",
        ranking={"av_vqa.vqa.accuracy": ("base", "compare-small"),
                 "av_caption.caption.bleu": ("base", "compare-small"),
                 "lingoqa.lingo.lingo_judge": ("compare-small", "base")},
        differences={
            "av_vqa.vqa.accuracy": {
                "compare-small": difference("accuracy", other, base, 1200, 0.03)},
        },
        reasons=("It leads the multiple-choice benchmark by 8.2 points, beyond noise.",),
    )


def _examples(*, tuned: bool) -> tuple[schemas.Example, ...]:
    reference = "The ego vehicle drives straight on a wet two-lane road and stops behind a bus."
    caption = schemas.Example(
        kind="higher" if tuned else "lowest", question="av_caption/caption/eval/clip-1",
        media="clip-1.jpg", video="clip-1.mp4", prompt="Describe the drive.",
        reference=reference, references=(reference,), source="eval",
        before="The ego vehicle drives straight. It is sunny.", before_answer="x",
        before_score=0.08,
        after="The ego vehicle drives straight on a wet road and stops behind a truck."
        if tuned else None, after_answer="x" if tuned else None,
        after_score=0.43 if tuned else None,
    )
    question = schemas.Example(
        kind="sample", question="av_vqa/vqa/eval/clip-2/lead_behavior",
        media="clip-2.jpg", video="clip-2.mp4",
        prompt="What does the vehicle ahead do?\nA. stops\nB. turns\nC. speeds up\nD. parks",
        reference="A", category="Actions & Motion", source="eval",
    )
    shown = schemas.Example(
        kind="fixed" if tuned else "wrong in both",
        question="av_vqa/vqa/eval/clip-3/weather", media="clip-3.jpg", video="clip-3.mp4",
        prompt="What is the weather?\nA. rain\nB. snow\nC. fog\nD. clear", reference="B",
        category="Scene Description", source="eval", before="A", before_answer="A",
        before_confidence=0.61, after="B" if tuned else None,
        after_answer="B" if tuned else None, after_confidence=0.93 if tuned else None,
    )
    spoken = schemas.Example(
        kind="fixed" if tuned else "wrong in both", question="lingoqa/lingo/lingoqa/7",
        media="clip-4.jpg", prompt="Why does the car stop?", reference="For a light.",
        references=("For a light.", "The light is red."), source="lingoqa",
        before="It is parked.", before_answer="It is parked.", before_score=0.02,
        after="The light is red." if tuned else None,
        after_answer="The light is red." if tuned else None,
        after_score=1.0 if tuned else None,
    )
    return (caption, question, shown, spoken)


def _annotations() -> tuple[schemas.AnnotationExample, ...]:
    kinds = (("human_annotated", "human"), ("cv_annotated", "cv"), ("reason1_sft", "reasoning"))
    said = {
        "human": {"weather": "Rain", "driving_difficulty": 2, "interesting": None},
        "cv": {"final_content": {"ego_behavior_schema": {"difficulty_score": 3}}},
        "reasoning": {"response": "<think>It rains.</think>\n```\n{{ 7*7 }}"},
    }
    return tuple(
        schemas.AnnotationExample.model_validate({
            "source": "drive", "part": part, "format": kind, "sample": f"drive/{part}/0",
            "video": f"{part}.mp4", "annotation": json.dumps(said[kind], indent=4),
            "prompt": "Describe the drive.", "target": "It rains.",
        })
        for part, kind in kinds
    )


def study_record(of: Recipe, *, tuned: bool = True, **update: Any) -> Record:
    """A record of the study.

    Args:
        of: From `study`.
        tuned: Whether anything was trained.
        update: Fields of the record that differ.
    """
    roles = {"base": 0, "compare-small": -1} | ({"tuned": 3} if tuned else {})
    accuracy = mcq(_rates(0))[0]
    facts = schemas.ModelFacts(
        name="tiny", title="recipe_kit tiny", revision="9f2c" * 16, parameters=5_800_000,
        architecture="Qwen3VLForConditionalGeneration", license="Apache-2.0", embedded=True,
    )
    found = Record(
        slug="study", title=of.title, recipe="study.yaml", spec_digest="5b1e" * 16,
        spec=of.model_dump(mode="json", by_alias=True, exclude={"prose"}),
        provenance=schemas.Provenance(
            recipe_kit="0.3.0", python="3.11.9", platform="Linux x86_64",
            packages={"torch": "2.13.0", "transformers": "5.23.0"}, device="2-core CPU",
            started=TIME, finished=TIME,
        ),
        stages=tuple(
            schemas.StageEntry(name=stage, fingerprint="c0ffee" * 10, seconds=12.4, finished=TIME)
            for stage in ("data", "zero-shot", "gate", "train", "re-evaluation", "comparison")
        ),
        model=facts,
        models={"compare-small": facts.model_copy(update={
            "name": "example/small-2b", "title": "Small-2B", "embedded": False})},
        data=data_facts(),
        benchmarks=benchmarks(of),
        gate=schemas.GateResult(
            benchmark="av_vqa", enough=False, decide_by="score",
            targets=(schemas.TargetResult(
                task="vqa", metric="accuracy", comparison="at least", threshold=0.9,
                score=accuracy, met=False),),
        ),
        evaluations=_evaluations(roles),
        comparisons=_comparisons(3) if tuned else (),
        training=(training(),) if tuned else (),
        examples=_examples(tuned=tuned),
        gaps=tuple(
            schemas.Gap(
                benchmark="av_vqa", task="vqa", dimension="category", value=name,
                metric=share(rate, n), bar="overall", threshold=accuracy.value or 0,
                shortfall=(accuracy.value or 0) - rate, sure=sure,
            )
            for name, n, rate, sure in (("Spatial & Temporal", 140, 0.38, True),
                                        ("Ego Vehicle Behavior", 180, 0.46, False))
        ),
        model_choice=_choice(),
        checkpoints=tuple(
            schemas.CheckpointScores(
                step=step, epoch=step / 45, samples_seen=step * 16, revision="ab" * 32,
                test=checkpoint(at))
            for at, step in enumerate((0, *STEPS))
        ) if tuned else (),
        best=_best() if tuned else (),
        overfitting=_overfitting() if tuned else (),
        recommendation=_recommendation() if tuned else None,
        annotations=_annotations() if tuned else (),
        training_grid="training-grid.mp4" if tuned else "",
    )
    return found.model_copy(update=update)


def study_media(record: Record, folder: Path) -> Path:
    """Short clips and pictures for everything the page of the study shows."""
    folder.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(0, 255, 128, dtype=np.uint8)
    names = [one.video for one in (*record.annotations, *record.examples)]
    for at, name in enumerate(dict.fromkeys(filter(None, [*names, record.training_grid]))):
        frames = np.zeros((8, 96, 128, 3), np.uint8)
        for frame in range(8):
            frames[frame] = np.roll(ramp, 12 * frame)[None, :, None]
        frames[..., at % 3] = 90
        write_clip(folder / name, frames, fps=4)
    for name in dict.fromkeys(one.media for one in record.examples):
        Image.new("RGB", (160, 120), "#557799").save(folder / name)
    return folder
