import base64
import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from data_cases import REAL, needs_real_data, noise

from recipe_kit.benchmark.questions import build
from recipe_kit.cli import main
from recipe_kit.data.exchange.formats import FORMATS
from recipe_kit.data.exchange.question import ExchangeQuestion
from recipe_kit.data.sources import load_samples
from recipe_kit.data.splits import assign
from recipe_kit.record.schemas import Question
from recipe_kit.spec.load import load_recipe

DRAWN = """\
schema: 1
title: Small Floors
authors: [{name: A}]
organization: O
use_case: Floors
data:
  sources:
    drawn: {kind: world, world: floors, count: 12, seed: 3, width: 64, height: 64}
  splits: {test: {drawn: 0.8}, val: {drawn: 0.1}, train: {drawn: 0.1}}
tasks:
  state:
    type: choice
    prompt: What is this {category} floor like?
    label: cracked
    options: [cracked, not cracked]
    circular: true
  cracked:
    type: binary
    prompt: Is this floor cracked? Yes or No.
    label: cracked
    answers: {cracked: "Yes", not cracked: "No"}
  severity: {type: scale, prompt: "How severe is it, from 1 to 5?", label: severity}
benchmarks:
  floor: {tasks: [state]}
  rest: {tasks: [cracked, severity]}
gate: {benchmark: floor, targets: [{task: state, metric: accuracy, at_least: 0.9}]}
prose:
  {overview: o, dataset: d, baseline: b, why_not_fine_tuned: w, why_it_matters: m, conclusion: c}
"""
ASKED = """\
  asked:
    type: choice
    prompt: "{question}"
    label: answer
    options: ["{A}", "{B}"]
    shuffle: false
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECIPE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def done(*arguments: str) -> str:
    result = command(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str) -> str:
    result = command(*arguments)
    assert result.exit_code == 3
    return result.output


def drawn(tmp_path: Path) -> Path:
    path = tmp_path / "floors.yaml"
    path.write_text(DRAWN)
    return path


def built(path: Path, benchmark: str) -> list[Question]:
    spec = load_recipe(path)
    samples = assign(
        load_samples(spec, recipe_dir=path.parent, cache=path.parent / "runs" / ".cache"), spec)
    return list(build(benchmark, spec, samples))


def table(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(2**30)
    return list(csv.DictReader(io.StringIO(path.read_text(), newline=""), delimiter="\t"))


def test_an_exported_benchmark_is_a_vlmevalkit_table(tmp_path: Path) -> None:
    recipe = drawn(tmp_path)
    assert done("export", "floors.yaml", "out/floor.tsv") == (
        "Wrote out/floor.tsv: 10 questions, VLMEvalKit TSV\n")
    rows = table(tmp_path / "out" / "floor.tsv")
    asked = [question for question in built(recipe, "floor") if not question.rotation]
    assert [row["index"] for row in rows] == [str(number) for number in range(1, 11)]
    for row, question in zip(rows, asked, strict=True):
        assert row["question"] + f"\nA. {row['A']}\nB. {row['B']}" == question.prompt
        assert {row["A"], row["B"]} == {"cracked", "not cracked"}
        assert (row["answer"], row["category"], row["split"], row["task"], row["question_id"]) == (
            question.reference, question.category, "test", "state", question.id)
        picture = tmp_path.glob(f"runs/.cache/worlds/*/{question.media}")
        assert base64.b64decode(row["image"]) == next(picture).read_bytes()


@pytest.mark.parametrize(("format_", "out"), [
    ("vlmevalkit", "q.tsv"), ("llava", "q.json"), ("triples", "q.jsonl"), ("datasets", "q"),
])
def test_what_was_exported_asks_the_same(tmp_path: Path, format_: str, out: str) -> None:
    if format_ == "datasets":
        pytest.importorskip("datasets", reason="needs the package datasets")
    recipe = drawn(tmp_path)
    done("export", "floors.yaml", out, "--format", format_)
    before = [q for q in built(recipe, "floor") if not q.rotation]
    source = f"{{kind: questions, format: {format_}, path: {out}}}"
    text = DRAWN[: DRAWN.index("data:")] + f"""\
