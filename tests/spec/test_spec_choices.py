"""Rules about options, labels in prompts, slices and criteria: what is said and where."""

from pathlib import Path

import pytest

from recipe_kit.errors import SpecError
from recipe_kit.spec.load import load_recipe

VALID = """\
schema: 1
title: Sides
authors: [{name: Ada}]
organization: Example
use_case: Left and right
data:
  sources:
    drawn: {kind: world, world: tabletop, count: 100}
    real:
      kind: table
      path: t.csv
      labels: {relation: {column: r, map: {l: left, r: right}}, subject: s, object: o}
    quiz: {kind: questions, format: vlmevalkit, path: quiz.tsv}
  splits:
    train: {drawn: 0.8}
    val: {drawn: 0.1}
    test: {drawn: 0.1, real: 1, quiz: {rows: test}}
tasks:
  side:
    type: choice
    prompt: Is the {subject} left or right of the {object}?
    options: [left, right]
    label: relation
  quiz:
    type: choice
    prompt: |
      Read it.
      {question}
    options: ["{A}", "{B}", "{C}"]
    label: answer
benchmarks:
  table: {sources: [drawn, real], tasks: [side], slices: [subject, size]}
  drawings: {sources: [drawn], tasks: [side], slices: [gap]}
  texts: {sources: [quiz], tasks: [quiz], slices: [l2_category]}
gate:
  benchmark: table
  targets: [{task: side, metric: accuracy, at_least: 0.9}]
success:
  side: {metric: accuracy, at_least: 0.9}
  near: {task: side, benchmark: drawings, metric: accuracy, category: near, at_least: 0.8}
prose:
  overview: O
  dataset: D
  why_not_fine_tuned: W
  why_it_matters: W
  conclusion: C
"""


def said(edits: list[tuple[str, str]]) -> list[str]:
    """Each problem of the recipe on one line: LINE:COLUMN cause / advice."""
    text = VALID
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the recipe"
        text = text.replace(old, new)
    Path("sides.yaml").write_text(text, encoding="utf-8")
    try:
        load_recipe("sides.yaml", ())
    except SpecError as error:
        blocks = [block.splitlines() for block in str(error).split("\n\n")[:-1]]
        return [
            one[0].removeprefix("sides.yaml:") + (f" / {one[3].strip()}" if len(one) > 3 else "")
            for one in blocks
        ]
    return []


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("edits", [
    [],
    [("[left, right]", "[left, right]\n    circular: true"),
     ("side: {metric: accuracy", "side: {metric: circular_accuracy")],
    # What an option with labels says is known of each sample only.
    [("[left, right]", '["the {subject}", "the {object}"]\n    answers: {left: A, right: cup}')],
    [("[left, right]", '[west, east]\n    answers: {left: west, right: "B"}')],
    [("[left, right]", "[left, right]\n    training_orders: 2")],
    # Braces that hold no label
    [("the {object}?", "the {object}? Write {{letter}}, {\"n\": 1} or {}.")],
    # Labels of questions of others are not known before they are read.
    [("{question}", "{anything}"), ("l2_category", "anything")],
    [("quiz: {rows: test}}", "quiz: 0.5}")],
])
def test_valid(edits: list[tuple[str, str]]) -> None:
    assert said(edits) == []


