"""What `recipe plan --gpu` predicts, and what is said of a training beside it."""

import json
from pathlib import Path
from typing import Any

import pytest
from small_project import Project

from recipe_kit.model import forward
from recipe_kit.model.checkpoint import TINY
from recipe_kit.model.flops import Work, asking, medium, sequences, training
from recipe_kit.model.gpus import GPUS, gpu_named
from recipe_kit.model.pixels import Grid, Preprocess
from recipe_kit.model.shape import PUBLISHED, published_shape
from recipe_kit.record.schemas import Performance
from recipe_kit.run.budget import budget
from recipe_kit.run.costs import UTILIZATION, Costs, known
from recipe_kit.run.expected import Shown, asked, lesson, shown
from recipe_kit.run.forecast import Schedule
from recipe_kit.run.measured import told, with_prediction
from recipe_kit.run.memory import MOST_LOGITS, ROOMY, Memory, training_memory
from recipe_kit.run.sizes import sizes
from recipe_kit.spec.recipe import Recipe
from recipe_kit.spec.train import Train
from recipe_kit.train import parallel

H200, H100, L4 = gpu_named("H200"), gpu_named("H100"), gpu_named("L4")
WORLD = {"kind": "world", "world": "floors", "count": 1300, "width": 640, "height": 360}
CLIPS = {"kind": "world", "world": "driving", "count": 1300, "seconds": 4, "fps": 4}
AV = {"kind": "annotations", "path": "av", "subdirectories": ["a"], "counts": {"a": 1000}}
TABLE = {"kind": "table", "path": "t.csv", "columns": {"video": "v"}, "labels": {"cracked": "c"}}
LIMITS = {"base": "Qwen/Qwen3-VL-8B-Instruct", "max_pixels": 360_000}
PIXELS = Preprocess(min_pixels=3136, max_pixels=360_000)


def recipe(source: dict[str, Any], *, more: dict[str, Any] | None = None, **parts: Any) -> Recipe:
    """1,000 samples for training, 100 for validation, 200 held out, if the source has 1,300."""
    return Recipe.model_validate({
        "schema": 1, "title": "T", "authors": [{"name": "A"}], "organization": "O", "use_case": "U",
        "model": LIMITS,
        "data": {"sources": {"s": source, **(more or {})},
                 "splits": {"train": {"s": 10 / 13}, "val": {"s": 1 / 13}, "test": {"s": 2 / 13}}},
        "tasks": {
            "cracked": {"type": "binary", "prompt": "Cracked?", "label": "cracked"},
            "told": {"type": "caption", "prompt": "Tell.", "label": "t", "max_new_tokens": 64},
        },
        "benchmarks": {"floor": {"tasks": ["cracked", "told"]}},
        "gate": {"benchmark": "floor",
                 "targets": [{"task": "cracked", "metric": "accuracy", "at_least": 0.9}]},
        **parts,
    })


def costs(spec: Recipe, folder: Path, gpus: int = 1) -> Costs:
    schedule = Schedule(spec, sizes(spec, folder))
    return Costs(spec, schedule, known(spec.model, spec, folder), H200, gpus)


@pytest.mark.parametrize(("source", "video", "expected"), [
    # 640 × 360 becomes 640 × 352.
    (WORLD, {}, Shown(Grid(1, 22, 40), 1, False, True, 220)),
    (CLIPS, {}, Shown(Grid(4, 8, 8), 8, True, True, 64)),
    (CLIPS, {"nframes": 5}, Shown(Grid(3, 8, 8), 5, True, True, 48)),
    (CLIPS, {"fps": 3}, Shown(Grid(6, 8, 8), 12, True, True, 96)),
    (CLIPS, {"fps": 0.1}, Shown(Grid(2, 8, 8), 4, True, True, 32)),
    (AV, {"nframes": 16}, Shown(Grid(8, 28, 50), 16, True, False, 2800)),
    (AV, {"fps": 2, "max_frames": 20}, Shown(Grid(10, 28, 50), 20, True, False, 3500)),
    (TABLE, {"nframes": 2}, Shown(Grid(1, 28, 50), 2, True, False, 350)),
    ({**TABLE, "columns": {}}, {}, Shown(Grid(1, 28, 50), 1, False, False, 350)),
])
def test_media(source: dict[str, Any], video: dict[str, Any], expected: Shown) -> None:
    spec = recipe(source, model={**LIMITS, "video": video})
    assert shown(spec, spec.data.sources["s"], PIXELS) == expected


