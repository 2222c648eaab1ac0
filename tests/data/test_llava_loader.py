import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from recipe_kit.data.exchange.training import TrainingRow, write_training
from recipe_kit.errors import DataError
from recipe_kit.paths import templates_dir

LOADER = templates_dir() / "llava_loader.py"


def load(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Isolated and elsewhere: nothing of this project can be imported by chance.
    return subprocess.run(
        [sys.executable, "-I", "-W", "error", "llava_loader.py", *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def write(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    Image.new("L", (8, 6)).save(tmp_path / "media" / "a b.png")
    Image.new("RGBA", (4, 4)).save(tmp_path / "media" / "b.png")
    (tmp_path / "media" / "c.mp4").write_bytes(b"video")
    return write_training(tmp_path, [
        TrainingRow("a b.png", "Where is the <image>?\n\tLeft “or” right", "left\n"),
        TrainingRow("b.png", "What is it?", "A crack."),
        TrainingRow("c.mp4", "What happens?", "Rain.", "video"),
    ])


def test_the_loader_loads_what_was_written(tmp_path: Path) -> None:
    path = write(tmp_path)
    done = load(tmp_path, path.name, "--media", "media")
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert first == "1:"
    assert lines[0] == "  user: Where is the "
    assert lines[1].startswith("  user: <PIL.Image.Image image mode=RGB size=8x6")
    assert lines[2:] == [
        "  user: ?", "\tLeft “or” right", "  assistant: left", "", "3 conversations, all loaded"
    ]


def test_the_messages_are_what_a_processor_takes(tmp_path: Path) -> None:
    path = write(tmp_path)
    code = (
        "import json, pathlib, sys; sys.path.insert(0, '.')\n"
        "from llava_loader import LlavaDataset\n"
        "data = LlavaDataset(pathlib.Path(sys.argv[1]), pathlib.Path('media'))\n"
        "print(json.dumps([data[1], data[2]], default=lambda i: [i.mode, *i.size]))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", code, path.name],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout) == [
        {"id": "2", "messages": [
            {"role": "user", "content": [
                {"type": "image", "image": ["RGB", 4, 4]}, {"type": "text", "text": "What is it?"},
            ]},
            {"role": "assistant", "content": [{"type": "text", "text": "A crack."}]},
        ]},
        {"id": "3", "messages": [
            {"role": "user", "content": [
                {"type": "video", "video": str(Path("media/c.mp4"))},
                {"type": "text", "text": "What happens?"},
            ]},
            {"role": "assistant", "content": [{"type": "text", "text": "Rain."}]},
        ]},
    ]  # fmt: skip


def test_the_loader_names_the_item_that_cannot_be_loaded(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "media" / "b.png").write_bytes(b"no picture")
    done = load(tmp_path, "train.json", "--media", "media")
    assert done.returncode == 1
    assert done.stderr.startswith("train.json (item 2): cannot identify image file")
    (tmp_path / "media" / "a b.png").unlink()
    assert "train.json (item 1): " in load(tmp_path, "train.json", "--media", "media").stderr


def test_the_loader_needs_pillow_and_nothing_else() -> None:
    tree = ast.walk(ast.parse(LOADER.read_text()))
    names = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert names - set(sys.stdlib_module_names) == {"PIL"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "there is no training example to write"),
        ([TrainingRow("a.png", "What?", "")],
         "training example 1 (a.png): has no medium or no target"),
        ([TrainingRow("", "What?", "x")],
         "training example 1 (without a medium): has no medium or no target"),
        ([TrainingRow("a.png", "", "x")],
         "training example 1 (a.png): is no question: question: String should have"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_on(tmp_path: Path, rows: list[TrainingRow], message: str) -> None:
    with pytest.raises(DataError) as caught:
        write_training(tmp_path, rows)
    assert message in str(caught.value)
