"""Evaluation: eleven questions about each of 455 videos, beside transformers question by question.

The baselines run in the same process before anything of theirs is compiled. They are given what
`generate` needs ready on the device (tokens, normalized patches), so reading and preprocessing cost
them nothing; ours begins at frames in the cache and ends at predictions.
"""

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from recipe_kit.engine.labels import labels_of
from recipe_kit.engine.local import LocalEngine
from recipe_kit.model.load import LoadedModel
from recipe_kit.model.media import Shown, show
from recipe_kit.model.prompt import encode
from recipe_kit.model.seen import Seen
from recipe_kit.model.shape import read_shape
from recipe_kit.model.vision import normalize_patches
from recipe_kit.record.schemas import Prediction, Question
from recipe_kit.spec.recipe import Evaluation
from tests.bench.gpu import work
from tests.bench.gpu.clips import Pool, open_questions, questions
from tests.bench.gpu.floors import floors
from tests.bench.gpu.measure import Report, ceiling, memory, seconds_of, sync
from tests.bench.gpu.real import SIZES, copy_of, plain, random_model

VIDEOS, EACH = 455, 11
HELD = 64
"""Gigabytes for what the vision tower saw; a video of the 8B takes 84 MB."""
WAYS = {"8b": ("≤ 80 s", "≥ 9×", "≥ 20×", "≥ 50%", "≥ 1.3×", "≥ 99.5%")}
"""Bars, for the larger model: time, against one token and eight, of the ceiling, held, equal."""


class Counts:
    """How much is measured, for real models and for trying it on a CPU."""

    def __init__(self, size: str) -> None:
        small = size == "tiny"
        self.baseline = 4 if small else 24
        """Questions of each baseline."""
        self.videos = 4 if small else 64
        """Videos of a short measurement."""
        self.compared = 2 if small else 20
        """Videos whose answers are compared."""
        # Without shortened products a question of the larger model takes over a second.
        self.exact = {"tiny": 1, "8b": 2}.get(size, 6)
        """Videos whose answers are compared with float32."""
        self.texts = 2 if small else 32
        """Videos that are answered by text."""
        self.batches = (2,) if small else (8, 16, 32)
        self.all = 6 if small else VIDEOS


class Bench:
    """One model and its clips."""

    def __init__(self, report: Report, folder: Path) -> None:
        self.report, self.device = report, report.device
        self.size, self.counts = SIZES[report.size], Counts(report.size)
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        started = time.perf_counter()
        self.loaded = random_model(report.size, self.device, self.dtype)
        sync(self.device)
        made = time.perf_counter() - started
        self.pool = Pool(folder, self.size, self.counts.all + 32)
        self._shown: dict[str, Shown] = {}
        self.lengths = self._lengths()
        self.shape = read_shape(self.loaded.model.config.to_dict())
        report.fact(
            model_made_s=round(made, 1), shared_tokens=self.lengths[0],
            question_tokens=self.lengths[1], visual_tokens=self.size.visual_tokens,
            videos=VIDEOS, questions_a_video=EACH, dtype=str(self.dtype),
        )
        self.ceiling = ceiling(self.device)
        report.add(
            "matrix product 8192³, random values, median of 20",
            f"{self.ceiling / 1e12:.0f} TFLOP/s", flops=self.ceiling,
        )
        self.batch = self.counts.batches[0]
        self.theirs: dict[int, float] = {}
        """Seconds of one question by `generate`, by tokens."""
        self.references: dict[str, torch.Tensor] = {}
        """Log-probabilities of the labels by number format, one by one, [questions, labels]."""

    def _lengths(self) -> tuple[int, list[int]]:
        rows = [self.encoded(question) for question in questions([0], EACH)]
        shared = rows[0].shared_length
        return shared, [len(row.ids_L) - shared for row in rows]

    def shown(self, media: str) -> Shown:
        """A video as patches; the last one is kept, since questions come video by video."""
        if media not in self._shown:
            self._shown = {media: show(self.pool.read("bench", media), self.loaded.preprocess)}
        return self._shown[media]

    def encoded(self, question: Question) -> Any:
        """A question as tokens."""
        medium = self.shown(question.media).medium
        return encode(self.loaded.tokenizer, question.prompt, [medium])

    def inputs(self, question: Question, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """What transformers takes, on the device."""
        shown, row = self.shown(question.media), self.encoded(question)
        pixels = torch.from_numpy(shown.patches.values).to(self.device)
        ids = torch.from_numpy(row.ids_L)[None].to(self.device)
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "mm_token_type_ids": torch.tensor(row.kinds_L)[None].int().to(self.device),
            "pixel_values_videos": normalize_patches(pixels, self.loaded.preprocess).to(dtype),
            "video_grid_thw": torch.tensor([list(shown.patches.grid)], device=self.device),
        }

    def engine(self, batch: int, **options: Any) -> LocalEngine:
        """The engine under test."""
        return LocalEngine(
            self.loaded, Evaluation(batch_size=batch), self.pool.read, **options
        )

    def flops(self, *, seen: bool = False) -> float:
        """Operations of one video."""
        shared, branches = self.lengths
        done = work.clip(self.size.grid, shared, [(n, 1) for n in branches], seen=seen)
        return work.answered(self.shape, done)


