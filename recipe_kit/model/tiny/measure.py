"""Score the embedded model on pictures and clips that no training has drawn.

    python -m recipe_kit.model.tiny.measure FOLDER

An answer is right when every token of it is the likeliest one, which is what greedy decoding would
say. Each question is asked twice: with the picture, and with a gray one in its place, which shows
what can be guessed. Writes `scores.json` into the model's folder.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from recipe_kit.data.worlds import draw
from recipe_kit.data.worlds.drawing import Value
from recipe_kit.model.batch import collate
from recipe_kit.model.forward import forward_batch
from recipe_kit.model.load import LoadedModel, load_model
from recipe_kit.model.prompt import Medium, encode
from recipe_kit.model.tiny.clip_lessons import clip_lessons
from recipe_kit.model.tiny.clips import CLIPS, clip_patches, draw_frames
from recipe_kit.model.tiny.lessons import COURSES, HARM, lessons
from recipe_kit.model.tiny.pictures import Bytes, medium_of, to_patches
from recipe_kit.model.tiny.table_lessons import YES_NO, Lesson, lettered
from recipe_kit.model.vision import encode_media
from recipe_kit.spec.base import Part
from recipe_kit.spec.worlds import FloorsKnobs

SEED = 77_000
"""Pre-training draws with another seed."""
SIDE = 128
PICTURE = medium_of((SIDE, SIDE))
FILM = (96, 128, 8)
"""Height, width and frames of a clip."""
NEVER_ASKED = "Is this floor cracked?" + YES_NO
"""The recipe's question, in words that no lesson uses."""

PLACES: dict[str, tuple[str, Part]] = {
    "primer": COURSES["primer"],
    "tables": COURSES["tables"],
    "easy floors": COURSES["easy floors"],
    "floors": ("floors", FloorsKnobs()),
    "fine cracks": (
        "floors",
        FloorsKnobs(hairline=0.45, thin=0.75, partial=0.35, shadow=0.35, joints=0.3, stain=0.35),
    ),
}
"""Where the model is tested; the last are somewhat harder than the floors of `floor-crack`."""


@dataclass(frozen=True)
class Exam:
    """Questions about pictures that no training has drawn."""

    patches_NPD: Bytes
    about: list[int]
    """The picture of each question."""
    kinds: list[str]
    asked: list[Lesson]
    medium: Medium = PICTURE


def exam(place: str, pictures: int) -> Exam:
    """Draw pictures and ask one question of each kind about each of them."""
    if place == CLIPS:
        return _clip_exam(pictures)
    world, knobs = PLACES[place]
    rng = np.random.default_rng(SEED)
    patches, about, kinds, questions = [], [], [], []
    for index in range(pictures):
        drawing = draw(world, seed=SEED, index=index, width=SIDE, height=SIDE, knobs=knobs)
        found = lessons(place if place in COURSES else "easy floors", drawing.labels, rng)
        # In any order: of a kind's questions the last is asked, and some come with "Yes" first.
        asked = dict(found[number] for number in rng.permutation(len(found)).tolist())
        if world == "floors":
            asked[NEVER_ASKED] = "Yes" if drawing.labels["cracked"] == "cracked" else "No"
        if world == "tabletop":
            prompt, answer = left_right(drawing.labels, rng)
            asked[prompt] = answer
        patches.append(to_patches(drawing.image))
        for kind, prompt in {kind_of(prompt, world): prompt for prompt in asked}.items():
            about.append(index)
            kinds.append(kind)
            questions.append((prompt, asked[prompt]))
    return Exam(np.stack(patches), about, kinds, questions)


def _clip_exam(clips: int) -> Exam:
    rng = np.random.default_rng(SEED)
    patches, about, kinds, questions = [], [], [], []
    height, width, count = FILM
    for index in range(clips):
        frames, labels = draw_frames(SEED, index, height, width, count, rng)
        patches.append(clip_patches(frames))
        found = clip_lessons(labels, rng)
        order = rng.permutation(len(found)).tolist()
        for kind, row in {_clip_kind(found[row][0]): row for row in order}.items():
            about.append(index)
            kinds.append(kind)
            questions.append(found[row])
    return Exam(np.stack(patches), about, kinds, questions, medium_of(FILM))