def test_questions_of_a_sample() -> None:
    spec = recipe(WORLD)
    one = asked(spec, spec.benchmarks["floor"], "s", PIXELS)
    # 6 tokens of the chat before and after the picture, and a quarter of the prompt's letters.
    assert one.rows == sequences(6 + 220, [(6 + 2, 1), (6 + 2, 1)])
    assert one.written == (64,)
    seen, work = lesson(spec, "s", PIXELS)
    assert work == medium(1, 22, 40) + sequences(226, [(8 + 2, 2), (8 + 64, 64)])
    assert seen == one.shown


def test_what_is_learned_from_annotations_and_tables() -> None:
    _, work = lesson(recipe(AV), "s", PIXELS)
    assert work.logits == 256
    _, work = lesson(recipe(TABLE), "s", PIXELS)
    assert work.logits == 2


BATCH = Work(tokens=1000, pairs=500_500, logits=10, patches=2000, patch_pairs=10**6)
GB = 10**9


@pytest.mark.parametrize(("train", "gpus", "parts"), [
    # 8,767,123,696 weights, of them 52,493,824 in adapters of rank 16.
    ({}, 1, (2 * (8_767_123_696 + 52_493_824), 4 * 52_493_824, 4 * 52_493_824, 8 * 52_493_824)),
    ({}, 8, (2 * (8_767_123_696 + 52_493_824), 4 * 52_493_824, 4 * 52_493_824, 8 * 52_493_824)),
    ({"method": "full"}, 1,
     (2 * 8_767_123_696, 4 * 8_767_123_696, 4 * 8_767_123_696, 8 * 8_767_123_696)),
    # Divided: float32 weights and means; there is room for the rest of the whole model.
    ({"method": "full"}, 8, (2 * 8_767_123_696, 4 * 1_095_890_462, 4 * 8_767_123_696,
                             8 * 1_095_890_462)),
])
def test_memory_of_weights(train: dict[str, Any], gpus: int, parts: tuple[int, ...]) -> None:
    found = training_memory(PUBLISHED["8B"], Train.model_validate(train), BATCH, H200, gpus)
    assert (found.weights, found.masters, found.gradients, found.optimizer) == parts
    assert found.logits == 12 * 10 * 151_936


def test_memory_where_there_is_less_room() -> None:
    """On 80 GB only layers at work are whole: 2 of 192,946,432 weights, and the words."""
    train = Train(method="full", freeze_vision=True)
    found = training_memory(PUBLISHED["8B"], train, BATCH, H100, 8)
    vision = PUBLISHED["8B"].vision.parameters
    words = 2 * 151_936 * 4096 + 4096
    assert found.weights == 2 * (vision + words + 2 * 192_946_432)
    assert found.gradients == found.masters == 4 * (8_767_123_696 - vision) // 8


def test_limits_are_those_of_the_training() -> None:
    """They stand twice, because a plan must not wait for torch."""
    assert (parallel.ROOMY, forward.MOST_LOGITS) == (ROOMY, MOST_LOGITS)


def test_memory_of_logits() -> None:
    def logits(count: int) -> int:
        return training_memory(PUBLISHED["2B"], Train(), Work(logits=count), H200).logits

    assert logits(100) == 12 * 100 * 151_936
    assert logits(2000) == 12 * 2**28


def test_memory_of_activations() -> None:
    def kept(**train: Any) -> int:
        spec = Train.model_validate({"lora": {"dropout": 0}, **train})
        return training_memory(PUBLISHED["8B"], spec, BATCH, H200).activations

    # Of the text 4 × 4096 + 3 × 4096 + 4 × 1024 + 3 × 12288 numbers of a token and layer, of the
    # tower 8 × 1152 + 2 × 4304 of a patch and block; 2 bytes each.
    text, tower = 69_632, 17_824
    assert kept() == 2 * (1000 * 36 * text + 2000 * 27 * tower)
    assert kept(gradient_checkpointing=True) == 2 * (
        1000 * (36 * 4096 + text) + 2000 * (27 * 1152 + tower)
    )
    assert kept(lora={"dropout": 0, "vision": False}) == 2 * (1000 * 36 * text + 2000 * tower)
    assert Memory(1, 2, 3, 4, 5, 6).total == 21


