"""The page of `recipe review`, by a plain HTTP client and in a browser."""

import re
import shutil
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from pool_project import make_pool_project
from small_project import Project, copy_project

from recipe_kit.benchmark.review import Decision, read_decisions
from recipe_kit.run.layout import layout
from recipe_kit.run.review import Review
from recipe_kit.run.review_server import serve
from recipe_kit.spec.load import load_recipe

FORM = {"decision": "correct", "answer": "", "reason": "Seen at 0.5 s.", "by": "Ada"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_pool_project(tmp_path_factory.mktemp("answered") / "project")
    assert project("run").exit_code == 3
    return project


@pytest.fixture
def project(answered: Project, tmp_path: Path) -> Project:
    return copy_project(answered, tmp_path / "project")


@pytest.fixture
def address(project: Project) -> Iterator[str]:
    recipe = load_recipe(project.recipe)
    server, found = serve(Review(recipe, layout(recipe, project.recipe)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def ask(
    address: str, place: str, *, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[HTTPResponse, bytes]:
    url = urlsplit(address)
    assert url.hostname == "127.0.0.1"
    connection = HTTPConnection(url.hostname, url.port or 0, timeout=20)
    connection.request(method, url.path + place if place[:1] != "!" else place[1:], body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def decisions(project: Project) -> tuple[Decision, ...]:
    return read_decisions(project.root / "recipes" / "small-av-review.jsonl")


def test_the_first_page(project: Project, address: str) -> None:
    response, _ = ask(address, "")
    assert response.status == 303
    first = decisions(project)[0]
    response, content = ask(address, "0")
    assert response.status == 200
    page = content.decode()
    for text in (first.asked, first.sample, *first.options, "the annotations",
                 f"<strong>1 of {len(decisions(project))}</strong>, 0 decided", "0.25 s"):
        assert text in page
    assert page.count("<img ") == 8
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    policy = response.getheader("Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none';")
    assert response.getheader("Cache-Control") == "no-store"


def test_frames_and_video(project: Project, address: str) -> None:
    response, content = ask(address, "frame/0/7")
    assert (response.status, response.getheader("Content-Type")) == (200, "image/jpeg")
    assert content.startswith(b"\xff\xd8")
    assert ask(address, "frame/0/8")[0].status == 404
    response, whole = ask(address, "video/0")
    assert (response.status, response.getheader("Content-Type")) == (200, "video/mp4")
    assert whole[4:8] == b"ftyp"
    response, part = ask(address, "video/0", Range="bytes=10-19")
    assert (response.status, part) == (206, whole[10:20])
    assert response.getheader("Content-Range") == f"bytes 10-19/{len(whole)}"
    assert ask(address, "video/0", Range="bytes=-4")[1] == whole[-4:]
    assert ask(address, "video/0", Range="bytes=5-")[1] == whole[5:]
    assert ask(address, "video/0", Range="bytes=9999999-")[0].status == 416


@pytest.mark.parametrize(
    ("place", "headers"),
    [
        ("!/", {}), ("!/0", {}), ("!/wrong/0", {}), ("!/wrong/frame/0/0", {}), ("999", {}),
        ("-1", {}), ("../../etc/passwd", {}), ("video/../0", {}), ("frame/0/x", {}), ("0/0", {}),
        ("0", {"Host": "evil.example:80"}), ("0", {"Host": "127.0.0.1.evil.example"}),
    ],
)  # fmt: skip
def test_nothing_else_is_served(address: str, place: str, headers: dict[str, str]) -> None:
    assert ask(address, place, **headers)[0].status == 404


def test_a_decision_is_recorded(project: Project, address: str) -> None:
    first, *rest = decisions(project)
    answer = next(text for text in first.options if text != first.text_answer)
    response, _ = ask(address, "0", method="POST", body=urlencode(FORM | {"answer": answer}))
    assert response.status == 303
    assert (response.getheader("Location") or "").endswith("/1")
    assert decisions(project) == (
        first.model_copy(update=FORM | {"answer": answer}), *rest,
    )  # fmt: skip
    page = ask(address, "0")[1].decode()
    assert "1 decided" in page
    assert "Seen at 0.5 s." in page
    # The next page knows who decides.
    assert 'value="Ada"' in ask(address, "1")[1].decode()
    # A change of mind takes the same line.
    ask(address, "0", method="POST", body=urlencode(FORM | {"decision": "remove"}))
    assert decisions(project)[0].decision == "remove"
    assert decisions(project)[0].answer == ""
    assert decisions(project)[1:] == tuple(rest)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"decision": ""}, "Choose whether to keep, correct or remove the question."),
        ({"decision": "maybe"}, "Choose whether to keep, correct or remove the question."),
        ({"answer": ""}, "Choose the right answer."),
        ({"answer": "An elephant"}, "is none of the question&#39;s options"),
        ({"reason": " "}, "Write the reason."),
        ({"by": ""}, "Write your name."),
    ],
)
def test_what_a_form_lacks(
    project: Project, address: str, changed: dict[str, str], message: str
) -> None:
    before = decisions(project)
    form = FORM | {"answer": before[0].options[0], "by": "<b>Ada</b>"} | changed
    response, content = ask(address, "0", method="POST", body=urlencode(form))
    assert response.status == 400
    assert message in content.decode()
    assert "<b>Ada" not in content.decode()
    assert decisions(project) == before


def test_a_form_that_is_too_long(project: Project, address: str) -> None:
    body = urlencode(FORM | {"reason": "x" * 70_000})
    assert ask(address, "0", method="POST", body=body)[0].status == 413
    assert ask(address, "0", method="POST")[0].status in (400, 404)


def test_when_everything_is_decided(project: Project, address: str) -> None:
    for number, one in enumerate(decisions(project)):
        form = FORM | {"decision": "remove" if number else "correct", "answer": one.options[0]}
        ask(address, str(number), method="POST", body=urlencode(form))
    response, content = ask(address, "")
    assert response.status == 200
    assert "Everything is decided." in content.decode()
    assert "recipe run" in content.decode()


def test_an_edited_file_with_a_mistake_is_told(project: Project, address: str) -> None:
    path = project.root / "recipes" / "small-av-review.jsonl"
    path.write_text(path.read_text().replace('"decision": ""', '"decision": "yes"', 1))
    response, content = ask(address, "0")
    assert response.status == 500
    assert "the decision is &#34;yes&#34;" in content.decode()


def test_a_taken_port_is_told(project: Project, address: str) -> None:
    result = project("review", "--port", str(urlsplit(address).port))
    assert result.exit_code == 3
    assert re.search(r"Error: --port: the port \d+ cannot be used: ", result.stderr)


def until(page: Any, holds: str) -> None:
    """Waits for what the page's own policy does not let Playwright wait for."""
    for _ in range(200):
        if page.evaluate(holds):
            return
        time.sleep(0.05)
    raise AssertionError(holds)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="needs Chromium")
