"""How the model is fine-tuned."""

from typing import Annotated, Literal

from pydantic import Field

from recipe_kit.spec.base import Part, Seed

Weight = Annotated[float, Field(ge=0)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class Lora(Part):
    """Low-rank adapters (PEFT)."""

    rank: int = Field(default=16, ge=1)
    """Rank of the adapters."""
    alpha: float = Field(default=32, gt=0)
    """Scale of the adapters; they are multiplied by alpha / rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Dropout on the adapters' input."""
    vision: bool = True
    """Put adapters in the vision tower too, not only in the language model."""
    targets: tuple[str, ...] = ()
    """Names of the layers that get an adapter; every linear layer but the head when empty."""


class Validate(Part):
    """Validation while training, through the same code that evaluates."""

    every: Literal["epoch"] | Annotated[int, Field(gt=0)] = "epoch"
    """After each epoch, or after this many optimizer steps."""
    patience: int = Field(default=2, ge=1)
    """Stop after this many validations with neither better accuracy nor lower loss."""
    min_delta: float = Field(default=0.001, ge=0)
    """Smallest change of accuracy or loss that counts as better."""
    max_samples: int | None = Field(default=None, gt=0)
    """Validate on at most this many samples (a seeded choice); all when not given."""


class Augment(Part):
    """Random changes to training pictures that leave the answers true."""

    mirror: bool = False
    """Flip half of the pictures left to right; not for questions about left and right."""
    flip: bool = False
    """Flip half of the pictures upside down."""
    brightness: float = Field(default=0.0, ge=0, lt=1)
    """Largest change of brightness and contrast, as a share."""


class Ablation(Part):
    """The same training with another blend of sources, evaluated beside the main one."""

    blend: dict[str, Weight] = Field(min_length=1)
    """Source weights of this training."""


class Train(Part):
    """Supervised fine-tuning on picture, prompt and target."""

    method: Literal["lora", "full", "none"] = "lora"
    """Train adapters (PEFT), all weights, or nothing: the recipe then only evaluates."""
    lora: Lora = Lora()
    """Adapters, for `method: lora`."""
    freeze_vision: bool = False
    """Keep the vision tower as it is, for `method: full`."""
    tasks: tuple[str, ...] = ()
    """Tasks that training questions are made of; those of all benchmarks when empty."""
    blend: dict[str, Weight] = Field(default={})
    """Weight of each source in an epoch; in proportion to their size when empty."""
    ablations: dict[str, Ablation] = Field(default={})
    """Further trainings that differ in their blend only, for one table of results."""
    max_samples: int | None = Field(default=None, gt=0)
    """Few-shot tuning: train on at most this many samples (a seeded choice)."""
    epochs: float = Field(default=3, gt=0)
    """Passes over the training samples."""
    batch_size: int = Field(default=32, ge=1)
    """Samples in one forward pass; each brings all its questions."""
    accumulate: int = Field(default=1, ge=1)
    """Forward passes whose gradients make one optimizer step."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Largest learning rate of AdamW."""
    warmup: float = Field(default=0.03, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    final_learning_rate: float = Field(default=0.1, ge=0, le=1)
    """Where the cosine ends, as a share of the largest learning rate."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Weight decay of AdamW, on matrices only."""
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """Betas of AdamW."""
    clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient."""
    loss_per: Literal["token", "answer"] = "token"
    """Take the mean loss over answer tokens, or over answers: a letter then counts as a caption."""
    gradient_checkpointing: bool = False
    """Compute activations twice to save memory."""
    augment: Augment = Augment()
    """Random changes to training pictures."""
    seed: Seed = 0
    """Seed of the data order, of dropout and of the adapters."""
    validate_: Validate = Field(default=Validate(), alias="validate")
    """Validation and early stopping."""
    checkpoint_every: int | None = Field(default=None, gt=0)
    """Also save the state of training every so many optimizer steps."""
    max_length: int | None = Field(default=None, ge=16)
    """Longest training example, in tokens; a longer one is an error. Any length when not given."""
    devices: int = Field(default=1, ge=1)
    """GPUs that the batch is meant for: a step takes `batch_size` × `accumulate` × `devices`
    samples, on however many processes it runs."""
    workers: int = Field(default=0, ge=0)
    """Processes that read media ahead of the training, for each GPU; 0: threads instead."""
    spike: float | None = Field(default=6, gt=0)
    """Skip a step whose loss and gradient lie this many standard deviations above those of the
    last 128 steps; never when null."""