def evaluation(report: Report) -> None:
    """All steps, in the order of their importance."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(report, Path(folder))
        report.step("transformers, vision tower and prefill", lambda: apart(bench))
        report.step("transformers, generate", lambda: generated(bench))
        report.step("one by one in the same format", lambda: reference(bench, bench.dtype))
        report.step("one by one in float32", lambda: exact(bench), needs=60)
        report.step("compilation", lambda: compiled(bench))
        report.step("label answers", lambda: labels(bench))
        report.step("agreement", lambda: agreement(bench))
        report.step("vision outputs held", lambda: held(bench))
        report.step("all videos", lambda: everything(bench), needs=bench.counts.all * 0.2)
        for tokens in (8, 64):
            report.step(f"texts of {tokens} tokens", lambda tokens=tokens: texts(bench, tokens))
        report.step("embedded model", lambda: floors(report))
        report.fact(peak_memory_gb=round(memory(report.device), 1))


@torch.inference_mode()
def apart(bench: Bench) -> None:
    """transformers' vision tower and whole prefill, logits of every position."""
    model = plain(bench.loaded)
    given = bench.inputs(questions([0], 1)[0], bench.dtype)
    pixels, grid = given["pixel_values_videos"], given["video_grid_thw"]
    tower = seconds_of(lambda: model.model.visual(pixels, grid_thw=grid), bench.device)
    prefill = seconds_of(lambda: model(**given), bench.device)
    bench.report.add(
        "transformers: vision tower / whole prefill of one question",
        f"{tower * 1e3:.0f} / {prefill * 1e3:.0f} ms", vision_s=tower, prefill_s=prefill,
    )


