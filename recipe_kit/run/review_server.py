"""The local page on which a person decides about contradictions; `recipe review` serves it.

It is served to this machine alone, under an address that holds a random token, loads nothing from
elsewhere and needs no script. What is decided stands in the review file when the next page comes.
"""

import hmac
import mimetypes
import secrets
import sys
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, FileSystemLoader

from recipe_kit.benchmark.construct import Pair
from recipe_kit.errors import DataError, RecipeError
from recipe_kit.run.review import Review

_MOST_BYTES = 64 * 1024  # of a form
_PIECE = 1 << 20  # bytes of a video that are sent at once
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


def serve(review: Review, *, port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """A server of the page, on this machine only, and its address.

    Args:
        review: What is to be decided.
        port: The port; any free one when 0.

    Raises:
        DataError: The port is taken.
    """
    token = secrets.token_urlsafe(24)

    class Handler(_Handler):
        pass

    Handler.review, Handler.token = review, token
    try:
        server = _Server(("127.0.0.1", port), Handler)
    except OSError as error:
        raise DataError(f"the port {port} cannot be used: {error.strerror}", where="--port",
                        fix="name another, or none for any that is free") from error
    return server, f"http://127.0.0.1:{server.server_address[1]}/{token}/"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # A browser that has seen enough of a video hangs up, which is no error.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    review: Review
    token: str
    server_version, sys_version = "recipe", ""

    def do_GET(self) -> None:
        """A page, a frame, or a video."""
        self._told(self._get)

    def do_POST(self) -> None:
        """A decision."""
        self._told(self._post)

    def log_message(self, *args: Any, **named: Any) -> None:
        """Nothing: the terminal shows the address only."""

    def _told(self, answer: Callable[[], None]) -> None:
        """Tells what is wrong with the review file, which may be edited meanwhile."""
        try:
            answer()
        except RecipeError as error:
            self._say(HTTPStatus.INTERNAL_SERVER_ERROR, "This cannot be shown.",
                      problem=str(error))

    def _get(self) -> None:
        match self._steps():
            case [""]:
                self._go_on(0)
            case [number] if (at := self._number(number)) is not None:
                self._page(at)
            case ["frame", number, which] if (at := self._number(number)) is not None:
                self._frame(at, which)
            case ["video", number] if (at := self._number(number)) is not None:
                self._video(at)
            case _:
                self._say(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _post(self) -> None:
        steps = self._steps()
        at = self._number(steps[0]) if len(steps) == 1 else None
        length = self.headers.get("Content-Length", "")
        if at is None or not length.isdecimal():
            self._say(HTTPStatus.NOT_FOUND, "There is nothing here.")
            return
        if int(length) > _MOST_BYTES:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The reason is too long.")
            return
        form = parse_qs(self.rfile.read(int(length)).decode(errors="replace"))
        said = {
            key: form.get(key, [""])[0].strip() for key in ("decision", "answer", "reason", "by")
        }
        if said["decision"] != "correct":
            said["answer"] = ""
        if problem := _problem(said):
            self._page(at, said, problem)
            return
        try:
            self.review.decide(at, **said)
        except RecipeError as error:  # of the file, or of the disk: the form keeps what was typed
            self._page(at, said, error.what)
            return
        self._go_on(at)

    def _steps(self) -> list[str]:
        """The parts of the address below the token; none without the right token and host."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        parts = urlsplit(self.path).path.split("/")
        # Another name of this machine may be an attacker's, who had a browser come here by it.
        if host not in ("127.0.0.1", "localhost") or len(parts) < 3:
            return []
        return parts[2:] if hmac.compare_digest(parts[1].encode(), self.token.encode()) else []

    def _number(self, text: str) -> int | None:
        found = int(text) if text.isdecimal() and len(text) < 8 else -1
        return found if 0 <= found < len(self.review.places) else None

    def _go_on(self, after: int) -> None:
        """Leads to the next contradiction that is to be decided."""
        standing = [pair.standing for pair in self.review.pairs()]
        left = [number for number, one in enumerate(standing) if one == "undecided"]
        following = [number for number in left if number >= after]
        if not left:
            self._say(HTTPStatus.OK, "Everything is decided.", command=self.review.run_command,
                      count=len(standing))
            return
        self._send(HTTPStatus.SEE_OTHER, b"", "text/plain",
                   Location=f"/{self.token}/{(following or left)[0]}")

    def _page(self, at: int, said: dict[str, str] | None = None, problem: str = "") -> None:
        pairs = self.review.pairs()
        pair = pairs[at]
        try:
            seconds = [second for _, second in self.review.frames(at)]
            unreadable = ""
        except DataError as error:
            seconds, unreadable = [], error.what
        path = self.review.media(pair.sample)
        page = _PAGES.get_template("review.html.j2").render(
            at=at, count=len(pairs), pair=pair, seconds=seconds, unreadable=unreadable,
            decided=sum(one.standing != "undecided" for one in pairs),
            video=pair.sample.media_type == "video" and path.is_file(),
            said=said or (pair.decision.model_dump() if pair.decision else {}),
            by=(said or {}).get("by") or _last_name(pairs), problem=problem,
        )
        status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
        self._send(status, page.encode(), "text/html; charset=utf-8")

    def _frame(self, at: int, which: str) -> None:
        try:
            frames = self.review.frames(at)
        except DataError:
            frames = ()
        if not which.isdecimal() or int(which) >= len(frames):
            self._say(HTTPStatus.NOT_FOUND, "There is no such frame.")
            return
        self._send(HTTPStatus.OK, frames[int(which)][0], "image/jpeg")

    def _video(self, at: int) -> None:
        """A video, or the part of it that a player asks for."""
        path = self.review.media(self.review.pairs()[at].sample)
        if not path.is_file():
            self._say(HTTPStatus.NOT_FOUND, "There is no such video.")
            return
        size = path.stat().st_size
        span = _span(self.headers.get("Range", ""), size)
        if span is None:
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", "text/plain",
                       **{"Content-Range": f"bytes */{size}"})
            return
        first, last = span
        asked = "Range" in self.headers
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        ranged = {"Content-Range": f"bytes {first}-{last}/{size}"} if asked else {}
        self._head(HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK, kind,
                   last - first + 1, **ranged, **{"Accept-Ranges": "bytes"})
        with path.open("rb") as file:
            file.seek(first)
            left = last - first + 1
            while left and (piece := file.read(min(left, _PIECE))):
                self.wfile.write(piece)
                left -= len(piece)

    def _say(self, status: HTTPStatus, text: str, **facts: object) -> None:
        page = _PAGES.get_template("review.html.j2").render(message=text, **facts)
        self._send(status, page.encode(), "text/html; charset=utf-8")

    def _send(self, status: HTTPStatus, content: bytes, kind: str, **headers: str) -> None:
        self._head(status, kind, len(content), **headers)
        self.wfile.write(content)

    def _head(self, status: HTTPStatus, kind: str, length: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind, "Content-Length": str(length), "Cache-Control": "no-store",
            "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer", **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()


def _problem(said: dict[str, str]) -> str:
    """What a form lacks."""
    if said["decision"] not in ("keep", "correct", "remove"):
        return "Choose whether to keep, correct or remove the question."
    if said["decision"] == "correct" and not said["answer"]:
        return "Choose the right answer."
    if not said["reason"]:
        return "Write the reason."
    return "" if said["by"] else "Write your name."


def _last_name(pairs: Sequence[Pair]) -> str:
    """Who decided last in the order of the list; whoever goes on is mostly the same."""
    names = [pair.decision.by for pair in pairs if pair.decision and pair.decision.by]
    return names[-1] if names else ""


def _span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of an HTTP range; the whole file without one, None if it has none."""
    if not header:
        return 0, size - 1
    first, dash, last = header.removeprefix("bytes=").partition("-")
    if not dash or not (first or last) or not (first + last).isdecimal():
        return None
    if not first:
        return max(0, size - int(last)), size - 1
    end = min(int(last), size - 1) if last else size - 1
    return (int(first), end) if int(first) <= end else None
