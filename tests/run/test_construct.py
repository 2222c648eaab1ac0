"""Benchmarks that models answer too, from `recipe run` to the record."""

import json
from pathlib import Path

import pytest
from odd_server import completion, serve
from pool_project import make_pool_project
from small_project import Project, copy_project

from recipe_kit.benchmark.review import Decision, read_decisions, record_decision
from recipe_kit.run.layout import layout
from recipe_kit.run.review import Review
from recipe_kit.spec.load import load_recipe


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Models have answered, and people have to decide."""
    project = make_pool_project(tmp_path_factory.mktemp("stopped") / "project")
    result = project("run")
    left = len(read_decisions(review_file(project)))
    assert left > 0
    assert result.exit_code == 3
    assert result.stderr.endswith(
        "Error: benchmarks: answers contradict each other, and nobody has decided: "
        f"{left} of 12 in av (recipes/small-av-review.jsonl)\n"
        "  To mend it: `recipe review recipes/small.yaml` shows each with its frames and records "
        "your decision, then run again; or write `undecided: remove` to leave them out\n"
    )
    return project


@pytest.fixture
def project(stopped: Project, tmp_path: Path) -> Project:
    return copy_project(stopped, tmp_path / "project")


def review_file(project: Project) -> Path:
    return project.root / "recipes" / "small-av-review.jsonl"


def decide(project: Project, *kinds: str) -> None:
    """Decides every contradiction, in turn in one of these ways where that can be done."""
    for number, one in enumerate(read_decisions(review_file(project))):
        kind = kinds[number % len(kinds)]
        kind = "correct" if kind == "keep" and not one.text_answer else kind
        other = next(text for text in one.options if text != one.text_answer)
        record_decision(review_file(project), Decision(**one.model_dump() | {
            "decision": kind, "answer": other if kind == "correct" else "", "reason": "R",
            "by": "Ada",
        }))


def logs(project: Project) -> dict[str, list[str]]:
    (folder,) = (project.run_folder / "answers").iterdir()
    return {
        path.name: [json.loads(line)["question"] for line in path.read_text().splitlines()]
        for path in sorted(folder.glob("*.jsonl"))
    }


def test_a_model_answers_what_no_label_does(stopped: Project) -> None:
    asked = logs(stopped)
    assert list(asked) == ["text-av.jsonl", "vision-av.jsonl"]
    assert {one.rsplit("/", 1)[1] for one in asked["text-av.jsonl"]} == {"mood"}
    assert len(asked["text-av.jsonl"]) == 4
    assert len(asked["vision-av.jsonl"]) == len(set(asked["vision-av.jsonl"])) == 12
    assert stopped.states()["answers"] == "done"
    assert stopped.states()["benchmark"] == "to do"


def test_decisions_make_the_benchmark(project: Project) -> None:
    before, answered = project.fingerprints(), logs(project)
    decide(project, "keep", "correct", "remove")
    written = review_file(project).read_bytes()
    result = project("run")
    assert result.exit_code == 0, result.output
    assert "answers (done before)" in result.stderr
    assert logs(project) == answered
    assert review_file(project).read_bytes() == written
    changed = {name for name, mark in project.fingerprints().items() if mark != before[name]}
    assert changed == {"benchmark", "zero-shot", "gate", "re-evaluation", "comparison"}

    facts = project.record()["benchmarks"]["av"]
    made = facts["construction"]
    decisions = [one.decision for one in read_decisions(review_file(project))]
    counts = {name: decisions.count(name) for name in ("keep", "correct", "remove")}
    assert [made[name] for name in ("kept", "corrected", "removed")] == list(counts.values())
    assert made["drawn"] == 12 == made["agreed"] + made["contradictions"]
    assert made["contradictions"] == len(decisions)
    assert made["questions"] == facts["questions"] == 12 - counts["remove"]
    assert made["undecided"] == 0
    assert made["text"] == made["vision"] == "recipe_kit's embedded tiny model"
    assert made["categories"] == {"Scene": 3, "Feeling": 1}
    assert facts["frozen"] == facts["digest"]
    verified = project("verify")
    assert verified.exit_code == 0, verified.output

    # Why, and who, may be written better afterwards; another decision makes another benchmark.
    text = review_file(project).read_text()
    review_file(project).write_text(text.replace('"reason": "R"', '"reason": "Seen."'))
    assert set(project.states().values()) <= {"done", "not needed"}
    decide(project, "remove", "keep")
    states = project.states()
    assert [states[name] for name in ("answers", "benchmark", "zero-shot")] == [
        "done", "to do", "to do",
    ]  # fmt: skip


def test_what_is_exported_is_what_was_settled(project: Project) -> None:
    result = project("export", "out.json", "--format", "llava")
    assert result.exit_code == 3
    assert result.stderr == (
        "Error: benchmarks.av: its questions are not settled yet: models answer them, and people "
        "decide\n  To mend it: `recipe run recipes/small.yaml` settles them; it says what is left "
        "to decide\n"
    )
    decide(project, "correct", "remove")
    assert project("run").exit_code == 0
    result = project("export", "out.json", "--format", "llava")
    assert result.exit_code == 0, result.output
    (frozen,) = project.run_folder.glob("benchmark/*/questions-av.jsonl")
    asked = [json.loads(line) for line in frozen.read_text().splitlines()]
    exported = json.loads((project.root / "out.json").read_text())
    assert [row["conversations"][1]["value"] for row in exported] == [
        row["reference"] for row in asked
    ]


def test_what_nobody_decided_may_be_left_out(project: Project) -> None:
    first, *rest = read_decisions(review_file(project))
    record_decision(review_file(project), first.model_copy(update={
        "decision": "correct", "answer": first.options[0], "reason": "R", "by": "Ada",
    }))
    result = project("run", "--set", "benchmarks.av.pool.undecided=remove")
    assert result.exit_code == 0, result.output
    agreed = 12 - 1 - len(rest)
    assert (
        f"av: {agreed} verified, 0 kept, 1 corrected, 0 removed, {len(rest)} undecided and left out"
        in result.stderr
    )
    made = project.record()["benchmarks"]["av"]["construction"]
    assert (made["undecided"], made["questions"]) == (len(rest), agreed + 1)


def test_answers_go_on_where_they_stopped(project: Project) -> None:
    answered = logs(project)
    (folder,) = (project.run_folder / "answers").iterdir()
    (folder / "manifest.json").unlink()
    rows = (folder / "vision-av.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "vision-av.jsonl").write_bytes(b"".join(rows[:5]) + rows[5][:40])
    assert project("run").exit_code == 3
    assert {name: sorted(rows) for name, rows in logs(project).items()} == {
        name: sorted(rows) for name, rows in answered.items()
    }
    assert (folder / "vision-av.jsonl").read_bytes().startswith(b"".join(rows[:5]))


def test_a_question_that_changed_is_to_be_decided_again(project: Project) -> None:
    decide(project, "keep")
    first = read_decisions(review_file(project))
    pool = project.root / "recipes" / "pool.yaml"
    pool.write_text(pool.read_text().replace("How does the drive feel?", "How is the drive?"))
    result = project("run")
    assert result.exit_code == 3
    about = [one for one in first if one.question.endswith("/mood")]
    assert about
    for one in about:
        assert (
            f"{one.question}: the question has changed since '{one.decision}' was decided; it is "
            "to be decided again" in result.stderr.replace("\n", " ").replace("  ", " ")
        )
    again = read_decisions(review_file(project))
    assert again[: len(first)] == first
    assert {one.asked for one in again[len(first):]} == {"How is the drive?"}


def test_frozen_questions_may_not_be_changed(project: Project) -> None:
    decide(project, "keep")
    assert project("run").exit_code == 0
    (frozen,) = project.run_folder.glob("benchmark/*/questions-av.jsonl")
    frozen.write_text("".join(frozen.read_text().splitlines(keepends=True)[1:]))
    for folder in project.run_folder.glob("comparison/*"):
        (folder / "manifest.json").unlink()
    result = project("run")
    assert result.exit_code == 6
    assert "was changed after it was frozen" in result.stderr


def test_labels_alone_need_no_stage(project: Project) -> None:
    project.edit(", text: {base: tiny}, vision: {base: tiny}", "")
    pool = project.root / "recipes" / "pool.yaml"
    text = pool.read_text()
    start = text.index("  - name: mood")
    pool.write_text(text[:start] + text[text.index("  - name: environment"):])
    assert list(project.states())[:2] == ["data", "zero-shot"]
    assert project("run").exit_code == 0
    made = project.record()["benchmarks"]["av"]["construction"]
    assert (made["text"], made["vision"], made["drawn"], made["questions"]) == ("labels", "", 8, 8)


def test_there_is_nothing_to_review_before_models_have_answered(tmp_path: Path) -> None:
    project = make_pool_project(tmp_path / "project")
    result = project("review")
    assert result.exit_code == 6
    assert result.stderr == (
        "Error: recipes/small.yaml: the models have not answered yet\n"
        "  To mend it: Run `recipe run recipes/small.yaml` first; it stops where you have to "
        "decide.\n"
    )
    project.edit(", text: {base: tiny}, vision: {base: tiny}", "")
    result = project("review")
    assert result.exit_code == 3
    assert result.stderr == (
        "Error: recipes/small.yaml: there is nothing to review: no pool names a model that answers "
        "its questions too\n  To mend it: name one in benchmarks.NAME.pool.vision\n"
    )


def test_the_review_lists_what_a_run_could_not_settle(stopped: Project) -> None:
    recipe = load_recipe(stopped.recipe)
    review = Review(recipe, layout(recipe, stopped.recipe))
    assert [pair.id for pair in review.pairs()] == [
        one.question for one in read_decisions(review_file(stopped))
    ]
    frames = review.frames(0)
    assert len(frames) == 8
    assert all(content.startswith(b"\xff\xd8") for content, _ in frames)
    assert [second for _, second in frames] == [number / 4 for number in range(8)]


def with_servers(project: Project, text: str, vision: str) -> Project:
    made = "endpoint: {{url: \"{}\", model: m, concurrency: 1, retries: 0, timeout_s: 20}}"
    project.edit("text: {base: tiny}", "text: {base: org/reader, " + made.format(text) + "}")
    project.edit("vision: {base: tiny}", "vision: {base: org/viewer, " + made.format(vision) + "}")
    return project


def test_servers_answer_at_the_same_time(tmp_path: Path) -> None:
    with serve({"reply": completion("A"), "wait": 0.1}) as (url, script):
        project = with_servers(make_pool_project(tmp_path / "project"), url, url)
        assert project("run").exit_code == 3
    assert script.most_at_once == 2  # one request of each
    requests = [json.dumps(one) for one in script.requests]
    reading = [one for one in requests if "These are the annotations of a video, as JSON" in one]
    assert (len(reading), len(requests)) == (4, 16)
    assert all(("_url" in one) == (one not in reading) for one in requests)


def test_a_server_that_fails_leaves_what_the_other_said(tmp_path: Path) -> None:
    with (
        serve({"reply": completion("A")}) as (text, read),
        serve({"reply": completion("B")}, {"reply": completion("B")}, {"status": 400}) as
        (vision, _),
    ):
        project = with_servers(make_pool_project(tmp_path / "project"), text, vision)
        result = project("run")
    assert result.exit_code == 4, result.output
    asked = logs(project)
    assert len(asked["vision-av.jsonl"]) == 2
    with serve({"reply": completion("B")}) as (text, read), serve({"reply": completion("B")}) as (
        vision, seen,
    ):
        project.recipe.write_text(
            make_pool_project(tmp_path / "again").recipe.read_text()
        )
        with_servers(project, text, vision)
        assert project("run").exit_code == 3
    assert len(read.requests) == 4 - len(asked.get("text-av.jsonl", []))
    assert len(seen.requests) == 10
    assert len(logs(project)["vision-av.jsonl"]) == 12
