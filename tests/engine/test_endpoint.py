"""An engine for servers, against a server that behaves and misbehaves as told."""

import base64
import io
import math
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_server import completion, likely, serve
from PIL import Image

from recipe_kit.data.clip import Clip
from recipe_kit.engine.chat import Reply, label_probabilities
from recipe_kit.engine.endpoint import EndpointEngine
from recipe_kit.errors import EngineError, ModelError
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.model import OtherModel
from recipe_kit.spec.recipe import Evaluation

RESUME = "recipe run recipes/x.yaml"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    # The openai package waits half a second before its first retry.
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.02)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    Image.new("RGB", (32, 16), "red").save(tmp_path / "red.png")
    (tmp_path / "clip.mp4").write_bytes(b"not decoded here")
    return tmp_path


def question(name: str = "q", media: str = "red.png", **more: Any) -> Question:
    return Question(**{
        "id": name, "benchmark": "b", "task": "t", "task_type": "choice", "sample": "s",
        "media": media, "media_sha256": "0", "prompt": "Which?\nA. one\nB. two",
        "choices": ("A", "B"), "options": {"A": "one", "B": "two"}, "reference": "A",
        "source": "src", **more,
    })


def engine(
    url: str, media: Path, *, blank: bool = False, text_only: bool = False,
    system: str | None = None, by_path: bool = False, **endpoint: Any,
) -> EndpointEngine:
    def read(source: str, name: str) -> Clip:
        frames = np.full((2, 16, 32, 3), 7, np.uint8)
        return Clip(frames, (0.0, 0.5)) if name.endswith("mp4") else Clip(frames[:1])

    given = {"url": url, "timeout_s": 5, "retries": 2, **endpoint}
    given |= {"media": "file"} if by_path else {}
    model = OtherModel.model_validate({"base": "org/m", "endpoint": {"model": "m", **given}})
    return EndpointEngine(
        model, Evaluation(max_new_tokens=9, system_prompt=system), read,
        lambda source, name: media / name, resume=RESUME, blank=blank, text_only=text_only,
    )


def ask(url: str, media: Path, *questions: Question, **endpoint: Any) -> list[Prediction]:
    return list(engine(url, media, **endpoint).ask(questions or (question(),)))


def test_what_is_sent(media: Path) -> None:
    with serve({"reply": completion("A")}) as (url, script):
        ask(url, media, system="Be brief.", extra={"seed": 3})
    url_part = script.requests[0]["messages"][1]["content"][0].pop("image_url")["url"]
    assert script.requests == [{
        "model": "m", "temperature": 0, "max_tokens": 9, "logprobs": True, "top_logprobs": 20,
        "seed": 3,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "image_url"}, {"type": "text", "text": "Which?\nA. one\nB. two"},
            ]},
        ],
    }]
    kind, _, data = url_part.partition(";base64,")
    assert kind == "data:image/png"
    assert base64.b64decode(data) == (media / "red.png").read_bytes()


def test_videos_are_files_paths_or_frames(media: Path) -> None:
    with serve({"reply": completion("A")}) as (url, script):
        clip = question(media="clip.mp4")
        logged = [
            ask(url, media, clip)[0].prompt,
            ask(url, media, clip, by_path=True)[0].prompt,
            ask(url, media, clip, video="frames")[0].prompt,
        ]
    as_file, as_path, as_frames = (r["messages"][0]["content"][:-1] for r in script.requests)
    data = base64.b64encode(b"not decoded here").decode()
    assert as_file == [{"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{data}"}}]
    assert as_path == [
        {"type": "video_url", "video_url": {"url": (media / "clip.mp4").resolve().as_uri()}}
    ]
    assert [part["type"] for part in as_frames] == ["image_url", "image_url"]
    assert _pixels(as_frames[1]).tolist() == np.full((16, 32, 3), 7).tolist()
    assert [text.split("Which")[0] for text in logged] == [
        "user: <video>", "user: <video>", "user: <image><image>",
    ]