def test_in_a_browser(project: Project, address: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    first, second = decisions(project)[:2]
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        said: list[Any] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("requestfailed", lambda request: said.append(request.url))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        assert page.locator("h1").inner_text() == first.asked
        until(page, "[...document.images].every(one => one.naturalWidth > 0)")
        assert page.locator("img").count() == 8
        page.locator("video").evaluate("one => one.play()")
        until(page, "document.querySelector('video').currentTime > 0.2")
        assert page.locator("video").evaluate("one => one.error") is None
        page.get_by_label("Correct it to").check()
        page.get_by_label("The right answer").select_option(index=1)
        chosen = page.get_by_label("The right answer").input_value()
        page.get_by_label("Reason").fill("It says “snow” at 0.5 s.\nLook.")
        page.get_by_label("Your name").fill("Ada")
        page.get_by_role("button", name="Record").click()
        page.wait_for_url(f"{address}1")
        assert page.locator("h1").inner_text() == second.asked
        assert page.get_by_label("Your name").input_value() == "Ada"
        browser.close()
    assert [text for text in said if "/video/" not in text] == []
    assert {urlsplit(url).netloc for url in asked} <= {urlsplit(address).netloc, ""}
    now = decisions(project)[0]
    assert (now.decision, now.answer, now.by) == ("correct", chosen, "Ada")
    assert now.reason.replace("\r\n", "\n") == "It says “snow” at 0.5 s.\nLook."
