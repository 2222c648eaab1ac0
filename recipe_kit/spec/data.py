"""Where samples come from, and how they are divided."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from recipe_kit.spec.base import Part, Seed
from recipe_kit.spec.worlds import WORLD_KNOBS

Share = Annotated[float, Field(gt=0, le=1)]
Weight = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class MappedColumn(Part):
    """A column whose values are renamed on reading."""

    column: str
    """The column of the table."""
    map: dict[str, str | int]
    """From the value in the table to the value of the label; any other value is an error."""


class Columns(Part):
    """Which column of a table holds what; a column that is not named is not read."""

    image: str | None = "image"
    """Column with the picture's path, relative to `media`."""
    video: str | None = None
    """Column with the video's path, relative to `media`."""
    id: str | None = None
    """Column with a unique name for each row; the media path when not given."""
    category: str | MappedColumn | None = None
    """Column with the category (hazard, safe, ambiguous, ...) that results are reported by."""
    group: str | tuple[str, ...] | None = None
    """Column, or columns in any order, that tell what belongs together; never parted by a split."""
    split: str | None = None
    """Column with the split the table itself declares."""

    @model_validator(mode="before")
    @classmethod
    def _video_instead_of_image(cls, values: Any) -> Any:
        # A table of videos need not say `image: null`.
        if isinstance(values, dict) and values.get("video") is not None:
            values = {"image": None, **values}
        # What a validator like this one hands over is no longer JSON, where a list is a tuple.
        if isinstance(values, dict) and isinstance(values.get("group"), list):
            values = {**values, "group": tuple(values["group"])}
        return values


class TableSource(Part):
    """A table of files: CSV, TSV, JSON or JSONL, one row for each picture or video."""

    kind: Literal["table"]
    """A table of files."""
    path: str
    """The table, relative to the data root (`RECIPE_DATA`) or to the recipe's folder."""
    media: str = ""
    """Folder that the media paths are relative to; the table's own folder when empty."""
    columns: Columns = Columns()
    """Which column holds what."""
    labels: dict[str, str | MappedColumn] = Field(min_length=1)
    """From the label's name to its column (`options.A` reaches into one), or to a renamed one."""
    exclude: tuple[str, ...] = ()
    """Ids of rows that are left out: a duplicate that the audit found, a wrong label."""
    license: str = ""
    """License of the pictures, as the page states it."""
    credit: str = ""
    """Who made the pictures, as the page states it."""


