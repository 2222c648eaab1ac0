"""Every rule over several keys: the recipe that breaks it, and what is said and where."""

from collections.abc import Callable

import pytest

from recipe_kit.spec.rules import RULES

Problems = Callable[..., str]


def said(text: str) -> list[str]:
    """Each problem on one line: LINE:COLUMN cause / advice."""
    blocks = text.split("\n\n")[:-1]
    lines = [block.splitlines() for block in blocks]
    return [
        one[0].removeprefix("floor.yaml:") + (f" / {one[3].strip()}" if len(one) > 3 else "")
        for one in lines
    ]


@pytest.mark.parametrize(("old", "new", "expected"), [
    # names
    ("    drawn_only:", "    drawn-only:",
     "46:5: 'drawn-only' is not a name / A name is letters, digits and '_', and begins with a "
     "letter."),
    ("    drawn_only:", "    tuned:",
     "46:5: 'tuned' is a word that the page uses itself, it cannot be a name / Take another name."),
    ("    drawn_only:", "    not:",
     "46:5: 'not' is a word of Jinja, it cannot be a name / Take another name."),
    ("    drawn_only:", "    mixed: {blend: {drawn: 1}}\n    Mixed:",
     "47:5: 'Mixed' and 'mixed' differ in capital letters only / Take another name."),
    # source_names
    ("val: {drawn: 0.1}", "val: {drawn: 0.1, drwn: 0.1}",
     "22:23: there is no source 'drwn' / Did you mean 'drawn'?"),
    ("blend: {drawn: 1, real: 2}", "blend: {drawn: 1, concrete: 2}",
     "44:21: there is no source 'concrete' / Known: drawn, real, pairs."),
    ("{blend: {drawn: 1}}", "{blend: {drawm: 1}}",
     "46:26: there is no source 'drawm' / Did you mean 'drawn'?"),
    ("tasks: [cracked, severity]", "tasks: [cracked, severity]\n    sources: [reel]",
     "37:15: there is no source 'reel' / Did you mean 'real'?"),
    ("  splits:", "  audit: {allow_leakage: [drwan]}\n  splits:",
     "20:27: there is no source 'drwan' / Did you mean 'drawn'?"),
    # worlds
    ("world: floors", "world: flors", "11:33: there is no world 'flors' / Did you mean 'floors'?"),
    # columns
    ("columns: {split: split}", "columns: {split: split, image: a, video: b}",
     "15:48: a table has pictures or videos, not both / Remove 'image' or 'video'; make a second "
     "source of the other."),
    ("columns: {split: split}", "columns: {split: split, image: null}",
     "15:38: a table needs a column of pictures or of videos / Name the column in 'image' or "
     "'video'."),
    # shares
    ("val: {drawn: 0.1}", "val: {drawn: 0.2}",
     "23:19: the splits take more of 'drawn' than all: 0.8 + 0.2 + 0.1 / Make the shares sum to 1 "
     "or less."),
    ("val: {drawn: 0.1}", "val: {drawn: 0.1, real: {rows: train, share: 0.5}}",
     "22:29: the splits take more of the rows 'train' of 'real' than all: 1 + 0.5 / Make the "
     "shares sum to 1 or less."),
    ("val: {drawn: 0.1}", "val: {drawn: 0.1, real: 0.5}",
     "22:29: 'real' is divided by shares in one split and by declared rows in another / Name the "
     "rows in every split, or in none."),
    # declared_rows
    ("val: {drawn: 0.1}", "val: {drawn: {rows: val}}",
     "22:18: 'drawn' is no table, it declares no rows for a split / Give a share, like 0.1."),
    # triples
    ("pairs: 1.0, real: {rows: train}}\n    val: {drawn: 0.1}",
     "real: {rows: train}}\n    val: {drawn: 0.1, pairs: 1}",
     "22:23: 'pairs' holds triples, which are for training only / Take it in 'data.splits.train'."),
    # unused
    ("    pairs: {kind", "    more: {kind: triples, path: x}\n    pairs: {kind",
     "19:5: no split takes anything from the source 'more' / Name it in 'data.splits', or remove "
     "it."),
    # validation
    ("    val: {drawn: 0.1}\n", "",
     "20:3: there are training samples but none to validate on; checkpoints are chosen on 'val' / "
     "Take a part of a source for it, like `val: {NAME: 0.1}`."),
    # stratify
    ("  splits:", "  stratify: crackd\n  splits:",
     "20:13: there is no label 'crackd' / Did you mean 'cracked'?"),
    # pixels
    ("base: tiny", "base: tiny\n  min_pixels: 70000",
     "9:15: 'min_pixels' (70,000) is above 'max_pixels' (65,536) / Raise 'max_pixels', or lower "
     "'min_pixels'."),
    ("base: tiny", "base: tiny\n  max_pixels: 2000",
     "9:15: 'min_pixels' (16,384) is above 'max_pixels' (2,000) / Raise 'max_pixels', or lower "
     "'min_pixels'."),
    # remote_code
    ("base: tiny", "base: me/model\n  remote_code: me/modle",
     "9:16: 'me/modle' is not the base model / Write `remote_code: me/model` to run the code that "
     "comes with it, or remove the key."),
    # links
    ("  - name: Ada", "  - name: Ada\n    url: javascript:alert(1)",
     "5:10: 'authors.0.url' begins with 'javascript:' / A link begins with https:, http: or "
     "mailto:."),
    # task_names
    ("tasks: [cracked, severity]", "tasks: [cracked, severity, craked]",
     "36:32: there is no task 'craked' / Did you mean 'cracked'?"),
    ("tasks: [cracked, severity]", "tasks: [cracked, severity, cracked]",
     "36:32: the task 'cracked' is named twice / Remove one of them."),
    ("  epochs: 1", "  tasks: [seriousness]",
     "43:11: there is no task 'seriousness' / Known: cracked, severity."),
    # task_labels
    ("    label: severity\n", "    label: severty\n",
     "33:12: there is no label 'severty' / Did you mean 'severity'?"),
    # answers
    ('answers: {cracked: "Yes", not cracked: "No"}', 'answers: {cracked: "Yes", clean: "No"}',
     "29:14: the label 'cracked' of 'drawn' can be 'not cracked', which has no answer / Add `not "
     "cracked: \"Yes\"` or `not cracked: \"No\"` to 'answers'."),
    ('answers: {cracked: "Yes", not cracked: "No"}',
     'answers: {cracked: "Yes", not cracked: "Yes"}',
     "29:14: no value of the label is answered 'No' / Give both, like `answers: {cracked: \"Yes\", "
     "not cracked: \"No\"}`."),
    ('\n    answers: {cracked: "Yes", not cracked: "No"}', "",
     "28:12: the label 'cracked' of 'drawn' can be 'cracked', which has no answer / Add `cracked: "
     "\"Yes\"` or `cracked: \"No\"` to 'answers'."),
    # scales
    ("    label: severity\n", "    label: severity\n    low: 6\n",
     "34:10: the scale goes from 6 to 5 / Make 'low' smaller than 'high'."),
    ("    label: severity\n", "    label: severity\n    low: 2\n",
     "33:12: the label 'severity' of 'drawn' can be '1', which is not on the scale from 2 to 5 / "
     "Map it to a number of the scale, or name another label."),
    # benchmark_parts
    ("tasks: [cracked, severity]", "tasks: [cracked, severity]\n    sources: [drawn, drawn]",
     "37:22: the source 'drawn' is named twice / Remove one of them."),
    ("tasks: [cracked, severity]",
     "tasks: [cracked, severity]\n    split: val\n    sources: [drawn, real]",
     "38:22: the split 'val' takes nothing from the source 'real' / Sources in 'val': drawn."),
    # gate_names
    ("benchmark: floor", "benchmark: flor",
     "38:14: there is no benchmark 'flor' / Did you mean 'floor'?"),
    ("tasks: [cracked, severity]", "tasks: [cracked]",
     "41:14: the benchmark 'floor' does not ask the task 'severity' / Known: cracked."),
    ("metric: accuracy", "metric: acuracy",
     "40:31: there is no metric 'acuracy' for a task of type 'binary' / Did you mean 'accuracy'?"),
    # gate_thresholds
    (", at_least: 0.9", "", "40:7: a target has either 'at_least' or 'at_most' / Add one."),
    ("at_least: 0.9", "at_least: 0.9, at_most: 0.9",
     "40:7: a target has either 'at_least' or 'at_most' / Remove one."),
    ("at_most: 0.5", "at_least: 0.5",
     "41:37: 'mae' is better the smaller it is / Write 'at_most' instead."),
    ("at_least: 0.9", "at_least: 90",
     "40:51: 'accuracy' lies between 0 and 1, not at 90 / Write 0.9 for 90%."),
    ("at_most: 0.5", "at_most: 4.5", "41:46: 'mae' lies between 0 and 4, not at 4.5"),
    ("mae, at_most: 0.5", "quadratic_kappa, at_least: -2",
     "41:59: 'quadratic_kappa' lies between -1 and 1, not at -2"),
    # blends
    ("blend: {drawn: 1, real: 2}", "blend: {drawn: 0, real: 0}",
     "44:10: all weights are 0 / Give one source a weight above 0."),
    ("train: {drawn: 0.8, pairs: 1.0, real: {rows: train}}", "train: {drawn: 0.8, pairs: 1.0}",
     "44:21: training takes nothing from the source 'real' / Name it in 'data.splits.train' too."),
    # frozen_vision
    ("  epochs: 1", "  epochs: 1\n  freeze_vision: true",
     "44:3: 'freeze_vision' is for 'method: full' only / With adapters, write "
     "'lora: {vision: false}'."),
    # required
    ("  dataset: Drawn.\n", "",
     "47:1: the page needs the text 'dataset' (heading \"### 1. Prepare Evaluation Dataset\") / "
     "Write: How the evaluation data was collected and labeled, and its edge cases."),
    ("  dataset: Drawn.\n", "  dataset: '  '\n",
     "51:3: the page needs the text 'dataset' (heading \"### 1. Prepare Evaluation Dataset\") / "
     "Write: How the evaluation data was collected and labeled, and its edge cases."),
    # templates
    ("accuracy | pct }}", "accuracy | pct }",
     "50:5: 'overview' is no Jinja template: unexpected '}' / Numbers are written like "
     "{{ floor.base.cracked.accuracy | pct }}."),
    ("dataset: Drawn.", "dataset: '{% if %}'",
     "51:12: 'dataset' is no Jinja template: Expected an expression, got 'end of statement block' "
     "/ Numbers are written like {{ floor.base.cracked.accuracy | pct }}."),
])
def test_rule(problems: Problems, old: str, new: str, expected: str) -> None:
    assert said(problems((old, new))) == [expected]


