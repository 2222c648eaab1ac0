"""How much memory of a GPU a training needs, counted from its parts; imports no torch.

Bytes are those of bfloat16 (2) and float32 (4). Of activations, what a layer keeps for its
gradients is counted: inputs of products and of norms, queries, keys and values before and after
their rotation, and the three wide vectors of the MLP. Kernels that keep less, or a compiler that
computes again, need less; memory that torch has cut up and cannot use comes on top.
"""

from dataclasses import dataclass

from recipe_kit.model.flops import Work, adapted
from recipe_kit.model.gpus import Gpu
from recipe_kit.model.shape import Shape, Text, Vision
from recipe_kit.spec.train import Train

GPUS_OF_A_MACHINE = 8
"""Weights are divided over the GPUs of a machine, where the links are fast, not over machines."""
ROOMY = 0.4
"""Share of a GPU that gathered weights and whole gradients may take (`train.parallel`)."""
LOGIT_BYTES = 12
"""Of a logit: in bfloat16, in float32, and its gradient."""
MOST_LOGITS = 1 << 28
"""Numbers; more are computed in parts (`model.forward`)."""
RESERVE = 1_500_000_000
"""Bytes that CUDA itself and its libraries take."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one GPU."""

    weights: int
    """In bfloat16, as the model computes with them."""
    masters: int
    """Trained weights, in float32."""
    gradients: int
    """In float32."""
    optimizer: int
    """The two means of AdamW."""
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All of it."""
        return (
            self.weights + self.masters + self.gradients + self.optimizer + self.activations
            + self.logits
        )


def training_memory(shape: Shape, train: Train, batch: Work, gpu: Gpu, gpus: int = 1) -> Memory:
    """What a training needs on each of its GPUs.

    Each GPU has the whole model of a LoRA training, and of a full one its part of the float32
    weights, of their gradients and means; while a step is at work also whole layers, all of them
    where there is room, as `train.parallel` does it.

    Args:
        shape: The model.
        train: How it is trained.
        batch: What goes through it at once, on one GPU.
        gpu: The kind of GPU.
        gpus: How many share the work.
    """
    every, parts = shape.parameters, 1
    trains_vision = train.lora.vision if train.method == "lora" else not train.freeze_vision
    if train.method == "lora":
        trained = gradients = adapted(shape, train)
        held = every + trained
    else:
        frozen = 0 if trains_vision else shape.vision.parameters
        trained = gradients = every - frozen
        held = every
        if gpus > 1:
            parts = min(gpus, GPUS_OF_A_MACHINE)
            roomy = (2 + 4) * every < ROOMY * 2**30 * gpu.gigabytes
            held = every if roomy else frozen + _at_once(shape.text)
            gradients = trained if roomy else trained // parts
    activations = _text(shape.text, train, batch) + _vision(
        shape.vision, train, batch, trained=trains_vision
    )
    return Memory(
        weights=2 * held,
        masters=4 * trained // parts,
        gradients=4 * gradients,
        optimizer=8 * trained // parts,
        activations=activations,
        logits=LOGIT_BYTES * min(batch.logits * shape.text.vocabulary, MOST_LOGITS),
    )


def _at_once(text: Text) -> int:
    """Weights that are gathered at one time: the layer at work, the next, and what is in none."""
    return text.parameters - (text.depth - 2) * text.layer_parameters


def _text(text: Text, train: Train, batch: Work) -> int:
    keys = text.kv_heads * text.head_size
    kept = 4 * text.width + 3 * text.attended + 4 * keys + 3 * text.intermediate
    if train.method == "lora" and train.lora.dropout:
        # Each adapter keeps what dropout left of its input.
        wanted = train.lora.targets
        kept += sum(
            one.fan_in for one in (*text.attention, *text.mlp)
            if not wanted or one.name in wanted
        )
    return _layers(2 * batch.tokens, text.width, text.depth, kept, train.gradient_checkpointing)


def _vision(vision: Vision, train: Train, batch: Work, *, trained: bool) -> int:
    kept = 8 * vision.width + 2 * vision.intermediate
    if not trained:
        # Without gradients only one block is there at a time, and what it gives.
        return 2 * batch.patches * kept
    if train.method == "lora" and train.lora.dropout:
        wanted = train.lora.targets
        kept += sum(one.fan_in for one in vision.block if not wanted or one.name in wanted)
    rows = 2 * batch.patches
    return _layers(rows, vision.width, vision.depth, kept, train.gradient_checkpointing)


def _layers(rows: int, width: int, depth: int, kept: int, checkpointing: bool) -> int:
    """Of layers that keep so many numbers of a row each, or only their input."""
    return rows * (depth * width + kept) if checkpointing else rows * depth * kept
