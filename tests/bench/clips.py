"""Clips with many questions each: asked, captioned and trained on, beside the straightforward way.

The shape of `recipes/av-mini.yaml`: clips of 8 frames, 128 by 96 pixels; 12 questions with four
options each, one caption, 7 pairs of training. The frames are noise and the weights are the
embedded model's: no answer is judged here. Every way does the same work, in the same process, one
after the other, and the fastest of several turns counts.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from recipe_kit.data.clip import Clip
from recipe_kit.engine.generate import Generation
from recipe_kit.model.batch import collate
from recipe_kit.model.forward import answer_losses, forward_batch
from recipe_kit.model.load import load_model
from recipe_kit.model.media import show
from recipe_kit.model.pixels import normalize
from recipe_kit.model.prompt import Encoded, encode
from recipe_kit.model.vision import VisionFeatures, encode_media

Row = tuple[str, str, str]

CLIPS, QUESTIONS, PAIRS, CAPTION = 16, 12, 7, 80
"""Clips at once, questions and pairs of each, tokens of a caption."""

ASKED = ("What is the weather like on this drive", "How many cars are on the road ahead",
         "Which way does the road bend", "What does the camera's own vehicle do first")  # fmt: skip
OPTIONS = ("It is raining", "The sky is clear", "There is thick fog", "It is snowing")


class Work:
    """The clips and everything asked of them."""

    def __init__(self) -> None:
        small = load_model("tiny")
        area = 96 * 128
        self.loaded = replace(
            small, preprocess=replace(small.preprocess, min_pixels=area, max_pixels=area)
        )
        generator = np.random.default_rng(0)
        seconds = tuple(0.5 * frame for frame in range(8))
        frames = generator.integers(0, 256, (CLIPS, 8, 96, 128, 3), dtype=np.uint8)
        self.shown = [show(Clip(clip, seconds), self.loaded.preprocess) for clip in frames]
        self.patches = np.concatenate([one.patches.values for one in self.shown])
        self.asked, self.asked_of = self._encode([question(n) for n in range(QUESTIONS)])
        self.captions, self.captions_of = self._encode([("Describe the drive.", None)])
        taught = [(question(n)[0], "ABCD"[n % 4]) for n in range(PAIRS - 1)]
        told = "Describe the drive.", "The road goes straight on in the rain. " * 4
        self.pairs, self.pairs_of = self._encode([*taught, told])
        with torch.inference_mode():
            self.seen = self.see()

    def see(self) -> VisionFeatures:
        """All clips through the vision tower."""
        return encode_media(
            self.loaded.model, torch.from_numpy(self.patches),
            [one.patches.grid for one in self.shown], preprocess=self.loaded.preprocess,
        )

    def _encode(
        self, pairs: list[tuple[str, str | None]]
    ) -> tuple[list[Encoded], list[int]]:
        tokenizer = self.loaded.tokenizer
        found = [
            encode(tokenizer, prompt, [one.medium], target=target)
            for one in self.shown
            for prompt, target in pairs
        ]
        return found, [index for index in range(CLIPS) for _ in pairs]


def question(number: int) -> tuple[str, str | None]:
    """A question about a clip, with its options."""
    listed = "\n".join(
        f"{letter}. {OPTIONS[(number + place) % 4]}" for place, letter in enumerate("ABCD")
    )
    return f"{ASKED[number % 4]}?\n{listed}\nAnswer with the letter of one option.", None


def clips() -> list[Row]:
    """Questions of a clip, its caption and its training, shared and one by one."""
    torch.set_num_threads(1)
    work = Work()
    with torch.inference_mode():
        slow, fast = one_by_one(work), shared(work)
        apart = (slow.softmax(-1) - fast.softmax(-1)).abs().max().item()
        vision = seconds_of(work.see) / CLIPS
        alone = seconds_of(lambda: one_by_one(work)) / CLIPS
        branched = seconds_of(lambda: shared(work)) / CLIPS
    theirs = CLIPS * CAPTION / seconds_of(lambda: transformers_captions(work), 2)
    ours = CLIPS * CAPTION / seconds_of(lambda: our_captions(work), 2)
    pairs = {
        media is not None: CLIPS / seconds_of(lambda media=media: training(work, media))
        for media in (None, work.pairs_of)
    }
    sizes = work.asked[0].shared_length, len(work.asked[0].ids_L)
    what = f"{QUESTIONS} questions of a clip, {sizes[0]} of {sizes[1]} tokens shared"
    return [
        ("vision tower, one clip", "–", f"{vision * 1e3:.0f} ms"),
        (what, f"(one by one: {alone * 1e3:.0f} ms)",
         f"{branched * 1e3:.0f} ms, {alone / branched:.1f}×, equal to {apart:.0e}"),
        (f"captions of {CAPTION} tokens, with the vision tower",
         f"(transformers: {theirs:,.0f} tokens/s)",
         f"{ours:,.0f} tokens/s, {ours / theirs:.1f}×"),
        (f"training, {PAIRS} pairs a clip", f"(one by one: {pairs[False]:.1f} clips/s)",
         f"{pairs[True]:.1f} clips/s, {pairs[True] / pairs[False]:.1f}×"),
    ]


def one_by_one(work: Work) -> torch.Tensor:
    """Each question a sequence of its own, clip by clip; the clip is encoded once even so."""
    logits = []
    for clip in range(CLIPS):
        part = work.asked[clip * QUESTIONS :][:QUESTIONS]
        batch = collate(part, work.loaded.pad_id)
        shown = [clip] * QUESTIONS
        model = work.loaded.model
        logits.append(forward_batch(model, batch, work.seen, shown, keep_P=batch.last_B))
    return torch.cat(logits)


def shared(work: Work) -> torch.Tensor:
    """The questions branch off from their clip."""
    logits = []
    for first in range(0, CLIPS, 4):
        part = slice(first * QUESTIONS, (first + 4) * QUESTIONS)
        batch = collate(work.asked[part], work.loaded.pad_id, media=work.asked_of[part])
        model = work.loaded.model
        logits.append(forward_batch(model, batch, work.seen, keep_P=batch.last_B))
    return torch.cat(logits)


def our_captions(work: Work) -> Any:
    """Captions of all clips, none of which ends early."""
    batch = collate(work.captions, work.loaded.pad_id, media=work.captions_of)
    return Generation(
        work.loaded.model, [batch], work.see(),
        watch=[()] * CLIPS, stop=(), most=[CAPTION] * CLIPS,
    ).answers()


@torch.inference_mode()
def transformers_captions(work: Work) -> Any:
    """The same by transformers' `generate`."""
    model = work.loaded.model
    for part in (model.model.visual, model.model.language_model):
        part.config._attn_implementation = "sdpa"
    rows = work.captions
    return model.generate(
        input_ids=torch.from_numpy(np.stack([row.ids_L for row in rows])),
        attention_mask=torch.ones(len(rows), len(rows[0].ids_L), dtype=torch.long),
        mm_token_type_ids=torch.from_numpy(np.stack([row.kinds_L for row in rows])).int(),
        pixel_values_videos=torch.from_numpy(normalize(work.patches, work.loaded.preprocess)),
        video_grid_thw=torch.tensor([one.patches.grid for one in work.shown]),
        max_new_tokens=CAPTION, min_new_tokens=CAPTION, do_sample=False,
    )


def training(work: Work, media: list[int] | None) -> None:
    """Forward and backward of one step, in accumulated batches of 4 clips."""
    model = work.loaded.model.train()
    for first in range(0, CLIPS, 4):
        part = slice(first * PAIRS, (first + 4) * PAIRS)
        grids = [one.patches.grid for one in work.shown[first : first + 4]]
        size = grids[0].patches
        pixels = torch.from_numpy(work.patches[first * size : (first + 4) * size])
        vision = encode_media(model, pixels, grids, preprocess=work.loaded.preprocess)
        own = [index - first for index in work.pairs_of[part]]
        batch = collate(
            work.pairs[part], work.loaded.pad_id, media=None if media is None else own
        )
        answer_losses(model, batch, vision, own if media is None else None).sum().backward()
    model.zero_grad()
    model.eval()


def seconds_of(what: Callable[[], Any], turns: int = 3) -> float:
    """Processor seconds of the fastest turn, whatever else runs on this machine."""
    taken = []
    for _ in range(turns):
        started = time.process_time()
        what()
        taken.append(time.process_time() - started)
    return min(taken)


if __name__ == "__main__":
    for row in clips():
        print(f"| {' | '.join(row)} |")