def test_rows_without_a_split_column(problems: Problems) -> None:
    advice = "Add `split: COLUMN` to 'data.sources.real.columns'."
    what = "'real' does not say which column declares the split"
    found = said(problems(("columns: {split: split}", "media: pictures")))
    assert found == [f"21:43: {what} / {advice}", f"23:30: {what} / {advice}"]


def test_a_label_that_only_another_source_has(problems: Problems) -> None:
    found = said(problems(
        ("    label: severity\n", "    label: surface\n"),
        ("  type: scale", "  type: binary"),
        ("    - {task: severity, metric: mae, at_most: 0.5}\n", ""),
        ("tasks: [cracked, severity]", "tasks: [cracked, severity]\n    sources: [real]"),
    ))
    assert found[-1] == (
        "36:22: the task 'severity' needs the label 'surface', which no source of the benchmark "
        "'floor' has / Labels there: cracked, severity."
    )


def test_a_benchmark_on_an_empty_split(problems: Problems) -> None:
    found = said(problems(
        ("    val: {drawn: 0.1}\n", ""),
        ("tasks: [cracked, severity]", "tasks: [cracked, severity]\n    split: val"),
    ))
    assert found[-1] == (
        "36:12: the split 'val' is empty / Take a part of a source for it in 'data.splits.val'."
    )


