"""A recipe whose tasks are answered by text: run, page, and what is asked again when."""

import json
from pathlib import Path
from typing import Any

import pytest
from data_cases import noise
from judges import save_judge
from small_project import Project, make_project

RECIPE = """\
schema: 1
title: Small Roads
profile: benchmark-study
authors: [{name: A}]
organization: O
use_case: Roads
model: {min_pixels: 1024, max_pixels: 1024}
data:
  sources:
    roads:
      kind: table
      path: roads.csv
      columns: {category: light, split: split}
      labels: {caption: caption, short: short, question: question, answer: answer, more: more}
  splits: {train: {roads: {rows: train}}, val: {roads: {rows: val}}, test: {roads: {rows: test}}}
tasks:
  describe: {type: caption, prompt: Describe the road., label: caption, more_labels: [short],
             max_new_tokens: 12}
  ask: {type: open, judge: judge, more_labels: [more], max_new_tokens: 6}
benchmarks: {captions: {tasks: [describe]}, open: {tasks: [ask]}}
evaluation: {bootstrap: 100, batch_size: 8, device: cpu}
gate:
  benchmark: captions
  targets: [{task: describe, metric: bleu, at_least: 0.9}]
success: {ask: {metric: lingo_judge, at_least: 0.5}}
train: {epochs: 2, batch_size: 8, learning_rate: 0.003, lora: {rank: 4}, tasks: [describe],
        checkpoint_every: 1}
prose: {overview: About roads., challenge: They are wet., conclusion: Done.}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = make_project(tmp_path_factory.mktemp("texts") / "project", RECIPE)
    folder = made.recipe.parent
    save_judge(folder / "judge")
    lines = ["image,caption,short,question,answer,more,light,split"]
    for number in range(24):
        noise(number).save(folder / f"{number}.png")
        wet, light = ("wet", "dry")[number % 2], ("red", "green")[number % 3 % 2]
        split = ("train", "test", "val", "train")[number // 2 % 4]
        lines.append(
            f"{number}.png,A {wet} road with a {light} light.,{wet} road,Is it Wet?,"
            f"{'Yes.' if number % 2 else 'No.'},it is {wet},{light},{split}"
        )
    (folder / "roads.csv").write_text("\n".join(lines) + "\n")
    done = made("run")
    assert done.exit_code == 0, done.output
    return made


def tasks(project: Project, role: str) -> dict[str, Any]:
    found = [one for one in project.record()["evaluations"] if one["role"] == role]
    return {name: scores for one in found for name, scores in one["tasks"].items()}


def test_captions_and_open_answers_are_scored(project: Project) -> None:
    for role in ("base", "tuned"):
        found = tasks(project, role)
        assert list(found["describe"]["metrics"]) == ["bleu"]
        assert list(found["ask"]["metrics"]) == ["lingo_judge", "bleu"]
        assert found["describe"]["signature"].startswith("nrefs:2|case:mixed|eff:no|tok:13a|")
        assert found["ask"]["judge"].startswith("judge@")
        assert set(found["describe"]["slices"]["category"]) == {"green", "red"}


def test_every_open_answer_was_judged_when_it_was_logged(project: Project) -> None:
    (log,) = project.run_folder.glob("zero-shot/*/predictions-open.jsonl")
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    (judge,) = {row["judge"] for row in rows}
    assert judge == tasks(project, "base")["ask"]["judge"]
    right = sum(row["judged"] > 0 for row in rows) / len(rows)
    assert right == tasks(project, "base")["ask"]["metrics"]["lingo_judge"]["value"]


def test_where_only_texts_are_learned_the_loss_chooses(project: Project) -> None:
    (training,) = project.record()["training"]
    losses = {one["step"]: one["val_loss"] for one in training["validations"]}
    assert {one["val_n"] for one in training["validations"]} == {0}
    assert training["best_step"] == min(losses, key=losses.__getitem__)


def test_the_page_is_what_its_answers_give(project: Project) -> None:
    checked = project.command("verify", str(project.page))
    assert checked.exit_code == 0, checked.output


def test_examples_are_of_both_benchmarks(project: Project) -> None:
    shown = [one for one in project.record()["examples"] if one["kind"] != "sample"]
    assert {one["question"].split("/")[0] for one in shown} == {"captions", "open"}
    assert all(one["references"] for one in shown)


def test_another_judge_asks_again_but_trains_nothing(project: Project) -> None:
    before = project.fingerprints()
    judge = project.recipe.parent / "judge"
    kept = {path: path.read_bytes() for path in judge.iterdir()}
    try:
        save_judge(judge, seed=1)
        after = project.fingerprints()
    finally:
        for path, content in kept.items():
            Path(path).write_bytes(content)
    changed = {name for name, mark in after.items() if before[name] != mark}
    assert {"zero-shot", "re-evaluation", "comparison"} <= changed
    assert not {"data", "train"} & changed
    assert project.fingerprints() == before