def test_blank_shows_one_gray_picture(media: Path) -> None:
    with serve({"reply": completion("B")}) as (url, script):
        asked = engine(url, media, blank=True)
        digests = {one.digest for one in asked.ask([question(media="clip.mp4")])}
        digests |= {one.digest for one in engine(url, media).ask([question(media="clip.mp4")])}
    assert np.unique(_pixels(script.requests[0]["messages"][0]["content"][0])).tolist() == [128]
    assert len(digests) == 2


def test_questions_about_annotations_are_words_alone(media: Path) -> None:
    with serve({"reply": completion("B")}) as (url, script):
        list(engine(url, media, text_only=True).ask([question()]))
    assert script.requests[0]["messages"][0]["content"] == [
        {"type": "text", "text": "Which?\nA. one\nB. two"}
    ]


def test_probabilities_from_top_logprobs(media: Path) -> None:
    places = likely({"A": math.log(0.6), " B": math.log(0.1), "B": math.log(0.1),
                     "C": math.log(0.1)})
    with serve({"reply": completion("A", logprobs=places)}) as (url, _):
        found = ask(url, media)[0]
    assert (found.answer, found.probabilities_from) == ("A", "top_logprobs")
    assert found.probabilities == pytest.approx({"A": 0.75, "B": 0.25})
    assert found.mass == pytest.approx(0.8)
    assert found.confidence == pytest.approx(0.75)


def test_probabilities_stand_after_the_reasoning(media: Path) -> None:
    text = "<think>B?</think> A"
    places = likely({"<think>": 0.0}, {"B": 0.0}, {"?": 0.0}, {"</think>": 0.0}, {" ": 0.0},
                    {"A": math.log(0.5), "B": math.log(0.25)})
    with serve({"reply": completion(text, logprobs=places)}) as (url, _):
        found = ask(url, media)[0]
    assert (found.text, found.reasoning, found.answer) == ("A", "B?", "A")
    assert found.probabilities == pytest.approx({"A": 2 / 3, "B": 1 / 3})


@pytest.mark.parametrize(("text", "answer", "probabilities"), [
    ("The answer is B.", "B", {"A": 0.0, "B": 1.0}),
    ("I cannot tell.", None, {"A": 0.5, "B": 0.5}),
    (None, None, {"A": 0.5, "B": 0.5}),
])
def test_probabilities_from_the_text_alone(
    media: Path, text: str | None, answer: str | None, probabilities: dict[str, float]
) -> None:
    with serve({"reply": completion(text)}) as (url, _):
        found = ask(url, media, question(answer_by="probability"))[0]
    assert (found.answer, found.probabilities) == (answer, probabilities)
    assert (found.probabilities_from, found.mass) == ("text", 0.0)


def test_reasoning_that_the_server_parts(media: Path) -> None:
    with serve({"reply": completion("B", reasoning_content="because")}) as (url, _):
        found = ask(url, media)[0]
    assert (found.text, found.reasoning, found.answer) == ("B", "because", "B")


def test_captions_are_texts(media: Path) -> None:
    asked = question(task_type="caption", choices=(), options={}, reference="A road.",
                     max_new_tokens=77)
    with serve({"reply": completion(" A wet road. ")}) as (url, script):
        found = ask(url, media, asked)[0]
    assert (found.answer, found.probabilities, found.mass) == ("A wet road.", {}, 0.0)
    assert (found.confidence, found.probabilities_from) == (0.0, "")
    assert script.requests[0]["max_tokens"] == 77
    assert "logprobs" not in script.requests[0]


@pytest.mark.parametrize("bad", [
    {"status": 429, "reply": {"error": "slow down"}, "headers": {"Retry-After": "0.01"}},
    {"status": 503, "raw": "overloaded"},
    {"reply": completion("A"), "missing": 100},
    {"raw": "{\"choices\": [{\"mess"},
    {"raw": "<html>gateway</html>"},
    {"reply": {"choices": []}},
    {"wait": 1.0, "reply": completion("A")},
], ids=["429", "503", "cut off", "cut JSON", "HTML", "no choices", "slow"])
def test_what_passes_is_asked_again(media: Path, bad: dict[str, Any]) -> None:
    with serve(bad, {"reply": completion("B")}) as (url, script):
        found = ask(url, media, timeout_s=0.4)
    assert [one.answer for one in found] == ["B"]
    assert len(script.requests) == 2