def test_time_of_training(tmp_path: Path) -> None:
    spec = recipe(WORLD, train={"batch_size": 8, "accumulate": 2, "devices": 2, "method": "full"})
    shape = PUBLISHED["8B"]
    cost = training(shape, lesson(spec, "s", PIXELS)[1], spec.train)
    assert cost.again == 0
    two = costs(spec, tmp_path, gpus=2)
    assert two.step_flops == pytest.approx(32 * cost.model)
    assert two.step_seconds == pytest.approx(32 * cost.model / (2 * 989e12 * UTILIZATION))
    # Half of the samples come through each GPU, but all samples of a batch are there at once.
    assert two.memory.logits == 12 * 8 * 66 * 151_936


@pytest.mark.parametrize(("gpus", "busy"), [(1, 1.0), (2, 1.0), (3, 2 / 3), (4, 1.0), (8, 0.5)])
def test_gpus_wait_where_a_step_has_too_few_passes_for_them(
    tmp_path: Path, gpus: int, busy: float
) -> None:
    """A step of four passes, which they take in turn."""
    spec = recipe(WORLD, train={"batch_size": 8, "accumulate": 2, "devices": 2, "method": "full"})
    one, several = costs(spec, tmp_path), costs(spec, tmp_path, gpus=gpus)
    assert several.step_seconds == pytest.approx(one.step_seconds / (gpus * busy))
    told = [line for line in words(spec, tmp_path, gpus) if "idle" in line]
    assert told == ([] if busy == 1 else [
        f"Warning: train: in training {gpus} GPUs are idle for {1 - busy:.0%} of the time: a step "
        "is 4 forward passes of 8 samples, which they take in turn; what helps: a smaller "
        "train.batch_size with a larger train.devices or train.accumulate"
    ])


def test_a_source_that_rounds_to_nothing_takes_no_time(tmp_path: Path) -> None:
    none = recipe(WORLD, data={"sources": {"s": WORLD}, "splits": {
        "train": {"s": 0.9}, "test": {"s": 0.0001}}})
    found = costs(none, tmp_path)
    assert found.asking(found.base).seconds == 0


def test_a_frozen_tower_is_spared_what_is_held(tmp_path: Path) -> None:
    """Of 3 epochs it sees one, and what has no room: 1,000 × 220 × 4 × 4096 × 2 bytes is 7.2 GB."""
    train = {"method": "full", "freeze_vision": True, "epochs": 3, "batch_size": 10}
    spec = recipe(WORLD, train=train)
    tower = asking(PUBLISHED["8B"], medium(1, 22, 40)).forward
    whole = training(PUBLISHED["8B"], lesson(spec, "s", PIXELS)[1], spec.train).model

    def spared(gpus: int = 1, **evaluation: Any) -> float:
        one = recipe(WORLD, train=train, evaluation=evaluation)
        return (10 * whole - costs(one, tmp_path, gpus).step_flops) / (10 * tower)

    assert spared() == pytest.approx(2 / 3)
    assert spared(vision_cache_gb=0) == 0
    assert spared(vision_cache_gb=3.604480) == pytest.approx(1 / 3)
    # Of two GPUs each saw half of the media in the first epoch, and 3 of 4 in the first two.
    assert spared(gpus=2) == pytest.approx((1 / 2 + 3 / 4) / 3)
    # Half of them have room on each.
    assert spared(gpus=2, vision_cache_gb=3.604480) == pytest.approx(1 / 3)


def test_time_of_asking(tmp_path: Path) -> None:
    spec = recipe(WORLD, evaluation={"batch_size": 50, "checkpoints": "all"})
    found = costs(spec, tmp_path)
    one = asked(spec, spec.benchmarks["floor"], "s", PIXELS)
    shape = PUBLISHED["8B"]
    flops = asking(shape, one.rows + one.shown.tower).forward
    asking_base = found.asking(found.base)
    assert asking_base.reading == pytest.approx(200 * flops / (989e12 * UTILIZATION))
    # 4 batches of 50 write 64 tokens; each reads all weights and 226 keys and values of 50 samples.
    kept = 50 * 226 * 4 * 1024 * 36
    moved = 4 * 64 * (2 * shape.text.parameters + kept)
    assert asking_base.writing == pytest.approx(moved / 2400e9)
    assert asking_base.seconds == asking_base.reading + asking_base.writing
    on_validation = found.asking(found.base, "val")
    assert on_validation.reading == pytest.approx(asking_base.reading / 2)
    assert found.asking(found.base, blind=True).seconds == 0


