"""Make the embedded base model: draw pictures, ask about them, train on one GPU.

    python -m recipe_kit.model.tiny.pretrain OUT

The forward pass here is the one of `recipe_kit.model`, on the same modules, for pictures of one
size with the visual tokens at one place: nothing waits for the GPU, and it compiles to one graph.
`tests/model/test_tiny_pretrain.py` holds the two together. Shape names: as in `pictures`, E width.
"""

import argparse
import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from recipe_kit.data.worlds import draw
from recipe_kit.model.prompt import Medium, encode
from recipe_kit.model.tiny.build import build_model, build_tokenizer, save_tiny
from recipe_kit.model.tiny.lessons import COURSES, lessons
from recipe_kit.model.tiny.measure import measure
from recipe_kit.model.tiny.muon import Muon
from recipe_kit.model.tiny.pictures import CHUNK, LENGTH, Artist, Bank, Chunk, Rows, Size, grid_of
from recipe_kit.model.vision import grid_places

SEED = 2026
# Share of each course in a batch: simple pictures first, the hard floors when it can see.
EARLY = {"primer": 0.5, "easy floors": 0.4, "tables": 0.1}
LATE = {
    "primer": 0.1, "plain floors": 0.025, "easy floors": 0.165, "all floors": 0.41, "tables": 0.3
}  # fmt: skip
DRAWN = (0.13, 0.03, 0.18, 0.38, 0.28)
"""Share of each course in what is drawn."""
SQUARE: Size = (128, 128)
OBLONG: tuple[Size, ...] = ((96, 128), (128, 96), (96, 160), (160, 96))
"""What photographs of other shapes are resized to."""
ASKED_LATER = "What is the position of the red ring relative to the apple? A. left B. right"
"""Words that no lesson needs and the tokenizer shall not have to spell."""
QUESTIONS = 3
SAVE_MINUTES = 4


@dataclass(frozen=True)
class Layout:
    """What all questions about pictures of one size have in common."""

    first: int
    """Where the visual tokens begin."""
    tokens: int
    positions_3L: torch.Tensor
    where: torch.Tensor
    blend: torch.Tensor
    places: torch.Tensor


def layout_of(model: Any, tokenizer: Any, size: Size, device: str) -> Layout:
    """The layout of `LENGTH` tokens with a picture of this size."""
    grid = grid_of(size)
    long = encode(tokenizer, "a " * LENGTH, [Medium(grid)])
    first = int(np.flatnonzero(long.kinds_L)[0])
    visual = model.model.visual
    where, blend, places = grid_places(
        grid.h, grid.w, visual.spatial_merge_size, visual.num_grid_per_side, device
    )
    positions = torch.from_numpy(long.positions_3L[:, :LENGTH].copy()).to(device)
    return Layout(first, grid.patches // 4, positions, where, blend, places)


def see(model: Any, pixels_NPD: torch.Tensor, layout: Layout) -> list[torch.Tensor]:
    """Visual tokens [N, V, E] for the text, and those added to its first layers."""
    visual = model.model.visual
    projection = visual.patch_embed.proj
    # Both frames of a still picture are the same, so their weights add up.
    weight = projection.weight.flatten(3).sum(2).flatten(1)
    hidden = F.linear(pixels_NPD, weight, projection.bias)
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
        query, key, value = qkv.view(
            pictures, patches, 3, block.attn.num_heads, -1
        ).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rotate(query), rotate(key), value)
        hidden = hidden + block.attn.proj(mixed.transpose(1, 2).reshape(pictures, patches, width))
        hidden = hidden + block.mlp(block.norm2(hidden))
        if number in visual.deepstack_visual_indexes:
            place = visual.deepstack_visual_indexes.index(number)
            deepstack.append(visual.deepstack_merger_list[place](hidden.flatten(0, 1)))
    seen = [visual.merger(hidden.flatten(0, 1)), *deepstack]
    shape = (pictures, layout.tokens, -1)
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
    first, last = layout.first, layout.first + layout.tokens
    hidden = text.embed_tokens(ids_BL)
    hidden = torch.cat((hidden[:, :first], seen.to(hidden.dtype), hidden[:, last:]), 1)
    positions = layout.positions_3L[:, None, : ids_BL.shape[1]]
    rotation = text.rotary_emb(hidden, positions)
    for number, layer in enumerate(text.layers):
        hidden = layer(hidden, position_embeddings=rotation)
        if number < len(deepstack):
            hidden = hidden + F.pad(deepstack[number], (0, 0, first, hidden.shape[1] - last))
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


