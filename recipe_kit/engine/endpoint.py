"""Asks a model behind OpenAI's chat-completions interface: vLLM, NIM, `transformers serve`.

Retries with back-off, time-outs and the server's `Retry-After` are the `openai` package's.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recipe_kit.benchmark.parse import split_reasoning
from recipe_kit.benchmark.questions import question_digest
from recipe_kit.benchmark.read import read_answer
from recipe_kit.data.clip import ReadMedia
from recipe_kit.engine import chat
from recipe_kit.engine.chat import Json, Reply
from recipe_kit.errors import EngineError, MissingPackageError, ModelError
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.model import Endpoint, OtherModel
from recipe_kit.spec.recipe import Evaluation
from recipe_kit.spec.tasks import TEXT_TASKS

if TYPE_CHECKING:
    from openai import OpenAI

GRAY = 128
SHOWN = 400
"""Characters of a server's reply that an error shows."""
MALFORMED_TRIES = 3
"""Times a request is sent whose replies are no chat completions."""
# What some servers or models do not take: a log-probability, a temperature, the old name.
_OPTIONAL = ("top_logprobs", "logprobs", "temperature", "max_tokens")


class EndpointEngine:
    """Asks a server.

    Args:
        model: The model; it has an endpoint.
        evaluation: How it is asked.
        read_media: Reads the frames of a medium.
        media_path: From a source and a media path to the file.
        resume: The command that goes on where an error stopped, for its message.
        blank: Show a gray picture of the same size instead, to see what the words alone give.
        text_only: Send the words alone, for questions about annotations.

    Raises:
        ModelError: The environment variable of the key is not set.
        MissingPackageError: `openai` is not installed.
    """

    batched = False

    def __init__(
        self,
        model: OtherModel,
        evaluation: Evaluation,
        read_media: ReadMedia,
        media_path: Callable[[str, str], Path],
        *,
        resume: str,
        blank: bool = False,
        text_only: bool = False,
    ) -> None:
        assert model.endpoint is not None, "the model has an endpoint"
        self._endpoint, self._evaluation = model.endpoint, evaluation
        self._served = model.endpoint.model or model.base
        self._name, self._revision = model.base, model.revision or ""
        self._read_media, self._media_path = read_media, media_path
        self._resume, self._blank, self._text_only = resume, blank, text_only
        self._secret = _key(model.endpoint)
        self._client = _client(model.endpoint, self._secret)
        self._left_out: set[str] = set()
        self._lock = threading.Lock()
        # Workers ask about neighbors in the list, so a few media are enough.
        self._media = lru_cache(maxsize=2 * model.endpoint.concurrency)(self._parts)

    def ask(self, questions: Sequence[Question]) -> Iterator[Prediction]:
        """Yields one prediction for each question, as they come.

        When one fails, those under way are still waited for and yielded.

        Raises:
            DataError: a medium cannot be read.
            EngineError: the server does not answer, or not as documented.
        """
        rest = iter(questions)
        if self._client.is_closed():  # it was asked before
            self._client = _client(self._endpoint, self._secret)
        pool = ThreadPoolExecutor(self._endpoint.concurrency, thread_name_prefix="endpoint")
        try:
            under_way = {
                pool.submit(self._answer, one) for one in islice(rest, self._endpoint.concurrency)
            }
            failed: Future[Prediction] | None = None
            while under_way:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    if future.exception():
                        failed = failed or future
                        continue
                    yield future.result()
                if failed is None:
                    under_way |= {
                        pool.submit(self._answer, one) for one in islice(rest, len(done))
                    }
            if failed:
                failed.result()
        finally:
            # So that a request which waits does not hold up Ctrl-C, and no connection is left.
            self._client.close()
            pool.shutdown(cancel_futures=True)

    def _answer(self, question: Question) -> Prediction:
        started = time.perf_counter()
        parts, shown = ([], "") if self._text_only else self._media(
            question.source, question.media
        )
        system = self._evaluation.system_prompt
        request: Json = {
            "model": self._served,
            "messages": chat.messages(question.prompt, parts, system),
            "max_tokens": question.max_new_tokens or self._evaluation.max_new_tokens,
            "temperature": 0,
        }
        if question.choices and self._endpoint.top_logprobs:
            request |= {"logprobs": True, "top_logprobs": self._endpoint.top_logprobs}
        reply = self._reply(question, request)
        chat.check_model(self._served, reply.model, where=self._endpoint.url)
        latency = time.perf_counter() - started
        return self._prediction(question, reply, chat.prompt_text(question.prompt, shown, system),
                                latency)

    def _prediction(
        self, question: Question, reply: Reply, prompt: str, latency: float
    ) -> Prediction:
        parted, text = split_reasoning(reply.text)
        seen = chat.label_probabilities(reply, question.choices) if question.choices else None
        how = "" if question.task_type in TEXT_TASKS else "top_logprobs" if seen else "text"
        if seen:
            probabilities, mass = seen
            answer = read_answer(question, text, probabilities)
        else:
            even = dict.fromkeys(question.choices, 1 / max(1, len(question.choices)))
            by_text = question.model_copy(update={"answer_by": "generation"})
            answer = read_answer(by_text, text, even)
            known = answer in question.choices
            probabilities = {one: float(one == answer) for one in even} if known else even
            mass = 0.0
        return Prediction(
            question=question.id,
            text=text,
            reasoning=reply.reasoning or parted,
            answer=answer,
            probabilities=probabilities,
            mass=mass,
            confidence=probabilities.get(answer or "", max(probabilities.values(), default=0.0)),
            prompt=prompt,
            model=self._name,
            revision=self._revision,
            timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
            latency_s=round(latency, 6),
            digest=question_digest(question, prompt, self._preprocess()),
            probabilities_from=how,
        )

    def _preprocess(self) -> str:
        """What stands for the preprocessing, which is the server's, in a prediction's digest."""
        how = "text" if self._text_only else self._endpoint.video
        return f"endpoint-{how}" + ("-blank" if self._blank else "")

    def _parts(self, source: str, media: str) -> tuple[list[Json], str]:
        """A medium as parts of a message, and as the log has it."""
        path = self._media_path(source, media)
        if not self._blank and path.is_file():
            video = chat.is_video(path)
            if video and self._endpoint.video == "video":
                by_path = self._endpoint.media == "file"
                return [chat.file_part(path, video=True, by_path=by_path)], "<video>"
            if not video and chat.sent_as_is(path):
                by_path = self._endpoint.media == "file"
                return [chat.file_part(path, video=False, by_path=by_path)], "<image>"
        clip = self._read_media(source, media)
        if self._blank:
            clip = clip._replace(frames_THWC=np.full_like(clip.frames_THWC[:1], GRAY))
        return chat.frame_parts(clip), "<image>" * len(clip.frames_THWC)

    def _reply(self, question: Question, request: Json) -> Reply:
        wrong = ""
        for _ in range(MALFORMED_TRIES):
            body = self._send(question, request)
            try:
                return chat.read_reply(json.loads(body))
            except (ValueError, RecursionError) as error:  # JSON's own errors are among them
                wrong = f"a reply that is no chat completion ({error}): {self._shorten(body)}"
        raise self._failed(question, wrong)

    def _send(self, question: Question, request: Json) -> str:
        """The body of the reply, after the retries that the spec allows."""
        import openai

        while True:
            sent = self._accepted(request)
            try:
                raw = self._client.chat.completions.with_raw_response.create(
                    **sent, extra_body=self._endpoint.extra or None,
                )
                return raw.text
            except openai.APITimeoutError as error:
                what = f"nothing within {self._endpoint.timeout_s:g} s"
                raise self._failed(question, what) from error
            except openai.APIConnectionError as error:
                cause = error.__cause__ or error
                raise self._failed(question, f"no reply: {self._shorten(str(cause))}") from error
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if not self._leave_out(error.response.text, sent):
                    raise self._refused(question, error.status_code, error.response.text) from error
            except openai.APIStatusError as error:
                raise self._refused(question, error.status_code, error.response.text) from error

    def _accepted(self, request: Json) -> dict[str, Any]:
        """The request without what the server does not take."""
        sent = {name: value for name, value in request.items() if name not in self._left_out}
        if "max_tokens" in self._left_out:
            sent["max_completion_tokens"] = request["max_tokens"]
        return sent

    def _leave_out(self, refusal: str, sent: Collection[str]) -> bool:
        """Whether the server refused a field that was sent and can be left out, from now on."""
        with self._lock:
            for name in _OPTIONAL:
                # Several requests are under way when the first is refused: all are sent again.
                if name in refusal and name in sent:
                    self._left_out |= {name, "top_logprobs"} if name == "logprobs" else {name}
                    self._left_out |= {"logprobs"} if name == "top_logprobs" else set()
                    return True
            return False

    def _refused(self, question: Question, status: int, body: str) -> EngineError:
        retried = status == 429 or status >= 500
        said = f"HTTP {status}: {self._shorten(body)}"
        if status in (401, 403):
            return self._failed(question, said, f"Set {self._endpoint.api_key or 'api_key'} to a "
                                "key that the server accepts.")
        if status == 404:
            return self._failed(question, said, f"See that the server has the model "
                                f"{self._served!r} and that the address ends in /v1.")
        return self._failed(question, said) if retried else self._failed(
            question, said, "The server refuses the request: see what it says.")

    def _failed(self, question: Question, came: str, fix: str = "") -> EngineError:
        tries = self._endpoint.retries + 1
        mend = fix or (f"See that the server runs and has room (it was asked up to {tries} times); "
                       "`timeout_s`, `retries` and `concurrency` of the endpoint may help.")
        return EngineError(
            f"the question {question.id!r} was asked of {self._served!r}, and there came {came}",
            where=self._endpoint.url,
            fix=f"{mend} What was answered is kept; to go on: {self._resume}",
        )

    def _shorten(self, text: str) -> str:
        """The beginning of what a server said, without the key if it repeats it."""
        clean = text.replace(self._secret, "***") if self._secret else text
        clean = " ".join(clean.split())
        return clean if len(clean) <= SHOWN else clean[:SHOWN] + " ..."


def _key(endpoint: Endpoint) -> str:
    if endpoint.api_key is None:
        return ""
    key = os.environ.get(endpoint.api_key, "").strip()
    if not key:
        raise ModelError(
            f"the environment variable {endpoint.api_key} is not set", where=endpoint.url,
            fix=f"export {endpoint.api_key}=... before the run; no file has to hold the key.",
        )
    return key


def _client(endpoint: Endpoint, key: str) -> "OpenAI":
    try:
        from openai import OpenAI
    except ImportError as error:
        raise MissingPackageError("asking a server needs the openai package", where=endpoint.url,
                                  fix='pip install "recipe-kit[endpoint]"') from error
    return OpenAI(
        base_url=endpoint.url,
        # The package refuses to start without one; servers without keys ignore it.
        api_key=key or "none",
        max_retries=endpoint.retries,
        timeout=endpoint.timeout_s,
    )
