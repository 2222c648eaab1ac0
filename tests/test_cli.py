"""The `recipe` command: what it says, how it ends, and every kind of bad input."""

import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image
from small_project import ENOUGH, SEVERITY, WORLD, Project, command, findings, make_project

TABLE = (
    "{kind: table, path: t.csv, columns: {id: id, category: kind}, labels: {cracked: label}}"
)
Damage = Callable[[Path], None]


@pytest.fixture
def table(project: Project, finished: Project) -> Project:
    """A project with pictures in a table beside the recipe."""
    project.edit(WORLD, TABLE)
    project.edit(SEVERITY, "")
    project.edit("[cracked, severity]", "[cracked]")
    project.edit("task: severity", "task: cracked")
    folder = project.recipe.parent
    rows = ["image,id,label,kind"]
    for number, drawn in enumerate(sorted(finished.root.glob("runs/.cache/**/*.png"))[:20]):
        shutil.copy(drawn, folder / f"{number}.png")
        rows.append(f"{number}.png,n{number},{'cracked' if number % 2 else 'not cracked'},safe")
    (folder / "t.csv").write_text("\n".join(rows) + "\n")
    return project


def edit(old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        for name in ("t.csv", "small.yaml"):
            path = folder / name
            path.write_text(path.read_text().replace(old, new))

    return damage


def picture(content: bytes) -> Damage:
    return lambda folder: (folder / "3.png").write_bytes(content) and None


def huge(folder: Path) -> None:
    Image.new("1", (10_000, 10_000)).save(folder / "3.png")


def leak(folder: Path) -> None:
    for number in range(1, 20):
        shutil.copy(folder / "0.png", folder / f"{number}.png")


def bomb(folder: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10)
    ]
    (folder / "small.yaml").write_text("\n".join(lines) + "\n")


def link(folder: Path) -> None:
    outside = folder.parent.parent / "outside.png"
    (folder / "3.png").rename(outside)
    (folder / "3.png").symlink_to(outside)


@pytest.mark.parametrize(
    ("damage", "code", "where", "what"),
    [
        (lambda folder: (folder / "t.csv").unlink(), 3, "data.sources.synthetic.path",
         "there is no t.csv in"),
        (lambda folder: (folder / "3.png").unlink(), 3, "data.sources", "3.png: there is no such"),
        (edit("labels: {cracked: label}", "labels: {cracked: lable}"), 3,
         "data.sources.synthetic.labels", "did you mean 'label'?"),
        (edit(",not cracked,", ",nt cracked,"), 3, "t.csv", "nt cracked"),
        (edit("val: {synthetic: 0.2}", "val: {synthetic: 0.001}"), 3, "data.splits.val",
         "the split 'val' is empty"),
        (picture(b""), 3, "data.sources", "3.png: the picture is empty (0 bytes)"),
        (picture(b"\x89PNG\r\n\x1a\nrest"), 3, "data.sources", "3.png: "),
        (huge, 3, "data.sources", "10000×10000 pixels (100.0 megapixels)"),
        (edit("3.png,n3", "../3.png,n3"), 3, "t.csv", "leaves the media folder"),
        (edit("3.png,n3", "/etc/passwd,n3"), 3, "t.csv", "is absolute"),
        (link, 3, "", "a link that leaves the media folder"),
        (edit(",n3,", ",n4,"), 3, "t.csv", "n4"),
        (leak, 3, "data.splits", "what is tested on is also trained or chosen on"),
        (bomb, 2, "small.yaml", "alias"),
        (edit("epochs: 2", "epoch: 2"), 2, "small.yaml:22:9",
         "Did you mean 'epochs'?"),
        (edit("title: Small", "title: [Small"), 2, "small.yaml:", ""),
        (lambda folder: (folder / "small.yaml").unlink(), 2, "small.yaml", ""),
        (edit("model: {", "model: {base: no-model, "), 4, "no-model", "there is no such folder"),
    ],
    ids=[
        "missing table", "missing picture", "wrong column", "unknown label", "empty split",
        "zero bytes", "corrupt picture", "100 megapixels", "path outside", "absolute path",
        "link outside", "duplicate ids", "leakage", "YAML bomb", "unknown key", "broken YAML",
        "missing recipe", "missing model",
    ],
)
def test_bad_input_is_one_message(
    table: Project, damage: Damage, code: int, where: str, what: str
) -> None:
    damage(table.recipe.parent)
    result = table("run", "--set", ENOUGH)
    assert result.exit_code == code, result.output
    check_refusal(table, result.stderr, where, what)