def jobs(capacity: dict[Size, int]) -> Iterator[tuple[str, Size, int]]:
    """What to draw: courses by their share, sizes by their capacity."""
    rng = np.random.default_rng(SEED)
    courses = list(COURSES)
    sizes = list(capacity)
    order = np.repeat(np.arange(len(sizes)), [count // CHUNK for count in capacity.values()])
    begun = dict.fromkeys(sizes, 0)
    for number, place in enumerate(rng.permutation(order).tolist()):
        size = sizes[place]
        # A size begins with one chunk of each course, so that none is missing at the start.
        first = begun[size] < len(courses)
        course = courses[begun[size]] if first else str(rng.choice(courses, p=DRAWN))
        begun[size] += 1
        yield course, size, number


def corpus() -> Iterator[str]:
    """Text the tokenizer is trained on: what the lessons say."""
    for course, (world, knobs) in COURSES.items():
        rng = np.random.default_rng(SEED)
        for index in range(500):
            labels = draw(world, seed=1, index=index, width=64, height=64, knobs=knobs).labels
            for prompt, answer in lessons(course, labels, rng):
                yield prompt
                yield answer
    for _ in range(500):
        yield ASKED_LATER


_artist: Artist


def _start_artist(tokenizer: Any) -> None:
    global _artist  # one for each worker process
    _artist = Artist(tokenizer, SEED)


def _draw(job: tuple[str, Size, int]) -> Chunk:
    return _artist.draw(*job)


class Teacher:
    """Draws in the background and trains."""

    def __init__(
        self, *, device: str, workers: int, capacity: dict[Size, int], compiled: bool
    ) -> None:
        torch.manual_seed(SEED)
        torch.backends.cuda.matmul.allow_tf32 = True
        self.device = device
        self.tokenizer = build_tokenizer(corpus())
        self.model = build_model(self.tokenizer, seed=SEED).to(device).train()
        self.banks = {size: Bank(size, room, device) for size, room in capacity.items()}
        self.layouts = {
            size: layout_of(self.model, self.tokenizer, size, device) for size in capacity
        }
        self.read: Callable[..., torch.Tensor] = (
            torch.compile(read, dynamic=False) if compiled else read
        )
        self.pool = multiprocessing.get_context("spawn").Pool(
            workers, _start_artist, (self.tokenizer,)
        )
        chunks = self.pool.imap_unordered(_draw, jobs(capacity))
        self.collector = threading.Thread(target=self._collect, args=(chunks,), daemon=True)
        self.collector.start()

    def _collect(self, chunks: Iterator[Chunk]) -> None:
        # A stream of its own, so that copying does not wait for the training.
        cuda = self.device == "cuda"
        # torch ships its Stream without types.
        stream = torch.cuda.Stream() if cuda else None  # type: ignore[no-untyped-call]
        with torch.cuda.stream(stream):
            for chunk in chunks:
                bank = self.banks[chunk.size]
                if not bank.full:
                    bank.add(chunk)

    def drawn(self) -> int:
        """Pictures that can be trained on."""
        return sum(bank.count for bank in self.banks.values())

    def step_loss(
        self,
        size: Size,
        shares: dict[str, float],
        pictures: int,
        length: int,
        rng: np.random.Generator,
    ) -> torch.Tensor:
        """The loss of one batch."""
        bank = self.banks[size]
        where, rows = bank.sample(shares, pictures, QUESTIONS, length, rng)
        pixels = jitter(bank.patches_NPD[where])
        reader = self.read if size == SQUARE else read
        with torch.autocast(self.device, torch.bfloat16):
            hidden = reader(self.model, pixels, rows.ids_BL, self.layouts[size])
            return loss_of(self.model, hidden, rows)

    def train(
        self,
        *,
        minutes: float,
        warm: int,
        pictures: int,
        length: int,
        rate: float,
        muon: bool,
        out: Path,
        most_steps: int,
    ) -> int:
        """Train until the time is up; the learning rate follows the clock.

        The log grows line by line, and the weights are saved every `SAVE_MINUTES`.
        """
        optimizers = make_optimizers(self.model, rate, muon=muon, fused=self.device == "cuda")
        peaks = [[group["lr"] for group in opt.param_groups] for opt in optimizers]
        while self.drawn() < warm or not all(bank.ready for bank in self.banks.values()):
            time.sleep(0.1)
        rng = np.random.default_rng(SEED)
        oblong = [size for size in self.banks if size != SQUARE]
        start = last = saved = time.monotonic()
        step, recent = 0, torch.zeros((), device=self.device)
        while (done := (time.monotonic() - start) / (60 * minutes)) < 1 and step < most_steps:
            factor = min(1.0, (step + 1) / 300) * min(1.0, (1 - done) / 0.8) + 1e-3
            for opt, peak in zip(optimizers, peaks, strict=True):
                for group, high in zip(opt.param_groups, peak, strict=True):
                    group["lr"] = factor * high
            shares = EARLY if done < 0.06 else LATE
            if oblong and step % 12 == 11:
                size = oblong[step // 12 % len(oblong)]
                loss = self.step_loss(size, shares, pictures // 2, length, rng)
            else:
                loss = self.step_loss(SQUARE, shares, pictures, length, rng)
            loss.backward()  # type: ignore[no-untyped-call] # torch ships it without types
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for value in self.model.parameters():
                # A batch without a usable gradient must not spoil the weights.
                value.grad = torch.where(norm.isfinite(), value.grad, 0.0)
            for opt in optimizers:
                opt.step()
                opt.zero_grad(set_to_none=True)
            recent += loss.detach().nan_to_num(100.0)
            step += 1
            if step % 250 == 0:
                spent = time.monotonic() - last
                line = {
                    "step": step,
                    "loss": round(recent.item() / 250, 4),
                    "factor": round(factor, 4),
                    "minutes": round((time.monotonic() - start) / 60, 2),
                    "steps_per_second": round(250 / spent, 1),
                    "pictures": self.drawn(),
                }
                with (out / "log.jsonl").open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
                recent.zero_()
                last = time.monotonic()
                if last > saved + 60 * SAVE_MINUTES:
                    self.save(out)
                    saved = last
        self.pool.terminate()
        self.collector.join()
        self.save(out)
        return step

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


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=11.0)
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--pictures", type=int, default=512)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--length", type=int, default=72)
    parser.add_argument("--square", type=int, default=600_000)
    parser.add_argument("--oblong", type=int, default=24_000)
    parser.add_argument("--warm", type=int, default=60_000, help="pictures drawn before step 1")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--adam", action="store_true")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options.out.mkdir(parents=True, exist_ok=True)
    capacity = {SQUARE: options.square} | dict.fromkeys(OBLONG, options.oblong)
    begun = time.monotonic()
    teacher = Teacher(
        device=device, workers=options.workers, capacity=capacity, compiled=not options.eager
    )
    steps = teacher.train(
        minutes=options.minutes,
        warm=options.warm,
        pictures=options.pictures,
        length=options.length,
        rate=options.rate,
        muon=not options.adam,
        out=options.out,
        most_steps=options.steps,
    )
    measure(options.out / "weights", 1000, device)
    print(f"{steps} steps, {(time.monotonic() - begun) / 60:.1f} minutes in all", flush=True)


if __name__ == "__main__":
    main()
