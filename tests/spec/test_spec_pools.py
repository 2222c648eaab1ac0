"""Pools of questions: their files, and how a recipe uses them; what is said and where."""

from pathlib import Path

import pytest

from recipe_kit.errors import SpecError
from recipe_kit.spec.load import load_recipe
from recipe_kit.spec.pool_files import read_pool
from recipe_kit.spec.pools import PoolQuestion

VALID = """\
schema: 1
title: Drives
authors: [{name: Ada}]
organization: Example
use_case: Drives
data:
  sources:
    drawn: {kind: world, world: driving, count: 100}
  splits: {train: {drawn: 0.8}, val: {drawn: 0.1}, test: {drawn: 0.1}}
tasks:
  vqa:
    type: choice
    prompt: |
      Watch it.
      {question}
    options: ["{A}", "{B}", "{C}", "{D}"]
    label: answer
  weather:
    type: choice
    prompt: What is the weather?
    options: [clear, rain, fog, snow]
    label: weather
benchmarks:
  drives:
    tasks: [vqa]
    pool: {path: driving}
  plain: {tasks: [weather]}
gate:
  benchmark: drives
  targets: [{task: vqa, metric: accuracy, at_least: 0.9}]
success:
  ego: {task: vqa, metric: accuracy, category: Ego Vehicle Behavior, at_least: 0.8}
train: {tasks: [vqa, weather]}
prose: {overview: O, dataset: D, why_not_fine_tuned: W, why_it_matters: W, conclusion: C}
"""
POOL = """\
questions:
  - name: weather
    category: Scene
    question: What is the weather like?
    options: {clear: Clear, rain: Rain}
    decoys: [Hail]
    usual: clear
  - name: cars
    category: Objects
    question: How many cars are there?
    options: [none, some, many]
    unless: [unclear]
"""


def said(tmp_path: Path, *edits: tuple[str, str]) -> list[str]:
    text = VALID
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "drives.yaml").write_text(text)
    try:
        load_recipe(tmp_path / "drives.yaml")
    except SpecError as error:
        blocks = str(error).removesuffix("problem").replace(f"{tmp_path}/", "").split("\n\n")
        return [f"{block.splitlines()[0]} | {block.splitlines()[-1].strip()}"
                for block in blocks[:-1]]
    return []


def pool_says(tmp_path: Path, *edits: tuple[str, str]) -> list[str]:
    text = POOL
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "mine.yaml").write_text(text)
    try:
        read_pool(tmp_path / "mine.yaml")
    except SpecError as error:
        blocks = str(error).replace(f"{tmp_path}/", "").split("\n\n")
        return [f"{block.splitlines()[0]} | {block.splitlines()[-1].strip()}"
                for block in (blocks[:-1] or blocks)]
    return []


