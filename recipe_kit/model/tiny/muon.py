"""Muon: momentum whose matrix is made orthogonal, for the matrices inside the layers.

Source: Keller Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
Matrices of one shape are done together, since the model's are small and many.
"""

from collections.abc import Iterable
from typing import Any

import torch


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal by Newton–Schulz steps.

    Args:
        params: Matrices.
        lr: Learning rate, for a matrix as wide as it is high.
        momentum: Of the gradient.
        weight_decay: Times the learning rate.
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    # torch's `step` may return the loss of a closure; this one takes no closure, so it has none.
    def step(self, closure: Any = None) -> None:  # type: ignore[override] # torch types two overloads
        """Update every matrix that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[torch.Tensor]] = {}
            for value in group["params"]:
                if value.grad is not None:
                    by_shape.setdefault(value.shape, []).append(value)
            for (rows, columns), values in by_shape.items():
                grads = [value.grad for value in values if value.grad is not None]
                buffers = [
                    self.state[value].setdefault("momentum", torch.zeros_like(value))
                    for value in values
                ]
                torch._foreach_lerp_(buffers, grads, 1 - group["momentum"])
                ahead = torch._foreach_lerp(grads, buffers, group["momentum"])
                change = orthogonal(torch.stack(ahead)).unbind()
                scale = group["lr"] * max(1.0, rows / columns) ** 0.5
                torch._foreach_mul_(values, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(values, [part.float() for part in change], alpha=-scale)


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """The nearest matrices whose singular values are all about one, bfloat16 [N, rows, columns]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    flat = matrices.size(-2) > matrices.size(-1)
    x: torch.Tensor = matrices.bfloat16()
    x = x.mT if flat else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        product = x @ x.mT
        x = a * x + (b * product + c * product @ product) @ x
    return x.mT if flat else x