data:
  sources: {{others: {source}}}
  splits: {{test: {{others: {{rows: test}}}}}}
tasks:
{ASKED}benchmarks: {{again: {{tasks: [asked]}}}}
gate: {{benchmark: again, targets: [{{task: asked, metric: accuracy, at_least: 0.9}}]}}
""" + DRAWN[DRAWN.index("prose:"):]
    (tmp_path / "again.yaml").write_text(text)
    after = built(tmp_path / "again.yaml", "again")

    def content(questions: list[Question]) -> list[tuple[Any, ...]]:
        return sorted((q.media_sha256, q.prompt, q.choices, q.reference, q.category)
                      for q in questions)

    assert content(after) == content(before)


def test_questions_without_options_are_question_and_answer(tmp_path: Path) -> None:
    recipe = drawn(tmp_path)
    done("export", "floors.yaml", "rest.tsv", "--benchmark", "rest")
    rows = table(tmp_path / "rest.tsv")
    asked = built(recipe, "rest")
    assert [(row["question"], row["answer"]) for row in rows] == [
        (question.prompt, question.reference) for question in asked]
    assert "A" not in rows[0]
    # The second task's rows name the row that holds their picture.
    assert [row["image"] for row in rows[1::2]] == [row["index"] for row in rows[::2]]


def test_pictures_are_copied_beside_formats_that_name_them(tmp_path: Path) -> None:
    drawn(tmp_path)
    done("export", "floors.yaml", "out/floor.json", "--format", "llava")
    entries = json.loads((tmp_path / "out" / "floor.json").read_text())
    assert len({entry["image"] for entry in entries}) == 10
    assert all((tmp_path / "out" / entry["image"]).is_file() for entry in entries)
    loader = Path(__file__).parents[2] / "templates" / "llava_loader.py"
    said = subprocess.run([sys.executable, loader, "floor.json"], cwd=tmp_path / "out", check=True,
                          capture_output=True, text=True).stdout
    assert said.splitlines()[-1] == "10 conversations, all loaded"


@needs_real_data
def test_clips_are_copied_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECIPE_DATA", str(REAL.resolve()))
    rows = [json.loads(line)
            for line in (REAL / "drive-clips" / "mcq.jsonl").read_text().splitlines()]
    (tmp_path / "mcq.jsonl").write_text("".join(
        json.dumps(row) + "\n" for row in rows if "rural" in row["video"]))
    source = """{kind: table, path: mcq.jsonl, media: drive-clips, columns: {video: video, id: id,
      category: category}, labels: {q: question, a: options.A, b: options.B, c: options.C,
      d: options.D, answer: answer}}"""
    text = DRAWN.replace("{kind: world, world: floors, count: 12, seed: 3, width: 64, height: 64}",
                         source)
    text = text.replace("splits: {test: {drawn: 0.8}, val: {drawn: 0.1}, train: {drawn: 0.1}}",
                        "splits: {test: {drawn: 1.0}}")
    tasks = "tasks:\n" + ASKED.replace("{question}", "{q}").replace(
        '["{A}", "{B}"]', '["{a}", "{b}", "{c}", "{d}"]')
    text = text[: text.index("tasks:")] + tasks + """\