def test_a_recipe_with_a_pool_is_valid(tmp_path: Path) -> None:
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tasks: [vqa]\n", "tasks: [vqa, weather]\n",
         "drives.yaml:25:18: a benchmark with a pool has one task, and this is another | "
         "Make it a benchmark of its own."),
        ("tasks: [vqa]\n    pool", "tasks: [weather]\n    pool",
         "drives.yaml:20:13: the prompt of a pool's task does not say where the question goes | "
         'Write {question} there, like `prompt: "{question}"`.'),
        ("type: choice\n    prompt: |", "type: binary\n    prompt: |",
         "drives.yaml:25:13: the task 'vqa' is of type 'binary', and questions of a pool are of "
         "type 'choice' | Name another task."),
        ("      {question}\n", "      {weather} {question}\n",
         "drives.yaml:13:13: the prompt of a pool's task names the label 'weather', and can name "
         "'question' only | Remove {weather}."),
        ('"{B}", ', '"{C}", ',
         "drives.yaml:16:22: the options of a pool's task are the letters of the pool's options | "
         'Write "{B}".'),
        ("label: answer", "label: weather",
         "drives.yaml:17:12: the label of a pool's task is 'answer', not 'weather' | "
         "Write `label: answer`."),
        ("label: answer", "label: answer\n    answers: {x: A}",
         "drives.yaml:18:5: the pool says what is right | Remove 'answers'."),
        ("path: driving", "path: driving, review: r.jsonl",
         "drives.yaml:26:27: nothing can contradict the annotations: no model answers from the "
         "video | Add 'vision', or remove 'review'."),
        ("path: driving", "path: drivin",
         "drives.yaml:26:18: there is no pool 'drivin' | Did you mean 'driving'?"),
        ("path: driving", "path: zzz",
         "drives.yaml:26:18: there is no pool 'zzz' | "
         "Write its path beside the recipe, or 'driving' for the kit's own."),
        ("path: driving", "path: driving, sampled: 45",
         "drives.yaml:26:36: 45 questions cannot be drawn: the pool has 44 to draw from | "
         "Write 44 or less."),
        ("path: driving", "path: driving, training: 51",
         "drives.yaml:26:37: 51 questions cannot be drawn: the pool has 50 to draw from | "
         "Write 50 or less."),
    ],
)  # fmt: skip
def test_how_a_recipe_uses_a_pool(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in said(tmp_path, (old, new))


def test_a_pool_file_is_valid(tmp_path: Path) -> None:
    assert pool_says(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (POOL, "", "mine.yaml: the file is empty | "
         "To mend it: Begin with `questions:`, and a list of them below it."),
        (POOL, "- a\n", "mine.yaml:1:1: a pool is a mapping of keys to values | "
         "Begin with `questions:`, and a list of them below it."),
        ("category: Scene\n", "categry: Scene\n",
         "mine.yaml:3:5: unknown key 'categry' in 'questions.0' | Did you mean 'category'?"),
        ("    question: What is the weather like?\n", "",
         "mine.yaml:2:5: the key 'question' is missing in 'questions.0' | "
         "The question as it is asked. It is text that is not empty."),
        ("usual: clear", "usual: 3",
         "mine.yaml:7:12: 'questions.0.usual' must be text, but is 3 | Put it in quotes."),
        ("usual: clear", "usual: cleer",
         "mine.yaml:7:12: 'cleer' is none of the label's values | Did you mean 'clear'?"),
        ("name: cars", "name: weather",
         "mine.yaml:8:11: the name 'weather' stands there twice | "
         "Give each question a name of its own."),
        ("[none, some, many]", "[none]",
         "mine.yaml:11:14: the question 'cars' has only one option | Add options, or 'decoys'."),
        ("[none, some, many]", "[none, some, some]",
         "mine.yaml:11:14: the option 'some' stands there twice | "
         "Remove one of them, or write how they differ."),
        ("[none, some, many]", '[none, " "]',
         "mine.yaml:11:14: an option is empty | Write its text."),
        ("[none, some, many]", "[none, B]",
         "mine.yaml:11:14: the option 'B' would have the letter of another | "
         "Write what it stands for, like 'point B'."),
        ("unless: [unclear]", "unless: [unclear, none]",
         "mine.yaml:12:23: 'none' is an option too | Remove it here or there."),
        ("unless: [unclear]", "unless: [unclear]\n    required: true",
         "mine.yaml:12:5: a required question is asked of every video, and can have no 'unless' | "
         "Remove 'unless', or `required: true`."),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_pool_file(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in pool_says(tmp_path, (old, new))


def test_a_wrong_pool_beside_the_recipe_is_told_with_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(POOL.replace("usual: clear", "usual: fog"))
    assert said(tmp_path, ("path: driving", "path: mine.yaml, sampled: 1")) == [
        "mine.yaml:7:12: 'fog' is none of the label's values | Known: clear, rain."
    ]


@pytest.mark.parametrize(
    ("value", "named"),
    [("0", "0"), ("2", "2+"), ("17", "2+"), ("1", "1"), ("many", "many"), ("-3", "-3")],
)
def test_the_largest_option_may_stand_for_more(value: str, named: str) -> None:
    question = PoolQuestion(
        name="cars", category="Objects", question="How many?",
        options={"0": "None", "1": "One", "2+": "Two or more"},
    )  # fmt: skip
    assert question.value(value) == named
