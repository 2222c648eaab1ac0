"""The weights of a training: on one process, copied to several, or divided among them.

Adapters are small, so every process holds the whole model, and the gradients of the adapters are
added over all of them once a step: no weights are gathered in forward passes. Where all weights are
trained, they and the optimizer's state are divided (FSDP2, `torch.distributed.fsdp.fully_shard`;
over several machines: divided within each, copied between them). Either way a gradient is the sum
over the samples of all processes, so the training does not depend on how many there are.

What is stepped are float32 weights ("masters"), because steps of a small learning rate are lost in
bfloat16; the arithmetic is in the model's own format.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import distributed
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn import Module, Parameter

from recipe_kit.errors import RecipeError
from recipe_kit.model.compiled import compile_model
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.seen import Seen
from recipe_kit.model.vision import core_of
from recipe_kit.model.world import World
from recipe_kit.spec.train import Augment, Train
from recipe_kit.train.adapters import prepare, trainable
from recipe_kit.train.feed import MicroBatch
from recipe_kit.train.loss import token_losses, tower_is_frozen

T = TypeVar("T")

ROOMY = 0.4
"""Share of a GPU's memory that gathered weights and whole gradients may take during a step."""


def place(
    loaded: LoadedModel, spec: Train, world: World, cache_gb: float = 0
) -> "Whole | Divided":
    """Make a model ready for training on these processes.

    Args:
        loaded: The model; it is changed in place.
        spec: What of it is trained.
        world: The processes that train together.
        cache_gb: Memory of each machine for what a frozen vision tower saw, in units of 10^9
            bytes; for trainings that come to the same media again.

    Raises:
        TrainError: `train.lora.targets` names a layer the model does not have.
    """
    kind = Divided if spec.method == "full" and world.size > 1 else Whole
    weights = kind(loaded, spec, world)
    if cache_gb and spec.augment == Augment() and tower_is_frozen(weights.loaded):
        weights.seen = Seen(cache_gb / world.local_size)
    return weights


class Whole:
    """Every process holds all weights.

    Args:
        loaded: The model; it is changed in place.
        spec: What of it is trained.
        world: The processes that train copies of it.
    """

    divided = False
    seen: Seen | None = None
    """What a frozen vision tower saw."""

    def __init__(self, loaded: LoadedModel, spec: Train, world: World) -> None:
        self.loaded = replace(loaded, model=prepare(loaded.model, spec))
        self._world = world
        self._working = [value for _, value in trainable(self.loaded.model)]
        _alike(self._working, world)
        names = [name for name, _ in trainable(self.loaded.model)]
        masters = [self._master(value) for value in self._working]
        self.named: list[tuple[str, Parameter]] = list(zip(names, masters, strict=True))
        """The weights that are stepped, float32, by their names in the model."""
        compile_model(self.loaded.model)
        self._flat: torch.Tensor | None = None
        if world.size > 1:
            self._flat = torch.zeros(sum(m.numel() for m in masters), device=loaded.device)
            parts = torch.split(self._flat, [master.numel() for master in masters])
            for master, part in zip(masters, parts, strict=True):
                master.grad = part.view_as(master)

    def _master(self, working: Parameter) -> Parameter:
        if self.loaded.dtype == torch.float32:
            return working
        master = Parameter(working.detach().float().clone())
        working.data = working.data.to(self.loaded.dtype)
        # Micro-batches are added up in float32.
        hook = partial(_move_gradient, master=master)
        working.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call] # no types
        return master

    def losses(self, micro: MicroBatch) -> torch.Tensor:
        """The loss of every answer token, float32 [P]."""
        return token_losses(self.loaded, micro, self.seen)

    def next_pass(self, *, last: bool) -> None:
        """Called before each forward pass of a step."""

    def add_up(self, figures: torch.Tensor) -> torch.Tensor:
        """Add gradients and some figures [n] over all processes."""
        if self._flat is not None:
            self._world.add(self._flat)
        return self._world.add(figures)

    def clip(self, limit: float) -> torch.Tensor:
        """Shorten the gradient to a norm; returns the one it had."""
        return torch.nn.utils.clip_grad_norm_([value for _, value in self.named], limit)

    def clear(self) -> None:
        """Forget the gradients."""
        if self._flat is not None:
            self._flat.zero_()
        else:
            for _, value in self.named:
                value.grad = None

    def stepped(self) -> None:
        """Called when the masters have changed."""
        if self.loaded.dtype != torch.float32:
            with torch.no_grad():
                # One call for hundreds of small weights.
                working: list[torch.Tensor] = [*self._working]
                torch._foreach_copy_(working, [master for _, master in self.named])

    @contextmanager
    def whole(self) -> Iterator[LoadedModel]:
        """The model as it is now, to be asked."""
        yield self.loaded

    whole_on_first = whole


