"""Subdirectories of a source: how often each is drawn, and what an annotated video teaches."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from small_model import small_model

from recipe_kit.benchmark.questions import build
from recipe_kit.data.annotations import write_part
from recipe_kit.data.clip import Clip
from recipe_kit.data.media import read_media
from recipe_kit.data.sources import load_samples, media_roots
from recipe_kit.data.splits import assign
from recipe_kit.data.worlds import draw_clip
from recipe_kit.data.worlds.driving.clip import write_clip
from recipe_kit.engine.local import LocalEngine
from recipe_kit.errors import TrainError
from recipe_kit.record.schemas import Sample
from recipe_kit.spec.recipe import Evaluation, Recipe
from recipe_kit.spec.worlds import ANNOTATION_FORMATS, DrivingKnobs
from recipe_kit.train.checkpoint import load_tuned
from recipe_kit.train.examples import examples
from recipe_kit.train.loop import Accuracy, train
from recipe_kit.train.plan import make_plan

PARTS = ("human_annotated", "cv_annotated", "reason1_sft")
TABLE = {"kind": "table", "path": "labels.csv", "labels": {"weather": "weather"}}
WEATHER = {"type": "choice", "prompt": "How is the weather?", "label": "weather",
           "options": ["Clear", "Rain", "Fog", "Snow"]}


def recipe(weights: tuple[float, ...] = (), *, more: dict[str, Any] | None = None,
           tasks: tuple[str, ...] = ("weather", "caption"), **train: Any) -> Recipe:
    annotated = {"kind": "annotations", "path": "av", "subdirectories": PARTS, "weights": weights,
                 "targets": {"human": "safety_analysis", "reasoning": "target"}}
    return Recipe.model_validate({
        "schema": 1, "title": "Drives", "authors": [{"name": "A"}], "organization": "O",
        "use_case": "U", "profile": "benchmark-study", "model": {"video": {"nframes": 2}},
        "data": {"sources": {"av": annotated, **(more or {})},
                 "splits": {"train": {"av": 0.5}, "val": {"av": 0.25}, "test": {"av": 0.25}}},
        "tasks": {"weather": WEATHER, "caption": {
            "type": "caption", "prompt": "Describe the drive.", "label": "safety_analysis",
            "max_new_tokens": 4}},
        "benchmarks": {"av": {"tasks": tasks}},
        "gate": {"benchmark": "av", "targets": [
            {"task": "weather", "metric": "accuracy", "at_least": 0.9}]},
        "train": {"tasks": tasks, "batch_size": 4, "epochs": 1, **train},
    })


def annotated(**counts: int) -> tuple[Sample, ...]:
    """Training samples of the subdirectories."""
    return tuple(
        Sample(id=f"av/{part}/{n}", source="av", media=f"{part}/{n}.mp4", media_type="video",
               sha256=f"{part} {n}", split="train", part=part, prompt="What happens?", target="It.")
        for part, count in counts.items() for n in range(count)
    )


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((1, 2, 1), {"human": 15, "cv": 30, "reasoning": 15}),
        ((0.25, 0.5, 0.25), {"human": 15, "cv": 30, "reasoning": 15}),
        ((3, 5, 2), {"human": 18, "cv": 30, "reasoning": 12}),
        ((), {"human": 20, "cv": 20, "reasoning": 20}),
    ],
)
def test_an_epoch_draws_subdirectories_by_their_weights(
    weights: tuple[float, ...], expected: dict[str, int]
) -> None:
    every = annotated(human_annotated=40, cv_annotated=10, reason1_sft=10)
    plan = make_plan(recipe(weights), every, {})
    assert plan.per_epoch == {f"av/{part}": expected[ANNOTATION_FORMATS[part]] for part in PARTS}
    seen = Counter(item.example.sample.part for step in range(plan.steps)
                   for item in plan.items(step))
    assert {ANNOTATION_FORMATS[part]: count for part, count in seen.items()} == expected


def test_a_sources_share_of_the_blend_is_divided_among_its_subdirectories() -> None:
    table = tuple(Sample(id=f"table/{n}", source="table", media=f"{n}.png", sha256=f"{n}",
                         split="train", labels={"weather": "Fog"}) for n in range(20))
    every = (*annotated(human_annotated=10, cv_annotated=10, reason1_sft=10), *table)
    spec = recipe((1, 1, 2), more={"table": TABLE})
    assert make_plan(spec, every, {"av": 0.8, "table": 0.2}).per_epoch == {
        "av/human_annotated": 10, "av/cv_annotated": 10, "av/reason1_sft": 20, "table": 10}
    # Without a blend, sources come in proportion to their size, whatever their parts weigh.
    assert make_plan(spec, every, {}).per_epoch == {
        "av/human_annotated": 7, "av/cv_annotated": 8, "av/reason1_sft": 15, "table": 20}
    assert make_plan(spec, every, {"table": 1.0}).per_epoch == {"table": 50}


def test_weights_are_part_of_what_is_trained() -> None:
    every = annotated(human_annotated=4, cv_annotated=4, reason1_sft=4)
    even, ones, twos, other = (make_plan(recipe(weights), every, {}).digest
                               for weights in ((), (1, 1, 1), (2, 2, 2), (1, 2, 1)))
    assert even == ones == twos != other


def test_a_weight_on_an_empty_subdirectory_is_refused() -> None:
    with pytest.raises(TrainError) as caught:
        make_plan(recipe((1, 1, 1)), annotated(human_annotated=4, cv_annotated=4), {})
    assert (caught.value.where, caught.value.what) == (
        "data.sources.av.weights",
        "the subdirectory 'reason1_sft' has a weight but no training samples")


def test_an_annotated_video_teaches_its_own_answer_and_the_tasks() -> None:
    (human, cv, _) = annotated(human_annotated=1, cv_annotated=1, reason1_sft=1)
    human = human.model_copy(update={
        "prompt": "Describe the drive.", "target": "It rains.",
        "labels": {"weather": "Rain", "safety_analysis": "It rains."}})
    own, other = examples(recipe(), [human, cv])
    # The caption task asks and answers what the video itself does: once is enough.
    assert [prompt.splitlines()[0] for prompt, _ in own.pairs] == [
        "Describe the drive.", "How is the weather?"]
    assert own.pairs[0] == ("Describe the drive.", "It rains.")
    assert other.pairs == (("What happens?", "It."),)


def lay_out(root: Path, clips: int) -> None:
    """A folder of driving clips as people would lay it out by hand."""
    annotations: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for index in range(clips):
        part = PARTS[index % len(PARTS)]
        drawing = draw_clip("driving", seed=9, index=index, width=64, height=64, seconds=4, fps=1,
                            knobs=DrivingKnobs())
        annotations[part][f"clip{index}"] = drawing.annotations[ANNOTATION_FORMATS[part]]
        (root / part / "videos").mkdir(parents=True, exist_ok=True)
        write_clip(root / part / "videos" / f"clip{index}.mp4", drawing.frames, fps=1)
    for part, held in annotations.items():
        write_part(root / part, ANNOTATION_FORMATS[part], held)


def test_a_folder_laid_out_by_hand_is_trained_on_and_evaluated(tmp_path: Path) -> None:
    lay_out(tmp_path / "av", 24)
    spec = recipe((0.5, 0.3, 0.2), max_samples=None, learning_rate=1e-3,
                  lora={"rank": 4, "alpha": 8})
    every = assign(load_samples(spec, recipe_dir=tmp_path, cache=tmp_path / "cache"), spec)
    roots = media_roots(spec, recipe_dir=tmp_path, cache=tmp_path / "cache")
    loaded = small_model()

    def read(source: str, media: str) -> Clip:
        return read_media(roots[source] / media, "video", video=spec.model.video,
                          size_of=loaded.preprocess.frame_size)

    found = train(loaded, spec, every, role="tuned", blend={}, read_media=read,
                  folder=tmp_path / "train", validate=lambda model: Accuracy(0.5, 4))
    assert found.steps == found.planned_steps == 3
    assert set(found.samples) == {f"av/{part}" for part in PARTS}
    assert sum(found.drawn.values()) == pytest.approx(1)
    assert found.triple.keys() == {"video_path", "prompt", "target"}
    tuned = load_tuned(small_model(), tmp_path / "train" / found.checkpoint)
    questions = build("av", spec, every)
    assert {one.task for one in questions} == {"weather", "caption"}
    engine = LocalEngine(tuned, Evaluation(max_new_tokens=4), read)
    answers = {one.question: one for one in engine.ask(questions)}
    assert set(answers) == {one.id for one in questions}
    assert all(len(answers[one.id].probabilities) == len(one.choices) for one in questions)