def check_refusal(project: Project, said: str, where: str, what: str) -> None:
    """One message, with the place, the cause and the way out; nothing half-written."""
    message = said[said.index("Error: ") :]
    assert where in message
    assert what in message
    assert "Traceback" not in said
    assert message.count("Error: ") == 1
    assert not (project.run_folder / "record.json").exists()
    assert not (project.root / "docs").exists()
    unfinished = [path for path in project.root.rglob(".*") if path.name != ".cache"]
    assert unfinished == []


def test_the_table_that_the_others_damage_is_sound(table: Project) -> None:
    result = table("run", "--set", ENOUGH)
    assert result.exit_code == 0, result.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(project: Project) -> None:
    result = project("run", "--set", "evaluation.device=cuda")
    assert result.exit_code == 4
    check_refusal(
        project, result.stderr, "evaluation.device", "there is no GPU that torch can use"
    )


def test_a_loss_that_is_no_number(project: Project) -> None:
    result = project("run", "--set", "train.learning_rate=1e30", "--set", "train.warmup=0")
    assert result.exit_code == 5, result.output
    check_refusal(project, result.stderr, "train.learning_rate", "the loss is no number at step")
    assert "Lower it: it is 1e+30" in result.stderr
    assert project("status").stdout.startswith("small: failed in train")


@contextmanager
def limit(kind: int, value: int) -> Iterator[None]:
    """Less of something than the machine has."""
    limits = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, limits)


def test_too_little_memory(project: Project) -> None:
    size = ("--set", "model.min_pixels=30000000", "--set", "model.max_pixels=40000000")
    with limit(resource.RLIMIT_AS, psutil.Process().memory_info().vms + 2**30):
        result = project("run", *size)
    assert result.exit_code == 4, result.output
    check_refusal(
        project, result.stderr, "evaluation.batch_size",
        "the memory is not enough for 8 pictures at once",
    )


@pytest.mark.parametrize("room", [100, 40_000])
def test_a_full_disk(project: Project, finished: Project, room: int) -> None:
    """No file can grow beyond `room` bytes; afterwards the same command goes on."""
    with limit(resource.RLIMIT_FSIZE, room):
        result = project("run")
    assert result.exit_code == 9, result.output
    check_refusal(project, result.stderr, str(project.root), "File too large")
    again = project("run")
    assert again.exit_code == 0, again.output
    assert findings(project.record()) == findings(finished.record())


@pytest.mark.parametrize("command", ["run", "render"])
def test_a_record_of_a_newer_version(done: Project, command: str) -> None:
    path = done.run_folder / "record.json"
    path.write_text(path.read_text().replace('"version": 3', '"version": 4', 1))
    before = path.read_bytes()
    result = done(command)
    assert result.exit_code == 6
    assert result.stderr == (
        f"Error: {path}: has version 4; this recipe_kit reads up to version 3\n"
        "  To mend it: Install a newer recipe_kit.\n"
    )
    assert path.read_bytes() == before


def test_the_run_of_another_recipe(done: Project) -> None:
    (done.root / "recipes" / "other.yaml").write_text(done.recipe.read_text() + "slug: small\n")
    result = done.command("run", "recipes/other.yaml")
    assert result.exit_code == 6
    assert result.stderr.splitlines() == [
        f"Error: {done.run_folder / 'record.json'}: is the record of another recipe, small.yaml",
        "  To mend it: Give other.yaml a slug of its own (`slug: ...`), or, if it is the same "
        "recipe under a new name, delete that record.",
    ]


