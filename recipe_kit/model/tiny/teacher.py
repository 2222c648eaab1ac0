"""Train the embedded model on pictures and clips that are drawn in the background, on one GPU.

The forward pass here is the one of `recipe_kit.model`, on the same modules, for pictures of one
size with the visual tokens at one place: nothing waits for the GPU, and it compiles to one graph.
`tests/model/test_tiny_pretrain.py` holds the two together. Shape names: as in `pictures`, E width.
"""

import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from multiprocessing.pool import IMapIterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from recipe_kit.model.prompt import encode
from recipe_kit.model.tiny.build import save_tiny
from recipe_kit.model.tiny.muon import Muon
from recipe_kit.model.tiny.pictures import (
    Artist,
    Bank,
    Chunk,
    Rows,
    Size,
    grid_of,
    length_of,
    medium_of,
)
from recipe_kit.model.vision import grid_places

SAVE_MINUTES = 4


class Share(NamedTuple):
    """One of the batches whose losses add up to a step's."""

    size: Size
    courses: Mapping[str, float]
    """The share of each course."""
    pictures: int
    questions: int
    """Questions about each picture."""
    length: int
    """Tokens of a question with its answer; longer ones are cut."""
    weight: float = 1.0
    compiled: bool = True


Job = tuple[str, Size, int, int]
"""A course, a size, the chunk's running number, and how many pictures it has."""


@dataclass(frozen=True)
class Layout:
    """What all questions about pictures of one size have in common."""

    steps: int
    """Time steps: 1 for a picture."""
    tokens: int
    """Visual tokens of all steps."""
    shown_L: torch.Tensor
    """Where the visual tokens stand."""
    slots_L: torch.Tensor
    """Which of them stands there; 0 elsewhere."""
    positions_3L: torch.Tensor
    where: torch.Tensor
    blend: torch.Tensor
    places: torch.Tensor


def layout_of(model: Any, tokenizer: Any, size: Size, device: str) -> Layout:
    """The layout of as many tokens as there may be with a picture or clip of this size."""
    grid, length = grid_of(size), length_of(size)
    long = encode(tokenizer, "a " * length, [medium_of(size)])
    shown = long.kinds_L[:length] > 0
    slots = np.maximum(np.cumsum(shown) - 1, 0) * shown
    visual = model.model.visual
    where, blend, places = grid_places(
        grid.h, grid.w, visual.spatial_merge_size, visual.num_grid_per_side, device
    )
    shown_L, slots_L, positions_3L = (
        torch.from_numpy(part.copy()).to(device)
        for part in (shown, slots, long.positions_3L[:, :length])
    )
    tokens = grid.patches // 4
    return Layout(grid.t, tokens, shown_L, slots_L, positions_3L, where, blend, places)


def see(model: Any, pixels_NPD: torch.Tensor, layout: Layout) -> list[torch.Tensor]:
    """Visual tokens [N, V, E] for the text, and those added to its first layers."""
    visual = model.model.visual
    projection = visual.patch_embed.proj
    # Both frames of a still picture are the same, so their weights add up.
    still = projection.weight.flatten(3).sum(2).flatten(1)
    weight = still if pixels_NPD.shape[2] == still.shape[1] else projection.weight.flatten(1)
    # Patches see those of their own time step only.
    pixels = pixels_NPD.reshape(len(pixels_NPD) * layout.steps, -1, pixels_NPD.shape[2])
    hidden = F.linear(pixels, weight, projection.bias)
    hidden = hidden + (visual.pos_embed(layout.where) * layout.blend[:, :, None]).sum(1)
    pictures, patches, width = hidden.shape
    cos, sin = (part.float() for part in visual.rotary_pos_emb(hidden, layout.places))

    def rotate(states_NHPK: torch.Tensor) -> torch.Tensor:
        one, two = states_NHPK.float().chunk(2, -1)
        turned: torch.Tensor = states_NHPK * cos + torch.cat((-two, one), -1) * sin
        return turned.to(states_NHPK.dtype)

    deepstack = []
    for number, block in enumerate(visual.blocks):
        qkv = block.attn.qkv(block.norm1(hidden))
        query, key, value = qkv.view(pictures, patches, 3, block.attn.num_heads, -1).permute(
            2, 0, 3, 1, 4
        )
        mixed = F.scaled_dot_product_attention(rotate(query), rotate(key), value)
        hidden = hidden + block.attn.proj(mixed.transpose(1, 2).reshape(pictures, patches, width))
        hidden = hidden + block.mlp(block.norm2(hidden))
        if number in visual.deepstack_visual_indexes:
            place = visual.deepstack_visual_indexes.index(number)
            deepstack.append(visual.deepstack_merger_list[place](hidden.flatten(0, 1)))
    seen = [visual.merger(hidden.flatten(0, 1)), *deepstack]
    shape = (len(pixels_NPD), layout.tokens, -1)
    return [feature.view(shape) for feature in seen]


