"""What the stages of one run share: the samples, the questions, the model."""

import gc
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from recipe_kit.data.clip import ReadMedia
from recipe_kit.data.frames import FrameCache
from recipe_kit.data.sources import media_roots
from recipe_kit.errors import ModelError
from recipe_kit.model.compiled import check_compiler, compile_model
from recipe_kit.model.load import LoadedModel, load_model
from recipe_kit.model.pixels import Preprocess
from recipe_kit.model.seen import Seen
from recipe_kit.model.world import World
from recipe_kit.record.files import iter_rows, read_json, read_rows
from recipe_kit.record.schemas import DataFacts, Question, Sample
from recipe_kit.run.layout import Layout
from recipe_kit.run.plan import Plan, Stage, find_model
from recipe_kit.run.reader import Find, MediaReader
from recipe_kit.run.report import Reporter
from recipe_kit.run.shown import frame_cache, limited, preprocess_of
from recipe_kit.spec.model import OtherModel
from recipe_kit.spec.recipe import Recipe


@dataclass
class Job:
    """One run of one recipe."""

    recipe: Recipe
    layout: Layout
    plan: Plan
    report: Reporter
    world: World = field(default_factory=World)
    """This process among those that share the run."""
    device: str = field(init=False)

    def __post_init__(self) -> None:
        self.device = choose_device(self.recipe.evaluation.device)
        if self.device == "cuda" and self.world.size > 1:
            # By its number: which GPU is the present one, every thread decides for itself.
            self.device = f"cuda:{self.world.local_rank}"

    def folder(self, stage: Stage) -> Path:
        """Folder of a stage."""
        return self.layout.run.stage(stage.name, stage.fingerprint)

    @cached_property
    def roots(self) -> dict[str, Path]:
        """Folder of each source's media."""
        return media_roots(
            self.recipe, recipe_dir=self.layout.recipe_path.parent, cache=self.layout.cache
        )

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Every sample of the run, with its split."""
        return read_rows(self.samples_path, Sample)

    @property
    def samples_path(self) -> Path:
        """Where every sample of the run stands, one a line."""
        return self.folder(self.plan.of("data")) / "samples.jsonl"

    @cached_property
    def facts(self) -> DataFacts:
        """What was measured of the samples."""
        return read_json(self.folder(self.plan.of("data")) / "facts.json", DataFacts)

    def questions(self, benchmark: str) -> tuple[Question, ...]:
        """The frozen questions of a benchmark."""
        pool = self.recipe.benchmarks[benchmark].pool
        stage = self.plan.of("benchmark" if pool and pool.answered else "data")
        path = self.folder(stage) / questions_name(benchmark)
        return read_rows(path, Question)

    @cached_property
    def validation_questions(self) -> dict[str, tuple[Question, ...]]:
        """The same benchmarks asked of the validation samples, where every checkpoint is asked."""
        folder = self.folder(self.plan.of("data"))
        places = {
            name: folder / questions_name(name, validation=True) for name in self.recipe.benchmarks
        }
        return {
            name: read_rows(path, Question) for name, path in places.items() if path.exists()
        }

    @cached_property
    def _asked_of(self) -> dict[tuple[str, str], Sample]:
        """The samples that are asked of; those of training may be a thousand times as many."""
        return {
            (sample.source, sample.media): sample
            for sample in iter_rows(self.samples_path, Sample) if sample.split != "train"
        }

    @cached_property
    def frames(self) -> FrameCache:
        """Decoded frames, for evaluation, every checkpoint and training."""
        return frame_cache(self.recipe, self.layout.cache)

    @cached_property
    def seen(self) -> Seen | None:
        """What the base's vision tower saw, where training leaves that as it is.

        Every checkpoint sees the same then; otherwise none sees again what another saw.
        """
        train = self.recipe.train
        frozen = train.freeze_vision if train.method == "full" else not train.lora.vision
        kept = self.seen_gigabytes
        return Seen(kept) if kept and frozen and train.method != "none" else None

    @property
    def seen_gigabytes(self) -> float:
        """This process's share of the memory for what vision towers saw."""
        return self.recipe.evaluation.vision_cache_gb / self.world.local_size

    @cached_property
    def preprocess(self) -> Preprocess:
        """How the base model is shown pictures and frames."""
        return preprocess_of(self.recipe, recipe_dir=self.layout.recipe_path.parent)

    def media_path(self, source: str, media: str) -> Path:
        """Where a medium lies."""
        return self.roots[source] / media

    @cached_property
    def read_media(self) -> ReadMedia:
        """Reads the media of samples that are asked of."""
        return self.media_reader(lambda source, media: self._asked_of.get((source, media)))

    def media_reader(self, find: Find) -> ReadMedia:
        """Reads a picture as it is, or the frames that the spec chooses of a video, resized.

        Args:
            find: Finds the sample that shows a medium.
        """
        return MediaReader(
            find, self.roots, self.recipe.model.video, self.preprocess, self.frames,
            self.recipe.data.audit.max_megapixels,
        )

    def load(self, model: OtherModel | None = None) -> LoadedModel:
        """A model as the spec wants it; the base model when none is given."""
        import torch

        if self.device != "cpu":
            check_compiler()
        gc.collect()  # the model of the stage before
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        spec, evaluation = model or self.recipe.model, self.recipe.evaluation
        short = self.device != "cpu" and evaluation.dtype == "auto"
        loaded = load_model(
            find_model(spec, self.layout.recipe_path.parent),
            # A hub's branch may move while the run goes on; a folder has only what is in it.
            revision=self.plan.revisions.get((spec.base, spec.revision), spec.revision),
            device=self.device,
            dtype=torch.bfloat16 if short or evaluation.dtype == "bfloat16" else torch.float32,
            trust_remote_code=spec.remote_code is not None,
        )
        compile_model(loaded.model)
        pixels = limited(loaded.preprocess, self.recipe.model)
        # The logs and the page name a folder, not where it is on this machine.
        absolute = Path(spec.base).is_absolute()
        name = Path(spec.base).name if absolute else spec.base
        return replace(loaded, preprocess=pixels, name=name)


def questions_name(benchmark: str, *, validation: bool = False) -> str:
    """File name of a benchmark's frozen questions."""
    return f"questions-{benchmark}{'.val' if validation else ''}.jsonl"


def choose_device(wanted: str) -> str:
    """`cuda` or `cpu`.

    Raises:
        ModelError: A GPU is wanted and there is none.
    """
    import torch

    found = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and found == "cpu":
        raise ModelError(
            "there is no GPU that torch can use", where="evaluation.device",
            fix="Write auto or cpu; `recipe doctor` says what this machine has.",
        )
    return found if wanted == "auto" else wanted


def device_name(device: str, processes: int = 1) -> str:
    """What the device is called, for the page, and how many there are: one for each process."""
    import torch

    if device == "cpu":
        return "CPU"
    several = f"{processes} × " if processes > 1 else ""
    return f"{several}{torch.cuda.get_device_name(device)}"
