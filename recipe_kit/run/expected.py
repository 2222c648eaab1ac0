"""What a sample will put through a model, as far as the spec tells; imports no torch.

Nothing is opened: media whose size the spec does not say are taken to be as large as its limits
let them be, and texts that come from labels to be of ordinary length.
"""

import math
from dataclasses import dataclass

from recipe_kit.model.flops import Work, medium, sequences
from recipe_kit.model.pixels import Grid, Preprocess
from recipe_kit.spec.data import (
    AnnotationsSource,
    QuestionsSource,
    Source,
    TableSource,
    TriplesSource,
    WorldSource,
)
from recipe_kit.spec.model import FRAMES, Video
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.tasks import TEXT_TASKS, Benchmark, ChoiceTask, Task, labels_in
from recipe_kit.spec.worlds import CLIP_WORLDS

LETTERS_OF_A_TOKEN = 4
"""Of English text, about."""
LABEL_TOKENS = 8
"""Tokens that a label is taken to put into a prompt."""
TEXT_TOKENS = 256
"""Tokens that a caption or a free answer is taken to have, where it may be so long."""
CHAT_TOKENS = 12
"""Tokens of the chat's form around a question."""
STEP_TOKENS = 8
"""Tokens around each time step of a clip: its time, its beginning and its end."""
WIDE = (9_000, 16_000)
"""Height and width of a picture that is too large for any limit."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture or clip as a model is shown it."""

    grid: Grid
    frames: int
    """Frames taken of a clip; 1 of a picture."""
    video: bool
    known: bool
    """Whether the spec says its size; otherwise it is as large as the limits let it be."""
    tokens: int
    """Visual tokens."""

    @property
    def tower(self) -> Work:
        """In the vision tower."""
        return medium(*self.grid)

    @property
    def prefix(self) -> int:
        """Tokens up to its end, which all questions about it share."""
        return CHAT_TOKENS // 2 + self.tokens + STEP_TOKENS * (self.grid.t if self.video else 0)


@dataclass(frozen=True, slots=True)
class Asked:
    """A sample of a benchmark as a model is asked it."""

    shown: Shown
    branches: tuple[tuple[int, int], ...]
    """Tokens of each question, and 1 for the logits that follow."""
    written: tuple[int, ...]
    """Tokens that are generated one by one, of each answer that is text."""

    @property
    def rows(self) -> Work:
        """In the text model, before anything is generated."""
        return sequences(self.shown.prefix, self.branches)


def shown(recipe: Recipe, source: Source, preprocess: Preprocess) -> Shown:
    """How a model is shown what a source has."""
    side: tuple[int, int] | None = None
    seconds = None
    video = isinstance(source, AnnotationsSource)
    match source:
        case WorldSource():
            side, video = (source.height, source.width), source.world in CLIP_WORLDS
            seconds = source.seconds
        case TableSource():
            video = source.columns.video is not None
        case QuestionsSource():
            video = source.format == "lingoqa"
    frames = _frames(recipe.model.video, seconds) if video else 1
    size_of = preprocess.frame_size if video else preprocess.size_of
    height, width = size_of(*(side or WIDE))
    grid = Grid(
        math.ceil(frames / preprocess.temporal_patch_size),
        height // preprocess.patch_size, width // preprocess.patch_size,
    )
    return Shown(grid, frames, video, side is not None, preprocess.tokens_of(grid))


def _frames(video: Video, seconds: float | None) -> int:
    if video.fps is None:
        return video.nframes or FRAMES
    wanted = video.max_frames if seconds is None else round(seconds * video.fps)
    return min(max(wanted, video.min_frames), video.max_frames)


def lesson(recipe: Recipe, name: str, preprocess: Preprocess) -> tuple[Shown, Work]:
    """A training sample of a source: how it is shown, and all that it puts through the model."""
    source = recipe.data.sources[name]
    seen = shown(recipe, source, preprocess)
    pairs = [pair for task in _learned(recipe) for pair in _lessons(recipe, task, source)]
    annotated = isinstance(source, WorldSource) and source.subdirectories
    if annotated or isinstance(source, AnnotationsSource | TriplesSource):
        # Each has a prompt and an answer of its own.
        pairs = [(CHAT_TOKENS + 2 * LABEL_TOKENS, TEXT_TOKENS), *pairs]
    branches = [(words + answer, answer) for words, answer in pairs]
    return seen, seen.tower + sequences(seen.prefix, branches)


def _learned(recipe: Recipe) -> tuple[str, ...]:
    # As `train.examples.training_tasks`, which is in a room that needs torch.
    asked = [task for benchmark in recipe.benchmarks.values() for task in benchmark.tasks]
    return recipe.train.tasks or tuple(dict.fromkeys(asked))


def _lessons(recipe: Recipe, name: str, source: Source) -> list[tuple[int, int]]:
    """Tokens of each question of a task that is learned from a sample, and of its answer."""
    task = recipe.tasks[name]
    pools = [one.pool for one in recipe.benchmarks.values() if one.pool and name in one.tasks]
    if pools:
        times = max(pool.training for pool in pools)
    elif isinstance(source, TableSource):
        times = task.label in source.labels
    else:
        # Which labels they have is known only when they are read.
        times = not isinstance(source, AnnotationsSource | TriplesSource)
    if isinstance(task, ChoiceTask):
        times *= task.training_orders
    return [(_question(task), _answer(task))] * times


def asked(recipe: Recipe, benchmark: Benchmark, source: str, preprocess: Preprocess) -> Asked:
    """A sample of a source as a benchmark asks about it."""
    tasks = [recipe.tasks[name] for name in benchmark.tasks]
    if benchmark.pool:
        required = sum(one.required for one in benchmark.pool.questions)
        tasks = [tasks[0]] * (required + benchmark.pool.sampled)
    return Asked(
        shown(recipe, recipe.data.sources[source], preprocess),
        tuple((_question(task), 1) for task in tasks),
        tuple(_answer(task) for task in tasks if task.type in TEXT_TASKS),
    )


def _question(task: Task) -> int:
    options = task.options if isinstance(task, ChoiceTask) else ()
    lettered = sum(_tokens(option) + 4 for option in options)
    return CHAT_TOKENS // 2 + _tokens(task.prompt) + lettered


def _answer(task: Task) -> int:
    """Tokens of an answer, with the one that ends it."""
    most: int = getattr(task, "max_new_tokens", 1)
    return min(TEXT_TOKENS, most) if task.type in TEXT_TASKS else 2


def _tokens(text: str) -> int:
    return len(labels_in(text)) * LABEL_TOKENS + math.ceil(len(text) / LETTERS_OF_A_TOKEN)