def test_the_guide_has_the_table_of_gpus() -> None:
    guide = Path(__file__).parents[2] / "docs" / "concepts" / "performance.md"
    rows = [line for line in guide.read_text().splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.count("|") == 6][1:] == [
        f"| `{one.name}` | {one.gigabytes:g} | {one.tflops:,} | {one.gigabytes_per_second:,} | "
        f"{one.dollars_per_hour:.2f} |" for one in GPUS
    ]


@pytest.mark.parametrize(("name", "size"), [
    ("nvidia/Cosmos-Reason2-8B", "8B"), ("Qwen/Qwen3-VL-2B-Instruct", "2B"),
    ("Qwen/Qwen3-VL-8B-Thinking", "8B"), ("Qwen/Qwen3-VL-4B-Instruct", None),
    ("someone/Qwen3-VL-8B-Instruct", None), ("tiny", None),
])
def test_published_models(name: str, size: str | None) -> None:
    assert published_shape(name) == (PUBLISHED[size] if size else None)


def words(spec: Recipe, folder: Path, gpus: int = 1, price: float | None = None) -> list[str]:
    schedule = Schedule(spec, sizes(spec, folder))
    found = budget(spec, folder, schedule, H100, gpus, price)
    return [*found.facts, *(f"Warning: {one}" for one in found.warnings)]


def test_a_plan_in_words(tmp_path: Path) -> None:
    spec = recipe(WORLD, train={"method": "full", "batch_size": 4, "gradient_checkpointing": True})
    assert words(spec, tmp_path, price=2.0) == [
        "on 1 × H100: 80 GB and 989 TFLOP/s (bfloat16, dense); 40% of these are assumed to be "
        "reached",
        "model: 8.77 billion weights, 576 million of them in the vision tower; as published, it is "
        "not on this machine",
        "media: 640 × 352 pixels, 220 visual tokens",
        "memory of the GPU in training: about 159 GB (weights 17.5 + float32 weights 35.1 + "
        "gradients 35.1 + AdamW 70.1 + activations 0.879 + logits 0.481)",
        "training: about 2.48 min (0.2 s a step of 4 samples, 20.2 samples/s, 63.4 TFLOP a step), "
        "and 8.01 s for validation",
        "evaluation: about 8.74 s (the base model 4.37 s, 1 checkpoint 4.37 s); 4.42 s of it to "
        "write texts",
        "cost: about $0.09 for 2.76 min of one GPU at $2.00 an hour",
        "Warning: train: does not fit: it needs about 161 GB with what CUDA itself takes, and the "
        "H100 has 80; what helps: more GPUs, method: lora, a larger GPU",
    ]


def test_a_study_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECIPE_DATA", raising=False)
    spec = recipe(
        AV, train={"lora": {"vision": False}, "batch_size": 64},
        evaluation={"checkpoints": "all"}, model={
            **LIMITS, "base": "nvidia/Cosmos-Reason2-2B", "video": {"nframes": 16},
            "compare": {"larger": {"base": "nvidia/Cosmos-Reason2-8B"}},
        },
    )
    _, _, media, memory, training, evaluation, cost, warning, _ = words(spec, tmp_path, gpus=4)
    assert media == (
        "media: 16 frames of 800 × 448 pixels, 2,800 visual tokens; assumed, as large as the "
        "limits of `model` let them be"
    )
    assert memory.startswith("memory of each GPU in training: about 656 GB (weights 4.29 + ")
    assert training.startswith("training: about 3.09 min (4.75 s a step of 64 samples")
    assert evaluation.startswith(
        "evaluation: about 16.7 s (the base model 2.37 s, larger 6.56 s, 3 checkpoints 7.74 s); "
    )
    assert cost.endswith(
        " min of 4 GPUs at $3.00 an hour each (typical in 2026-05; name yours with --price)"
    )
    assert warning.endswith(
        " what helps: train.gradient_checkpointing: true, a smaller train.batch_size and a larger "
        "train.accumulate, fewer or smaller frames"
    )