benchmarks: {clips: {tasks: [asked]}}
gate: {benchmark: clips, targets: [{task: asked, metric: accuracy, at_least: 0.9}]}
""" + text[text.index("prose:"):]
    (tmp_path / "clips.yaml").write_text(text)
    done("export", "clips.yaml", "out/clips.tsv")
    found = table(tmp_path / "out" / "clips.tsv")
    original = {row["id"]: row for row in rows}
    assert len(found) >= 2
    for row in found:
        was = original[row["question_id"].rsplit("/", 1)[-1]]
        assert {letter: row[letter] for letter in "ABCD"} == was["options"]
        assert (row["question"], row["answer"]) == (was["question"], was["answer"])
        assert (tmp_path / "out" / row["video"]).read_bytes() == (
            REAL / "drive-clips" / was["video"]).read_bytes()


@pytest.mark.parametrize(("arguments", "message"), [
    (["here.tsv"], "here.tsv: exists already\n  To mend it: take another name, or remove it"),
    (["q.json"], "q.json: the format is not clear: LLaVA JSON and triples both end so\n"
     "  To mend it: say it with --format: vlmevalkit, llava, triples, datasets"),
    (["q.csv"], "q.csv: the format is not clear: its name ends in '.csv'\n"
     "  To mend it: say it with --format: vlmevalkit, llava, triples, datasets"),
    (["q.tsv", "--benchmark", "flor"],
     "floors.yaml: there is no benchmark 'flor'\n  To mend it: Did you mean 'floor'?"),
])
def test_an_export_that_cannot_be(tmp_path: Path, arguments: list[str], message: str) -> None:
    drawn(tmp_path)
    (tmp_path / "here.tsv").write_text("mine")
    assert refused("export", "floors.yaml", *arguments) == f"Error: {message}\n"
    assert (tmp_path / "here.tsv").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"floors.yaml", "here.tsv"}


def questions(tmp_path: Path) -> list[ExchangeQuestion]:
    out = []
    for number in range(3):
        (tmp_path / "images").mkdir(exist_ok=True)
        noise(number).save(tmp_path / "images" / f"{number}.png")
        out.append(ExchangeQuestion(
            id=str(number), image_path=f"{number}.png", question="Where?", hint="Look.",
            options={"A": "left", "B": "right"}, answer="A", split="test", extra={"n": number},
        ))
    return out


def test_there_and_back_with_pictures_put_in_and_taken_out(tmp_path: Path) -> None:
    written = questions(tmp_path)
    FORMATS["llava"].write(tmp_path / "a.json", written)
    assert done("convert", "a.json", "b.tsv", "--media", "images") == (
        "Wrote b.tsv: 3 questions, VLMEvalKit TSV\n")
    assert [base64.b64decode(row["image"]) for row in table(tmp_path / "b.tsv")] == [
        (tmp_path / "images" / f"{number}.png").read_bytes() for number in range(3)]
    done("convert", "b.tsv", "c.jsonl", "--to-format", "triples", "--media", "again")
    assert FORMATS["triples"].read(tmp_path / "c.jsonl") == written
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    done("convert", "c.jsonl", "d.json", "--to-format", "llava")
    assert (tmp_path / "d.json").read_bytes() == (tmp_path / "a.json").read_bytes()


def test_a_dataset_is_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="needs the package datasets")
    FORMATS["triples"].write(tmp_path / "a.json", questions(tmp_path))
    assert done("convert", "a.json", "folder", "--media", "images") == (
        "Wrote folder: 3 questions, Hugging Face dataset\n")
    done("convert", "folder", "b.json", "--to-format", "triples", "--media", "images")
    assert (tmp_path / "b.json").read_bytes() == (tmp_path / "a.json").read_bytes()


@pytest.mark.parametrize(("arguments", "message"), [
    (["gone.tsv", "x.tsv"], "gone.tsv: is not there\n"
     "  To mend it: name a file or folder that exists"),
    (["a.json", "a.tsv"], "a.tsv: exists already\n  To mend it: take another name, or remove it"),
    (["a.json", "x.json"], "x.json: the format is not clear: LLaVA JSON and triples both end so\n"
     "  To mend it: say it with --to-format: vlmevalkit, llava, triples, datasets"),
    (["odd.json", "x.tsv"], 'odd.json: the format is not clear: its first object has the keys '
     '["a", "b"]\n  To mend it: say it with --from-format: vlmevalkit, llava, triples, datasets'),
    (["none.json", "x.tsv", "--from-format", "llava"],
     "none.json: holds no question\n  To mend it: fill it, or name another"),
    (["a.json", "x.tsv", "--media", "elsewhere"],
     "elsewhere/0.png: cannot be read: No such file or directory\n"
     "  To mend it: name the folder of the pictures with --media"),
    (["held.tsv", "x.json", "--to-format", "llava", "--media", "other"],
     "other/0.png: is another file of this name\n"
     "  To mend it: name an empty folder with --media"),
    (["leaves.json", "x.tsv", "--media", "images"],
     "question '1': the path '../1.png' leaves the media folder\n  To mend it: correct it"),
])
def test_a_conversion_that_cannot_be(tmp_path: Path, arguments: list[str], message: str) -> None:
    first, *_ = written = questions(tmp_path)
    FORMATS["llava"].write(tmp_path / "a.json", written)
    FORMATS["llava"].write(tmp_path / "leaves.json", [
        first.model_copy(update={"id": "1", "image_path": "../1.png"})])
    held = first.model_copy(update={"picture": (tmp_path / "images" / "1.png").read_bytes()})
    FORMATS["vlmevalkit"].write(tmp_path / "held.tsv", [held])
    (tmp_path / "a.tsv").write_text("mine")
    (tmp_path / "odd.json").write_text('[{"a": 1, "b": 2}]')
    (tmp_path / "none.json").write_text("[]")
    (tmp_path / "other").mkdir()
    noise(9).save(tmp_path / "other" / "0.png")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert refused("convert", *arguments) == f"Error: {message}\n"
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


REAL_SIDES = """\
schema: 1
title: Left and right
authors: [{name: A}]
organization: O
use_case: Left and right
data:
  sources:
    real:
      kind: table
      path: spatial-left-right/mcq_left_right.jsonl
      columns: {id: id, split: split}
      labels: {question: question, a: options.A, b: options.B, answer: answer,
        x: subject_box_xywh_norm.0}
  splits: {test: {real: {rows: test}}, train: {real: {rows: train, share: 0.8}},
    val: {real: {rows: train, share: 0.2}}}
