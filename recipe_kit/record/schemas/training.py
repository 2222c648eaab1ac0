"""What a training did."""

from recipe_kit.record.schemas.entry import Entry


class Validation(Entry):
    """One line of the validation table."""

    step: int
    epoch: float
    train_loss: float
    val_loss: float
    val_accuracy: float  # 0 where val_n is
    val_n: int  # questions with a right answer; 0: only texts are learned, and the loss decides
    best: bool = False


class LossPoint(Entry):
    """One point of the training curve."""

    step: int
    loss: float
    learning_rate: float


class BadMedium(Entry):
    """A medium that could not be read in the middle of a training, and what stood in for it."""

    source: str
    media: str
    reason: str
    times: int = 1  # how often another sample was drawn in its place


class Performance(Entry):
    """How fast a training was, and what `recipe plan` expects of the same spec and GPU."""

    gpu: str  # as torch names it; "CPU" without one
    devices: int  # processes, each with its GPU
    seconds: float  # in steps: without validation, saving and the first step, which compiles
    steps: int  # that these seconds took
    samples_per_second: float
    tokens_per_second: float  # tokens of all sequences, the shared ones counted once
    flops_per_step: float  # of the model's own work: nothing that is computed again
    utilization: float | None = None  # share of the GPU's dense bf16 peak; None where it is unknown
    data_wait: float  # share of the time in which the model waited for data
    peak_memory_bytes: int  # of the busiest device
    predicted_seconds: float | None = None  # for as many steps; None where the GPU is unknown
    predicted_memory_bytes: int | None = None


class TrainingResult(Entry):
    """What one training did."""

    role: str  # "tuned", or the name of an ablation
    method: str
    parameters: int
    trainable_parameters: int
    samples: dict[str, int]  # source → training samples
    drawn: dict[str, float]  # source → share of the samples drawn
    questions: int  # training questions in one epoch
    steps: int
    planned_steps: int
    epochs: float
    stopped: str  # why it ended, in words
    best_step: int
    validations: tuple[Validation, ...]
    curve: tuple[LossPoint, ...]
    seconds: float
    peak_memory_bytes: int = 0
    checkpoint: str = ""  # folder relative to the run's folder
    revision: str = ""  # content digest of the chosen checkpoint
    epoch_samples: int = 0  # samples that an epoch takes; 0 in older records
    triple: dict[str, str] = {}  # one training example: image_path, prompt, target; for the page
    skipped: int = 0  # steps without an update: no number, or a spike
    bad_media: tuple[BadMedium, ...] = ()  # replaced by others in the middle of an epoch
    micro_batch: int = 0  # samples in a forward pass, where memory made it smaller than the spec
    performance: Performance | None = None  # None in older records