def test_a_server_is_not_predicted(tmp_path: Path) -> None:
    spec = recipe(WORLD, train={"method": "none"}, model={
        "base": "a/b", "endpoint": {"url": "http://127.0.0.1/v1"}})
    assert words(spec, tmp_path) == ["a server is asked: what that takes is not predicted"]


MEASURED = Performance(
    gpu="NVIDIA H200", devices=2, seconds=10, steps=5, samples_per_second=123.4,
    tokens_per_second=45_678.9, flops_per_step=1e15, utilization=0.4321, data_wait=0.0123,
    peak_memory_bytes=65_400_000_000,
)


def test_a_training_beside_its_prediction(tmp_path: Path) -> None:
    spec = recipe(WORLD, train={"batch_size": 8})
    found = with_prediction(MEASURED, spec, tmp_path, {})
    two = costs(spec, tmp_path, gpus=2)
    assert found == MEASURED.model_copy(update={
        "predicted_seconds": 5 * two.step_seconds, "predicted_memory_bytes": two.memory.total,
    })
    told_so = MEASURED.model_copy(update={
        "predicted_seconds": 8.0, "predicted_memory_bytes": 70_000_000_000,
    })
    assert told(told_so) == (
        "123 samples/s, 45,679 tokens/s, data wait 1.2%, utilization 43.2%, memory 65.4 GB; 1.25 "
        "times the predicted time, 0.93 times the predicted memory"
    )


@pytest.mark.parametrize("gpu", ["CPU", "NVIDIA GeForce GTX 1080"])
def test_nothing_is_predicted_of_what_is_not_in_the_table(tmp_path: Path, gpu: str) -> None:
    slow = MEASURED.model_copy(update={"gpu": gpu, "utilization": None})
    assert with_prediction(slow, recipe(WORLD), tmp_path, {}) == slow
    assert told(slow) == "123 samples/s, 45,679 tokens/s, data wait 1.2%, memory 65.4 GB"
    assert with_prediction(None, recipe(WORLD), tmp_path, {}) is None


def test_a_folder_with_no_weights_is_enough(project: Project) -> None:
    folder = project.root / "recipes" / "mine"
    folder.mkdir(parents=True)
    config = json.loads((TINY / "config.json").read_text())
    config["text_config"]["hidden_size"] = 2048
    (folder / "config.json").write_text(json.dumps(config))
    shown = project("plan", "--set", "model.base=mine", "--gpu", "l40s", "--gpus", "2")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert "on 2 × L40S: 48 GB and 362 TFLOP/s each (bfloat16, dense); 40% of these are assumed " \
        "to be reached" in lines
    assert "media: 32 × 32 pixels, 1 visual tokens" in lines
    without = project("plan", "--set", "model.base=mine").stdout.splitlines()
    assert [line for line in lines if line in without] == without
    # Of two GPUs one has nothing to do.
    assert len(lines) == len(without) + 8


@pytest.mark.parametrize(("asked", "where"), [
    (["--gpus", "8"], "--gpus"), (["--price", "3"], "--price"),
    (["--gpus", "8", "--price", "0"], "--price"),
])
def test_what_is_said_of_no_gpu_is_refused(project: Project, asked: list[str], where: str) -> None:
    done = project("plan", *asked)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"Error: {where}: how many GPUs, or what they cost, says nothing without their kind\n"
        "  To mend it: Name it, such as --gpu H200.\n"
    )


def test_a_gpu_that_is_not_known(project: Project) -> None:
    shown = project("plan", "--gpu", "H300")
    assert shown.exit_code == 2
    assert shown.stderr.startswith("Error: --gpu: no GPU named 'H300' is known\n")


def test_a_model_that_is_not_known(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    shown = project("plan", "--set", "model.base=nobody/nothing", "--gpu", "H200")
    assert shown.exit_code == 0
    assert (
        "not predicted, as nothing is known of the model: nobody/nothing: is no folder here, and "
        "the hub cannot be reached to download it; a folder with its config.json is enough, "
        "without weights"
    ) in shown.stdout.splitlines()