tasks:
  side: {type: choice, prompt: "{question}", options: ["{a}", "{b}"], label: answer, shuffle: false}
benchmarks: {real: {tasks: [side]}}
gate: {benchmark: real, targets: [{task: side, metric: accuracy, at_least: 0.9}]}
prose:
  {overview: o, dataset: d, baseline: b, why_not_fine_tuned: w, why_it_matters: m, conclusion: c}
"""


@needs_real_data
def test_real_questions_are_read_as_vlmevalkit_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pandas = pytest.importorskip("pandas", reason="VLMEvalKit reads tables with pandas")
    monkeypatch.setenv("RECIPE_DATA", str(REAL.resolve()))
    (tmp_path / "sides.yaml").write_text(REAL_SIDES)
    done("export", "sides.yaml", "sides.tsv")
    # vlmeval/smp/file.py and vlmeval/dataset/image_base.py
    data = pandas.read_csv(tmp_path / "sides.tsv", sep="\t")
    pictures = dict(zip(map(str, data["index"]), map(str, data["image"]), strict=True))
    pictures = {index: pictures[cell] if len(cell) <= 64 else cell
                for index, cell in pictures.items()}
    original = [json.loads(line) for line in
                (REAL / "spatial-left-right" / "mcq_left_right.jsonl").read_text().splitlines()]
    tested = {row["id"]: row for row in original if row["split"] == "test"}
    assert len(data) == len(tested) == 60
    for row in data.to_dict("records"):
        was = tested[row["question_id"].rsplit("/", 1)[-1]]
        assert (row["question"], {"A": row["A"], "B": row["B"]}, row["answer"]) == (
            was["question"], was["options"], was["answer"])
        assert base64.b64decode(pictures[str(row["index"])]) == (
            REAL / "spatial-left-right" / was["image"]).read_bytes()