@pytest.mark.parametrize("command", ["run", "render"])
def test_a_template_error_in_the_prose(done: Project, command: str) -> None:
    page = (done.page / "index.md").read_bytes()
    done.edit("About floors.", "About {{ floor.bse.cracked.accuracy }} floors.")
    result = done(command)
    assert result.exit_code == 7
    assert (
        "recipes/small.yaml:25: prose.overview: the record has no 'floor.bse.cracked.accuracy'; "
        "did you mean 'floor.base.cracked.accuracy'?"
    ) in result.stderr
    assert (done.page / "index.md").read_bytes() == page


def test_a_page_without_a_run(project: Project) -> None:
    result = project("render")
    assert result.exit_code == 6
    assert result.stderr.endswith(
        "record.json: there is no record\n  To mend it: Run `recipe run` first.\n"
    )


def test_where_a_run_is(done: Project) -> None:
    shown = done("status").stdout
    assert re.fullmatch(
        rf"small: finished at \S+\. Its page: {re.escape(str(done.page))}\n", shown
    )
    (done.run_folder / "status.json").unlink()
    assert done("status").stdout == (
        "small: not started. To start it: recipe run recipes/small.yaml\n"
    )


@pytest.mark.slow
def test_a_run_without_a_terminal_prints_plain_lines(tmp_path: Path) -> None:
    """And no warning of a library."""
    project = make_project(tmp_path / "project")
    ran = subprocess.run(
        command("run", "recipes/small.yaml", "--set", "train.epochs=1"),
        cwd=project.root, text=True, capture_output=True, check=True,
    )
    assert ran.stdout == "Wrote docs/recipes/small/index.md\n"
    # A slow machine also says every ten seconds how far it is.
    said = re.sub(r"  \S.* \(\d+ of \d+\)\n", "", ran.stderr)
    number = r"\d+\.\d+"
    assert re.fullmatch(
        rf"""▸ data
  60 samples: 24 train, 12 val, 24 test
✓ data \({number} s\)
▸ zero-shot
✓ zero-shot \({number} s\)
▸ gate
  severity accuracy {number}, at least 1: missed
  fine-tuning is warranted
✓ gate \({number} s\)
▸ train
  step 3: validation loss {number}, accuracy {number}%
  all 3 steps were done; the best checkpoint is after step 3
  [\d.]+ samples/s, [\d,]+ tokens/s, data wait [\d.]+%, memory [\d.]+ GB
✓ train \({number} s\)
▸ re-evaluation
✓ re-evaluation \({number} s\)
▸ comparison
✓ comparison \({number} s\)
""", said)


def test_an_override_is_checked_as_the_file_is(project: Project) -> None:
    result = project("validate", "--set", "train.epoch=1")
    assert result.exit_code == 2
    assert "--set train.epoch=1" in result.stderr
    assert "Did you mean 'epochs'?" in result.stderr


def test_what_the_machine_can_do(project: Project) -> None:
    shown = project.command("doctor")
    assert shown.exit_code == 0
    names = [line[4:].split(":")[0] for line in shown.stdout.splitlines() if line[:3] != "   "]
    assert names == [
        "Python", "Packages", "Memory", "Disk", "GPU", "Pictures", "Videos", "Embedded model",
        "Hub", "TensorBoard", "RECIPE_DATA",
    ]


@pytest.mark.parametrize(
    "arguments",
    ["--help", "validate recipes/small.yaml", "plan recipes/small.yaml",
     "status recipes/small.yaml", "render recipes/small.yaml", "new another",
     "verify recipes/small.yaml", "verify docs/recipes/small/index.md"],
)
def test_what_needs_no_model_imports_no_torch(done: Project, arguments: str) -> None:
    code = (
        "import sys; from recipe_kit.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'transformers', 'peft', 'decord'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, *arguments.split()], cwd=done.root, check=True)
