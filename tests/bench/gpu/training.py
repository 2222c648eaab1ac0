"""Training: the loop as it is, beside transformers with PEFT and `labels=`.

The baselines are given their batch ready on the device; ours reads cached frames in its own loop.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from recipe_kit.model.media import show
from recipe_kit.model.prompt import encode
from recipe_kit.model.shape import read_shape
from recipe_kit.model.vision import core_of, normalize_patches
from recipe_kit.spec.train import Lora, Train
from recipe_kit.train.adapters import quiet_peft, targets
from tests.bench.gpu import work
from tests.bench.gpu.clips import Pool, prompt
from tests.bench.gpu.lessons import FULL, LORA, Speed, free, recipe, samples, train_some
from tests.bench.gpu.measure import Report, ceiling, memory, sync
from tests.bench.gpu.real import SIZES, plain, random_model

BATCH = 4


class Bench:
    """What all trainings share."""

    def __init__(self, report: Report, folder: Path) -> None:
        self.report, self.device = report, report.device
        self.size = SIZES[report.size]
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.small = report.size == "tiny"
        self.steps = 3 if self.small else 8
        """Steps that count."""
        self.pool = Pool(folder, self.size, 64)
        self.ceiling = ceiling(self.device)
        self.baseline = 0.0
        self.one = 0.0
        report.add(
            "matrix product 8192³, random values, median of 20",
            f"{self.ceiling / 1e12:.0f} TFLOP/s", flops=self.ceiling,
        )

    def model(self) -> Any:
        """A fresh model."""
        free(self.device)
        return random_model(self.report.size, self.device, self.dtype)


def training(report: Report) -> None:
    """All steps, in the order of their importance."""
    large = report.size != "2b"
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(report, Path(folder))
        if large:
            report.step("baseline LoRA", lambda: baseline_lora(bench))
            report.step("ours LoRA", lambda: ours_lora(bench, again=True))
            report.step("ours LoRA, 12 pairs", lambda: pairs(bench))
            report.step("ours LoRA, nothing twice", lambda: ours_lora(bench, again=False), needs=60)
            report.step("ours LoRA, held", lambda: held(bench), needs=40)
            report.step("ours LoRA, captions", lambda: captions(bench), needs=60)
        if not large or bench.small:
            report.step("baseline full", lambda: baseline_full(bench))
            report.step("ours full", lambda: ours_full(bench))


def baseline_lora(bench: Bench) -> None:
    """transformers and PEFT as their documentation puts them together."""
    from peft import LoraConfig, get_peft_model

    loaded = bench.model()
    model = plain(loaded)
    chosen = list(targets(model, Lora(vision=False)))
    with quiet_peft():
        tuned = get_peft_model(
            model, LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules=chosen)
        )
    model.gradient_checkpointing_enable({"use_reentrant": False})
    spec = Train.model_validate({**LORA, "gradient_checkpointing": True})
    bench.baseline = _baseline(
        bench, loaded, tuned, spec, "transformers + PEFT: LoRA, checkpointing, `labels=`"
    )


def baseline_full(bench: Bench) -> None:
    """transformers, all weights of the language model in their own format, fused AdamW."""
    loaded = bench.model()
    model = plain(loaded).requires_grad_(True)
    model.model.visual.requires_grad_(False)
    spec = Train.model_validate(FULL)
    bench.baseline = _baseline(
        bench, loaded, model, spec,
        "transformers: all weights (bfloat16, vision frozen), no checkpointing, `labels=`",
    )


def _baseline(bench: Bench, loaded: Any, model: Any, spec: Train, what: str) -> float:
    given = _batch(bench, loaded)
    trained = [value for value in model.parameters() if value.requires_grad]
    fused = bench.device.type == "cuda"
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=fused)
    model.train()
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()

    def step() -> None:
        mixed = bench.dtype == torch.bfloat16
        with torch.autocast(bench.device.type, torch.bfloat16, enabled=mixed):
            loss = model(**given).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    each = _mean(step, bench.device, bench.steps)
    shared, own = _lengths(bench, loaded)
    # The answer's letter and its end.
    done = work.clip(bench.size.grid, shared, [(own, 2)])
    shape = read_shape(core_of(model).config.to_dict())
    flops, whole = (value * BATCH for value in work.taught(shape, done, spec))
    bench.report.add(
        f"{what}, batch {BATCH}",
        f"{BATCH / each:.2f} samples/s, {whole / each / 1e12:.0f} TFLOP/s, "
        f"{whole / each / bench.ceiling:.0%} of the ceiling, {memory(bench.device):.0f} GB",
        samples=BATCH / each, flops=flops, share=whole / each / bench.ceiling,
        memory_gb=memory(bench.device),
    )
    return BATCH / each


def _mean(step: Callable[[], None], device: torch.device, turns: int) -> float:
    for _ in range(2):
        step()
    sync(device)
    started = time.perf_counter()
    for _ in range(turns):
        step()
    sync(device)
    return (time.perf_counter() - started) / turns


def _encoded(bench: Bench, loaded: Any, media: str) -> tuple[Any, Any]:
    shown = show(bench.pool.read("clips", media), loaded.preprocess)
    return shown, encode(loaded.tokenizer, prompt(0), [shown.medium], target="A")


def _lengths(bench: Bench, loaded: Any) -> tuple[int, int]:
    _, row = _encoded(bench, loaded, "0.mp4")
    return row.shared_length, len(row.ids_L) - row.shared_length


def _batch(bench: Bench, loaded: Any) -> dict[str, torch.Tensor]:
    """Four clips, one question each, all of one length: no pads."""
    shown, rows = zip(*(_encoded(bench, loaded, f"{n}.mp4") for n in range(BATCH)), strict=True)
    pixels = torch.cat([torch.from_numpy(one.patches.values) for one in shown]).to(bench.device)
    stacked = {
        "input_ids": torch.stack([torch.tensor(row.ids_L) for row in rows]),
        "labels": torch.stack([torch.tensor(row.labels_L) for row in rows]),
        "mm_token_type_ids": torch.stack([torch.tensor(row.kinds_L) for row in rows]).int(),
        "video_grid_thw": torch.tensor([list(one.patches.grid) for one in shown]),
    }
    given = {key: value.to(bench.device) for key, value in stacked.items()}
    given["attention_mask"] = torch.ones_like(given["input_ids"])
    given["pixel_values_videos"] = normalize_patches(pixels, loaded.preprocess).to(bench.dtype)
    return given


def ours_lora(bench: Bench, *, again: bool) -> None:
    """One question a clip; every clip goes through the vision tower."""
    spec = recipe(**LORA, batch_size=BATCH, gradient_checkpointing=again)
    found = train_some(
        bench.model(), spec, samples(64), bench.pool.read, steps=bench.steps + 4
    )
    how = "checkpointing" if again else "nothing computed twice"
    bar = "≥ 2× the baseline, ≥ 55% of the ceiling"
    _row(bench, f"ours: LoRA, one question a clip, {how}, batch {BATCH}", found, bar=bar)
    if again:
        bench.one = found.samples


def held(bench: Bench) -> None:
    """The same, where what the frozen tower saw is held from the second epoch on."""
    epoch = 6
    spec = recipe(held_gb=16, **LORA, batch_size=BATCH)
    found = train_some(
        bench.model(), spec, samples(BATCH * epoch), bench.pool.read, steps=epoch + bench.steps
    )
    if found.later:
        later = spec.train.batch_size / found.later
        bench.report.add(
            "… in the second epoch, vision outputs held", f"{later:.2f} samples/s", samples=later
        )


def pairs(bench: Bench) -> None:
    """Twelve questions of a clip in one sequence, against one a sequence."""
    spec = recipe(tasks=12, **LORA, batch_size=BATCH, gradient_checkpointing=True)
    found = train_some(
        bench.model(), spec, samples(64), bench.pool.read, steps=bench.steps + 4
    )
    each = 12 * found.samples
    ratio = each / bench.one if bench.one else 0.0
    _row(bench, f"ours: LoRA, 12 question-answer pairs a clip, batch {BATCH} clips", found,
         more=f", {each:.1f} pairs/s", alike=False, pairs=each)
    bench.report.add("… pairs/s against one pair a sequence", f"{ratio:.1f}×", bar="≥ 7×",
                     ratio=ratio)


def captions(bench: Bench) -> None:
    """One caption a clip."""
    spec = recipe(tasks=1, **LORA, batch_size=BATCH, gradient_checkpointing=True)
    found = train_some(
        bench.model(), spec, samples(64, caption=True), bench.pool.read, steps=bench.steps + 4
    )
    _row(bench, f"ours: LoRA, one caption a clip, checkpointing, batch {BATCH}", found,
         alike=False)


def ours_full(bench: Bench) -> None:
    """All weights of the language model; what is stepped is float32."""
    spec = recipe(**FULL, batch_size=BATCH)
    found = train_some(
        bench.model(), spec, samples(64), bench.pool.read, steps=bench.steps + 4
    )
    _row(bench, f"ours: full, vision frozen, no checkpointing, batch {BATCH}", found,
         bar="≥ 1.5× the baseline")


def _row(
    bench: Bench, what: str, found: Speed, *, bar: str = "", more: str = "", alike: bool = True,
    **numbers: Any,
) -> None:
    share = found.whole / found.seconds / bench.ceiling
    ratio = found.samples / bench.baseline if alike and bench.baseline else None
    against = f", {ratio:.2f}× the baseline" if ratio else ""
    halved = f", forward passes of {found.cut}" if found.cut != BATCH else ""
    bench.report.add(
        what,
        f"{found.samples:.2f} samples/s{more}{against}, "
        f"{found.whole / found.seconds / 1e12:.0f} TFLOP/s, {share:.0%} of the ceiling, "
        f"{found.memory:.0f} GB, data wait {found.waited:.0%}{halved}",
        bar=bar, share=share, against=ratio, **found._asdict(), **numbers,
    )