class Divided:
    """Each process holds a part of every layer; layers are put together when they are needed.

    Args:
        loaded: The model; it is changed in place.
        spec: What of it is trained.
        world: The processes; those of one machine hold the whole model together.
    """

    divided = True
    seen: Seen | None = None
    """What a frozen vision tower saw."""

    def __init__(self, loaded: LoadedModel, spec: Train, world: World) -> None:
        self._world = world
        _alike(list(loaded.model.parameters()), world)
        # Before layers are compiled: a copy of a compiled one would call the original.
        self._copy = _without_weights(loaded.model)
        loaded = replace(loaded, model=prepare(loaded.model, spec))
        compile_model(loaded.model)
        self.loaded = loaded
        core: Any = core_of(loaded.model)
        text, visual = core.model.language_model, core.model.visual
        count = sum(value.numel() for value in loaded.model.parameters())
        self._roomy = _is_roomy(count, loaded.device)
        mixed = loaded.dtype == torch.bfloat16
        divide = partial(
            fully_shard,
            mesh=_mesh(world, loaded.device),
            mp_policy=MixedPrecisionPolicy(
                param_dtype=torch.bfloat16 if mixed else None, reduce_dtype=torch.float32
            ),
        )
        # A frozen tower stays whole: processes that have seen their media before do not run it.
        frozen = set(visual.parameters()) if spec.freeze_vision else set()
        for layer in (*text.layers, *(() if frozen else visual.blocks)):
            # Float32 comes into being layer by layer: all of it may be too much for one GPU.
            divide(layer.float(), reshard_after_forward=not self._roomy)
        for module in loaded.model.modules():
            for value in module.parameters(recurse=False):
                if value not in frozen and not isinstance(value, DTensor):
                    value.data = value.data.float()
        root: Module = _Losses(loaded)
        self._root: Any = divide(root, ignored_params=frozen)
        parts: list[Any] = [module for module in root.modules() if isinstance(module, FSDPModule)]
        for part in parts:
            # Sums, not means: the loss has been divided by the weight of all processes.
            part.set_gradient_divide_factor(1.0)
            part.set_force_sum_reduction_for_comms(True)
        self.named = [(name, value) for name, value in trainable(loaded.model)]

    def losses(self, micro: MicroBatch) -> torch.Tensor:
        """The loss of every answer token, float32 [P]; every process has to call it."""
        losses_P: torch.Tensor = self._root(micro, self.seen)
        return losses_P

    def next_pass(self, *, last: bool) -> None:
        """Called before each forward pass of a step: gradients are added over processes once.

        Until then every process keeps whole gradients; where they are too large for the memory,
        they are added, and layers taken apart, in every pass.
        """
        if self._roomy:
            self._root.set_requires_gradient_sync(last)
            self._root.set_reshard_after_backward(last)
        self._root.set_is_last_backward(last)

    def add_up(self, figures: torch.Tensor) -> torch.Tensor:
        """Add some figures [n] over all processes; gradients have been, going back."""
        return self._world.add(figures)

    def clip(self, limit: float) -> torch.Tensor:
        """Shorten the gradient to a norm; returns the one it had."""
        norm = torch.nn.utils.clip_grad_norm_([value for _, value in self.named], limit)
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def clear(self) -> None:
        """Forget the gradients."""
        for _, value in self.named:
            value.grad = None

    def stepped(self) -> None:
        """Called when the masters have changed."""

    @contextmanager
    def whole(self) -> Iterator[LoadedModel]:
        """The model as it is now, put together on every process, to be asked."""
        with self._together(self.loaded.device, keep=True) as model:
            yield replace(self.loaded, model=model)

    @contextmanager
    def whole_on_first(self) -> Iterator[LoadedModel]:
        """The model as it is now, put together on the first process's CPU; empty elsewhere."""
        with self._together(torch.device("cpu"), keep=self._world.first) as model:
            yield replace(self.loaded, model=model, device=torch.device("cpu"))

    @contextmanager
    def _together(self, device: torch.device, *, keep: bool) -> Iterator[Any]:
        """The undivided copy with the weights of now, in the model's own format."""
        weights, empty = {}, {}
        for name, value in self.loaded.model.named_parameters():
            held = value.detach()
            full = held.full_tensor() if isinstance(held, DTensor) else held
            if keep:
                # A frozen tower is not copied where it already is.
                weights[name] = full.to(device, self.loaded.dtype)
                empty[name] = torch.empty_like(weights[name], device="meta")
        self._copy.load_state_dict(weights, strict=False, assign=True)
        self._copy.tie_weights()
        try:
            yield self._copy.eval()
        finally:
            self._copy.load_state_dict(empty, strict=False, assign=True)
            self._copy.tie_weights()


