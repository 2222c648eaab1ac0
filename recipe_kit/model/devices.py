"""Tensors that go from one device to another."""

import torch


def moved(
    tensor: torch.Tensor, device: torch.device | str, non_blocking: bool = True
) -> torch.Tensor:
    """A tensor on another device, where it is as soon as it is needed.

    Args:
        tensor: The tensor.
        device: Where it goes.
        non_blocking: Whether the CPU goes on at once. From memory that is not pinned it would wait
            for all that the GPU has yet to do, so the tensor is pinned first.
    """
    if non_blocking and torch.device(device).type == "cuda" and not tensor.is_cuda:
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=non_blocking)
