"""One chat completion: what is sent for a question, and what is read of the reply.

The interface is OpenAI's, with the `video_url` part that vLLM, NIM and `transformers serve` add.
"""

import base64
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recipe_kit.data.clip import Clip
from recipe_kit.errors import EngineError

Json = dict[str, Any]

_TYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
    ".mp4": "video/mp4", ".mov": "video/quicktime", ".mkv": "video/x-matroska",
    ".webm": "video/webm", ".avi": "video/x-msvideo",
}  # fmt: skip
_OPENINGS = ("<answer>", "Answer:", "**", "(")
"""What may stand between the reasoning and the answer, besides white space."""
_MOST = 0.01
"""Log-probabilities are not above 0, but for rounding."""


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    text: str
    """Of the message, as it came; a server may leave the reasoning in it."""
    reasoning: str
    """Where the server parts it from the text."""
    model: str
    """The model's name, as the server says it; empty if it does not."""
    tokens: tuple[tuple[str, dict[str, float]], ...] = ()
    """Each token with the log-probabilities of the likeliest ones at its place."""


def file_part(path: Path, *, video: bool, by_path: bool) -> Json:
    """A medium as it is on disk, inside the request or as a path that the server opens."""
    if by_path:
        url = path.resolve().as_uri()
    else:
        kind = _TYPES.get(path.suffix.lower(), "video/mp4" if video else "image/png")
        url = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    name = "video_url" if video else "image_url"
    return {"type": name, name: {"url": url}}


def is_video(path: Path) -> bool:
    """Whether a file is a video, by its name."""
    return _TYPES.get(path.suffix.lower(), "").startswith("video/")


def sent_as_is(path: Path) -> bool:
    """Whether servers read this picture's format."""
    return _TYPES.get(path.suffix.lower(), "").startswith("image/")


def frame_parts(clip: Clip) -> list[Json]:
    """The frames of a clip as pictures, without loss."""
    return [_picture_part(frame) for frame in clip.frames_THWC]


def _picture_part(frame_HWC: NDArray[np.uint8]) -> Json:
    out = io.BytesIO()
    Image.fromarray(frame_HWC).save(out, "PNG", compress_level=1)
    url = f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def messages(prompt: str, media: Sequence[Json], system: str | None) -> list[Json]:
    """A question as messages, media before words."""
    user = {"role": "user", "content": [*media, {"type": "text", "text": prompt}]}
    return [{"role": "system", "content": system}, user] if system else [user]


def prompt_text(prompt: str, shown: str, system: str | None) -> str:
    """The messages as the log has them: of media, only what they are."""
    before = f"system: {system}\n" if system else ""
    return f"{before}user: {shown}{prompt}"


def read_reply(body: object) -> Reply:
    """Read a reply's JSON.

    Raises:
        ValueError: It is no chat completion.
    """
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        raise ValueError("it has no list of choices")
    first = body["choices"][0] if body["choices"] else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        raise ValueError("its first choice has no message")
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        raise ValueError("its message is no text")
    # Servers do not agree on the name.
    reasoning = message.get("reasoning_content") or message.get("reasoning") or ""
    return Reply(
        text=_whole(content or ""),
        reasoning=_whole(reasoning) if isinstance(reasoning, str) else "",
        model=_whole(str(body.get("model") or "")),
        tokens=tuple(_tokens(first.get("logprobs"))),
    )


def _tokens(logprobs: object) -> Iterator[tuple[str, dict[str, float]]]:
    listed = logprobs.get("content") if isinstance(logprobs, dict) else None
    for one in listed if isinstance(listed, list) else []:
        try:
            likely = {str(own["token"]): _logprob(own) for own in one["top_logprobs"]}
            yield str(one["token"]), {str(one["token"]): _logprob(one), **likely}
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"its log-probabilities are not as documented: {error!r}") from error


def _logprob(token: Json) -> float:
    found = float(token["logprob"])
    if not found <= _MOST:  # nor is NaN
        raise ValueError(f"{found:g} is the logarithm of no probability")
    return found


def _whole(text: str) -> str:
    """A text that can be written as UTF-8: half a character, as JSON may have it, is none."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def label_probabilities(
    reply: Reply, choices: Sequence[str]
) -> tuple[dict[str, float], float] | None:
    """The probability of each choice where the answer begins, and of all of them together.

    A token counts for a choice that it spells, or that it alone begins; white space around it does
    not matter.

    Returns:
        The probabilities, normalized over the choices, and their sum before that; None where the
        reply has none to tell.
    """
    place = _answer_begins(reply)
    if place is None:
        return None
    found = dict.fromkeys(choices, 0.0)
    for token, logprob in reply.tokens[place][1].items():
        word = token.strip().lstrip("(*")
        meant = [choice for choice in choices if choice == word] or [
            choice for choice in choices if word and choice.startswith(word)
        ]
        if len(meant) == 1:
            found[meant[0]] += math.exp(logprob)
    mass = sum(found.values())
    if not mass > 0:
        return None
    return {choice: value / mass for choice, value in found.items()}, min(mass, 1.0)


def _answer_begins(reply: Reply) -> int | None:
    """Index of the token that the answer begins with."""
    text = "".join(token for token, _ in reply.tokens)
    start = text.rfind("</think>")
    at = 0 if start < 0 else start + len("</think>")
    while at < len(text):
        opening = next((word for word in _OPENINGS if text.startswith(word, at)), "")
        if not opening and not text[at].isspace():
            break
        at += len(opening) or 1
    end = 0
    for index, (token, _) in enumerate(reply.tokens):
        end += len(token)
        # A token of the answer may bring the white space before it along.
        if end > at:
            return index
    return None


def check_model(asked: str, answered: str, *, where: str) -> None:
    """See that the model that was asked for answered; servers add dates and revisions to its name.

    Raises:
        EngineError: Another one did.
    """
    one, other = asked.casefold(), answered.partition("@")[0].casefold()
    if answered and not (one in other or other in one or Path(one).name == Path(other).name):
        raise EngineError(
            f"the server answers with the model {answered!r}, and not with {asked!r}", where=where,
            fix="Name the model as the server does in the endpoint's `model`, or start the server "
            "with the right one.",
        )

