"""The endpoint engine against a real `transformers serve` of the embedded model.

Its answers are compared with those of the same weights in this process. Where torchvision is
missing, transformers cannot make Qwen3-VL's processor for videos; the server then gets one for
pictures alone.
"""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recipe_kit.data.clip import Clip
from recipe_kit.data.worlds import draw
from recipe_kit.engine.endpoint import EndpointEngine
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.load import load_model
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.model import OtherModel
from recipe_kit.spec.recipe import Evaluation
from recipe_kit.spec.worlds import PrimerKnobs

WEIGHTS = Path(__file__).parents[2] / "recipe_kit" / "model" / "tiny" / "weights"
SIDE = 128
MISSING = [name for name in ("fastapi", "uvicorn", "accelerate", "openai")
           if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]

PICTURES_ONLY = '''
from transformers import ProcessorMixin
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor


class PicturesProcessor(Qwen3VLProcessor):
    @classmethod
    def get_attributes(cls):
        return ["image_processor", "tokenizer"]

    def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **kwargs):
        for name in ("image", "video"):
            token = f"<|{name}_pad|>"
            setattr(self, f"{name}_token", token)
            setattr(self, f"{name}_token_id", tokenizer.convert_tokens_to_ids(token))
        for name in ("start", "end"):
            token = f"<|vision_{name}|>"
            setattr(self, f"vision_{name}_token", token)
            setattr(self, f"vision_{name}_token_id", tokenizer.convert_tokens_to_ids(token))
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model as `transformers serve` can load it here."""
    copy = tmp_path_factory.mktemp("served") / "tiny"
    shutil.copytree(WEIGHTS, copy)
    if importlib.util.find_spec("torchvision") is None:
        (copy / "pictures_processor.py").write_text(PICTURES_ONLY)
        (copy / "processor_config.json").write_text(json.dumps({
            "processor_class": "PicturesProcessor",
            "auto_map": {"AutoProcessor": "pictures_processor.PicturesProcessor"},
        }))
    return copy


@pytest.fixture(scope="module")
def url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that has loaded it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder),
             "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32",
             "--trust-remote-code"],
            stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", server, home / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(30)


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")


def ask(engine: EndpointEngine | LocalEngine, asked: list[Question]) -> dict[str, Prediction]:
    return {found.question: found for found in engine.ask(asked)}


def test_pictures_are_answered_as_in_this_process(url: str, folder: Path, tmp_path: Path) -> None:
    questions = []
    for index in range(6):
        picture = draw("primer", seed=5, index=index, width=SIDE, height=SIDE, knobs=PrimerKnobs())
        Image.fromarray(picture.image).save(tmp_path / f"{index}.png")
        count = {"prompt": "How many objects are there?", "task_type": "scale",
                 "choices": tuple("12345"), "reference": str(picture.labels["count"])}
        shape = {"prompt": "What shape is the red object?", "task_type": "caption",
                 "choices": (), "reference": "circle", "max_new_tokens": 12}
        questions += [
            Question.model_validate({
                "id": f"{name}{index}", "benchmark": "b", "task": name, "sample": str(index),
                "media": f"{index}.png", "media_sha256": str(index), "source": "s", **fields,
            })
            for name, fields in (("count", count), ("shape", shape))
        ]

    def read(source: str, media: str) -> Clip:
        return Clip(np.asarray(Image.open(tmp_path / media))[None])

    area = SIDE * SIDE
    loaded = load_model(str(folder))
    here = LocalEngine(
        replace(loaded, preprocess=replace(loaded.preprocess, min_pixels=area, max_pixels=area)),
        Evaluation(max_new_tokens=12), read,
    )
    served = OtherModel.model_validate({
        "base": "tiny", "endpoint": {"url": url, "model": str(folder), "concurrency": 2},
    })
    there = EndpointEngine(
        served, Evaluation(max_new_tokens=12), read, lambda source, media: tmp_path / media,
        resume="recipe run x.yaml",
    )
    expected, found = ask(here, questions), ask(there, questions)
    assert {key: one.text for key, one in found.items()} == {
        key: one.text for key, one in expected.items()
    }
    assert len({one.text for one in found.values()}) > 3
    # It offers no log-probabilities, so they are of the text, and said to be.
    assert {one.probabilities_from for key, one in found.items() if "count" in key} == {"text"}