@pytest.mark.parametrize(("old", "new", "expected"), [
    # prompt_labels
    ("the {object}?", "the {objct}?",
     "21:13: the prompt names the label 'objct', which the source 'drawn' lacks / Did you mean "
     "'object'?"),
    ("the {object}?", "the {object} ({scene})?",
     "21:13: the prompt names the label 'scene', which the source 'real' lacks / Known labels: "
     "relation, subject, object. Braces themselves are written {{scene}}."),
    ("    prompt: Is the {subject} left or right of the {object}?",
     "    prompt: |\n      Look.\n      Is the {subjet} left?",
     "23:7: the prompt names the label 'subjet', which the source 'drawn' lacks / Did you mean "
     "'subject'?"),
    # option_labels
    ("[left, right]", '[left, right, "{objet}"]',
     "22:28: there is no label 'objet' / Did you mean 'object'?"),
    # option_texts
    ("[left, right]", "[left, right, left ]",
     "22:28: the option 'left' stands there twice / Remove one of them, or write how they differ."),
    ("[left, right]", '[left, right, " "]', "22:28: the option is empty / Write its text."),
    ("[left, right]", "[left, right, B]",
     "22:28: the option 'B' would have the letter of another / Write what it stands for, like "
     "'point B'."),
    # option_answers
    ("[left, right]", "[left, rigth]",
     "23:12: the label 'relation' of 'drawn' can be 'right', which is no option / Add it to "
     "'options', or say in 'answers' which option it means."),
    ("[left, right]", '[left, behind]\n    answers: {left: "A"}',
     "23:14: the label 'relation' of 'drawn' can be 'right', which is no option / Add it to "
     "'options', or say in 'answers' which option it means."),
    ("[left, right]", "[left, right]\n    answers: {up: rigth}",
     "23:19: 'rigth' is none of the options / Did you mean 'right'?"),
    # reading
    ("[left, right]", "[left, right]\n    answer_by: probability\n    parser: vlmevalkit",
     "24:5: no text is read where answers are the likeliest letters / Remove 'parser', or write "
     "`answer_by: both`."),
    ("[left, right]", "[left, right]\n    training_orders: 3",
     "23:22: 2 options have 2 orders, not 3 / Write 2 or less."),
    # slices
    ("[subject, size]", "[subjekt, size]",
     "32:59: there is no label 'subjekt' / Did you mean 'subject'?"),
    ("[subject, size]", "[subject, subject]",
     "32:68: the label 'subject' is named twice / Remove one of them."),
    ("[subject, size]", "[subject, position]",
     "32:68: 'position' is what results are reported by anyway / Remove it; a label "
     "that is something else needs another name."),
    ("slices: [l2_category]", "slices: [category]",
     "34:52: 'category' is what results are reported by anyway / Remove it; a label "
     "that is something else needs another name."),
    # declared rows
    ("drawn: 0.1, real: 1, quiz: {rows: test}", "drawn: {rows: test}, real: 1, quiz: 1",
     "17:19: 'drawn' is no table, it declares no rows for a split / Give a share, like 0.1."),
    # names
    ("  side: {metric", "  si-de: {task: side, metric",
     "39:3: 'si-de' is not a name / A name is letters, digits and '_', and begins with a letter."),
    ("  texts: ", "  gaps: ",
     "34:3: 'gaps' is a word that the page uses itself, it cannot be a name / Take another name."),
    # success_names
    ("  side: {metric", "  sied: {metric",
     "39:3: there is no task 'sied', and the criterion names no other / Did you mean 'side'?"),
    ("  side: {metric", "  goal: {metric",
     "39:3: there is no task 'goal', and the criterion names no other / Add `task: side`, or "
     "another of: side, quiz."),
    ("near: {task: side", "near: {task: sid",
     "40:16: there is no task 'sid' / Did you mean 'side'?"),
    ("benchmark: drawings", "benchmark: drawing",
     "40:33: there is no benchmark 'drawing' / Did you mean 'drawings'?"),
    ("near: {task: side, benchmark: drawings", "near: {task: side, benchmark: texts",
     "40:16: the benchmark 'texts' does not ask the task 'side' / Known: quiz."),
    ("side: {metric: accuracy", "side: {benchmark: texts, metric: accuracy",
     "39:21: the benchmark 'texts' does not ask the task 'side' / Known: quiz."),
    ("side: {metric: accuracy", "side: {metric: f1",
     "39:18: there is no metric 'f1' for a task of type 'choice' / Known: accuracy, "
     "circular_accuracy, unparseable, ece, brier."),
    ("side: {metric: accuracy", "side: {metric: circular_accuracy",
     "39:18: the task 'side' is not asked in every rotation of its options, so it has no "
     "'circular_accuracy' / Add `circular: true` to 'tasks.side', or take 'accuracy'."),
    ("metric: accuracy, category: near, at_least: 0.8", "metric: ece, category: near, at_most: 0.2",
     "40:51: categories are not reported by 'ece' / Take accuracy or circular_accuracy or "
     "unparseable, or remove 'category'."),
    # How many options there can be
    ("[left, right]", "[left, right, c, d, e, f, g, h, i, j, k]",
     "22:14: 'tasks.side.options' must be a list of 2 to 10 texts, but is a list of 11"),
    ("category: near", "category: nearr",
     "40:71: there is no category 'nearr' / Did you mean 'near'?"),
    # success_thresholds
    ("side: {metric: accuracy, at_least: 0.9}", "side: {metric: accuracy}",
     "39:9: a criterion has either 'at_least' or 'at_most' / Add one."),
    ("side: {metric: accuracy, at_least: 0.9}", "side: {metric: accuracy, at_most: 0.9}",
     "39:28: 'accuracy' is better the larger it is / Write 'at_least' instead."),
    ("at_least: 0.8", "at_least: 80",
     "40:87: 'accuracy' lies between 0 and 1, not at 80 / Write 0.8 for 80%."),
    ("side: {metric: accuracy, at_least: 0.9}", "side: {metric: brier, at_most: 1.5}",
     "39:34: 'brier' lies between 0 and 1, not at 1.5 / Write 0.015 for 1.5%."),
])
def test_rule(old: str, new: str, expected: str) -> None:
    assert said([(old, new)]) == [expected]


def test_a_criterion_of_a_task_that_no_benchmark_asks() -> None:
    found = said([
        ("  texts: {sources: [quiz], tasks: [quiz], slices: [l2_category]}\n", ""),
        ("  side: {metric", "  quiz: {metric"),
    ])
    assert found == [
        "38:3: no benchmark asks the task 'quiz' / Add it to the tasks of a benchmark."
    ]


def test_the_brier_score_of_more_than_two_options_goes_to_two() -> None:
    assert said([("side: {metric: accuracy, at_least: 0.9}",
                  "quiz: {metric: brier, at_most: 1.5}")]) == []
