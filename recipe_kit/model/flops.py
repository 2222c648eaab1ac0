"""How much a model computes: multiplications and additions of its matrix products; no torch.

A product of [n, i] and [i, o] is n·i·o multiplications and as many additions: 2·n·i·o FLOPs. Of a
linear layer y = x W going back, the gradient of the input, dy Wᵀ, takes as many again, and so does
the gradient of the weight, xᵀ dy; each is computed only where somebody asks for it. Attention is
two products, Q Kᵀ and P V, each of 2·K FLOPs for a head of size K and a pair of a token and one
that it sees; going back it is four: dV = Pᵀ dO, dP = dO Vᵀ, dQ = dS K, dK = dSᵀ Q. Pairs that are
masked do not count, whatever a kernel does with them. Norms, rotary positions, softmax and the
like are under 1 % of a model of ordinary size and are left out. (The same count as in "PaLM:
Scaling Language Modeling with Pathways", appendix B, with attention counted causally.)

What counts is the model's own work, so that two programs can be compared: padding, activations
that are computed a second time to save memory (`Cost.again`), and what an attention kernel
computes again going back are not part of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from recipe_kit.model.shape import Product, Shape, Text, Vision
from recipe_kit.spec.train import Train


@dataclass(frozen=True, slots=True)
class Work:
    """What goes through a model; of several batches it is the sum of theirs."""

    tokens: int = 0
    """Tokens of the text model, the visual ones too, without padding."""
    pairs: int = 0
    """Pairs of a token and one that it sees, itself included."""
    logits: int = 0
    """Tokens after which the next one is asked for."""
    patches: int = 0
    patch_pairs: int = 0
    """Pairs of a patch and one of the same time step."""

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.tokens + other.tokens, self.pairs + other.pairs, self.logits + other.logits,
            self.patches + other.patches, self.patch_pairs + other.patch_pairs,
        )

    def __mul__(self, times: int) -> "Work":
        return Work(
            self.tokens * times, self.pairs * times, self.logits * times,
            self.patches * times, self.patch_pairs * times,
        )


def medium(t: int, h: int, w: int) -> Work:
    """A picture or clip of so many patches along time, height and width, in the vision tower."""
    return Work(patches=t * h * w, patch_pairs=t * (h * w) ** 2)


def sequences(prefix: int, branches: Iterable[tuple[int, int]]) -> Work:
    """Questions about one medium: a prefix once, and branches that see it and themselves.

    Args:
        prefix: Tokens that they share; 0 for a sequence that shares nothing.
        branches: Further tokens of each, and how many of them the head is computed for.
    """
    found = Work(prefix, _causal(prefix))
    for tokens, logits in branches:
        found += Work(tokens, tokens * prefix + _causal(tokens), logits)
    return found


def _causal(tokens: int) -> int:
    return tokens * (tokens + 1) // 2


@dataclass(frozen=True, slots=True)
class Cost:
    """FLOPs."""

    forward: int = 0
    backward: int = 0
    """Gradients of activations, and of what is trained."""
    again: int = 0
    """Activations that are computed again to save memory; not part of the model's own work."""

    @property
    def model(self) -> int:
        """The model's own work."""
        return self.forward + self.backward

    @property
    def whole(self) -> int:
        """All that is computed."""
        return self.model + self.again

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.forward + other.forward, self.backward + other.backward, self.again + other.again
        )


def asking(shape: Shape, work: Work) -> Cost:
    """A forward pass without gradients."""
    return _run(shape, work, None)


def training(shape: Shape, work: Work, train: Train) -> Cost:
    """A forward pass and its gradients, as far as what is trained needs them.

    Outputs of a frozen vision tower that are at hand already are left out of `work`.
    """
    return _run(shape, work, train)


def adapted(shape: Shape, train: Train) -> int:
    """Weights of all adapters."""
    text, vision = shape.text, shape.vision
    every = [*(text.attention + text.mlp)] * text.depth
    if train.lora.vision:
        every += [*vision.block] * vision.depth + [*vision.merger] * (1 + len(vision.deepstack))
    wanted = [one for one in every if _rank(one, train)]
    return sum(train.lora.rank * (one.fan_in + one.fan_out) for one in wanted)


def _rank(product: Product, train: Train) -> int:
    return train.lora.rank if product.name in (train.lora.targets or (product.name,)) else 0


