"""The training configuration of a study's page: it parses, and says what ran."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import study_cases as cases
from page_reading import read

from recipe_kit.page.render import render
from recipe_kit.page.study.toml import toml

# From a key of the TOML to its place in the spec; or to the one value that it always has.
PLACES: dict[str, str] = {
    "custom.dataset.dataset_root": "data.sources.drive.path",
    "custom.dataset.subdirectories": "data.sources.drive.subdirectories",
    "custom.dataset.weights": "data.sources.drive.weights",
    "custom.dataset.meta_file": "data.sources.drive.meta_file",
    "custom.vision.min_pixels": "model.min_pixels",
    "custom.vision.max_pixels": "model.video.max_pixels",
    "custom.vision.nframes": "model.video.nframes",
    "train.epoch": "train.epochs",
    "train.optm_lr": "train.learning_rate",
    "train.optm_weight_decay": "train.weight_decay",
    "train.optm_betas": "train.betas",
    "train.optm_warmup_steps": "train.warmup",
    "train.optm_min_lr_factor": "train.final_learning_rate",
    "train.optm_grad_norm_clip": "train.clip",
    "train.seed": "train.seed",
    "policy.model_name_or_path": "model.base",
    "policy.model_max_length": "train.max_length",
    "policy.model_gradient_checkpointing": "train.gradient_checkpointing",
    "train.train_policy.mini_batch": "train.batch_size",
    "train.ckpt.save_freq": "train.checkpoint_every",
    "policy.parallelism.dp_shard_size": "train.devices",
}
ALWAYS: dict[str, Any] = {
    "train.output_dir": "runs/study", "train.resume": True, "train.optm_name": "AdamW",
    "train.optm_decay_type": "cosine", "logging.logger": ["console"],
    "logging.experiment_name": "study", "train.train_policy.type": "sft",
    "train.ckpt.enable_checkpoint": True,
}


def flat(node: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = value
    return found


def at(spec: dict[str, Any], path: str) -> Any:
    for part in path.split("."):
        spec = spec[part]
    return spec


def test_the_configuration_parses_and_says_what_ran(tmp_path: Path) -> None:
    study = cases.study_record(cases.study())
    media = cases.study_media(study, tmp_path / "media")
    render(study, cases.study(), media=media, out=tmp_path / "page")
    block = re.search(
        r'^\?\?\?\+ code "Training Configuration: study\.toml"\n\n    ```toml\n(.*?)    ```$',
        read(tmp_path / "page"), re.MULTILINE | re.DOTALL,
    )
    assert block is not None
    shown = "".join(line.removeprefix("    ") for line in block[1].splitlines(keepends=True))
    assert shown == toml(study)
    found = flat(tomllib.loads(shown))
    assert found.pop("train.train_batch_per_replica") == 8 * 2
    for key, path in PLACES.items():
        assert found.pop(key) == at(study.spec, path), key
    assert found == ALWAYS
    assert re.findall(r"^\[.*\]$", shown, re.MULTILINE) == [
        "[custom.dataset]", "[custom.vision]", "[train]", "[policy]", "[logging]",
        "[train.train_policy]", "[train.ckpt]", "[policy.parallelism]",
    ]


@pytest.mark.parametrize(("overrides", "key", "value"), [
    (("model.video={fps: 2}",), "custom.vision.fps", 2.0),
    (("model.video={}",), "custom.vision.nframes", 8),
    (("train.method=lora", "train.lora.rank=8"), "policy.lora.r", 8),
    (("train.method=lora",), "policy.lora.lora_dropout", 0.05),
    (("train.checkpoint_every=null",), "train.ckpt.save_freq", 20),
    (("train.checkpoint_every=null", "train.validate.every=epoch"),
     "train.ckpt.save_freq_in_epoch", 1),
    (("train.epochs=3",), "train.epoch", 3),
    (("train.loss_per=answer",), "train.train_policy.loss_per", "answer"),
    ((), "train.train_policy.loss_per", None),
    (("train.devices=8",), "policy.parallelism.dp_shard_size", 8),
    (("train.max_length=null",), "policy.model_max_length", None),
    (("data.sources.drive.weights=[]",), "custom.dataset.weights", [1.0, 1.0, 1.0]),
])
def test_the_configuration_follows_the_spec(
    overrides: tuple[str, ...], key: str, value: object
) -> None:
    record = cases.study_record(cases.study(*overrides))
    assert flat(tomllib.loads(toml(record))).get(key) == value