@pytest.mark.parametrize(("bad", "tries", "came"), [
    ({"status": 429, "reply": {"error": "slow down"}}, 3, 'HTTP 429: {"error": "slow down"}'),
    ({"status": 500, "raw": "boom " * 200}, 3, "HTTP 500: boom boom"),
    ({"wait": 1.0, "reply": completion("A")}, 3, "nothing within 0.3 s"),
    ({"raw": "[]"}, 3, "a reply that is no chat completion (it has no list of choices): []"),
    ({"reply": {"choices": [{"message": {"content": ["x"]}}]}}, 3, "(its message is no text)"),
    ({"status": 400, "raw": "too many tokens"}, 1, "HTTP 400: too many tokens"),
], ids=["429", "500", "slow", "malformed", "odd message", "refused"])
def test_what_stays_is_told(media: Path, bad: dict[str, Any], tries: int, came: str) -> None:
    with serve(bad) as (url, script), pytest.raises(EngineError) as caught:
        ask(url, media, timeout_s=0.3)
    text = str(caught.value)
    assert text.startswith(f"{url}: the question 'q' was asked of 'm', and there came ")
    assert came in text
    assert text.endswith(f"What was answered is kept; to go on: {RESUME}")
    assert len(text) < 1000
    assert len(script.requests) == tries


def test_a_dead_server_is_told(media: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EngineError) as caught:
        ask(url, media)
    assert "there came no reply: " in str(caught.value)
    assert "Connection refused" in str(caught.value)
    assert RESUME in str(caught.value)


def test_another_model_than_asked_for(media: Path) -> None:
    other = {"reply": completion("A", model="other-7b")}
    with serve(other) as (url, _), pytest.raises(EngineError) as caught:
        ask(url, media)
    assert "the server answers with the model 'other-7b', and not with 'm'" in str(caught.value)


def test_an_unknown_model_is_told(media: Path) -> None:
    gone = {"status": 404, "reply": {"error": "no such model"}}
    with serve(gone) as (url, _), pytest.raises(EngineError) as caught:
        ask(url, media)
    assert "HTTP 404" in str(caught.value)
    assert "See that the server has the model 'm'" in str(caught.value)


def test_answers_under_way_are_kept_when_one_fails(media: Path) -> None:
    good = {"reply": completion("A")}
    asked = [question(f"q{number}") for number in range(8)]
    kept: list[Prediction] = []
    steps = (good, good, good, {"status": 400, "raw": "no"}, good)
    with serve(*steps) as (url, _), pytest.raises(EngineError):
        kept.extend(engine(url, media, concurrency=2).ask(asked))
    assert len(kept) >= 3
    assert {one.answer for one in kept} == {"A"}


def test_no_more_requests_at_once_than_allowed(media: Path) -> None:
    asked = [question(f"q{number}") for number in range(24)]
    with serve({"wait": 0.02, "reply": completion("A")}) as (url, script):
        found = ask(url, media, *asked, concurrency=3)
    assert sorted(one.question for one in found) == sorted(one.id for one in asked)
    assert script.most_at_once == 3