def test_texts_have_their_profile_and_their_labels(problems: Problems) -> None:
    found = said(problems(
        ("    type: scale\n    prompt: How dangerous is it?",
         "    type: caption\n    prompt: Describe it.\n    more_labels: [cracked, craked]"),
        ("{task: severity, metric: mae, at_most: 0.5}",
         "{task: severity, metric: bleu, at_least: 0.5}"),
    ))
    assert found[:2] == [
        "31:11: the profile 'test-finetune-test' has no place for answers that are text / Write "
        "`profile: benchmark-study`.",
        "33:28: there is no label 'craked' / Did you mean 'cracked'?",
    ]


def test_every_prose_key_is_asked_for_when_there_is_no_prose(problems: Problems) -> None:
    text = problems(("prose:\n", "resources: []\n#"), ("  overview: |\n", "#"), (
        "    Robots should not drive over cracks.\n", ""), (
        "    The model is right in {{ floor.base.cracked.accuracy | pct }} of the cases.\n", ""), (
        "  dataset: Drawn.\n  why_not_fine_tuned: Enough.\n  why_it_matters: Safer.\n"
        "  conclusion: Done.\n", ""))
    assert [line.split("'")[1] for line in text.splitlines() if ": the page" in line] == [
        "conclusion", "dataset", "overview", "why_it_matters", "why_not_fine_tuned",
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("data", [
    None, [], "x", {},
    {"data": 1, "tasks": [], "train": None, "prose": [1], "gate": {"targets": {}}},
    {"data": {"sources": {"a": None, "b": {"kind": "world", "world": 3}}, "splits": {"test": [1]}},
     "tasks": {"t": {"type": "scale", "low": "1"}}, "benchmarks": {"f": {"tasks": "t"}, "g": None},
     "gate": {"benchmark": [], "targets": [None, {"metric": [], "at_least": "x"}]},
     "train": {"blend": {"a": "much"}, "ablations": [1]}, "prose": {"overview": 3}},
])
def test_a_rule_skips_what_has_the_wrong_type(rule: Callable[..., object], data: object) -> None:
    for problem in rule(data):  # type: ignore[attr-defined] # a rule is a generator
        assert problem.what