class _Losses(Module):
    """The root of a divided model, since the text model's own forward is not called."""

    def __init__(self, loaded: LoadedModel) -> None:
        super().__init__()
        self.model = loaded.model
        self._loaded = loaded

    def forward(self, micro: MicroBatch, seen: Seen | None) -> torch.Tensor:
        return token_losses(self._loaded, micro, seen)


def together(world: World, work: Callable[[], T]) -> T:
    """What the first process's work returns, or the error of a user that it raises, for all."""
    found: T | None = None
    failed: RecipeError | None = None
    if world.first:
        try:
            found = work()
        except RecipeError as error:
            if world.size == 1:
                raise
            failed = error
    # An error is sent as its parts: exceptions whose arguments have names cannot be pickled.
    told = failed and (type(failed), failed.what, failed.where, failed.fix)
    found, told = world.broadcast((found, told))
    if failed:
        raise failed
    if told:
        kind, what, where, fix = told
        raise kind(what, where=where, fix=fix)
    return found  # type: ignore[return-value] # the first process has found something


def _move_gradient(working: torch.Tensor, *, master: Parameter) -> None:
    assert working.grad is not None
    if master.grad is None:
        master.grad = working.grad.float()
    else:
        master.grad += working.grad
    working.grad = None


def _alike(parameters: list[Parameter], world: World) -> None:
    """What the first process begins with, all begin with."""
    if world.size > 1:
        for value in parameters:
            distributed.broadcast(value.data, 0)


def _without_weights(model: Module) -> Any:
    memory = {
        id(value): Parameter(torch.empty_like(value, device="meta"), requires_grad=False)
        for value in model.parameters()
    }
    return copy.deepcopy(model, memory)


def _is_roomy(parameters: int, device: torch.device) -> bool:
    """Whether a GPU can hold the whole model in bfloat16 and whole float32 gradients of it."""
    if device.type != "cuda":
        return True
    return parameters * (2 + 4) < ROOMY * torch.cuda.get_device_properties(device).total_memory


def _mesh(world: World, device: torch.device) -> DeviceMesh:
    """Between machines weights are copied: only gradients go over the slow links."""
    machines = world.size // world.local_size
    if machines > 1 and world.local_size > 1:
        shape, names = (machines, world.local_size), ("replicate", "shard")
        return init_device_mesh(device.type, shape, mesh_dim_names=names)
    return init_device_mesh(device.type, (world.size,), mesh_dim_names=("shard",))
