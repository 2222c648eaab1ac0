"""The values of labels that tasks know, and labels that no sample has."""

import pytest

from recipe_kit.data.labels import check_labels_exist, unknown_answer
from recipe_kit.errors import DataError
from recipe_kit.record.schemas import LabelValue, Sample
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import ChoiceTask

SIDE = {
    "type": "choice", "prompt": "Where is it?", "label": "side", "options": ["left", "right "],
    "answers": {"west": "left"},
}


def choice(**changes: object) -> ChoiceTask:
    return ChoiceTask.model_validate(SIDE | changes)


@pytest.mark.parametrize("value", ["left", "right", "A", "B", "west"])
def test_an_option_a_letter_or_an_answer_is_known(value: str) -> None:
    assert unknown_answer({"side": value}, {"where": choice()}) == ""


@pytest.mark.parametrize(("value", "hint"), [("lefft", "did you mean 'left'? "), ("C", "")])
def test_any_other_value_is_not(value: str, hint: str) -> None:
    assert unknown_answer({"side": value}, {"where": choice()}) == (
        f"the label 'side' is {value!r}, which the task 'where' has no answer for; {hint}"
        "known: 'west', 'left', 'right', 'A', 'B'"
    )


def test_options_with_labels_say_something_else_of_each_sample() -> None:
    task = choice(options=["{a}", "{b}"])
    assert unknown_answer({"side": "whatever"}, {"where": task}) == ""


def recipe(task: dict[str, object], slices: tuple[str, ...] = ()) -> Recipe:
    return Recipe.model_validate({
        "schema": 1, "title": "T", "use_case": "U", "organization": "O",
        "authors": [{"name": "A"}],
        "data": {
            "sources": {"quiz": {"kind": "questions", "format": "llava", "path": "q.json"}},
            "splits": {"test": {"quiz": 1.0}},
        },
        "tasks": {"where": SIDE | task},
        "benchmarks": {"quiz": {"tasks": ["where"], "slices": slices}},
        "gate": {
            "benchmark": "quiz",
            "targets": [{"task": "where", "metric": "accuracy", "at_least": 0.9}],
        },
    })


LABELS: dict[str, LabelValue] = {"side": "left", "A": "left", "B": "right", "question": "Where?"}
SAMPLES = [Sample(id="quiz/1", source="quiz", media="1.png", labels=LABELS)]


def test_every_label_is_there() -> None:
    # {hint} and options {A} to {J} fit questions that lack some; `size` is the picture's.
    task = {"prompt": "{hint}\n{question} {{word}}", "options": ["{A}", "{B}", "{C}"]}
    check_labels_exist(SAMPLES, recipe(task, slices=("side", "size")))


@pytest.mark.parametrize(
    ("task", "slices", "where", "label"),
    [
        ({"label": "sidee"}, (), "tasks.where.label", "sidee"),
        ({"prompt": "{quetion}"}, (), "tasks.where.prompt", "quetion"),
        ({"options": ["{A}", "{bee}"]}, (), "tasks.where.options.1", "bee"),
        ({}, ("side", "sides"), "benchmarks.quiz.slices.1", "sides"),
    ],
)
def test_a_label_that_no_sample_has_is_refused(
    task: dict[str, object], slices: tuple[str, ...], where: str, label: str
) -> None:
    with pytest.raises(DataError) as caught:
        check_labels_exist(SAMPLES, recipe(task, slices))
    assert caught.value.where == where
    assert caught.value.what.startswith(f"no sample has the label '{label}'; ")