def read(
    model: Any, pixels_NPD: torch.Tensor, ids_BL: torch.Tensor, layout: Layout
) -> torch.Tensor:
    """Last hidden states [B, L, E] of questions, each picture's in a row."""
    text = model.model.language_model
    repeat = len(ids_BL) // len(pixels_NPD)
    seen, *deepstack = (
        feature.repeat_interleave(repeat, 0) for feature in see(model, pixels_NPD, layout)
    )
    length = ids_BL.shape[1]
    shown, slots = layout.shown_L[:length, None], layout.slots_L[:length]
    hidden = text.embed_tokens(ids_BL)
    hidden = torch.where(shown, seen.to(hidden.dtype).index_select(1, slots), hidden)
    positions = layout.positions_3L[:, None, :length]
    rotation = text.rotary_emb(hidden, positions)
    for number, layer in enumerate(text.layers):
        hidden = layer(hidden, position_embeddings=rotation)
        if number < len(deepstack):
            deep = deepstack[number].index_select(1, slots)
            hidden = hidden + torch.where(shown, deep, 0.0)
    normed: torch.Tensor = text.norm(hidden)
    return normed


def loss_of(model: Any, hidden_BLE: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Mean over questions."""
    logits = model.lm_head(hidden_BLE.flatten(0, 1)[rows.at_A])
    losses = F.cross_entropy(logits.float(), rows.answers_A, reduction="none")
    return (losses * rows.weights_A).sum()


def jitter(patches_NPD: torch.Tensor) -> torch.Tensor:
    """From bytes to -1..1, with other brightness and contrast for each picture.

    So a picture that is seen again looks new.
    """
    pixels = patches_NPD.float()
    shape = (len(pixels), 1, 1)
    gain = torch.empty(shape, device=pixels.device).uniform_(0.8, 1.25)
    shift = torch.empty(shape, device=pixels.device).uniform_(-20, 20)
    return ((pixels - 128) * gain + 128 + shift).clamp(0, 255) / 127.5 - 1


_artist: Artist


def _start_artist(tokenizer: Any, seed: int) -> None:
    global _artist  # one for each worker process
    _artist = Artist(tokenizer, seed)


def _draw(job: Job) -> Chunk:
    return _artist.draw(*job)


class Teacher:
    """Draws in the background and trains.

    Args:
        model: On the device.
        tokenizer: The model's.
        device: `cuda` or `cpu`.
        seed: Of what is drawn and of what is sampled.
        banks: Room for pictures of every size.
        jobs: What to draw, in this order, until the banks are full.
        workers: Processes that draw.
        compiled: Whether the batches of a size are compiled.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        device: str,
        seed: int,
        banks: Mapping[Size, Bank],
        jobs: Iterable[Job],
        workers: int,
        compiled: bool,
    ) -> None:
        torch.backends.cuda.matmul.allow_tf32 = True
        self.device, self.seed = device, seed
        self.tokenizer, self.model, self.banks = tokenizer, model.train(), banks
        self.layouts = {size: layout_of(model, tokenizer, size, device) for size in banks}
        self.read: Callable[..., torch.Tensor] = (
            torch.compile(read, dynamic=False) if compiled else read
        )
        self.pool = multiprocessing.get_context("spawn").Pool(
            workers, _start_artist, (tokenizer, seed)
        )
        chunks = self.pool.imap_unordered(_draw, jobs)
        self.over = threading.Event()
        self.collector = threading.Thread(target=self._collect, args=(chunks,), daemon=True)
        self.collector.start()

    def _collect(self, chunks: "IMapIterator[Chunk]") -> None:
        # A stream of its own, so that copying does not wait for the training.
        cuda = self.device == "cuda"
        # torch ships its Stream without types.
        stream = torch.cuda.Stream() if cuda else None  # type: ignore[no-untyped-call] # no types
        with torch.cuda.stream(stream):
            while not self.over.is_set():
                try:
                    chunk = chunks.next(timeout=1)
                except multiprocessing.TimeoutError:
                    continue
                except StopIteration:
                    break
                bank = self.banks[chunk.size]
                if not bank.full:
                    bank.add(chunk)

    def drawn(self, frames: bool) -> int:
        """Pictures, or clips, that can be trained on."""
        return sum(bank.count for size, bank in self.banks.items() if (len(size) == 3) == frames)

    def loss(self, share: Share, rng: np.random.Generator) -> torch.Tensor:
        """The loss of one batch."""
        bank = self.banks[share.size]
        where, rows = bank.sample(share.courses, share.pictures, share.questions, share.length, rng)
        pixels = jitter(bank.patches_NPD[where])
        reader = self.read if share.compiled else read
        with torch.autocast(self.device, torch.bfloat16):
            hidden = reader(self.model, pixels, rows.ids_BL, self.layouts[share.size])
            return share.weight * loss_of(self.model, hidden, rows)

    def train(
        self,
        lesson: Callable[[int, float], list[Share]],
        *,
        minutes: float,
        warm: int,
        rate: float,
        muon: bool,
        out: Path,
        most_steps: int,
    ) -> int:
        """Train until the time is up; the learning rate follows the clock.

        The log grows line by line, and the weights are saved every `SAVE_MINUTES`.

        Args:
            lesson: The batches of a step, by its number and the share of the time that is over.
            minutes: How long.
            warm: Pictures that are drawn before the first step.
            rate: The highest learning rate.
            muon: Whether the matrices inside the layers are trained by Muon.
            out: The folder of the log and the weights.
            most_steps: Stop after so many.
        """
        optimizers = make_optimizers(self.model, rate, muon=muon, fused=self.device == "cuda")
        peaks = [[group["lr"] for group in opt.param_groups] for opt in optimizers]
        rng = np.random.default_rng(self.seed)
        self._wait(0)
        for share in lesson(0, 0.0):  # compiles
            self._backward(share, rng)
        self.model.zero_grad(set_to_none=True)
        self._wait(warm)
        start = last = saved = time.monotonic()
        ready = {"pictures": self.drawn(frames=False), "clips": self.drawn(frames=True)}
        print(json.dumps({"ready": ready}), flush=True)
        step, recent = 0, torch.zeros((), device=self.device)
        while (done := (time.monotonic() - start) / (60 * minutes)) < 1 and step < most_steps:
            factor = min(1.0, (step + 1) / 300) * min(1.0, (1 - done) / 0.8) + 1e-3
            for opt, peak in zip(optimizers, peaks, strict=True):
                for group, high in zip(opt.param_groups, peak, strict=True):
                    group["lr"] = factor * high
            for share in lesson(step, done):
                recent += self._backward(share, rng)
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for value in self.model.parameters():
                # A batch without a usable gradient must not spoil the weights.
                value.grad = torch.where(norm.isfinite(), value.grad, 0.0)
            for opt in optimizers:
                opt.step()
                opt.zero_grad(set_to_none=True)
            step += 1
            if step % 250 == 0:
                spent = time.monotonic() - last
                line = {
                    "step": step,
                    "loss": round(recent.item() / 250, 4),
                    "factor": round(factor, 4),
                    "minutes": round((time.monotonic() - start) / 60, 2),
                    "steps_per_second": round(250 / spent, 1),
                    "pictures": self.drawn(frames=False),
                    "clips": self.drawn(frames=True),
                }
                with (out / "log.jsonl").open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
                recent.zero_()
                last = time.monotonic()
                if last > saved + 60 * SAVE_MINUTES:
                    self.save(out)
                    saved = last
        self.save(out)
        self.over.set()
        self.collector.join()
        self.pool.terminate()
        return step

    def _wait(self, warm: int) -> None:
        """Until there is something of every course, and this many pictures."""
        while not all(bank.ready for bank in self.banks.values()) or (
            sum(bank.count for bank in self.banks.values()) < warm
        ):
            time.sleep(0.1)

    def _backward(self, share: Share, rng: np.random.Generator) -> torch.Tensor:
        loss = self.loss(share, rng)
        loss.backward()  # type: ignore[no-untyped-call] # torch ships it without types
        return loss.detach().nan_to_num(100.0)

    def save(self, out: Path) -> None:
        """Write the model as it is now."""
        save_tiny(self.model, self.tokenizer, out / "weights")


def make_optimizers(
    model: Any, rate: float, *, muon: bool, fused: bool
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the rest; or AdamW for all."""
    inner, outer, vectors = [], [], []
    for name, value in model.named_parameters():
        if value.ndim < 2:
            vectors.append(value)
        elif muon and value.ndim == 2 and "embed" not in name:
            inner.append(value)
        else:
            outer.append(value)
    groups = [
        {"params": outer, "weight_decay": 0.05},
        {"params": vectors, "weight_decay": 0.0},
    ]
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=fused)
    ]
    if inner:
        found.append(Muon(inner, lr=8 * rate, weight_decay=0.05))
    return found
