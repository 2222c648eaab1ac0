"""Records for the page's tests: the real recipes, questions and scores; simulated answers."""

import hashlib
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from PIL import Image

from recipe_kit.benchmark.questions import build
from recipe_kit.data.worlds import draw
from recipe_kit.record import schemas
from recipe_kit.record.schemas import Prediction, Question, Record, Sample
from recipe_kit.score.asked import Asked
from recipe_kit.score.outcome import outcome
from recipe_kit.spec.load import load_recipe
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.worlds import FloorsKnobs, TabletopKnobs

ROOT = Path(__file__).parents[2]
TIME = "2026-01-02T03:04:05Z"

# Share of right answers by role and category. The tuned model is worse on ambiguous pictures.
SKILL = {
    "base": {"hazard": 0.70, "safe": 0.72, "ambiguous": 0.66},
    "tuned": {"hazard": 0.97, "safe": 0.99, "ambiguous": 0.52},
    "synthetic_only": {"hazard": 0.85, "safe": 0.88, "ambiguous": 0.6},
    "good": {"hazard": 0.97, "safe": 0.98, "ambiguous": 0.93},
    "bad": {"hazard": 0.4, "safe": 0.4, "ambiguous": 0.4},
    "coin": {"far": 0.55, "near": 0.42},
    "taught": {"far": 0.98, "near": 0.9},
    "blind": {"far": 0.5, "near": 0.5},
    "cheat": {"far": 0.7, "near": 0.7},
}


def recipe(name: str = "floor-crack", *overrides: str) -> Recipe:
    """A recipe of the project."""
    path = ROOT / "recipes" / f"{name}.yaml"
    return load_recipe(path, ("evaluation.bootstrap=100", *overrides))


def make_samples(of: Recipe, count: int) -> tuple[Sample, ...]:
    """Samples with labels, without pictures."""
    rng = random.Random(5)
    found = []
    names = [name for name in of.data.sources if name in of.data.splits.test]
    for at in range(count):
        source = names[at % len(names)]
        cracked = rng.random() < 0.5
        severity = rng.choice([2, 3, 4, 5]) if cracked else 1
        sharp = "hazard" if cracked else "safe"
        labels = {"cracked": "cracked" if cracked else "not cracked", "severity": severity,
                  "safe": "No" if severity > 2 else "Yes"}
        if source == "concrete":
            del labels["severity"]
        found.append(Sample(
            id=f"{source}/{at:05d}.png", source=source, media=f"images/{at:05d}.png",
            sha256=hashlib.sha256(str(at).encode()).hexdigest(), labels=labels,
            category=rng.choice([sharp, sharp, "ambiguous"]), group=f"{source}/{at}",
            split="test", width=128, height=128,
        ))
    return tuple(found)


def answer(questions: tuple[Question, ...], role: str) -> tuple[Prediction, ...]:
    """Simulated answers of a model."""
    found = []
    for question in questions:
        rng = random.Random(f"{role}{question.id}")
        right = rng.random() < SKILL[role][question.category]
        others = [choice for choice in question.choices if choice != question.reference]
        given = question.reference if right else rng.choice(others)
        sure = 1 / len(question.choices)
        sure += (1 - sure) * rng.betavariate(5 if right else 2, 2)
        rest = (1 - sure) / len(others)
        found.append(Prediction(
            question=question.id, text=given, answer=given,
            probabilities={c: sure if c == given else rest for c in question.choices},
            mass=0.98, confidence=sure,
            prompt=f"<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>"
            f"{question.prompt}<|im_end|>\n<|im_start|>assistant\n",
            model="tiny", revision="9f2c" * 16, timestamp=TIME, latency_s=0.004,
            digest=hashlib.sha256(question.id.encode()).hexdigest(),
        ))
    return tuple(found)


def spatial(profile: str = "capability", **settings: Any) -> Recipe:
    """A recipe of a choice task, in any profile.

    Args:
        profile: The page's structure.
        settings: Fields of the task `left_right` that differ.
    """
    found = load_recipe(Path(__file__).parent / "spatial.yaml", ("evaluation.bootstrap=100",))
    task = found.tasks["left_right"].model_copy(update=settings)
    return found.model_copy(update={"profile": profile, "tasks": {"left_right": task}})


def spatial_samples(count: int) -> tuple[Sample, ...]:
    """Samples of two objects, without pictures."""
    rng = random.Random(8)
    things = ("cup", "apple", "box", "ball")
    found = []
    for at in range(count):
        one, other = rng.sample(things, 2)
        found.append(Sample(
            id=f"tables/{at:05d}.png", source="tables", media=f"images/{at:05d}.png",
            sha256=hashlib.sha256(f"t{at}".encode()).hexdigest(),
            labels={"subject": one, "object": other, "relation": rng.choice(["left", "right"]),
                    "scene": rng.choice(["plain", "cluttered"])},
            category=rng.choice(["far", "near"]), group=f"tables/{at}", split="test",
            width=128, height=128,
        ))
    return tuple(found)


def made_samples(of: Recipe, count: int) -> tuple[Sample, ...]:
    """Samples for either recipe."""
    return spatial_samples(count) if "tables" in of.data.sources else make_samples(of, count)