@torch.inference_mode()
def generated(bench: Bench) -> None:
    """transformers' `generate`, question by question."""
    model = plain(bench.loaded)
    asked = questions(range(-(-bench.counts.baseline // EACH)), EACH)[: bench.counts.baseline]
    for tokens, few in ((1, asked), (8, asked), (64, asked[:3])):
        taken = []
        for question in [asked[0], asked[0], *few]:
            given = bench.inputs(question, bench.dtype)
            sync(bench.device)
            started = time.perf_counter()
            out = model.generate(
                **given, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False
            )
            assert out.shape[1] == given["input_ids"].shape[1] + tokens
            sync(bench.device)
            taken.append(time.perf_counter() - started)
        each = bench.theirs[tokens] = statistics.mean(taken[2:])
        bench.report.add(
            f"transformers `generate`, question by question, {tokens} tokens "
            f"({len(few)} questions)",
            f"{each:.3f} s a question, {each * EACH:.2f} s a video", seconds=each,
        )


def reference(bench: Bench, dtype: torch.dtype) -> None:
    """Label probabilities by transformers, one question at a time."""
    started = time.perf_counter()
    bench.references["same"] = _one_by_one(
        bench, bench.loaded, questions(range(bench.counts.compared), EACH), dtype
    )
    count = len(bench.references["same"])
    spread = bench.references["same"].softmax(-1).max(-1).values
    bench.report.fact(
        compared_questions=count,
        likeliest_label=f"{spread.min():.2f} to {spread.max():.2f}, median {spread.median():.2f}",
        labels_chosen=bench.references["same"].argmax(-1).bincount(minlength=4).tolist(),
        reference_s=round(time.perf_counter() - started, 1),
    )


def exact(bench: Bench) -> None:
    """The same in float32, with no shortened products, on fewer videos."""
    if bench.device.type == "cpu":
        return
    twin = copy_of(bench.loaded, bench.report.size, torch.float32)
    asked = questions(range(bench.counts.exact), EACH)
    bench.references["float32"] = _one_by_one(bench, twin, asked, torch.float32)
    del twin
    torch.cuda.empty_cache()


@torch.inference_mode()
def _one_by_one(
    bench: Bench, loaded: LoadedModel, asked: Sequence[Question], dtype: torch.dtype
) -> torch.Tensor:
    model = plain(loaded)
    first = list(labels_of(loaded.tokenizer, ("A", "B", "C", "D")).first)
    rows = []
    for question in asked:
        given = bench.inputs(question, dtype)
        logits = model(**given, logits_to_keep=1).logits[0, -1].float()
        rows.append(logits.log_softmax(-1)[first].cpu())
    return torch.stack(rows)


def compiled(bench: Bench) -> None:
    """Compile as a run does, and run everything once."""
    from recipe_kit.model.compiled import compile_model

    started = time.perf_counter()
    compile_model(bench.loaded.model)
    # The last videos: what is held of them does not help those that are measured.
    last = range(bench.counts.all, bench.counts.all + 2 * bench.batch)
    list(bench.engine(bench.batch).ask(questions(last, EACH)))
    sync(bench.device)
    bench.report.fact(compilation_s=round(time.perf_counter() - started, 1))


def labels(bench: Bench) -> None:
    """Label answers of some videos, with several batch sizes; the best is kept."""
    best = 0.0
    for batch in bench.counts.batches:
        last = range(bench.counts.all, bench.counts.all + batch)
        list(bench.engine(batch).ask(questions(last, EACH)))  # kernels for this size
        each = _timed(bench, range(bench.counts.videos), batch)
        _row(bench, f"ours: label answers, {bench.counts.videos} videos, {batch} at once", each)
        if not best or each < best:
            best, bench.batch = each, batch
    _ratios(bench, best)


def everything(bench: Bench) -> None:
    """All videos."""
    each = _timed(bench, range(bench.counts.all), bench.batch)
    _row(bench, f"ours: all {bench.counts.all} videos × {EACH} questions, frames cached", each,
         whole=True)
    _ratios(bench, each)


def _ratios(bench: Bench, each: float) -> None:
    bars = WAYS.get(bench.report.size, ("",) * 6)
    for tokens, bar in ((1, bars[1]), (8, bars[2])):
        if tokens in bench.theirs:
            ratio = bench.theirs[tokens] * EACH / each
            bench.report.add(
                f"… against `generate` of {tokens} tokens", f"{ratio:.1f}×", bar=bar, ratio=ratio
            )


def _timed(
    bench: Bench, videos: range, batch: int, *, turns: int = 1, **options: Any
) -> float:
    """Seconds a video, from cached frames to predictions."""
    engine = bench.engine(batch, **options)
    asked = questions(videos, EACH)
    taken = []
    for _ in range(turns):
        sync(bench.device)
        started = time.perf_counter()
        found = list(engine.ask(asked))
        sync(bench.device)
        taken.append(time.perf_counter() - started)
        assert len(found) == len(asked)
    return taken[-1] / len(videos)


def _row(
    bench: Bench, what: str, each: float, *, seen: bool = False, whole: bool = False
) -> None:
    share = bench.flops(seen=seen) / each / bench.ceiling
    bars = WAYS.get(bench.report.size, ("",) * 6)
    bar = f"{bars[0]}, {bars[3]} of the ceiling" if whole and bars[0] else ""
    bench.report.add(
        what, f"{each:.3f} s a video, {each * VIDEOS:.0f} s for {VIDEOS}, "
        f"{share:.0%} of the ceiling", bar=bar, seconds_a_video=each, share=share,
        batch=bench.batch,
    )


def held(bench: Bench) -> None:
    """A further checkpoint whose vision tower is the same."""
    videos = range(bench.counts.videos)
    before = _timed(bench, videos, bench.batch)
    each = _timed(bench, videos, bench.batch, turns=3, seen=Seen(HELD))
    bars = WAYS.get(bench.report.size, ("",) * 6)
    _row(bench, f"ours: {len(videos)} videos, vision outputs held", each, seen=True)
    bench.report.add("… against not held", f"{before / each:.2f}×", bar=bars[4],
                     ratio=before / each)


def agreement(bench: Bench) -> None:
    """Our answers against those one by one."""
    asked = questions(range(bench.counts.compared), EACH)
    found = list(bench.engine(bench.batch).ask(asked))
    bars = WAYS.get(bench.report.size, ("",) * 6)
    name = "bfloat16" if bench.dtype == torch.bfloat16 else "float32"
    if "same" in bench.references:
        _agree(bench, found, bench.references["same"], f"ours against {name} one by one", bars[5])
    if "float32" in bench.references:
        exact = bench.references["float32"]
        _agree(bench, found[: len(exact)], exact, "ours against float32 one by one", "")
        same = bench.references["same"][: len(exact)]
        agree = (same.argmax(-1) == exact.argmax(-1)).float().mean().item()
        apart = (same.softmax(-1) - exact.softmax(-1)).abs().max().item()
        bench.report.add(
            f"bfloat16 one by one against float32 one by one ({len(exact)} questions)",
            f"{agree:.1%} equal answers, probabilities at most {apart:.3f} apart", share=agree,
        )


def _agree(
    bench: Bench, found: Sequence[Prediction], expected: torch.Tensor, what: str, bar: str
) -> None:
    probabilities = expected.softmax(-1)
    apart, others = 0.0, []
    for prediction, row in zip(found, probabilities, strict=True):
        values = dict(zip("ABCD", row.tolist(), strict=True))
        apart = max(apart, *(abs(prediction.probabilities[k] - v) for k, v in values.items()))
        likeliest = max(values, key=values.__getitem__)
        if prediction.answer != likeliest:
            gap = values[likeliest] - values[str(prediction.answer)]
            others.append({"question": prediction.question, "ours": prediction.answer,
                           "theirs": likeliest, "gap": round(gap, 4)})
    share = 1 - len(others) / len(found)
    widest = max((one["gap"] for one in others), default=0.0)
    said = f", the others' gap at most {widest:.3f}" if others else ""
    bench.report.add(
        f"{what} ({len(found)} questions)",
        f"{share:.1%} equal answers{said}; probabilities at most {apart:.3f} apart", bar=bar,
        share=share, apart=apart, others=others,
    )


def texts(bench: Bench, tokens: int) -> None:
    """Answers by text, none of which ends early, beside `generate`."""
    count = bench.counts.texts
    first = bench.counts.all
    list(bench.engine(bench.batch).ask(open_questions(range(first, first + 2), EACH, tokens)))
    asked = open_questions(range(count), EACH, tokens)
    engine = bench.engine(bench.batch)
    sync(bench.device)
    started = time.perf_counter()
    found = list(engine.ask(asked))
    sync(bench.device)
    seconds = time.perf_counter() - started
    assert len(found) == len(asked)
    each = seconds / count
    theirs = bench.theirs.get(tokens, 0.0)
    ratio = theirs * EACH / each if theirs else 0.0
    bench.report.add(
        f"ours: answers of {tokens} tokens, {count} videos × {EACH}",
        f"{each:.3f} s a video, {EACH * tokens * count / seconds:,.0f} tokens/s"
        + (f", {ratio:.1f}× `generate`" if theirs else ""),
        seconds_a_video=each, ratio=ratio, generate_s=theirs,
    )