def _clip_kind(prompt: str) -> str:
    question, *options = prompt.removesuffix(YES_NO).split("\n")
    return f"{question} (lettered)" if options else question


def left_right(labels: Mapping[str, Value], rng: np.random.Generator) -> Lesson:
    """The question of the recipe `left-right`, which no lesson asks."""
    question = (
        f"What is the position of the {labels['subject']} relative to the {labels['object']} in "
        "the image?"
    )
    truth = str(labels["relation"])
    return lettered(question, truth, ["right" if truth == "left" else "left"], rng)


def kind_of(prompt: str, world: str) -> str:
    """What the scores call a question."""
    if " relative to " in prompt:
        return "Left or right of ...? (lettered)"
    if world == "floors":
        return "Is this floor badly cracked?" if prompt in HARM else prompt.removesuffix(YES_NO)
    kind = " ".join(prompt.split()[:2]) + " ...?"
    return f"{kind} (lettered)" if "\nA." in prompt else kind


@torch.inference_mode()
def right_answers(loaded: LoadedModel, paper: Exam, *, blank: bool = False) -> list[bool]:
    """Whether each question is answered word for word."""
    right: list[bool] = []
    pictures = np.full_like(paper.patches_NPD[:1], 128) if blank else paper.patches_NPD
    pixels = torch.from_numpy(pictures)
    if paper.medium.kind == "image":
        pixels = pixels.view(-1, 3, 1, 256).expand(-1, -1, 2, -1)
    seen = encode_media(
        loaded.model,
        pixels.reshape(-1, 1536).to(loaded.device),
        paper.medium.grid,
        preprocess=loaded.preprocess,
    )
    for first in range(0, len(paper.asked), 256):
        part = slice(first, first + 256)
        encoded = [
            encode(loaded.tokenizer, prompt, [paper.medium], target=answer)
            for prompt, answer in paper.asked[part]
        ]
        batch = collate(encoded, loaded.pad_id).to(loaded.device)
        media = [0 if blank else index for index in paper.about[part]]
        logits = forward_batch(loaded.model, batch, seen, media, keep_P=batch.answer_at_P)
        wrong = set(batch.answer_rows_P[logits.argmax(1) != batch.answer_ids_P].tolist())
        right += [row not in wrong for row in range(len(encoded))]
    return right


def score(loaded: LoadedModel, place: str, pictures: int) -> dict[str, dict[str, float]]:
    """Accuracy of each kind of question: with the picture, without it, and of the best guess."""
    paper = exam(place, pictures)
    kinds, asked = paper.kinds, paper.asked
    seeing, blank = right_answers(loaded, paper), right_answers(loaded, paper, blank=True)
    scores = {}
    for kind in dict.fromkeys(kinds):
        rows = [row for row, other in enumerate(kinds) if other == kind]
        answers = Counter(asked[row][1] for row in rows)
        scores[kind] = {
            "n": len(rows),
            "accuracy": round(sum(seeing[row] for row in rows) / len(rows), 4),
            "blanked": round(sum(blank[row] for row in rows) / len(rows), 4),
            "commonest": round(answers.most_common(1)[0][1] / len(rows), 4),
        }
    return scores


def measure(folder: Path, pictures: int, device: str) -> dict[str, dict[str, dict[str, float]]]:
    """Score a model on every place and write `scores.json` into its folder."""
    loaded = load_model(str(folder), device=device)
    scores = {place: score(loaded, place, pictures) for place in (*PLACES, CLIPS)}
    text = json.dumps(scores, indent=1) + "\n"
    (folder / "scores.json").write_text(text, encoding="utf-8")
    return scores


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=1000, help="pictures of each world")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(json.dumps(measure(options.folder, options.pictures, device), indent=1))


if __name__ == "__main__":
    main()