def _run(shape: Shape, work: Work, train: Train | None) -> Cost:
    full = train is not None and train.method == "full"
    tower = _Chain(train, vision=True)
    if work.patches:
        _vision(tower, shape.vision, work)
    chain = _Chain(train, vision=False)
    # Embeddings that are trained need the gradient of what they give, though no product of it.
    seen = _text(chain, shape.text, work, tower.reached or full)
    # The head gets no adapter.
    chain.product(shape.text.head._replace(name=""), work.logits, seen)
    return tower.cost + chain.cost


class _Chain:
    """Adds up products from the input on; each says whether its output needs a gradient."""

    def __init__(self, train: Train | None, *, vision: bool) -> None:
        self.cost = Cost()
        self.reached = False
        """Whether the output of what was added last needs a gradient."""
        self._train = train
        frozen = vision and train is not None and train.freeze_vision
        self._weights = train is not None and train.method == "full" and not frozen
        self._adapts = (
            train is not None and train.method == "lora" and (train.lora.vision or not vision)
        )

    def product(self, one: Product, rows: int, grad: bool) -> bool:
        """A linear layer, with its adapter if it has one.

        An adapter is x A B: two products forward; going back, the gradients of A, of B and of what
        lies between, and of its input where that needs one.
        """
        size = 2 * rows * one.fan_in * one.fan_out
        cost = Cost(size, size * (grad + self._weights))
        rank = self._rank(one)
        if rank:
            down, up = 2 * rows * one.fan_in * rank, 2 * rows * rank * one.fan_out
            cost += Cost(down + up, 2 * up + down * (1 + grad))
        self.cost += cost
        return grad or self._weights or bool(rank)

    def beside(self, several: Iterable[Product], rows: int, grad: bool) -> bool:
        """Linear layers that have one input."""
        reached = False
        for one in several:
            reached |= self.product(one, rows, grad)
        return reached

    def attention(self, pairs: int, width: int, grad: bool) -> bool:
        """Two products forward, four going back."""
        size = 4 * pairs * width
        self.cost += Cost(size, 2 * size * grad)
        return grad

    def repeated(self, before: Cost, last: Product, rows: int, grad: bool) -> None:
        """Of a block that keeps only its input: its forward pass comes twice.

        But for its last product, or that of the last one's adapter, whose output nobody asks for:
        torch stops as soon as all is there that the gradients need (`early_stop`).
        """
        if not grad or self._train is None or not self._train.gradient_checkpointing:
            return
        rank = self._rank(last)
        needless = 2 * rows * (rank or last.fan_in) * last.fan_out
        self.cost += Cost(again=self.cost.forward - before.forward - needless)

    def _rank(self, one: Product) -> int:
        """Rank of a layer's adapter; 0 where it has none."""
        return _rank(one, self._train) if self._adapts and self._train and one.name else 0


def _vision(chain: _Chain, vision: Vision, work: Work) -> None:
    qkv, proj, *mlp = vision.block
    merged = work.patches // vision.merged
    grad = chain.product(vision.embedding, work.patches, grad=False)
    for number in range(vision.depth):
        before = chain.cost
        inner = chain.product(qkv, work.patches, grad)
        inner = chain.attention(work.patch_pairs, vision.width, inner)
        grad = chain.product(proj, work.patches, inner) or grad
        inner = grad
        for one in mlp:
            inner = chain.product(one, work.patches, inner)
        grad = inner
        chain.repeated(before, mlp[-1], work.patches, grad)
        for _ in range(vision.deepstack.count(number)):
            chain.reached |= _merge(chain, vision, merged, grad)
    chain.reached |= _merge(chain, vision, merged, grad)


def _merge(chain: _Chain, vision: Vision, tokens: int, grad: bool) -> bool:
    for one in vision.merger:
        grad = chain.product(one, tokens, grad)
    return grad


def _text(chain: _Chain, text: Text, work: Work, grad: bool) -> bool:
    *into, out = text.attention
    *wide, narrow = text.mlp
    for _ in range(text.depth):
        before = chain.cost
        inner = chain.beside(into, work.tokens, grad)
        inner = chain.attention(work.pairs, text.attended, inner)
        grad = chain.product(out, work.tokens, inner) or grad
        inner = chain.beside(wide, work.tokens, grad)
        grad = chain.product(narrow, work.tokens, inner) or grad
        chain.repeated(before, narrow, work.tokens, grad)
    return grad