def test_the_key_goes_only_to_the_server(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-secret-123")
    told = {"status": 401, "raw": "bad key sk-secret-123"}
    with serve({"reply": completion("A")}, told) as (url, script):
        found = ask(url, media, api_key="TEST_KEY")
        with pytest.raises(EngineError) as caught:
            ask(url, media, api_key="TEST_KEY")
    assert script.headers[0]["authorization"] == "Bearer sk-secret-123"
    assert "bad key ***" in str(caught.value)
    assert "sk-secret-123" not in str(caught.value) + found[0].model_dump_json()


def test_a_missing_key_is_told_before_anything_is_asked(
    media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    with pytest.raises(ModelError) as caught:
        engine("http://127.0.0.1:9/v1", media, api_key="TEST_KEY")
    assert str(caught.value) == (
        "http://127.0.0.1:9/v1: the environment variable TEST_KEY is not set\n"
        "  To mend it: export TEST_KEY=... before the run; no file has to hold the key."
    )


def test_fields_that_a_server_does_not_take_are_left_out(media: Path) -> None:
    refusals = [
        {"status": 400, "raw": f"unsupported parameter: {name}"}
        for name in ("logprobs", "temperature", "max_tokens")
    ]
    with serve(*refusals, {"reply": completion("A")}) as (url, script):
        found = ask(url, media, question("1"), question("2"), concurrency=1)
    assert [one.answer for one in found] == ["A", "A"]
    for request in script.requests[3:]:
        assert set(request) == {"model", "messages", "max_completion_tokens"}
    assert len(script.requests) == 5


def test_requests_that_are_refused_together_are_all_sent_again(media: Path) -> None:
    refusal = {"status": 400, "wait": 0.5, "raw": "unsupported parameter: logprobs"}
    asked = [question(f"q{number}") for number in range(8)]
    with serve(*[refusal] * 4, {"reply": completion("A")}) as (url, script):
        found = ask(url, media, *asked, concurrency=4)
    assert [one.answer for one in found] == ["A"] * 8
    assert len(script.requests) == 12


@pytest.mark.parametrize("logprob", [math.nan, math.inf, 1e5, 10**400])
def test_what_is_no_probability_is_told(media: Path, logprob: float) -> None:
    reply = {"reply": completion("A", logprobs=likely({"A": logprob}))}
    with serve(reply) as (url, _), pytest.raises(EngineError) as caught:
        ask(url, media)
    assert "log-probabilities are not as documented" in str(caught.value)


def test_a_reply_that_is_nested_too_deeply_is_told(media: Path) -> None:
    with serve({"raw": "[" * 100_000}) as (url, _), pytest.raises(EngineError) as caught:
        ask(url, media)
    assert "a reply that is no chat completion" in str(caught.value)


def test_half_a_character_is_replaced(media: Path) -> None:
    with serve({"reply": completion("A \ud83d", reasoning_content="\udc00?")}) as (url, _):
        (found,) = ask(url, media)
    assert (found.text, found.reasoning) == ("A \ufffd", "\ufffd?")
    found.model_dump_json().encode()


@pytest.mark.parametrize("tokens", [
    ("Answer", ":", " B"), ("**", "B", "**"), ("(B", ")"), ("**(", "B", ")**"),
])
def test_the_answer_is_found_behind_what_models_put_before_it(tokens: tuple[str, ...]) -> None:
    places = tuple((one, {one: math.log(0.9), "A": math.log(0.05)}) for one in tokens)
    found = label_probabilities(Reply("".join(tokens), "", "m", places), ("A", "B"))
    assert found is not None
    assert found[0]["B"] == pytest.approx(0.9 / 0.95)


@pytest.mark.parametrize(("place", "choices", "expected"), [
    ({"Y": 0.5, "Yes": 0.25, "N": 0.25}, ("Yes", "No"), ({"Yes": 0.75, "No": 0.25}, 1.0)),
    ({"1": 0.5, "2": 0.25}, ("1", "2", "10"), ({"1": 2 / 3, "2": 1 / 3, "10": 0.0}, 0.75)),
    ({"maybe": 1.0}, ("Yes", "No"), None),
])
def test_tokens_count_for_the_choice_they_spell_or_begin(
    place: dict[str, float], choices: tuple[str, ...], expected: object
) -> None:
    logs = {token: math.log(value) for token, value in place.items()}
    found = label_probabilities(Reply("x", "", "m", ((next(iter(place)), logs),)), choices)
    if expected is None or found is None:
        assert found is expected
    else:
        assert found[0] == pytest.approx(expected[0])
        assert found[1] == pytest.approx(expected[1])


def _pixels(part: dict[str, Any]) -> np.ndarray:
    data = part["image_url"]["url"].partition(";base64,")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