def make_record(
    of: Recipe, roles: dict[str, str], count: int = 240, blind: str = ""
) -> Record:
    """A record.

    Args:
        of: The recipe.
        roles: From the role (base, tuned, an ablation) to the skill that answers; only `base`
            makes the ending without fine-tuning.
        count: Test samples.
        blind: The skill that answers without looking; not asked when empty.
    """
    drawn = made_samples(of, count)
    name = next(iter(of.benchmarks))
    questions = build(name, of, drawn)
    asked = {
        role: {name: Asked(
            answer(questions, skill), f"{role}/predictions.jsonl",
            answer(questions, blind) if blind else (), f"{role}/blind.jsonl" if blind else "",
        )}
        for role, skill in roles.items()
    }
    sheets = {one: f"sheet-{one}.jpg" for one in ("left", "right")} if of.slug == "spatial" else {}
    found = outcome(of, {name: questions}, asked, dict.fromkeys(roles, 3))
    return Record(
        slug=of.slug, title=of.title, recipe=f"{of.slug}.yaml", spec_digest="5b1e" * 16,
        spec=of.model_dump(mode="json", by_alias=True, exclude={"prose"}),
        provenance=schemas.Provenance(
            recipe_kit="0.1.0", python="3.11.9", platform="Linux x86_64",
            packages={"torch": "2.13.0", "transformers": "5.23.0", "peft": "0.19.1"},
            device="2-core CPU", git_commit="76e9eab" + "0" * 33, started=TIME, finished=TIME,
        ),
        stages=tuple(
            schemas.StageEntry(name=stage, fingerprint="c0ffee" * 10, seconds=12.4, finished=TIME)
            for stage in ("data", "zero-shot", "gate", "train", "re-evaluation", "comparison")
        ),
        model=schemas.ModelFacts(
            name="tiny", title="recipe_kit tiny", revision="9f2c" * 16, parameters=5_800_000,
            architecture="Qwen3VLForConditionalGeneration", license="Apache-2.0", embedded=True,
        ),
        data=_data(of, drawn),
        training=tuple(
            _training(role, drawn[0].source, questions[0].prompt, questions[0].reference)
            for role in roles if role != "base"
        ),
        contact_sheets=sheets,
        loader="llava_loader.py" if len(roles) > 1 else "",
        **{part: getattr(found, part) for part in type(found).model_fields},
    )


def _data(of: Recipe, drawn: tuple[Sample, ...]) -> schemas.DataFacts:
    def count(values: list[str]) -> dict[str, int]:
        return dict(Counter(values))

    tested = {name: [s for s in drawn if s.source == name] for name in of.data.sources}
    majority = schemas.Metric(value=0.52, n=len(drawn), low=0.46, high=0.58, method="wilson")
    labels = {"cracked": {"cracked": 120, "not cracked": 120}, "safe": {"No": 90, "Yes": 150},
              "severity": {"1": 120, "2": 30, "3": 30, "4": 30, "5": 30},
              "relation": {"left": 120, "right": 120}}
    return schemas.DataFacts(
        sources={name: schemas.SourceFacts(
            kind=source.kind, samples=2000, media_type="image",
            resolutions={"128×128": 1990, "227×227": 10}, encodings={"PNG": 2000},
            bytes=48_000_000, license=getattr(source, "license", ""),
            credit=getattr(source, "credit", ""),
            splits={"train": 1700, "val": 200, "test": len(tested[name])}, labels={},
            categories=count([s.category for s in tested[name]]),
            annotation="labels that follow from how a picture was drawn"
            if source.kind == "world" else "a table with a row for each picture",
        ) for name, source in of.data.sources.items()},
        splits={"train": 1700, "val": 200, "test": len(drawn)},
        audit=schemas.AuditResult(
            near_duplicate_distance=2, majority=dict.fromkeys(of.tasks, majority),
            balance={"train": labels, "val": labels, "test": labels},
        ),
        digest="da7a" * 16,
    )


def _training(role: str, source: str, prompt: str, target: str) -> schemas.TrainingResult:
    lines = (
        (52, 1.0, 0.61, 0.55, 0.712), (104, 2.0, 0.44, 0.45, 0.867), (156, 3.0, 0.37, 0.35, 0.893)
    )
    return schemas.TrainingResult(
        role=role, method="lora", parameters=5_800_000, trainable_parameters=412_000,
        samples={source: 1700}, drawn={source: 1.0}, questions=5100, steps=156,
        planned_steps=156, epochs=3.0, stopped="all planned steps were done", best_step=156,
        validations=tuple(
            schemas.Validation(step=s, epoch=e, train_loss=t, val_loss=v, val_accuracy=a,
                               val_n=200, best=s == 156)
            for s, e, t, v, a in lines
        ),
        curve=tuple(
            schemas.LossPoint(step=s, loss=0.3 + 0.9 / (1 + s / 20), learning_rate=5e-4)
            for s in range(1, 157, 3)
        ),
        seconds=131.0, peak_memory_bytes=1_900_000_000,
        triple={"image_path": "images/00017.png", "prompt": prompt, "target": target},
    )


def draw_media(record: Record, folder: Path) -> Path:
    """Pictures for a record's examples, and what else its page shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, name in enumerate(dict.fromkeys(example.media for example in record.examples)):
        made = (
            draw("tabletop", seed=3, index=at, width=128, height=128, knobs=TabletopKnobs())
            if record.slug == "spatial"
            else draw("floors", seed=3, index=at, width=128, height=128, knobs=FloorsKnobs())
        )
        Image.fromarray(made.image).save(folder / name)
    for name in record.contact_sheets.values():
        Image.new("RGB", (640, 128), "white").save(folder / name)
    if record.loader:
        shutil.copy(ROOT / "templates" / record.loader, folder)
    return folder