class WorldSource(Part):
    """A synthetic world: pictures drawn from a seed."""

    kind: Literal["world"]
    """A synthetic world."""
    world: str
    """Name of the world."""
    count: int = Field(gt=0, le=10_000_000)
    """Number of pictures to draw."""
    seed: Seed = 0
    """Seed that fully determines every picture."""
    width: int = Field(default=128, ge=32, le=1024)
    """Width of a picture, in pixels."""
    height: int = Field(default=128, ge=32, le=1024)
    """Height of a picture, in pixels."""
    seconds: float = Field(default=4.0, gt=0, le=60)
    """Length of a clip, in seconds; worlds of clips only."""
    fps: float = Field(default=4.0, gt=0, le=60)
    """Frames of a clip per second; worlds of clips only."""
    subdirectories: tuple[str, ...] = ()
    """Annotate the clips in these formats, each in a folder of its own; worlds of clips only."""
    weights: tuple[Weight, ...] = ()
    """How often each subdirectory is drawn in training, in their order; equally when empty."""
    randomize: dict[str, Any] = Field(default={})
    """Domain randomization: the world's knobs, mostly the share of pictures a thing appears in."""

    @field_validator("randomize")
    @classmethod
    def _fill_knobs(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        # Written out in full, so that the resolved spec shows every knob's default.
        knobs = WORLD_KNOBS.get(info.data.get("world", ""))
        return values if knobs is None else knobs.model_validate(values, strict=True).model_dump()


LATER_OF_WORLDS = ("seconds", "fps", "subdirectories", "weights")
"""Fields of a world that came later, and have no part in its name where they are at default."""


class TriplesSource(Part):
    """Training examples as JSON triples: `image_path`, `prompt`, `target`; for training only."""

    kind: Literal["triples"]
    """JSON triples."""
    path: str
    """A JSON list or a JSONL file, relative to the data root or to the recipe's folder."""
    media: str = ""
    """Folder that `image_path` is relative to; the file's own folder when empty."""
    license: str = ""
    """License of the pictures, as the page states it."""
    credit: str = ""
    """Who made the pictures, as the page states it."""


class QuestionsSource(Part):
    """Questions that others wrote, in a format of theirs; each becomes a sample with its labels.

    The labels are `question`, `hint`, `A` to `J`, `answer`, `category`, `l2_category`, and
    whatever else a row of the file holds.
    """

    kind: Literal["questions"]
    """Questions in a format of others."""
    format: Literal["vlmevalkit", "llava", "triples", "datasets", "lingoqa"]
    """VLMEvalKit TSV, LLaVA JSON, JSON triples, a Hugging Face dataset on disk, or LingoQA."""
    path: str
    """The file or folder, relative to the data root or to the recipe's folder."""
    media: str = ""
    """Folder that the media paths are relative to; the file's own folder when empty."""
    group: str | None = None
    """Label that tells what belongs together; never parted by a split."""
    exclude: tuple[str, ...] = ()
    """Ids of questions that are left out."""
    license: str = ""
    """License of the pictures, as the page states it."""
    credit: str = ""
    """Who made the pictures, as the page states it."""


class AnnotationsSource(Part):
    """Annotated videos in subdirectories, one for each way they were annotated.

    A subdirectory has a `meta.json` that lists its videos and annotations and says which of the
    three formats they are in: `human` (a form that a person filled in), `cv` (made by a computer
    vision pipeline) or `reasoning` (an answer with its reasoning). The fields of an annotation are
    the sample's labels.
    """

    kind: Literal["annotations"]
    """Annotated videos."""
    path: str
    """The folder with the subdirectories, relative to the data root or to the recipe's folder."""
    subdirectories: tuple[str, ...] = Field(min_length=1)
    """Names of the subdirectories."""
    weights: tuple[Weight, ...] = ()
    """How often each subdirectory is drawn in training, in their order; equally when empty."""
    meta_file: str = "meta.json"
    """Name of the list in each subdirectory."""
    prompts: dict[str, str] = Field(default={})
    """What is asked in training, by format; the kit's own words when not given."""
    targets: dict[str, str] = Field(default={})
    """Field of the annotation that is answered, by format; the whole JSON when not given."""
    exclude: tuple[str, ...] = ()
    """Ids of videos that are left out."""
    counts: dict[str, Count] = Field(default={})
    """Samples that a subdirectory is known to have: checked in a run, and what `recipe plan`
    reckons with on a machine that has not the data."""
    license: str = ""
    """License of the videos, as the page states it."""
    credit: str = ""
    """Who made the videos, as the page states it."""


Source = Annotated[
    TableSource | WorldSource | TriplesSource | QuestionsSource | AnnotationsSource,
    Field(discriminator="kind"),
]


def part_shares(source: Source) -> dict[str, float]:
    """Share of the draws in training of each of a source's subdirectories; they add up to 1."""
    if not isinstance(source, WorldSource | AnnotationsSource):
        return {}
    weights = source.weights or (1.0,) * len(source.subdirectories)
    whole = sum(weights)
    return {name: weight / whole
            for name, weight in zip(source.subdirectories, weights, strict=True)}


class Take(Part):
    """A share of the rows that a table declares for one split."""

    rows: str
    """The value in the table's split column."""
    share: Share = 1.0
    """Share of those rows."""


class Splits(Part):
    """What each split takes of each source: a share (0–1), or rows the table declares."""

    train: dict[str, Share | Take] = Field(default={})
    """What the model is trained on."""
    val: dict[str, Share | Take] = Field(default={})
    """What checkpoints are chosen on."""
    test: dict[str, Share | Take] = Field(min_length=1)
    """What results are reported on."""


class Audit(Part):
    """Checks of the samples before anything is run."""

    near_duplicate_distance: int = Field(default=2, ge=0, le=16)
    """Largest Hamming distance of 64-bit perceptual hashes that counts as a near duplicate."""
    allow_leakage: tuple[str, ...] = ()
    """Sources whose duplicates between train and test are known and accepted, by name."""
    unreadable: Literal["stop", "skip"] = "stop"
    """What to do when files cannot be read: stop, or leave them out and list them."""
    max_megapixels: float = Field(default=64.0, gt=0)
    """Largest picture that is opened, in millions of pixels."""


class Data(Part):
    """Samples: their sources, their splits, and the checks they must pass."""

    root: str | None = None
    """Folder that paths are relative to; the environment variable `RECIPE_DATA` when not given."""
    sources: dict[str, Source] = Field(min_length=1)
    """Named sources of samples."""
    splits: Splits
    """What each split takes of each source."""
    seed: Seed = 0
    """Seed of the split."""
    stratify: str | None = None
    """Label whose shares are kept equal over the splits; the first task's label when not given."""
    audit: Audit = Audit()
    """Checks before anything is run."""
    frame_cache_gb: float = Field(default=4.0, ge=0)
    """Most that decoded frames may take on disk, in gigabytes; the oldest are removed."""
