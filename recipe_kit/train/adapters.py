"""Which weights are trained: low-rank adapters (PEFT), or the model's own."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from recipe_kit.errors import TrainError
from recipe_kit.model.forward import checkpoint_activations
from recipe_kit.model.vision import core_of
from recipe_kit.spec.train import Lora, Train


def prepare(model: Any, spec: Train) -> Any:
    """Make a model ready for training in place; with adapters, the model that holds them.

    Adapters are float32 here, and weights that are all trained are in the model's format:
    `recipe_kit.train.parallel` sees to it that what is stepped is float32.

    Raises:
        TrainError: `train.lora.targets` names a layer the model does not have.
    """
    if spec.method == "lora":
        # The adapters' first values.
        torch.manual_seed(spec.seed)
        config = LoraConfig(
            r=spec.lora.rank,
            lora_alpha=spec.lora.alpha,
            lora_dropout=spec.lora.dropout,
            target_modules=list(targets(model, spec.lora)),
            bias="none",
        )
        with quiet_peft():
            trained = get_peft_model(model, config)
    else:
        trained = model.requires_grad_(True)
        if spec.freeze_vision:
            core_of(model).model.visual.requires_grad_(False)
    if spec.gradient_checkpointing:
        checkpoint_activations(trained)
    return trained


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Keeps from the user that PEFT reads an attribute that transformers is about to rename."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        yield


def targets(model: torch.nn.Module, lora: Lora) -> tuple[str, ...]:
    """Full names of the layers that get an adapter; never the head.

    Raises:
        TrainError: a name in `lora.targets` is no linear layer's.
    """
    linear = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head")
    ]
    if not lora.vision:
        linear = [name for name in linear if ".visual." not in f".{name}"]
    last = {name.rpartition(".")[2] for name in linear}
    for target in lora.targets:
        if target not in last:
            raise TrainError(
                f"the model has no linear layer named '{target}'",
                where="train.lora.targets",
                fix=f"Choose from: {', '.join(sorted(last))}.",
            )
    wanted = set(lora.targets) or last
    return tuple(name for name in linear if name.rpartition(".")[2] in wanted)


def trainable(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    """The parameters that are trained, by name."""
    return [(name, value) for name, value in model.named_parameters() if value.requires_grad]


def optimizer_groups(
    parameters: Sequence[tuple[str, torch.nn.Parameter]], weight_decay: float
) -> Iterator[dict[str, Any]]:
    """Matrices with weight decay; biases and the scales of norms without."""
    for matrices in (True, False):
        members = [value for _, value in parameters if (value.ndim >= 2) == matrices]
        if members:
            yield {"params": members, "weight_decay": weight_decay if matrices else 0.0}
