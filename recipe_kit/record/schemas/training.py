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
