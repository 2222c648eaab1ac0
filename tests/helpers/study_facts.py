"""What was measured of data, benchmarks and training in the study of `study_cases`."""

from typing import Any

from recipe_kit.record import schemas
from recipe_kit.spec.recipe import Recipe

STEPS = (20, 40, 60, 80, 100)
VIDEOS = 100


def _construction() -> schemas.Construction:
    return schemas.Construction(
        pool="driving", pool_digest="cc" * 32,
        categories={"Scene Description": 13, "Key Objects": 10, "Actions & Motion": 8,
                    "Ego Vehicle Behavior": 7, "Characters & Interactions": 6,
                    "Spatial & Temporal": 6},
        required=6, sampled=6, seed=0, videos=VIDEOS, drawn=1215, text="reader-7b",
        vision="viewer-7b", agreed=1150, contradictions=65, kept=30, corrected=20, removed=15,
        questions=1200, review_digest="dd" * 32,
    )


def benchmarks(of: Recipe) -> dict[str, schemas.BenchmarkFacts]:
    asked = {"av_vqa": (1200, VIDEOS), "av_caption": (VIDEOS, VIDEOS), "lingoqa": (500, 100)}
    return {
        name: schemas.BenchmarkFacts(
            name=name, digest="ee" * 32, questions=asked[name][0], samples=asked[name][1],
            tasks=spec.tasks, primary=spec.tasks[0],
            prompts={task: of.tasks[task].prompt for task in spec.tasks},
            construction=_construction() if spec.pool else None, frozen="ff" * 32,
        )
        for name, spec in of.benchmarks.items()
    }


def _source(**settings: Any) -> schemas.SourceFacts:
    return schemas.SourceFacts(**{
        "kind": "annotations", "media_type": "video", "encodings": {"H.264": 10},
        "labels": {}, "annotation": "annotated videos", **settings,
    })


def data_facts() -> schemas.DataFacts:
    return schemas.DataFacts(
        sources={
            "drive": _source(
                samples=800, resolutions={"1936×1220": 800}, bytes=13_600_000_000,
                splits={"train": 720, "val": 80}, fps={"30": 800}, seconds=(5.0, 12.4, 20.0),
                parts={"cv_annotated": 500, "human_annotated": 200, "reason1_sft": 100},
                weights={"cv_annotated": 0.3, "human_annotated": 0.5, "reason1_sft": 0.2},
                formats={"cv_annotated": "cv", "human_annotated": "human",
                         "reason1_sft": "reasoning"}, license="CC BY 4.0",
            ),
            "eval": _source(
                samples=VIDEOS, resolutions={"1936×1220": VIDEOS}, bytes=1_700_000_000,
                splits={"test": VIDEOS}, fps={"30": VIDEOS}, seconds=(30.0, 30.0, 30.0),
                parts={"human_annotated": VIDEOS}, formats={"human_annotated": "human"},
            ),
            "lingoqa": _source(
                kind="questions", samples=500, resolutions={"640×360": 500}, bytes=50_000_000,
                splits={"test": 500}, seconds=(4.0, 4.0, 4.0), fps={"1": 500},
            ),
        },
        splits={"train": 720, "val": 80, "test": 600},
        audit=schemas.AuditResult(near_duplicate_distance=2, balance={}, majority={}),
        digest="da7a" * 16,
    )


def training() -> schemas.TrainingResult:
    lines = zip(STEPS, (1.9, 1.4, 1.2, 1.1, 1.0), (1.7, 1.5, 1.4, 1.42, 1.6),
                (0.55, 0.66, 0.70, 0.69, 0.63), strict=True)
    return schemas.TrainingResult(
        role="tuned", method="full", parameters=5_800_000, trainable_parameters=5_800_000,
        samples={"drive/cv_annotated": 450, "drive/human_annotated": 180,
                 "drive/reason1_sft": 90},
        drawn={"drive/cv_annotated": 0.3, "drive/human_annotated": 0.5,
               "drive/reason1_sft": 0.2},
        questions=4320, steps=100, planned_steps=113, epochs=2.2, stopped="patience ran out",
        best_step=60,
        validations=tuple(
            schemas.Validation(step=s, epoch=s / 45, train_loss=t, val_loss=v, val_accuracy=a,
                               val_n=480, best=s == 60) for s, t, v, a in lines
        ),
        curve=tuple(
            schemas.LossPoint(step=s, loss=1 + 1.5 / (1 + s / 10), learning_rate=2e-4)
            for s in range(1, 101, 3)
        ),
        seconds=331.0, peak_memory_bytes=1_900_000_000, revision="ab12" * 16,
        triple={"image_path": "videos/0.mp4", "prompt": "Describe the drive.", "target": "Dry."},
    )
