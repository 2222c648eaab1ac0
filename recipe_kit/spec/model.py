"""The models that are asked, and how they are shown videos."""

from pathlib import PurePath
from typing import Any, Literal

from pydantic import Field, model_validator

from recipe_kit.spec.base import Part

COMPARE = "compare-"
"""What the role of a model in `model.compare` begins with; its short name follows."""

FRAMES = 8
"""Frames taken of a video where neither a number nor a rate is given."""


class Video(Part):
    """How frames are taken of a video."""

    nframes: int | None = Field(default=None, ge=1, le=768)
    """Frames taken of every video, evenly spaced; 8 when `fps` is not given either."""
    fps: float | None = Field(default=None, gt=0, le=240)
    """Frames taken of each second, instead of a fixed number."""
    min_frames: int = Field(default=4, ge=1, le=768)
    """Fewest frames of a video, where `fps` is given."""
    max_frames: int = Field(default=768, ge=1, le=768)
    """Most frames of a video, where `fps` is given."""
    min_pixels: int | None = Field(default=None, ge=1024)
    """Smallest number of pixels a frame is resized to; `model.min_pixels` when not given."""
    max_pixels: int | None = Field(default=None, ge=1024)
    """Largest number of pixels a frame is resized to; `model.max_pixels` when not given."""

    reader: Literal["pyav", "decord"] = "pyav"
    """What decodes video files; both give the same pixels, and `pyav` finds more damage."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "Video":
        if self.nframes is not None and self.fps is not None:
            raise ValueError("give nframes or fps, not both")
        if self.min_frames > self.max_frames:
            raise ValueError("min_frames is larger than max_frames")
        return self


class Endpoint(Part):
    """A server with OpenAI's chat-completions interface: vLLM, NIM, `transformers serve`."""

    url: str = Field(pattern=r"^https?://")
    """Base address, up to and including `/v1`."""
    model: str | None = None
    """The model's name on the server; `base` when not given."""
    api_key: str | None = Field(default=None, pattern=r"^[A-Z_][A-Z0-9_]*$")
    """Environment variable that holds the key; the key itself stands in no file."""
    media: str = Field(default="data", pattern=r"^(data|file)$")
    """Send media inside the request (`data`), or as paths that the server can open (`file`)."""
    video: str = Field(default="video", pattern=r"^(video|frames)$")
    """Send a video as one file, or as pictures of the frames that are taken of it."""
    top_logprobs: int = Field(default=20, ge=0, le=20)
    """Likeliest tokens asked for, to read the options' probabilities from; 0 for none."""
    concurrency: int = Field(default=8, ge=1, le=1024)
    """Requests under way at once."""
    timeout_s: float = Field(default=120, gt=0)
    """Longest wait for one answer, in seconds."""
    retries: int = Field(default=5, ge=0, le=100)
    """How often a request is sent again after a time-out, a 429 or a 5xx."""
    extra: dict[str, Any] = Field(default={})
    """Further fields of every request, as the server documents them."""


class OtherModel(Part):
    """A model that is asked."""

    base: str = "tiny"
    """`tiny` (the embedded model), a folder, or a name on the hub (`nvidia/Cosmos-Reason2-8B`)."""
    revision: str | None = None
    """Commit on the hub; the newest when not given."""
    title: str | None = None
    """The model's name on the page."""
    remote_code: str | None = None
    """The value of `base` once more, to allow running the code that comes with that model."""
    endpoint: Endpoint | None = None
    """Ask a server instead of loading the model; it can then not be fine-tuned."""


    @property
    def shown(self) -> str:
        """The model's name as the page says it."""
        if self.title:
            return self.title
        embedded = self.base == "tiny" and self.endpoint is None
        return "recipe_kit's embedded tiny model" if embedded else PurePath(self.base).name


class Model(OtherModel):
    """The model that is evaluated and fine-tuned."""

    min_pixels: int = Field(default=16_384, ge=1024)
    """Smallest number of pixels a picture is resized to."""
    max_pixels: int = Field(default=65_536, ge=1024)
    """Largest number of pixels a picture is resized to."""
    video: Video = Video()
    """How frames are taken of a video."""
    compare: dict[str, OtherModel] = Field(default={})
    """Further models for the zero-shot tables, by a short name; each is asked once."""
