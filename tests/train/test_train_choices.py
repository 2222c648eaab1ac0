"""Tasks with options in training."""

from pathlib import Path

import pytest
from small_model import read_picture, small_model
from small_training import run

from recipe_kit.benchmark.questions import build
from recipe_kit.engine.local import LocalEngine
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.recipe import Evaluation, Recipe
from recipe_kit.spec.tasks import Criterion
from recipe_kit.train.checkpoint import load_tuned
from recipe_kit.train.examples import examples, validation_questions
from recipe_kit.train.plan import make_plan


def recipe(*, train: dict[str, object] | None = None, **task: object) -> Recipe:
    labels = {"what": "w", "place": "p"}
    return Recipe.model_validate({
        "schema": 1, "title": "T", "authors": [{"name": "A"}], "organization": "O",
        "use_case": "U",
        "data": {
            "sources": {"table": {"kind": "table", "path": "t.csv", "labels": labels}},
            "splits": {"test": {"table": 1.0}},
        },
        "tasks": {"what": {
            "type": "choice", "prompt": "What is on the {place}?", "label": "what",
            "options": ["crack", "stain", "nothing"], **task,
        }},
        "benchmarks": {"floor": {"tasks": ["what"], "slices": ["place"]}},
        "gate": {
            "benchmark": "floor",
            "targets": [{"task": "what", "metric": "accuracy", "at_least": 0.9}],
        },
        "train": {"learning_rate": 3e-3, "method": "full", **(train or {})},
    })


def sample(number: int, what: LabelValue = "crack", split: str = "train") -> Sample:
    return Sample(
        id=f"table/{number}", source="table", media=f"{number}.png", sha256=f"sha {number}",
        labels={"what": what, "place": "floor"}, split=split,
    )


def pairs(task: Recipe, one: Sample) -> tuple[tuple[str, str], ...]:
    (example,) = examples(task, [one])
    return example.pairs


ORDERS = [
    "What is on the floor?\nA. crack\nB. stain\nC. nothing",
    "What is on the floor?\nA. nothing\nB. crack\nC. stain",
    "What is on the floor?\nA. crack\nB. nothing\nC. stain",
]


def test_a_training_question_is_that_of_a_benchmark() -> None:
    found = pairs(recipe(), sample(1))
    (asked,) = validation_questions(recipe(), [sample(1, split="val")])
    assert found == ((asked.prompt, asked.reference),)


def test_several_orders_are_trained() -> None:
    assert pairs(recipe(training_orders=3, shuffle=False), sample(1)) == (
        (ORDERS[0], "A"), (ORDERS[1], "B"), (ORDERS[2], "A"),
    )
    every = pairs(recipe(training_orders=10), sample(1, what="nothing"))
    assert len(set(every)) == 6
    assert all(f"{letter}. nothing" in prompt for prompt, letter in every)
    assert every[:1] == pairs(recipe(), sample(1, what="nothing"))


def test_validation_asks_no_rotations_and_reports_no_slices() -> None:
    asked = validation_questions(recipe(circular=True), [sample(n, split="val") for n in range(3)])
    assert [question.id for question in asked] == [
        "validation/what/table/0", "validation/what/table/1", "validation/what/table/2",
    ]
    assert {str(question.slices) for question in asked} == {"{}"}


def test_criteria_are_not_of_the_validation_questions() -> None:
    goal = {"metric": "accuracy", "at_least": 0.9, "category": "wet"}
    judged = recipe().model_copy(update={"success": {"what": Criterion.model_validate(goal)}})
    assert len(validation_questions(judged, [sample(1, split="val")])) == 1


def test_orders_count_as_questions_and_change_the_training() -> None:
    every = [sample(number) for number in range(4)]
    once, twice = (make_plan(recipe(training_orders=n), every, {}) for n in (1, 2))
    assert (once.questions_in_epoch(), twice.questions_in_epoch()) == (4, 8)
    assert once.steps == twice.steps
    assert once.digest != twice.digest


def test_a_label_that_no_option_stands_for_is_refused() -> None:
    with pytest.raises(DataError, match=r"sample 'table/1': label 'what' is 'hole', and is none "
                                        r"of the options of the task 'what': A\. crack"):
        examples(recipe(), [sample(1, what="hole")])


def test_options_are_learned_in_every_order(tmp_path: Path) -> None:
    task = recipe(
        options=["crack", "stain"], training_orders=2, circular=True,
        train={"epochs": 60, "batch_size": 4, "warmup": 0.0},
    )
    every = tuple(sample(number, what="crack" if number % 2 else "stain") for number in range(4))
    result = run(tmp_path, task, every)
    tuned = load_tuned(small_model(), tmp_path / result.checkpoint)
    asked = build("floor", task, [one.model_copy(update={"split": "test"}) for one in every])
    right = {question.id: question.reference for question in asked}
    engine = LocalEngine(tuned, Evaluation(max_new_tokens=4), read_picture)
    assert {one.question: one.answer for one in engine.ask(asked)} == right
    assert len(right) == 8
