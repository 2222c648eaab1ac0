"""A server with OpenAI's chat-completions interface that can misbehave, on a port of its own."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass
class Script:
    """What the server does, request by request; the last step is done for all that follow."""

    steps: list[Json]
    requests: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_step(self, request: Json, headers: dict[str, str]) -> Json:
        with self.lock:
            self.requests.append(request)
            self.headers.append(headers)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            return self.steps[min(len(self.requests), len(self.steps)) - 1]


def completion(text: str | None, *, model: str = "m", logprobs: Json | None = None,
               **message: str) -> Json:
    """A well-formed reply."""
    choice = {"index": 0, "finish_reason": "stop",
              "message": {"role": "assistant", "content": text, **message}}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [choice | ({"logprobs": logprobs} if logprobs else {})]}


def likely(*places: dict[str, float]) -> Json:
    """Log-probabilities of a reply: for each token, its likeliest alternatives, its own first."""
    return {"content": [
        {"token": next(iter(place)), "logprob": next(iter(place.values())),
         "top_logprobs": [{"token": token, "logprob": value} for token, value in place.items()]}
        for place in places
    ]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        step = self.script.next_step(request, {
            name.lower(): value for name, value in self.headers.items()
        })
        try:
            time.sleep(step.get("wait", 0))
            body = step.get("raw", json.dumps(step.get("reply", {}))).encode()
            self.send_response(step.get("status", 200))
            for name, value in step.get("headers", {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body) + step.get("missing", 0)))
            self.end_headers()
            self.wfile.write(body)
            if step.get("missing"):
                self.wfile.flush()
                self.connection.close()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up, which some tests are about
        finally:
            with self.script.lock:
                self.script.at_once -= 1


@contextmanager
def serve(*steps: Json) -> Iterator[tuple[str, Script]]:
    """The server's address and its script, while it runs."""
    script = Script(list(steps))
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
