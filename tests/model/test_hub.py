"""The hub, played by a small server on this machine."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ERRORS = {
    "team/gated": (403, {"X-Error-Code": "GatedRepo"}),
    "team/absent": (401, {"X-Error-Code": "RepoNotFound"}),
    "team/broken": (500, {}),
}
SCRIPT = """
import json
from recipe_kit.errors import ModelError
from recipe_kit.model.checkpoint import describe_model, find_checkpoint
said = {}
for name, revision in [("team/gated", None), ("team/absent", None), ("team/broken", None),
                       ("team/model", "v9")]:
    try:
        find_checkpoint(name, revision=revision)
    except ModelError as error:
        said[f"{name} {revision}"] = str(error)
card = describe_model("team/model")
said["card"] = [card.parameters, card.dtype, card.license, card.text_layers]
found = find_checkpoint("team/model", weights=False)
said["before"] = sorted(path.name for path in found.folder.iterdir())
found = find_checkpoint("team/model")
said["after"] = sorted(path.name for path in found.folder.iterdir())
said["revision"] = found.revision()
print(json.dumps(said))
"""


def handler(folder):
    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, *, body):
            parts = self.path.split("?")[0].strip("/").split("/")
            api = parts[0] == "api"
            name = "/".join(parts[2:4] if api else parts[:2])
            if name in ERRORS:
                return self.send(*ERRORS[name])
            if "v9" in parts:
                return self.send(404, {"X-Error-Code": "RevisionNotFound"})
            files = sorted(path.name for path in folder.iterdir())
            if api:
                siblings = [{"rfilename": file} for file in files]
                about = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings}
                tree = [
                    {"type": "file", "path": f, "size": (folder / f).stat().st_size, "oid": f}
                    for f in files
                ]
                return self.send(200, {}, json.dumps(tree if "tree" in parts else about).encode())
            if parts[-1] not in files:
                return self.send(404, {"X-Error-Code": "EntryNotFound"})
            data = (folder / parts[-1]).read_bytes()
            size = {"X-Linked-Size": str(len(data))}
            if span := self.headers.get("Range"):
                first, _, last = span.removeprefix("bytes=").partition("-")
                data = data[int(first) : int(last or len(data)) + 1]
            headers = {"ETag": f'"{parts[-1]}"', "X-Repo-Commit": COMMIT, **size}
            return self.send(206 if span else 200, headers, data, body=body)

        def send(self, status, headers, data=b"{}", *, body=True):
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body and self.command == "GET":
                self.wfile.write(data)

    return Hub


@pytest.fixture(scope="module")
def said(write_model, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "model"
    write_model(folder, tokenizer)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    (folder / "pytorch_model.bin").write_bytes(b"never asked for")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cache = tmp_path_factory.mktemp("cache")
    try:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ
            | {
                "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
                "HF_HOME": str(cache),
                "HF_HUB_OFFLINE": "0",
                "HF_HUB_DISABLE_XET": "1",
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                "NO_PROXY": "127.0.0.1",
            },
        )
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "team/gated None",
            "team/gated: the hub wants you to accept this model's terms\n"
            "  To mend it: accept them, then log in: hf auth login",
        ),
        (
            "team/absent None",
            "team/absent: is neither a folder here nor a model on the hub that you may read\n"
            "  To mend it: check the spelling; for a private model, log in: hf auth login",
        ),
        (
            "team/broken None",
            "team/broken: is no folder here, and the hub cannot be reached to download it\n"
            "  To mend it: check the network, or download the model elsewhere and name its folder",
        ),
        (
            "team/model v9",
            "team/model: has no revision 'v9' on the hub\n  To mend it: mend model.revision",
        ),
    ],
)
def test_what_the_hub_refuses_is_told(said, asked, message):
    assert said[asked] == message


def test_a_model_is_described_without_downloading_its_weights(said):
    parameters, dtype, terms, layers = said["card"]
    assert parameters > 100_000
    assert (dtype, terms, layers) == ("BF16", "apache-2.0", 5)
    assert "model.safetensors" not in said["before"]


def test_weights_are_downloaded_and_pickles_are_not(said):
    assert set(said["after"]) - set(said["before"]) == {"model.safetensors"}
    assert "pytorch_model.bin" not in said["after"]
    assert said["revision"] == COMMIT
